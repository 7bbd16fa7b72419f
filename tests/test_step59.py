"""Step 59: a layer with a memory, and graphs that are cut."""

import gc
import weakref

import cupy_stand_in
import numpy as np
import pytest
from helpers import give, hooked, layer_of, records, var
from recurrent import (
    H,
    backward_along,
    check_gradients,
    close,
    normal,
    recorded_layer,
    weighted,
)

RECORD = records("recurrent")["RNN"]
X = np.array(RECORD["inputs"]["x"])
T, N, D = X.shape


def make_loss(layer, xs):
    vs = np.array(RECORD["cotangents"]["v"], xs[0].dtype)
    return weighted([layer(x) for x in xs], vs)


def small_layer(step):
    """An RNN of two numbers, in float64."""
    layer = step.RNN(2, in_size=1)
    for i, param in enumerate(layer.params()):
        param.data = 0.5 * normal(*param.shape, seed=i)
    return layer


# --- values and gradients over several steps ---


def test_h_over_several_steps(step):
    layer, _ = recorded_layer(step.RNN, RECORD)
    for x, h in zip(X, RECORD["h"]):
        close(layer(x), h)


@pytest.mark.parametrize("create_graph", [False, True])
def test_gradients_over_several_steps(step, create_graph):
    layer, weights = recorded_layer(step.RNN, RECORD)
    xs = [var(step, x) for x in X]
    make_loss(layer, xs).backward(create_graph=create_graph)
    check_gradients(weights, xs, RECORD["gradients"])


def test_second_gradients_over_several_steps(step):
    layer, weights = recorded_layer(step.RNN, RECORD)
    xs = [var(step, x) for x in X]
    make_loss(layer, xs).backward(create_graph=True)
    backward_along(RECORD["directions"], weights, xs)
    check_gradients(weights, xs, RECORD["second"])


def test_gradients_where_the_graph_is_cut(step):
    layer, weights = recorded_layer(step.RNN, RECORD)
    xs, vs = [var(step, x) for x in X], np.array(RECORD["cotangents"]["v"])
    for part in (slice(0, 3), slice(3, T)):
        loss = weighted([layer(x) for x in xs[part]], vs[part])
        loss.backward()
        loss.unchain_backward()
    check_gradients(weights, xs, RECORD["cut"])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_values_and_gradients_keep_the_dtype(step, dtype):
    layer, weights = recorded_layer(step.RNN, RECORD, dtype)
    xs = [var(step, x, dtype) for x in X]
    loss = make_loss(layer, xs)
    loss.backward()
    assert (loss.dtype, layer.h.dtype) == (dtype, dtype)
    for variable in [*weights.values(), *xs]:
        assert variable.grad.dtype == dtype


# --- the layer ---


def test_an_rnn_starts_in_float32(step):
    layer = step.RNN(4)
    assert layer(np.ones((2, 3), np.float32)).dtype == np.float32
    assert {param.dtype for param in layer.params()} == {np.dtype(np.float32)}


@pytest.mark.parametrize("words", [{}, {"in_size": 3}], ids=["found", "given"])
def test_the_input_may_have_another_size_than_h(step, words):
    layer = step.RNN(4, **words)
    for _ in range(3):
        assert layer(np.ones((2, 3), np.float32)).shape == (2, 4)
    shapes = {name: param.shape for name, param in layer.named_params().items()}
    assert shapes == {"x2h/W": (3, 4), "x2h/b": (4,), "h2h/W": (4, 4)}


def test_in_size_makes_all_weights_at_once(step):
    shapes = {n: p.shape for n, p in step.RNN(4, in_size=3).named_params().items()}
    assert shapes == {"x2h/W": (3, 4), "x2h/b": (4,), "h2h/W": (4, 4)}


def test_the_weights_are_random_and_the_bias_is_zero(step):
    layer = step.RNN(100, in_size=25)
    assert layer.x2h.W.data.std() == pytest.approx(0.2, rel=0.1)
    assert layer.h2h.W.data.std() == pytest.approx(0.1, rel=0.1)
    assert not layer.x2h.b.data.any()


def test_h_is_kept_and_is_no_parameter(step):
    layer, _ = recorded_layer(step.RNN, RECORD)
    assert layer.h is None
    for x in X:
        assert layer(x) is layer.h
    assert [*layer.named_params()] == ["x2h/W", "x2h/b", "h2h/W"]


