"""Step 42: the mean squared error, as one function, and a line fitted with it."""

import gc
import tracemalloc

import numpy as np
import pytest
from helpers import reference, var

SHAPES = [(5,), (4, 1), (3, 4), (2, 3, 4)]
each_shape = pytest.mark.parametrize("shape", SHAPES, ids=str)
both = pytest.mark.parametrize(
    "name", ["mean_squared_error", "mean_squared_error_simple"]
)


def two(step, shape, dtype=float):
    """Two Variables of random numbers."""
    rng = np.random.default_rng(len(shape))
    return [var(step, rng.standard_normal(shape), dtype) for _ in range(2)]


def loss_of(x0, x1):
    """The sum of the squares of the differences, divided by the number of examples."""
    total = 0.0
    for example0, example1 in zip(x0, x1):
        total += np.sum((example0 - example1) ** 2)
    return total / len(x0)


# --- value and gradients ---


@both
@each_shape
def test_the_value_is_the_sum_of_squares_divided_by_the_number_of_examples(
    step, name, shape
):
    x0, x1 = two(step, shape)
    loss = getattr(step, name)(x0, x1)
    assert type(loss) is step.Variable
    assert loss.shape == ()
    assert loss.data == pytest.approx(loss_of(x0.data, x1.data), rel=1e-13)


@both
def test_it_is_divided_by_the_length_not_by_the_number_of_elements(step, name):
    x0, x1 = var(step, np.zeros((2, 3))), var(step, np.full((2, 3), 2.0))
    assert getattr(step, name)(x0, x1).data == 12.0  # 6 squares of 2, 2 examples


@both
@each_shape
def test_the_gradients_are_those_of_the_formula(step, name, shape):
    x0, x1 = two(step, shape)
    loss = getattr(step, name)(x0, x1)
    loss.grad = np.array(-1.7)
    loss.backward()
    expected = -1.7 * 2 * (x0.data - x1.data) / shape[0]
    np.testing.assert_allclose(x0.grad.data, expected, rtol=1e-13)
    np.testing.assert_allclose(x1.grad.data, -expected, rtol=1e-13)


@both
@each_shape
def test_the_second_gradients_are_those_of_the_formula(step, name, shape):
    x0, x1 = two(step, shape)
    loss = getattr(step, name)(x0, x1)
    loss.backward(create_graph=True)
    gx0, gx1 = x0.grad, x1.grad
    u0, u1 = np.random.default_rng(9).standard_normal((2, *shape))
    for x in (x0, x1):
        x.cleargrad()
    for gx, u in ((gx0, u0), (gx1, u1)):
        gx.grad = u
        gx.backward()
    expected = 2 * (u0 - u1) / shape[0]
    np.testing.assert_allclose(x0.grad.data, expected, rtol=1e-12)
    np.testing.assert_allclose(x1.grad.data, -expected, rtol=1e-12)


def test_values_and_gradients_are_the_recorded_ones(step):
    expected = reference("mean_squared_error(x0, x1)")
    xs = [step.Variable(x) for x in expected["inputs"]]
    loss = step.mean_squared_error(*xs)
    loss.grad = expected["cotangent"]
    loss.backward(create_graph=True)
    np.testing.assert_allclose(loss.data, expected["value"], rtol=1e-12)
    gxs = [x.grad for x in xs]
    for x, gx, recorded in zip(xs, gxs, expected["gradients"]):
        np.testing.assert_allclose(gx.data, recorded, rtol=1e-12)
        x.cleargrad()
    for gx, u in zip(gxs, expected["directions"]):
        gx.grad = u
        gx.backward()
    for x, recorded in zip(xs, expected["second"]):
        np.testing.assert_allclose(x.grad.data, recorded, rtol=1e-12)


@both
@pytest.mark.parametrize("order", [1, 2])
def test_it_passes_the_gradient_check(step, name, order):
    assert step.gradient_check(getattr(step, name), *two(step, (3, 2)), order=order)


@both
def test_the_slope_of_the_gradient_to_its_own_start(step, name):
    x0, x1 = two(step, (3, 2))
    start = var(step, 5.0)
    loss = getattr(step, name)(x0, x1)
    loss.grad = start
    loss.backward(create_graph=True)
    gx0 = x0.grad
    gx0.grad = u = np.arange(6.0).reshape(3, 2)
    gx0.backward()
    expected = np.sum(u * 2 * (x0.data - x1.data) / 3)
    assert start.grad.data == pytest.approx(expected, rel=1e-12)


