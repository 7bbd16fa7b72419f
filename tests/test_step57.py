"""Step 57: convolution and what is its opposite, and layers of them."""

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
    deconv2d_loops,
    every_case,
    every_geometry,
    inputs,
    normal,
)
from helpers import array, var


@every_case("conv2d", "deconv2d")
def test_values_and_gradients_are_the_recorded_ones(step, case):
    check_references(step, case)


@every_case("conv2d, all odd", "deconv2d, all odd")
def test_what_is_done_with_a_gradient_has_gradients(step, case):
    check_gradients_of_slopes(step, case)


@every_case("conv2d", "deconv2d")
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_dtype_is_kept_at_both_orders(step, case, dtype):
    check_dtypes(step, case, dtype)


@every_case("conv2d", "deconv2d")
def test_the_inputs_are_left_as_they_are(step, case):
    check_inputs_stay(step, case)


@every_case("conv2d", "deconv2d")
def test_arrays_in_any_order_of_memory_will_do(step, case):
    check_orders_of_memory(step, case)


@every_case("conv2d", "deconv2d")
def test_an_empty_batch(step, case):
    check_empty_batch(step, case)


@pytest.mark.parametrize("block", [1, 30, 100])
@every_case("conv2d", "deconv2d")
def test_several_blocks_say_the_same_as_one(step, case, block, monkeypatch):
    monkeypatch.setattr(step, "BLOCK", block, raising=False)
    check_references(step, case)


@pytest.mark.parametrize(
    "block, images, rows", [(1, 1, 1), (120, 1, 2), (500, 2, 4), (10**6, 4, 4)]
)
def test_a_block_takes_as_much_as_fits(step, block, images, rows, monkeypatch):
    monkeypatch.setattr(step, "BLOCK", block)
    x = normal(4, 2, 6, 5)  # a row of windows has 2 * 9 * 3 numbers, an image 4 rows
    parts = list(step.blocks(x, (3, 3), (1, 1)))
    assert {view.shape for *_, view in parts} == {(images, 2, 3, 3, rows, 3)}
    assert len(parts) == 4 // images * 4 // rows


@every_case("conv2d, all odd", "deconv2d, all odd")
def test_convolutions_at_order_3(step, case):
    f = call(step, case)
    x, W, b = (var(step, 0.3 * array(x)) for x in inputs(step, case))
    x.data = x.data[:1]
    assert step.gradient_check(lambda *xs: f(*xs) ** 2, x, W, b, order=3)


@every_geometry
def test_a_convolution_is_what_the_loops_say(step, shape, kernel, stride, pad):
    x, W, b = normal(*shape), normal(4, shape[1], *kernel), normal(4)
    y = step.conv2d(x, W, b, stride, pad)
    assert isinstance(y, step.Variable)
    close(y, conv2d_loops(x, W, b, stride, pad))
    without = step.conv2d(x, W, None, stride, pad)
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
    for f in (step.conv2d, step.deconv2d):
        close(f(x, W, b, 2, 1), f(x, W, b, (2, 2), (1, 1)).data)
        close(f(x, W, b), f(x, W, b, (1, 1), (0, 0)).data)
        close(f(x, W, b, stride=2, pad=1), f(x, W, b, 2, 1).data)


LARGE = {"many": (7, 4, 40, 40), "tall": (2, 8, 90, 100)}


@pytest.mark.parametrize("shape", LARGE.values(), ids=LARGE)
def test_large_images(step, shape):
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
    asked = {"conv2d": 2, "deconv2d": 4}[name]
    with pytest.raises(ValueError, match=rf"\(N, {asked}, H, W\)") as error:
        getattr(step, name)(x, W)
    assert "(1, 3, 5, 5)" in str(error.value) and "(4, 2, 3, 3)" in str(error.value)


@pytest.mark.parametrize("name", ["conv2d", "deconv2d"])
def test_an_image_without_a_batch_is_refused(step, name):
    x, W = np.zeros((2, 5, 5)), np.zeros((2, 2, 3, 3))
    with pytest.raises(ValueError, match=r"\(2, 5, 5\)"):
        getattr(step, name)(x, W)


def test_a_kernel_larger_than_the_image_is_refused(step):
    x, W = np.zeros((1, 2, 5, 5)), np.zeros((3, 2, 3, 6))
    with pytest.raises(ValueError, match="kernel.* 6"):
        step.conv2d(x, W)
    assert step.conv2d(x, W, pad=(0, 1)).shape == (1, 3, 3, 2)


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
    with pytest.raises(TypeError, match="positional"):
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
    layer = step.Conv2d(2, 3)
    with pytest.raises(ValueError, match=r"\(4, 5, 5\)"):
        layer(np.zeros((4, 5, 5)))
    assert layer.W.data is None, "no weights are made for what is refused"


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


def test_an_outsize_may_be_a_list(step):
    x = var(step, np.arange(16.0).reshape(1, 1, 4, 4))
    y = step.deconv2d(x, np.ones((1, 1, 2, 2)), outsize=[5, 5])
    assert y.shape[2:] == (5, 5)
