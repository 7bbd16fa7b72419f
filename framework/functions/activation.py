# Cut from steps/step60.py by "make framework": edit the step, not this file.
"""What bends a line, and what makes probabilities."""

import numpy as np

from framework.core import Function
from framework.functions.math import as_float, exp
from framework.functions.operators import python_number
from framework.functions.shape import Sum, kept_shape, sum


def sigmoid_array(x):
    """1 / (1 + e ** -x) of an array, which is e ** x / (1 + e ** x) as well.

    Of the two each element gets the one in which nothing overflows.
    """
    return np.exp(np.minimum(x, 0)) / (1 + np.exp(-np.absolute(x)))


class Sigmoid(Function):
    """1 / (1 + e ** -x)."""

    def forward(self, x):
        return sigmoid_array(x)

    def backward(self, gy):
        (y,) = self.saved_outputs
        return gy * (y * (1 - y))


def sigmoid(x):
    """1 / (1 + e ** -x), element by element; integers count as float64."""
    return Sigmoid()(as_float(x))


class ReLU(Function):
    """x where it is positive, else 0."""

    def forward(self, x):
        return np.maximum(x, 0)

    def backward(self, gy):
        (y,) = self.saved_outputs
        return gy * (y > 0)


def relu(x):
    """x where it is positive, else 0 (rectified linear unit); the slope at 0 is 0."""
    return ReLU()(x)


class LeakyReLU(Function):
    """x where it is positive, else slope * x."""

    def __init__(self, slope):
        self.slope = slope

    def forward(self, x):
        return np.where(x > 0, x, x * self.slope)

    def backward(self, gy):
        (x,) = self.saved_inputs
        return gy * np.where(x > 0, 1.0, self.slope).astype(gy.dtype)


def leaky_relu(x, slope=0.2):
    """x where it is positive, else slope * x."""
    return LeakyReLU(python_number(slope))(x)


class Softmax(Function):
    """e ** x, divided by its sum along an axis."""

    def __init__(self, axis):
        self.axis = axis

    def forward(self, x):
        y = np.exp(x - x.max(axis=self.axis, keepdims=True))
        return y / y.sum(axis=self.axis, keepdims=True)

    def backward(self, gy):
        (y,) = self.saved_outputs
        gx = y * gy
        return gx - y * gx.sum(axis=self.axis, keepdims=True)


def softmax_simple(x, axis=1):
    """softmax as its formula, of integers, too, without protection from overflow."""
    y = exp(as_float(x))
    return y / sum(y, axis, keepdims=True)


def softmax(x, axis=1):
    """e ** x, divided by its sum along an axis: probabilities, which sum to 1.

    x is a Variable or an array; integers count as float64. Large x do no harm.
    """
    return Softmax(axis)(as_float(x))


class LogSumExp(Sum):
    """log(sum(e ** x)) along an axis."""

    def forward(self, x):
        largest = x.max(axis=self.axis, keepdims=True)
        total = super().forward(np.exp(x - largest))
        return np.log(total) + largest.reshape(total.shape)

    def backward(self, gy):
        (x,), (y,) = self.saved_inputs, self.saved_outputs
        y = y.reshape(kept_shape(x.shape, self.axis))
        return super().backward(gy) * exp(x - y)


def log_sum_exp(x, axis=None, keepdims=False):
    """log(sum(e ** x)) along an axis, or several, or all; e ** x may be too large.

    Of integers, too. axis and keepdims are those of sum.
    """
    return LogSumExp(axis, keepdims)(as_float(x))


def log_softmax(x, axis=1):
    """The logarithm of softmax, right even where that rounds to 0; of integers, too."""
    return x - log_sum_exp(x, axis, keepdims=True)
