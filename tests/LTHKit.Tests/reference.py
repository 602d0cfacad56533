"""Records tests/LTHKit.Tests/reference.json: what PyTorch computes for the networks and steps that the tests check.

Reference: torch 1.13.0a0 and torchvision 0.14.1 (Debian 12's python3-torch 1.13.1+dfsg-4, python3-torchvision 0.14.1-2), CPU, one thread.
Run: /usr/bin/python3 tests/LTHKit.Tests/reference.py > tests/LTHKit.Tests/reference.json
"""
import copy
import json
import torch
import torch.nn.functional as F
import torchvision

torch.set_num_threads(1)


def fill(parameters):
    """Values that C# can make too: parameter p, element i gets s * sin(0.37 * (i mod 9973) + p), s by its kind."""
    with torch.no_grad():
        for p, w in enumerate(parameters):
            i = torch.arange(w.numel(), dtype=torch.float64) % 9973
            value = torch.sin(0.37 * i + p).reshape(w.shape)
            if w.dim() > 1:
                value = value / (w.numel() / w.shape[0]) ** 0.5
            elif p % 3 == 1:
                value = 1 + 0.1 * value
            else:
                value = 0.1 * value
            w.copy_(value.float())


def network(build, classes):
    net = build(num_classes=classes)
    net.conv1 = torch.nn.Conv2d(3, 64, 3, padding=1, bias=False)
    net.maxpool = torch.nn.Identity()
    fill(net.parameters())
    return net


def images(count, size):
    i = torch.arange(count * 3 * size * size, dtype=torch.float64)
    return torch.sin(0.11 * i).reshape(count, 3, size, size).float()


def forward_and_gradients(build):
    net = network(build, 10)
    x, y = images(4, 16), torch.tensor([1, 3, 5, 7])
    loss = F.cross_entropy(net(x), y, label_smoothing=0.1)
    loss.backward()
    trained = loss.item()
    norms = [p.grad.norm().item() for p in net.parameters()]
    net.eval()
    return {"loss": trained, "gradientNorms": norms, "evalLogits": net(x).flatten().tolist()}


def parameter_counts():
    def count(net):
        return sum(p.numel() for p in net.parameters())
    return {"resnet18": count(network(torchvision.models.resnet18, 100)), "resnet34": count(network(torchvision.models.resnet34, 100)),
            "resnet18Convolutions": sum(p.numel() for p in network(torchvision.models.resnet18, 100).parameters() if p.dim() == 4)}


def conv4():
    """Conv-4 of width 4 with BatchNorm, for images of 3x8x8 and three classes."""
    def unit(n, m):
        return [torch.nn.Conv2d(n, m, 3, padding=1), torch.nn.BatchNorm2d(m), torch.nn.ReLU()]
    net = torch.nn.Sequential(*unit(3, 4), *unit(4, 4), torch.nn.MaxPool2d(2), *unit(4, 8), *unit(8, 8), torch.nn.MaxPool2d(2),
                              torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(8, 3))
    fill(net.parameters())
    return net


def byte_images():
    """Thirty images of three classes, normalised with mean 0.5 and deviation 0.25."""
    x = torch.floor(127.5 * (1 + torch.sin(0.11 * torch.arange(30 * 3 * 8 * 8, dtype=torch.float64)))).reshape(30, 3, 8, 8)
    return ((x / 255 - 0.5) / 0.25).float(), torch.arange(30) % 3


