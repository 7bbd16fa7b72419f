"""A network learns the three arms of a spiral; its decisions become a picture.

python -m examples.spiral --epochs 300
"""

import argparse

import numpy as np

import framework.functions as F
from examples.common import save_png
from framework import DataLoader, no_grad
from framework.datasets import Spiral
from framework.models import MLP
from framework.optimizers import Adam


def train(model, epochs):
    """Learn from batches of 30; returns the share that is right in the test set."""
    optimizer = Adam(alpha=0.01).setup(model)
    loader = DataLoader(Spiral(), 30, seed=0)
    points, arms = DataLoader(Spiral(train=False), 300, shuffle=False).next()
    for epoch in range(epochs):
        total = 0.0
        for x, t in loader:
            loss = F.softmax_cross_entropy(model(x), t)
            model.cleargrads()
            loss.backward()
            optimizer.update()
            total += float(loss.data)
        if epoch % 50 == 0 or epoch == epochs - 1:
            with no_grad():
                right = float(F.accuracy(model(points), arms).data)
            print(f"epoch {epoch:4}  loss {total / len(loader):.3f}  test {right:.3f}")
    return right


def decisions(model, size):
    """A picture (3, size, size) of the plane: red, green and blue are the arms."""
    numbers = np.linspace(-1.1, 1.1, size)
    grid = np.stack(np.meshgrid(numbers, numbers), axis=-1).reshape(-1, 2)
    with no_grad():
        p = F.softmax(model(grid.astype(np.float32))).data
    return 0.3 + 0.5 * p.T.reshape(3, size, size)


def with_points(image, data):
    """The picture with the points of a data set as dark dots."""
    size = image.shape[-1]
    for x, arm in data:
        column, row = ((x + 1.1) / 2.2 * (size - 1)).round().astype(int)
        around = slice(row - 1, row + 2), slice(column - 1, column + 2)
        image[(slice(None), *around)] = 0.0
        image[(arm, *around)] = 0.6
    return image


def main(words=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--epochs", type=int, default=300)
    parser.add_argument("--to-file", default="out/spiral.png")
    options = parser.parse_args(words)
    np.random.seed(0)
    model = MLP((30, 30, 3), activation=F.relu)
    train(model, options.epochs)
    save_png(options.to_file, with_points(decisions(model, 300), Spiral()), scale=2)


if __name__ == "__main__":
    main()
