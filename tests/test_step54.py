"""Step 54: dropout and batch normalization, in training and in test mode."""

import re
import threading

import numpy as np
import pytest
from helpers import records, reference, var

SHAPES = [(6, 3), (4, 3, 5), (2, 3, 2, 3)]
AXES = ["2 axes", "4 axes"]
MODES = ["training", "test mode"]


def numbers(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def record(*names):
    """What is recorded under these names, as arrays where it is lists of one shape."""
    found = records("batch_norm")[", ".join(names)]
    each = ("gradients", "directions", "second", "batches", "statistics", "learned")
    return {
        key: [np.array(x) for x in value] if key in each else np.array(value)
        for key, value in found.items()
    }


def mode(step, name):
    """The context of "training" or "test mode"."""
    return step.using_config("train", name == "training")


def close(found, expected, rtol=1e-10):
    np.testing.assert_allclose(found, expected, rtol=rtol, atol=rtol)


# --- test_mode ---


def test_test_mode_holds_in_its_block(step):
    assert step.Config.train is True
    with step.test_mode():
        assert step.Config.train is False
        with step.test_mode():
            assert step.Config.train is False
        assert step.Config.train is False
        with step.using_config("train", True):
            assert step.Config.train is True
        assert step.Config.train is False
    assert step.Config.train is True


def test_test_mode_ends_with_an_exception_too(step):
    with pytest.raises(KeyError), step.test_mode():
        raise KeyError
    assert step.Config.train is True


def test_test_mode_and_no_grad_do_not_touch_each_other(step):
    with step.test_mode():
        assert step.Config.enable_backprop is True
        with step.no_grad():
            assert step.Config.train is False
    with step.no_grad():
        assert step.Config.train is True


@pytest.mark.needs("threads")
def test_another_thread_trains_on(step):
    found = []

    def work():
        found.append(step.Config.train)
        with step.test_mode():
            entered.set()
            left.wait(10)

    entered, left = threading.Event(), threading.Event()
    with step.test_mode():
        thread = threading.Thread(target=work)
        thread.start()
        entered.wait(10)
    found.append(step.Config.train)  # the other is in its block now
    left.set()
    thread.join(10)
    assert found == [True, True]


# --- dropout ---


@pytest.mark.parametrize("ratio", [0.0, 0.25, 0.5, 0.9])
def test_dropout_zeroes_a_share_and_scales_the_others(step, ratio):
    np.random.seed(0)
    x = step.Variable(numbers(400, 250) + 10)
    y = step.dropout(x, ratio).data
    kept = y != 0
    close(y[kept], x.data[kept] / (1 - ratio), rtol=1e-14)
    error = (ratio * (1 - ratio) / y.size) ** 0.5
    assert abs(kept.mean() - (1 - ratio)) <= 5 * error
    scatter = x.data.std() / y.size**0.5
    far = 10.1 * (ratio / (1 - ratio) / y.size) ** 0.5
    assert abs(y.mean() - x.data.mean()) <= 5 * (far + scatter), "the mean is kept"


def test_half_is_dropped_if_nothing_else_is_said(step):
    np.random.seed(0)
    y = step.dropout(np.ones((100, 100))).data
    assert set(np.unique(y)) == {0.0, 2.0}
    assert abs((y == 0).mean() - 0.5) < 0.03


def test_each_element_is_dropped_on_its_own(step):
    np.random.seed(0)
    kept = step.dropout(np.ones((40, 50))).data > 0
    for mask in (kept, kept.T):
        assert len(np.unique(mask, axis=0)) == len(mask)
        assert np.all((0.1 < mask.mean(axis=0)) & (mask.mean(axis=0) < 0.9))


def test_each_call_drops_others_the_seed_says_which(step):
    x = np.ones((10, 10))
    np.random.seed(3)
    y0, y1 = step.dropout(x).data, step.dropout(x).data
    np.random.seed(3)
    y2 = step.dropout(x).data
    assert np.any(y0 != y1)
    np.testing.assert_array_equal(y0, y2)


def test_dropout_in_test_mode_is_x(step):
    x = var(step, [1.0, 2.0])
    with step.test_mode():
        state = np.random.get_state()[1].tolist()
        assert step.dropout(x, 0.9) is x
        assert step.dropout(x.data, 0.9).data is x.data
        assert np.random.get_state()[1].tolist() == state
    y = step.dropout(var(step, np.ones(100)), 0.9)
    assert np.any(y.data == 0)


@pytest.mark.parametrize("ratio", [-0.1, 1, 1.0, 1.5, -1, float("nan"), float("inf")])
@pytest.mark.parametrize("name", MODES)
def test_a_ratio_outside_0_to_1_is_refused(step, ratio, name):
    with mode(step, name), pytest.raises(ValueError, match=str(ratio)):
        step.dropout(np.ones(3), ratio)


def test_the_gradient_of_dropout_is_masked_and_scaled_alike(step):
    np.random.seed(0)
    x, gy = step.Variable(numbers(30, 40)), numbers(30, 40, seed=1)
    y = step.dropout(x, 0.3)
    y.grad = step.Variable(gy)
    y.backward()
    close(x.grad.data, np.where(y.data != 0, gy / 0.7, 0))


def test_the_gradient_is_that_of_the_mode_of_the_call(step):
    np.random.seed(0)
    x = step.Variable(np.ones(100))
    y = step.dropout(x)
    with step.test_mode():
        y.backward()
        np.testing.assert_array_equal(x.grad.data, y.data)
        x.cleargrad()
        z = step.dropout(x) * 3
    z.backward()
    assert np.all(x.grad.data == 3)


def test_dropout_of_a_slope_that_is_differentiated_again(step):
    def f(x):
        np.random.seed(0)
        return step.dropout(x * x, 0.4) * x

    for order in (1, 2, 3):
        assert step.gradient_check(f, step.Variable(numbers(4, 5)), order=order)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 3, 4)])
