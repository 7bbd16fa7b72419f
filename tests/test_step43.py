"""Step 43: linear, sigmoid and relu, and a network made of them."""

import gc
import tracemalloc

import numpy as np
import pytest
from function_table import CASES
from helpers import check_case, check_dtypes, value_and_slope, var

ROUND_ZERO = np.linspace(-6.0, 6.0, 25).reshape(5, 5)
with_b = pytest.mark.parametrize("bias", [True, False], ids=["with b", "without b"])
each_linear = pytest.mark.parametrize("name", ["linear", "linear_simple"])
each_dtype = pytest.mark.parametrize("dtype", [np.float32, np.float64])


def three(step, bias=True, dtype=float, shapes=((5, 3), (3, 2), (2,))):
    """x, W and b, or only x and W, as Variables of random numbers."""
    rng = np.random.default_rng(7)
    xs = [var(step, rng.standard_normal(shape), dtype) for shape in shapes]
    return xs if bias else xs[:2]


def go_back(y, xs, v, create_graph=False):
    """The gradients of xs from y, weighted with v; xs forget them."""
    y.grad = v
    y.backward(create_graph=create_graph)
    gxs = [x.grad for x in xs]
    for x in xs:
        x.cleargrad()
    return gxs


# --- linear ---


@with_b
@each_linear
def test_linear_is_a_product_and_a_sum(step, name, bias):
    xs = three(step, bias)
    y = getattr(step, name)(*xs)
    x, W, b = [x.data for x in xs] + ([] if bias else [0.0])
    assert type(y) is step.Variable
    assert y.shape == (5, 2)
    expected = np.array([[np.sum(row * column) for column in W.T] for row in x]) + b
    np.testing.assert_allclose(y.data, expected, rtol=1e-12)


@with_b
@each_linear
def test_the_gradients_of_linear(step, name, bias):
    xs = three(step, bias)
    v = np.random.default_rng(1).standard_normal((5, 2))
    gxs = go_back(getattr(step, name)(*xs), xs, v)
    x, W = xs[0].data, xs[1].data
    expected = [np.einsum("nh,dh->nd", v, W), np.einsum("nd,nh->dh", x, v)]
    for gx, wanted in zip(gxs, [*expected, v[0] + v[1] + v[2] + v[3] + v[4]]):
        np.testing.assert_allclose(gx.data, wanted, rtol=1e-12)


@with_b
@each_linear
def test_the_second_gradients_of_linear(step, name, bias):
    xs = three(step, bias)
    rng = np.random.default_rng(2)
    v, us = rng.standard_normal((5, 2)), [rng.standard_normal(x.shape) for x in xs]
    gxs = go_back(getattr(step, name)(*xs), xs, v, create_graph=True)
    for gx, u in zip(gxs[:2], us):
        gx.grad = u
        gx.backward()
    np.testing.assert_allclose(xs[0].grad.data, v @ us[1].T, rtol=1e-12)
    np.testing.assert_allclose(xs[1].grad.data, us[0].T @ v, rtol=1e-12)
    assert not bias or xs[2].grad is None, "no gradient depends on b"


OWN = [case for case in CASES if case.since == 43]


@pytest.mark.parametrize("case", OWN, ids=lambda case: case.name)
def test_values_and_gradients_are_the_recorded_ones(step, case):
    check_case(step, case)


@pytest.mark.parametrize("case", OWN, ids=lambda case: case.name)
def test_values_and_gradients_keep_the_dtype(step, case):
    check_dtypes(step, case)


@with_b
@each_linear
@pytest.mark.parametrize("order", [1, 2])
def test_linear_passes_the_gradient_check(step, name, bias, order):
    assert step.gradient_check(getattr(step, name), *three(step, bias), order=order)


@each_linear
def test_arrays_are_constants(step, name):
    """An array beside variables is a constant: it gets no gradient."""
    x, W, b = three(step)
    y = getattr(step, name)(x.data, W, b.data)
    v = np.random.default_rng(1).standard_normal((5, 2))
    (gW,) = go_back(y, [W], v)
    np.testing.assert_allclose(gW.data, x.data.T @ v, rtol=1e-12)


def test_no_gradient_is_computed_for_a_constant(step):
    x, W, b = three(step)
    gy = step.as_variable(np.ones((5, 2)))
    for i in range(3):
        arrays = [x.data, W.data, b.data]
        arrays[i] = (x, W, b)[i]
        gxs = step.linear(*arrays).creator.backward(gy)
        assert [gx is not None for gx in gxs] == [j == i for j in range(3)]


def test_linear_is_one_function(step):
    xs = three(step)
    y = step.linear(*xs)
    assert type(y.creator) is step.Affine
    assert [id(x) for x in y.creator.inputs] == [id(x) for x in xs]


