"""Records what PyTorch computes, for the tests of compat/TorchSharp: python3 reference.py > TorchSharp/reference.json

The committed file was made with Debian's python3-torch 1.13.0a0 on CPU. Weights and inputs are part of it, so that only
the section `random` depends on PyTorch's generators.
"""
import json
import torch
import torch.nn.functional as F
from torch import nn


def flat(tensor):
    digits = 17 if tensor.dtype == torch.float64 else 9
    values = tensor.detach().contiguous().flatten().tolist()
    return [float(f"{v:.{digits}g}") if isinstance(v, float) else v for v in values]


def tensors(named):
    return {name: {"shape": list(t.shape), "data": flat(t)} for name, t in named}


ACTIVATIONS = {"relu": nn.ReLU, "silu": nn.SiLU, "mish": nn.Mish}


def network(activation):
    return nn.Sequential(
        nn.Conv2d(2, 3, 3, padding=1), nn.BatchNorm2d(3), ACTIVATIONS[activation](),
        nn.Conv2d(3, 4, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(4), ACTIVATIONS[activation](),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 5))


def gradients():
    """First and second derivatives in double precision."""
    out = {}
    for activation in ACTIVATIONS:
        torch.manual_seed(11)
        net = network(activation).double()
        state = tensors(net.state_dict().items())
        x = torch.randn(4, 2, 6, 6, dtype=torch.float64)
        y = torch.tensor([0, 3, 1, 4])
        logits = net(x)
        loss = F.cross_entropy(logits, y, label_smoothing=0.1)
        parameters = list(net.parameters())
        first = torch.autograd.grad(loss, parameters, create_graph=True)
        squared = sum(g.square().sum() for g in first)
        second = torch.autograd.grad(squared, parameters)
        names = [name for name, _ in net.named_parameters()]
        out[activation] = {
            "state": state, "input": tensors([("x", x)])["x"], "labels": flat(y), "logits": flat(logits), "loss": loss.item(),
            "gradients": tensors(zip(names, first)), "second": tensors(zip(names, second)),
        }
    return out


def training():
    """50 steps of SGD in single precision, the learning rate cut after steps 20 and 40."""
    torch.manual_seed(5)
    net = network("relu")
    state = tensors(net.state_dict().items())
    x = torch.randn(40, 2, 6, 6)
    y = torch.randint(5, (40,))
    optimizer = torch.optim.SGD(net.parameters(), 0.05, momentum=0.9, weight_decay=5e-4)
    schedule = torch.optim.lr_scheduler.MultiStepLR(optimizer, [20, 40], 0.1)
    losses = []
    for step in range(50):
        batch = slice(8 * (step % 5), 8 * (step % 5) + 8)
        optimizer.zero_grad(set_to_none=True)
        loss = F.cross_entropy(net(x[batch]), y[batch])
        loss.backward()
        optimizer.step()
        schedule.step()
        losses.append(loss.item())
    net.eval()
    return {"state": state, "input": tensors([("x", x)])["x"], "labels": flat(y), "losses": losses,
            "final": tensors(net.state_dict().items()), "logits": flat(net(x[:8])), "rate": schedule.get_last_lr()[0]}


def optimizers():
    """Ten steps on a quadratic in double precision, for every form of SGD."""
    start, matrix = torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64), torch.tensor(
        [[2.0, 0.3, 0.0], [0.3, 1.0, -0.2], [0.0, -0.2, 0.5]], dtype=torch.float64)
    forms = {
        "plain": {}, "decay": {"weight_decay": 0.1}, "momentum": {"momentum": 0.9},
        "dampening": {"momentum": 0.9, "dampening": 0.5}, "nesterov": {"momentum": 0.9, "nesterov": True, "weight_decay": 0.1},
        "maximize": {"momentum": 0.5, "maximize": True},
    }
    out = {"start": flat(start), "matrix": flat(matrix), "forms": {}}
    for name, options in forms.items():
        w = start.clone().requires_grad_()
        optimizer = torch.optim.SGD([w], 0.1, **options)
        for _ in range(10):
            optimizer.zero_grad()
            (w @ matrix @ w).backward()
            optimizer.step()
        out["forms"][name] = flat(w)
    return out


def losses():
    torch.manual_seed(3)
    logits = torch.randn(6, 4, dtype=torch.float64)
    teacher = torch.randn(6, 4, dtype=torch.float64)
    target = torch.tensor([0, 1, 2, 3, -100, 1])
    weight = torch.tensor([1.0, 2.0, 0.5, 1.5], dtype=torch.float64)
    log, soft = F.log_softmax(logits, 1), F.softmax(teacher, 1)
    return {
        "logits": flat(logits), "teacher": flat(teacher), "target": flat(target), "weight": flat(weight),
        "mean": F.cross_entropy(logits, target).item(),
        "sum": F.cross_entropy(logits, target, reduction="sum").item(),
        "none": flat(F.cross_entropy(logits, target, reduction="none")),
        "weighted": F.cross_entropy(logits, target, weight).item(),
        "smoothed": F.cross_entropy(logits, target, weight, label_smoothing=0.2).item(),
        "nll": F.nll_loss(log, target).item(),
        "kl": F.kl_div(log, soft, reduction="sum").item(),
        "klLog": F.kl_div(log, soft.log(), reduction="batchmean", log_target=True).item(),
        "mse": F.mse_loss(logits, teacher).item(),
    }


def random():
    torch.manual_seed(123)
    out = {"randn": flat(torch.randn(5)), "rand": flat(torch.rand(5)), "randint": flat(torch.randint(100, (5,))),
           "randperm": flat(torch.randperm(10)), "bernoulli": flat(torch.empty(8).bernoulli_(0.3)),
           "normal": flat(torch.empty(20).normal_(1, 2))}
    generator = torch.Generator().manual_seed(7)
    out["generator"] = {"randn": flat(torch.randn(5, generator=generator)), "randperm": flat(torch.randperm(6, generator=generator)),
                        "uniform": flat(torch.empty(4).uniform_(-1, 1, generator=generator)),
                        "randint": flat(torch.randint(3, 9, (6,), generator=generator))}
    torch.manual_seed(9)
    layer = nn.Conv2d(2, 3, 3)
    out["conv"] = tensors(layer.named_parameters())
    out["linear"] = tensors(nn.Linear(4, 3).named_parameters())
    return out


print(json.dumps({"torch": torch.__version__, "gradients": gradients(), "training": training(), "optimizers": optimizers(),
                  "losses": losses(), "random": random()}, separators=(",", ":")))
