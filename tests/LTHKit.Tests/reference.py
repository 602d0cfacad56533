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
    """In float64: in float32 the first gradients hang on the last bits, by one part in a hundred."""
    net = network(build, 10).double()
    x, y = images(4, 16).double(), torch.tensor([1, 3, 5, 7])
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


def vgg5():
    """VGG-5 of width 4, for images of 3x8x8 and three classes."""
    def unit(n, m):
        return [torch.nn.Conv2d(n, m, 3, padding=1), torch.nn.BatchNorm2d(m), torch.nn.ReLU()]
    net = torch.nn.Sequential(*unit(3, 4), *unit(4, 4), torch.nn.MaxPool2d(2), *unit(4, 8), *unit(8, 8), torch.nn.MaxPool2d(2),
                              torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(8, 3))
    fill(net.parameters())
    return net


def conv4():
    """Conv-4 (Frankle and Carbin 2019) of width 4, for images of 3x8x8 and three classes."""
    def stage(n, m):
        return [torch.nn.Conv2d(n, m, 3, padding=1), torch.nn.ReLU(), torch.nn.Conv2d(m, m, 3, padding=1), torch.nn.ReLU(), torch.nn.MaxPool2d(2)]
    net = torch.nn.Sequential(*stage(3, 4), *stage(4, 8), torch.nn.Flatten(), torch.nn.Linear(8 * 2 * 2, 16), torch.nn.ReLU(),
                              torch.nn.Linear(16, 16), torch.nn.ReLU(), torch.nn.Linear(16, 3))
    fill(net.parameters())
    return net


def byte_images():
    """Thirty images of three classes, normalised with mean 0.5 and deviation 0.25."""
    x = torch.floor(127.5 * (1 + torch.sin(0.11 * torch.arange(30 * 3 * 8 * 8, dtype=torch.float64)))).reshape(30, 3, 8, 8)
    return ((x / 255 - 0.5) / 0.25).float(), torch.arange(30) % 3


def pruning_scores(build):
    """SNIP and GraSP (temperature 200, gradients of all weights, the classifier's too, lowest -w * Hg kept) in training mode, SynFlow in eval mode, without biases."""
    x, y = byte_images()

    def prunable(net):
        return [p for p in net.parameters() if p.dim() > 1][:-1]

    def recorded(scores, keep):
        """What the tests compare: sums, first scores, and how many of each layer are among the highest."""
        kept = torch.cat([s.flatten() for s in scores]) > -torch.kthvalue(-torch.cat([s.flatten() for s in scores]), keep + 1).values
        return {"sums": [s.double().sum().item() for s in scores], "first": [s.flatten()[:6].tolist() for s in scores],
                "kept": [k.sum().item() for k in kept.split([s.numel() for s in scores])]}

    net = build()
    loss = F.cross_entropy(net(x), y, reduction="sum")
    snip = [(g * w).abs() for g, w in zip(torch.autograd.grad(loss, prunable(net)), prunable(net))]

    net = build()
    weights = [p for p in net.parameters() if p.dim() > 1]
    loss = F.cross_entropy(net(x) / 200, y, reduction="sum")
    gradients = torch.autograd.grad(loss, weights, create_graph=True)
    sum((g * g.detach()).sum() for g in gradients).backward()
    grasp = [(w * w.grad).detach() for w in prunable(net)]

    def synflow(net):
        twin = copy.deepcopy(net).double().eval()
        with torch.no_grad():
            for name, p in twin.state_dict().items():
                p.copy_(torch.zeros_like(p) if name.endswith(("bias", "running_mean")) else p.abs())
        twin(torch.ones(1, 3, 8, 8, dtype=torch.float64)).sum().backward()
        return [(w * w.grad).detach() for w in prunable(twin)]

    once = synflow(build())
    net, total = build(), sum(w.numel() for w in prunable(build()))
    for i in range(1, 101):
        scores = torch.cat([s.flatten() for s in synflow(net)])
        keep = round(total * (100 / total) ** (i / 100))
        mask = scores > (torch.kthvalue(scores, total - keep).values if keep < total else -1)
        with torch.no_grad():
            for w, m in zip(prunable(net), mask.split([w.numel() for w in prunable(net)])):
                w.mul_(m.reshape(w.shape))
    return {"snip": recorded(snip, 200), "grasp": recorded(grasp, 200), "synflow": recorded(once, 200),
            "synflowAfter100Rounds": [m.nonzero().flatten().tolist() for m in mask.split([w.numel() for w in prunable(net)])]}


