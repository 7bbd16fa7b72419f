"""Time the newest step against PyTorch (CPU, one thread) and hand-written numpy.

    python benchmarks/core.py [--rounds 9] [--step 36]

Every workload is first run once by each of the three, and their results must
agree; then in rounds, one after the other, so that whatever else the machine
does meets all three. The table has the medians, in milliseconds, and ratios of
them; below 1, this project takes less time. The numpy column is the same work
written out by hand for the one case, forward and backward: a lower bound.
Without torch its columns are missing, and the first line says so.

Below the table stands the time that backward() takes for one function, in
graphs of different sizes: it must not grow with the size.

A Python that was built without --enable-optimizations takes about 1.3 times as
long for our part, and none the longer for PyTorch's.
"""

import argparse
import gc
import importlib.util
import os
import platform
import statistics
import sys
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np  # noqa: E402

try:
    import torch
except ImportError:
    torch = None

# The collector looks at all objects there are, again and again, while a graph
# grows. What the imports have made (PyTorch makes a great deal) is none of the
# graph's business and would be charged to everyone: it is left out from now on.
gc.collect()
gc.freeze()

STEPS = Path(__file__).resolve().parent.parent / "steps"
FIRST = 35  # the first step that has all the functions used here
N = 10_000  # functions in a chain
WIDE = 3_000  # branches of the wide graph
NEWTON = 8  # steps of Newton's method
POINTS = np.linspace(-3.0, 3.0, 200)


class Ours:
    """What the workloads need, from a step."""

    def __init__(self, step):
        self.no_grad, self.sin, self.tanh = step.no_grad, step.sin, step.tanh
        self.exp, self.Variable = step.exp, step.Variable

    def leaf(self, x):
        return self.Variable(np.array(x))

    def array(self, x):
        return x.data

    def gradient(self, y, x):
        y.backward()
        return x.grad.data

    def slopes(self, y, xs, create_graph):
        y.backward(create_graph=create_graph)
        gxs = [x.grad for x in xs]
        for x in xs:
            x.cleargrad()
        return gxs


class Torch:
    """The same from PyTorch."""

    def __init__(self):
        torch.set_num_threads(1)
        self.no_grad, self.sin, self.tanh = torch.no_grad, torch.sin, torch.tanh

    def leaf(self, x):
        return torch.tensor(x, dtype=torch.float64, requires_grad=True)

    def array(self, x):
        return x.detach().numpy()

    def gradient(self, y, x):
        y.backward()
        return x.grad.numpy()

    def slopes(self, y, xs, create_graph):
        start = torch.ones_like(y)
        return torch.autograd.grad(
            y, xs, start, retain_graph=True, create_graph=create_graph
        )


# --- the workloads, for Ours and Torch alike ---


