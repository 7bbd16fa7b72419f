"""Digits learned by several processes, each with its share of every batch.

    mpiexec -n 2 python -m examples.data_parallel
    mpiexec -n 2 python -m examples.data_parallel --mnist --epochs 2

It needs pip install mpi4py mpich; started without mpiexec it trains in one process.
Column 5 tells the story.
"""

import argparse
import sys
import time
import traceback

import numpy as np

import framework.functions as F
import framework.layers as L
from examples.digits import data
from examples.processes import SumGradients, SyncBatchNorm, all_sum, communicator
from framework import DataLoader, Model, no_grad, test_mode
from framework.optimizers import Adam


class CNN(Model):
    """Scores for images (N, 1, H, W), out of two convolutions and two linear layers."""

    def __init__(self, comm, dropout=0.5, dtype=np.float32):
        self.conv1 = L.Conv2d(16, 3, pad=1, nobias=True, dtype=dtype)
        self.norm = SyncBatchNorm(comm, dtype)
        self.conv2 = L.Conv2d(32, 3, pad=1, dtype=dtype)
        self.fc1 = L.Linear(64, dtype=dtype)
        self.fc2 = L.Linear(10, dtype=dtype)
        self.dropout = dropout

    def forward(self, x):
        x = F.pooling(F.relu(self.norm(self.conv1(x))), 2, 2)
        x = F.pooling(F.relu(self.conv2(x)), 2, 2)
        return self.fc2(F.dropout(F.relu(self.fc1(F.flatten(x))), self.dropout))


def start(model, x, comm):
    """Give the model the parameters that it has in process 0."""
    with no_grad(), test_mode():
        model(x[:1])  # makes the parameters
    for param in model.params():
        comm.Bcast(param.data)
    return model


def train_step(model, optimizer, x, t, n):
    """An update by this process's share, x and t, of a batch of n; the share's loss.

    The loss is a sum divided by n: so shares count by their size, an empty one by 0,
    and the gradients of all processes add up to those of the whole batch.
    """
    log_p = F.log_softmax(model(x))
    loss = -F.sum(log_p[np.arange(len(t)), t]) / n
    model.cleargrads()
    loss.backward()
    optimizer.update()
    return loss.item()


def train(model, optimizer, examples, options, comm, seconds):
    """Learn the examples x, t for some epochs; yield the mean loss of each.

    The list seconds gets the time of each update by a whole batch.
    """
    x, t = examples
    orders = np.random.default_rng(options.seed)  # the same ones in all processes
    for _ in range(options.epochs):
        order, losses = orders.permutation(len(t)), []
        for i in range(0, len(order), options.batch_size):
            batch = order[i : i + options.batch_size]
            share = batch[comm.rank :: comm.size]
            begin = time.perf_counter()
            losses.append(train_step(model, optimizer, x[share], t[share], len(batch)))
            if len(batch) == len(order[: options.batch_size]):
                seconds.append(time.perf_counter() - begin)
        yield all_sum(np.array(losses), comm).mean()


def accuracy(model, examples, comm):
    """The share of examples that the model reads rightly; each process reads some."""
    x, t = (array[comm.rank :: comm.size] for array in examples)
    with no_grad(), test_mode():
        right = (model(x).data.argmax(axis=1) == t).sum() if len(t) else 0
    return all_sum(np.array(right), comm).item() / len(examples[1])


def run(comm, options):
    """Train as the options say; process 0 prints and saves."""
    parts = (data(options.mnist, train=is_train) for is_train in (True, False))
    examples, tests = (DataLoader(d, len(d), shuffle=False).next() for d in parts)
    np.random.seed(options.seed)
    model = start(CNN(comm, options.dropout), examples[0], comm)
    np.random.seed([options.seed, comm.rank])  # each drops out others
    sums = SumGradients(comm, options.each)
    optimizer = Adam().setup(model)
    optimizer.add_hook(sums)
    say = print if comm.rank == 0 else lambda *words, **options: None
    if comm.size == 1:
        say("One process. For two: mpiexec -n 2 python -m examples.data_parallel")
    seconds = []
    epochs = train(model, optimizer, examples, options, comm, seconds)
    for epoch, loss in enumerate(epochs, 1):
        rate = accuracy(model, tests, comm)
        say(f"epoch {epoch:3}  loss {loss:.4f}  {rate:.1%} of the tests", flush=True)
    update, sum_of_gradients = 1000 * min(seconds), 1000 * min(sums.seconds)
    say(f"fastest update {update:.2f} ms, fastest sum {sum_of_gradients:.2f} ms")
    if options.save and comm.rank == 0:
        model.save_weights(options.save)


def main(words=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--batch-size", type=int, default=100, help="of all processes")
    parser.add_argument("--dropout", type=float, default=0.5)
    parser.add_argument("--each", action="store_true", help="a sum for each parameter")
    parser.add_argument("--mnist", action="store_true", help="downloaded if need be")
    parser.add_argument("--save", help="a file for the weights")
    parser.add_argument("--seed", type=int, default=0)
    options, comm = parser.parse_args(words), communicator()
    try:
        run(comm, options)
    except (Exception, KeyboardInterrupt):
        if comm.size == 1:
            raise
        traceback.print_exc()
        sys.stderr.flush()
        comm.Abort(1)  # the others would wait for this one for ever


if __name__ == "__main__":
    main()
