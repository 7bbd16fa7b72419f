"""Step 31: a derivative worked out with variables can be differentiated."""

import numpy as np
import pytest
from helpers import array, var


@pytest.fixture
def random_x():
    return np.random.default_rng(1).uniform(-7, 7, (2, 3))


@pytest.fixture
def random_gy():
    return np.random.default_rng(2).standard_normal((2, 3))


def test_cos_x_as_a_sine_has_minus_sin_x_for_its_slope(step, random_x):
    x = step.Variable(random_x)
    y = step.sin(x + np.pi / 2)
    y.backward()
    np.testing.assert_allclose(y.data, np.cos(random_x), atol=1e-12)
    np.testing.assert_allclose(array(x.grad), -np.sin(random_x), atol=1e-12)


def test_cosine_is_the_cosine_with_a_record(step, random_x):
    x = step.Variable(random_x)
    y = step.cosine(x)
    np.testing.assert_allclose(y.data, np.cos(random_x), atol=1e-12)
    y.backward()
    np.testing.assert_allclose(x.grad, -np.sin(random_x), atol=1e-12)


def test_the_derivative_of_sin_is_cos(step, random_x, random_gy):
    gx = step.sin_backward(step.Variable(random_x), step.Variable(random_gy))
    assert isinstance(gx, step.Variable)
    np.testing.assert_allclose(gx.data, random_gy * np.cos(random_x), atol=1e-12)


def test_it_is_what_backward_finds(step, random_x):
    x = step.Variable(random_x)
    gx = step.sin_backward(x, step.Variable(np.ones((2, 3))))
    step.sin(x).backward()
    np.testing.assert_allclose(gx.data, x.grad, atol=1e-12)


def test_the_derivative_has_a_record_with_x_and_gy_at_its_ends(
    step, random_x, random_gy
):
    x, gy = step.Variable(random_x), step.Variable(random_gy)
    gx = step.sin_backward(x, gy)
    assert gx.creator is not None
    gx.backward()
    assert x.grad is not None, "gx does not lead back to x: was an array used?"
    np.testing.assert_allclose(gy.grad, np.cos(random_x), atol=1e-12)


def test_the_derivative_of_the_derivative_of_sin_is_minus_sin(
    step, random_x, random_gy
):
    x = step.Variable(random_x)
    gx = step.sin_backward(x, step.Variable(random_gy))
    second = step.backward_again(gx, x)
    np.testing.assert_allclose(second, -random_gy * np.sin(random_x), atol=1e-12)


def test_the_first_gradient_is_cleared_before_the_second(step):
    x = var(step, 1.0)
    step.sin(x).backward()
    gx = step.sin_backward(x, var(step, 1.0))
    assert step.backward_again(gx, x) == pytest.approx(-np.sin(1.0))


def test_the_derivative_of_the_square_has_a_record(step, random_x, random_gy):
    x, gy = step.Variable(random_x), step.Variable(random_gy)
    gx = step.square_backward(x, gy)
    np.testing.assert_allclose(gx.data, random_gy * 2 * random_x)
    gx.backward()
    np.testing.assert_allclose(x.grad, 2 * random_gy)
    np.testing.assert_allclose(gy.grad, 2 * random_x)


@pytest.mark.parametrize(
    "x", [0.0, 0.5, 2.0, -1.5, [0.3, -0.7, 1.1]], ids=lambda x: str(x)
)
def test_both_derivatives_of_sin_of_the_square(step, x):
    x = var(step, x)
    a = x.data
    gx = step.slope(x)
    np.testing.assert_allclose(gx.data, 2 * a * np.cos(a**2), atol=1e-12)
    np.testing.assert_allclose(
        step.backward_again(gx, x),
        2 * np.cos(a**2) - 4 * a**2 * np.sin(a**2),
        atol=1e-12,
        err_msg="x is used twice: both gradients are to arrive",
    )


def test_the_number_that_step_30_could_not_get(step):
    x = var(step, 2.0)
    assert step.backward_again(step.slope(x), x) == pytest.approx(10.801553, abs=1e-6)


def test_without_a_record_there_is_no_second_derivative(step):
    x = var(step, 2.0)
    gx = step.Variable(step.slope(x).data)
    assert step.backward_again(gx, x) is None


def test_what_the_second_backward_leaves_is_a_bare_array_again(step):
    x = var(step, 2.0)
    assert type(step.backward_again(step.slope(x), x)) is np.ndarray


def test_recorded_lists_the_functions_behind_the_derivative(step):
    x = var(step, 2.0)
    gx = step.sin_backward(x, var(step, 1.0))
    assert step.recorded(gx)[0] == "Mul"
    assert sorted(step.recorded(gx)) == ["Add", "Mul", "Sin"]
    assert step.recorded(x) == step.recorded(x.data) == []
    assert step.recorded(x + x) == ["Add"]
    t = x + x
    assert step.recorded(t * t) == ["Mul", "Add"], "each function once"
