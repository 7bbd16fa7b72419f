"""Step 8: backward() as a loop, for chains of any length."""

import inspect
import math
import sys

import numpy as np
import pytest
from helpers import array, var

LONG = 100_000


def backward_keeping_all(y):
    """y.backward(), asked from step 18 on to keep the gradients in between."""
    keeps = "retain_grad" in inspect.signature(y.backward).parameters
    y.backward(**({"retain_grad": True} if keeps else {}))


@pytest.fixture
def scale(step):
    """A class of functions x * c that notes each call of backward()."""

    class Scale(step.Function):
        calls = []

        def __init__(self, c):
            self.c = c

        def forward(self, x):
            return x * self.c

        def backward(self, gy):
            depth, frame = 0, sys._getframe()
            while frame:
                depth, frame = depth + 1, frame.f_back
            self.calls.append((self, depth))
            return gy * self.c

    return Scale


def chain(scale, x, n):
    """The functions of a chain of n, and what comes out of the last."""
    funcs = [scale(1 + 1 / n) for _ in range(n)]
    for func in funcs:
        x = func(x)
    return funcs, x


def test_the_gradient_is_that_of_step_6_and_so_are_those_in_between(step):
    x = var(step, 0.5)
    a = step.Square()(x)
    b = step.Exp()(a)
    y = step.Square()(b)
    y.grad = np.array(1.0)
    backward_keeping_all(y)
    assert array(b.grad) == pytest.approx(2 * math.exp(0.25), rel=1e-14)
    assert array(a.grad) == pytest.approx(2 * math.exp(0.5), rel=1e-14)
    assert array(x.grad) == pytest.approx(3.297442541400256, rel=1e-14)


def test_backward_starts_from_the_gradient_that_was_set(step):
    x = var(step, [1.0, -2.0])
    y = step.Square()(x)
    y.grad = np.array([10.0, 0.5])
    y.backward()
    np.testing.assert_allclose(array(x.grad), [20.0, -2.0])


def test_backward_from_the_middle_leaves_what_comes_later_alone(step):
    x = var(step, 3.0)
    a = step.Square()(x)
    y = step.Square()(a)
    a.grad = np.array(1.0)
    a.backward()
    assert array(x.grad) == 6.0
    assert y.grad is None, "a.backward() must not touch y, which was made from a."


def test_backward_of_a_variable_that_no_function_made_does_nothing(step):
    x = var(step, 3.0)
    x.grad = np.array(5.0)
    x.backward()
    assert array(x.grad) == 5.0


def test_a_chain_of_100_000_functions_works(step, scale):
    x = var(step, 1.0)
    _, y = chain(scale, x, LONG)
    y.grad = np.array(1.0)
    y.backward()
    assert y.data == pytest.approx((1 + 1 / LONG) ** LONG, rel=1e-9)
    assert array(x.grad) == pytest.approx((1 + 1 / LONG) ** LONG, rel=1e-9)


@pytest.mark.parametrize("n", [1, 2, 1_000, 20_000])
def test_backward_calls_each_function_once_from_the_last_to_the_first(step, scale, n):
    funcs, y = chain(scale, var(step, 1.0), n)
    y.grad = np.array(1.0)
    y.backward()
    called = [func for func, _ in scale.calls]
    assert len(called) == n, f"A chain of {n} took {len(called)} calls of backward()."
    assert called == funcs[::-1]


def test_no_call_of_backward_is_nested_in_another(step, scale):
    _, y = chain(scale, var(step, 1.0), 100)
    y.grad = np.array(1.0)
    y.backward()
    depths = {depth for _, depth in scale.calls}
    assert len(depths) == 1, "Calls grow deeper along the chain: it still recurses."
