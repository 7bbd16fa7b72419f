"""Time the package against PyTorch (CPU, float32): layers, losses, training steps.

    python benchmarks/networks.py [--rounds 9] [--threads 1] [conv pool ...]

Needs torch. Both sides start from the same numbers and are run once before they
are timed, and what they compute must agree; then they run in turns, so that
whatever else the machine does meets both. The table has the minima and the
medians, in milliseconds, and their ratios: below 1, this project takes less time.
Words choose the workloads that have one of them in their names.
"""

import argparse
import os
import platform
import statistics
import sys
import time
from pathlib import Path

THREADS = sys.argv[sys.argv.index("--threads") + 1] if "--threads" in sys.argv else "1"
os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = THREADS
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np  # noqa: E402

import framework.functions as F  # noqa: E402
import framework.layers as L  # noqa: E402
from framework import Model, Variable, no_grad, optimizers, test_mode  # noqa: E402
from framework.models import MLP, VGG16  # noqa: E402

try:
    import torch
    from torch import nn
except ImportError:
    sys.exit("This compares with PyTorch, which is missing: pip install torch")

rng = np.random.default_rng(0)


def floats(*shape):
    """Random numbers, float32."""
    return rng.standard_normal(shape).astype(np.float32)


def with_gradients(ours, theirs, *arrays):
    """Two runs of a function of arrays, forward and backward; they give gradients."""
    xs = [Variable(x) for x in arrays]
    ts = [torch.tensor(x, requires_grad=True) for x in arrays]
    with no_grad():
        gy = floats(*ours(*xs).shape)
    tgy = torch.tensor(gy)

    def run():
        for x in xs:
            x.cleargrad()
        y = ours(*xs)
        y.grad = Variable(gy)
        y.backward()
        return [y.data, *(x.grad.data for x in xs)]

    def run_torch():
        for t in ts:
            t.grad = None
        y = theirs(*ts)
        y.backward(tgy)
        return [y.detach(), *(t.grad for t in ts)]

    return run, run_torch


def training(model, twin, loss, optimizer, repeat=1):
    """Two runs of training steps; they give the loss. The twin gets the weights."""
    value = float(loss(model, F).data)  # makes the weights, too
    copy_weights(model, twin)
    ours = getattr(optimizers, optimizer)().setup(model)
    lr = {"SGD": 0.01, "Adam": 0.001}[optimizer]
    theirs = getattr(torch.optim, optimizer)(twin.parameters(), lr=lr)
    first = float(loss(twin, nn.functional).detach())
    assert np.isclose(value, first, rtol=1e-4), (value, first)

    def run():
        for _ in range(repeat):
            y = loss(model, F)
            model.cleargrads()
            y.backward()
            ours.update()
        return [y.data]

    def run_torch():
        for _ in range(repeat):
            y = loss(twin, nn.functional)
            theirs.zero_grad()
            y.backward()
            theirs.step()
        return [y.detach()]

    return run, run_torch


def copy_weights(model, twin):
    """Give PyTorch's model the weights of ours; its matrices are transposed."""
    for param, theirs in zip(model.params(), twin.parameters(), strict=True):
        with torch.no_grad():
            data = param.data.T if param.data.ndim == 2 else param.data
            theirs.copy_(torch.tensor(data.copy()))


def mlp(sizes, N, optimizer):
    """Some training steps of a network of two linear layers."""
    D, H, C = sizes
    x, t = floats(N, D), rng.integers(0, C, N)
    tensors = torch.tensor(x), torch.tensor(t)
    twin = nn.Sequential(nn.Linear(D, H), nn.ReLU(), nn.Linear(H, C))

    def loss(model, functions):
        if functions is F:
            return F.softmax_cross_entropy(model(x), t)
        return functions.cross_entropy(model(tensors[0]), tensors[1])

    return training(MLP((H, C), activation=F.relu), twin, loss, optimizer, repeat=5)


def convolution(shape, OC, kernel, pad):
    """A convolution with a bias."""
    W, b = floats(OC, shape[1], kernel, kernel) * 0.1, floats(OC)
    return with_gradients(
        lambda x, W, b: F.conv2d(x, W, b, 1, pad),
        lambda x, W, b: nn.functional.conv2d(x, W, b, 1, pad),
        *(floats(*shape), W, b),
    )