def test_linear_keeps_less_than_linear_simple(step):
    def kept(f):
        x, W, b = three(step, shapes=((1000, 2), (2, 100), (100,)))
        gc.collect()
        tracemalloc.start()
        try:
            y = f(x, W, b)
            gc.collect()
            return tracemalloc.get_traced_memory()[0] / y.data.nbytes
        finally:
            tracemalloc.stop()

    assert kept(step.linear) == pytest.approx(1, abs=0.1), "only the output"
    assert kept(step.linear_simple) == pytest.approx(2, abs=0.1)


@with_b
@each_linear
@each_dtype
def test_linear_keeps_the_dtype(step, name, bias, dtype):
    xs = three(step, bias, dtype)
    y = getattr(step, name)(*xs)
    gxs = go_back(y, xs, np.ones((5, 2)), create_graph=True)
    gxs[0].backward()
    assert [v.dtype for v in (y, *gxs, xs[1].grad)] == [dtype] * (len(gxs) + 2)


def test_each_gradient_of_linear_has_the_dtype_of_its_own_variable(step):
    x, W, b = three(step)
    W.data, b.data = W.data.astype(np.float32), b.data.astype(np.float32)
    gxs = go_back(step.linear(x, W, b), [x, W, b], np.ones((5, 2)))
    assert [gx.dtype for gx in gxs] == [np.float64, np.float32, np.float32]


@pytest.mark.parametrize(
    "shapes",
    [
        ((5, 3), (4, 2), (2,)),
        ((5, 3), (3, 2), (3,)),
        ((5, 3), (2, 3), (2,)),
        ((3,), (3, 2), (2,)),
        ((), (3, 2), (2,)),
        ((5, 3), (3,), ()),
        ((5, 3), (4, 2)),
        ((3,), (3, 2)),
    ],
    ids=str,
)
def test_shapes_that_do_not_fit_are_named(step, shapes):
    xs = [var(step, np.ones(shape)) for shape in shapes]
    with pytest.raises(ValueError) as error:
        step.linear(*xs)
    for shape in shapes:
        assert str(shape) in str(error.value)


# --- sigmoid ---


def test_sigmoid_is_its_formula(step):
    y = step.sigmoid(var(step, ROUND_ZERO))
    assert type(y) is step.Variable
    np.testing.assert_allclose(y.data, 1 / (1 + np.exp(-ROUND_ZERO)), rtol=1e-12)


def test_sigmoid_at_some_points(step):
    x = np.log([1.0, 3.0, 9.0, 1 / 3])
    y = step.sigmoid(var(step, x))
    np.testing.assert_allclose(y.data, [0.5, 0.75, 0.9, 0.25], rtol=1e-14)


def test_the_derivatives_of_sigmoid(step):
    x = var(step, ROUND_ZERO)
    v, u = np.random.default_rng(3).standard_normal((2, 5, 5))
    y = step.sigmoid(x)
    p = 1 / (1 + np.exp(-ROUND_ZERO))
    (gx,) = go_back(y, [x], v, create_graph=True)
    np.testing.assert_allclose(gx.data, v * p * (1 - p), rtol=1e-11)
    (ggx,) = go_back(gx, [x], u)
    expected = u * v * p * (1 - p) * (1 - 2 * p)
    np.testing.assert_allclose(ggx.data, expected, rtol=1e-11, atol=1e-15)


@pytest.mark.parametrize("order", [1, 2, 3])
def test_sigmoid_passes_the_gradient_check(step, order):
    assert step.gradient_check(step.sigmoid, var(step, ROUND_ZERO / 3), order=order)


@each_dtype
def test_sigmoid_of_very_large_numbers_gives_no_warning(step, dtype):
    x = var(step, [-1e30, -1000.0, -100.0, 100.0, 1000.0, 1e30], dtype)
    with np.errstate(over="raise", invalid="raise"):
        y = step.sigmoid(x)
        (gx,) = go_back(y, [x], np.ones(6))
    np.testing.assert_allclose(y.data, [0, 0, 0, 1, 1, 1], atol=1e-40)
    np.testing.assert_allclose(gx.data, np.zeros(6), atol=1e-40)


@each_dtype
@pytest.mark.parametrize("data", [0.0, [0.0, 0.0]], ids=["0-d", "1-d"])
def test_sigmoid_keeps_shape_and_dtype(step, dtype, data):
    x = var(step, data, dtype)
    y = step.sigmoid(x)
    (gx,) = go_back(y, [x], np.ones(x.shape), create_graph=True)
    (ggx,) = go_back(gx, [x], np.ones(x.shape))
    found = [(v.shape, v.dtype) for v in (y, gx, ggx)]
    assert found == [(x.shape, np.dtype(dtype))] * 3
    np.testing.assert_array_equal(y.data, np.full(x.shape, 0.5))
    np.testing.assert_array_equal(gx.data, np.full(x.shape, 0.25))
    np.testing.assert_array_equal(ggx.data, np.zeros(x.shape))


