"""A small GPT that learns to write a text, letter by letter.

    python -m examples.char_transformer --steps 1000

Attention, layer normalization and GELU are put together out of the framework's
functions. (Vaswani et al. 2017, Radford et al. 2019) The text is Shakespeare's, if it
has been downloaded (python -c "import framework; framework.datasets.Shakespeare()"),
else that of the lessons.

N texts of T letters, each letter D numbers, h heads of d = D / h numbers, V letters.
"""

import argparse

import numpy as np

import framework.functions as F
import framework.layers as L
from examples.common import load_text
from framework import Layer, Model, no_grad
from framework.optimizers import AdamW, ClipGrad


def gelu(x):
    """x where it is large, 0 where it is small, smooth between."""
    return 0.5 * x * (1 + F.tanh((2 / np.pi) ** 0.5 * (x + 0.044715 * x**3)))


class Attention(Layer):
    """Each letter takes a mean of the earlier ones, weighted by how well they fit."""

    def __init__(self, D, heads):
        self.heads = heads
        self.qkv = L.Linear(3 * D, in_size=D)
        self.out = L.Linear(D, in_size=D)

    def forward(self, x):
        N, T, D = x.shape
        qkv = self.qkv(x).reshape(N, T, 3, self.heads, D // self.heads)
        q, k, v = qkv.transpose(2, 0, 3, 1, 4)  # (N, h, T, d) each
        scores = q @ k.transpose(0, 1, 3, 2) * (D // self.heads) ** -0.5
        future = np.triu(np.full((T, T), -np.inf, np.float32), k=1)
        y = F.softmax(scores + future, axis=-1) @ v  # (N, h, T, d)
        return self.out(y.transpose(0, 2, 1, 3).reshape(N, T, D))


class Block(Layer):
    """Look at the other letters, then think about each; what was there is kept."""

    def __init__(self, D, heads):
        self.norm1 = L.LayerNorm(D)
        self.attention = Attention(D, heads)
        self.norm2 = L.LayerNorm(D)
        self.wide = L.Linear(4 * D, in_size=D)
        self.narrow = L.Linear(D, in_size=4 * D)

    def forward(self, x):
        x = x + self.attention(self.norm1(x))
        return x + self.narrow(gelu(self.wide(self.norm2(x))))


class GPT(Model):
    """Scores for the letter that follows each of ids, (N, T): (N, T, V)."""

    def __init__(self, V, D=64, heads=4, blocks=2, context=64):
        self.context = context
        self.letters = L.EmbedID(V, D)
        self.places = L.EmbedID(context, D)
        self.blocks = [Block(D, heads) for _ in range(blocks)]
        self.norm = L.LayerNorm(D)
        self.scores = L.Linear(V, in_size=D)

    def forward(self, ids):
        x = self.letters(ids) + self.places(np.arange(ids.shape[1]))
        for block in self.blocks:
            x = block(x)
        return self.scores(self.norm(x))


def batch(ids, N, T, rng):
    """N pieces of T letters, and the same moved on by one: what is to be said."""
    starts = rng.integers(0, len(ids) - T, N)
    pieces = np.stack([ids[i : i + T + 1] for i in starts])
    return pieces[:, :-1], pieces[:, 1:]


def train(model, ids, steps, N=16, seed=0):
    """Learn from random pieces of the text; returns the losses."""
    rng, losses = np.random.default_rng(seed), []
    optimizer = AdamW(alpha=0.002).setup(model)
    optimizer.add_hook(ClipGrad(1.0))
    for step in range(steps):
        x, t = batch(ids, N, model.context, rng)
        y = model(x)
        loss = F.softmax_cross_entropy(y.reshape(-1, y.shape[-1]), t.reshape(-1))
        model.cleargrads()
        loss.backward()
        optimizer.update()
        losses.append(float(loss.data))
        if step % 100 == 0 or step == steps - 1:
            print(f"step {step:5}  loss {np.mean(losses[-100:]):.3f}", flush=True)
    return losses


def write(model, ids, length, seed=0):
    """Go on from ids by this many letters."""
    rng, ids = np.random.default_rng(seed), list(ids)
    with no_grad():
        for _ in range(length):
            y = model(np.array([ids[-model.context :]]))
            p = F.softmax(y[0, -1:]).data[0].astype(float)
            ids.append(int(rng.choice(len(p), p=p / p.sum())))
    return ids


def main(words=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--length", type=int, default=400, help="letters to write")
    parser.add_argument("--context", type=int, default=64, help="letters it sees")
    options = parser.parse_args(words)
    text = load_text()
    letters = sorted(set(text))
    ids = np.array([letters.index(letter) for letter in text])
    print(f"{len(text):,} letters, {len(letters)} different ones")
    np.random.seed(0)
    model = GPT(len(letters), context=options.context)
    train(model, ids, options.steps)
    print("".join(letters[i] for i in write(model, ids[:1], options.length)))


if __name__ == "__main__":
    main()
