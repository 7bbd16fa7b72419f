"""Step 38: other shapes, parts of an array, and their gradients."""

import itertools

import numpy as np
import pytest
from function_table import CASES
from helpers import check_case, check_dtypes, value_and_slope, var

SHAPES = [(), (1,), (6,), (2, 3), (2, 3, 4), (1, 3, 1, 2), (0, 3)]
AXES = [
    axes
    for ndim in range(1, 5)
    for axes in itertools.permutations(range(ndim))
    if ndim < 4 or axes[0] in (1, 3)
]


def random(seed, shape):
    """Random numbers, the same in each test."""
    return np.random.default_rng(seed).standard_normal(shape)


def x_of(step, shape, dtype=float):
    """A Variable of random numbers, in a shape."""
    return var(step, random(0, shape), dtype)


def check(f, expected, x):
    """f(x) has the elements of expected(array), and so have its gradients.

    f moves elements of x about and changes none. So the gradient of x must be gy,
    moved back: element i of x has the gradient of that element of y it became.
    """
    places = expected(np.arange(x.size).reshape(x.shape))
    y = f(x)
    assert y.shape == places.shape
    np.testing.assert_array_equal(y.data, x.data.flat[places.ravel()].reshape(y.shape))
    v, u = random(1, y.shape), random(2, x.shape)
    v_back = np.zeros(x.size)
    v_back[places.ravel()] = v.ravel()
    v_back = v_back.reshape(x.shape)
    y.grad = np.array(v, x.dtype)
    y.backward()
    gx = x.grad
    x.cleargrad()
    assert gx.shape == x.shape
    assert gx.dtype == y.dtype == x.dtype
    np.testing.assert_array_equal(gx.data, v_back.astype(x.dtype))

    y = f(x) ** 3  # its gradient is 3 v x ** 2, the next one 6 u v x
    y.grad = np.array(v, x.dtype)
    y.backward(create_graph=True)
    gx = x.grad
    x.cleargrad()
    gx.grad = np.array(u, x.dtype)
    gx.backward()
    close = {"rtol": 1e-5 if x.dtype == np.float32 else 1e-12}
    np.testing.assert_allclose(gx.data, 3 * v_back * x.data**2, **close)
    np.testing.assert_allclose(x.grad.data, 6 * u * v_back * x.data, **close)
    assert x.grad.dtype == gx.dtype == x.dtype
    x.cleargrad()


# What is done to the array alone leaves no record; this is the other way.


def test_the_gradient_goes_back_through_a_reshape(step):
    x = var(step, [[0, 1, 2], [3, 4, 5]])
    y = step.reshape(x, 3, 2)
    y.grad = np.array([[10.0, 20.0], [30.0, 40.0], [50.0, 60.0]])
    y.backward()
    assert y.data.tolist() == [[0, 1], [2, 3], [4, 5]]
    assert x.grad.data.tolist() == [[10, 20, 30], [40, 50, 60]]


def test_the_gradient_goes_back_through_a_transpose(step):
    x = var(step, [[0, 1, 2], [3, 4, 5]])
    y = step.transpose(x)
    y.grad = np.array([[10.0, 20.0], [30.0, 40.0], [50.0, 60.0]])
    y.backward()
    assert y.data.tolist() == [[0, 3], [1, 4], [2, 5]]
    assert x.grad.data.tolist() == [[10, 30, 50], [20, 40, 60]]


# reshape


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    "old, new, result",
    [
        ((2, 3), (3, 2), (3, 2)),
        ((2, 3), (6,), (6,)),
        ((6,), (2, 1, 3), (2, 1, 3)),
        ((6,), (2, -1), (2, 3)),
        ((2, 3, 4), (-1, 6), (4, 6)),
        ((2, 3), (-1,), (6,)),
        ((1,), (), ()),
        ((), (1, 1), (1, 1)),
        ((0, 3), (3, 0), (3, 0)),
    ],
    ids=str,
)
def test_reshape(step, old, new, result, dtype):
    """reshape takes the new shape in each form; gradients go back in the old one."""

    def expected(x):
        return x.reshape(result)

    x = x_of(step, old, dtype)
    check(lambda x: step.reshape(x, new), expected, x)
    check(lambda x: step.reshape(x, list(new)), expected, x)
    check(lambda x: step.reshape(x, *new), expected, x)
    check(lambda x: x.reshape(new), expected, x)
    check(lambda x: x.reshape(list(new)), expected, x)
    check(lambda x: x.reshape(*new), expected, x)


