"""Step 33: Newton's method with a second derivative that backward() finds."""

import numpy as np
import pytest
from helpers import var


def polynomial(x):
    """The function of step 29; its slope is 4 x**3 - 4 x."""
    return x**4 - 2 * x**2


POINTS = [-1.5, -0.5, 0.0, 0.3, 1.0, 2.0]


def both(step, point):
    """The first and the second derivative of the polynomial, by hand."""
    x = var(step, point)
    polynomial(x).backward(create_graph=True)
    gx = x.grad
    x.cleargrad()
    gx.backward()
    return gx, x.grad


@pytest.mark.parametrize("point", POINTS)
def test_two_backward_passes_give_two_derivatives(step, point):
    gx, gx2 = both(step, point)
    assert gx.data == pytest.approx(4 * point**3 - 4 * point)
    assert gx2.data == pytest.approx(12 * point**2 - 4)


def test_without_cleargrad_the_two_derivatives_are_added(step):
    x = var(step, 2.0)
    polynomial(x).backward(create_graph=True)
    gx = x.grad
    gx.backward()
    assert gx.data == 24.0, "the first derivative must stay what it was"
    assert x.grad.data == 24.0 + 44.0


def test_the_second_pass_makes_no_graph_unless_asked(step):
    gx, gx2 = both(step, 2.0)
    assert gx.creator is not None
    assert gx2.creator is None


@pytest.mark.parametrize("point", POINTS)
def test_first_and_second_gives_both_derivatives_of_f(step, point):
    gx, gx2 = step.first_and_second(step.f, var(step, point))
    assert gx.data == pytest.approx(4 * point**3 - 4 * point)
    assert gx2.data == pytest.approx(12 * point**2 - 4)
    assert step.f(var(step, point)).data == pytest.approx(polynomial(point))


def test_the_derivatives_at_the_start(step):
    gx, gx2 = step.first_and_second(step.f, var(step, 2.0))
    assert (gx.data, gx2.data) == (24.0, 44.0)


def test_both_are_those_of_this_call_alone(step):
    x = var(step, 2.0)
    for _ in range(3):
        gx, gx2 = step.first_and_second(step.f, x)
        assert (gx.data, gx2.data) == (24.0, 44.0)


def test_first_and_second_takes_any_function(step):
    x = var(step, 0.5)
    gx, gx2 = step.first_and_second(lambda x: step.exp(x**2) / x, x)
    e = np.exp(0.25)
    assert gx.data == pytest.approx(e * (2 - 1 / 0.25))
    assert gx2.data == pytest.approx(e * (4 * 0.5 - 2 / 0.5 + 2 / 0.125))


def test_newton_is_at_1_within_7_iterations(step):
    x = var(step, 2.0)
    path = step.newton(step.f, x, iters=7)
    assert len(path) == 8 and path[0] == 2.0
    assert path[-1] == pytest.approx(1.0, abs=1e-15)
    expected = [2, 2 - 24 / 44, 1.1510467893775467, 1.0253259289766978]
    assert path[:4] == pytest.approx(expected, rel=1e-12)
    assert x.data == path[-1]


@pytest.mark.parametrize("start, end", [(-2.0, -1.0), (0.1, 0.0), (0.6, 1.0)])
def test_newton_ends_at_a_slope_of_zero_be_it_a_top(step, start, end):
    assert step.newton(step.f, var(step, start), 20)[-1] == pytest.approx(end)


@pytest.mark.parametrize("c", [2, 3])
def test_newton_takes_any_function(step, c):
    path = step.newton(lambda x: step.exp(x) - c * x, var(step, 2.0))
    assert path[-1] == pytest.approx(np.log(c), rel=1e-14)


@pytest.mark.parametrize("c", [1, 3])
def test_newton_refuses_what_has_no_second_derivative(step, c):
    assert step.first_and_second(lambda x: c * x + 1, var(step, 2.0))[1] is None
    with pytest.raises(ValueError, match="f''"):
        step.newton(lambda x: c * x + 1, var(step, 2.0))


@pytest.mark.parametrize("dtype", [float, int])
def test_the_variable_moves_but_not_the_array_handed_in(step, dtype):
    start = np.array(2, dtype)
    x = step.Variable(start)
    path = step.newton(step.f, x, 3)
    assert start == 2
    assert isinstance(x.data, np.ndarray) and x.data == path[-1] != 2


# Data that were replaced


@pytest.mark.parametrize("shape", [(), (1,)])
def test_where_it_is_recorded_arrays_that_were_replaced_are_an_error(step, shape):
    x = var(step, np.full(shape, 2.0))
    y = x * x
    x.data = np.full(shape, 7.0)
    with pytest.raises(RuntimeError, match="Mul were replaced after forward"):
        y.backward(create_graph=True)


def test_nan_is_not_taken_for_a_replaced_number(step):
    x = var(step, np.nan)
    (x * x).backward(create_graph=True)
    assert np.isnan(x.grad.data)


def test_an_output_whose_data_were_replaced_is_noticed(step):
    x = var(step, [1.0])
    y = step.exp(x)
    y.data = np.array([100.0])
    with pytest.raises(RuntimeError, match="output of Exp"):
        y.backward(create_graph=True)
    y.backward()
    np.testing.assert_allclose(x.grad.data, np.exp([1.0]))
