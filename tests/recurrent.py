"""What the tests of RNN and LSTM share: layers and gradients against the recorded."""

import numpy as np
from helpers import array

H = 4  # the size of h in the record


def close(found, expected):
    np.testing.assert_allclose(array(found), expected, rtol=1e-11, atol=1e-13)


def normal(*shape, seed=0):
    """Random numbers."""
    return np.random.default_rng([seed, *shape]).standard_normal(shape)


def weighted(ys, vs):
    """The sum of ys * vs; where v is None, y counts for nothing."""
    loss = 0.0
    for y, v in zip(ys, vs):
        if v is not None:
            loss = loss + (y * v).sum()
    return loss


def recorded_layer(kind, record, dtype=float):
    """A layer with the recorded weights, and these by their names in the record."""
    layer = kind(H, in_size=len(record["inputs"]["Wx"]))
    weights = {"Wx": layer.x2h.W, "Wh": layer.h2h.W, "b": layer.x2h.b}
    for name, param in weights.items():
        param.data = np.array(record["inputs"][name], dtype)
    return layer, weights


def check_gradients(weights, xs, expected):
    """The gradients of weights, by name, and of xs are the expected ones."""
    for name, param in weights.items():
        close(param.grad, expected[name])
    for x, gx in zip(xs, expected["x"], strict=True):
        close(x.grad, gx)


def backward_along(directions, weights, xs):
    """Make the slopes of the gradients along directions the new gradients."""
    us = {name: np.array(u) for name, u in directions.items()}
    pairs = [(weights[name], us[name]) for name in weights] + [*zip(xs, us["x"])]
    slope = weighted(*zip(*[(variable.grad, u) for variable, u in pairs]))
    for variable, _ in pairs:
        variable.cleargrad()
    slope.backward()
