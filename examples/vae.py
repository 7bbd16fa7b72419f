"""Digits pressed into two numbers and unfolded again.

    python -m examples.vae --epochs 100

A variational autoencoder (Kingma and Welling 2014): nearby numbers give similar digits,
so that a grid of numbers gives a map of them, which is the picture.
"""

import argparse

import numpy as np

import framework.functions as F
import framework.layers as L
from examples.common import save_png, tiled
from framework import DataLoader, Model, no_grad
from framework.datasets import Digits
from framework.optimizers import Adam


class VAE(Model):
    """Digits x, (N, 64), become two numbers each, (N, 2), and these become digits."""

    def __init__(self, hidden_size=128):
        self.look = L.Linear(hidden_size)
        self.mean = L.Linear(2)
        self.log_variance = L.Linear(2)
        self.unfold = L.Linear(hidden_size)
        self.draw = L.Linear(64)

    def encode(self, x):
        """Where x may lie: the means and the logarithms of the variances, (N, 2)."""
        h = F.relu(self.look(x))
        return self.mean(h), self.log_variance(h)

    def decode(self, z):
        """Scores of the pixels, to be put through sigmoid: (N, 64)."""
        return self.draw(F.relu(self.unfold(z)))

    def forward(self, x):
        """The loss: how badly x is drawn again, and how far from N(0, 1) z is."""
        mean, log_variance = self.encode(x)
        noise = np.random.randn(*mean.shape).astype(np.float32)
        z = mean + F.exp(log_variance * 0.5) * noise  # can be differentiated
        drawn = F.sigmoid_cross_entropy(self.decode(z), x)
        spread = F.exp(log_variance) + mean**2 - 1 - log_variance
        return drawn + 0.5 * F.sum(spread) / len(x)


def train(model, epochs):
    """Learn the digits in batches of 64; returns the losses of the epochs."""
    optimizer, losses = Adam(alpha=0.002).setup(model), []
    for epoch in range(epochs):
        total, loader = 0.0, DataLoader(Digits(), 64, seed=epoch)
        for x, _ in loader:
            loss = model(x)
            model.cleargrads()
            loss.backward()
            optimizer.update()
            total += float(loss.data)
        losses.append(total / len(loader))
        if epoch % 10 == 0 or epoch == epochs - 1:
            print(f"epoch {epoch:3}  loss {losses[-1]:.2f}", flush=True)
    return losses


def digit_map(model, count):
    """What count * count points of the plane stand for: pictures (N, 8, 8)."""
    numbers = np.linspace(-2, 2, count)
    z = np.stack(np.meshgrid(numbers, numbers), axis=-1).reshape(-1, 2)
    with no_grad():
        return F.sigmoid(model.decode(z.astype(np.float32))).data.reshape(-1, 8, 8)


def main(words=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--epochs", type=int, default=100)
    parser.add_argument("--to-file", default="out/vae.png")
    options = parser.parse_args(words)
    np.random.seed(0)
    model = VAE()
    train(model, options.epochs)
    save_png(options.to_file, tiled(digit_map(model, 12), 12), scale=6)


if __name__ == "__main__":
    main()
