"""Step 56: channels, batches and pooling; in plain loops, then as im2col and col2im."""

import numpy as np
import pytest
from convolutions import (
    call,
    check_dtypes,
    check_empty_batch,
    check_gradients_of_slopes,
    check_inputs_stay,
    check_orders_of_memory,
    check_references,
    close,
    conv2d_loops,
    every_case,
    every_geometry,
    inputs,
    normal,
    places,
    pool_loops,
)
from helpers import array, records, reference, var
from photographs import install_pil

LOOPS = {
    "conv2d": "conv2d_loops",
    "pooling": "max_pool_loops",
    "average_pooling": "average_pool_loops",
}
RECORDED = {
    name: record
    for name, record in records("convolution").items()
    if name != "made by" and record["function"] in LOOPS
}
POOL_LOOPS = ["max_pool_loops", "average_pool_loops"]


@pytest.mark.parametrize("case", RECORDED.values(), ids=RECORDED)
def test_values_are_the_recorded_ones(step, case):
    arguments = {
        k: tuple(v) if isinstance(v, list) else v for k, v in case["arguments"].items()
    }
    xs = [np.array(x) for x in case["inputs"]]
    y = getattr(step, LOOPS[case["function"]])(*xs, **arguments)
    np.testing.assert_allclose(y, case["value"], rtol=1e-12, atol=1e-12)


def test_the_arguments_may_stand_in_their_order(step):
    rng = np.random.default_rng(0)
    x, W, b = (rng.standard_normal(s) for s in ((2, 3, 5, 4), (4, 3, 3, 2), 4))
    y = step.conv2d_loops(x, W, b, (2, 1), (1, 0))
    assert y.shape == (2, 4, 3, 3)
    named = step.conv2d_loops(x=x, W=W, b=b, stride=(2, 1), pad=(1, 0))
    np.testing.assert_array_equal(y, named)
    for name in POOL_LOOPS:
        y = getattr(step, name)(x, (3, 2), (2, 1), (1, 0))
        assert y.shape == (2, 3, 3, 3)
        named = getattr(step, name)(x=x, kernel_size=(3, 2), stride=(2, 1), pad=(1, 0))
        np.testing.assert_array_equal(y, named)


def test_channels_are_added_up_and_each_output_has_its_kernel_and_bias(step):
    x = np.ones((1, 2, 3, 3)) * np.array([1.0, 10.0]).reshape(2, 1, 1)
    W = np.ones((3, 2, 2, 2)) * np.array([1.0, 2.0, 3.0]).reshape(3, 1, 1, 1)
    y = step.conv2d_loops(x, W, np.array([100.0, 200.0, 300.0]))
    assert y.shape == (1, 3, 2, 2)
    for k, expected in enumerate([144.0, 288.0, 432.0]):
        np.testing.assert_array_equal(y[0, k], np.full((2, 2), expected))


def test_without_a_bias_nothing_is_added(step):
    rng = np.random.default_rng(1)
    x, W, b = (rng.standard_normal(s) for s in ((2, 3, 4, 4), (2, 3, 3, 3), (2,)))
    with_b = step.conv2d_loops(x, W, b)
    expected = with_b - b.reshape(-1, 1, 1)
    np.testing.assert_allclose(step.conv2d_loops(x, W), expected, rtol=1e-12)


def test_the_images_of_a_batch_do_not_meet(step):
    rng = np.random.default_rng(2)
    x, W = rng.standard_normal((3, 2, 5, 5)), rng.standard_normal((2, 2, 3, 3))
    functions = {
        "conv2d_loops": lambda x: step.conv2d_loops(x, W),
        "max_pool_loops": lambda x: step.max_pool_loops(x, 2),
        "average_pool_loops": lambda x: step.average_pool_loops(x, 2),
    }
    for name, f in functions.items():
        for n in range(3):
            np.testing.assert_array_equal(f(x)[n], f(x[n : n + 1])[0], err_msg=name)


@pytest.mark.parametrize(
    "name, expected",
    [
        (
            "max_pool_loops",
            [[-1, -1, -3, -3], [-1, -1, -3, -3], [-8, -8, -8, -8], [-8, -8, -9, -9]],
        ),
        (
            "average_pool_loops",
            np.array(
                [
                    [-1, -5, -7, -3],
                    [-11, -28, -28, -11],
                    [-18, -40, -39, -17],
                    [-8, -17, -18, -9],
                ]
            )
            / 4,
        ),
    ],
)
def test_padding_never_is_the_largest_but_counts_in_an_average(step, name, expected):
    x = np.array([[-1.0, -4.0, -3.0], [-10.0, -13.0, -8.0], [-8.0, -9.0, -9.0]])
    y = getattr(step, name)(x.reshape(1, 1, 3, 3), 2, 1, 1)
    np.testing.assert_array_equal(y, [[expected]])