@both
def test_one_variable_in_both_places_has_no_error_and_no_slope(step, name):
    x = var(step, [[1.0], [2.0]])
    loss = getattr(step, name)(x, x)
    loss.backward()
    assert loss.data == 0.0
    assert x.grad.data.tolist() == [[0.0], [0.0]]


def test_the_two_gradients_share_no_memory(step):
    x0, x1 = two(step, (3, 2))
    step.mean_squared_error(x0, x1).backward()
    assert x0.grad is not x1.grad
    assert not np.shares_memory(x0.grad.data, x1.grad.data)
    assert x0.grad.data.flags.writeable and x1.grad.data.flags.writeable


# --- arrays are constants ---


@both
def test_an_array_may_stand_in_either_place(step, name):
    loss_function = getattr(step, name)
    x0, x1 = two(step, (3, 2))
    expected = 2 * (x0.data - x1.data) / 3
    loss = loss_function(x0, x1.data)
    loss.backward()
    assert type(loss) is step.Variable
    np.testing.assert_allclose(x0.grad.data, expected, rtol=1e-13)
    loss_function(x0.data, x1).backward()
    np.testing.assert_allclose(x1.grad.data, -expected, rtol=1e-13)


def test_no_gradient_is_computed_for_a_constant_x1(step):
    x0, x1 = two(step, (3, 2))
    loss = step.mean_squared_error(x0, x1.data)
    gxs = loss.creator.backward(step.as_variable(np.array(1.0)))
    assert gxs[1] is None
    loss = step.mean_squared_error(x0, x1)
    gxs = loss.creator.backward(step.as_variable(np.array(1.0)))
    assert gxs[1] is not None


def test_of_two_arrays_it_is_a_constant(step):
    loss = step.mean_squared_error(np.ones(2), np.zeros(2))
    assert loss.data == 1.0
    assert loss.creator is None


# --- dtype ---


@both
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_gradients_keep_the_dtype(step, name, dtype):
    x0, x1 = two(step, (3, 2), dtype)
    loss = getattr(step, name)(x0, x1)
    loss.backward(create_graph=True)
    gx0, gx1 = x0.grad, x1.grad
    x0.cleargrad()
    gx0.backward()
    found = [gx0.dtype, gx1.dtype, x0.grad.dtype]
    assert found == [np.dtype(dtype)] * 3


@both
def test_each_gradient_has_the_dtype_of_its_own_variable(step, name):
    x0, x1 = var(step, [1.0, 2.0], np.float32), var(step, [3.0, 5.0])
    getattr(step, name)(x0, x1).backward()
    assert (x0.grad.dtype, x1.grad.dtype) == (np.float32, np.float64)
    assert x0.grad.data.tolist() == [-2.0, -3.0]


@both
def test_integers_have_an_error_and_gradients_in_float64(step, name):
    x0, x1 = var(step, [1, 2], int), var(step, [3, 5], int)
    loss = getattr(step, name)(x0, x1)
    loss.backward()
    assert loss.data == 6.5
    assert x0.grad.data.tolist() == [-2.0, -3.0]
    assert (loss.dtype, x0.grad.dtype, x1.grad.dtype) == (np.float64,) * 3


@both
def test_integers_count_as_float64_beside_half_precision_too(step, name):
    integers, x = np.array([255, 3], np.uint8), np.array([-10, 0], np.float16)
    for x0, x1 in ((integers, x), (x, integers)):
        loss = getattr(step, name)(x0, x1)
        # the square of 265 is more than half precision can hold
        assert (float(loss.data), loss.dtype) == ((265**2 + 9) / 2, np.float64)


def test_as_float_makes_a_variable_of_arrays_and_numbers(step):
    for x, dtype in ((5, np.float64), (np.ones(2, np.float32), np.float32)):
        y = step.as_float(x)
        assert type(y) is step.Variable
        assert (y.dtype, y.shape) == (dtype, np.shape(x))


# --- shapes that are refused ---


@pytest.mark.parametrize(
    "shape0, shape1",
    [
        ((3, 1), (3,)),
        ((3,), (3, 1)),
        ((2, 3), (3,)),
        ((2, 3), (2, 1)),
        ((2, 3), (3, 2)),
        ((4,), (3,)),
        ((), (2,)),
        ((0,), (0,)),
        ((0, 3), (0, 3)),
        ((3, 0), (3, 0)),
    ],
    ids=str,
)
def test_shapes_that_differ_or_hold_nothing_are_named(step, shape0, shape1):
    with pytest.raises(ValueError) as error:
        step.mean_squared_error(var(step, np.ones(shape0)), np.ones(shape1))
    assert f"{shape0} and {shape1}" in str(error.value)