def test_dropout_keeps_shape_and_dtype(step, dtype, shape):
    x = step.Variable(np.ones(shape, dtype))
    y = step.dropout(x, 0.3)
    y.backward()
    assert (y.shape, y.dtype) == (shape, dtype)
    assert (x.grad.shape, x.grad.dtype) == (shape, dtype)


# --- batch_norm ---


def norm(step, expected):
    """batch_norm of a record, its statistics and its inputs."""
    xs = [step.Variable(expected[name].copy()) for name in ("x", "gamma", "beta")]
    statistics = [expected["mean"].copy(), expected["var"].copy()]
    words = {"decay": float(expected["decay"]), "eps": float(expected["eps"])}
    return step.batch_norm(*xs, *statistics, **words), statistics, xs


def plain_norm(step, decay=0.9):
    """batch_norm as a function of x, gamma and beta, with statistics of its own."""
    mean, variance = np.array([0.3, -0.2, 0.1]), np.array([1.5, 0.5, 1.0])
    return lambda x, g, b: step.batch_norm(x, g, b, mean.copy(), variance.copy(), decay)


@pytest.mark.parametrize("axes", AXES)
@pytest.mark.parametrize("name", MODES)
def test_value_and_statistics_are_the_recorded_ones(step, axes, name):
    expected = record(axes, name)
    with mode(step, name):
        y, (mean, variance), _ = norm(step, expected)
    assert type(y) is step.Variable
    close(y.data, expected["value"])
    close(mean, expected["new_mean"])
    close(variance, expected["new_var"])


@pytest.mark.parametrize("axes", AXES)
@pytest.mark.parametrize("name", MODES)
def test_first_and_second_gradients_are_the_recorded_ones(step, axes, name):
    expected = record(axes, name)
    with mode(step, name):
        y, _, xs = norm(step, expected)
    y.grad = step.Variable(expected["cotangent"])
    y.backward(create_graph=True)
    gxs = [x.grad for x in xs]
    for x, gx, recorded in zip(xs, gxs, expected["gradients"]):
        close(gx.data, recorded)
        x.cleargrad()
    for gx, u in zip(gxs, expected["directions"]):
        gx.grad = step.Variable(u)
        gx.backward()
    for x, recorded in zip(xs, expected["second"]):
        close(np.zeros(x.shape) if x.grad is None else x.grad.data, recorded)


