# Cut from steps/step60.py by "make framework": edit the step, not this file.
"""Gradients against numerical slopes."""

import numpy as np

from framework.core import Variable, as_array, as_variable


def numerical_diff(f, x, eps=1e-4):
    """The slope of f at x, a Variable, by a central difference of width 2 eps.

    f takes a Variable and returns one. It is called twice, on new Variables whose
    elements are all moved by eps, down and up; x stays as it is. The slope is no
    Variable but what NumPy computes: an array, or a number for a 0-d x.
    """
    y0 = f(Variable(as_array(x.data - eps)))
    y1 = f(Variable(as_array(x.data + eps)))
    return (y1.data - y0.data) / (2 * eps)


def moved(xs, us, eps):
    """Each of xs, moved by eps along its direction in us."""
    return [Variable(as_array(x.data + eps * u)) for x, u in zip(xs, us)]


def inner(us, vs):
    """The inner product of two lists of arrays."""
    total = 0.0
    for u, v in zip(us, vs):
        total += np.sum(u * v)
    return total


def derivative(f, vs):
    """The function that gives the gradients of f, its outputs weighted with vs."""

    def df(*xs):
        for x in xs:
            x.cleargrad()
        ys = f(*xs)
        for y, v in zip(ys if isinstance(ys, list) else [ys], vs):
            y.grad = v
            y.backward(create_graph=True)
        gxs = [as_variable(np.zeros_like(x.data)) for x in xs]
        for i, x in enumerate(xs):
            if x.grad is not None:
                gxs[i] = x.grad
            x.cleargrad()
        return gxs

    return df


def gradient_check(f, *xs, order=1, eps=1e-4, tolerance=1e-5):
    """True if backward() through f agrees with a numerical slope at xs, Variables.

    xs move along random directions us and ys are weighted with random vs, so
    that one number stands for every element; an AssertionError says how far
    the two are apart if that is more than the tolerance, relative to the slope.
    The derivatives of f are checked in the same way, up to the given order.
    """
    rng = np.random.default_rng(order)
    us = [rng.standard_normal(x.shape) for x in xs]
    y0s, y1s = f(*moved(xs, us, -eps)), f(*moved(xs, us, eps))
    if isinstance(y0s, Variable):
        y0s, y1s = [y0s], [y1s]
    vs = [as_array(rng.standard_normal(y.shape)) for y in y0s]
    df = derivative(f, vs)
    gxs = df(*moved(xs, us, 0.0))
    changes = [y1.data - y0.data for y0, y1 in zip(y0s, y1s)]
    slope = inner(vs, changes) / (2 * eps)
    found = inner(us, [gx.data for gx in gxs])
    if not abs(found - slope) < tolerance * (abs(slope) + 1e-3):
        raise AssertionError(
            f"backward() gives a slope of {found:.6g}, "
            f"but the numerical slope is {slope:.6g}."
        )
    if order == 1:
        return True
    return gradient_check(df, *xs, order=order - 1, eps=eps, tolerance=tolerance)
