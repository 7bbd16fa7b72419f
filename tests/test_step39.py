"""Step 39: sums, means and largest elements along axes, and their gradients."""

import re

import numpy as np
import pytest
from function_table import CASES
from helpers import array, check_case, check_dtypes, var

AXES = [  # (shape, axis): square ones, too, along which gy could go the wrong way
    ((), None),
    ((), ()),
    ((3,), None),
    ((3,), 0),
    ((3,), -1),
    ((3,), (0,)),
    ((2, 2), 0),
    ((2, 2), 1),
    ((2, 2), -1),
    ((2, 3), None),
    ((2, 3), 0),
    ((2, 3), -2),
    ((2, 3), (0, 1)),
    ((2, 3), (1, -2)),
    ((2, 3), ()),
    ((2, 3, 4), 1),
    ((2, 3, 4), -1),
    ((2, 3, 4), (0, 2)),
    ((2, 3, 4), (2, 0)),
    ((2, 3, 4), (-1, -2)),
    ((3, 3, 3), (0, 1)),
    ((3, 3, 3), (1, 2)),
    ((3, 3, 3), (0, -1)),
    ((1, 3), 0),
    ((1, 3), 1),
]
each_axis = pytest.mark.parametrize("shape, axis", AXES, ids=str)
each_keepdims = pytest.mark.parametrize("keepdims", [False, True])
each_dtype = pytest.mark.parametrize("dtype", [np.float32, np.float64])


def random(seed, shape):
    """Random numbers, the same in each test."""
    return np.random.default_rng(seed).standard_normal(shape)


def x_of(step, shape, dtype=float):
    """A Variable of random numbers, in a shape."""
    return var(step, random(0, shape), dtype)


def repeated(v, shape, axis):
    """The array v, a sum of what had a shape along axis, repeated to that shape."""
    axes = range(len(shape)) if axis is None else np.atleast_1d(axis).astype(int)
    kept = list(shape)
    for i in axes:
        kept[i] = 1
    return v.reshape(kept) * np.ones(shape)


def check(f, x, expected, axis, share):
    """f(x) is expected, and its gradients are those of a sum times a share."""
    close = {"rtol": 1e-12, "atol": 1e-14}
    if x.dtype == np.float32:
        close = {"rtol": 1e-4, "atol": 1e-4}
    y = f(x)
    assert type(y) is type(x)
    assert y.dtype == x.dtype
    assert y.shape == expected.shape
    np.testing.assert_allclose(y.data, expected, **close)
    v, u = random(1, y.shape), random(2, x.shape)
    y.grad = np.array(v, x.dtype)
    y.backward()
    v_back = repeated(v, x.shape, axis) * share
    assert (x.grad.shape, x.grad.dtype) == (x.shape, x.dtype)
    np.testing.assert_allclose(x.grad.data, v_back, **close)
    x.cleargrad()

    y = f(x) ** 2  # its gradient is 2 v y, the next one 2 v times that of y along u
    y.grad = np.array(v, x.dtype)
    y.backward(create_graph=True)
    gx = x.grad
    x.cleargrad()
    gx.grad = np.array(u, x.dtype)
    gx.backward()
    along_u = np.sum(u, axis=axis, keepdims=expected.ndim == x.ndim) * share
    along_u = repeated(2 * v * along_u.reshape(v.shape), x.shape, axis) * share
    expected = repeated(2 * v * expected, x.shape, axis) * share
    np.testing.assert_allclose(gx.data, expected, **close)
    np.testing.assert_allclose(x.grad.data, along_u, **close)
    assert (x.grad.shape, x.grad.dtype) == (x.shape, x.dtype)
    x.cleargrad()


# sum


@each_dtype
@each_keepdims
@each_axis
def test_sum(step, shape, axis, keepdims, dtype):
    """sum gives NumPy's sums, and each element that was summed gets the gradient."""
    x = x_of(step, shape, dtype)
    expected = np.sum(x.data, axis=axis, keepdims=keepdims)
    options = {"axis": axis, "keepdims": keepdims}
    check(lambda x: step.sum(x, **options), x, expected, axis, 1)
    check(lambda x: step.sum(x, axis, keepdims), x, expected, axis, 1)
    check(lambda x: x.sum(**options), x, expected, axis, 1)


