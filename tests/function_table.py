"""The table of all functions and operators: how to call them, on what, since when.

A call gets the module that has the function, and the inputs. It works on a step
and, since the names are the same there, on torch with tensors: this is how
tests/expected/record.py records the expected gradients of every line.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Case:
    """A line of the table."""

    name: str
    call: Callable  # call(module, *xs), module a step or torch
    since: int  # the step that brought it
    inputs: tuple = ((-2.0, 2.0),)  # the range the numbers of each input come from
    shape: tuple = (2, 3)  # of each input ...
    shapes: tuple = ()  # ... unless they are given one by one
    order: int = 3  # gradient_check is right up to this order: 3 if smooth
    elementwise: bool = True  # takes every shape
    keeps_float32: bool = True  # float32 in, float32 out
    torch: Callable | None = None  # the same for torch, where the names differ

    def input_shapes(self):
        """The shape of each input."""
        return self.shapes or (self.shape,) * len(self.inputs)


ANY = (-2.0, 2.0)
POSITIVE = (0.5, 2.0)
BESIDE_ZERO = (-2.0, -0.5)


def of_shapes(name, call, since, *shapes, torch=None, **words):
    """A line for a function that takes arrays of these shapes, not every shape."""
    words = {"inputs": (ANY,) * len(shapes), "order": 2, **words}
    return Case(
        name, call, since, shapes=shapes, elementwise=False, torch=torch, **words
    )


def net(call):
    """A call of torch's functions for networks, torch.nn.functional."""
    return lambda torch, *xs: call(torch.nn.functional, *xs)


def binary_cross_entropy(torch, p, t):
    """By its formula: torch's own function adds 1e-12 to a denominator."""
    return -(t * torch.log(p) + (1 - t) * torch.log(1 - p)).sum() / len(p)


def lstm_cell(torch, a, c):
    """h and c of an LSTM by its formulas, a holding f, i, o and u."""
    f, i, o, u = a.chunk(4, dim=1)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(u)
    return torch.sigmoid(o) * torch.tanh(c), c


def indices(torch, numbers):
    """Integers as torch wants them."""
    return torch.tensor(numbers)


LABELS = [2, 0, 3]
TARGETS = [[0.0, 1.0, 0.3, 1.0], [1.0, 0.0, 0.0, 0.6], [0.5, 1.0, 1.0, 0.0]]
MASK = [[True, False, True, False], [False] * 4, [True, True, False, True]]
ROWS = [2, 0, 2, 2, 1]