@pytest.mark.parametrize("axes", AXES)
def test_the_function_of_the_table(step, axes):
    expected = reference(f"batch_norm(x, gamma, beta), {axes}")
    xs = [step.Variable(x) for x in expected["inputs"]]
    y = step.batch_norm(*xs, np.zeros(3), np.ones(3))
    close(y.data, expected["value"])


@pytest.mark.parametrize("order", [1, 2, 3])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", MODES)
def test_against_numerical_slopes(step, order, shape, name):
    xs = [step.Variable(numbers(*shape)), var(step, numbers(3, seed=1))]
    xs += [var(step, numbers(3, seed=2))]
    with mode(step, name):
        assert step.gradient_check(plain_norm(step), *xs, order=order)


@pytest.mark.parametrize("shape", SHAPES)
def test_each_channel_gets_mean_beta_and_deviation_gamma(step, shape):
    x = numbers(*shape) * 5 + 7
    gamma, beta = np.array([1.0, 2.0, 0.5]), np.array([0.0, -3.0, 10.0])
    y = step.batch_norm(x, gamma, beta, np.zeros(3), np.ones(3), eps=0.0).data
    axes = (0, *range(2, len(shape)))
    close(y.mean(axis=axes), beta)
    close(y.std(axis=axes), gamma)
    others = step.batch_norm(x * 10 - 3, gamma, beta, np.zeros(3), np.ones(3), eps=0.0)
    close(others.data, y)


def test_the_gradient_of_x_knows_that_mean_and_deviation_depend_on_x(step):
    x = step.Variable(numbers(6, 3))
    y = step.batch_norm(x, np.ones(3), np.zeros(3), np.zeros(3), np.ones(3), eps=0.0)
    y.grad = step.Variable(numbers(6, 3, seed=1))
    y.backward()
    close(x.grad.data.sum(axis=0), 0)  # y stays as it is if x is moved
    close((x.grad.data * y.data).sum(axis=0), 0)  # or scaled
    assert np.abs(x.grad.data).max() > 0.1


@pytest.mark.parametrize("shape", SHAPES)
def test_statistics_move_towards_those_of_the_batch(step, shape):
    x, axes = numbers(*shape) + 2, (0, *range(2, len(shape)))
    mean, variance = np.array([1.0, 2.0, 3.0]), np.array([4.0, 5.0, 6.0])
    expected_mean = 0.6 * mean + 0.4 * x.mean(axis=axes)
    expected_var = 0.6 * variance + 0.4 * x.var(axis=axes, ddof=1)
    step.batch_norm(x, np.ones(3), np.zeros(3), mean, variance, decay=0.6)
    close(mean, expected_mean, rtol=1e-14)
    close(variance, expected_var, rtol=1e-14)


def test_statistics_move_by_a_tenth_if_nothing_else_is_said(step):
    mean, variance = np.zeros(1), np.zeros(1)
    step.batch_norm(var(step, [[1.0], [3.0]]), np.ones(1), np.ones(1), mean, variance)
    close([*mean, *variance], [0.2, 0.2], rtol=1e-14)


def test_eps_is_2e_5_if_nothing_else_is_said(step):
    x, zero = np.array([[-1e-3], [1e-3]]), np.zeros(1)
    y = step.batch_norm(x, np.ones(1), zero, np.zeros(1), np.ones(1))
    close(y.data, x / (1e-6 + 2e-5) ** 0.5)
    with step.test_mode():
        y = step.batch_norm(x, np.ones(1), zero, np.zeros(1), np.zeros(1))
    close(y.data, x / 2e-5**0.5)


def test_the_batch_itself_is_divided_by_the_biased_deviation(step):
    y = step.batch_norm(
        var(step, [[1.0], [3.0]]),
        *(np.ones(1), np.zeros(1), np.zeros(1), np.ones(1)),
        eps=0.0,
    )
    assert y.data.tolist() == [[-1.0], [1.0]]


