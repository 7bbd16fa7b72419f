"""Step 57: convolution and pooling, and what they take apart and put together."""

import numpy as np
import pytest
from helpers import array, records, var

CASES = {k: r for k, r in records("convolution").items() if k != "made by"}
every_case = pytest.mark.parametrize("case", CASES.values(), ids=CASES)

GEOMETRIES = {  # (shape of x, kernel, stride, pad), each a pair
    "plain": ((2, 3, 4, 4), (3, 3), (1, 1), (0, 0)),
    "odd": ((2, 2, 6, 7), (3, 2), (2, 3), (2, 1)),
    "flat": ((2, 2, 5, 8), (1, 4), (3, 2), (0, 1)),
    "gaps": ((1, 2, 6, 5), (1, 1), (3, 2), (0, 0)),
    "all": ((2, 2, 3, 4), (3, 4), (1, 1), (0, 0)),
    "many": ((5, 1, 4, 3), (2, 2), (1, 1), (1, 0)),
}
every_geometry = pytest.mark.parametrize(
    "shape, kernel, stride, pad", GEOMETRIES.values(), ids=GEOMETRIES
)
POOLS = ["pooling", "average_pooling"]


def normal(*shape, seed=0):
    """Random numbers."""
    return np.random.default_rng([seed, *shape]).standard_normal(shape)


def plain(value):
    """What JSON has kept as a list, as the tuple it was."""
    return tuple(value) if isinstance(value, list) else value


def call(step, case):
    """The function of a recorded case, as a function of its inputs."""
    arguments = {name: plain(value) for name, value in case["arguments"].items()}
    return lambda *xs: getattr(step, case["function"])(*xs, **arguments)


def inputs(step, case, dtype=float):
    return [var(step, x, dtype) for x in case["inputs"]]


def close(found, expected):
    np.testing.assert_allclose(array(found), expected, rtol=1e-10, atol=1e-12)


# --- the same in plain loops ---


def places(x, kernel, stride, pad, value=0.0):
    """(index of the output, what the kernel sees there) for each place, in order."""
    (PH, PW), (KH, KW), (SH, SW) = pad, kernel, stride
    edges = (0, 0), (0, 0), (PH, PH), (PW, PW)
    x = np.pad(x, edges, constant_values=value)
    OH, OW = (x.shape[2] - KH) // SH + 1, (x.shape[3] - KW) // SW + 1
    for n in range(len(x)):
        for i in range(OH):
            for j in range(OW):
                top, left = i * SH, j * SW
                yield (n, i, j), x[n, :, top : top + KH, left : left + KW]


