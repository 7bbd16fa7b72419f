# Cut from steps/step60.py by "make framework": edit the step, not this file.
"""How far a prediction is off."""

import numpy as np

from framework.backend import get_array_module
from framework.core import Config, Function, as_array, as_variable, cast
from framework.functions.activation import log_softmax, sigmoid, softmax
from framework.functions.math import as_float, clip
from framework.functions.operators import log
from framework.functions.shape import check_ids, reshape, sum


def mean_squared_error_simple(x0, x1):
    """mean_squared_error out of -, **, sum and /, which do not check the shapes."""
    diff = as_float(x0) - as_float(x1)
    return sum(diff**2) / len(diff)


class MeanSquaredError(Function):
    """The sum of (x0 - x1) ** 2, divided by the number of examples.

    Shapes that differ, or hold nothing, are a ValueError.
    """

    def forward(self, x0, x1):
        if x0.shape != x1.shape or x0.size == 0:
            raise ValueError("they must be equal and hold something")
        self.n = len(x0) if x0.ndim else 1
        diff = x0 - x1
        return (diff * diff).mean() * (diff.size / self.n)

    def backward(self, gy):
        x0, x1 = self.saved_inputs
        gx0 = (x0 - x1) * (gy * (2 / self.n))
        return gx0, -gx0 if self.needs(1) else None


def mean_squared_error(x0, x1):
    """The sum of (x0 - x1) ** 2 of two arrays (N, ...), divided by N.

    They are Variables or arrays of one shape; integers count as float64. If both hold
    one number, such as (1, 1) and (), x1 gets the shape of x0. Other shapes that
    differ, or hold nothing, are a ValueError. Gives a Variable without axes.
    """
    x0, x1 = as_float(x0), as_float(x1)
    if x0.size == x1.size == 1:
        x1 = reshape(x1, x0.shape)
    return MeanSquaredError()(x0, x1)


def check_labels(x, t):
    """t if it is one label for each of the N rows of x, (N, C)."""
    if x.ndim != 2 or t.shape != (len(x),) or len(x) == 0:
        raise ValueError(
            "Expected scores of shape (N, C) and labels of shape (N,), "
            f"but got {x.shape} and {t.shape}."
        )
    return check_ids(t, x.shape[1])


def softmax_cross_entropy_simple(x, t):
    """softmax_cross_entropy with check_labels(), out of smaller functions."""
    x, t = as_variable(x), as_variable(t)
    check_labels(x.data, t.data)
    log_p = log_softmax(x)[np.arange(len(x)), t.data]
    return -1 * sum(log_p) / len(x)


class SoftmaxCrossEntropy(Function):
    """-log(softmax(x)) at the labels t, on average; no gradient for t.

    check_labels() looks at both. The gradient must not overflow for many rows of
    float16: for 70,000, N is inf there, and 1 / N is not.
    """

    def forward(self, x, t):
        check_labels(x, t)
        at_labels = get_array_module(x).arange(len(t)), t
        largest = x.max(axis=1, keepdims=True)
        p = np.exp(x - largest)
        total = p.sum(axis=1, keepdims=True)
        p /= total
        p[at_labels] -= 1  # softmax(x), less 1 at the labels: N times the slopes
        self.slopes = p
        return (np.log(total) + largest - x[at_labels][:, None]).mean()

    def backward(self, gy):
        x, t = self.saved_inputs
        slopes = self.slopes
        if Config.enable_backprop:  # once more, out of Variables
            p = softmax(x)
            slopes = p + (slopes - p.data)
        return slopes * (gy * (1 / len(t))), None


def softmax_cross_entropy(x, t):
    """-log(softmax(x)) at labels t (N,) from 0 to C - 1, on average; x is (N, C).

    Both are Variables or arrays. Integers in x count as float64; check_labels() looks
    at both. Gives a Variable without axes, in the dtype of x.
    """
    return SoftmaxCrossEntropy()(as_float(x), t)


def as_targets(t, x):
    """t, numbers from 0 to 1, as a Variable in the shape of the scores x."""
    x, t = as_variable(x), as_variable(t)
    column = [x.shape[:1], (*x.shape[:1], 1)]
    if x.size == 0 or t.shape != x.shape and sorted([t.shape, x.shape]) != column:
        raise ValueError(f"Scores of shape {x.shape} have targets of {t.shape}.")
    if not (0 <= t.data.min() and t.data.max() <= 1):
        raise ValueError("The targets must be from 0 to 1.")
    dtype = np.result_type(x.dtype, 0.0)
    return reshape(t if t.dtype == dtype else cast(t, dtype), x.shape)


class SigmoidCrossEntropy(Function):
    """-t log(p) - (1 - t) log(1 - p) for p = sigmoid(x), summed, divided by N."""

    def forward(self, x, t):
        loss = np.maximum(x, 0) - x * t + np.log1p(np.exp(-np.absolute(x)))
        return loss.mean() * (loss.size / len(x))

    def backward(self, gy):
        x, t = self.saved_inputs
        gy = gy * (1 / len(x))
        return (sigmoid(x) - t) * gy, -x * gy if self.needs(1) else None


def sigmoid_cross_entropy(x, t):
    """The loss of scores x for yes or no, (N,) or (N, D), with targets t from 0 to 1.

    -t log(p) - (1 - t) log(1 - p) for p = sigmoid(x), summed, divided by N.
    """
    x = as_float(x)
    return SigmoidCrossEntropy()(x, as_targets(t, x))


class BinaryCrossEntropy(Function):
    """-t log(p) - (1 - t) log(1 - p), summed, divided by N."""

    def forward(self, p, t):
        with np.errstate(divide="ignore"):
            log_p, log_q = np.log(p), np.log1p(-p)
        loss = -t * np.maximum(log_p, -100) - (1 - t) * np.maximum(log_q, -100)
        return loss.mean() * (loss.size / len(p))

    def backward(self, gy):
        p, t = self.saved_inputs
        gy = gy * (1 / len(p))
        gt = (log(1 - p) - log(p)) * gy if self.needs(1) else None
        return (p - t) / clip(p * (1 - p), 1e-12, 1) * gy, gt


def binary_cross_entropy(p, t):
    """The loss of probabilities p, (N,) or (N, D), with targets t from 0 to 1.

    -t log(p) - (1 - t) log(1 - p), summed, divided by N; a logarithm below -100
    counts as -100. sigmoid_cross_entropy is more exact where there are scores.
    """
    p = as_float(p)
    t = as_targets(t, p)
    if not (0 <= p.data.min() and p.data.max() <= 1):
        raise ValueError(
            "Probabilities are from 0 to 1; for scores there is sigmoid_cross_entropy."
        )
    return BinaryCrossEntropy()(p, t)


def accuracy(y, t):
    """The share of rows of y (N, C) whose first maximum is at t (N,), a constant.

    y and t are Variables or arrays, and check_labels() looks at them. Gives what
    as_variable() makes of one float64.
    """
    y, t = as_variable(y).data, as_variable(t).data
    check_labels(y, t)
    return as_variable(as_array((y.argmax(axis=1) == t).mean()))