def test_lengths_may_be_integers_of_numpy(step):
    x = x_of(step, (2, 3))
    for shape in ((np.prod(x.shape),), (np.int64(3), -1)):
        y = step.reshape(x, *shape)
        np.testing.assert_array_equal(y.data, x.data.reshape(shape))
        assert x.reshape(tuple(shape)).shape == y.shape


def test_a_shape_that_is_there_already_takes_no_function(step):
    x = x_of(step, (2, 3))
    assert step.reshape(x, 2, 3) is x
    assert step.reshape(x, (2, 3)) is x
    assert x.reshape([2, 3]) is x
    assert x.reshape(3, 2) is not x


@pytest.mark.parametrize("shape", [(4,), (2, 2), (-1, 4), (-1, -1), (7, -1)], ids=str)
def test_a_shape_that_does_not_fit_is_refused(step, shape):
    with pytest.raises(ValueError):
        step.reshape(x_of(step, (2, 3)), shape)


# transpose


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("axes", AXES, ids=str)
def test_transpose_with_axes(step, axes, dtype):
    """transpose puts the axes in the order it is given, and gradients back."""

    def expected(x):
        return np.transpose(x, axes)

    ndim = len(axes)
    negative = tuple(axis - ndim for axis in axes)
    mixed = tuple(axis - ndim * (axis % 2) for axis in axes)
    x = x_of(step, (2, 3, 4, 5)[:ndim], dtype)
    check(lambda x: step.transpose(x, axes), expected, x)
    check(lambda x: step.transpose(x, list(axes)), expected, x)
    check(lambda x: step.transpose(x, *axes), expected, x)
    check(lambda x: step.transpose(x, negative), expected, x)
    check(lambda x: x.transpose(*mixed), expected, x)
    check(lambda x: x.transpose(mixed), expected, x)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_without_axes_their_order_is_reversed(step, shape, dtype):
    x = x_of(step, shape, dtype)
    check(lambda x: step.transpose(x), np.transpose, x)
    check(lambda x: x.transpose(), np.transpose, x)
    check(lambda x: x.T, np.transpose, x)
    check(lambda x: step.transpose(x, None), np.transpose, x)


@pytest.mark.parametrize("axes", [(0,), (0, 0), (0, 2), (1, 0, 2), (0, -2)], ids=str)
def test_axes_that_are_not_those_of_x_are_refused(step, axes):
    with pytest.raises(ValueError):
        step.transpose(x_of(step, (2, 3)), axes)


# expand_dims and flatten


@pytest.mark.parametrize("axis", [0, 1, 2, -1, -2, -3, (0, 2), (0, -1), (1, 2)])
def test_expand_dims(step, axis):
    """expand_dims puts a new axis of 1 where NumPy does."""
    x = x_of(step, (2, 3))
    check(lambda x: step.expand_dims(x, axis), lambda x: np.expand_dims(x, axis), x)


@pytest.mark.parametrize("shape", [(), (3,)], ids=str)
def test_expand_dims_of_few_axes(step, shape):
    x = x_of(step, shape)
    check(lambda x: step.expand_dims(x, 0), lambda x: np.expand_dims(x, 0), x)


def test_expand_dims_refuses_an_axis_that_is_too_far(step):
    with pytest.raises(ValueError):
        step.expand_dims(x_of(step, (2, 3)), 3)


