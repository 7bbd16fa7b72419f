"""Step 24: the gradients of long formulas, and what backward() may give."""

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


# Gradients on arrival


def gives(step, gradients):
    """A function x0 + x1 whose backward() gives these gradients."""

    class Broken(step.Function):
        def forward(self, x0, x1):
            return x0 + x1

        def backward(self, gy):
            return gradients

    return Broken()


@pytest.mark.parametrize("count", [1, 3])
def test_a_wrong_number_of_gradients_is_an_error(step, count):
    gradients = (np.array(1.0),) * count
    y = gives(step, gradients)(var(step, 2.0), var(step, 3.0))
    with pytest.raises(ValueError) as error:
        y.backward()
    message = str(error.value)
    assert "Broken" in message, "The message should name the class of the function."
    assert str(count) in message, "The message should say how many gradients came."
    assert "2" in message, "The message should say how many inputs there are."


@pytest.mark.parametrize("inputs", [1, 2])
def test_a_backward_without_a_return_is_an_error(step, inputs):
    class Forgetful(step.Function):
        def forward(self, *xs):
            return xs[0] * 2

        def backward(self, gy):
            gy * 2

    y = Forgetful()(*[var(step, 2.0) for _ in range(inputs)])
    with pytest.raises(TypeError) as error:
        y.backward()
    message = str(error.value)
    assert "Forgetful" in message, "The message should name the class."
    assert "None" in message, "The message should say that None came back."


def test_a_list_of_gradients_counts_as_one(step):
    y = gives(step, [np.array(1.0), np.array(1.0)])(var(step, 2.0), var(step, 3.0))
    with pytest.raises(ValueError, match="1"):
        y.backward()


def test_one_bare_gradient_for_two_inputs_is_an_error(step):
    y = gives(step, np.ones(2))(var(step, [2.0, 3.0]), var(step, [4.0, 5.0]))
    with pytest.raises(ValueError, match="Broken"):
        y.backward()


@pytest.mark.parametrize("wrong", [0, 1])
@pytest.mark.parametrize("shape", [(), (2,), (1, 3), (3, 1)])
def test_a_gradient_of_the_wrong_shape_is_an_error(step, wrong, shape):
    gradients = [np.ones(3), np.ones(3)]
    gradients[wrong] = np.ones(shape)
    y = gives(step, tuple(gradients))(var(step, np.ones(3)), var(step, np.ones(3)))
    with pytest.raises(ValueError) as error:
        y.backward()
    message = str(error.value)
    assert "Broken" in message, "The message should name the class of the function."
    assert str(shape) in message, "The message should show the wrong shape."
    assert "(3,)" in message, "The message should show the right shape."


def test_fit_gradient_gives_back_what_fits(step):
    x = var(step, [1.0, 2.0])
    gx = np.array([3.0, 4.0])
    assert array(step.fit_gradient(gx, x)) is gx
    assert array(step.fit_gradient(2.5, var(step, 1.0))) == 2.5
    with pytest.raises(ValueError):
        step.fit_gradient(np.ones(3), x)


# Their dtypes


def seed(step, value):
    """A gradient to begin with, as this step keeps them: an array or a variable."""
    x = var(step, 1.0)
    x.backward()
    value = np.array(value)
    return value if isinstance(x.grad, np.ndarray) else step.Variable(value)


def test_an_array_keeps_its_dtype(step):
    x = var(step, [1.0, 2.0], np.float32)
    y = x * np.array([3.0, 4.0])
    y.backward()
    assert y.dtype == np.float64
    assert array(x.grad).dtype == np.float32
    np.testing.assert_array_equal(array(x.grad), [3.0, 4.0])


def test_each_gradient_has_the_dtype_of_its_variable(step):
    x, w = var(step, [1.0, 2.0], np.float32), var(step, [3.0, 4.0])
    (x * w + x).backward()
    assert array(x.grad).dtype == np.float32
    assert array(w.grad).dtype == np.float64
    np.testing.assert_array_equal(array(x.grad), [4.0, 5.0])
    np.testing.assert_array_equal(array(w.grad), [1.0, 2.0])