def test_functions_of_integers_have_gradients_in_float64(step):
    x = var(step, [-2, 0, 3], int)
    y = step.sigmoid(x)
    (gx,) = go_back(y, [x], np.ones(3))
    assert (y.dtype, gx.dtype) == (np.float64, np.float64)
    (gx,) = go_back(step.relu(x), [x], np.ones(3))
    assert gx.data.tolist() == [0.0, 0.0, 1.0]
    assert gx.dtype == np.float64


# --- relu ---


def test_relu_and_its_slope(step):
    x = var(step, [[-2.0, -1e-9, 0.0], [-0.0, 1e-9, 3.0]])
    y = step.relu(x)
    assert type(y) is step.Variable
    assert y.data.tolist() == [[0.0, 0.0, 0.0], [0.0, 1e-9, 3.0]]
    v = np.array([[1.5, 2.5, 3.5], [4.5, 5.5, -6.5]])
    (gx,) = go_back(y, [x], v)
    assert gx.data.tolist() == [[0.0, 0.0, 0.0], [0.0, 5.5, -6.5]]


def test_the_slope_of_relu_has_a_slope_to_its_start_only(step):
    x, v = var(step, [-1.0, 2.0, 3.0]), var(step, [4.0, 5.0, 6.0])
    (gx,) = go_back(step.relu(x), [x], v, create_graph=True)
    v.cleargrad()
    gx.grad = np.array([10.0, 20.0, 30.0])
    gx.backward()
    assert v.grad.data.tolist() == [0.0, 20.0, 30.0]
    assert x.grad is None or not np.any(x.grad.data)


def test_relu_of_a_product_passes_the_gradient_check_at_order_2(step):
    xs = [var(step, [[-1.0, 2.0], [3.0, -4.0]]), var(step, [[0.5, 1.5], [0.7, 2.0]])]
    assert step.gradient_check(lambda x, z: step.relu(x * z * z), *xs, order=2)


@each_dtype
@pytest.mark.parametrize("data", [2.0, -2.0, 0.0, [2.0, -2.0]], ids=str)
def test_relu_keeps_shape_and_dtype(step, dtype, data):
    x = var(step, data, dtype)
    y = step.relu(x)
    (gx,) = go_back(y, [x], np.full(x.shape, 3.0), create_graph=True)
    for v in (y, gx):
        assert (v.shape, v.dtype) == (x.shape, dtype)
    np.testing.assert_array_equal(gx.data, 3.0 * (x.data > 0))


@pytest.mark.parametrize("name", ["sigmoid", "relu"])
def test_an_array_is_a_constant(step, name):
    y = getattr(step, name)(np.array([1.0, -1.0]))
    assert type(y) is step.Variable
    assert y.creator is None


# --- a network ---


def first_params(step, hidden=10):
    """W1, b1, W2, b2: stairs at equal distances, with weights that differ."""
    places = np.linspace(0.0, 1.0, hidden)
    W1, b1 = np.full((1, hidden), 12.0), -12.0 * places
    W2, b2 = np.sin(np.arange(hidden)).reshape(hidden, 1), np.zeros(1)
    return [var(step, param) for param in (W1, b1, W2, b2)]


def points():
    """Points around y = sin(2 pi x), x and y (100, 1)."""
    rng = np.random.default_rng(0)
    x = rng.random((100, 1))
    return x, np.sin(2 * np.pi * x) + 0.1 * rng.standard_normal((100, 1))


def gradients_by_hand(x, y, W1, b1, W2, b2):
    """The gradients of the loss of a network with a sigmoid, in plain NumPy."""
    h = 1 / (1 + np.exp(-(x @ W1 + b1)))
    gy = 2 * (h @ W2 + b2 - y) / len(x)
    ga = gy @ W2.T * h * (1 - h)
    return [x.T @ ga, np.sum(ga, axis=0), h.T @ gy, np.sum(gy, axis=0)]


def update(step, x, y, params, lr):
    """One step of gradient descent; returns the loss before it."""
    W1, b1, W2, b2 = params
    h = step.sigmoid(step.linear(x, W1, b1))
    loss = step.mean_squared_error(step.linear(h, W2, b2), y)
    for param in params:
        param.cleargrad()
    loss.backward()
    for param in params:
        param.data = param.data - lr * param.grad.data
    return float(loss.data)


def test_ten_updates_of_a_network_are_those_made_by_hand(step):
    x, y = points()
    params = first_params(step)
    arrays = [param.data for param in params]
    for _ in range(10):
        update(step, x, y, params, 0.1)
        gradients = gradients_by_hand(x, y, *arrays)
        arrays = [a - 0.1 * g for a, g in zip(arrays, gradients)]
    for param, array in zip(params, arrays):
        np.testing.assert_allclose(param.data, array, rtol=1e-9)


