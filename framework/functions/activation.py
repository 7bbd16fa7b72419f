# Cut from steps/step60.py by "make framework": edit the step, not this file.
"""What layers compute."""

import numpy as np

from framework.backend import get_array_module
from framework.core import Config, Function, Variable, as_array, as_variable
from framework.functions.math import exp, matmul, matmul_gradients, tanh
from framework.functions.operators import python_number
from framework.functions.shape import (
    check_ids,
    concatenate,
    get_item,
    mean,
    reshape,
    sum,
    sum_to,
)


class Affine(Function):
    """x @ W + b."""

    def forward(self, x, W, b):
        if x.ndim < 2 or W.ndim < 2:
            raise ValueError("x and W need two axes or more")
        return x @ W + b

    def backward(self, gy):
        x, W, b = self.inputs
        gb = sum_to(gy, b.shape) if b.requires_grad else None
        return *matmul_gradients(gy, x, W), gb


def linear_simple(x, W, b=None):
    """x @ W + b, out of two functions, for x (N, D), W (D, H), b (H,): (N, H)."""
    y = matmul(x, W)
    return y if b is None else y + b


def linear(x, W, b=None):
    """x @ W + b as one function, for x (N, D), W (D, H), b (H,): (N, H)."""
    return matmul(x, W) if b is None else Affine()(x, W, b)


class Sigmoid(Function):
    """1 / (1 + e ** -x)."""

    def forward(self, x):
        return np.tanh(x * 0.5) * 0.5 + 0.5  # the same, and e ** -x cannot overflow

    def backward(self, gy):
        y = self.outputs[0]()
        return gy * (y * (1 - y))


def sigmoid(x):
    """1 / (1 + e ** -x), element by element: between 0 and 1."""
    return Sigmoid()(x)


class ReLU(Function):
    """x where it is positive, else 0."""

    def forward(self, x):
        return np.maximum(x, 0)

    def backward(self, gy):
        (x,) = self.inputs
        return gy * (x.data > 0)


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
        (x,) = self.inputs
        return gy * np.where(x.data > 0, 1.0, self.slope).astype(gy.dtype)


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
        y = self.outputs[0]()
        gx = y * gy
        return gx - y * sum(gx, self.axis, keepdims=True)


def softmax_simple(x, axis=1):
    """softmax as its formula, without protection from overflow."""
    y = exp(x)
    return y / sum(y, axis, keepdims=True)


def softmax(x, axis=1):
    """e ** x, divided by its sum along an axis: probabilities, which sum to 1."""
    return Softmax(axis)(x)


class LogSoftmax(Function):
    """The logarithm of softmax."""

    def __init__(self, axis):
        self.axis = axis

    def forward(self, x):
        return x - log_sum_exp(x, self.axis)

    def backward(self, gy):
        y = self.outputs[0]()
        return gy - exp(y) * sum(gy, self.axis, keepdims=True)


def log_sum_exp(x, axis):
    """log(sum(e ** x)) along an axis of the array x, which is kept with length 1."""
    largest = x.max(axis=axis, keepdims=True)
    total = np.exp(x - largest).sum(axis=axis, keepdims=True)
    return largest + np.log(total)


def log_softmax(x, axis=1):
    """The logarithm of softmax, right even where softmax rounds to 0."""
    return LogSoftmax(axis)(x)


def dropout(x, dropout_ratio=0.5):
    """x with a share of its elements set to 0, the others scaled to keep the mean.

    In test_mode x stays as it is. (Srivastava et al. 2014)
    """
    if not 0 <= dropout_ratio < 1:
        raise ValueError(f"dropout_ratio is from 0 to below 1, not {dropout_ratio}.")
    x = as_variable(x)
    if not Config.train:
        return x
    xp = get_array_module(x)
    kept = as_array(xp.random.rand(*x.shape) >= dropout_ratio)
    return x * (kept.astype(x.dtype) / (1 - dropout_ratio))


class BatchNormalization(Function):
    """x less its mean, divided by its deviation, times gamma, plus beta."""

    def __init__(self, axes, eps):
        self.axes = axes
        self.eps = eps

    def forward(self, x, gamma, beta):
        x = x - x.mean(axis=self.axes, keepdims=True)
        variance = (x * x).mean(axis=self.axes, keepdims=True)
        return x * (gamma * (variance + self.eps) ** -0.5) + beta

    def backward(self, gy):
        x, gamma, beta = self.inputs
        x = x - mean(x, self.axes, keepdims=True)
        inv_std = (mean(x * x, self.axes, keepdims=True) + self.eps) ** -0.5
        x = x * inv_std
        gx = gy - mean(gy, self.axes, True) - x * mean(x * gy, self.axes, True)
        gx = gx * (gamma * inv_std)
        return gx, sum_to(x * gy, gamma.shape), sum_to(gy, beta.shape)