# --- memory ---

SIZE = 100_000  # numbers of 8 bytes


def bytes_kept(step, loss_function):
    """How many bytes a loss keeps alive until backward(), and how many after it."""
    x0, x1 = var(step, np.ones((SIZE, 1))), np.zeros((SIZE, 1))
    gc.collect()
    tracemalloc.start()
    try:
        loss = loss_function(x0, x1)
        gc.collect()
        kept, _ = tracemalloc.get_traced_memory()
        loss.backward()
        x0.cleargrad()
        del loss
        gc.collect()
        return kept, tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()


def test_the_loss_keeps_no_array_as_large_as_its_inputs(step):
    kept, later = bytes_kept(step, step.mean_squared_error)
    assert kept < SIZE, "no array of the difference outlives forward()"
    assert later < SIZE


def test_the_loss_out_of_plain_functions_keeps_two(step):
    kept, later = bytes_kept(step, step.mean_squared_error_simple)
    assert 15 * SIZE < kept < 20 * SIZE, "the difference and its squares"
    assert later < SIZE


def test_the_graph_of_the_loss_is_one_function_of_the_two_inputs(step):
    x0, x1 = two(step, (3, 2))
    loss = step.mean_squared_error(x0, x1)
    assert [id(x) for x in loss.creator.inputs] == [id(x0), id(x1)]
    assert type(loss.creator) is step.MeanSquaredError


# --- a line through points ---


@both
def test_gradient_descent_finds_the_line_of_least_squares(step, name):
    rng = np.random.default_rng(1)
    x = rng.random((100, 1))
    y = 2 * x + 5 + 0.1 * rng.standard_normal((100, 1))
    W, b = var(step, np.zeros((1, 1))), var(step, np.zeros(1))
    for _ in range(300):
        loss = getattr(step, name)(x @ W + b, y)
        for param in (W, b):
            param.cleargrad()
        loss.backward()
        for param in (W, b):
            param.data = param.data - 0.5 * param.grad.data
    slope, height = np.polyfit(x[:, 0], y[:, 0], 1)
    assert W.data.item() == pytest.approx(slope, abs=1e-4)
    assert b.data.item() == pytest.approx(height, abs=1e-4)
    assert W.data.item() == pytest.approx(2, abs=0.1)
    assert b.data.item() == pytest.approx(5, abs=0.1)
    assert loss.data < 0.02


def test_a_line_of_two_inputs_and_two_outputs(step):
    rng = np.random.default_rng(2)
    x, true = rng.random((50, 2)), np.array([[1.0, -2.0], [3.0, 0.5]])
    W = var(step, np.zeros((2, 2)))
    for _ in range(400):
        loss = step.mean_squared_error(x @ W, x @ true)
        W.cleargrad()
        loss.backward()
        W.data = W.data - 0.5 * W.grad.data
    np.testing.assert_allclose(W.data, true, atol=1e-3)


@pytest.mark.parametrize("shapes", [((1, 1), (1,)), ((), (1,)), ((), ())], ids=str)
def test_a_number_may_be_compared_with_a_number_of_any_axes(step, shapes):
    x0, x1 = (var(step, np.full(s, v)) for s, v in zip(shapes, (5.0, 2.0)))
    loss = step.mean_squared_error(x0, x1)
    loss.backward()
    assert float(loss.data) == 9.0
    assert (float(x0.grad.data.sum()), float(x1.grad.data.sum())) == (6.0, -6.0)
    assert (x0.grad.shape, x1.grad.shape) == shapes


def test_small_integers_do_not_wrap_around(step):
    x0 = step.Variable(np.array([200], np.uint8))
    x1 = step.Variable(np.array([10], np.uint8))
    loss = step.mean_squared_error(x0, x1)
    loss.backward()
    assert float(loss.data) == 36100.0
    assert x0.grad.data.tolist() == [380.0]


def test_many_numbers_of_half_precision_do_not_overflow(step):
    x0 = step.Variable(np.full(16384, 4, np.float16))
    loss = step.mean_squared_error(x0, np.zeros(16384, np.float16))
    assert (float(loss.data), loss.dtype) == (16.0, np.float16)


def test_small_integers_do_not_wrap_around_in_the_simple_form(step):
    x0, x1 = np.array([200], np.uint8), np.array([10], np.uint8)
    assert float(step.mean_squared_error_simple(x0, x1).data) == 36100.0