def test_the_loss_of_a_network_falls_far_below_that_of_a_line(step):
    x, y = points()
    params = first_params(step)
    losses = [update(step, x, y, params, 0.1) for _ in range(1000)]
    line = np.polyval(np.polyfit(x[:, 0], y[:, 0], 1), x)
    assert np.sum((line - y) ** 2) / 100 > 0.2
    assert losses[0] > 0.2
    assert losses[-1] < 0.02


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("x", [-1000.0, -20.0, -17.0, -12.0, -3.0, 0.0, 5.0, 1000.0])
def test_sigmoid_has_all_its_digits_at_both_ends(step, dtype, x):
    v = step.Variable(np.array([x], dtype))
    with np.errstate(over="raise"):
        y = step.sigmoid(v)
        y.backward()
    expected = 1 / (1 + np.exp(np.longdouble(-x)))
    few = float(np.finfo(dtype).smallest_subnormal)
    rtol = 4 * float(np.finfo(dtype).eps)
    np.testing.assert_allclose(y.data, [float(expected)], rtol=rtol, atol=few)
    if x < 0:
        slope = float(expected * (1 - expected))
        np.testing.assert_allclose(v.grad.data, [slope], rtol=2 * rtol, atol=2 * few)


def test_sigmoid_of_small_integers(step):
    y = step.sigmoid(step.Variable(np.array([1, 200], np.uint8)))
    np.testing.assert_allclose(y.data, [1 / (1 + np.exp(-1.0)), 1.0], rtol=1e-12)


# --- clip and leaky_relu ---

X = np.random.default_rng(47).uniform(-2, 2, (3, 4))


def test_clip_moves_what_is_outside_and_has_no_slope_there(step):
    data = [-2.0, -0.5, -0.499, 0.0, 0.999, 1.0, 1.5]
    y, gy, gx = value_and_slope(step, lambda x: step.clip(x, -0.5, 1), data)
    assert y.tolist() == [-0.5, -0.5, -0.499, 0.0, 0.999, 1.0, 1.0]
    np.testing.assert_allclose(gx, gy * [0, 1, 1, 1, 1, 1, 0])


@pytest.mark.parametrize(
    "limits, values, slopes",
    [
        ((None, 1.0), [-2.0, 1.0, 1.0], [1, 1, 0]),
        ((0.0, None), [0.0, 1.0, 3.0], [0, 1, 1]),
    ],
)
def test_clip_with_one_limit(step, limits, values, slopes):
    x = var(step, [-2.0, 1.0, 3.0])
    y = step.clip(x, *limits)
    step.sum(y).backward()
    assert y.data.tolist() == values
    assert x.grad.data.tolist() == slopes


def test_leaky_relu_has_a_slope_below_zero(step):
    data = np.array([[-2.0, -0.5, 0.0], [1e-9, 0.5, 3.0]])
    y, gy, gx = value_and_slope(step, step.leaky_relu, data)
    factor = np.array([[0.2, 0.2, 0.2], [1, 1, 1]])
    np.testing.assert_allclose(y, data * factor, rtol=1e-15)
    np.testing.assert_allclose(gx, gy * factor, rtol=1e-15)
    y, gy, gx = value_and_slope(step, lambda x: step.leaky_relu(x, 0.01), data)
    factor = np.array([[0.01, 0.01, 0.01], [1, 1, 1]])
    np.testing.assert_allclose(y, data * factor, rtol=1e-15)
    np.testing.assert_allclose(gx, gy * factor, rtol=1e-15)


def test_leaky_relu_of_integers(step):
    y, gy, gx = value_and_slope(step, step.leaky_relu, [-5, 3], int)
    np.testing.assert_allclose(y, [-1.0, 3.0])
    np.testing.assert_allclose(gx, gy * [0.2, 1.0])


@each_dtype
def test_numbers_of_numpy_leave_the_dtype_alone(step, dtype):
    low, high = np.float64(-0.5), np.float64(1.0)
    for f in (lambda x: step.clip(x, low, high), lambda x: step.leaky_relu(x, high)):
        y, _, gx = value_and_slope(step, f, X, dtype)
        assert (y.dtype, gx.dtype) == (dtype, dtype)


def test_clip_and_leaky_relu_can_be_differentiated_twice(step):
    x = var(step, X)
    assert step.gradient_check(lambda x: step.clip(x**3, -1, 1.5) * x, x, order=2)
    assert step.gradient_check(lambda x: step.leaky_relu(x**3, 0.3) * x, x, order=2)


def test_tanh_of_small_integers_has_all_its_digits(step):
    y = step.tanh(step.Variable(np.array([3], np.uint8)))
    np.testing.assert_allclose(y.data, np.tanh([3.0]), rtol=1e-12)