def test_without_axis_all_elements_are_added(step):
    x = var(step, [[1.0, 2.0], [3.0, 4.0]])
    for y in (step.sum(x), x.sum()):
        assert y.shape == ()
        assert y.data == 10.0
        y.grad = np.array(10.0)
        y.backward()
        assert x.grad.data.tolist() == [[10.0, 10.0], [10.0, 10.0]]
        x.cleargrad()


def test_the_gradient_of_a_square_array_is_repeated_the_right_way(step):
    x = var(step, [[1.0, 2.0], [3.0, 4.0]])
    y = step.sum(x, axis=1)
    y.grad = np.array([10.0, 20.0])
    y.backward()
    assert x.grad.data.tolist() == [[10.0, 10.0], [20.0, 20.0]]


@pytest.mark.parametrize("axis", [0, -1])
def test_a_number_has_axis_0_as_in_numpy(step, axis):
    x = var(step, 3.0)
    y = step.sum(x, axis=axis) ** 2
    y.backward(create_graph=True)
    gx = x.grad
    x.cleargrad()
    gx.backward()
    assert (y.data, gx.data, x.grad.data) == (9.0, 6.0, 2.0)


def test_the_square_of_a_sum(step):
    x = var(step, [1.0, 2.0, 3.0])
    y = step.sum(x) * step.sum(x)
    y.backward(create_graph=True)
    gx = x.grad
    assert gx.data.tolist() == [12.0, 12.0, 12.0]
    x.cleargrad()
    gx.grad = np.array([1.0, 10.0, 100.0])
    gx.backward()
    assert x.grad.data.tolist() == [222.0, 222.0, 222.0]


def test_no_elements_have_the_sum_zero(step):
    x = var(step, np.zeros((0, 3)))
    y = step.sum(x, axis=0)
    y.backward()
    assert y.data.tolist() == [0.0, 0.0, 0.0]
    assert x.grad.shape == (0, 3)


# mean


@each_dtype
@each_keepdims
@each_axis
def test_mean(step, shape, axis, keepdims, dtype):
    """mean gives NumPy's means, and each element gets its share of the gradient."""
    x = x_of(step, shape, dtype)
    expected = np.mean(x.data, axis=axis, keepdims=keepdims)
    share = expected.size / x.size
    options = {"axis": axis, "keepdims": keepdims}
    check(lambda x: step.mean(x, **options), x, expected, axis, share)
    check(lambda x: step.mean(x, axis, keepdims), x, expected, axis, share)
    check(lambda x: step.average(x, **options), x, expected, axis, share)
    check(lambda x: x.mean(**options), x, expected, axis, share)


def test_without_axis_the_mean_is_that_of_all_elements(step):
    x = var(step, [[1.0, 2.0], [3.0, 6.0]])
    for y in (step.mean(x), step.average(x), x.mean()):
        assert y.shape == ()
        assert y.data == 3.0
        y.backward()
        assert x.grad.data.tolist() == [[0.25, 0.25], [0.25, 0.25]]
        x.cleargrad()


@pytest.mark.parametrize("axis", [None, 0, (0, 1)])
def test_no_elements_have_no_mean(step, axis):
    with pytest.raises(ValueError):
        step.mean(var(step, np.zeros((0, 3))), axis)


def test_no_means_are_no_mean_either(step):
    with pytest.raises(ValueError):
        step.mean(var(step, np.zeros((0, 3))), axis=1)


# Both


@pytest.mark.parametrize("name", ["sum", "mean", "average"])
def test_arrays_and_numbers_are_constants(step, name):
    f = getattr(step, name)
    for x in (np.array([5.0]), 5.0, 5):
        y = f(x)
        assert type(y) is step.Variable
        assert y.data == 5.0
        assert not y.requires_grad
    assert f(np.ones((2, 3)), axis=0).shape == (3,)


def test_integers_have_float64_gradients(step):
    x = var(step, [[1, 2], [3, 5]], int)
    y = step.sum(x, axis=0)
    y.backward()
    assert y.dtype == x.dtype
    assert y.data.tolist() == [4, 7]
    assert x.grad.dtype == np.float64
    x.cleargrad()
    y = step.mean(x, axis=0)
    y.backward()
    assert y.data.tolist() == [2.0, 3.5]
    assert x.grad.data.tolist() == [[0.5, 0.5], [0.5, 0.5]]