def pruning_scores():
    """SNIP and GraSP (temperature 200, gradients of convolutions and classifier, lowest -w * Hg kept) in training mode, SynFlow in eval mode, without biases."""
    x, y = byte_images()

    def convolutions(net):
        return [p for p in net.parameters() if p.dim() == 4]

    def recorded(scores, keep):
        """What the tests compare: sums, first scores, and how many of each layer are among the highest."""
        kept = torch.cat([s.flatten() for s in scores]) > -torch.kthvalue(-torch.cat([s.flatten() for s in scores]), keep + 1).values
        return {"sums": [s.double().sum().item() for s in scores], "first": [s.flatten()[:6].tolist() for s in scores],
                "kept": [k.sum().item() for k in kept.split([s.numel() for s in scores])]}

    net = conv4()
    loss = F.cross_entropy(net(x), y, reduction="sum")
    snip = [(g * w).abs() for g, w in zip(torch.autograd.grad(loss, convolutions(net)), convolutions(net))]

    net = conv4()
    weights = [p for p in net.parameters() if p.dim() > 1]
    loss = F.cross_entropy(net(x) / 200, y, reduction="sum")
    gradients = torch.autograd.grad(loss, weights, create_graph=True)
    sum((g * g.detach()).sum() for g in gradients).backward()
    grasp = [(w * w.grad).detach() for w in convolutions(net)]

    def synflow(net):
        twin = copy.deepcopy(net).double().eval()
        with torch.no_grad():
            for name, p in twin.state_dict().items():
                p.copy_(torch.zeros_like(p) if name.endswith(("bias", "running_mean")) else p.abs())
        twin(torch.ones(1, 3, 8, 8, dtype=torch.float64)).sum().backward()
        return [(w * w.grad).detach() for w in convolutions(twin)]

    once = synflow(conv4())
    net, total = conv4(), 1116
    for i in range(1, 101):
        scores = torch.cat([s.flatten() for s in synflow(net)])
        keep = round(total * (100 / total) ** (i / 100))
        mask = scores > (torch.kthvalue(scores, total - keep).values if keep < total else -1)
        with torch.no_grad():
            for w, m in zip(convolutions(net), mask.split([w.numel() for w in convolutions(net)])):
                w.mul_(m.reshape(w.shape))
    return {"snip": recorded(snip, 200), "grasp": recorded(grasp, 200), "synflow": recorded(once, 200),
            "synflowAfter100Rounds": [m.nonzero().flatten().tolist() for m in mask.split([w.numel() for w in convolutions(net)])]}


def curvature(activation):
    """The Hessian of a small network in eval mode, in double precision, by torch.autograd.functional.hessian."""
    nn = torch.nn
    net = nn.Sequential(nn.Conv2d(2, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4), activation(), nn.MaxPool2d(2), nn.Flatten(),
                        nn.Linear(16, 3)).double().eval()
    net[1].running_mean.copy_(torch.tensor([0.1, -0.1, 0.2, 0], dtype=torch.float64))
    net[1].running_var.copy_(torch.tensor([0.5, 1, 1.5, 2], dtype=torch.float64))
    names, shapes = zip(*[(n, p.shape) for n, p in net.named_parameters()])
    weights = torch.cat([torch.sin(0.37 * torch.arange(p.numel(), dtype=torch.float64) + i) * 0.5 + (0.6 if p.dim() == 1 else 0)
                         for i, p in enumerate(net.parameters())])
    x = torch.sin(0.13 * torch.arange(6 * 2 * 5 * 5, dtype=torch.float64)).reshape(6, 2, 5, 5)
    y = torch.tensor([0, 1, 2, 2, 1, 0])

    def loss(flat):
        parts = dict(zip(names, (part.reshape(shape) for part, shape in zip(flat.split([s.numel() for s in shapes]), shapes))))
        return F.cross_entropy(torch.nn.utils.stateless.functional_call(net, parts, x), y)

    hessian = torch.autograd.functional.hessian(loss, weights)
    values = torch.linalg.eigvalsh(hessian)
    vector = torch.cos(0.7 * torch.arange(weights.numel(), dtype=torch.float64))
    return {"top": values[values.abs().argmax()].item(), "trace": hessian.trace().item(), "product": (hessian @ vector).tolist()}


print(json.dumps({"resnet18": forward_and_gradients(torchvision.models.resnet18), "counts": parameter_counts(),
                  "pruning": pruning_scores(), "curvature": {"relu": curvature(torch.nn.ReLU), "silu": curvature(torch.nn.SiLU)}}, indent=1))