@pytest.mark.parametrize("shape", SHAPES)
def test_in_test_mode_each_example_stands_alone(step, shape):
    x, words = numbers(*shape), [numbers(3), numbers(3), numbers(3), np.full(3, 2.0)]
    before = [word.copy() for word in words]
    with step.test_mode():
        y = step.batch_norm(x, *words).data
        for i in range(len(x)):
            close(step.batch_norm(x[i : i + 1], *words).data, y[i : i + 1])
    for word, old in zip(words, before):
        np.testing.assert_array_equal(word, old)


def test_the_slope_in_test_mode_is_a_constant_factor(step):
    x, gamma = step.Variable(numbers(5, 3)), var(step, [2.0, -1.0, 3.0])
    beta, gy = var(step, [0.0, 0.0, 0.0]), numbers(5, 3, seed=1)
    mean, variance = np.array([1.0, 2.0, 3.0]), np.array([4.0, 1.0, 0.25])
    with step.test_mode():
        y = step.batch_norm(x, gamma, beta, mean, variance, eps=0.0)
    y.grad = step.Variable(gy)
    y.backward()
    normal = (x.data - mean) / variance**0.5
    close(x.grad.data, gy * gamma.data / variance**0.5)
    close(gamma.grad.data, (gy * normal).sum(axis=0))
    close(beta.grad.data, gy.sum(axis=0))


def test_under_no_grad_the_statistics_move_and_nothing_is_recorded(step):
    x, mean = step.Variable(numbers(4, 3) + 1), np.zeros(3)
    with step.no_grad():
        y = step.batch_norm(x, np.ones(3), np.zeros(3), mean, np.ones(3))
    assert y.creator is None
    close(mean, 0.1 * x.data.mean(axis=0))


@pytest.mark.parametrize("name", MODES)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtypes_are_kept(step, name, shape, dtype):
    xs = [step.Variable(x.astype(dtype)) for x in (numbers(*shape), *numbers(2, 3))]
    statistics = np.zeros(3, dtype), np.ones(3, dtype)
    with mode(step, name):
        y = step.batch_norm(*xs, *statistics)
    assert y.dtype == dtype
    y.grad = step.Variable(numbers(*shape, seed=1).astype(dtype))
    y.backward(create_graph=True)
    firsts = [x.grad for x in xs]
    for x in xs:
        x.cleargrad()
    firsts[0].backward()
    for gx, x in zip([*firsts, *(x.grad for x in xs)], [*xs, *xs]):
        if gx is not None:
            assert (gx.shape, gx.dtype) == (x.shape, dtype)
    assert {a.dtype for a in statistics} == {np.dtype(dtype)}


def test_float32_far_from_zero_is_still_exact(step):
    x = (numbers(100, 3) + 10_000).astype(np.float32)
    ones, zeros, variance = np.ones(3), np.zeros(3), np.zeros(3, np.float32)
    y = step.batch_norm(x, ones.astype("f"), zeros.astype("f"), zeros, variance)
    exact = x.astype(float) - x.astype(float).mean(axis=0)
    close(y.data, exact / (exact.var(axis=0) + 2e-5) ** 0.5, rtol=5e-3)
    close(variance, 0.1 * exact.var(axis=0, ddof=1), rtol=5e-3)


def test_a_channel_of_equal_numbers_is_no_trouble(step):
    x = step.Variable(np.full((4, 3), 7.0))
    y = step.batch_norm(x, np.ones(3), np.full(3, 5.0), np.zeros(3), np.ones(3))
    assert np.all(y.data == 5.0)
    y.grad = step.Variable(numbers(4, 3))
    y.backward()
    assert np.all(np.isfinite(x.grad.data))


@pytest.mark.parametrize("shape", [(1, 3), (0, 3), (1, 3, 1), (1, 3, 1, 1)])
def test_training_needs_more_than_one_number_a_channel(step, shape):
    words = [np.ones(3), np.zeros(3), np.zeros(3), np.ones(3)]
    with pytest.raises(ValueError, match="more than one"):
        step.batch_norm(np.ones(shape), *words)
    assert words[2].tolist() == [0.0] * 3 and words[3].tolist() == [1.0] * 3
    with step.test_mode():
        assert step.batch_norm(np.ones(shape), *words).shape == shape


