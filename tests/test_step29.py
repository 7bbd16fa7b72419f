"""Step 29: Newton's method with a hand-written second derivative."""

import numpy as np
import pytest
from helpers import array, var

POINTS = [-1.5, -0.5, 0.0, 0.3, 1.0, 2.0]


@pytest.mark.parametrize("point", POINTS)
def test_backward_gives_the_slope_of_the_polynomial(step, point):
    x = var(step, point)
    (x**4 - 2 * x**2).backward()
    assert array(x.grad) == pytest.approx(4 * point**3 - 4 * point)


@pytest.mark.parametrize("point", POINTS)
def test_f_and_its_two_derivatives(step, point):
    x = var(step, point)
    assert step.f(x).data == pytest.approx(point**4 - 2 * point**2)
    assert step.slope(x) == pytest.approx(4 * point**3 - 4 * point)
    assert step.gx2(x.data) == pytest.approx(12 * point**2 - 4)


def test_the_derivatives_at_the_start(step):
    x = var(step, 2.0)
    assert step.slope(x) == 24.0
    assert step.gx2(x.data) == 44.0


def test_the_slope_is_that_of_this_call_alone(step):
    x = var(step, 2.0)
    assert [float(step.slope(x)) for _ in range(3)] == [24.0, 24.0, 24.0]


def test_newton_is_at_1_within_7_iterations(step):
    path = step.newton(var(step, 2.0), iters=7)
    assert len(path) == 8 and path[0] == 2.0
    assert path[-1] == pytest.approx(1.0, abs=1e-15)
    expected = [2, 2 - 24 / 44, 1.1510467893775467, 1.0253259289766978]
    assert path[:4] == pytest.approx(expected, rel=1e-12)


def test_newton_doubles_the_right_digits_at_each_step(step):
    errors = np.abs(np.array(step.newton(var(step, 2.0), iters=6)) - 1)
    assert np.all(errors[3:] < 2 * errors[2:-1] ** 2)


@pytest.mark.parametrize("start, end", [(-2.0, -1.0), (0.1, 0.0), (0.6, 1.0)])
def test_newton_ends_at_a_slope_of_zero_be_it_a_top(step, start, end):
    assert step.newton(var(step, start), 20)[-1] == pytest.approx(end, abs=1e-12)


def test_descent_goes_down_and_leaves_the_top(step):
    path = step.descend(var(step, 0.1), iters=400, lr=0.01)
    assert path[1] == pytest.approx(0.1 - 0.01 * (4 * 0.1**3 - 4 * 0.1))
    assert path[-1] == pytest.approx(1.0, abs=1e-9)


@pytest.mark.parametrize("lr, start", [(0.01, 2.0), (0.05, -0.5)])
def test_each_step_of_descent_is_lr_times_the_slope(step, lr, start):
    path = np.array(step.descend(var(step, start), 20, lr))
    assert len(path) == 21 and path[0] == start
    slopes = 4 * path**3 - 4 * path
    np.testing.assert_allclose(np.diff(path), -lr * slopes[:-1], atol=1e-12)


def test_descent_needs_over_100_steps_where_newton_needs_7(step):
    assert step.steps_needed(step.newton(var(step, 2.0))) == 7
    assert step.steps_needed(step.descend(var(step, 2.0))) == 319


def test_steps_needed_counts_to_the_first_point_at_the_goal(step):
    assert step.steps_needed([3.0, 2.0, 1.0, 1.0]) == 2
    assert step.steps_needed([5.0, 5.0 + 1e-13], goal=5.0) == 0
    assert step.steps_needed([3.0, 1.0 + 1e-11, 1.0 - 1e-11]) is None
    assert step.steps_needed([1.0 - 1e-13]) == 0


@pytest.mark.parametrize("dtype", [float, int])
@pytest.mark.parametrize("method", ["newton", "descend"])
def test_the_variable_moves_but_not_the_array_handed_in(step, method, dtype):
    start = np.array(2, dtype)
    x = step.Variable(start)
    path = getattr(step, method)(x, 3)
    assert start == 2
    assert isinstance(x.data, np.ndarray) and x.data == path[-1] != 2
