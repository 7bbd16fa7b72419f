"""Step 55: the sizes of a convolution, and a convolution of one channel in loops."""

import numpy as np
import pytest
from helpers import records

# --- pair ---


@pytest.mark.parametrize("x, expected", [(3, (3, 3)), (0, (0, 0)), (-1, (-1, -1))])
def test_a_pair_of_a_number_is_the_number_twice(step, x, expected):
    assert step.pair(x) == expected


def test_a_pair_is_left_as_it_is(step):
    x = (2, 5)
    assert step.pair(x) is x


@pytest.mark.parametrize("x", [(1, 2, 3), (1,), (), 1.5, "12", None], ids=repr)
def test_what_is_no_pair_is_named(step, x):
    with pytest.raises(ValueError) as error:
        step.pair(x)
    assert repr(x) in str(error.value)


# --- get_conv_outsize ---

TABLE = [  # size, kernel, stride, pad, places
    (1, 1, 1, 0, 1),
    (4, 3, 1, 0, 2),
    (4, 3, 1, 1, 4),
    (5, 3, 2, 0, 2),
    (5, 3, 2, 1, 3),
    (6, 3, 2, 0, 2),
    (6, 3, 2, 1, 3),
    (7, 3, 3, 0, 2),
    (7, 2, 3, 2, 4),
    (5, 5, 1, 0, 1),
    (5, 5, 4, 0, 1),
    (3, 5, 1, 1, 1),
    (1, 3, 1, 4, 7),
    (4, 1, 3, 0, 2),
    (28, 5, 1, 2, 28),
    (32, 2, 2, 0, 16),
    (224, 7, 2, 3, 112),
]


@pytest.mark.parametrize("size, kernel, stride, pad, places", TABLE)
def test_the_number_of_places(step, size, kernel, stride, pad, places):
    found = step.get_conv_outsize(size, kernel, stride, pad)
    assert found == places
    assert type(found) is int


def test_the_number_of_places_is_counted(step):
    for size, kernel, stride, pad in np.ndindex(8, 4, 4, 3):
        size, kernel, stride = size + 1, kernel + 1, stride + 1
        if kernel > size + 2 * pad:
            continue
        starts = range(-pad, size + pad, stride)
        places = [start for start in starts if start + kernel <= size + pad]
        found = step.get_conv_outsize(size, kernel, stride, pad)
        assert found == len(places), (size, kernel, stride, pad)


def test_the_arguments_have_names(step):
    sizes = {"input_size": 7, "kernel_size": 3, "stride": 2, "pad": 1}
    assert step.get_conv_outsize(**sizes) == 4


@pytest.mark.parametrize("size, kernel, pad", [(2, 3, 0), (5, 8, 1), (1, 10, 4)])
def test_a_kernel_larger_than_the_padded_picture_is_refused(step, size, kernel, pad):
    with pytest.raises(ValueError) as error:
        step.get_conv_outsize(size, kernel, 1, pad)
    words = str(error.value)
    assert "kernel" in words and str(kernel) in words and str(size) in words
    assert step.get_conv_outsize(size + 1, kernel, 1, pad) == 1, "this one just fits"


@pytest.mark.parametrize(
    "kernel, stride, pad", [(0, 1, 0), (-1, 1, 0), (3, 0, 0), (3, -1, 0), (3, 1, -1)]
)
def test_sizes_that_make_no_sense_are_refused(step, kernel, stride, pad):
    with pytest.raises(ValueError):
        step.get_conv_outsize(9, kernel, stride, pad)


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
def test_the_smallest_size_with_so_many_places(
    step, size, kernel, stride, pad, expected
):
    found = step.get_deconv_outsize(size, kernel, stride, pad)
    assert found == expected
    assert step.get_conv_outsize(found, kernel, stride, pad) == size
    assert step.get_conv_outsize(found - 1, kernel, stride, pad) == size - 1


# --- pairs of sizes, edges and windows ---


def test_the_places_of_both_axes(step):
    assert step.conv_outsizes((5, 6), (3, 2), (2, 1), (1, 0)) == (3, 5)
    with pytest.raises(ValueError, match="kernel.* 4"):
        step.conv_outsizes((5, 6), (3, 4), (2, 1), (1, -1))


