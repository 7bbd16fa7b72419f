# Cut from steps/step60.py by "make framework": edit the step, not this file.
"""The cell of an LSTM."""

import numpy as np

from framework.core import Config, Function
from framework.functions.activation import sigmoid, sigmoid_array
from framework.functions.math import tanh
from framework.functions.shape import concatenate


def lstm_gates(a, sigmoid, tanh):
    """f, i, o and u of an LSTM, arrays or Variables, out of their sums a, (N, 4 H)."""
    H = a.shape[1] // 4
    gates, u = sigmoid(a[:, : 3 * H]), tanh(a[:, 3 * H :])
    return gates[:, :H], gates[:, H : 2 * H], gates[:, 2 * H :], u


class LSTMCell(Function):
    """The new h and memory c of an LSTM, with gradients of any order.

    If a is not (N, 4 H) for c (N, H), it is a ValueError, also where NumPy would
    broadcast them, as for a (3, 8) and c (1, 2).
    """

    def forward(self, a, c):
        if c.ndim != 2 or a.shape != (len(c), 4 * c.shape[1]):
            raise ValueError("a must be (N, 4 H) for c (N, H)")
        f, i, o, u = lstm_gates(a, sigmoid_array, np.tanh)
        c = f * c + i * u
        t = np.tanh(c)
        self.parts = f, i, o, u, t
        return o * t, c

    def backward(self, gh, gc):
        a, c = self.saved_inputs
        f, i, o, u, t = self.parts
        if Config.enable_backprop:  # once more, out of Variables
            f, i, o, u = lstm_gates(a, sigmoid, tanh)
            t = tanh(f * c + i * u)
        gc = gc + gh * o * (1 - t * t)
        gf, gi, go = gc * c * f * (1 - f), gc * u * i * (1 - i), gh * t * o * (1 - o)
        return concatenate([gf, gi, go, gc * i * (1 - u * u)]), gc * f


def lstm_cell(a, c):
    """The new h and c of an LSTM, given the sums a of its gates and the old c.

    a is (N, 4 H), for f, i, o and u side by side; c and the new h and c are (N, H).
    Other shapes are a ValueError.
    """
    return LSTMCell()(a, c)