def curved(activation):
    """A small network in eval mode, in double precision, six images and their labels."""
    nn = torch.nn
    net = nn.Sequential(nn.Conv2d(2, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4), activation(), nn.MaxPool2d(2), nn.Flatten(),
                        nn.Linear(16, 3)).double().eval()
    net[1].running_mean.copy_(torch.tensor([0.1, -0.1, 0.2, 0], dtype=torch.float64))
    net[1].running_var.copy_(torch.tensor([0.5, 1, 1.5, 2], dtype=torch.float64))
    with torch.no_grad():
        for i, p in enumerate(net.parameters()):
            p.copy_((torch.sin(0.37 * torch.arange(p.numel(), dtype=torch.float64) + i) * 0.5 + (0.6 if p.dim() == 1 else 0)).reshape(p.shape))
    x = torch.sin(0.13 * torch.arange(6 * 2 * 5 * 5, dtype=torch.float64)).reshape(6, 2, 5, 5)
    return net, x, torch.tensor([0, 1, 2, 2, 1, 0])


def curvature(activation):
    """The Hessian of that network by torch.autograd.functional.hessian."""
    net, x, y = curved(activation)
    names, shapes = zip(*[(n, p.shape) for n, p in net.named_parameters()])
    weights = torch.cat([p.detach().flatten() for p in net.parameters()])

    def loss(flat):
        parts = dict(zip(names, (part.reshape(shape) for part, shape in zip(flat.split([s.numel() for s in shapes]), shapes))))
        return F.cross_entropy(torch.nn.utils.stateless.functional_call(net, parts, x), y)

    def outputs(flat):
        parts = dict(zip(names, (part.reshape(shape) for part, shape in zip(flat.split([s.numel() for s in shapes]), shapes))))
        return torch.nn.utils.stateless.functional_call(net, parts, x).flatten()

    def top(matrix):
        values = torch.linalg.eigvalsh(matrix)
        return values[values.abs().argmax()].item()

    hessian = torch.autograd.functional.hessian(loss, weights)
    vector = torch.cos(0.7 * torch.arange(weights.numel(), dtype=torch.float64))
    jacobian = torch.autograd.functional.jacobian(outputs, weights)
    of_loss = torch.autograd.functional.hessian(lambda z: F.cross_entropy(z.reshape(6, 3), y), outputs(weights))
    gauss_newton = jacobian.T @ of_loss @ jacobian
    first = shapes[0].numel()
    return {"top": top(hessian), "trace": hessian.trace().item(), "product": (hessian @ vector).tolist(), "convolutionTop": top(hessian[:first, :first]),
            "gaussNewton": {"top": top(gauss_newton), "product": (gauss_newton @ vector).tolist()}}


def eigenthings(activation):
    """
    The same curvature by hessian-eigenthings 1.0.0a6 (its folder on the PYTHONPATH): from the matrices that the products of its HessianOperator make. Its Gauss-Newton operator asks
    for a newer torch.
    """
    from hessian_eigenthings import HessianOperator, match_names, supervised_loss
    net, x, y = curved(activation)
    hessian, part = (HessianOperator(net, [(x, y)], supervised_loss(F.cross_entropy), param_filter=names) for names in (None, match_names("0.*")))

    def matrix(operator, n):
        return torch.stack([operator.matvec(unit) for unit in torch.eye(n, dtype=torch.float64)])

    def top(m):
        values = torch.linalg.eigvalsh(m)
        return values[values.abs().argmax()].item()

    size = sum(p.numel() for p in net.parameters())
    whole = matrix(hessian, size)
    return {"top": top(whole), "trace": whole.trace().item(), "product": hessian.matvec(torch.cos(0.7 * torch.arange(size, dtype=torch.float64))).tolist(),
            "convolutionTop": top(matrix(part, net[0].weight.numel()))}


