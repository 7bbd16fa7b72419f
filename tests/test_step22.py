"""Step 22: minus, division and powers, from both sides."""

import numpy as np
import pytest
from helpers import array, var

A = np.array([[1.5, 2.0, 0.5], [0.25, 4.0, 3.0]])
C = np.array([[2.0, -1.0, 3.0], [0.5, 1.0, -2.0]])
NO_NUMBERS = ["2", None, [2.0], np.array([2.0])]

ONE_INPUT = {  # name: (y, its value, its slope)
    "-x": (lambda x: -x, lambda x: -x, lambda x: -np.ones_like(x)),
    "x - 3": (lambda x: x - 3, lambda x: x - 3, np.ones_like),
    "3 - x": (lambda x: 3 - x, lambda x: 3 - x, lambda x: -np.ones_like(x)),
    "x / 4": (lambda x: x / 4, lambda x: x / 4, lambda x: np.full_like(x, 0.25)),
    "3 / x": (lambda x: 3 / x, lambda x: 3 / x, lambda x: -3 / x**2),
    "x ** 2": (lambda x: x**2, lambda x: x * x, lambda x: 2 * x),
    "x ** 3": (lambda x: x**3, lambda x: x * x * x, lambda x: 3 * x * x),
    "x ** -1": (lambda x: x**-1, lambda x: 1 / x, lambda x: -1 / x**2),
    "x ** 0.5": (lambda x: x**0.5, np.sqrt, lambda x: 0.5 / np.sqrt(x)),
    "2 ** x": (lambda x: 2**x, np.exp2, lambda x: np.exp2(x) * np.log(2)),
    "0.5 ** x": (
        lambda x: 0.5**x,
        lambda x: np.exp2(-x),
        lambda x: -np.exp2(-x) * np.log(2),
    ),
}
TWO_INPUTS = {  # name: (y, its value, its two slopes)
    "x0 - x1": (
        lambda x0, x1: x0 - x1,
        lambda x0, x1: x0 - x1,
        lambda x0, x1: (np.ones_like(x0), -np.ones_like(x1)),
    ),
    "x0 / x1": (
        lambda x0, x1: x0 / x1,
        lambda x0, x1: x0 / x1,
        lambda x0, x1: (1 / x1, -x0 / x1**2),
    ),
}


@pytest.mark.parametrize("f, value, slope", ONE_INPUT.values(), ids=ONE_INPUT)
@pytest.mark.parametrize("data", [2.0, [3.0], A], ids=["0-d", "1-d", "2-d"])
def test_an_operator_with_a_number(step, f, value, slope, data):
    """-, / and ** give the value of NumPy and the slope of mathematics."""
    x = var(step, data)
    y = f(x)
    y.backward()
    assert type(y) is step.Variable
    np.testing.assert_allclose(y.data, value(x.data), rtol=1e-14)
    np.testing.assert_allclose(array(x.grad), slope(x.data), rtol=1e-14)


@pytest.mark.parametrize("f, value, slopes", TWO_INPUTS.values(), ids=TWO_INPUTS)
def test_an_operator_with_two_variables(step, f, value, slopes):
    x0, x1 = var(step, C), var(step, A)
    y = f(x0, x1)
    y.backward()
    np.testing.assert_allclose(y.data, value(C, A), rtol=1e-14)
    for x, slope in zip((x0, x1), slopes(C, A)):
        np.testing.assert_allclose(array(x.grad), slope, rtol=1e-14)


@pytest.mark.parametrize("f, value, slopes", TWO_INPUTS.values(), ids=TWO_INPUTS)
def test_an_array_may_stand_on_either_side(step, f, value, slopes):
    x0, x1 = var(step, C), var(step, A)
    for y in (f(x0, A), f(C, x1)):
        y.backward()
        assert type(y) is step.Variable
        np.testing.assert_allclose(y.data, value(C, A), rtol=1e-14)
    for x, slope in zip((x0, x1), slopes(C, A)):
        np.testing.assert_allclose(array(x.grad), slope, rtol=1e-14)


def test_the_operators_have_names(step):
    x0, x1 = var(step, 6.0), var(step, 3.0)
    assert step.neg(x0).data == -6.0
    assert step.sub(x0, x1).data == 3.0
    assert step.rsub(x0, x1).data == -3.0
    assert step.div(x0, x1).data == 2.0
    assert step.rdiv(x0, x1).data == 0.5
    assert step.pow(x0, 2).data == 36.0
    assert step.rpow(x0, 2).data == 64.0


def test_the_functions_take_plain_numbers_too(step):
    assert step.sub(5, 3).data == 2
    assert step.div(5.0, 2).data == 2.5
    assert step.neg(5.0).data == -5.0
    assert step.pow(5.0, 2).data == 25.0
    assert step.rpow(5.0, 2).data == 32.0


@pytest.mark.parametrize("f", [f for f, _, _ in ONE_INPUT.values()], ids=ONE_INPUT)
def test_one_input_against_numerical_slopes(step, f):
    assert step.gradient_check(f, var(step, A))


@pytest.mark.parametrize("f", [f for f, _, _ in TWO_INPUTS.values()], ids=TWO_INPUTS)
def test_two_inputs_against_numerical_slopes(step, f):
    assert step.gradient_check(f, var(step, C), var(step, A))


