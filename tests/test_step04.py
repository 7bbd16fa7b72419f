"""Step 4: slopes by central differences."""

import math

import numpy as np
import pytest
from helpers import var


def cube(step):
    """The function x * x * x from Variable to Variable."""
    return lambda x: step.Variable(np.asarray(x.data * x.data * x.data))


def test_slope_of_the_square_at_2(step):
    """The slope of x ** 2 at 2 is 4."""
    slope = step.numerical_diff(step.Square(), var(step, 2))
    assert slope == pytest.approx(4, rel=1e-9)


def test_slope_of_the_chain_at_a_half(step):
    def f(x):
        return step.Square()(step.Exp()(step.Square()(x)))

    slope = step.numerical_diff(f, var(step, 0.5))
    message = "with eps = 1e-4 the slope is 3.2974426293"
    assert slope == pytest.approx(3.2974426293330694, rel=1e-10), message


def test_slope_of_exp_on_the_other_side_of_0(step):
    slope = step.numerical_diff(step.Exp(), var(step, -1))
    assert slope == pytest.approx(math.exp(-1), rel=1e-7)


def test_f_is_called_on_either_side_of_x(step):
    seen = []

    def f(x):
        assert type(x) is step.Variable
        seen.append(float(x.data))
        return x

    step.numerical_diff(f, var(step, 3))
    assert sorted(seen) == pytest.approx([3 - 1e-4, 3 + 1e-4], rel=1e-12)
    seen.clear()
    step.numerical_diff(f, var(step, 3), eps=0.5)
    assert sorted(seen) == [2.5, 3.5]


def test_a_line_has_its_slope_whatever_eps(step):
    def f(x):
        return step.Variable(np.asarray(7 - 3 * x.data))

    for eps in (1.0, 0.5, 1e-3):
        slope = step.numerical_diff(f, var(step, 2), eps)
        assert slope == pytest.approx(-3, rel=1e-9)


def test_the_error_falls_with_the_square_of_eps(step):
    errors = [
        step.numerical_diff(cube(step), var(step, 1), eps) - 3
        for eps in (1e-1, 1e-2, 1e-3)
    ]
    assert errors == pytest.approx([1e-2, 1e-4, 1e-6], rel=1e-4)


def test_round_off_takes_over_when_eps_is_too_small(step):
    x = step.Variable(np.linspace(0.1, 1, 50))
    worst = [
        np.abs(step.numerical_diff(cube(step), x, eps) - 3 * x.data * x.data).max()
        for eps in (1e-5, 1e-8, 1e-12)
    ]
    assert worst[0] < 1e-9 < worst[1] < 1e-6 < worst[2]


def test_every_element_has_its_slope(step):
    data = np.array([[1.0, -2.0, 3.0], [0.5, 0.0, -1.5]])
    slopes = step.numerical_diff(cube(step), step.Variable(data))
    np.testing.assert_allclose(slopes, 3 * data**2, rtol=1e-6, atol=1e-7)


def test_whole_numbers_have_slopes_too(step):
    slopes = step.numerical_diff(cube(step), step.Variable(np.array([1, 2])))
    np.testing.assert_allclose(slopes, [3, 12], rtol=1e-6)


def test_x_stays_as_it_is(step):
    data = np.array([1.0, 2.0])
    x = step.Variable(data)
    step.numerical_diff(cube(step), x)
    assert x.data is data
    assert data.tolist() == [1, 2], "move a new variable, not x itself"