def rescaled_init():
    """GradInit (Zhu et al. 2021) on a small masked network in double precision: p = a * p0 is a function of the factors a, which autograd differentiates."""
    eta, gamma, rate, minimum, clip, iterations = 0.1, 2.0, 0.03, 0.6, 1.0, 60
    shapes = {"0.weight": (6, 3, 3, 3), "1.weight": (6,), "1.bias": (6,), "3.weight": (8, 6, 3, 3), "4.weight": (8,), "4.bias": (8,),
              "6.weight": (8, 8, 1, 1), "6.bias": (8,), "9.weight": (5, 128), "9.bias": (5,)}

    def values(p, shape):
        i = torch.arange(torch.Size(shape).numel(), dtype=torch.float64)
        return torch.sin(0.37 * i + p).reshape(shape)

    start = {n: values(p, s) * (0.5 if len(s) > 1 else 1) for p, (n, s) in enumerate(shapes.items())}
    start["1.bias"] = torch.zeros(6, dtype=torch.float64)       # as BatchNorm's are built: no factor
    kept = values(3, shapes["3.weight"]) > -0.3
    start["3.weight"] = start["3.weight"] * kept
    learned = [n for n in start if start[n].norm() > 0]

    def half(k):
        i = torch.arange(6 * 3 * 8 * 8, dtype=torch.float64)
        return torch.sin(0.11 * i + k).reshape(6, 3, 8, 8), (torch.arange(6) * 7 + k) % 5

    def loss(p, *halves):
        x = torch.cat([h[0] for h in halves])
        x = F.conv2d(x, p["0.weight"], padding=1)
        x = F.relu(F.batch_norm(x, None, None, p["1.weight"], p["1.bias"], training=True))
        x = F.conv2d(x, p["3.weight"], stride=2, padding=1)
        x = F.silu(F.batch_norm(x, None, None, p["4.weight"], p["4.bias"], training=True))
        x = F.silu(F.conv2d(x, p["6.weight"], p["6.bias"]))
        return F.cross_entropy(F.linear(x.flatten(1), p["9.weight"], p["9.bias"]), torch.cat([h[1] for h in halves]))

    a = torch.ones(len(learned), dtype=torch.float64, requires_grad=True)
    low = torch.tensor([0.0 if n.endswith("bias") else minimum for n in learned], dtype=torch.float64)
    first, second, steps = [torch.zeros_like(low), torch.zeros_like(low)], torch.zeros_like(low), [0, 0]
    taken, trace = 0, []
    for _ in range(iterations):
        p = {n: v.clone().requires_grad_() if n not in learned else a[learned.index(n)] * v for n, v in start.items()}
        h0, h1 = half(taken), half(taken + 1)
        taken += 2
        g = dict(zip(p, torch.autograd.grad(loss(p, h0, h1), list(p.values()), create_graph=True)))
        g["3.weight"] = g["3.weight"] * kept
        norm = torch.cat([v.flatten() for v in g.values()]).norm()
        branch = int(norm.item() > gamma)
        if branch:
            q, = torch.autograd.grad(norm, a)
        else:
            h2 = half(taken)
            taken += 1
            q, = torch.autograd.grad(loss({n: p[n] - (eta * g[n] / norm).detach() for n in p}, h0, h2) / eta, a)
        q = q.clamp(-clip, clip)
        steps[branch] += 1
        first[branch] = 0.9 * first[branch] + 0.1 * q
        second = 0.999 * second + 0.001 * q * q
        update = (first[branch] / (1 - 0.9 ** steps[branch])) / ((second / (1 - 0.999 ** sum(steps))).sqrt() + 1e-8)
        with torch.no_grad():
            a.copy_(torch.where(a > 0, torch.maximum(a - rate * update, low), a))       # a bias at zero has no norm to learn from
        trace.append(a.tolist())
    return {"names": learned, "scales": {t: trace[t - 1] for t in (1, 12, 20, 60)}, "constraintSteps": steps[1]}


def equivalence_power():
    """How often the two one-sided t tests at 5 % find a mean within one standard deviation of zero, in 200,000 samples: [mean, size, power]."""
    torch.manual_seed(1)
    rows = []
    for mean, size, quantile in ((0, 10, 1.833113), (0, 12, 1.795885), (0.3, 12, 1.795885)):
        x = torch.randn(200000, size, dtype=torch.float64) + mean
        reach = quantile * x.std(1) / size ** 0.5
        rows.append([mean, size, ((x.mean(1) + reach < 1) & (x.mean(1) - reach > -1)).double().mean().item()])
    return rows


print(json.dumps({"resnet18": forward_and_gradients(torchvision.models.resnet18), "counts": parameter_counts(),
                  "pruning": {"vgg5": pruning_scores(vgg5), "conv4": pruning_scores(conv4)}, "curvature": {"relu": curvature(torch.nn.ReLU), "silu": curvature(torch.nn.SiLU)},
                  "eigenthings": {"relu": eigenthings(torch.nn.ReLU), "silu": eigenthings(torch.nn.SiLU)}, "rescaledInit": rescaled_init(), "equivalencePower": equivalence_power()}, indent=1))