def chain_of_variables(lib, n=N):
    """n additions and multiplications with a variable: x and the last y."""
    x = y = lib.leaf(0.5)
    for _ in range(n // 2):
        y = y + x
        y = y * x
    return x, y


def chain_of_numbers(lib, n=N):
    """n additions and multiplications with a number: x and the last y."""
    x = y = lib.leaf(0.5)
    for _ in range(n // 2):
        y = y + 0.1
        y = y * 1.0001
    return x, y


def wide(lib):
    """The sum of many products: x and y."""
    x = lib.leaf(0.5)
    y = x * x
    for _ in range(WIDE - 1):
        y = y + x * x
    return x, y


def forward(lib, graph):
    """The value of y, without backward()."""
    return lib.array(graph(lib)[1])


def under_no_grad(lib, graph):
    """The value of y, with nothing recorded."""
    with lib.no_grad():
        return forward(lib, graph)


def both(lib, graph):
    """The gradient of x: forward and backward."""
    x, y = graph(lib)
    return lib.gradient(y, x)


def rosenbrock(x, y):
    return 100 * (y - x**2) ** 2 + (x - 1) ** 2


def goldstein_price(x, y):
    a, c = x + y + 1, 2 * x - 3 * y
    b = 19 - 14 * x + 3 * x**2 - 14 * y + 6 * x * y + 3 * y**2
    d = 18 - 32 * x + 12 * x**2 + 48 * y - 36 * x * y + 27 * y**2
    return (1 + a**2 * b) * (30 + c**2 * d)


def newton(lib, f, start):
    """The path of Newton's method, by double backpropagation, a point a row."""
    path = [np.array(start)]
    for _ in range(NEWTON):
        xs = [lib.leaf(float(x)) for x in path[-1]]
        gxs = lib.slopes(f(*xs), xs, create_graph=True)
        rows = [lib.slopes(gx, xs, create_graph=False) for gx in gxs]
        hessian = np.array([[float(lib.array(h)) for h in row] for row in rows])
        gradient = [float(lib.array(gx)) for gx in gxs]
        path.append(path[-1] - np.linalg.solve(hessian, gradient))
    return np.array(path)


def derivatives(lib, name, count):
    """The derivative of an order, at all points."""
    x = lib.leaf(POINTS)
    y = getattr(lib, name)(x)
    for _ in range(count):
        (y,) = lib.slopes(y, [x], create_graph=True)
    return lib.array(y)


# --- the same by hand, in bare numpy ---


class Bare:
    """Leaves that are arrays: enough to run a graph forward."""

    def leaf(self, x):
        return np.array(x)[()]  # a number: NumPy is quicker with it than with 0-d


def bare_forward(graph):
    return graph(Bare())[1]


def bare_chain_of_variables():
    x = y = Bare().leaf(0.5)
    ys = []
    for _ in range(N // 2):
        y = y + x
        ys.append(y)
        y = y * x
    gx, gy = 0.0, 1.0
    for y in reversed(ys):
        gx = gx + gy * y
        gy = gy * x
        gx = gx + gy
    return gx + gy


def bare_chain_of_numbers():
    bare_forward(chain_of_numbers)
    gy = Bare().leaf(1.0)
    for _ in range(N // 2):
        gy = gy * 1.0001
    return gy


def bare_wide():
    x, _ = wide(Bare())
    gx, gy = 0.0, 1.0
    for _ in range(WIDE):
        gx = gx + gy * x + gy * x
    return gx


def bare_rosenbrock(x, y):
    """The gradient and the Hessian."""
    t = y - x**2
    gradient = np.array([-400 * x * t + 2 * (x - 1), 200 * t])
    hessian = np.array([[1200 * x**2 - 400 * y + 2, -400 * x], [-400 * x, 200.0]])
    return gradient, hessian


def product(u, v):
    """Value, gradient and Hessian of a product, from those of its factors."""
    (u, gu, hu), (v, gv, hv) = u, v
    mixed = np.outer(gu, gv)
    return u * v, u * gv + v * gu, u * hv + v * hu + mixed + mixed.T


def bare_goldstein_price(x, y):
    """The gradient and the Hessian."""
    a = x + y + 1, np.array([1.0, 1.0]), 0.0
    c = 2 * x - 3 * y, np.array([2.0, -3.0]), 0.0
    b = (
        19 - 14 * x + 3 * x**2 - 14 * y + 6 * x * y + 3 * y**2,
        np.array([-14 + 6 * x + 6 * y, -14 + 6 * x + 6 * y]),
        np.array([[6.0, 6.0], [6.0, 6.0]]),
    )
    d = (
        18 - 32 * x + 12 * x**2 + 48 * y - 36 * x * y + 27 * y**2,
        np.array([-32 + 24 * x - 36 * y, 48 - 36 * x + 54 * y]),
        np.array([[24.0, -36.0], [-36.0, 54.0]]),
    )
    left, *left_slopes = product(product(a, a), b)
    right, *right_slopes = product(product(c, c), d)
    return product((1 + left, *left_slopes), (30 + right, *right_slopes))[1:]


def bare_newton(slopes, start):
    path = [np.array(start)]
    for _ in range(NEWTON):
        gradient, hessian = slopes(*path[-1])
        path.append(path[-1] - np.linalg.solve(hessian, gradient))
    return np.array(path)


def bare_sin(count):
    y = np.sin(POINTS)
    for order in range(1, count + 1):
        y = np.cos(POINTS) if order % 2 else np.sin(POINTS)
        y = -y if order % 4 in (2, 3) else y
    return y


def bare_tanh(count):
    """Each derivative a polynomial in t = tanh x; p' (1 - t ** 2) follows on p."""
    t, p = np.tanh(POINTS), np.array([0.0, 1.0])
    for _ in range(count):
        slope = p[1:] * np.arange(1, len(p))
        p = np.concatenate([slope, [0.0, 0.0]]) - np.concatenate([[0.0, 0.0], slope])
        y = np.zeros_like(t)
        for factor in p[::-1]:
            y = y * t + factor
    return y


ROSENBROCK, GOLDSTEIN_PRICE = (-1.2, 1.0), (0.1, -0.9)

# name, for a library, by hand
WORKLOADS = [
    (
        "10,000 + and * with variables, forward",
        lambda lib: forward(lib, chain_of_variables),
        lambda: bare_forward(chain_of_variables),
    ),
    (
        "  forward and backward",
        lambda lib: both(lib, chain_of_variables),
        bare_chain_of_variables,
    ),
    (
        "  forward under no_grad",
        lambda lib: under_no_grad(lib, chain_of_variables),
        lambda: bare_forward(chain_of_variables),
    ),
    (
        "10,000 + and * with numbers, forward",
        lambda lib: forward(lib, chain_of_numbers),
        lambda: bare_forward(chain_of_numbers),
    ),
    (
        "  forward and backward",
        lambda lib: both(lib, chain_of_numbers),
        bare_chain_of_numbers,
    ),
    (
        "  forward under no_grad",
        lambda lib: under_no_grad(lib, chain_of_numbers),
        lambda: bare_forward(chain_of_numbers),
    ),
    (
        "3,000 branches summed, both ways",
        lambda lib: both(lib, wide),
        bare_wide,
    ),
    (
        "Newton, Rosenbrock",
        lambda lib: newton(lib, rosenbrock, ROSENBROCK),
        lambda: bare_newton(bare_rosenbrock, ROSENBROCK),
    ),
    (
        "Newton, Goldstein-Price",
        lambda lib: newton(lib, goldstein_price, GOLDSTEIN_PRICE),
        lambda: bare_newton(bare_goldstein_price, GOLDSTEIN_PRICE),
    ),
    (
        "sin, 8 derivatives, 200 points",
        lambda lib: derivatives(lib, "sin", 8),
        lambda: bare_sin(8),
    ),
    (
        "tanh, 6 derivatives, 200 points",
        lambda lib: derivatives(lib, "tanh", 6),
        lambda: bare_tanh(6),
    ),
]


# --- time ---


def seconds(run):
    """How long one run takes, what it leaves behind being collected before."""
    gc.collect()
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def check_agreement(name, runs):
    """Stop with an error unless all results are the same, up to rounding."""
    results = {who: run() for who, run in runs.items()}
    for who, result in results.items():
        if not np.allclose(result, results["ours"], rtol=1e-8, atol=1e-8):
            sys.exit(f"{name}: ours is {results['ours']}, {who} is {result}")


def medians(runs, rounds):
    """The median time of each of the runs, in interleaved rounds."""
    times = {who: [] for who in runs}
    for _ in range(rounds):
        for who, run in runs.items():
            times[who].append(seconds(run))
    return {who: statistics.median(ts) for who, ts in times.items()}


def compare(libs, rounds):
    """Print the table: a line for each workload."""
    others = [who for who in (*libs, "numpy") if who != "ours"]
    head = ["ours ms", *(f"{who} ms" for who in others)]
    head += [f"ours/{who}" for who in others]
    print(f"{'':40}" + "".join(f"{title:>12}" for title in head))
    for name, work, by_hand in WORKLOADS:
        runs = {who: lambda lib=lib, work=work: work(lib) for who, lib in libs.items()}
        runs["numpy"] = by_hand
        check_agreement(name, runs)
        found = medians(runs, rounds)
        cells = [f"{found[who] * 1e3:12.3f}" for who in ("ours", *others)]
        cells += [f"{found['ours'] / found[who]:12.2f}" for who in others]
        print(f"{name:40}" + "".join(cells))


def sum_of_terms(lib, n):
    """n values of exp(x), then their sum: 2 n - 1 functions."""
    x = lib.leaf(0.5)
    terms = [lib.exp(x) for _ in range(n)]
    y = terms[0]
    for term in terms[1:]:
        y = y + term
    return x, y


def backward_seconds(lib, graph, n):
    """How long backward() takes in a graph of size n that is there already."""
    _, y = graph(lib, n)
    return seconds(y.backward)


def per_function(lib, rounds):
    """Print what backward() takes for one function, in graphs of several sizes."""
    rows = [
        ("chain of + and *", chain_of_variables, (1_000, 10_000, 100_000), 1),
        ("sum of exp(x) + exp(x) + ...", sum_of_terms, (1_000, 10_000), 2),
    ]
    for name, graph, sizes, functions in rows:
        times = {n: [] for n in sizes}
        for _ in range(rounds):
            for n in sizes:
                spent = backward_seconds(lib, graph, n)
                times[n].append(spent / (n * functions) * 1e6)
        found = {n: statistics.median(ts) for n, ts in times.items()}
        print(f"\nbackward, µs a function, {name}")
        for n in sizes:
            print(f"{n:12,} {found[n]:8.2f} {found[n] / found[sizes[0]]:8.2f} times")


def load(number):
    """A step as a module, and its number; the newest if number is None."""
    numbers = [int(path.stem[4:]) for path in STEPS.glob("step[0-9][0-9].py")]
    number = max(numbers) if number is None else number
    if number not in numbers or number < FIRST:
        sys.exit(f"--step takes {FIRST} to {max(numbers)}, but got {number}.")
    spec = importlib.util.spec_from_file_location("step", STEPS / f"step{number:02}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module, number


def positive(text):
    """A whole number above 0."""
    if int(text) < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return int(text)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--rounds", type=positive, default=9, help="9 if not named")
    parser.add_argument("--step", type=int, help="the newest if not named")
    arguments = parser.parse_args()
    step, number = load(arguments.step)
    libs = {"ours": Ours(step)}
    versions = f"Python {platform.python_version()}, numpy {np.__version__}"
    if torch is None:
        versions += "; torch is not installed: compared with bare numpy only"
    else:
        libs["torch"] = Torch()
        versions += f", torch {torch.__version__} on one thread of the CPU"
    print(f"step {number}, medians of {arguments.rounds} rounds; {versions}\n")
    compare(libs, arguments.rounds)
    per_function(libs["ours"], arguments.rounds)


if __name__ == "__main__":
    main()
