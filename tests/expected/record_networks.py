"""Record small forms of known networks with PyTorch, in float64, on the CPU.

    python tests/expected/record_networks.py

Needs torch (the tests don't: they read what is written here). The networks are
built and named as torchvision has them, VGG16 as timm has it, but with fewer
channels or blocks. Their weights and inputs are the numbers of made_up() in
tests/test_step58.py. It writes, for each network, into networks.json

    layout     the shape of each array of its published file, by name
    input      the shape of the input
    every      which of the outputs are kept: each so-manieth
    value      these outputs, with dropout and batch normalization in test mode
"""

import torch
from record import write
from test_step58 import made_up, made_up_file
from torch import nn


class Vgg(nn.Module):
    """VGG of 2 and 1 convolutions, for images of 8 x 12, with names as in timm."""

    def __init__(self):
        super().__init__()
        layers = [nn.Conv2d(3, 2, 3, padding=1), nn.ReLU()]
        layers += [nn.Conv2d(2, 3, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2, 2)]
        layers += [nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2, 2)]
        self.features = nn.Sequential(*layers)
        self.pre_logits = nn.ModuleDict(
            {"fc1": nn.Conv2d(4, 5, (2, 3)), "fc2": nn.Conv2d(5, 6, 1)}
        )
        self.head = nn.ModuleDict({"fc": nn.Linear(6, 7)})

    def forward(self, x):
        for layer in [self.features, *self.pre_logits.values()]:
            x = torch.relu(layer(x))
        return self.head["fc"](x.flatten(1))


class Bottleneck(nn.Module):
    """Three convolutions with a way around them."""

    def __init__(self, inputs, channels, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, channels, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.conv3 = nn.Conv2d(channels, 4 * channels, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(4 * channels)
        self.downsample = nn.Sequential()
        if stride != 1 or inputs != 4 * channels:
            conv = nn.Conv2d(inputs, 4 * channels, 1, stride, bias=False)
            self.downsample = nn.Sequential(conv, nn.BatchNorm2d(4 * channels))

    def forward(self, x):
        y = torch.relu(self.bn1(self.conv1(x)))
        y = torch.relu(self.bn2(self.conv2(y)))
        return torch.relu(self.bn3(self.conv3(y)) + self.downsample(x))


class ResNet(nn.Module):
    """ResNet of 1, 2, 1 and 1 blocks."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.layer1 = nn.Sequential(Bottleneck(64, 64, 1))
        self.layer2 = nn.Sequential(Bottleneck(256, 128, 2), Bottleneck(512, 128, 1))
        self.layer3 = nn.Sequential(Bottleneck(512, 256, 2))
        self.layer4 = nn.Sequential(Bottleneck(1024, 512, 2))
        self.fc = nn.Linear(2048, 1000)

    def forward(self, x):
        x = torch.relu(self.bn1(self.conv1(x)))
        x = nn.functional.max_pool2d(x, 3, 2, 1)
        for layer in (self.layer1, self.layer2, self.layer3, self.layer4):
            x = layer(x)
        return self.fc(x.mean((2, 3)))


class Fire(nn.Module):
    """A narrow convolution, then two wide ones side by side."""

    def __init__(self, inputs, narrow, wide):
        super().__init__()
        self.squeeze = nn.Conv2d(inputs, narrow, 1)
        self.expand1x1 = nn.Conv2d(narrow, wide, 1)
        self.expand3x3 = nn.Conv2d(narrow, wide, 3, padding=1)

    def forward(self, x):
        x = torch.relu(self.squeeze(x))
        return torch.relu(torch.cat([self.expand1x1(x), self.expand3x3(x)], 1))


class SqueezeNet(nn.Module):
    """SqueezeNet 1.0, with the names of the published arrays."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 96, 7, 2)
        self.fire2 = Fire(96, 16, 64)
        self.fire3 = Fire(128, 16, 64)
        self.fire4 = Fire(128, 32, 128)
        self.fire5 = Fire(256, 32, 128)
        self.fire6 = Fire(256, 48, 192)
        self.fire7 = Fire(384, 48, 192)
        self.fire8 = Fire(384, 64, 256)
        self.fire9 = Fire(512, 64, 256)
        self.conv_final = nn.Conv2d(512, 1000, 1, padding=1)

    def forward(self, x):
        pool = nn.MaxPool2d(3, 2)
        x = pool(torch.relu(self.conv1(x)))
        x = pool(self.fire4(self.fire3(self.fire2(x))))
        x = pool(self.fire8(self.fire7(self.fire6(self.fire5(x)))))
        return torch.relu(self.conv_final(self.fire9(x))).mean((2, 3))


CASES = {  # name: (network, shape of its input, which outputs are kept)
    "VGG16": (Vgg, (2, 3, 8, 12), 1),
    "ResNet": (ResNet, (2, 3, 40, 33), 50),
    "SqueezeNet": (SqueezeNet, (2, 3, 67, 59), 50),
    "Bottleneck": (lambda: Bottleneck(3, 2, 2), (2, 3, 5, 4), 1),
    "Fire": (lambda: Fire(3, 2, 4), (2, 3, 4, 5), 1),
}


def record_case(network, shape, every):
    """The layout of a network, and its outputs for weights and an input made up."""
    model = network().double().eval()
    layout = {name: list(array.shape) for name, array in model.state_dict().items()}
    arrays = {name: torch.tensor(x) for name, x in made_up_file(layout).items()}
    model.load_state_dict(arrays)
    with torch.no_grad():
        y = model(torch.tensor(made_up("input", shape)))
    value = y.flatten()[::every].tolist()
    return {"layout": layout, "input": list(shape), "every": every, "value": value}


if __name__ == "__main__":
    torch.set_num_threads(1)
    version = f"record_networks.py with torch {torch.__version__}"
    cases = {name: record_case(*case) for name, case in CASES.items()}
    write("networks.json", {"made by": version, **cases})
