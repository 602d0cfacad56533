"""PyTorch's side of `./lthkit bench`: the same network, optimiser and images as LTHKit's, the way PyTorch code usually does it:
an image data set that opens each image with PIL, torchvision transforms, a DataLoader. Obeys one command a line on standard input:
"step N" and "epoch", and answers each with the seconds it took. Not used by LTHKit itself.
"""
import argparse
import sys
import time

import torch
import torch.nn as nn
import torch.nn.functional as F
import torchvision.transforms as T
from PIL import Image


class BasicBlock(nn.Module):
    def __init__(self, cin, cout, stride):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(cin, cout, 3, stride, 1, bias=False), nn.BatchNorm2d(cout)
        self.conv2, self.bn2 = nn.Conv2d(cout, cout, 3, 1, 1, bias=False), nn.BatchNorm2d(cout)
        self.shortcut = nn.Sequential()
        if stride != 1 or cin != cout:
            self.shortcut = nn.Sequential(nn.Conv2d(cin, cout, 1, stride, bias=False), nn.BatchNorm2d(cout))

    def forward(self, x):
        out = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(out)) + self.shortcut(x))


class ResNet18(nn.Module):
    def __init__(self, width, classes):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width)
        blocks, cin = [], width
        for stage in range(4):
            for i in range(2):
                blocks.append(BasicBlock(cin, width << stage, 2 if stage > 0 and i == 0 else 1))
                cin = width << stage
        self.blocks, self.fc = nn.Sequential(*blocks), nn.Linear(cin, classes)

    def forward(self, x):
        return self.fc(self.blocks(F.relu(self.bn1(self.conv1(x)))).mean((2, 3)))


class Images(torch.utils.data.Dataset):
    """As torchvision.datasets.CIFAR100: an array in memory, each image opened with PIL when asked for."""

    def __init__(self, pixels, labels, transform):
        self.pixels, self.labels, self.transform = pixels.permute(0, 2, 3, 1).contiguous().numpy(), labels, transform

    def __getitem__(self, i):
        return self.transform(Image.fromarray(self.pixels[i])), self.labels[i]

    def __len__(self):
        return len(self.labels)


def main():
    p = argparse.ArgumentParser()
    for name, kind in [("width", int), ("size", int), ("classes", int), ("batch", int), ("threads", int), ("images", int), ("workers", int)]:
        p.add_argument("--" + name, type=kind, required=True)
    p.add_argument("--pixels", required=True, help="raw uint8 [images, 3, size, size]")
    p.add_argument("--device", default="cpu")
    a = p.parse_args()
    torch.set_num_threads(a.threads)
    torch.manual_seed(0)
    device = torch.device(a.device)
    pixels = torch.frombuffer(bytearray(open(a.pixels, "rb").read()), dtype=torch.uint8).reshape(a.images, 3, a.size, a.size)
    labels = (torch.arange(a.images) % a.classes).tolist()
    transform = T.Compose([T.RandomCrop(a.size, padding=a.size // 8), T.RandomHorizontalFlip(), T.ToTensor(), T.Normalize((0.5,) * 3, (0.25,) * 3)])
    loader = torch.utils.data.DataLoader(Images(pixels, labels, transform), a.batch, shuffle=True, num_workers=a.workers)
    net = ResNet18(a.width, a.classes).to(device).train()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9, weight_decay=2e-4)
    batch = ((pixels[: a.batch].float() / 255 - 0.5) / 0.25).to(device), torch.tensor(labels[: a.batch], device=device)

    def step(x, y):
        optimizer.zero_grad()
        loss = F.cross_entropy(net(x), y)
        loss.backward()
        optimizer.step()

    def wait():
        if device.type == "cuda":
            torch.cuda.synchronize()

    print("ready", torch.__version__, flush=True)
    for line in sys.stdin:
        command = line.split()
        wait()
        start = time.perf_counter()
        if command[0] == "step":
            for _ in range(int(command[1])):
                step(*batch)
        else:
            for x, y in loader:
                step(x.to(device), y.to(device))
        wait()
        print(time.perf_counter() - start, flush=True)


main()
