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
    shape: tuple = (2, 3)  # of each input
    order: int = 3  # gradient_check is right up to this order: 3 if smooth
    elementwise: bool = True  # takes every shape
    keeps_float32: bool = True  # float32 in, float32 out
    torch: Callable | None = None  # the same for torch, where the names differ


ANY = (-2.0, 2.0)
POSITIVE = (0.5, 2.0)
BESIDE_ZERO = (-2.0, -0.5)

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
]