def test_reset_state_begins_a_new_sequence(step):
    layer, _ = recorded_layer(step.RNN, RECORD)
    first = [layer(x).data for x in X]
    assert not np.allclose(layer(X[0]).data, first[0])
    layer.reset_state()
    assert layer.h is None
    for x, h in zip(X, first):
        np.testing.assert_array_equal(layer(x).data, h)


def test_without_a_state_h_is_what_x_alone_makes(step):
    layer, weights = recorded_layer(step.RNN, RECORD)
    close(layer(X[0]), np.tanh(X[0] @ weights["Wx"].data + weights["b"].data))
    layer.reset_state()
    zeros = layer(np.zeros((N, D)))
    close(zeros, np.tanh(np.broadcast_to(weights["b"].data, (N, H))))


@pytest.mark.parametrize("n", [1, 3])
def test_another_batch_size_is_refused_until_the_state_is_reset(step, n):
    layer, _ = recorded_layer(step.RNN, RECORD)
    h = layer(X[0])
    with pytest.raises(ValueError, match=rf"RNN.* {N} .* {n}.*reset_state"):
        layer(normal(n, D))
    assert layer.h is h
    layer.reset_state()
    assert layer(normal(n, D)).shape == (n, H)


def test_check_batch_compares_with_the_state(step):
    x, h = normal(2, 3), var(step, normal(2, 4))
    assert step.check_batch(step.RNN(4), x, None) is None
    assert step.check_batch(step.RNN(4), x, h) is None
    with pytest.raises(ValueError, match=r"Linear.* 2 .* 5.*reset_state"):
        step.check_batch(step.Linear(4), normal(5, 3), h)


def test_a_wrong_shape_is_refused(step):
    layer, _ = recorded_layer(step.RNN, RECORD)
    with pytest.raises(ValueError, match=rf"\({N}, {D + 1}\)"):
        layer(normal(N, D + 1))


def test_in_no_grad_nothing_is_kept_but_h(step):
    layer, _ = recorded_layer(step.RNN, RECORD)
    with step.no_grad():
        for x in X:
            layer(x)
    assert layer.h.creator is None
    close(layer.h, RECORD["h"][-1])


# --- unchain ---


def test_unchain_forgets_the_creator_and_nothing_else(step):
    x = var(step, 3.0)
    y = x * x
    z = y * x
    y.unchain()
    assert y.creator is None
    assert y.data == 9.0
    z.backward()
    assert y.grad.data == 3.0
    assert x.grad.data == 9.0


def test_unchain_backward_cuts_everything_behind_a_variable(step):
    x = var(step, 2.0)
    a = x * x
    b = a + x
    c = a * b
    y = c * b
    creator = y.creator
    y.unchain_backward()
    assert [v.creator for v in (a, b, c)] == [None] * 3
    assert y.creator is creator
    y.backward()
    assert (c.grad.data, b.grad.data) == (b.data, c.data)
    assert a.grad is None
    assert x.grad is None


def test_unchain_backward_leaves_what_lies_elsewhere(step):
    x = var(step, 2.0)
    a = x * x
    y, z = a * 3.0, (x + 1.0) * 5.0
    z = z * z
    y.unchain_backward()
    z.backward()
    assert x.grad.data == 2 * 15.0 * 5.0
    with_history = z * y
    x.cleargrad()
    with_history.backward()
    assert a.grad.data == 3.0 * z.data


def test_the_values_do_not_change_when_a_graph_is_cut(step):
    x = var(step, [1.0, 2.0])
    a = x * 3.0
    y = a * a
    y.backward(retain_grad=True)
    y.unchain_backward()
    assert [v.data.tolist() for v in (a, y)] == [[3.0, 6.0], [9.0, 36.0]]
    assert a.grad.data.tolist() == [6.0, 12.0]
    assert x.grad.data.tolist() == [18.0, 36.0]


def test_unchain_backward_does_no_harm_to_a_variable_without_a_creator(step):
    x = var(step, 2.0)
    x.unchain()
    x.unchain_backward()
    with step.no_grad():
        y = x * x
    y.unchain_backward()
    assert (x.creator, y.creator) == (None, None)


def test_a_function_with_two_outputs_is_cut(step):
    class Split(step.Function):
        def forward(self, x):
            return x * 2.0, x * 3.0

        def backward(self, g0, g1):
            return g0 * 2.0 + g1 * 3.0

    x = var(step, 1.0)
    a = x * x
    b, c = Split()(a)
    y = b * c
    y.unchain_backward()
    assert [v.creator for v in (a, b, c)] == [None] * 3


