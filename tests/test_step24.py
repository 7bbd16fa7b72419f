"""Step 24: the gradients of three functions that optimisers are tested with."""

import numpy as np
import pytest
from helpers import array, var


def sphere(x, y):
    return x * x + y * y


def sphere_gradient(x, y):
    return 2 * x, 2 * y


def matyas(x, y):
    return 0.26 * x**2 + 0.26 * y**2 - 0.48 * x * y


def matyas_gradient(x, y):
    return 0.52 * x - 0.48 * y, 0.52 * y - 0.48 * x


def goldstein(x, y):
    s, a = goldstein_parts(x, y, 1, 1, 1, (19, -14, 3, -14, 6, 3))
    t, b = goldstein_parts(x, y, 2, -3, 0, (18, -32, 12, 48, -36, 27))
    return (1 + s**2 * a) * (30 + t**2 * b)


def goldstein_parts(x, y, kx, ky, k, c):
    """The linear and the quadratic part of one of the two factors."""
    quadratic = c[0] + c[1] * x + c[2] * x**2 + c[3] * y + c[4] * x * y + c[5] * y**2
    return kx * x + ky * y + k, quadratic


def goldstein_gradient(x, y):
    """By hand: the rules for products and for powers."""
    s, a = goldstein_parts(x, y, 1, 1, 1, (19, -14, 3, -14, 6, 3))
    t, b = goldstein_parts(x, y, 2, -3, 0, (18, -32, 12, 48, -36, 27))
    p, q = 1 + s**2 * a, 30 + t**2 * b
    px = 2 * s * a + s**2 * (-14 + 6 * x + 6 * y)
    py = 2 * s * a + s**2 * (-14 + 6 * x + 6 * y)
    qx = 4 * t * b + t**2 * (-32 + 24 * x - 36 * y)
    qy = -6 * t * b + t**2 * (48 - 36 * x + 54 * y)
    return px * q + p * qx, py * q + p * qy


FUNCTIONS = {
    "sphere": (sphere, sphere_gradient),
    "matyas": (matyas, matyas_gradient),
    "goldstein": (goldstein, goldstein_gradient),
}
AT_1_1 = {  # name: (value, gradient)
    "sphere": (2.0, (2.0, 2.0)),
    "matyas": (0.04, (0.04, 0.04)),
    "goldstein": (1876.0, (-5376.0, 8064.0)),
}
LOWEST = {  # name: (where, value)
    "sphere": ((0.0, 0.0), 0.0),
    "matyas": ((0.0, 0.0), 0.0),
    "goldstein": ((0.0, -1.0), 3.0),
}
POINTS = [(1.0, 1.0), (0.3, -0.7), (-1.5, 0.25), (2.0, -1.0)]


def gradient(step, f, x, y):
    """The value of f at (x, y) and its gradient, by the step under test."""
    x, y = var(step, x), var(step, y)
    z = f(x, y)
    z.backward()
    return z.data, (array(x.grad), array(y.grad))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_gradient_at_1_1(step, name):
    value, slopes = gradient(step, FUNCTIONS[name][0], 1.0, 1.0)
    assert value == pytest.approx(AT_1_1[name][0], rel=1e-13)
    assert slopes == pytest.approx(AT_1_1[name][1], rel=1e-13)


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("point", POINTS)
def test_the_gradient_is_the_one_derived_by_hand(step, name, point):
    f, by_hand = FUNCTIONS[name]
    _, slopes = gradient(step, f, *point)
    assert slopes == pytest.approx(by_hand(*point), rel=1e-11)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_gradient_of_many_points_at_once(step, name):
    f, by_hand = FUNCTIONS[name]
    x, y = np.random.default_rng(0).standard_normal((2, 3, 4))
    _, slopes = gradient(step, f, x, y)
    np.testing.assert_allclose(slopes, by_hand(x, y), rtol=1e-9)
    assert step.gradient_check(f, var(step, x), var(step, y))


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("point", POINTS)
def test_the_formulas_of_the_demo(step, name, point):
    f, by_hand = FUNCTIONS[name]
    value, slopes = gradient(step, getattr(step, name), *point)
    assert value == pytest.approx(f(*point), rel=1e-11)
    assert slopes == pytest.approx(by_hand(*point), rel=1e-11)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_value_and_the_gradient_that_the_demo_prints(step, name):
    z, x_grad, y_grad = step.gradient(getattr(step, name), 1.0, 1.0)
    assert z == pytest.approx(AT_1_1[name][0], rel=1e-13)
    assert (x_grad, y_grad) == pytest.approx(AT_1_1[name][1], rel=1e-13)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_gradient_is_zero_at_the_lowest_point(step, name):
    point, value = LOWEST[name]
    z, *slopes = step.gradient(getattr(step, name), *point)
    assert z == pytest.approx(value, abs=1e-12)
    assert slopes == pytest.approx([0.0, 0.0], abs=1e-12)
