"""Networks whose features can be looked at: SqueezeNet, or a small one for digits."""

import pathlib

import numpy as np

import framework.functions as F
import framework.layers as L
from framework import DataLoader, Model
from framework.datasets import Digits
from framework.models import SqueezeNet
from framework.optimizers import Adam
from framework.transforms import Compose, Normalize, ToFloat


class DigitCNN(Model):
    """Scores for digits (N, 1, 8, 8); its convolutions take pictures of any size."""

    def __init__(self):
        self.conv1 = L.Conv2d(16, 3, pad=1)
        self.conv2 = L.Conv2d(32, 3, pad=1)
        self.conv3 = L.Conv2d(32, 3, pad=1)
        self.fc = L.Linear(10)

    def features(self, x):
        """What each convolution finds: a list of (N, C, H, W)."""
        x1 = F.relu(self.conv1(x))
        x2 = F.relu(self.conv2(F.average_pooling(x1, 2, 2)))
        return [x1, x2, F.relu(self.conv3(x2))]

    def scores(self, x):
        """The scores, (N, 10), out of the last features."""
        return self.fc(F.mean(x, axis=(2, 3)))

    def forward(self, x):
        return self.scores(self.features(x)[-1])


class SqueezeFeatures(SqueezeNet):
    """SqueezeNet in two halves."""

    def features(self, x):
        """What the first convolution and each fire module find."""
        found = [F.relu(self.conv1(x))]
        for i in range(2, 10):
            x = found[-1]
            if i in (2, 5, 9):
                x = F.pooling(x, 3, 2)
            found.append(getattr(self, f"fire{i}")(x))
        return found

    def scores(self, x):
        """The scores, (N, 1000), out of the last features."""
        return F.mean(F.relu(self.conv_final(x)), axis=(2, 3))


def digits(train=True):
    """The digits as pictures (1, 8, 8) of numbers from 0 to 1."""
    return Digits(train, transform=Compose([ToFloat(), Normalize(0, 16)]))


def trained_on_digits(epochs):
    """A DigitCNN that has learned the digits."""
    np.random.seed(0)
    model = DigitCNN()
    optimizer = Adam(alpha=0.003).setup(model)
    for epoch in range(epochs):
        for x, t in DataLoader(digits(), 50, seed=epoch):
            loss = F.softmax_cross_entropy(model(x), t)
            model.cleargrads()
            loss.backward()
            optimizer.update()
    x, t = DataLoader(digits(train=False), 500, shuffle=False).next()
    print(f"The network reads {float(F.accuracy(model(x), t).data):.1%} of the digits.")
    return model


def open_picture(path):
    """A photograph as a PIL image."""
    try:
        from PIL import Image
    except ImportError as error:
        raise SystemExit("Photographs need Pillow: pip install pillow") from error
    return Image.open(pathlib.Path(path))