def test_two_numbers_are_enough(step):
    words = [np.ones(3), np.zeros(3), np.zeros(3), np.ones(3)]
    assert step.batch_norm(numbers(1, 3, 2, 1), *words).shape == (1, 3, 2, 1)


@pytest.mark.parametrize("shape", [(3,), (4, 1), (4, 2), (4, 6), (3, 4), (3, 1, 3)])
@pytest.mark.parametrize("name", MODES)
def test_another_number_of_channels_is_refused(step, shape, name):
    words = [np.ones(3), np.zeros(3), np.zeros(3), np.ones(3)]
    with mode(step, name), pytest.raises(ValueError) as error:
        step.batch_norm(np.full(shape, 5.0), *words)
    assert str(shape) in str(error.value) and "3" in str(error.value)
    assert words[2].tolist() == [0.0] * 3 and words[3].tolist() == [1.0] * 3


# --- BatchNorm ---


@pytest.mark.parametrize("axes", AXES)
def test_a_layer_in_training_against_the_record(step, axes):
    expected = record(axes, "layer")
    layer = step.BatchNorm(dtype=np.float64)
    optimizer = step.SGD(0.1).setup(layer)
    for i, (x, v) in enumerate(expected["batches"]):
        y = layer(x)
        close(y.data, expected["answers"][i])
        close([layer.avg_mean.data, layer.avg_var.data], expected["statistics"][i])
        layer.cleargrads()
        y.grad = step.Variable(v)
        y.backward()
        optimizer.update()
        close([layer.gamma.data, layer.beta.data], expected["learned"][i])
    with step.test_mode():
        close(layer(expected["x"]).data, expected["in_test_mode"])
    close([layer.avg_mean.data, layer.avg_var.data], expected["statistics"][-1])


def test_a_layer_has_two_parameters_to_learn_and_two_to_save(step):
    layer = step.BatchNorm()
    names = {"gamma", "beta", "avg_mean", "avg_var"}
    for _ in range(2):
        assert layer.named_params().keys() == names
        assert {id(p) for p in layer.params()} == {id(layer.gamma), id(layer.beta)}
        layer(numbers(4, 3).astype(np.float32))


def test_a_layer_starts_with_ones_and_zeros(step):
    layer = step.BatchNorm()
    assert layer.gamma.data is None and layer.avg_mean.data is None
    with step.test_mode():
        y = layer(np.full((2, 3, 1, 1), 5.0, np.float32))
    close(y.data, np.full((2, 3, 1, 1), 5 / (1 + 2e-5) ** 0.5), rtol=1e-6)
    for name, start in zip(["gamma", "avg_var", "beta", "avg_mean"], [1, 1, 0, 0]):
        param = getattr(layer, name)
        assert isinstance(param, step.Parameter)
        assert param.data.tolist() == [start] * 3 and param.dtype == np.float32


def test_a_layer_is_given_decay_and_eps(step):
    x = numbers(5, 3)
    layer = step.BatchNorm(decay=0.25, eps=1.0, dtype=np.float64)
    close(layer(x).data, (x - x.mean(axis=0)) / (x.var(axis=0) + 1) ** 0.5)
    close(layer.avg_mean.data, 0.75 * x.mean(axis=0))
    close(layer.avg_var.data, 0.25 + 0.75 * x.var(axis=0, ddof=1))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_layer_keeps_its_dtype(step, dtype):
    layer = step.BatchNorm(dtype=dtype)
    for _ in range(2):
        y = layer(numbers(4, 3).astype(dtype))
        y.backward()
        assert y.dtype == dtype
        assert {p.dtype for p in layer.named_params().values()} == {np.dtype(dtype)}
        assert {p.grad.dtype for p in layer.params()} == {np.dtype(dtype)}