@pytest.mark.parametrize("axis", [2, -3, (0, 2), (0, 0), (1, -1)], ids=str)
def test_an_axis_that_is_not_there_or_named_twice_is_refused(step, axis):
    x = x_of(step, (2, 3))
    for f in (step.sum, step.mean):
        with pytest.raises(ValueError):
            f(x, axis=axis)


@pytest.mark.parametrize("axis", [None, 0, -1, (0, 2), ()], ids=str)
@pytest.mark.parametrize("order", [1, 2, 3])
def test_against_numerical_slopes(step, axis, order):
    x = x_of(step, (2, 3, 2))

    def f(x):
        return step.exp(step.sum(step.sin(x), axis)) + step.mean(x**2, axis) ** 2

    assert step.gradient_check(f, x, order=order)


def test_a_list_of_variables_is_no_array(step):
    x = var(step, 1.0)
    with pytest.raises(TypeError):
        step.sum([x, x])


def test_a_change_in_place_cannot_spread_over_the_gradient(step):
    x = var(step, [1.0, 2.0, 3.0])
    step.sum(x).backward()
    try:
        x.grad.data[0] = 7.0
    except ValueError:
        return  # a view that is read-only: it is one number, seen three times
    assert x.grad.data.tolist() == [7.0, 1.0, 1.0]


def test_the_gradient_can_be_calculated_with(step):
    x = var(step, [1.0, 2.0, 3.0])
    step.sum(x).backward()
    x.grad = x.grad * 0.5
    x.data = x.data - 0.1 * x.grad.data
    np.testing.assert_allclose(x.data, [0.95, 1.95, 2.95], rtol=1e-15)


# BroadcastTo


@pytest.mark.parametrize(
    "old, new",
    [
        ((1, 3), (2, 3)),
        ((2, 1), (2, 3)),
        ((1, 1), (2, 3)),
        ((2, 1, 2, 1), (2, 3, 2, 3)),
        ((2, 3), (2, 3)),
        ((1,), (4,)),
        ((), ()),
    ],
    ids=str,
)
@each_dtype
def test_broadcast_to_repeats_and_its_gradient_is_the_sum(step, old, new, dtype):
    x = x_of(step, old, dtype)
    y = step.BroadcastTo(new)(x)
    np.testing.assert_array_equal(y.data, np.broadcast_to(x.data, new))
    v = random(1, new).astype(dtype)
    y.grad = v
    y.backward()
    axes = tuple(i for i, n in enumerate(old) if n == 1)
    assert (x.grad.shape, x.grad.dtype) == (old, dtype)
    expected = v.sum(axis=axes, keepdims=True)
    np.testing.assert_allclose(x.grad.data, expected, rtol=1e-4, atol=1e-4)
    x.cleargrad()
    if dtype == np.float64:
        assert step.gradient_check(lambda x: step.BroadcastTo(new)(x) ** 2, x, order=2)


def test_a_list_of_axes_is_as_good_as_a_tuple(step):
    x = var(step, np.arange(24.0).reshape(2, 3, 4))
    for f in (step.sum, step.mean):
        y = f(x, [0, 2])
        assert y.data.tolist() == f(x, (0, 2)).data.tolist()
        y.grad = step.Variable(np.ones(3))
        y.backward()


def test_the_mean_of_half_precision_does_not_overflow(step):
    x = step.Variable(np.full(300, 500, np.float16))
    y = step.mean(x)
    y.backward()
    assert (y.data, y.dtype) == (500, np.float16)
    np.testing.assert_allclose(x.grad.data, np.full(300, 1 / 300), rtol=1e-3)


def test_a_gradient_that_was_spread_can_be_changed_in_place(step):
    p = var(step, np.ones(3))
    step.sum(p).backward()
    p.grad.data *= 0.5
    assert p.grad.data.tolist() == [0.5, 0.5, 0.5]


OWN = [case for case in CASES if case.since == 39]


@pytest.mark.parametrize("case", OWN, ids=lambda case: case.name)
def test_values_and_gradients_are_the_recorded_ones(step, case):
    check_case(step, case)