CASES = [
    Case("square(x)", lambda F, x: F.square(x), 9),
    Case("exp(x)", lambda F, x: F.exp(x), 9),
    Case("add(x0, x1)", lambda F, x0, x1: F.add(x0, x1), 12, (ANY, ANY)),
    Case("x0 + x1", lambda F, x0, x1: x0 + x1, 20, (ANY, ANY)),
    Case("x0 * x1", lambda F, x0, x1: x0 * x1, 20, (ANY, ANY)),
    Case("mul(x0, x1)", lambda F, x0, x1: F.mul(x0, x1), 20, (ANY, ANY)),
    Case("x + 3", lambda F, x: x + 3, 21),
    Case("3 + x", lambda F, x: 3 + x, 21),
    Case("x * 3.5", lambda F, x: x * 3.5, 21),
    Case("3.5 * x", lambda F, x: 3.5 * x, 21),
    Case("-x", lambda F, x: -x, 22),
    Case("neg(x)", lambda F, x: F.neg(x), 22),
    Case("x0 - x1", lambda F, x0, x1: x0 - x1, 22, (ANY, ANY)),
    Case("sub(x0, x1)", lambda F, x0, x1: F.sub(x0, x1), 22, (ANY, ANY)),
    Case("x - 3", lambda F, x: x - 3, 22),
    Case("3 - x", lambda F, x: 3 - x, 22),
    Case("x0 / x1", lambda F, x0, x1: x0 / x1, 22, (ANY, POSITIVE)),
    Case("div(x0, x1)", lambda F, x0, x1: F.div(x0, x1), 22, (ANY, BESIDE_ZERO)),
    Case("x / 3", lambda F, x: x / 3, 22),
    Case("3 / x", lambda F, x: 3 / x, 22, (BESIDE_ZERO,)),
    Case("x ** 0", lambda F, x: x**0, 22),
    Case("x ** 1", lambda F, x: x**1, 22),
    Case("x ** 2", lambda F, x: x**2, 22),
    Case("x ** 3", lambda F, x: x**3, 22),
    Case("x ** 5", lambda F, x: x**5, 22),
    Case("x ** -2", lambda F, x: x**-2, 22, (BESIDE_ZERO,)),
    Case("x ** 0.5", lambda F, x: x**0.5, 22, (POSITIVE,)),
    Case("x ** -1.5", lambda F, x: x**-1.5, 22, (POSITIVE,)),
    Case("pow(x, 3)", lambda F, x: F.pow(x, 3), 22),
    Case("2 ** x", lambda F, x: 2**x, 22),
    Case("0.3 ** x", lambda F, x: 0.3**x, 22),
    Case("sin(x)", lambda F, x: F.sin(x), 27),
    Case(
        "cast(x, float64)",
        lambda F, x: F.cast(x, np.float64),
        32,
        keeps_float32=False,
        torch=lambda F, x: x.to(F.float64),
    ),
    Case("cos(x)", lambda F, x: F.cos(x), 34),
    Case("tanh(x)", lambda F, x: F.tanh(x), 35),
    # Several operators at once, each input used more than once.
    Case(
        "(x0 * x1 - x0) / (x1 * x1 + 1) ** 3 + 2 ** x0",
        lambda F, x0, x1: (x0 * x1 - x0) / (x1 * x1 + 1) ** 3 + 2**x0,
        22,
        (ANY, ANY),
    ),
    # Stage 4: neural networks.
    Case("log(x)", lambda F, x: F.log(x), 37, (POSITIVE,)),
    Case("x0 ** x1", lambda F, x0, x1: x0**x1, 37, (POSITIVE, ANY)),
    Case("abs(x), x > 0", lambda F, x: abs(x), 37, (POSITIVE,)),
    Case("abs(x), x < 0", lambda F, x: abs(x), 37, (BESIDE_ZERO,)),
    of_shapes("reshape(x, (4, 3))", lambda F, x: F.reshape(x, (4, 3)), 38, (2, 6)),
    of_shapes("x.reshape(3, -1)", lambda F, x: x.reshape(3, -1), 38, (2, 6)),
    of_shapes(
        "transpose(x)",
        lambda F, x: F.transpose(x),
        38,
        (2, 3, 4),
        torch=lambda torch, x: x.permute(2, 1, 0),
    ),
    of_shapes(
        "transpose(x, (1, 2, 0))",
        lambda F, x: F.transpose(x, (1, 2, 0)),
        38,
        (2, 3, 4),
        torch=lambda torch, x: x.permute(1, 2, 0),
    ),
    of_shapes(
        "x.transpose(-1, 0, -2)",
        lambda F, x: x.transpose(-1, 0, -2),
        38,
        (2, 3, 4),
        torch=lambda torch, x: x.permute(-1, 0, -2),
    ),
    of_shapes("x.T", lambda F, x: x.T, 38, (2, 3)),
    of_shapes(
        "expand_dims(x, 1)",
        lambda F, x: F.expand_dims(x, 1),
        38,
        (2, 3),
        torch=lambda torch, x: x.unsqueeze(1),
    ),
    of_shapes(
        "flatten(x)",
        lambda F, x: F.flatten(x),
        38,
        (2, 3, 4),
        torch=lambda torch, x: x.flatten(1),
    ),
    Case("sum(x)", lambda F, x: F.sum(x), 39),
    of_shapes("sum(x, 1)", lambda F, x: F.sum(x, 1), 39, (2, 3, 4)),
    of_shapes("sum(x, -1)", lambda F, x: F.sum(x, -1), 39, (2, 3, 4)),
    of_shapes("sum(x, (0, 2))", lambda F, x: F.sum(x, (0, 2)), 39, (2, 3, 4)),
    of_shapes(
        "sum(x, (0, -1), keepdims=True)",
        lambda F, x: F.sum(x, (0, -1), keepdims=True),
        39,
        (2, 3, 4),
    ),
    Case("mean(x)", lambda F, x: F.mean(x), 39),
    of_shapes("mean(x, 0)", lambda F, x: F.mean(x, 0), 39, (2, 3, 4)),
    of_shapes(
        "average(x, (0, 2), keepdims=True)",
        lambda F, x: F.average(x, (0, 2), keepdims=True),
        39,
        (2, 3, 4),
        torch=lambda torch, x: torch.mean(x, (0, 2), keepdims=True),
    ),
    of_shapes(
        "broadcast_to(x, (2, 3, 4))",
        lambda F, x: F.broadcast_to(x, (2, 3, 4)),
        40,
        (3, 1),
    ),
    of_shapes(
        "sum_to(x, (3, 1))",
        lambda F, x: F.sum_to(x, (3, 1)),
        40,
        (2, 3, 4),
        torch=lambda torch, x: x.sum((0, 2)).unsqueeze(1),
    ),
    of_shapes("x0 + x1, broadcast", lambda F, x0, x1: x0 + x1, 40, (3,), (1,)),
    of_shapes("x0 - x1, broadcast", lambda F, x0, x1: x0 - x1, 40, (2, 1), (3,)),
    of_shapes("x0 * x1, broadcast", lambda F, x0, x1: x0 * x1, 40, (2, 3), (3,)),
    of_shapes(
        "x0 / x1, broadcast",
        lambda F, x0, x1: x0 / x1,
        40,
        (2, 3, 1),
        (1, 4),
        inputs=(ANY, POSITIVE),
    ),
    of_shapes(
        "x0 ** x1, broadcast",
        lambda F, x0, x1: x0**x1,
        40,
        (3, 1),
        (2, 1, 4),
        inputs=(POSITIVE, ANY),
    ),
    of_shapes("matmul(x, W)", lambda F, x, W: F.matmul(x, W), 41, (2, 3), (3, 4)),
    of_shapes("x @ W, batch", lambda F, x, W: x @ W, 41, (5, 2, 3), (5, 3, 4)),
    of_shapes("x @ W, one W", lambda F, x, W: x @ W, 41, (5, 2, 3), (3, 4)),
    of_shapes(
        "mean_squared_error(x0, x1)",
        lambda F, x0, x1: F.mean_squared_error(x0, x1),
        42,
        (3, 2),
        (3, 2),
        torch=lambda torch, x0, x1: ((x0 - x1) ** 2).sum() / 3,
    ),
    of_shapes(
        "linear(x, W, b)",
        lambda F, x, W, b: F.linear(x, W, b),
        43,
        (2, 3),
        (3, 4),
        (4,),
        torch=net(lambda F, x, W, b: F.linear(x, W.T, b)),
    ),
    of_shapes(
        "linear(x, W)",
        lambda F, x, W: F.linear(x, W),
        43,
        (2, 3),
        (3, 4),
        torch=net(lambda F, x, W: F.linear(x, W.T)),
    ),
    Case("sigmoid(x)", lambda F, x: F.sigmoid(x), 43),
    Case("relu(x), x > 0", lambda F, x: F.relu(x), 43, (POSITIVE,)),
    Case("relu(x), x < 0", lambda F, x: F.relu(x), 43, (BESIDE_ZERO,)),
    of_shapes("relu(x)", lambda F, x: F.relu(x), 43, (3, 4)),
    of_shapes(
        "get_item(x, 1)",
        lambda F, x: F.get_item(x, 1),
        47,
        (3, 4),
        torch=lambda torch, x: x[1],
    ),
    of_shapes("x[:, 1:3]", lambda F, x: x[:, 1:3], 38, (3, 4)),
    of_shapes("x[..., None, ::2]", lambda F, x: x[..., None, ::2], 38, (3, 4)),
    of_shapes(
        "x[rows]",
        lambda F, x: x[np.array(ROWS)],
        38,
        (3, 4),
        torch=lambda torch, x: x[indices(torch, ROWS)],
    ),
    of_shapes(
        "x[rows, columns]",
        lambda F, x: x[np.array([0, 2, 0]), np.array(LABELS)],
        38,
        (3, 4),
        torch=lambda torch, x: x[indices(torch, [0, 2, 0]), indices(torch, LABELS)],
    ),
    of_shapes(
        "x[mask]",
        lambda F, x: x[np.array(MASK)],
        38,
        (3, 4),
        torch=lambda torch, x: x[indices(torch, MASK)],
    ),
    of_shapes(
        "max(x)", lambda F, x: F.max(x), 40, (3, 4), torch=lambda torch, x: x.max()
    ),
    of_shapes(
        "max(x, 1)",
        lambda F, x: F.max(x, 1),
        40,
        (3, 4),
        torch=lambda torch, x: torch.amax(x, 1),
    ),
    of_shapes(
        "min(x, (0, -1), keepdims=True)",
        lambda F, x: F.min(x, (0, -1), keepdims=True),
        40,
        (2, 3, 4),
        torch=lambda torch, x: torch.amin(x, (0, -1), keepdim=True),
    ),
    of_shapes("clip(x, -0.5, 1)", lambda F, x: F.clip(x, -0.5, 1), 43, (3, 4)),
    of_shapes(
        "leaky_relu(x)",
        lambda F, x: F.leaky_relu(x),
        43,
        (3, 4),
        torch=net(lambda F, x: F.leaky_relu(x, 0.2)),
    ),
    of_shapes(
        "softmax(x)",
        lambda F, x: F.softmax(x),
        47,
        (3, 4),
        torch=lambda torch, x: torch.softmax(x, 1),
    ),
    of_shapes(
        "softmax(x, axis=-2)",
        lambda F, x: F.softmax(x, axis=-2),
        47,
        (2, 3, 4),
        torch=lambda torch, x: torch.softmax(x, -2),
    ),
    of_shapes(
        "log_softmax(x)",
        lambda F, x: F.log_softmax(x),
        47,
        (3, 4),
        torch=lambda torch, x: torch.log_softmax(x, 1),
    ),
    of_shapes(
        "log_sum_exp(x, 0)",
        lambda F, x: F.log_sum_exp(x, 0),
        47,
        (3, 4),
        torch=lambda torch, x: torch.logsumexp(x, 0),
    ),
    of_shapes(
        "softmax_cross_entropy(x, t)",
        lambda F, x: F.softmax_cross_entropy(x, np.array(LABELS)),
        47,
        (3, 4),
        torch=lambda torch, x: torch.nn.functional.cross_entropy(
            x, indices(torch, LABELS)
        ),
    ),
    of_shapes(
        "sigmoid_cross_entropy(x, t)",
        lambda F, x: F.sigmoid_cross_entropy(x, np.array(TARGETS, x.dtype)),
        48,
        (3, 4),
        torch=lambda torch, x: (
            torch.nn.functional.binary_cross_entropy_with_logits(
                x, torch.tensor(TARGETS, dtype=x.dtype), reduction="sum"
            )
            / 3
        ),
    ),
    of_shapes(
        "binary_cross_entropy(p, t)",
        lambda F, p: F.binary_cross_entropy(p, np.array(TARGETS, p.dtype)),
        48,
        (3, 4),
        inputs=((0.1, 0.9),),
        torch=lambda torch, p: binary_cross_entropy(
            torch, p, torch.tensor(TARGETS, dtype=p.dtype)
        ),
    ),
    # Stage 5: challenges.
    *[
        of_shapes(
            f"batch_norm(x, gamma, beta), {len(shape)} axes",
            lambda F, x, gamma, beta: F.batch_norm(
                x, gamma, beta, np.zeros(3, x.dtype), np.ones(3, x.dtype)
            ),
            54,
            shape,
            (3,),
            (3,),
            torch=net(
                lambda F, x, gamma, beta: F.batch_norm(
                    x, None, None, gamma, beta, training=True, eps=2e-5
                )
            ),
        )
        for shape in [(4, 3), (2, 3, 2, 3)]
    ],
    of_shapes(
        "im2col(x, (2, 3), stride=2, pad=(1, 0))",
        lambda F, x: F.im2col(x, (2, 3), 2, (1, 0), to_matrix=False).reshape(12, -1),
        57,
        (1, 2, 4, 5),
        torch=net(lambda F, x: F.unfold(x, (2, 3), 1, (1, 0), 2).reshape(12, -1)),
    ),
    of_shapes(
        "col2im(col, (1, 2, 4, 5), (2, 3), stride=2, pad=(1, 0))",
        lambda F, x: F.col2im(x, (1, 2, 4, 5), (2, 3), 2, (1, 0)),
        57,
        (6, 12),
        torch=net(lambda F, x: F.fold(x.T, (4, 5), (2, 3), 1, (1, 0), 2)[None]),
    ),
    *[
        of_shapes(
            f"conv2d(x, W, b, {stride}, {pad})",
            lambda F, x, W, b, s=stride, p=pad: F.conv2d(x, W, b, s, p),
            57,
            (2, 3, 5, 6),
            (4, 3, 3, 2),
            (4,),
            torch=net(lambda F, x, W, b, s=stride, p=pad: F.conv2d(x, W, b, s, p)),
        )
        for stride, pad in [(1, 0), ((2, 3), (1, 2)), (3, 1)]
    ],
    *[
        of_shapes(
            f"deconv2d(x, W, b, {stride}, {pad})",
            lambda F, x, W, b, s=stride, p=pad: F.deconv2d(x, W, b, s, p),
            57,
            (2, 3, 4, 3),
            (3, 2, 3, 2),
            (2,),
            torch=net(
                lambda F, x, W, b, s=stride, p=pad: F.conv_transpose2d(x, W, b, s, p)
            ),
        )
        for stride, pad in [(1, 0), ((2, 3), (1, 0)), (2, 1)]
    ],
    *[
        of_shapes(
            f"pooling(x, {kernel}, {stride}, {pad})",
            lambda F, x, k=kernel, s=stride, p=pad: F.pooling(x, k, s, p),
            57,
            (2, 2, 5, 6),
            torch=net(lambda F, x, k=kernel, s=stride, p=pad: F.max_pool2d(x, k, s, p)),
        )
        for kernel, stride, pad in [(2, 2, 0), ((3, 2), (1, 2), (1, 0)), (3, 2, 1)]
    ],
    *[
        of_shapes(
            f"average_pooling(x, {kernel}, {stride}, {pad})",
            lambda F, x, k=kernel, s=stride, p=pad: F.average_pooling(x, k, s, p),
            57,
            (2, 2, 5, 6),
            torch=net(lambda F, x, k=kernel, s=stride, p=pad: F.avg_pool2d(x, k, s, p)),
        )
        for kernel, stride, pad in [(2, 2, 0), ((3, 2), (1, 2), (1, 0))]
    ],
    of_shapes(
        "concatenate([x0, x1, x2])",
        lambda F, *xs: F.concatenate(xs),
        58,
        (2, 3),
        (2, 1),
        (2, 2),
        torch=lambda torch, *xs: torch.cat(xs, 1),
    ),
    of_shapes(
        "embed_id(ids, W)",
        lambda F, W: F.embed_id(np.array([ROWS, ROWS[::-1]]), W),
        60,
        (4, 3),
        torch=net(lambda F, W: F.embedding(W.new_tensor([ROWS, ROWS[::-1]]).long(), W)),
    ),
    *[
        of_shapes(
            f"lstm_cell(a, c)[{i}]",
            lambda F, a, c, i=i: F.lstm_cell(a, c)[i],
            60,
            (3, 8),
            (3, 2),
            torch=lambda torch, a, c, i=i: lstm_cell(torch, a, c)[i],
        )
        for i in (0, 1)
    ],
]