@pytest.mark.parametrize("name", MODES)
def test_statistics_are_not_learned(step, name):
    layer = step.BatchNorm(dtype=np.float64)
    optimizer = step.SGD(0.1).setup(layer)
    optimizer.add_hook(step.WeightDecay(0.5))
    layer(numbers(4, 3) + 3)
    with mode(step, name):
        y = layer(numbers(4, 3))
    y.grad = step.Variable(numbers(4, 3, seed=1))
    y.backward()
    before = [p.data.copy() for p in layer.named_params().values()]
    assert layer.avg_mean.grad is None and layer.avg_var.grad is None
    optimizer.update()
    changed = [
        np.any(p.data != a) for p, a in zip(layer.named_params().values(), before)
    ]
    names = [n for n, is_new in zip(layer.named_params(), changed) if is_new]
    assert sorted(names) == ["beta", "gamma"]


@pytest.mark.parametrize("called", [True, False], ids=["called", "not yet called"])
def test_statistics_are_saved_and_loaded(step, tmp_path, called):
    layer, x = step.BatchNorm(), numbers(4, 3).astype(np.float32)
    for _ in range(3):
        layer(x * 2 + 1)
    layer.save_weights(tmp_path / "norm.npz")
    twin = step.BatchNorm()
    if called:
        twin(x)
    twin.load_weights(tmp_path / "norm.npz")
    with step.test_mode():
        np.testing.assert_array_equal(twin(x).data, layer(x).data)
    assert np.any(twin.avg_mean.data != 0) and np.any(twin.avg_var.data != 1)
    layer(x), twin(x)  # each goes on with statistics of its own
    np.testing.assert_array_equal(twin.avg_var.data, layer.avg_var.data)


def test_a_network_learns_with_both_and_answers_the_same_in_test_mode(step):
    np.random.seed(0)
    x = numbers(40, 4).astype(np.float32) * 3 + 5
    t = (x[:, 0] > x[:, 1]).astype(int)
    layers = step.Linear(16), step.BatchNorm(), step.relu, step.dropout, step.Linear(2)
    model = step.Sequential(*layers)
    optimizer = step.Adam(0.01).setup(model)
    for _ in range(150):
        loss = step.softmax_cross_entropy(model(x), t)
        model.cleargrads()
        loss.backward()
        optimizer.update()
    assert np.any(model(x).data != model(x).data), "dropout drops others each time"
    with step.test_mode():
        y = model(x)
        np.testing.assert_array_equal(model(x).data, y.data)
        assert step.accuracy(y, t).data >= 0.9
        close(model(x[:1]).data, y.data[:1], rtol=1e-4)


def test_options_of_batch_norm_come_by_name(step):
    with pytest.raises(TypeError, match="positional"):
        step.BatchNorm(64)


@pytest.mark.parametrize("name", ["gamma", "beta", "avg_mean", "avg_var"])
@pytest.mark.parametrize("shape", [(1,), (4,), (3, 1), ()], ids=str)
def test_weights_of_batch_norm_not_yet_called_are_of_one_length(step, name, shape):
    layer = step.BatchNorm()
    good = {key: np.ones(3) for key in layer.named_params()}
    with pytest.raises(ValueError, match="has the shape"):
        step.set_weights(layer, good | {name: np.ones(shape)}, "a file")
    assert all(param.data is None for param in layer.named_params().values())
    step.set_weights(layer, good, "a file")
    assert layer.gamma.shape == (3,)


def test_options_may_be_numbers_of_numpy(step):
    x = np.ones((4, 2), np.float32)
    assert step.dropout(x, np.float64(0.5)).dtype == np.float32
    one = np.ones(2, np.float32)
    y = step.batch_norm(x, one, one, 0 * one, one.copy(), eps=np.float64(1e-5))
    assert y.dtype == np.float32


def test_freezing_all_parameters_leaves_statistics_as_they_are(step):
    norm = step.BatchNorm()
    norm(np.random.default_rng(0).standard_normal((4, 2)).astype(np.float32))
    for flag in (False, True):
        for param in norm.params():
            param.requires_grad = flag
    assert not norm.avg_mean.requires_grad and not norm.avg_var.requires_grad
    assert norm.gamma.requires_grad


# --- threads ---


def in_a_thread(f):
    """What f() gives in a thread of its own."""
    results = []
    thread = threading.Thread(target=lambda: results.append(f()))
    thread.start()
    thread.join()
    return results[0]