def pool(*shape):
    """Max pooling of patches of 2 x 2."""
    return with_gradients(
        lambda x: F.pooling(x, 2, 2),
        lambda x: nn.functional.max_pool2d(x, 2, 2),
        floats(*shape),
    )


class LeNet(Model):
    """Two convolutions with pooling, two linear layers."""

    def __init__(self):
        self.conv1, self.conv2 = L.Conv2d(20, 5), L.Conv2d(50, 5)
        self.fc1, self.fc2 = L.Linear(500), L.Linear(10)

    def forward(self, x):
        x = F.pooling(F.relu(self.conv1(x)), 2, 2)
        x = F.pooling(F.relu(self.conv2(x)), 2, 2)
        return self.fc2(F.relu(self.fc1(F.flatten(x))))


def lenet():
    """A training step on 100 images of 28 x 28."""
    x, t = floats(100, 1, 28, 28), rng.integers(0, 10, 100)
    tensors = torch.tensor(x), torch.tensor(t)
    convs = [nn.Conv2d(1, 20, 5), nn.Conv2d(20, 50, 5)]
    parts = [part for conv in convs for part in (conv, nn.ReLU(), nn.MaxPool2d(2))]
    linear = [nn.Linear(800, 500), nn.ReLU(), nn.Linear(500, 10)]
    twin = nn.Sequential(*parts, nn.Flatten(), *linear)

    def loss(model, functions):
        if functions is F:
            return F.softmax_cross_entropy(model(x), t)
        return functions.cross_entropy(model(tensors[0]), tensors[1])

    return training(LeNet(), twin, loss, "SGD")


def vgg16():
    """An image of 224 x 224 through VGG16."""
    model, parts, C = VGG16(), [], 3
    for block in VGG16.BLOCKS:
        for OC in block:
            parts += [nn.Conv2d(C, OC, 3, padding=1), nn.ReLU()]
            C = OC
        parts.append(nn.MaxPool2d(2))
    linear = [nn.Linear(25088, 4096), nn.ReLU(), nn.Linear(4096, 4096), nn.ReLU()]
    twin = nn.Sequential(*parts, nn.Flatten(), *linear, nn.Linear(4096, 1000))
    x = floats(1, 3, 224, 224)
    tensor = torch.tensor(x)

    def run():
        with no_grad(), test_mode():
            return [model(x).data]

    def run_torch():
        with torch.no_grad():
            return [twin(tensor)]

    run()
    copy_weights(model, twin)
    return run, run_torch


class Sequence(Model):
    """An LSTM and a linear layer."""

    def __init__(self, hidden_size):
        self.lstm, self.fc = L.LSTM(hidden_size), L.Linear(1)

    def forward(self, xs):
        self.lstm.reset_state()
        return [self.fc(self.lstm(x)) for x in xs]


class Twin(nn.Module):
    """The same of PyTorch, where one call takes the whole sequence."""

    def __init__(self, hidden_size):
        super().__init__()
        self.lstm, self.fc = nn.LSTM(1, hidden_size), nn.Linear(hidden_size, 1)

    def forward(self, xs):
        return self.fc(self.lstm(xs)[0])


def lstm():
    """A training step on 30 sequences of 30 numbers, 100 numbers of memory."""
    xs, ts = floats(30, 30, 1), floats(30, 30, 1)
    tensors = torch.tensor(xs), torch.tensor(ts)
    model, twin = Sequence(100), Twin(100)
    ours = optimizers.Adam().setup(model)
    theirs = torch.optim.Adam(twin.parameters(), lr=0.001)

    def run():
        loss = 0
        for y, t in zip(model(xs), ts):
            loss = loss + F.mean_squared_error(y, t)
        model.cleargrads()
        loss.backward()
        ours.update()
        return []

    def run_torch():
        loss = ((twin(tensors[0]) - tensors[1]) ** 2).sum() / 30
        theirs.zero_grad()
        loss.backward()
        theirs.step()
        return []

    return run, run_torch


