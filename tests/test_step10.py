"""Step 10: gradient_check passes what is right and says how wrong the rest is."""

import re

import numpy as np
import pytest
from helpers import array, var

NUMBER = r"-?(?:\d+\.?\d*(?:e[+-]?\d+)?|nan|inf)"
POINT = [0.5, -1.2, 2.0]


def function(step, forward, backward):
    """A function made of two plain ones; backward is given gy and the data of x."""

    class Func(step.Function):
        def forward(self, x):
            self.x = x
            return forward(x)

        def backward(self, gy):
            return backward(gy, self.x)

    return lambda x: Func()(x)


def slopes(step, f, x):
    """The slope by backward() and the numerical one, from the message of the error."""
    with pytest.raises(AssertionError) as error:
        step.gradient_check(f, x)
        pytest.fail("gradient_check passed a wrong gradient.")
    numbers = re.findall(rf"slope (?:of|is) ({NUMBER})", str(error.value))
    assert len(numbers) == 2, f"The message should name two slopes: {error.value}"
    return map(float, numbers)


@pytest.mark.parametrize("data", [0.5, [0.5], POINT, [POINT, [3.0, 0.1, -0.4]]])
@pytest.mark.parametrize("name", ["square", "exp"])
def test_right_gradients_pass(step, name, data):
    """gradient_check returns True where the gradients are right."""
    assert step.gradient_check(getattr(step, name), var(step, data)) is True


def test_a_right_chain_passes(step):
    def f(x):
        return step.square(step.exp(step.square(x)))

    assert step.gradient_check(f, var(step, POINT)) is True


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_curved_function_passes_whether_it_rises_or_falls(step, sign):
    f = function(
        step,
        lambda x: sign * np.exp(3 * x),
        lambda gy, x: gy * (sign * 3 * np.exp(3 * x)),
    )
    assert step.gradient_check(f, var(step, [1.0, 2.0, 3.0])) is True


def test_a_right_gradient_of_zero_passes(step):
    f = function(step, lambda x: 0 * x, lambda gy, x: gy * 0.0)
    assert step.gradient_check(f, var(step, POINT)) is True


def test_round_off_around_a_slope_of_zero_passes(step):
    f = function(
        step, lambda x: np.sin(x) ** 2 + np.cos(x) ** 2, lambda gy, x: gy * 0.0
    )
    assert step.gradient_check(f, var(step, POINT)) is True


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("factor", [3, 0.5, 1.01, -1, 0])
def test_a_wrong_factor_sign_or_zero_is_caught_with_both_slopes(step, factor, sign):
    f = function(
        step, lambda x: sign * x**2, lambda gy, x: gy * (factor * sign * 2 * x)
    )
    found, numerical = slopes(step, f, var(step, POINT))
    assert numerical != 0
    assert found == pytest.approx(factor * numerical, rel=1e-4, abs=1e-12), (
        "The message should name the slope by backward(), then the numerical one."
    )


@pytest.mark.parametrize("wrong", [0, 1, 2])
def test_one_wrong_element_is_caught_and_named(step, wrong):
    factors = np.full(3, 2.0)
    factors[wrong] = 3.0
    f = function(step, lambda x: x**2, lambda gy, x: gy * (factors * x))
    found, numerical = slopes(step, f, var(step, POINT))
    assert found == pytest.approx(3 * POINT[wrong])
    assert numerical == pytest.approx(2 * POINT[wrong])
    with pytest.raises(AssertionError, match=rf"\({wrong},\)"):
        step.gradient_check(f, var(step, POINT))


def test_a_wrong_factor_is_caught_in_small_gradients_too(step):
    f = function(step, lambda x: x * 1e-6, lambda gy, x: gy * 3e-6)
    found, numerical = slopes(step, f, var(step, POINT))
    assert found == pytest.approx(3 * numerical, rel=1e-4)


def test_one_wrong_function_in_a_chain_is_caught(step):
    wrong = function(step, lambda x: x * 3, lambda gy, x: gy * 2)
    found, numerical = slopes(
        step, lambda x: step.square(wrong(step.exp(x))), var(step, POINT)
    )
    assert found == pytest.approx(2 / 3 * numerical, rel=1e-4)


def test_an_infinite_numerical_slope_agrees_with_nothing(step):
    with np.errstate(over="ignore"), pytest.raises(AssertionError):
        step.gradient_check(step.exp, var(step, 709.78271))


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_nan_and_infinity_are_caught(step, wrong):
    f = function(step, lambda x: x * 2, lambda gy, x: gy * 0.0 + wrong)
    found, numerical = slopes(step, f, var(step, [0.5]))
    assert not np.isfinite(found), "An infinite slope must not agree with itself."
    assert np.isfinite(numerical)


def test_a_slope_of_nan_in_forward_is_caught(step):
    f = function(step, lambda x: x * np.nan, lambda gy, x: gy * 2.0)
    found, numerical = slopes(step, f, var(step, POINT))
    assert np.isfinite(found)
    assert np.isnan(numerical)


def test_the_tolerance_is_relative_to_the_numerical_slope_alone(step):
    f = function(step, lambda x: x, lambda gy, x: gy * 100.0)
    with pytest.raises(AssertionError):
        step.gradient_check(f, var(step, POINT), tolerance=0.99)


@pytest.mark.parametrize("scale", [1.0, 1e5])
def test_the_tolerance_is_relative_to_the_slope(step, scale):
    f = function(step, lambda x: x * scale, lambda gy, x: gy * (1.1 * scale))
    x = var(step, POINT)
    assert step.gradient_check(f, x, tolerance=0.12) is True
    with pytest.raises(AssertionError):
        step.gradient_check(f, x, tolerance=0.08)


def test_eps_is_the_step_of_the_numerical_slope(step):
    with pytest.raises(AssertionError):
        step.gradient_check(step.exp, var(step, POINT), eps=1.0)
    assert step.gradient_check(step.exp, var(step, POINT), eps=1e-3) is True


def test_the_variable_itself_is_left_alone(step):
    x = var(step, POINT)
    assert step.gradient_check(step.square, x)
    assert x.grad is None, "gradient_check should work on a Variable of its own."
    assert x.data.tolist() == POINT
    x.grad = np.array([1.0, 2.0, 3.0])
    assert step.gradient_check(step.square, x)
    assert array(x.grad).tolist() == [1.0, 2.0, 3.0]
