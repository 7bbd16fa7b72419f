# Cut from steps/step60.py by "make framework": edit the step, not this file.
"""Functions of elements, and matrix products."""

import numpy as np

from framework.core import Function, Variable, as_variable, cast
from framework.functions.operators import python_number
from framework.functions.shape import unbroadcast


class Square(Function):
    """x ** 2."""

    def forward(self, x):
        return x**2

    def backward(self, gy):
        (x,) = self.saved_inputs
        return gy * (2 * x)


def square(x):
    """x ** 2, element by element."""
    return Square()(x)


class Exp(Function):
    """e ** x."""

    def forward(self, x):
        return np.exp(x)

    def backward(self, gy):
        (y,) = self.saved_outputs
        return gy * y


def exp(x):
    """e ** x, element by element."""
    return Exp()(x)


class Sin(Function):
    """sin x, x in radians."""

    def forward(self, x):
        return np.sin(x)

    def backward(self, gy):
        (x,) = self.saved_inputs
        return gy * cos(x)


def sin(x):
    """sin x, element by element, x in radians."""
    return Sin()(x)


class Cos(Function):
    """cos x, x in radians."""

    def forward(self, x):
        return np.cos(x)

    def backward(self, gy):
        (x,) = self.saved_inputs
        return gy * -sin(x)


def cos(x):
    """cos x, element by element, x in radians."""
    return Cos()(x)


class Tanh(Function):
    """The hyperbolic tangent of x."""

    def forward(self, x):
        return np.tanh(x)

    def backward(self, gy):
        (y,) = self.saved_outputs
        return gy * (1 - y * y)


def tanh(x):
    """The hyperbolic tangent of x, element by element; integers count as float64."""
    return Tanh()(as_float(x))


class Absolute(Function):
    """x without its sign; the slope at 0 is taken to be 0."""

    def forward(self, x):
        self.sign = np.sign(x)
        return np.absolute(x)

    def backward(self, gy):
        return gy * self.sign


def absolute(x):
    """x without its sign, element by element; its slope at 0 is taken to be 0."""
    return Absolute()(x)


Variable.__abs__ = absolute


class MatMul(Function):
    """x @ W."""

    def forward(self, x, W):
        if x.ndim < 2 or W.ndim < 2:
            raise ValueError("a matrix product takes arrays of two axes or more")
        return x @ W

    def backward(self, gy):
        x, W = self.saved_inputs[:2]
        gx = gW = None
        if self.needs(0):
            gx = unbroadcast(gy @ swap_last_axes(W), x.shape)
        if self.needs(1):
            gW = unbroadcast(swap_last_axes(x) @ gy, W.shape)
        return gx, gW


def swap_last_axes(x):
    """Each matrix in x transposed."""
    return x.transpose((*range(x.ndim - 2), -1, -2))


def matmul(x, W):
    """x @ W for x (..., N, D) and W (..., D, H): (..., N, H).

    The axes in front count matrices, and are broadcast. Shapes that do not fit, or
    of fewer than two axes, are a ValueError.
    """
    return MatMul()(x, W)


def rmatmul(x, W):
    """W @ x: Python swaps the operands of a reflected operator."""
    return matmul(W, x)


Variable.__matmul__ = matmul
Variable.__rmatmul__ = rmatmul
Variable.matmul = matmul
Variable.dot = matmul


def as_float(x):
    """x as a Variable; integers become float64, since they would wrap around."""
    x = as_variable(x)
    return cast(x, float) if x.dtype.kind in "biu" else x


class Clip(Function):
    """x with what is below x_min or above x_max moved there."""

    def __init__(self, x_min, x_max):
        self.x_min = x_min
        self.x_max = x_max

    def forward(self, x):
        return np.clip(x, self.x_min, self.x_max)

    def backward(self, gy):
        (x,), (y,) = self.saved_inputs, self.saved_outputs
        return gy * (x == y)  # where clipping has left x as it was


def clip(x, x_min, x_max):
    """x with what is below x_min or above x_max moved there; the slope there is 0.

    None is no limit. At the limits themselves the slope is 1.
    """
    return Clip(python_number(x_min), python_number(x_max))(x)