@pytest.mark.parametrize("name", POOL_LOOPS)
def test_a_pool_moves_by_one_unless_told(step, name):
    x = np.arange(20.0).reshape(1, 1, 4, 5)
    f = getattr(step, name)
    np.testing.assert_array_equal(f(x, (2, 3)), f(x, (2, 3), (1, 1), (0, 0)))
    assert f(x, 2).shape == (1, 1, 3, 4)


def test_pooling_forgives_a_small_move(step):
    x = np.zeros((1, 1, 4, 4))
    x[0, 0, 2, 2] = 1.0
    moved = np.roll(x, 1, axis=3)
    pooled = step.max_pool_loops(x, 2, 2)
    assert pooled[0, 0].tolist() == [[0, 0], [0, 1]]
    np.testing.assert_array_equal(step.max_pool_loops(moved, 2, 2), pooled)


@pytest.mark.parametrize("name", [*POOL_LOOPS, "conv2d_loops"])
def test_a_kernel_that_does_not_fit_is_refused(step, name):
    kernel = np.ones((1, 1, 5, 2)) if name == "conv2d_loops" else (5, 2)
    with pytest.raises(ValueError, match="kernel.* 5"):
        getattr(step, name)(np.ones((1, 1, 4, 4)), kernel)


# --- im2col and col2im ---


@every_geometry
def test_a_row_of_im2col_is_what_the_kernel_sees_at_a_place(
    step, shape, kernel, stride, pad
):
    x = normal(*shape)
    col = step.im2col(x, kernel, stride, pad)
    assert isinstance(col, step.Variable)
    rows = [seen.reshape(-1) for _, seen in places(x, kernel, stride, pad)]
    np.testing.assert_array_equal(col.data, rows)


@every_geometry
def test_im2col_without_to_matrix_has_six_axes(step, shape, kernel, stride, pad):
    x = normal(*shape)
    col = step.im2col(x, kernel, stride, pad, to_matrix=False).data
    for (n, i, j), seen in places(x, kernel, stride, pad):
        np.testing.assert_array_equal(col[n, ..., i, j], seen)
    assert col.size == step.im2col(x, kernel, stride, pad).size


@every_geometry
@pytest.mark.parametrize("to_matrix", [True, False])
def test_col2im_adds_up_what_im2col_takes_apart(
    step, shape, kernel, stride, pad, to_matrix
):
    (PH, PW), (KH, KW), (SH, SW) = pad, kernel, stride
    N, C, H, W = shape
    sizes = step.im2col(np.zeros(shape), kernel, stride, pad, to_matrix=False).shape
    col = normal(*sizes)
    expected = np.zeros((N, C, H + 2 * PH, W + 2 * PW))
    for n, c, k, m, i, j in np.ndindex(sizes):
        expected[n, c, i * SH + k, j * SW + m] += col[n, c, k, m, i, j]
    if to_matrix:
        col = col.transpose(0, 4, 5, 1, 2, 3).reshape(-1, C * KH * KW)
    x = step.col2im(col, shape, kernel, stride, pad, to_matrix=to_matrix)
    assert isinstance(x, step.Variable)
    close(x.data, expected[:, :, PH : PH + H, PW : PW + W])


def test_im2col_and_col2im_take_numbers_for_pairs(step):
    x = normal(2, 2, 5, 5)
    col = step.im2col(x, 3, 2, 1)
    np.testing.assert_array_equal(col.data, step.im2col(x, (3, 3), (2, 2), (1, 1)).data)
    numbers = step.col2im(col, x.shape, 3, 2, 1)
    pairs = step.col2im(col, x.shape, (3, 3), (2, 2), (1, 1))
    np.testing.assert_array_equal(numbers.data, pairs.data)
    assert step.im2col(x, 3).shape == (2 * 3 * 3, 2 * 3 * 3), "stride 1, pad 0"
    assert step.col2im(step.im2col(x, 4), x.shape, 4).shape == x.shape


