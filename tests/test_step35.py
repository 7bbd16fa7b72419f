"""Step 35: tanh and its derivatives."""

import numpy as np
import pytest
from helpers import reference, var

POINTS = np.linspace(-3.0, 3.0, 25)

# The derivatives as polynomials in t = tanh x, the factor of t ** 0 first.
CLOSED_FORMS = [
    [0, 1],
    [1, 0, -1],
    [0, -2, 0, 2],
    [-2, 0, 8, 0, -6],
    [0, 16, 0, -40, 0, 24],
    [16, 0, -136, 0, 240, 0, -120],
    [0, -272, 0, 1232, 0, -1680, 0, 720],
]


def derivatives(y, x, count):
    """y and its first derivatives at x, as a list of Variables."""
    found = [y]
    for _ in range(count):
        x.cleargrad()
        found[-1].backward(create_graph=True)
        assert x.grad is not None, f"there is no derivative {len(found)}"
        found.append(x.grad)
    x.cleargrad()
    return found


def count_functions(y):
    """How many functions there are in the graph of y."""
    funcs, seen = [y.creator], set()
    while funcs:
        func = funcs.pop()
        if func is not None and func not in seen:
            seen.add(func)
            funcs += [x.creator for x in func.inputs]
    return len(seen)


@pytest.mark.parametrize("shape", [(25,), (5, 5)])
def test_derivatives_up_to_order_6(step, shape):
    """tanh can be differentiated again and again."""
    x = var(step, POINTS.reshape(shape))
    found = derivatives(step.tanh(x), x, 6)
    for order, (y, factors) in enumerate(zip(found, CLOSED_FORMS)):
        closed = np.polynomial.polynomial.polyval(np.tanh(x.data), factors)
        np.testing.assert_allclose(
            y.data, closed, rtol=1e-9, atol=1e-10, err_msg=f"derivative {order}"
        )


def test_derivatives_at_zero(step):
    """At 0 the derivatives of tanh are 0, 1, 0, -2, 0, 16."""
    x = var(step, 0.0)
    found = derivatives(step.tanh(x), x, 5)
    assert [float(y.data) for y in found] == [0.0, 1.0, 0.0, -2.0, 0.0, 16.0]


def test_second_gradients_are_the_recorded_ones(step):
    expected = reference("tanh(x)")
    x = step.Variable(expected["inputs"][0])
    y = step.tanh(x)
    np.testing.assert_allclose(y.data, expected["value"], rtol=1e-12)
    y.grad = expected["cotangent"]
    y.backward(create_graph=True)
    gx = x.grad
    np.testing.assert_allclose(gx.data, expected["gradients"][0], rtol=1e-11)
    x.cleargrad()
    gx.grad = expected["directions"][0]
    gx.backward()
    np.testing.assert_allclose(x.grad.data, expected["second"][0], rtol=1e-11)


def test_large_numbers_give_plus_and_minus_1_with_slope_0(step):
    x = var(step, [-1000.0, 1000.0])
    y = step.tanh(x)
    y.backward()
    assert y.data.tolist() == [-1.0, 1.0]
    assert x.grad.data.tolist() == [0.0, 0.0]


def test_each_graph_is_larger_than_the_one_before_but_not_four_times(step):
    x = var(step, 1.0)
    counts = [count_functions(y) for y in derivatives(step.tanh(x), x, 6)]
    assert counts[0] == 1, "tanh is one function"
    for fewer, more in zip(counts[1:], counts[2:]):
        assert fewer < more < 4 * fewer


def test_the_derivative_goes_through_the_output(step):
    x = var(step, 1.0)
    y, gx = derivatives(step.tanh(x), x, 1)
    funcs = [gx.creator]
    inputs = []
    while funcs:
        func = funcs.pop()
        if func is not None:
            inputs += func.inputs
            funcs += [x.creator for x in func.inputs]
    assert any(x is y for x in inputs), "tanh' = 1 - y * y, with the y there is"


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_every_derivative_keeps_the_dtype(step, dtype):
    x = var(step, [1.0, 2.0], dtype)
    found = derivatives(step.tanh(x), x, 4)
    assert [y.dtype for y in found] == [dtype] * 5


def test_tanh_takes_an_array_as_a_constant(step):
    y = step.tanh(np.array([0.0, 1000.0]))
    assert y.data.tolist() == [0.0, 1.0]
    assert y.creator is None


def test_against_numerical_slopes(step):
    assert step.gradient_check(step.tanh, var(step, [0.3, -1.2, 2.5]))
    assert step.gradient_check(
        lambda x0, x1: step.tanh(x0 * x1) * x0,
        var(step, 0.7),
        var(step, 0.9),
    )