def test_all_operators_together_against_numerical_slopes(step):
    def f(x, y):
        return (2**x - y) / (1 + x**2) - (-x) ** 3 / y + 3 / y**2 - (1 - x) * 0.5**y

    assert step.gradient_check(f, var(step, C), var(step, A))


def test_a_formula_of_all_operators(step):
    x, y = var(step, 2.0), var(step, 4.0)
    z = (x - y) / x + y**2 - 2**x / y - (-y)
    z.backward()
    assert z.data == 18.0
    assert array(x.grad) == pytest.approx(1.0 - np.log(2), rel=1e-14)
    assert array(y.grad) == pytest.approx(8.75, rel=1e-14)


# Powers


@pytest.mark.parametrize(
    "c, value, slope", [(0, 1, 0), (0.0, 1, 0), (1, 0, 1), (2, 0, 0), (3, 0, 0)]
)
def test_a_power_at_zero_has_a_value_and_a_slope(step, c, value, slope):
    x = var(step, [0.0, 0.0])
    with np.errstate(all="raise"):
        y = x**c
        y.backward()
    np.testing.assert_array_equal(y.data, [value, value])
    np.testing.assert_array_equal(array(x.grad), [slope, slope])


def test_a_power_zero_weighs_nothing_in_a_sum(step):
    x = var(step, 0.0)
    y = 5 * x**0 + 3 * x**1 + 2 * x**2
    y.backward()
    assert y.data == 5.0
    assert array(x.grad) == 3.0


@pytest.mark.parametrize("c", [0, 1, 2, 3, -2, 0.5])
def test_a_gradient_from_above_is_multiplied_in(step, c):
    x = var(step, [1.0, 4.0])
    (x**c * np.array([10.0, 100.0])).backward()
    expected = c * x.data ** (c - 1.0) * [10.0, 100.0]
    np.testing.assert_allclose(array(x.grad), expected, rtol=1e-14)


def test_a_power_of_negative_numbers(step):
    x = var(step, [-2.0, -1.0])
    y = x**3
    y.backward()
    np.testing.assert_array_equal(y.data, [-8.0, -1.0])
    np.testing.assert_array_equal(array(x.grad), [12.0, 3.0])


@pytest.mark.parametrize("c", [2, 2.0, np.float64(2), np.int64(2)], ids=repr)
def test_the_exponent_is_any_number(step, c):
    x = var(step, 3.0)
    y = x**c
    y.backward()
    assert y.data == 9.0
    assert array(x.grad) == 6.0


def test_a_variable_as_exponent_of_a_variable_is_refused(step):
    x, c = var(step, 2.0), var(step, 3.0)
    with pytest.raises(TypeError) as error:
        x**c
    assert repr(c) in str(error.value), "the error names what was wrong"
    assert "number" in str(error.value), "the error says what was expected"


@pytest.mark.parametrize("c", NO_NUMBERS, ids=repr)
def test_what_is_not_a_number_is_refused_as_exponent(step, c):
    for power in (lambda x: x**c, lambda x: step.pow(x, c)):
        with pytest.raises(TypeError) as error:
            power(var(step, 2.0))
        assert repr(c) in str(error.value), "the error names what was wrong"


@pytest.mark.parametrize("c", NO_NUMBERS, ids=repr)
def test_what_is_not_a_number_is_refused_as_base(step, c):
    for power in (lambda x: c**x, lambda x: step.rpow(x, c)):
        with pytest.raises(TypeError) as error:
            power(var(step, 2.0))
        assert repr(c) in str(error.value), "the error names what was wrong"


# Constants, dtypes, shapes


def test_no_gradient_is_computed_for_a_constant_below_the_line(step):
    x = var(step, 6.0)
    y = x / 3.0
    y.backward(retain_grad=True)
    gx0, gx1 = y.creator.backward(y.grad)
    assert array(gx0) == pytest.approx(1 / 3)
    assert gx1 is None, "Div.backward gives None for a constant below the line"


def test_what_is_made_of_constants_only_is_a_constant(step):
    c = step.as_variable(A)
    for y in (-c, c - 1.0, 1.0 - c, c / 2.0, 2.0 / c, c**2, 2**c):
        assert y.requires_grad is False


POWERS = {
    **{name: f for name, (f, _, _) in ONE_INPUT.items() if "**" in name},
    "x ** numpy number": lambda x: x ** np.float64(2),
    "x ** numpy integer": lambda x: x ** np.int64(2),
    "numpy number ** x": lambda x: np.float64(2) ** x,
}


@pytest.mark.parametrize("f", POWERS.values(), ids=POWERS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("data", [2.0, [1.0, 2.0]], ids=["0-d", "1-d"])
def test_a_power_keeps_the_dtype(step, f, dtype, data):
    y = f(var(step, data, dtype))
    assert y.dtype == dtype, f"{np.dtype(dtype)} became {y.dtype}"


@pytest.mark.parametrize("f", [lambda x, y: x - y, lambda x, y: x / y])
def test_shapes_that_do_not_fit_are_named(step, f):
    with pytest.raises(ValueError, match=r"\(2,\) and \(3,\)"):
        f(var(step, [1.0, 2.0]), var(step, [1.0, 2.0, 3.0]))


def test_zero_to_a_power_has_the_slope_zero(step):
    x = var(step, [2.0, 3.0])
    y = 0.0**x
    y.backward()
    assert array(x.grad).tolist() == [0.0, 0.0]
