"""Step 34: sin and cos have derivatives of any order."""

import numpy as np
import pytest
from helpers import reference, var

POINTS = np.linspace(-7.0, 7.0, 29)
CYCLE = [np.sin, np.cos, lambda x: -np.sin(x), lambda x: -np.cos(x)]


def derivatives(y, x, count):
    """y and its first derivatives at x, as a list of arrays."""
    found = [y.data]
    for _ in range(count):
        x.cleargrad()
        y.backward(create_graph=True)
        y = x.grad
        assert y is not None, f"derivative {len(found)} has no value"
        found.append(y.data)
    return found


@pytest.mark.parametrize("name, start", [("sin", 0), ("cos", 1)])
def test_the_first_eight_derivatives(step, name, start):
    x = var(step, POINTS)
    found = derivatives(getattr(step, name)(x), x, 8)
    for order, y in enumerate(found):
        closed = CYCLE[(start + order) % 4](POINTS)
        np.testing.assert_allclose(
            y, closed, atol=1e-12, err_msg=f"derivative {order} of {name}"
        )


@pytest.mark.parametrize("name", ["sin", "cos"])
def test_derivatives_at_a_single_number(step, name):
    x = var(step, 1.0)
    found = derivatives(getattr(step, name)(x), x, 2)
    assert found[2].shape == ()
    assert found[2] == pytest.approx(-found[0])


@pytest.mark.parametrize("name", ["sin(x)", "cos(x)"])
def test_second_gradients_are_the_recorded_ones(step, name):
    expected = reference(name)
    x = step.Variable(expected["inputs"][0])
    y = getattr(step, name[:3])(x)
    np.testing.assert_allclose(y.data, expected["value"], rtol=1e-12)
    y.grad = expected["cotangent"]
    y.backward(create_graph=True)
    gx = x.grad
    np.testing.assert_allclose(gx.data, expected["gradients"][0], rtol=1e-11)
    x.cleargrad()
    gx.grad = expected["directions"][0]
    gx.backward()
    np.testing.assert_allclose(x.grad.data, expected["second"][0], rtol=1e-11)


def test_the_derivative_of_sin_is_made_by_a_function_of_variables(step):
    x = var(step, 1.0)
    step.sin(x).backward(create_graph=True)
    assert x.grad.creator is not None


def test_the_slope_of_sin_can_be_used_in_a_calculation(step):
    x = var(step, 1.0)
    step.sin(x).backward(create_graph=True)
    slope = x.grad
    x.cleargrad()
    (slope**2).backward()
    assert x.grad.data == pytest.approx(-2 * np.cos(1.0) * np.sin(1.0))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", ["sin", "cos"])
def test_every_derivative_keeps_the_dtype(step, name, dtype):
    x = var(step, [1.0, 2.0], dtype)
    found = derivatives(getattr(step, name)(x), x, 3)
    assert [y.dtype for y in found] == [dtype] * 4


def test_cos_takes_an_array_as_a_constant(step):
    y = step.cos(np.array([0.0, np.pi]))
    assert y.data.tolist() == [1.0, -1.0]
    assert y.creator is None


@pytest.mark.parametrize("name", ["sin", "cos"])
def test_against_numerical_slopes(step, name):
    f = getattr(step, name)
    assert step.gradient_check(f, var(step, [0.3, -1.2, 2.5]))
    assert step.gradient_check(
        lambda x0, x1: f(x0 * x1) * x0, var(step, 0.7), var(step, 1.9)
    )
