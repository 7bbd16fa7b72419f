"""Step 56: channels, batches and pooling, in plain loops."""

import numpy as np
import pytest
from helpers import records

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
POOLS = ["max_pool_loops", "average_pool_loops"]


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
    for name in POOLS:
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


def test_the_pictures_of_a_batch_do_not_meet(step):
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


@pytest.mark.parametrize("name", POOLS)
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


@pytest.mark.parametrize("name", [*POOLS, "conv2d_loops"])
def test_a_kernel_that_does_not_fit_is_refused(step, name):
    kernel = np.ones((1, 1, 5, 2)) if name == "conv2d_loops" else (5, 2)
    with pytest.raises(ValueError, match="kernel.* 5"):
        getattr(step, name)(np.ones((1, 1, 4, 4)), kernel)
