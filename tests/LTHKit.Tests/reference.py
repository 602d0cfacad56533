"""Records tests/LTHKit.Tests/reference.json: what PyTorch computes for the networks and steps that the tests check.

Reference: torch 1.13.0a0 and torchvision 0.14.1 (Debian 12's python3-torch 1.13.1+dfsg-4, python3-torchvision 0.14.1-2), CPU, one thread.
Run: /usr/bin/python3 tests/LTHKit.Tests/reference.py > tests/LTHKit.Tests/reference.json
"""
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


print(json.dumps({"resnet18": forward_and_gradients(torchvision.models.resnet18), "counts": parameter_counts()}, indent=1))