@pytest.mark.parametrize("to_matrix", [True, False])
def test_each_is_the_gradient_of_the_other(step, to_matrix):
    x, kernel, stride, pad = var(step, normal(2, 2, 6, 5)), (3, 2), (2, 1), (1, 2)
    col = step.im2col(x, kernel, stride, pad, to_matrix)
    col.grad = gcol = normal(*col.shape, seed=1)
    col.backward()
    close(x.grad, step.col2im(gcol, x.shape, kernel, stride, pad, to_matrix).data)

    col = var(step, gcol)
    x = step.col2im(col, x.shape, kernel, stride, pad, to_matrix)
    x.grad = gx = normal(*x.shape, seed=2)
    x.backward()
    close(col.grad, step.im2col(gx, kernel, stride, pad, to_matrix).data)


@pytest.mark.parametrize("to_matrix", [True, False])
def test_both_at_order_2(step, to_matrix):
    geometry = (2, 3), (1, 2), (1, 0), to_matrix
    x = var(step, normal(1, 2, 3, 4))
    col = step.im2col(x, *geometry)
    assert step.gradient_check(lambda x: step.im2col(x, *geometry) ** 2, x, order=2)
    assert step.gradient_check(
        lambda col: step.col2im(col, x.shape, *geometry) ** 2, col, order=2
    )


def test_a_matrix_that_does_not_belong_to_the_image_is_refused(step):
    with pytest.raises(ValueError):
        step.col2im(np.zeros((9, 26)), (1, 3, 5, 5), 3)


# --- the simple convolution ---


@every_geometry
def test_the_simple_convolution_is_what_the_loops_say(step, shape, kernel, stride, pad):
    x, W, b = normal(*shape), normal(4, shape[1], *kernel), normal(4)
    y = step.conv2d_simple(x, W, b, stride, pad)
    assert isinstance(y, step.Variable)
    close(y, conv2d_loops(x, W, b, stride, pad))
    without = step.conv2d_simple(x, W, None, stride, pad)
    close(without, conv2d_loops(x, W, np.zeros(4), stride, pad))


@every_case("conv2d")
def test_the_simple_convolution_has_the_recorded_gradients(step, case):
    check_references(step, case | {"function": "conv2d_simple"})


def test_the_simple_convolution_takes_numbers_for_pairs(step):
    x, W, b = normal(2, 3, 5, 5), normal(3, 3, 2, 2), normal(3)
    f = step.conv2d_simple
    close(f(x, W, b, stride=2, pad=1), f(x, W, b, (2, 2), (1, 1)).data)
    close(f(x, W, b), f(x, W, b, (1, 1), (0, 0)).data)


def test_what_the_simple_convolution_cannot_take_is_named(step):
    for x, W in (
        ((1, 3, 5, 5), (4, 2, 3, 3)),
        ((2, 5, 5), (2, 2, 3, 3)),
        ((5, 2, 5), (2, 2, 3, 3)),
    ):
        with pytest.raises(ValueError, match=rf"\(N, {W[1]}, H, W\)"):
            step.conv2d_simple(np.zeros(x), np.zeros(W))
    with pytest.raises(ValueError, match="kernel.* 6"):
        step.conv2d_simple(np.zeros((1, 2, 5, 5)), np.zeros((3, 2, 3, 6)))


# --- pooling ---


POOLS = ["pooling", "average_pooling"]


@every_case("pooling", "average_pooling")
def test_values_and_gradients_are_the_recorded_ones(step, case):
    check_references(step, case)


@every_case("pooling, all odd", "average_pooling, all odd")
def test_what_is_done_with_a_gradient_has_gradients(step, case):
    check_gradients_of_slopes(step, case)


@every_case("pooling", "average_pooling")
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_dtype_is_kept_at_both_orders(step, case, dtype):
    check_dtypes(step, case, dtype)


@every_case("pooling", "average_pooling")
def test_the_inputs_are_left_as_they_are(step, case):
    check_inputs_stay(step, case)


@every_case("pooling", "average_pooling")
def test_arrays_in_any_order_of_memory_will_do(step, case):
    check_orders_of_memory(step, case)


@every_case("pooling", "average_pooling")
def test_an_empty_batch(step, case):
    check_empty_batch(step, case)


@every_case("pooling", "average_pooling")
def test_poolings_at_order_3(step, case):
    f, (x,) = call(step, case), inputs(step, case)
    assert step.gradient_check(lambda x: f(x) ** 3, x, order=3, eps=1e-5)


@pytest.mark.parametrize("name", POOLS)
@pytest.mark.parametrize("kernel, pad", [((3, 2), (2, 0)), ((2, 4), (0, 3))])
def test_more_padding_on_one_axis_than_on_the_other(step, name, kernel, pad):
    x, pool = var(step, normal(1, 2, 5, 6)), getattr(step, name)
    assert step.gradient_check(lambda x: pool(x, kernel, (2, 1), pad) ** 2, x, order=2)