@pytest.mark.parametrize(
    "shape, result",
    [
        ((2, 3, 4), (2, 12)),
        ((2, 3), (2, 3)),
        ((3,), (3, 1)),
        ((1, 2, 3, 2), (1, 12)),
        ((0, 3, 2), (0, 6)),
    ],
    ids=str,
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_flatten_keeps_the_first_axis(step, shape, result, dtype):
    check(
        lambda x: step.flatten(x),
        lambda x: x.reshape(result),
        x_of(step, shape, dtype),
    )


# All of them


FUNCTIONS = {
    "reshape": lambda F, x: F.reshape(x, 4, -1),
    "transpose": lambda F, x: F.transpose(x, 2, 0, 1),
    "expand_dims": lambda F, x: F.expand_dims(x, 1),
    "flatten": lambda F, x: F.flatten(x),
}
each_function = pytest.mark.parametrize("f", FUNCTIONS.values(), ids=FUNCTIONS)


@each_function
def test_an_array_is_a_constant(step, f):
    data = random(1, (2, 3, 4))
    y = f(step, data)
    assert type(y) is step.Variable
    assert not y.requires_grad
    np.testing.assert_array_equal(y.data, f(step, step.Variable(data)).data)


def test_an_array_that_has_the_shape_already_becomes_a_variable(step):
    data = random(1, (2, 3))
    for y in (step.reshape(data, 2, 3), step.flatten(data)):
        assert type(y) is step.Variable
        assert not y.requires_grad
        assert y.data.tolist() == data.tolist()


def test_a_number_is_a_constant_without_axes(step):
    for y, shape in (
        (step.reshape(5.0, 1, 1), (1, 1)),
        (step.transpose(5.0), ()),
        (step.expand_dims(5.0, 0), (1,)),
    ):
        assert type(y) is step.Variable
        assert not y.requires_grad
        assert y.shape == shape
        assert y.data == 5.0


@each_function
def test_integers_stay_integers_and_have_float64_gradients(step, f):
    x = var(step, np.arange(24).reshape(2, 3, 4), int)
    y = f(step, x)
    y.backward()
    assert y.dtype == x.dtype
    assert x.grad.dtype == np.float64


def derivatives(y, x, count):
    """The first derivatives of y, each of the sum of the one before."""
    for _ in range(count):
        x.cleargrad()
        y.backward(create_graph=True)
        y = x.grad
        yield y.data
    x.cleargrad()


@each_function
def test_the_derivatives_of_a_cube_of_moved_elements(step, f):
    x = x_of(step, (2, 3, 4))
    a = x.data
    found = derivatives(f(step, x) ** 3, x, 3)
    for gx, expected in zip(found, (3 * a**2, 6 * a, np.full_like(a, 6))):
        np.testing.assert_allclose(gx, expected, rtol=1e-12)


def test_all_of_them_in_a_row(step):
    def f(x):
        y = step.transpose(x.reshape(4, 6) ** 2, 1, 0)
        return step.flatten(step.expand_dims(y.T, (0, -1)).transpose(1, -1, 2, 0)) * y.T

    x = x_of(step, (2, 3, 4))
    assert f(x).shape == (4, 6)
    np.testing.assert_allclose(f(x).data, x.data.reshape(4, 6) ** 4, rtol=1e-12)
    first, second = derivatives(f(x), x, 2)
    np.testing.assert_allclose(first, 4 * x.data**3, rtol=1e-12)
    np.testing.assert_allclose(second, 12 * x.data**2, rtol=1e-12)


def test_nothing_is_recorded_without_backprop(step):
    with step.no_grad():
        y = x_of(step, (2, 3)).T
    assert y.creator is None


def test_flatten_of_no_examples_and_of_a_number(step):
    assert step.flatten(np.zeros((0, 3, 4))).shape == (0, 12)
    assert step.flatten(5.0).shape == (1,)


def test_lengths_and_axes_may_be_numbers_of_numpy(step):
    x = step.Variable(np.zeros((2, 3)))
    assert step.reshape(x, np.int64(6)).shape == (6,)
    assert step.reshape(x, np.int64(3), np.int64(2)).shape == (3, 2)
    assert step.transpose(step.Variable(np.zeros(4)), np.int64(0)).shape == (4,)


# x[index]

X = random(3, (3, 4))
T = np.array([2, 0, 2])
INDICES = {
    "a number": 1,
    "a number from the end": -1,
    "a number of NumPy": np.int64(2),
    "two numbers": (2, -1),
    "a slice": slice(1, None),
    "slices that skip": (slice(None, None, 2), slice(1, 4, 2)),
    "a slice backwards": (slice(None), slice(None, None, -1)),
    "all": Ellipsis,
    "the last axis": (Ellipsis, 1),
    "no index": (),
    "a new axis": (None, slice(None), None, 2),
    "a list": [0, 2],
    "an array": np.array([2, 0]),
    "a row three times": np.array([1, 1, 0, 1]),
    "rows from the end, twice": np.array([-1, 2]),
    "places": (np.array([0, 1, 2]), T),
    "a place three times": (np.array([0, 1, 0, 0]), np.array([3, 2, 3, 3])),
    "a matrix of rows": np.array([[0, 1], [1, 1]]),
    "a slice and columns twice": (slice(1, 3), np.array([0, 0, 3])),
    "columns twice and an ellipsis": (Ellipsis, np.array([1, 1])),
    "columns and a new axis": (np.array([0, 0, 2]), T, None),
    "rows and columns": (np.array([[0], [2], [0]]), np.array([1, 1])),
    "a mask": X > 0,
    "a mask of rows": np.array([True, False, True]),
    "a mask of nothing": np.zeros((3, 4), bool),
    "no rows": np.array([], int),
    "a bool": True,
}


every_index = pytest.mark.parametrize("index", INDICES.values(), ids=INDICES)


def scattered(shape, index, gy):
    """Zeros in a shape with each number of gy added at its place, one by one."""
    gx = np.zeros(shape)
    places = np.arange(gx.size).reshape(shape)[index]
    for place, g in zip(np.ravel(places), np.ravel(gy)):
        gx.flat[place] += g
    return gx


@every_index
@pytest.mark.parametrize("create_graph", [False, True])
def test_an_index_takes_elements_and_its_gradients_go_back(step, index, create_graph):
    y, gy, gx = value_and_slope(step, lambda x: x[index], X, create_graph=create_graph)
    np.testing.assert_array_equal(y, X[index])
    assert y.shape == X[index].shape
    np.testing.assert_allclose(gx, scattered(X.shape, index, gy), rtol=1e-14)


@every_index
def test_what_an_index_takes_can_be_differentiated_twice(step, index):
    x = var(step, X)
    y = x[index] ** 3
    gy = random(1, y.shape)
    y.grad = step.as_variable(gy)
    y.backward(create_graph=True)
    gx = x.grad
    x.cleargrad()
    u = random(2, X.shape)
    gx.grad = step.as_variable(u)
    gx.backward()
    expected = scattered(X.shape, index, gy * 6 * X[index] * u[index])
    np.testing.assert_allclose(x.grad.data, expected, rtol=1e-12)


def test_an_index_may_be_a_variable(step):
    x = var(step, X)
    for index in (T, X > 0):
        np.testing.assert_array_equal(x[step.Variable(index)].data, X[index])
    y = step.get_item(x, step.Variable(np.array([1, 1])))
    y.backward()
    np.testing.assert_array_equal(x.grad.data, [[0.0] * 4, [2.0] * 4, [0.0] * 4])


def test_get_item_takes_plain_arrays(step):
    y = step.get_item(X, (slice(None), 1))
    assert isinstance(y, step.Variable) and not y.requires_grad
    np.testing.assert_array_equal(y.data, X[:, 1])


def test_parts_that_overlap_add_up(step):
    x = var(step, [1.0, 2.0, 3.0])
    (x[:2] * np.array([10.0, 20.0]) + x[1:] * np.array([1.0, 2.0])).backward()
    assert x.grad.data.tolist() == [10.0, 21.0, 2.0]


def test_a_part_of_a_part(step):
    x = var(step, X)
    x[1][2:][0].backward()
    assert x.grad.data.nonzero() == (1, 2)
    assert x.grad.data[1, 2] == 1.0


def test_a_variable_can_be_taken_apart(step):
    x = var(step, X)
    rows = [*x]
    assert len(rows) == 3
    first, second, third = x
    (first * second + third).backward()
    np.testing.assert_allclose(x.grad.data, [X[1], X[0], np.ones(4)])


def test_integers_have_gradients_of_float64(step):
    x = step.Variable(np.array([1, 2, 3]))
    (x[np.array([0, 0, 1])] * 0.5).backward()
    assert x.grad.dtype == np.float64
    assert x.grad.data.tolist() == [1.0, 0.5, 0.0]


@pytest.mark.parametrize("index", [3, -4, (0, 4), np.array([0, 3]), (0, 0, 0)])
def test_an_index_out_of_range_is_refused(step, index):
    with pytest.raises(IndexError):
        var(step, X)[index]


def test_two_rows_of_a_jacobian_one_after_the_other(step):
    x = var(step, [[1.0, 2.0]])
    y = step.transpose(x * 3.0)
    rows = []
    for k in (0, 1):
        x.cleargrad()
        y[k, 0].backward(retain_grad=True)
        rows.append(x.grad.data.tolist())
    assert rows == [[[3.0, 0.0]], [[0.0, 3.0]]]


def test_a_loop_goes_through_the_first_axis(step):
    x = var(step, [[1.0, 2.0], [3.0, 4.0]])
    assert [row.data.tolist() for row in x] == x.data.tolist()
    with pytest.raises(TypeError):
        list(var(step, 3.0))


OWN = [case for case in CASES if case.since == 38]


@pytest.mark.parametrize("case", OWN, ids=lambda case: case.name)
def test_values_and_gradients_are_the_recorded_ones(step, case):
    check_case(step, case)


@pytest.mark.parametrize("case", OWN, ids=lambda case: case.name)
def test_values_and_gradients_keep_the_dtype(step, case):
    check_dtypes(step, case)