def cross_entropy():
    """Softmax cross-entropy of 1,000 examples of 1,000 classes."""
    t = rng.integers(0, 1000, 1000)
    return with_gradients(
        lambda x: F.softmax_cross_entropy(x, t),
        lambda x: nn.functional.cross_entropy(x, torch.tensor(t)),
        floats(1000, 1000),
    )


def rows():
    """4,096 of 10,000 rows, some of them twice."""
    index = rng.integers(0, 10_000, 4096)
    return with_gradients(
        lambda W: W[index], lambda W: W[torch.tensor(index)], floats(10_000, 128)
    )


def sum_of_broadcast():
    """The sum of a matrix and a row."""
    return with_gradients(
        lambda x, b: F.sum(x + b),
        lambda x, b: (x + b).sum(),
        *(floats(1000, 1000), floats(1000)),
    )


WORKLOADS = {
    "mlp 784-1000-10, batch 100, SGD": lambda: mlp((784, 1000, 10), 100, "SGD"),
    "mlp 784-1000-10, batch 100, Adam": lambda: mlp((784, 1000, 10), 100, "Adam"),
    "mlp 784-128-10, batch 32, SGD": lambda: mlp((784, 128, 10), 32, "SGD"),
    "mlp 784-128-10, batch 32, Adam": lambda: mlp((784, 128, 10), 32, "Adam"),
    "conv 3x3, (32,3,32,32) to 32": lambda: convolution((32, 3, 32, 32), 32, 3, 1),
    "conv 3x3, (32,32,32,32) to 64": lambda: convolution((32, 32, 32, 32), 64, 3, 1),
    "conv 3x3, (8,64,56,56) to 64": lambda: convolution((8, 64, 56, 56), 64, 3, 1),
    "conv 5x5, (100,1,28,28) to 20": lambda: convolution((100, 1, 28, 28), 20, 5, 0),
    "conv 5x5, (100,20,12,12) to 50": lambda: convolution((100, 20, 12, 12), 50, 5, 0),
    "pool 2x2, (100,20,24,24)": lambda: pool(100, 20, 24, 24),
    "pool 2x2, (32,32,32,32)": lambda: pool(32, 32, 32, 32),
    "pool 2x2, (8,64,112,112)": lambda: pool(8, 64, 112, 112),
    "lenet, batch 100, SGD": lenet,
    "vgg16, one image, forward": vgg16,
    "lstm 1-100-1, batch 30, 30 steps, Adam": lstm,
    "softmax cross-entropy (1000,1000)": cross_entropy,
    "W[index], 4,096 of 10,000 rows": rows,
    "sum(x + b), (1000,1000)": sum_of_broadcast,
}


def compare(name, work, rounds):
    """Print the line of a workload."""
    runs = dict(zip(("ours", "torch"), work()))
    for ours, theirs in zip(*(run() for run in runs.values())):
        scale = np.abs(ours).max()
        if not np.allclose(ours, theirs.numpy(), rtol=1e-3, atol=1e-4 * scale):
            sys.exit(f"{name}: the two do not agree")
    times = {who: [] for who in runs}
    for _ in range(rounds):
        for who, run in runs.items():
            start = time.perf_counter()
            run()
            times[who].append(time.perf_counter() - start)
    print(f"{name:40}", end="")
    for pick in (min, statistics.median):
        ours, theirs = (pick(times[who]) * 1e3 for who in runs)
        print(f"{ours:12.2f}{theirs:10.2f}{ours / theirs:10.2f}", end="")
    print(flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("words", nargs="*", help="parts of names of workloads")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    print(
        f"{options.rounds} rounds, {options.threads} thread(s); Python "
        f"{platform.python_version()}, numpy {np.__version__}, "
        f"torch {torch.__version__}\n"
    )
    print(f"{'':40}{'minimum, ms':>12}{'torch':>10}{'ratio':>10}", end="")
    print(f"{'median, ms':>12}{'torch':>10}{'ratio':>10}")
    np.random.seed(0)
    for name, work in WORKLOADS.items():
        if not options.words or any(word in name for word in options.words):
            compare(name, work, options.rounds)


if __name__ == "__main__":
    main()