@every_geometry
def test_poolings_are_what_the_loops_say(step, shape, kernel, stride, pad):
    x = normal(*shape) - 3.0  # mostly negative: padding must not win
    pad = tuple(np.minimum(pad, np.array(kernel) - 1).tolist())
    y = step.pooling(x, kernel, stride, pad)
    assert isinstance(y, step.Variable)
    close(y, pool_loops(x, kernel, stride, pad, np.max, -np.inf))
    y = step.average_pooling(x, kernel, stride, pad)
    assert isinstance(y, step.Variable)
    close(y, pool_loops(x, kernel, stride, pad, np.mean, 0.0))


@every_geometry
def test_the_simple_pooling_is_the_same_without_padding(
    step, shape, kernel, stride, pad
):
    x = var(step, normal(*shape))
    ys, gradients = [], []
    for f in (step.pooling_simple, step.pooling):
        y = f(x, kernel, stride)
        y.grad = normal(*y.shape)
        y.backward()
        ys.append(y.data)
        gradients.append(array(x.grad))
        x.cleargrad()
    close(*ys)
    close(*gradients)


@pytest.mark.parametrize("name", [*POOLS, "pooling_simple"])
def test_the_pools_take_numbers_for_pairs(step, name):
    x, f = abs(normal(1, 2, 6, 6)), getattr(step, name)
    close(f(x, 3, 2, 1), f(x, (3, 3), (2, 2), (1, 1)).data)
    close(f(x, 3), f(x, (3, 3), (1, 1), (0, 0)).data)


def test_of_equals_the_first_one_gets_the_gradient(step):
    x = var(step, np.zeros((1, 1, 4, 4)))
    y = step.pooling(x, 2, 2)
    y.grad = np.array([[[[1.0, 2.0], [3.0, 4.0]]]])
    y.backward()
    expected = [[1, 0, 2, 0], [0, 0, 0, 0], [3, 0, 4, 0], [0, 0, 0, 0]]
    np.testing.assert_array_equal(array(x.grad), [[expected]])


def test_equals_beside_padding_and_at_places_that_overlap(step):
    x = var(step, np.zeros((1, 1, 3, 3)))
    y = step.pooling(x, 2, 1, 1)
    y.grad = 10.0 ** np.arange(16).reshape(1, 1, 4, 4)
    y.backward()
    # The place at (i, j) sees the pixels (i-1, j-1) to (i, j); the first there counts.
    expected = np.zeros((3, 3))
    for i, j in np.ndindex(4, 4):
        expected[np.maximum(i - 1, 0), np.maximum(j - 1, 0)] += 10.0 ** (4 * i + j)
    np.testing.assert_array_equal(array(x.grad)[0, 0], expected)


def test_equals_at_order_2(step):
    x = var(step, [[[[2.0, 2.0], [1.0, 2.0]]]])
    y = step.pooling(x, 2) ** 3
    y.backward(create_graph=True)
    gx = x.grad
    x.cleargrad()
    np.testing.assert_array_equal(array(gx), [[[[12.0, 0.0], [0.0, 0.0]]]])
    gx.grad = np.array([[[[1.0, 10.0], [100.0, 1000.0]]]])
    gx.backward()
    np.testing.assert_array_equal(array(x.grad), [[[[12.0, 0.0], [0.0, 0.0]]]])


def test_whole_numbers_stay_whole_in_pooling(step):
    x = var(step, [[[[-3, -1], [-2, -4]]]], int)
    with np.errstate(all="raise"):
        y = step.pooling(x, 2, 1, 1)
    assert y.dtype == x.dtype
    np.testing.assert_array_equal(
        y.data, [[[[-3, -1, -1], [-2, -1, -1], [-2, -2, -4]]]]
    )
    assert step.average_pooling(x, 2).data == -2.5


def test_a_pool_has_no_place_that_sees_padding_only(step):
    x = np.zeros((1, 1, 5, 5))
    for kernel, pad in ((2, 2), ((3, 2), (1, 2)), ((2, 3), (2, 1)), (1, 3)):
        with pytest.raises(ValueError, match="pad"):
            step.pooling(x, kernel, 1, pad)
    assert step.pooling(x, (3, 2), 1, (2, 1)).shape == (1, 1, 7, 6)


@pytest.mark.parametrize("name", POOLS)
def test_a_pool_larger_than_the_image_is_refused(step, name):
    with pytest.raises(ValueError, match="kernel.* 6"):
        getattr(step, name)(np.zeros((1, 1, 6, 5)), (3, 6))


