"""Record convolutions and poolings with PyTorch, in float64, on the CPU.

    python tests/expected/record_convolution.py

Needs torch (the tests don't: they read what is written here). It writes, for
every line of CASES, into convolution.json

    function, arguments    what is called, and with what behind the arrays
    inputs, cotangent      random, from a seed made of the line's name
    value                  y = function(*inputs, **arguments)
    gradients              of L = sum(cotangent * y * y), one for each input
    directions             random, one for each input
    second                 the gradients of sum(directions * gradients)

The square makes the gradient that arrives at the function depend on the inputs, so
that `second` goes through all that its backward() does.
"""

import numpy as np
import torch
from record import gradients, inner, leaf, lists, write
from torch.nn import functional

CASES = {  # name: (function, shapes of the inputs, arguments)
    "conv2d": ("conv2d", [(2, 3, 4, 4), (2, 3, 3, 3), (2,)], {}),
    "conv2d without a bias": ("conv2d", [(2, 2, 4, 4), (3, 2, 2, 2)], {"pad": 1}),
    "conv2d, all odd": (
        "conv2d",
        [(2, 2, 6, 7), (3, 2, 3, 2), (3,)],
        {"stride": (2, 3), "pad": (2, 1)},
    ),
    "conv2d, a kernel that lies down": (
        "conv2d",
        [(2, 2, 5, 8), (2, 2, 1, 4), (2,)],
        {"stride": (3, 2), "pad": (0, 1)},
    ),
    "conv2d, gaps between the places": (
        "conv2d",
        [(1, 2, 6, 5), (2, 2, 1, 1), (2,)],
        {"stride": (3, 2), "pad": 0},
    ),
    "conv2d, a kernel that covers all": (
        "conv2d",
        [(2, 2, 3, 4), (3, 2, 3, 4), (3,)],
        {},
    ),
    "conv2d, more padding than kernel": (
        "conv2d",
        [(1, 2, 3, 2), (2, 2, 2, 2), (2,)],
        {"stride": 2, "pad": 3},
    ),
    "deconv2d": ("deconv2d", [(2, 3, 3, 3), (3, 2, 3, 3), (2,)], {}),
    "deconv2d without a bias": (
        "deconv2d",
        [(2, 2, 3, 2), (2, 3, 2, 3)],
        {"stride": 2, "pad": 1},
    ),
    "deconv2d, all odd": (
        "deconv2d",
        [(2, 2, 3, 3), (2, 3, 4, 3), (3,)],
        {"stride": (3, 2), "pad": (2, 1)},
    ),
    "deconv2d, a larger outsize": (
        "deconv2d",
        [(2, 2, 3, 2), (2, 2, 2, 3), (2,)],
        {"stride": (3, 2), "pad": (1, 0), "outsize": (8, 6)},
    ),
    "deconv2d, gaps between the kernels": (
        "deconv2d",
        [(1, 2, 2, 3), (2, 2, 1, 1), (2,)],
        {"stride": (3, 2)},
    ),
    "pooling": ("pooling", [(2, 2, 4, 4)], {"kernel_size": 2, "stride": 2}),
    "pooling, all odd": (
        "pooling",
        [(2, 2, 5, 7)],
        {"kernel_size": (3, 2), "stride": (2, 3), "pad": (1, 1)},
    ),
    "pooling, places that overlap": (
        "pooling",
        [(2, 1, 5, 5)],
        {"kernel_size": 3, "stride": 1, "pad": 1},
    ),
    "average_pooling": (
        "average_pooling",
        [(2, 2, 4, 4)],
        {"kernel_size": 2, "stride": 2},
    ),
    "average_pooling, all odd": (
        "average_pooling",
        [(2, 2, 5, 7)],
        {"kernel_size": (3, 2), "stride": (2, 3), "pad": (1, 1)},
    ),
    "average_pooling, places that overlap": (
        "average_pooling",
        [(2, 1, 4, 5)],
        {"kernel_size": (2, 3), "stride": 1, "pad": (0, 1)},
    ),
}


def two(x):
    """(x, x) for a number."""
    return (x, x) if isinstance(x, int) else x


def conv2d(x, W, b=None, stride=1, pad=0):
    return functional.conv2d(x, W, b, stride, pad)


def deconv2d(x, W, b=None, stride=1, pad=0, outsize=None):
    """PyTorch is told how much larger than the smallest the output is to be."""
    sizes = x.shape[2:], W.shape[2:], two(stride), two(pad)
    smallest = [s * (n - 1) + k - 2 * p for n, k, s, p in zip(*sizes)]
    more = [a - b for a, b in zip(outsize or smallest, smallest)]
    return functional.conv_transpose2d(x, W, b, stride, pad, more)


def pooling(x, kernel_size, stride, pad=0):
    return functional.max_pool2d(x, kernel_size, stride, pad)


def average_pooling(x, kernel_size, stride, pad=0):
    return functional.avg_pool2d(x, kernel_size, stride, pad, count_include_pad=True)


def record_case(name, function, shapes, arguments):
    """The expected value and gradients of one line."""
    rng = np.random.default_rng(list(name.encode()))
    xs = [leaf(rng.uniform(-2, 2, shape).round(3)) for shape in shapes]
    us = [torch.tensor(rng.standard_normal(shape).round(3)) for shape in shapes]
    y = globals()[function](*xs, **arguments)
    v = torch.tensor(rng.standard_normal(y.shape).round(3))
    gxs = gradients(inner([v], [y * y]), xs)
    return {
        "function": function,
        "arguments": arguments,
        "inputs": lists(xs),
        "cotangent": v.tolist(),
        "value": y.tolist(),
        "gradients": lists(gxs),
        "directions": lists(us),
        "second": lists(gradients(inner(us, gxs), xs)),
    }


if __name__ == "__main__":
    torch.set_num_threads(1)
    version = f"record_convolution.py with torch {torch.__version__}"
    cases = {name: record_case(name, *case) for name, case in CASES.items()}
    write("convolution.json", {"made by": version, **cases})