@pytest.mark.needs("threads")
def test_no_grad_here_leaves_another_thread_recording(step):
    def gradient():
        x = var(step, 3.0)
        step.square(x).backward()
        return x.grad

    with step.no_grad():
        found = in_a_thread(gradient)
    assert found is not None, "no_grad in one thread reached another"
    assert float(found.data) == 6.0


@pytest.mark.needs("threads")
def test_no_grad_in_another_thread_leaves_this_one_recording(step):
    inside, done = threading.Event(), threading.Event()

    def wait_in_no_grad():
        with step.no_grad():
            inside.set()
            done.wait(5)

    thread = threading.Thread(target=wait_in_no_grad)
    thread.start()
    inside.wait(5)
    y = step.square(var(step, 3.0))
    done.set()
    thread.join()
    assert y.creator is not None, "no_grad in another thread reached this one"


# --- LayerNorm and Dropout ---


@pytest.mark.parametrize("shape", [(3,), (5, 3), (2, 4, 3)])
def test_each_example_gets_mean_beta_and_deviation_gamma(step, shape):
    x, gamma, beta = numbers(*shape) * 5 + 7, np.full(3, 2.0), np.full(3, -1.0)
    y = step.layer_norm(x, gamma, beta, eps=0.0).data
    close(y.mean(axis=-1), -1.0)
    close(y.std(axis=-1), 2.0)
    with step.test_mode():
        np.testing.assert_array_equal(step.layer_norm(x, gamma, beta, eps=0.0).data, y)


def test_each_place_of_a_layer_norm_has_its_gamma_and_beta(step):
    x, gamma, beta = numbers(4, 3), numbers(3, seed=1), numbers(3, seed=2)
    centred = x - x.mean(axis=1, keepdims=True)
    expected = centred / (centred.var(axis=1, keepdims=True) + 1e-5) ** 0.5
    close(step.layer_norm(x, gamma, beta).data, expected * gamma + beta)


def test_layer_norm_against_numerical_slopes(step):
    xs = [var(step, x) for x in (numbers(4, 3), numbers(3, seed=1), numbers(3, seed=2))]
    assert step.gradient_check(step.layer_norm, *xs, order=2)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_layer_norm_keeps_the_dtype(step, dtype):
    layer = step.LayerNorm(3, dtype=dtype)
    y = layer(numbers(4, 3).astype(dtype))
    y.backward()
    assert y.dtype == layer.gamma.grad.dtype == layer.beta.grad.dtype == dtype


def test_a_layer_norm_starts_with_ones_and_zeros_and_is_given_eps(step):
    layer, x = step.LayerNorm(3), numbers(4, 3)
    assert {name: p.data.tolist() for name, p in layer.named_params().items()} == {
        "gamma": [1.0] * 3,
        "beta": [0.0] * 3,
    }
    centred = x - x.mean(axis=1, keepdims=True)
    for eps, norm in ((1e-5, layer), (1.0, step.LayerNorm(3, eps=1.0))):
        std = (x.var(axis=1, keepdims=True) + eps) ** 0.5
        close(norm(x).data, centred / std, rtol=1e-6)
    with pytest.raises(TypeError, match="positional"):
        step.LayerNorm(3, 1e-6)


@pytest.mark.parametrize("shape", [(4, 1), (4, 4), (3, 4), ()])
def test_another_length_of_the_last_axis_is_refused(step, shape):
    with pytest.raises(ValueError, match=re.escape(str(shape))):
        step.LayerNorm(3)(np.ones(shape))


def test_a_dropout_layer_drops_in_training_only(step):
    np.random.seed(0)
    x, layer = np.ones(1000), step.Dropout(0.2)
    y = layer(x).data
    assert {*y.tolist()} == {0.0, 1.25}
    assert 120 < (y == 0).sum() < 280
    assert 400 < (step.Dropout()(x).data == 0).sum() < 600
    with step.test_mode():
        np.testing.assert_array_equal(layer(x).data, x)
    assert layer.params() == [] and isinstance(layer, step.Layer)