def test_unchain_backward_takes_each_function_once(step):
    x = y = var(step, 1.0)
    for _ in range(100):
        y = (y + y) * 0.5  # 2 ** 100 ways from y to x
    y.unchain_backward()
    y.backward()
    assert x.grad is None


def test_unchain_backward_takes_a_chain_of_any_length(step):
    x = y = var(step, 1.0)
    for _ in range(5000):
        y = y * 1.0
    y.unchain_backward()
    assert x.grad is None
    y.backward()
    assert x.grad is None


# --- truncated backpropagation ---


def run_through(step, length, steps=1000):
    """How many h live at most, in a sequence that is cut after `length` steps."""
    layer, watches, most = small_layer(step), [], 0
    loss = 0.0
    for i in range(1, steps + 1):
        h = layer(np.full((1, 1), np.sin(i)))
        watches.append(weakref.ref(h))
        loss = loss + (h * h).sum()
        if i % length == 0:
            alive = [watch for watch in watches if watch() is not None]
            most, watches = np.maximum(most, len(alive)), alive
            loss.backward()
            loss.unchain_backward()
            loss = 0.0
    return most


def test_memory_does_not_grow_with_the_sequence(step):
    gc.collect()
    gc.disable()
    try:
        assert run_through(step, 30) <= 32
        assert run_through(step, 100, steps=200) >= 100, "h is not counted"
    finally:
        gc.enable()


def updated(step, layer, loss):
    """Clear the gradients, go back from the loss, and update."""
    optimizer = step.SGD(0.1).setup(layer)
    layer.cleargrads()
    loss.backward()
    optimizer.update()


def test_old_steps_know_the_weights_from_before_an_update(step):
    layer, _ = recorded_layer(step.RNN, RECORD)
    layer(X[0])
    updated(step, layer, weighted([layer(X[1])], X[:1, :, :1]))
    loss = weighted([layer(X[2])], X[1:2, :, :1])
    layer.cleargrads()
    loss.backward()
    assert all(np.isfinite(param.grad.data).all() for param in layer.params())
    with pytest.raises(RuntimeError, match="replaced"):
        loss.backward(create_graph=True)


def test_a_cut_sequence_goes_on_after_an_update(step):
    layer, weights = recorded_layer(step.RNN, RECORD)
    layer(X[0])
    loss = weighted([layer(X[1])], X[:1, :, :1])
    updated(step, layer, loss)
    loss.unchain_backward()
    before = layer.h.data
    layer.cleargrads()
    weighted([layer(X[2])], X[1:2, :, :1]).backward()

    Wx, Wh, b = (param.data for param in weights.values())
    h = np.tanh(X[2] @ Wx + before @ Wh + b)
    ga = X[1, :, :1] * (1 - h**2)
    close(weights["Wx"].grad, X[2].T @ ga)
    close(weights["Wh"].grad, before.T @ ga)
    close(weights["b"].grad, ga.sum(axis=0))


# --- SinCurve ---


@pytest.mark.parametrize("train", [True, False])
def test_the_label_of_a_point_is_the_next_point(step, train):
    data = step.SinCurve(train=train)
    assert len(data) == 999
    assert (data.data.shape, data.label.shape) == ((999, 1), (999, 1))
    assert (data.data.dtype, data.label.dtype) == (np.float32, np.float32)
    np.testing.assert_array_equal(data.data[1:], data.label[:-1])
    x, t = data[41]
    np.testing.assert_array_equal(x, data.data[41])
    np.testing.assert_array_equal(t, data.data[42])


def curve(data):
    """All 1,000 points."""
    return np.append(data.data[:, 0], data.label[-1:, 0])


def test_for_testing_it_is_a_cosine(step):
    expected = np.cos(2 * np.pi * np.arange(1000) / 999)
    np.testing.assert_allclose(curve(step.SinCurve(train=False)), expected, atol=1e-6)


def test_for_training_it_is_a_sine_with_noise(step):
    noise = curve(step.SinCurve()) - np.sin(2 * np.pi * np.arange(1000) / 999)
    assert np.abs(noise).max() < 0.05 + 1e-6
    assert noise.min() < -0.045
    assert noise.max() > 0.045
    assert abs(noise.mean()) < 0.005
    assert np.abs(noise).mean() == pytest.approx(0.025, rel=0.1)


def test_the_noise_is_the_same_each_time_and_draws_from_no_one_else(step):
    np.random.seed(1)
    expected = np.random.rand()
    np.random.seed(1)
    first, again = step.SinCurve(), step.SinCurve(train=True)
    assert np.random.rand() == expected
    np.testing.assert_array_equal(first.data, again.data)


