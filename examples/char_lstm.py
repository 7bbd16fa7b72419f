"""An LSTM that learns to write a text, letter by letter.

    python -m examples.char_lstm --epochs 2

The text is Shakespeare's, if it has been downloaded
(python -c "import framework; framework.datasets.Shakespeare()"), else that of the
lessons. (Karpathy 2015)
"""

import argparse

import numpy as np

import framework.functions as F
import framework.layers as L
from examples.common import load_text
from framework import Dataset, Model, SeqDataLoader, no_grad
from framework.optimizers import Adam, ClipGrad


class Letters(Dataset):
    """The letters of a text as numbers, each with the one that follows."""

    def __init__(self, text):
        self.letters = sorted(set(text))
        self.ids = np.array([self.letters.index(letter) for letter in text])
        super().__init__()

    def prepare(self):
        self.data, self.label = self.ids[:-1], self.ids[1:]


class Writer(Model):
    """Scores for the letter that follows each of ids, (N,): (N, V)."""

    def __init__(self, V, hidden_size):
        self.embed = L.EmbedID(V, hidden_size // 2)
        self.lstm = L.LSTM(hidden_size)
        self.scores = L.Linear(V)

    def forward(self, ids):
        return self.scores(self.lstm(self.embed(ids)))

    def reset_state(self):
        """A new text begins."""
        self.lstm.reset_state()


def train(model, data, epochs, N=32, T=32):
    """Read the text at N places at a time; the graph is cut after every T letters.

    Returns the mean loss of each epoch.
    """
    optimizer = Adam(alpha=0.003).setup(model)
    optimizer.add_hook(ClipGrad(5.0))
    means = []
    for epoch in range(epochs):
        model.reset_state()
        loss, total, count = 0, 0.0, 0
        loader = SeqDataLoader(data, N)
        for i, (x, t) in enumerate(loader, 1):
            loss = loss + F.softmax_cross_entropy(model(x), t)
            if i % T == 0 or i == len(loader):
                model.cleargrads()
                loss.backward()
                loss.unchain_backward()
                optimizer.update()
                total, count, loss = total + float(loss.data), i, 0
            if i % (50 * T) == 0:
                print(f"  letter {i * N:,}  loss {total / count:.3f}", flush=True)
        means.append(total / count)
        print(f"epoch {epoch + 1}  loss {means[-1]:.3f}", flush=True)
    return means


def write(model, letters, first, length, seed=0):
    """A text of this many letters that begins with the first one."""
    rng, text = np.random.default_rng(seed), first
    model.reset_state()
    with no_grad():
        for _ in range(length):
            y = model(np.array([letters.index(text[-1])]))
            p = F.softmax(y).data[0].astype(float)
            text += letters[rng.choice(len(p), p=p / p.sum())]
    return text


def main(words=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--hidden-size", type=int, default=128)
    parser.add_argument("--length", type=int, default=400, help="letters to write")
    parser.add_argument("--letters", type=int, help="read only so many letters")
    options = parser.parse_args(words)
    data = Letters(load_text()[: options.letters])
    print(f"{len(data):,} letters, {len(data.letters)} different ones")
    np.random.seed(0)
    model = Writer(len(data.letters), options.hidden_size)
    train(model, data, options.epochs)
    print(write(model, data.letters, data.letters[-1], options.length))


if __name__ == "__main__":
    main()
