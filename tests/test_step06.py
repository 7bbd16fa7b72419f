"""Step 6: gradients from y back to x, one function at a time."""

import math

import numpy as np
import pytest
from helpers import array, var


def by_hand(step, value, gy=1.0):
    """The gradients of y, b, a and x for y = (e^(x²))², each from the one before."""
    A, B, C = step.Square(), step.Exp(), step.Square()
    x = var(step, value)
    a = A(x)
    b = B(a)
    y = C(b)
    y.grad = np.full_like(y.data, gy)
    b.grad = C.backward(y.grad)
    a.grad = B.backward(b.grad)
    x.grad = A.backward(a.grad)
    return [array(v.grad) for v in (y, b, a, x)]


def test_a_new_variable_has_no_gradient(step):
    x = var(step, 0.5)
    assert x.grad is None
    y = step.Square()(x)
    assert x.grad is None
    assert y.grad is None


def test_gradients_of_the_chain_at_a_half(step):
    gradients = by_hand(step, 0.5)
    right = [1, 2.568050833375483, 3.297442541400256, 3.297442541400256]
    assert gradients == pytest.approx(right, rel=1e-13), "gradients of y, b, a and x"


@pytest.mark.parametrize("x", [1.2, -0.7, 0.0])
def test_gradients_of_the_chain_elsewhere(step, x):
    gradients = by_hand(step, x)
    y = math.exp(2 * x * x)
    right = [1, 2 * math.exp(x * x), 2 * y, 4 * x * y]
    assert gradients == pytest.approx(right, rel=1e-13), "gradients of y, b, a and x"


def test_twice_the_gradient_of_y_is_twice_every_gradient(step):
    once, twice = by_hand(step, 1.2), by_hand(step, 1.2, gy=2.0)
    assert twice == pytest.approx([2 * g for g in once], rel=1e-13)


def test_the_gradient_agrees_with_the_numerical_slope(step):
    def f(x):
        return step.Square()(step.Exp()(step.Square()(x)))

    slope = step.numerical_diff(f, var(step, 0.8))
    assert by_hand(step, 0.8)[-1] == pytest.approx(slope, rel=1e-6)


@pytest.mark.parametrize(
    "name, derivative",
    [("Square", lambda x: 2 * x), ("Exp", np.exp)],
)
def test_backward_multiplies_element_by_element(step, name, derivative):
    rng = np.random.default_rng(0)
    data, gy = rng.standard_normal((2, 2, 3))
    f = getattr(step, name)()
    y = f(step.Variable(data))
    assert y.data.shape == (2, 3)
    gx = array(f.backward(gy))
    np.testing.assert_allclose(gx, gy * derivative(data), rtol=1e-13)


def test_a_function_keeps_its_input(step):
    f, x = step.Square(), var(step, 3)
    f(x)
    assert f.input is x, "backward() needs the input: keep the Variable itself"


def test_backward_belongs_to_the_last_call(step):
    f = step.Square()
    f(var(step, 3))
    y = f(var(step, 5))
    assert array(f.backward(np.array(1.0))) == 10
    assert y.data == 25


def test_a_function_of_ones_own_has_its_own_backward(step):
    class Triple(step.Function):
        def forward(self, x):
            return 3 * x

        def backward(self, gy):
            return 3 * gy

    f = Triple()
    y = f(var(step, 2))
    assert y.data == 6
    assert array(f.backward(np.array(5.0))) == 15


def test_a_function_without_backward_is_named(step):
    class Unfinished(step.Function):
        def forward(self, x):
            return x

    f = Unfinished()
    f(var(step, 1))
    with pytest.raises(NotImplementedError, match="Unfinished"):
        f.backward(np.array(1.0))
    with pytest.raises(NotImplementedError, match="Function"):
        step.Function().backward(np.array(1.0))