def test_sizes_of_a_pool_may_be_numbers_of_numpy_or_lists(step):
    x = var(step, np.arange(16.0).reshape(1, 1, 4, 4))
    expected = step.pooling(x, 2, 2).data
    np.testing.assert_array_equal(step.pooling(x, np.int64(2), [2, 2]).data, expected)


# --- concatenate ---


def pieces(step):
    return [var(step, x) for x in reference("concatenate([x0, x1, x2])")["inputs"]]


def test_concatenate_puts_arrays_side_by_side(step):
    xs = pieces(step)
    y = step.concatenate(xs)
    assert type(y) is step.Variable
    np.testing.assert_array_equal(y.data, np.hstack([x.data for x in xs]))


def test_the_gradient_of_concatenate_is_cut_into_pieces(step):
    expected = reference("concatenate([x0, x1, x2])")
    xs = pieces(step)
    y = step.concatenate(xs)
    y.grad = step.Variable(expected["cotangent"])
    y.backward()
    for x, gx in zip(xs, expected["gradients"], strict=True):
        np.testing.assert_array_equal(array(x.grad), gx)


@pytest.mark.parametrize("axis", [0, 1, 2, 3, -1, -2, -3, -4])
def test_concatenate_along_any_axis(step, axis):
    rng = np.random.default_rng(0)
    shapes = [[2, 3, 2, 3] for _ in range(3)]
    for length, shape in zip((1, 3, 2), shapes):
        shape[axis] = length
    xs = [var(step, rng.standard_normal(shape)) for shape in shapes]
    y = step.concatenate(xs, axis=axis)
    np.testing.assert_array_equal(y.data, np.concatenate([x.data for x in xs], axis))
    gy = rng.standard_normal(y.shape)
    y.grad = step.Variable(gy)
    y.backward()
    for x, gx in zip(xs, np.split(gy, (1, 4), axis), strict=True):
        np.testing.assert_array_equal(array(x.grad), gx)


def test_concatenate_twice_the_same_adds_the_gradients(step):
    x = var(step, [1.0, 2.0, 3.0])
    (step.concatenate([x, x], axis=0) * np.arange(6.0)).backward()
    assert array(x.grad).tolist() == [3.0, 5.0, 7.0]


def test_concatenate_to_order_2(step):
    def f(*xs):
        return step.concatenate(xs, axis=1) ** 3 * np.arange(12.0).reshape(2, 6)

    assert step.gradient_check(f, *pieces(step), order=2)


def test_concatenate_takes_arrays_as_constants(step):
    x = var(step, [[1.0, 2.0]])
    y = step.concatenate([np.array([[5.0]]), x])
    (y * y).backward()
    assert y.data.tolist() == [[5.0, 1.0, 2.0]]
    assert array(x.grad).tolist() == [[2.0, 4.0]]


def test_concatenate_keeps_float32_and_each_gradient_its_own_dtype(step):
    x0, x1 = var(step, [[1, 2]], np.float32), var(step, [[3]], np.float32)
    assert step.concatenate([x0, x1]).dtype == np.float32
    step.concatenate([x0, var(step, [[3]])]).backward()
    assert array(x0.grad).dtype == np.float32


def test_concatenate_refuses_shapes_that_differ_elsewhere(step):
    with pytest.raises(ValueError, match=r"\(2, 3\) and \(3, 3\)"):
        step.concatenate([var(step, np.ones((2, 3))), var(step, np.ones((3, 3)))])


# --- images out of arrays ---


@pytest.fixture
def pil(monkeypatch):
    """A module PIL that knows as much as Image."""
    install_pil(monkeypatch)


@pytest.mark.parametrize("channels", [1, 3])
def test_to_pil_is_the_way_back(step, pil, channels):
    x = np.random.default_rng(0).integers(0, 256, (channels, 4, 5)).astype(np.float32)
    image = step.ToPIL()(x)
    assert image.pixels.shape == ((4, 5) if channels == 1 else (4, 5, 3))
    np.testing.assert_array_equal(step.ToArray()(image), x)


def test_to_pil_with_pil_itself(step):
    pytest.importorskip("PIL.Image")
    pixels = np.random.default_rng(0).integers(0, 256, (3, 4, 5)).astype(np.float32)
    image = step.ToPIL()(pixels)
    np.testing.assert_array_equal(step.ToArray()(image), pixels)
    np.testing.assert_array_equal(np.asarray(step.ToPIL()(pixels[:1])), pixels[0])