@pytest.mark.parametrize("shape", [(2, 3), (4, 2, 3), (2, 4, 2, 3)])
@pytest.mark.parametrize("value", [0, -7])
def test_padding_goes_around_the_last_two_axes(step, shape, value):
    x = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    y = step.padded(x, (1, 2), value)
    assert y.shape == (*shape[:-2], 4, 7) and y.dtype == np.float32
    np.testing.assert_array_equal(y[..., 1:-1, 2:-2], x)
    assert y.sum() == pytest.approx(x.sum() + value * (y.size - x.size), rel=1e-5)
    assert {*y[..., 0, :].flat, *y[..., :, :2].flat, *y[..., -1].flat} == {value}


def test_without_padding_x_stays_itself(step):
    x = np.ones((2, 3))
    assert step.padded(x, (0, 0)) is x
    np.testing.assert_array_equal(step.padded(x, (0, 1)), [[0, 1, 1, 1, 0]] * 2)


@pytest.mark.parametrize("more", [(), (2,), (2, 3)])
def test_windows_are_what_the_kernel_sees_at_each_place(step, more):
    x = np.random.default_rng(0).standard_normal((*more, 6, 7))
    view = step.windows(x, (3, 2), (2, 3))
    assert view.shape == (*more, 3, 2, 2, 2)
    for i, j in np.ndindex(2, 2):
        seen = x[..., 2 * i : 2 * i + 3, 3 * j : 3 * j + 2]
        np.testing.assert_array_equal(view[..., i, j], seen)


def test_windows_are_a_view_of_the_picture(step):
    x = np.zeros((4, 4))
    step.windows(x, (2, 2), (1, 1))[0, 0] += 1.0
    assert x.sum() == 9 and np.shares_memory(x, step.windows(x, (2, 2), (1, 1)))
    with pytest.raises(ValueError, match="kernel.* 5"):
        step.windows(x, (5, 2), (1, 1))


# --- a convolution in loops ---


SQUARES = np.arange(1.0, 13.0).reshape(3, 4) ** 2


@pytest.mark.parametrize(
    "stride, pad, expected",
    [
        (1, 0, [[1 - 36, 4 - 49, 9 - 64], [25 - 100, 36 - 121, 49 - 144]]),
        ((1, 2), 0, [[1 - 36, 9 - 64], [25 - 100, 49 - 144]]),
        ((2, 1), 0, [[1 - 36, 4 - 49, 9 - 64]]),
        (2, (0, 0), [[1 - 36, 9 - 64]]),
        ((3, 2), 1, [[-1, -9, 0], [0, 100, 144]]),
        (1, (0, 1), [[-25, -35, -45, -55, 16], [-81, -75, -85, -95, 64]]),
    ],
)
def test_each_number_is_a_sum_of_products(step, stride, pad, expected):
    W = np.array([[1.0, 0.0], [0.0, -1.0]])
    y = step.conv_loops(SQUARES, W, stride, pad)
    np.testing.assert_array_equal(y, expected)


RECORDED = {k: r for k, r in records("convolution").items() if k.startswith("conv2d")}


@pytest.mark.parametrize("case", RECORDED.values(), ids=RECORDED)
def test_the_channels_added_up_are_what_is_recorded(step, case):
    x, W, *b = (np.array(data) for data in case["inputs"])
    stride, pad = (case["arguments"].get(k, d) for k, d in (("stride", 1), ("pad", 0)))
    geometry = [tuple(n) if isinstance(n, list) else n for n in (stride, pad)]
    for n, k in np.ndindex(len(x), len(W)):
        channels = [step.conv_loops(*pair, *geometry) for pair in zip(x[n], W[k])]
        y = np.sum(channels, axis=0) + (b[0][k] if b else 0.0)
        np.testing.assert_allclose(y, case["value"][n][k], rtol=1e-12, atol=1e-12)


def test_stride_1_and_pad_0_need_not_be_said(step):
    y = step.conv_loops(SQUARES, SQUARES[:2, :3])
    np.testing.assert_array_equal(y, step.conv_loops(SQUARES, SQUARES[:2, :3], 1, 0))
    assert y.shape == (2, 2)


def test_a_kernel_that_does_not_fit_is_refused(step):
    with pytest.raises(ValueError, match="kernel"):
        step.conv_loops(SQUARES, np.ones((4, 1)))


def test_what_is_seen_moves_with_the_picture(step):
    rng = np.random.default_rng(0)
    x, W = rng.standard_normal((7, 7)), rng.standard_normal((3, 2))
    y = step.conv_loops(x[:-2, :-1], W)
    moved = step.conv_loops(x[2:, 1:], W)
    np.testing.assert_array_equal(y[2:, 1:], moved[:-2, :-1])


def test_pair_takes_numbers_of_numpy_and_lists(step):
    assert step.pair(np.int64(2)) == (2, 2)
    assert step.pair([2, 3]) == (2, 3)