def test_a_sine_curve_takes_transforms(step):
    data = step.SinCurve(True, lambda x: x * 2, lambda t: -t)
    x, t = data[10]
    np.testing.assert_array_equal(x, data.data[10] * 2)
    np.testing.assert_array_equal(t, -data.data[11])


def test_options_of_an_rnn_come_by_name(step):
    with pytest.raises(TypeError, match="positional"):
        step.RNN(10, 20)


def test_a_state_that_was_unchained_is_an_end_of_the_graph(step):
    def gradients(cut):
        np.random.seed(0)
        layer = step.RNN(2, in_size=1)
        layer(np.ones((1, 1), np.float32))
        cut(layer)
        step.sum(layer(np.ones((1, 1), np.float32))).backward()
        return [param.grad.data for param in layer.params()]

    def replace(layer):
        layer.h = step.Variable(layer.h.data.copy())

    cut = gradients(lambda layer: layer.h.unchain())
    for found, expected in zip(cut, gradients(replace)):
        np.testing.assert_array_equal(found, expected)


def test_generations_begin_anew_behind_a_cut(step):
    h = var(step, 1.0)
    for _ in range(5):
        h = step.tanh(h)
        step.tanh(h).unchain_backward()
    assert step.tanh(h).generation == 1


# --- gradients that are cut to a length ---

CLIPPED = records("optimizers")["clipped"]


@pytest.mark.parametrize("run", CLIPPED["runs"])
def test_gradients_are_clipped_together_as_recorded(step, run):
    gradients = [np.array(g) for g in CLIPPED["gradients"]]
    zeros = {name: np.zeros(g.shape) for name, g in zip("pqr", gradients)}
    layer = layer_of(step, **zeros)
    for param, g in zip(layer.params(), gradients):
        give(step, param, g)
    hooked(step, layer, step.ClipGrad(run["max_norm"])).update()
    for param, after in zip(layer.params(), run["after"]):
        np.testing.assert_allclose(param.grad.data, after, rtol=1e-12)
        np.testing.assert_allclose(param.data, np.negative(after), rtol=1e-12)


def test_a_gradient_that_is_short_enough_is_not_clipped(step):
    layer = layer_of(step, p=[0.0, 0.0])
    give(step, layer.p, [3.0, 4.0])
    hooked(step, layer, step.ClipGrad(5.1)).update()
    assert layer.p.grad.data.tolist() == [3.0, 4.0]


def test_clipping_gradients_of_zeros_does_no_harm(step):
    layer = layer_of(step, p=[1.0, 2.0])
    give(step, layer.p, [0.0, 0.0])
    with np.errstate(all="raise"):
        hooked(step, layer, step.ClipGrad(1.0)).update()
    assert layer.p.data.tolist() == [1.0, 2.0]


def test_clipping_divides_a_shared_gradient_once(step):
    layer = layer_of(step, p=[3.0], q=[4.0])
    step.add(layer.p, layer.q).backward()
    hooked(step, layer, step.ClipGrad(0.5), lr=1.0).update()
    each = 0.5 / (np.sqrt(2.0) + 1e-6)
    np.testing.assert_allclose(layer.p.data, [3.0 - each], rtol=1e-14)
    np.testing.assert_allclose(layer.q.data, [4.0 - each], rtol=1e-14)


@pytest.mark.parametrize("freeze", ["requires_grad", "hook before", "hook after"])
def test_what_is_frozen_does_not_count_in_the_norm(step, freeze):
    layer = layer_of(step, p=[0.0], q=[0.0])
    hooks = [step.ClipGrad(5.0)]
    if freeze == "requires_grad":
        layer.q.requires_grad = False
    else:
        at = 0 if freeze == "hook before" else 1
        hooks.insert(at, step.FreezeParam(layer.q))
    give(step, layer.p, [3.0])
    give(step, layer.q, [1e9])
    hooked(step, layer, *hooks).update()
    assert (layer.p.data.tolist(), layer.q.data.tolist()) == ([-3.0], [0.0])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("length", [1.0, np.float64(1.0)])
