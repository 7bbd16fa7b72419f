# Cut from steps/step60.py by "make framework": edit the step, not this file.
"""Gradients against numerical slopes."""

import numpy as np

from framework.core import Variable, as_array, as_variable
from framework.functions.shape import sum


def numerical_diff(f, x, eps=1e-4):
    """The slope of f at x, a Variable, by a central difference of width 2 eps.

    f takes a Variable and returns one. It is called twice, on new Variables whose
    elements are all moved by eps, down and up; x stays as it is. The slope is what
    NumPy computes, not a Variable: an array, or a number for a 0-d x.
    """
    y0 = f(Variable(as_array(x.data - eps)))
    y1 = f(Variable(as_array(x.data + eps)))
    return (y1.data - y0.data) / (2 * eps)


def moved(xs, us, eps):
    """New Variables: each of xs, moved by eps along its direction in us."""
    return [Variable(as_array(x.data + eps * u)) for x, u in zip(xs, us)]


def weighted(xs, weights):
    """One number: the sum of all elements of these Variables, times their weights.

    It is a Variable, 0 for no Variables.
    """
    total = as_variable(0.0)
    for x, w in zip(xs, weights):
        total = total + sum(x * w)
    return total


def derivative(f, us):
    """The function that gives the slope of f(*xs), a number, along us, with a graph.

    It clears the gradients of xs before it calls f, and again at the end. One that is
    None counts as 0.
    """

    def df(*xs):
        for x in xs:
            x.cleargrad()
        f(*xs).backward(create_graph=True)
        gxs = [as_variable(0.0) if x.grad is None else x.grad for x in xs]
        for x in xs:
            x.cleargrad()
        return weighted(gxs, us)

    return df


def gradient_check(f, *xs, order=1, eps=1e-4, tolerance=1e-5):
    """True if backward() through f agrees with a numerical slope at xs, Variables.

    f gives a Variable or a list of them, ys. xs move along random directions us, and
    ys are weighted with random vs, so that one number stands for every element. An
    AssertionError says both slopes if they are further apart than tolerance *
    (abs(numerical slope) + 0.001). The derivatives of f are checked in the same way,
    up to the given order. us are drawn by np.random.default_rng(order), vs by
    default_rng(0) at each call of f.
    """
    rng = np.random.default_rng(order)
    us = [rng.standard_normal(x.shape) for x in xs]

    def number(*xs):
        ys = f(*xs)
        ys = ys if isinstance(ys, list) else [ys]
        rng = np.random.default_rng(0)  # the same weights each time
        return weighted(ys, [rng.standard_normal(y.shape) for y in ys])

    df = derivative(number, us)
    y0, y1 = (number(*moved(xs, us, by)).data for by in (-eps, eps))
    slope, found = (y1 - y0) / (2 * eps), df(*moved(xs, us, 0.0)).data
    if not abs(found - slope) < tolerance * (abs(slope) + 1e-3):
        raise AssertionError(
            f"backward() gives a slope of {found:.6g}, "
            f"but the numerical slope is {slope:.6g}."
        )
    if order == 1:
        return True
    return gradient_check(df, *xs, order=order - 1, eps=eps, tolerance=tolerance)