def empty_output(x, kernel, stride, pad, channels):
    sizes = zip(x.shape[2:], kernel, stride, pad)
    return np.zeros(
        (len(x), channels, *((n + 2 * p - k) // s + 1 for n, k, s, p in sizes))
    )


def conv2d_loops(x, W, b, stride, pad):
    y = empty_output(x, W.shape[2:], stride, pad, len(W))
    for (n, i, j), seen in places(x, W.shape[2:], stride, pad):
        for k in range(len(W)):
            y[n, k, i, j] = np.sum(W[k] * seen) + b[k]
    return y


def deconv2d_loops(x, W, b, stride, pad, outsize):
    (SH, SW), (PH, PW), (KH, KW) = stride, pad, W.shape[2:]
    y = np.zeros((len(x), W.shape[1], outsize[0] + 2 * PH, outsize[1] + 2 * PW))
    for n, c, i, j in np.ndindex(x.shape):
        y[n, :, i * SH : i * SH + KH, j * SW : j * SW + KW] += x[n, c, i, j] * W[c]
    y = y[:, :, PH : PH + outsize[0], PW : PW + outsize[1]]
    return y + b.reshape(-1, 1, 1)


def pool_loops(x, kernel, stride, pad, choose, value):
    y = empty_output(x, kernel, stride, pad, x.shape[1])
    for (n, i, j), seen in places(x, kernel, stride, pad, value):
        y[n, :, i, j] = choose(seen, axis=(1, 2))
    return y


# --- sizes ---


@pytest.mark.parametrize(
    "size, kernel, stride, pad, expected",
    [
        (3, 3, 1, 0, 5),
        (5, 3, 1, 1, 5),
        (4, 4, 2, 1, 8),
        (7, 3, 3, 0, 21),
        (3, 2, 5, 1, 10),
    ],
)
def test_the_size_that_a_transposed_convolution_gives(
    step, size, kernel, stride, pad, expected
):
    found = step.get_deconv_outsize(size, kernel, stride, pad)
    assert found == expected
    assert step.get_conv_outsize(found, kernel, stride, pad) == size
    assert step.get_conv_outsize(found - 1, kernel, stride, pad) == size - 1


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


def test_a_matrix_that_does_not_belong_to_the_picture_is_refused(step):
    with pytest.raises(ValueError):
        step.col2im(np.zeros((9, 26)), (1, 3, 5, 5), 3)


# --- recorded references ---


def check_references(step, case):
    """A case at orders 1 and 2 against PyTorch."""
    xs = inputs(step, case)
    y = call(step, case)(*xs)
    close(y, case["value"])
    z = y * y
    z.grad = np.array(case["cotangent"])
    z.backward(create_graph=True)
    gxs = [x.grad for x in xs]
    for gx, recorded in zip(gxs, case["gradients"]):
        close(gx, recorded)
    for x in xs:
        x.cleargrad()
    for gx, u in zip(gxs, case["directions"]):
        gx.grad = np.array(u)
        gx.backward()
    for x, recorded in zip(xs, case["second"]):
        close(x.grad, recorded)


@every_case
def test_values_and_gradients_are_the_recorded_ones(step, case):
    check_references(step, case)


@pytest.mark.parametrize("block", [1, 30, 100])
@pytest.mark.parametrize("name", [name for name in CASES if "conv" in name])
def test_several_blocks_say_the_same_as_one(step, name, block, monkeypatch):
    monkeypatch.setattr(step, "BLOCK", block, raising=False)
    check_references(step, CASES[name])


@pytest.mark.parametrize("name", ["conv2d, all odd", "deconv2d, all odd"])
def test_convolutions_at_order_3(step, name):
    f = call(step, CASES[name])
    x, W, b = (var(step, 0.3 * array(x)) for x in inputs(step, CASES[name]))
    x.data = x.data[:1]
    assert step.gradient_check(lambda *xs: f(*xs) ** 2, x, W, b, order=3)


@pytest.mark.parametrize("name", [name for name in CASES if "pooling" in name])
def test_poolings_at_order_3(step, name):
    f, (x,) = call(step, CASES[name]), inputs(step, CASES[name])
    assert step.gradient_check(lambda x: f(x) ** 3, x, order=3, eps=1e-5)


@pytest.mark.parametrize("name", [name for name in CASES if "all odd" in name])
def test_what_is_done_with_a_gradient_has_gradients(step, name):
    f, xs = call(step, CASES[name]), inputs(step, CASES[name])
    for x in xs:
        x.data = 0.3 * x.data
    xs[0].data = xs[0].data[:1]
    v = normal(*f(*xs).shape)
    slopes = step.derivative(lambda *xs: f(*xs) ** 3, [v])
    assert step.gradient_check(lambda *xs: slopes(*xs)[0] ** 2, *xs, order=2, eps=1e-5)


@pytest.mark.parametrize("name", POOLS)
@pytest.mark.parametrize("kernel, pad", [((3, 2), (2, 0)), ((2, 4), (0, 3))])
def test_more_padding_on_one_axis_than_on_the_other(step, name, kernel, pad):
    x, pool = var(step, normal(1, 2, 5, 6)), getattr(step, name)
    assert step.gradient_check(lambda x: pool(x, kernel, (2, 1), pad) ** 2, x, order=2)


@every_case
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_dtype_is_kept_at_both_orders(step, case, dtype):
    xs = inputs(step, case, dtype)
    y = call(step, case)(*xs)
    assert y.dtype == dtype
    z = y * y
    z.backward(create_graph=True)
    gxs = [x.grad for x in xs]
    assert [gx.dtype for gx in gxs] == [dtype] * len(xs)
    for x in xs:
        x.cleargrad()
    gxs[0].backward()
    assert {x.grad.dtype for x in xs if x.grad is not None} == {np.dtype(dtype)}
    gys = y.creator.backward(step.as_variable(np.ones(y.shape, dtype)))
    for gx in gys if isinstance(gys, tuple) else (gys,):
        if gx is not None:
            assert gx.dtype == dtype, "backward() itself keeps it, not only its caller"


@every_case
def test_the_inputs_are_left_as_they_are(step, case):
    xs = inputs(step, case)
    y = call(step, case)(*xs)
    y.grad = gy = normal(*y.shape)
    y.backward()
    for x, data in zip(xs, case["inputs"]):
        np.testing.assert_array_equal(x.data, data)
    np.testing.assert_array_equal(gy, normal(*gy.shape))


@every_case
def test_arrays_in_any_order_of_memory_will_do(step, case):
    xs = [np.asfortranarray(x) for x in case["inputs"]]
    for x in xs:
        x.setflags(write=False)
    close(call(step, case)(*xs), case["value"])


@every_case
def test_an_empty_batch(step, case):
    """A batch of nothing gives nothing, and gradients of zero."""
    x, *others = inputs(step, case)
    x.data = x.data[:0]
    y = call(step, case)(x, *others)
    assert y.shape == (0, *np.shape(case["value"])[1:])
    y.backward()
    for v in (x, *others):
        np.testing.assert_array_equal(array(v.grad), np.zeros(v.shape))


# --- convolution ---


@every_geometry
@pytest.mark.parametrize("name", ["conv2d", "conv2d_simple"])
def test_a_convolution_is_what_the_loops_say(step, name, shape, kernel, stride, pad):
    x, W, b = normal(*shape), normal(4, shape[1], *kernel), normal(4)
    y = getattr(step, name)(x, W, b, stride, pad)
    assert isinstance(y, step.Variable)
    close(y, conv2d_loops(x, W, b, stride, pad))
    without = getattr(step, name)(x, W, None, stride, pad)
    close(without, conv2d_loops(x, W, np.zeros(4), stride, pad))


@every_geometry
def test_both_convolutions_have_the_same_gradients(step, shape, kernel, stride, pad):
    xs = [var(step, normal(*s)) for s in (shape, (4, shape[1], *kernel), (4,))]
    y = step.conv2d(*xs, stride, pad)
    y.grad = gy = normal(*y.shape, seed=1)
    y.backward()
    gradients = [array(x.grad) for x in xs]
    for x in xs:
        x.cleargrad()
    y = step.conv2d_simple(*xs, stride, pad)
    y.grad = gy
    y.backward()
    for x, gradient in zip(xs, gradients):
        close(x.grad, gradient)


@every_geometry
def test_a_transposed_convolution_is_what_the_loops_say(
    step, shape, kernel, stride, pad
):
    H, W_ = shape[2:]
    sizes = step.im2col(np.zeros(shape), kernel, stride, pad, to_matrix=False).shape
    x, W, b = normal(shape[0], 3, *sizes[4:]), normal(3, 4, *kernel), normal(4)
    y = step.deconv2d(x, W, b, stride, pad, (H, W_))
    assert isinstance(y, step.Variable)
    close(y, deconv2d_loops(x, W, b, stride, pad, (H, W_)))
    y = step.deconv2d(x, W, None, stride, pad)
    sizes = zip(sizes[4:], kernel, stride, pad)
    outsize = tuple(step.get_deconv_outsize(*size) for size in sizes)
    close(y, deconv2d_loops(x, W, np.zeros(4), stride, pad, outsize))


def test_numbers_stand_for_pairs_and_stride_1_and_pad_0_for_nothing(step):
    x, W, b = normal(2, 3, 5, 5), normal(3, 3, 2, 2), normal(3)
    for f in (step.conv2d, step.conv2d_simple, step.deconv2d):
        close(f(x, W, b, 2, 1), f(x, W, b, (2, 2), (1, 1)).data)
        close(f(x, W, b), f(x, W, b, (1, 1), (0, 0)).data)
        close(f(x, W, b, stride=2, pad=1), f(x, W, b, 2, 1).data)


LARGE = {"many": (7, 4, 40, 40), "tall": (2, 8, 90, 100)}


@pytest.mark.parametrize("shape", LARGE.values(), ids=LARGE)
def test_large_pictures(step, shape):
    """Gradients g against the slopes along random directions u: <g, u> = slope."""
    x, W = var(step, normal(*shape)), var(step, normal(2, shape[1], 3, 3))
    y = step.conv2d(x, W, None, 1, 1)
    close(y, step.conv2d_simple(x, W, None, 1, 1).data)
    y.grad = gy = normal(*y.shape, seed=1)
    y.backward()
    u, U = normal(*x.shape, seed=2), normal(*W.shape, seed=3)
    slopes = (
        (x, u, step.conv2d_simple(u, W, None, 1, 1)),
        (W, U, step.conv2d_simple(x, U, None, 1, 1)),
    )
    for v, direction, slope in slopes:
        expected = np.sum(gy * slope.data)
        assert np.sum(array(v.grad) * direction) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("name", ["conv2d", "deconv2d"])
def test_what_is_a_constant_gets_no_gradient(step, name):
    x, W, b = normal(1, 2, 4, 4), normal(2, 2, 3, 3), normal(2)
    for which in (0, 1):
        xs = [x, W, b]
        xs[which] = var(step, xs[which])
        y = getattr(step, name)(*xs, 1, 1)
        if len(y.creator.inputs) != 3:
            pytest.skip(f"{name} is not one function of x, W and b")
        gxs = y.creator.backward(step.as_variable(np.ones(y.shape)))
        assert gxs[which].shape == xs[which].shape
        assert gxs[1 - which] is None, "no gradient is computed for a constant x or W"


def test_the_bias_gets_the_sum_of_its_channel(step):
    b = var(step, normal(3))
    y = step.conv2d(normal(2, 2, 4, 4), normal(3, 2, 3, 3), b)
    y.grad = gy = normal(*y.shape)
    y.backward()
    close(b.grad, gy.sum(axis=(0, 2, 3)))


@pytest.mark.parametrize("name", ["conv2d", "deconv2d"])
def test_channels_that_do_not_fit_are_named(step, name):
    x, W = np.zeros((1, 3, 5, 5)), np.zeros((4, 2, 3, 3))
    with pytest.raises(ValueError) as error:
        getattr(step, name)(x, W)
    assert "(1, 3, 5, 5)" in str(error.value) and "(4, 2, 3, 3)" in str(error.value)


@pytest.mark.parametrize("name", ["conv2d", "deconv2d"])
def test_a_picture_without_a_batch_is_refused(step, name):
    x, W = np.zeros((2, 5, 5)), np.zeros((2, 2, 3, 3))
    with pytest.raises(ValueError, match=r"\(2, 5, 5\)"):
        getattr(step, name)(x, W)


@pytest.mark.parametrize("name", ["conv2d", "conv2d_simple"])
def test_a_kernel_larger_than_the_picture_is_refused(step, name):
    x, W = np.zeros((1, 2, 5, 5)), np.zeros((3, 2, 3, 6))
    with pytest.raises(ValueError, match="kernel.* 6"):
        getattr(step, name)(x, W)
    assert getattr(step, name)(x, W, pad=(0, 1)).shape == (1, 3, 3, 2)


@pytest.mark.parametrize("outsize", [(9, 12), (13, 12), (11, 10), (11, 13), (2, 12)])
def test_an_outsize_that_is_impossible_is_refused(step, outsize):
    x, W = np.zeros((1, 2, 4, 5)), np.zeros((2, 1, 3, 3))
    with pytest.raises(ValueError, match=rf"\({outsize[0]}, {outsize[1]}\)"):
        step.deconv2d(x, W, None, (3, 2), (1, 0), outsize)


def test_every_outsize_that_is_possible_can_be_had(step):
    x, W = normal(1, 2, 4, 5), normal(2, 1, 3, 3)
    for outsize in np.ndindex(3, 2):
        outsize = (10 + outsize[0], 11 + outsize[1])
        y = step.deconv2d(x, W, None, (3, 2), (1, 0), outsize)
        close(y, deconv2d_loops(x, W, np.zeros(1), (3, 2), (1, 0), outsize))


# --- pooling ---


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
def test_a_pool_larger_than_the_picture_is_refused(step, name):
    with pytest.raises(ValueError, match="kernel.* 6"):
        getattr(step, name)(np.zeros((1, 1, 6, 5)), (3, 6))


# --- layers ---


def test_a_convolution_layer_finds_its_channels_at_the_first_call(step):
    layer = step.Conv2d(4, (3, 2), stride=(2, 1), pad=(1, 0))
    assert layer.W.data is None
    x = normal(2, 3, 6, 5).astype(np.float32)
    y = layer(x)
    assert layer.W.shape == (4, 3, 3, 2) and layer.b.shape == (4,)
    assert y.dtype == layer.W.dtype == layer.b.dtype == np.float32
    np.testing.assert_array_equal(layer.b.data, np.zeros(4))
    layer.b.data += normal(4).astype(np.float32)
    expected = conv2d_loops(x, layer.W.data, layer.b.data, (2, 1), (1, 0))
    np.testing.assert_allclose(layer(x).data, expected, rtol=1e-4, atol=1e-5)
    W = layer.W.data
    layer(step.Variable(x))
    assert layer.W.data is W, "the weights are made once"


@pytest.mark.parametrize("kind", ["Conv2d", "Deconv2d"])
def test_options_of_a_layer_come_by_name(step, kind):
    with pytest.raises(TypeError, match=rf"{kind}.out_channels.*names, but 3 "):
        getattr(step, kind)(3, 64, 3)


@pytest.mark.parametrize(
    "kind, good", [("Conv2d", (4, 3, 2, 1)), ("Deconv2d", (3, 4, 2, 1))]
)
def test_a_layer_not_yet_called_takes_no_weights_of_another_shape(step, kind, good):
    def loaded(*shape):
        layer = getattr(step, kind)(4, (2, 1), nobias=True)
        step.set_weights(layer, {"W": np.ones(shape)}, "a file")
        return layer.W.shape

    assert loaded(*good) == good
    free = 1 if kind == "Conv2d" else 0
    for axis in {0, 1, 2, 3} - {free}:
        wrong = [n + (i == axis) for i, n in enumerate(good)]
        with pytest.raises(ValueError, match="W has the shape"):
            loaded(*wrong)
    with pytest.raises(ValueError, match="W has the shape"):
        loaded(4, 3)


def test_a_transposed_layer_finds_its_channels_at_the_first_call(step):
    layer = step.Deconv2d(4, (3, 2), stride=(2, 1), pad=(1, 0), dtype=np.float64)
    assert layer.W.data is None
    x = normal(2, 3, 6, 5)
    y = layer(x)
    assert layer.W.shape == (3, 4, 3, 2) and layer.b.shape == (4,)
    assert y.dtype == layer.W.dtype == layer.b.dtype == np.float64
    np.testing.assert_array_equal(layer.b.data, np.zeros(4))
    layer.b.data += normal(4)
    outsize = y.shape[2:]
    assert outsize == (11, 6)
    expected = deconv2d_loops(x, layer.W.data, layer.b.data, (2, 1), (1, 0), outsize)
    close(layer(step.Variable(x)), expected)


@pytest.mark.parametrize(
    "name, shape", [("Conv2d", (40, 8, 3, 5)), ("Deconv2d", (8, 40, 3, 5))]
)
def test_in_channels_makes_the_weights_at_once(step, name, shape):
    np.random.seed(0)
    layer = getattr(step, name)(40, (3, 5), in_channels=8)
    assert layer.W.shape == shape and layer.W.dtype == np.float32
    assert np.std(layer.W.data) == pytest.approx((8 * 15) ** -0.5, rel=0.05)
    assert abs(np.mean(layer.W.data)) < 0.1 * np.std(layer.W.data)
    assert layer(np.zeros((1, 8, 5, 5), np.float32)).dtype == np.float32


@pytest.mark.parametrize("name", ["Conv2d", "Deconv2d"])
def test_the_layers_have_parameters_with_gradients(step, name):
    layer = getattr(step, name)(2, 3)
    assert set(layer.named_params()) == {"W", "b"}
    assert (layer.W.name, layer.b.name) == ("W", "b")
    y = layer(normal(1, 2, 4, 4))
    y.backward()
    assert all(isinstance(p, step.Parameter) for p in layer.params())
    assert all(p.grad.shape == p.shape for p in layer.params())
    without = getattr(step, name)(2, 3, nobias=True)
    assert without.b is None and len(without.params()) == 1
    assert without(normal(1, 2, 4, 4)).shape == y.shape


@pytest.mark.parametrize("name", ["Conv2d", "Deconv2d"])
def test_a_layer_without_further_arguments_has_stride_1_and_no_padding(step, name):
    y = getattr(step, name)(1, 3)(normal(1, 2, 5, 6))
    assert y.shape == {"Conv2d": (1, 1, 3, 4), "Deconv2d": (1, 1, 7, 8)}[name]


def test_a_layer_refuses_other_channels_than_its_own(step):
    layer = step.Conv2d(2, 3, in_channels=3)
    with pytest.raises(ValueError, match=r"\(1, 4, 5, 5\)"):
        layer(np.zeros((1, 4, 5, 5)))


def test_a_small_network_learns_where_a_bar_is(step):
    np.random.seed(0)
    x, t = np.zeros((16, 1, 8, 8), np.float32), np.arange(16) % 2
    for i in range(16):  # upright or lying, at eight places
        x[i, 0][(slice(None), i // 2) if t[i] else (i // 2, slice(None))] = 1.0
    model = step.Sequential(
        step.Conv2d(4, 3, pad=1),
        step.relu,
        lambda x: step.pooling(x, 8),
        step.flatten,
        step.Linear(2),
    )
    optimizer, losses = step.Adam(0.05).setup(model), []
    for _ in range(30):
        loss = step.softmax_cross_entropy(model(x), t)
        model.cleargrads()
        loss.backward()
        optimizer.update()
        losses.append(float(loss.data))
    assert losses[-1] < 0.1 < losses[0]
    assert float(step.accuracy(model(x), t).data) == 1.0


def test_sizes_may_be_numbers_of_numpy_or_lists(step):
    x = var(step, np.arange(16.0).reshape(1, 1, 4, 4))
    expected = step.pooling(x, 2, 2).data
    np.testing.assert_array_equal(step.pooling(x, np.int64(2), [2, 2]).data, expected)
    assert step.deconv2d(x, np.ones((1, 1, 2, 2)), outsize=[5, 5]).shape[2:] == (5, 5)