def batch_norm(x, gamma, beta, mean, var, decay=0.9, eps=2e-5):
    """x of mean 0 and deviation 1 for each channel, times gamma, plus beta.

    x is (N, C) or (N, C, H, W), the others (C,). mean and var, arrays, are moved
    towards those of x; in test_mode they are used in their place.
    (Ioffe and Szegedy 2015)
    """
    x, gamma, beta = as_variable(x), as_variable(gamma), as_variable(beta)
    if x.ndim < 2 or x.shape[1] != len(mean):
        raise ValueError(f"An x of {x.shape} does not have {len(mean)} channels.")
    axes = (0, *range(2, x.ndim))
    shape = (1, -1, *[1] * (x.ndim - 2))
    gamma, beta = reshape(gamma, shape), reshape(beta, shape)
    if not Config.train:
        inv_std = (var.reshape(shape) + eps) ** -0.5
        return (x - mean.reshape(shape)) * (gamma * inv_std) + beta
    n = x.size // len(mean)
    if n < 2:
        raise ValueError("Batch normalisation needs more than one number a channel.")
    mean += (1 - decay) * (x.data.mean(axis=axes) - mean)
    var += (1 - decay) * (x.data.var(axis=axes) * (n / (n - 1)) - var)
    return BatchNormalization(axes, eps)(x, gamma, beta)


def embed_id(x, W):
    """The rows of W, (V, D), that x, integers of any shape, names: (..., D)."""
    return get_item(W, check_ids(as_variable(x).data, len(as_variable(W))))


def lstm_gates(a, sigmoid, tanh):
    """f, i, o and u of an LSTM, arrays or Variables, out of their sums a, (N, 4 H)."""
    H = a.shape[1] // 4
    gates, u = sigmoid(a[:, : 3 * H]), tanh(a[:, 3 * H :])
    return gates[:, :H], gates[:, H : 2 * H], gates[:, 2 * H :], u


def lstm_cell_simple(a, c):
    """The same as lstm_cell, out of many functions."""
    f, i, o, u = lstm_gates(as_variable(a), sigmoid, tanh)
    c = f * c + i * u
    return o * tanh(c), c


class LSTMCell(Function):
    """The new h and memory c of an LSTM."""

    def forward(self, a, c):
        if c.ndim != 2 or a.shape != (len(c), 4 * c.shape[1]):
            raise ValueError("a must be (N, 4 H) for c (N, H)")
        f, i, o, u = lstm_gates(a, lambda x: np.tanh(x * 0.5) * 0.5 + 0.5, np.tanh)
        c = f * c + i * u
        t = np.tanh(c)
        self.parts = f, i, o, u, t
        return o * t, c

    def backward(self, gh, gc):
        a, c = self.inputs
        gh, gc = 0.0 if gh is None else gh, 0.0 if gc is None else gc
        if Config.enable_backprop:  # with a graph, so out of variables
            f, i, o, u = lstm_gates(a, sigmoid, tanh)
            parts = f, i, o, u, tanh(f * c + i * u)
            gas, gc = lstm_gradients(gh, gc, c, *parts)
            return concatenate(gas), gc
        gh, gc = (g.data if isinstance(g, Variable) else g for g in (gh, gc))
        gas, gc = lstm_gradients(gh, gc, c.data, *self.parts)
        return np.concatenate(gas, axis=1), gc


def lstm_gradients(gh, gc, c, f, i, o, u, t):
    """The gradients of the four sums and of c: all arrays, or all Variables."""
    gc = gc + gh * o * (1 - t * t)
    gf, gi, go = gc * c * f * (1 - f), gc * u * i * (1 - i), gh * t * o * (1 - o)
    return [gf, gi, go, gc * i * (1 - u * u)], gc * f


def lstm_cell(a, c):
    """The new h and c of an LSTM, given the sums a of its gates and the old c.

    a is (N, 4 H), for f, i, o and u side by side; c and the new h and c are (N, H).
    """
    return LSTMCell()(a, c)