def test_clipping_keeps_dtype_and_shape_and_makes_new_gradients(step, length, dtype):
    layer = layer_of(step, dtype, p=[3.0, 4.0], q=0.0)
    give(step, layer.p, [3.0, 4.0])
    give(step, layer.q, 12.0)
    given = layer.p.grad
    given.data.flags.writeable = False
    hooked(step, layer, step.ClipGrad(length)).update()
    assert given.data.tolist() == [3.0, 4.0]
    for param, expected in ((layer.p, [3 / 13, 4 / 13]), (layer.q, 12 / 13)):
        np.testing.assert_allclose(param.grad.data, expected, rtol=1e-5)
        assert param.grad.dtype == param.dtype == dtype
        assert param.grad.shape == param.shape


def test_gradients_are_clipped_on_the_gpu(step, monkeypatch):
    cupy_stand_in.install(monkeypatch)
    layer = layer_of(step, p=[3.0], q=[4.0])
    layer.to_gpu()
    (layer.p * layer.p + layer.q * layer.q).backward()
    hooked(step, layer, step.ClipGrad(1.0)).update()
    layer.to_cpu()
    np.testing.assert_allclose([*layer.p.data, *layer.q.data], [2.4, 3.2], rtol=1e-6)


def test_clipping_without_any_gradient_does_no_harm(step):
    layer = layer_of(step, p=[1.0, 2.0])
    hooked(step, layer, step.ClipGrad(1.0)).update()
    assert layer.p.data.tolist() == [1.0, 2.0]


# --- SeqDataLoader ---


def make_numbers(step, count):
    """A data set: i, as an array, and 100 + i."""

    class Range(step.Dataset):
        def prepare(self):
            self.data = np.arange(count, dtype=np.float32)[:, None]
            self.label = 100 + np.arange(count)

    return Range()


@pytest.mark.parametrize(
    "count, batch_size, expected",
    [
        (10, 3, [[0, 3, 6], [1, 4, 7], [2, 5, 8]]),
        (6, 2, [[0, 3], [1, 4], [2, 5]]),
        (3, 1, [[0], [1], [2]]),
        (3, 3, [[0, 1, 2]]),
    ],
)
def test_each_place_of_a_batch_follows_a_sequence(step, count, batch_size, expected):
    loader = step.SeqDataLoader(make_numbers(step, count), batch_size)
    assert len(loader) == len(expected)
    for _ in range(2):
        batches = list(loader)
        assert [x[:, 0].tolist() for x, _ in batches] == expected
        for x, t in batches:
            assert (x.shape, x.dtype) == ((batch_size, 1), np.float32)
            assert t.tolist() == (100 + x[:, 0]).tolist()


def test_batches_of_a_sequence_one_by_one(step):
    loader = step.SeqDataLoader(make_numbers(step, 6), batch_size=2)
    assert isinstance(loader, step.DataLoader)
    assert loader.next()[1].tolist() == [100, 103]
    assert next(loader)[1].tolist() == [101, 104]
    loader.reset()
    assert [loader.next()[1].tolist()[0] for _ in range(3)] == [100, 101, 102]
    with pytest.raises(StopIteration):
        loader.next()


@pytest.mark.parametrize("count, batch_size", [(0, 1), (3, 0), (3, -1), (3, 4)])
def test_no_batches_are_refused(step, count, batch_size):
    with pytest.raises(ValueError, match="batches|sequences"):
        step.SeqDataLoader(make_numbers(step, count), batch_size)


def test_a_sequence_is_not_shuffled_and_draws_no_random_numbers(step):
    np.random.seed(1)
    expected = np.random.rand()
    np.random.seed(1)
    list(step.SeqDataLoader(make_numbers(step, 10), 3))
    assert np.random.rand() == expected


def test_sequences_may_go_to_the_gpu(step, monkeypatch):
    cupy = cupy_stand_in.install(monkeypatch)
    data = make_numbers(step, 6)
    x, t = next(step.SeqDataLoader(data, 2, gpu=True))
    assert {type(x), type(t)} == {cupy.ndarray}
    x, t = next(step.SeqDataLoader(data, 2))
    assert {type(x), type(t)} == {np.ndarray}


def test_loops_over_one_sequence_loader_stand_for_themselves(step):
    loader = step.SeqDataLoader(make_numbers(step, 10), 3)
    once = [t.tolist() for _, t in loader]
    assert [(t.tolist(), u.tolist()) for (_, t), (_, u) in zip(loader, loader)] == [
        (t, t) for t in once
    ]
    assert len([1 for _ in loader for _ in loader]) == 9
    assert (len(loader), loader.max_iter) == (3, 3)
    assert loader.next()[1].tolist() == next(iter(loader))[1].tolist() == once[0]