@pytest.mark.parametrize("case", OWN, ids=lambda case: case.name)
def test_values_and_gradients_keep_the_dtype(step, case):
    check_dtypes(step, case)


# derivative and gradient_check


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
    numbers = re.findall(r"slope (?:of|is) (-?[\d.e-]*\d)", str(error.value))
    assert len(numbers) == 2, f"The message should name two slopes: {error.value}"
    return map(float, numbers)


def test_derivative_is_a_function_that_gives_the_slope_along_us(step):
    us = [np.array(10.0), np.array(100.0)]
    df = step.derivative(lambda x, z: x * x * z, us)
    assert df(var(step, 2.0), var(step, 3.0)).data == 10 * 12.0 + 100 * 4.0


def test_derivative_can_be_differentiated(step):
    u = [np.array(1.0)]
    df = step.derivative(lambda x: x**4, u)
    ddf = step.derivative(df, u)
    dddf = step.derivative(ddf, u)
    x = var(step, 2.0)
    assert [float(f(x).data) for f in (df, ddf, dddf)] == [32.0, 48.0, 48.0]


def test_derivative_reads_none_as_zero(step):
    x, z = var(step, 2.0), var(step, 4.0)
    us = [np.array(10.0), np.array(100.0)]
    assert step.derivative(lambda x, z: x + 1.0, us)(x, z).data == 10.0


def test_derivative_starts_from_no_gradient_and_leaves_none(step):
    x = var(step, 3.0)
    x.grad = step.as_variable(np.array(100.0))
    assert step.derivative(lambda x: x * x, [np.array(1.0)])(x).data == 6.0
    assert x.grad is None


def test_gradient_check_takes_a_function_with_several_outputs(step):
    def f(x, z):
        return [x**2 * z, z**3]

    xs = [var(step, [1.0, 2.0]), var(step, [3.0, 4.0])]
    assert step.gradient_check(f, *xs, order=2)


def test_gradients_in_the_wrong_order_are_caught(step):
    f = function(step, lambda x: x[::-1], lambda gy, x: gy)
    assert len(set(slopes(step, f, var(step, [0.5, -1.2, 2.0])))) == 2, (
        "Ones cannot see this: both the direction and the weights must be random."
    )


def test_gradients_in_the_right_order_pass(step):
    f = function(step, lambda x: x[::-1], lambda gy, x: array(gy)[::-1])
    assert step.gradient_check(f, var(step, [0.5, -1.2, 2.0])) is True


def test_zero_gradients_of_what_always_has_the_same_sum_are_caught(step):
    f = function(step, lambda x: x - x.mean(), lambda gy, x: gy * 0.0)
    found, numerical = slopes(step, f, var(step, [0.5, -1.2, 2.0]))
    assert found == 0
    assert numerical != 0


def test_the_output_may_have_a_shape_of_its_own(step):
    def total(gy, x):
        return np.full(x.shape, array(gy))

    f = function(step, np.sum, total)
    assert step.gradient_check(f, var(step, [0.5, -1.2, 2.0])) is True


def test_the_random_numbers_of_the_program_are_left_alone(step):
    before = np.random.get_state()[1].tolist(), np.random.get_state()[2]
    step.gradient_check(step.square, var(step, [0.5, -1.2, 2.0]))
    assert (np.random.get_state()[1].tolist(), np.random.get_state()[2]) == before


def test_moved_gives_new_variables_along_the_directions(step):
    xs = [var(step, 1.0), var(step, [2.0, 3.0])]
    us = [np.array(10.0), np.array([1.0, -1.0])]
    x0, x1 = step.moved(xs, us, 0.5)
    assert x0.data == 6.0
    assert x1.data.tolist() == [2.5, 2.5]
    assert isinstance(x0, step.Variable) and isinstance(x0.data, np.ndarray)
    assert xs[0].data == 1.0, "The variables themselves should stay where they are."


def test_weighted_is_the_sum_of_all_products(step):
    xs = [var(step, [1.0, 2.0]), var(step, 5.0)]
    y = step.weighted(xs, [np.array([3.0, 4.0]), np.array(10.0)])
    assert (y.shape, y.data) == ((), 61.0)
    y.backward()
    assert [x.grad.data.tolist() for x in xs] == [[3.0, 4.0], 10.0]
    assert step.weighted([], []).data == 0
