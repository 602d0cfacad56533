"""PyTorch's side of `./lthkit bench`: the same network, optimiser and images as LTHKit's, the way PyTorch code usually does it:
an image data set that opens each image with PIL, torchvision transforms, a DataLoader. Obeys one command a line on standard input:
"step N" and "epoch", and answers each with the seconds it took. Not used by LTHKit itself.
"""
import argparse
import signal
import sys
import time

signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for who started this, and ends it
signal.signal(signal.SIGPIPE, signal.SIG_DFL)

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
    p.add_argument("--precision", default="fp32", choices=["fp32", "tf32", "bf16"], help="bf16: autocast, and channels last")
    p.add_argument("--compile", action="store_true", help="through torch.compile")
    p.add_argument("--graph", action="store_true", help="a whole step as one CUDA graph")
    p.add_argument("--on-device", action="store_true", help="images on the device, augmented there a batch at a time, instead of a DataLoader")
    a = p.parse_args()
    torch.set_num_threads(a.threads)
    torch.manual_seed(0)
    device = torch.device(a.device)
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = a.precision != "fp32"
    torch.backends.cudnn.benchmark = True
    half, layout = a.precision == "bf16", torch.channels_last if a.precision == "bf16" else torch.contiguous_format
    pixels = torch.frombuffer(bytearray(open(a.pixels, "rb").read()), dtype=torch.uint8).reshape(a.images, 3, a.size, a.size)
    labels = (torch.arange(a.images) % a.classes).tolist()
    transform = T.Compose([T.RandomCrop(a.size, padding=a.size // 8), T.RandomHorizontalFlip(), T.ToTensor(), T.Normalize((0.5,) * 3, (0.25,) * 3)])
    loader = torch.utils.data.DataLoader(Images(pixels, labels, transform), a.batch, shuffle=True, num_workers=a.workers)
    net = ResNet18(a.width, a.classes).to(device, memory_format=layout).train()
    forward = torch.compile(net) if a.compile else net
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9, weight_decay=2e-4)
    batch = ((pixels[: a.batch].float() / 255 - 0.5) / 0.25).to(device, memory_format=layout), torch.tensor(labels[: a.batch], device=device)

    def eager(x, y):
        optimizer.zero_grad()
        with torch.autocast(a.device, torch.bfloat16, enabled=half):
            loss = F.cross_entropy(forward(x), y)
        loss.backward()
        optimizer.step()

    def captured():
        static, side, graph = [t.clone() for t in batch], torch.cuda.Stream(), torch.cuda.CUDAGraph()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(3):
                eager(*static)
        torch.cuda.current_stream().wait_stream(side)
        with torch.cuda.graph(graph):
            eager(*static)

        def replay(x, y):
            if len(y) < a.batch:
                return eager(x, y)
            static[0].copy_(x), static[1].copy_(y)
            graph.replay()

        return replay

    step = captured() if a.graph else eager
    on_device = (pixels.to(device), torch.tensor(labels, device=device)) if a.on_device else None

    def batches():
        if not a.on_device:
            yield from ((x.to(device, memory_format=layout), y.to(device)) for x, y in loader)
            return
        pad, rows = a.size // 8, torch.arange(a.size, device=device)
        for i in torch.randperm(a.images, device=device).split(a.batch):
            top, left = torch.randint(2 * pad + 1, (2, len(i), 1), device=device)
            padded = F.pad(on_device[0][i], (pad,) * 4)
            x = padded[torch.arange(len(i), device=device)[:, None, None], :, (top + rows)[:, :, None], (left + rows)[:, None, :]].permute(0, 3, 1, 2)
            x = torch.where(torch.rand(len(i), 1, 1, 1, device=device) < 0.5, x.flip(3), x)
            yield ((x.float() / 255 - 0.5) / 0.25).contiguous(memory_format=layout), on_device[1][i]

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
            for x, y in batches():
                step(x, y)
        wait()
        print(time.perf_counter() - start, flush=True)


main()
