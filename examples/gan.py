"""Two networks compete: one makes up digits, the other tells them from real ones.

    python -m examples.gan --epochs 100

A generative adversarial network (Goodfellow et al. 2014) with transposed convolutions.
"""

import argparse

import numpy as np

import framework.functions as F
import framework.layers as L
from examples.common import save_png, tiled
from framework import DataLoader, Model, no_grad, test_mode
from framework.datasets import Digits
from framework.optimizers import Adam
from framework.transforms import Compose, Normalize, ToFloat

SIZE = 16  # of the random numbers that a digit is made of


class Generator(Model):
    """Digits (N, 1, 8, 8), of numbers from 0 to 1, out of random numbers (N, SIZE)."""

    def __init__(self):
        self.fc = L.Linear(32 * 2 * 2)
        self.norm1 = L.BatchNorm()
        self.up1 = L.Deconv2d(16, 4, stride=2, pad=1)
        self.norm2 = L.BatchNorm()
        self.up2 = L.Deconv2d(1, 4, stride=2, pad=1)

    def forward(self, z):
        x = F.relu(self.norm1(self.fc(z))).reshape(-1, 32, 2, 2)
        x = F.relu(self.norm2(self.up1(x)))  # (N, 16, 4, 4)
        return F.sigmoid(self.up2(x))


class Discriminator(Model):
    """A score for each picture: large for real ones."""

    def __init__(self):
        self.conv1 = L.Conv2d(16, 3, stride=2, pad=1)
        self.conv2 = L.Conv2d(32, 3, stride=2, pad=1)
        self.fc = L.Linear(1)

    def forward(self, x):
        x = F.leaky_relu(self.conv1(x))
        x = F.leaky_relu(self.conv2(x))
        return self.fc(F.flatten(x))


def noise(N):
    """What N digits are to be made of."""
    return np.random.randn(N, SIZE).astype(np.float32)


def improve(optimizer, loss):
    """One update of the optimizer's network."""
    optimizer.target.cleargrads()
    loss.backward()
    optimizer.update()
    return float(loss.data)


def train(generator, discriminator, epochs):
    """In turn: tell real from made-up digits, then make up digits that pass as real."""
    optimizers = [Adam(0.002, beta1=0.5).setup(m) for m in (generator, discriminator)]
    data = Digits(transform=Compose([ToFloat(), Normalize(0, 16)]))
    losses = []
    for epoch in range(epochs):
        for x, _ in DataLoader(data, 64, seed=epoch):
            real, made_up = np.ones((len(x), 1)), np.zeros((len(x), 1))
            made = generator(noise(len(x)))
            loss = F.sigmoid_cross_entropy(discriminator(x), real)
            loss = loss + F.sigmoid_cross_entropy(discriminator(made.data), made_up)
            d_loss = improve(optimizers[1], loss)
            loss = F.sigmoid_cross_entropy(discriminator(made), real)
            losses.append((improve(optimizers[0], loss), d_loss))
        if epoch % 10 == 0 or epoch == epochs - 1:
            g_loss, d_loss = np.mean(losses[-20:], axis=0)
            print(
                f"epoch {epoch:3}  generator {g_loss:.3f}  discriminator {d_loss:.3f}"
            )
    return losses


def main(words=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--epochs", type=int, default=100)
    parser.add_argument("--to-file", default="out/gan.png")
    options = parser.parse_args(words)
    np.random.seed(0)
    generator = Generator()
    train(generator, Discriminator(), options.epochs)
    with no_grad(), test_mode():
        made = generator(noise(60)).data
    save_png(options.to_file, tiled(made[:, 0], 12), scale=6)


if __name__ == "__main__":
    main()
