"""Handwritten digits read by a network of layers and by one of convolutions.

    python -m examples.digits --epochs 20
    python -m examples.digits --epochs 5 --mnist

A picture shows digits that are read wrongly.
"""

import argparse

import numpy as np

import framework.functions as F
import framework.layers as L
from examples.common import save_png, tiled
from framework import DataLoader, Model, no_grad, test_mode
from framework.datasets import MNIST, Digits
from framework.models import MLP
from framework.optimizers import Adam
from framework.transforms import Compose, Normalize, ToFloat


class CNN(Model):
    """Two convolutions with pooling, then two linear layers."""

    def __init__(self):
        self.conv1 = L.Conv2d(16, 3, pad=1)
        self.conv2 = L.Conv2d(32, 3, pad=1)
        self.fc1 = L.Linear(64)
        self.fc2 = L.Linear(10)

    def forward(self, x):
        x = F.pooling(F.relu(self.conv1(x)), 2, 2)
        x = F.pooling(F.relu(self.conv2(x)), 2, 2)
        x = F.dropout(F.relu(self.fc1(F.flatten(x))))
        return self.fc2(x)


class FlatMLP(MLP):
    """An MLP of pictures."""

    def forward(self, x):
        return super().forward(F.flatten(x))


def data(mnist, train):
    """The digits as pictures (1, H, W) of numbers from 0 to 1."""
    kind, largest = (MNIST, 255) if mnist else (Digits, 16)
    return kind(train, transform=Compose([ToFloat(), Normalize(0, largest)]))


def train(model, examples, epochs):
    """Learn the examples in batches of 50."""
    optimizer = Adam().setup(model)
    for epoch in range(epochs):
        total, loader = 0.0, DataLoader(examples, 50, seed=epoch)
        for x, t in loader:
            loss = F.softmax_cross_entropy(model(x), t)
            model.cleargrads()
            loss.backward()
            optimizer.update()
            total += float(loss.data)
        print(f"  epoch {epoch + 1:3}  loss {total / len(loader):.4f}", flush=True)


def read(model, examples):
    """What the model takes each example for, and what it is: two arrays."""
    found, right = [], []
    with no_grad(), test_mode():
        for x, t in DataLoader(examples, 100, shuffle=False):
            found.append(model(x).data.argmax(axis=1))
            right.append(t)
    return np.concatenate(found), np.concatenate(right)


def main(words=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--mnist", action="store_true", help="downloaded if need be")
    parser.add_argument("--to-file", default="out/wrong-digits.png")
    options = parser.parse_args(words)
    examples, tests = data(options.mnist, True), data(options.mnist, False)
    np.random.seed(0)
    for model in (FlatMLP((200, 10), activation=F.relu), CNN()):
        print(type(model).__name__)
        train(model, examples, options.epochs)
        found, right = read(model, tests)
        print(f"  {np.mean(found == right):.1%} of {len(tests):,} digits read rightly")
    wrong = np.flatnonzero(found != right)[:20]
    if len(wrong):
        print("Wrongly read:", *(f"{right[i]} as {found[i]}," for i in wrong))
        pictures = np.stack([tests[int(i)][0][0] for i in wrong])
        save_png(options.to_file, tiled(pictures, 10), scale=4)


if __name__ == "__main__":
    main()