def test_integers_have_float64_gradients(step):
    n = var(step, [1, 2, 3], int)
    y = n * n + 2 * n
    assert y.dtype == n.dtype
    y.backward()
    assert array(n.grad).dtype == np.float64
    np.testing.assert_array_equal(array(n.grad), [4.0, 6.0, 8.0])
    n.cleargrad()
    n.backward()
    assert array(n.grad).dtype == np.float64


@pytest.mark.parametrize("gx", [[1, 0], [0.5, 1.5], [True, False]])
def test_truth_values_have_float64_gradients(step, gx):
    x = var(step, [True, False], bool)
    fitted = array(step.fit_gradient(np.array(gx), x))
    assert fitted.dtype == np.float64
    np.testing.assert_array_equal(fitted, gx)


def test_a_gradient_given_by_hand_takes_the_dtype_of_the_variable(step):
    x = var(step, [1.0, 2.0], np.float32)
    y = x + x + x
    y.grad = seed(step, [0.5, 2.0])
    y.backward(retain_grad=True)
    assert array(y.grad).dtype == np.float32
    assert array(x.grad).dtype == np.float32
    np.testing.assert_array_equal(array(x.grad), [1.5, 6.0])


def test_a_gradient_of_integers_becomes_float64(step):
    n = var(step, [1, 2], int)
    y = n * n
    y.grad = seed(step, [3, 4])
    y.backward()
    assert array(n.grad).dtype == np.float64
    np.testing.assert_array_equal(array(n.grad), [6.0, 16.0])


def test_a_gradient_given_by_hand_must_have_the_shape_of_the_variable(step):
    x = var(step, [1.0, 2.0])
    x.grad = seed(step, [1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match=r"\(3,\).*\(2,\)"):
        x.backward()


def test_two_gradients_of_one_variable_add_up_in_its_dtype(step):
    x = var(step, [1.0, 2.0], np.float32)
    (x * np.array([3.0, 4.0]) + x * np.array([1.0, 1.0])).backward()
    assert array(x.grad).dtype == np.float32
    np.testing.assert_array_equal(array(x.grad), [4.0, 5.0])


@pytest.mark.parametrize(
    "f, slopes",
    [
        (lambda n: -n, [-1, -1]),
        (lambda n: 5 - n, [-1, -1]),
        (lambda n: 4 / n, [-4, -1]),
        (lambda n: n / 4, [0.25, 0.25]),
        (lambda n: n**3, [3, 12]),
        (lambda n: n**0, [0, 0]),
        (lambda n: 2**n, [2 * np.log(2), 4 * np.log(2)]),
    ],
)
def test_operators_of_integers_have_float64_gradients(step, f, slopes):
    n = var(step, [1, 2], int)
    f(n).backward()
    assert array(n.grad).dtype == np.float64
    np.testing.assert_allclose(array(n.grad), slopes, rtol=1e-14)


@pytest.mark.parametrize("wrong", [0, 1])
def test_each_gradient_that_arrives_must_have_the_shape_of_its_variable(step, wrong):
    class Broken(step.Function):
        def forward(self, x0, x1):
            return x0 + x1

        def backward(self, gy):
            gradients = [np.ones(3), np.ones(3)]
            gradients[wrong] = np.array(1.0)
            return tuple(gradients)

    x = var(step, np.ones(3))
    with pytest.raises(ValueError):
        Broken()(x, x).backward()


def test_a_gradient_of_the_wrong_shape_is_still_refused(step):
    class Wrong(step.Square):
        def backward(self, gy):
            return np.zeros(3)

    with pytest.raises(ValueError, match=r"\(3,\).*\(2,\)"):
        Wrong()(var(step, [1.0, 2.0])).backward()
