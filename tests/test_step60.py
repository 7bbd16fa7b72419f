"""Step 60: an LSTM, embeddings, and batches of sequences."""

import functools
import gc
import hashlib
import weakref

import cupy_stand_in
import numpy as np
import pytest
from helpers import records, reference, var
from recurrent import (
    H,
    backward_along,
    check_gradients,
    close,
    normal,
    recorded_layer,
    weighted,
)

RECORD = records("recurrent")["LSTM"]
X = np.array(RECORD["inputs"]["x"])
T, N, D = X.shape


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def plain_cell(step, a, c):
    """The same as lstm_cell, out of many functions."""
    H = c.shape[1]
    f, i, o = (step.sigmoid(a[:, k * H : (k + 1) * H]) for k in range(3))
    c = f * c + i * step.tanh(a[:, 3 * H :])
    return o * step.tanh(c), c


# --- the cell ---


def test_the_cell_by_its_formulas(step):
    a, c = normal(3, 8), normal(3, 2)
    f, i, o = sigmoid(a[:, :2]), sigmoid(a[:, 2:4]), sigmoid(a[:, 4:6])
    new_c = f * c + i * np.tanh(a[:, 6:])
    h, found_c = step.lstm_cell(var(step, a), var(step, c))
    close(found_c, new_c)
    close(h, o * np.tanh(new_c))


@pytest.mark.parametrize("output", [0, 1])
def test_the_cell_has_the_recorded_gradients(step, output):
    expected = reference(f"lstm_cell(a, c)[{output}]")
    xs = [step.Variable(x) for x in expected["inputs"]]
    y = step.lstm_cell(*xs)[output]
    close(y, expected["value"])
    y.grad = expected["cotangent"]
    y.backward(create_graph=True)
    gxs = [x.grad for x in xs]
    for x, gx, recorded in zip(xs, gxs, expected["gradients"]):
        close(gx, recorded)
        x.cleargrad()
    for gx, u in zip(gxs, expected["directions"]):
        gx.grad = u
        gx.backward()
    for x, recorded in zip(xs, expected["second"]):
        close(x.grad, recorded)


COTANGENTS = {
    "both": (normal(3, 2, seed=1), normal(3, 2, seed=2)),
    "only h": (normal(3, 2, seed=1), None),
    "only c": (None, normal(3, 2, seed=2)),
}
every_use = pytest.mark.parametrize("vs", COTANGENTS.values(), ids=COTANGENTS)


@every_use
@pytest.mark.parametrize("create_graph", [False, True])
def test_both_ways_back_agree_with_the_plain_form(step, vs, create_graph):
    found = []
    for cell in (step.lstm_cell, functools.partial(plain_cell, step)):
        a, c = var(step, normal(3, 8)), var(step, normal(3, 2))
        weighted(cell(a, c), vs).backward(create_graph=create_graph)
        found.append((a.grad, c.grad))
        assert (a.grad.creator is not None) == create_graph
    for gx, plain in zip(*found):
        close(gx, plain.data)


@pytest.mark.parametrize("create_graph", [False, True])
@pytest.mark.parametrize("output", [0, 1])
def test_an_output_may_be_dropped(step, create_graph, output):
    found = []
    for cell in (step.lstm_cell, functools.partial(plain_cell, step)):
        a, c = var(step, normal(3, 8)), var(step, normal(3, 2))
        y = cell(a, c)[output]
        y.grad = normal(3, 2, seed=3)
        y.backward(create_graph=create_graph)
        found.append((a.grad, c.grad))
    for gx, plain in zip(*found):
        close(gx, plain.data)


@every_use
def test_higher_derivatives_of_the_cell(step, vs):
    def f(a, c):
        return weighted(step.lstm_cell(a, c), vs)

    xs = [var(step, normal(3, 8)), var(step, normal(3, 2))]
    assert step.gradient_check(f, *xs, order=3, tolerance=1e-4)


@every_use
@pytest.mark.parametrize("create_graph", [False, True])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_cell_keeps_the_dtype(step, vs, create_graph, dtype):
    a, c = var(step, normal(3, 8), dtype), var(step, normal(3, 2), dtype)
    ys = step.lstm_cell(a, c)
    vs = [v if v is None else v.astype(dtype) for v in vs]
    weighted(ys, vs).backward(create_graph=create_graph)
    assert {v.dtype for v in (*ys, a.grad, c.grad)} == {np.dtype(dtype)}


def test_the_gates_forget_and_let_in_and_out(step):
    c = var(step, [[2.0]])
    for f, i, o, expected_c in (
        (40, -40, 40, 2.0),
        (-40, 40, 40, 1.0),
        (40, 40, 40, 3.0),
    ):
        h, new_c = step.lstm_cell(var(step, [[f, i, o, 40.0]]), c)
        close(new_c, [[expected_c]])
        close(h, [[np.tanh(expected_c)]])
    h, _ = step.lstm_cell(var(step, [[40.0, 40.0, -40.0, 40.0]]), c)
    assert abs(h.data) < 1e-15


def test_the_memory_hands_its_gradient_on_through_the_forget_gate(step):
    a, c = var(step, [[1.0, 40.0, -40.0, -2.0]]), var(step, [[3.0]])
    _, new_c = step.lstm_cell(a, c)
    new_c.backward()
    close(c.grad, [[sigmoid(1.0)]])


@pytest.mark.parametrize("constant", [0, 1])
def test_a_constant_may_go_into_the_cell(step, constant):
    xs = [normal(3, 8), normal(3, 2)]
    plain = xs[1 - constant]
    variables = [var(step, x) for x in xs]
    weighted(step.lstm_cell(*variables), COTANGENTS["both"]).backward()
    xs[1 - constant] = step.Variable(plain)
    weighted(step.lstm_cell(*xs), COTANGENTS["both"]).backward()
    close(xs[1 - constant].grad, variables[1 - constant].grad.data)


def test_shapes_that_do_not_fit_are_refused(step):
    with pytest.raises(ValueError, match=r"\(3, 8\).*\(3, 3\)"):
        step.lstm_cell(normal(3, 8), normal(3, 3))


# --- the layer, over several steps ---


def make_loss(layer, xs):
    """The recorded loss of all h and the last c."""
    v, w = (np.array(RECORD["cotangents"][name], xs[0].dtype) for name in "vw")
    hs = [layer(x) for x in xs]
    return weighted([*hs, layer.c], [*v, w])


def test_h_and_c_over_several_steps(step):
    layer, _ = recorded_layer(step.LSTM, RECORD)
    for x, h in zip(X, RECORD["h"]):
        close(layer(x), h)
    close(layer.c, RECORD["c"])


@pytest.mark.parametrize("create_graph", [False, True])
def test_gradients_over_several_steps(step, create_graph):
    layer, weights = recorded_layer(step.LSTM, RECORD)
    xs = [var(step, x) for x in X]
    make_loss(layer, xs).backward(create_graph=create_graph)
    check_gradients(weights, xs, RECORD["gradients"])


def test_second_gradients_over_several_steps(step):
    layer, weights = recorded_layer(step.LSTM, RECORD)
    xs = [var(step, x) for x in X]
    make_loss(layer, xs).backward(create_graph=True)
    backward_along(RECORD["directions"], weights, xs)
    check_gradients(weights, xs, RECORD["second"])


def test_gradients_where_the_graph_is_cut(step):
    layer, weights = recorded_layer(step.LSTM, RECORD)
    xs = [var(step, x) for x in X]
    v, w = (np.array(RECORD["cotangents"][name]) for name in "vw")
    loss = weighted([layer(x) for x in xs[:3]], v)
    loss.backward()
    loss.unchain_backward()
    hs = [layer(x) for x in xs[3:]]
    weighted([*hs, layer.c], [*v[3:], w]).backward()
    check_gradients(weights, xs, RECORD["cut"])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_values_and_gradients_keep_the_dtype(step, dtype):
    layer, weights = recorded_layer(step.LSTM, RECORD, dtype)
    xs = [var(step, x, dtype) for x in X]
    loss = make_loss(layer, xs)
    loss.backward()
    assert (loss.dtype, layer.h.dtype, layer.c.dtype) == (dtype,) * 3
    for variable in [*weights.values(), *xs]:
        assert variable.grad.dtype == dtype


@pytest.mark.parametrize("words", [{}, {"in_size": 3}], ids=["found", "given"])
def test_the_four_gates_stand_side_by_side(step, words):
    layer = step.LSTM(5, **words)
    for _ in range(3):
        h = layer(np.ones((2, 3), np.float32))
        assert (h.shape, h.dtype) == ((2, 5), np.float32)
        assert layer.h is h
    assert layer.c.shape == (2, 5)
    shapes = {name: param.shape for name, param in layer.named_params().items()}
    assert shapes == {"x2h/W": (3, 20), "x2h/b": (20,), "h2h/W": (5, 20)}


def test_in_size_makes_all_weights_at_once(step):
    shapes = {n: p.shape for n, p in step.LSTM(5, in_size=3).named_params().items()}
    assert shapes == {"x2h/W": (3, 20), "x2h/b": (20,), "h2h/W": (5, 20)}


def test_reset_state_begins_a_new_sequence(step):
    layer, _ = recorded_layer(step.LSTM, RECORD)
    assert (layer.h, layer.c) == (None, None)
    first = [layer(x).data for x in X]
    assert not np.allclose(layer(X[0]).data, first[0])
    layer.reset_state()
    assert (layer.h, layer.c) == (None, None)
    for x, h in zip(X, first):
        np.testing.assert_array_equal(layer(x).data, h)


@pytest.mark.parametrize("n", [1, 3])
def test_another_batch_size_is_refused_until_the_state_is_reset(step, n):
    layer, _ = recorded_layer(step.LSTM, RECORD)
    h = layer(X[0])
    with pytest.raises(ValueError, match=rf"LSTM.* {N} .* {n}.*reset_state"):
        layer(normal(n, D))
    assert layer.h is h
    layer.reset_state()
    assert layer(normal(n, D)).shape == (n, H)


def test_the_state_is_cut_with_the_graph(step):
    layer, watches, most = step.LSTM(2, in_size=1), [], 0
    optimizer = step.SGD(0.01).setup(layer)
    gc.collect()
    gc.disable()
    try:
        loss = 0.0
        for i in range(1, 301):
            h = layer(np.full((1, 1), np.sin(i), np.float32))
            watches += [weakref.ref(h), weakref.ref(layer.c)]
            loss = loss + (h * h).sum()
            if i % 30 == 0:
                alive = [watch for watch in watches if watch() is not None]
                most, watches = np.maximum(most, len(alive)), alive
                layer.cleargrads()
                loss.backward()
                loss.unchain_backward()
                optimizer.update()
                loss = 0.0
    finally:
        gc.enable()
    assert 30 < most <= 64


def test_an_lstm_runs_where_its_input_is(step, monkeypatch):
    cupy = cupy_stand_in.install(monkeypatch)
    layer, weights = recorded_layer(step.LSTM, RECORD)
    layer.to_gpu()
    xs = [step.Variable(cupy.array(x)) for x in X]
    for x, h in zip(xs, RECORD["h"]):
        found = layer(x).data
        assert type(found) is cupy.ndarray
        close(found.get(), h)


# --- embed_id and EmbedID ---


def test_embed_id_has_the_recorded_gradients(step):
    expected = reference("embed_id(ids, W)")
    ids = np.array([[2, 0, 2, 2, 1], [1, 2, 2, 0, 2]])
    W = step.Variable(expected["inputs"][0])
    y = step.embed_id(ids, W)
    close(y, expected["value"])
    y.grad = expected["cotangent"]
    y.backward(create_graph=True)
    gW = W.grad
    close(gW, expected["gradients"][0])
    W.cleargrad()
    (gW * gW).sum().backward()  # W has no say in its own gradient
    assert W.grad is None


@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (2, 1, 3), (0,)])
def test_the_ids_may_have_any_shape(step, shape):
    W = normal(5, 4)
    ids = np.random.default_rng(0).integers(0, 5, shape)
    y = step.embed_id(ids, W)
    assert y.shape == (*shape, 4)
    close(y, W[ids])


def test_the_ids_may_be_a_variable_and_get_no_gradient(step):
    ids, W = step.Variable(np.array([4, 0], np.uint8)), var(step, normal(5, 4))
    y = step.embed_id(ids, W)
    y.grad = normal(2, 4)
    y.backward()
    assert ids.grad is None
    expected = np.zeros((5, 4))
    expected[[4, 0]] = normal(2, 4)
    close(W.grad, expected)


@pytest.mark.parametrize("ids", [[-1, 0], [0, 5], [0, 100]])
def test_ids_out_of_range_are_refused(step, ids):
    with pytest.raises(ValueError, match=rf"0 to 4.*{ids[0]} to {ids[1]}"):
        step.embed_id(np.array(ids), normal(5, 4))


@pytest.mark.parametrize("dtype", [float, np.float32, bool])
def test_ids_that_are_no_integers_are_refused(step, dtype):
    with pytest.raises(TypeError, match=np.dtype(dtype).name):
        step.embed_id(np.array([0, 1], dtype), normal(5, 4))


def test_an_embedding_is_learned_row_by_row(step):
    layer = step.EmbedID(5, 4)
    before = layer.W.data.copy()
    y = layer(np.array([3, 1, 3]))
    close(y, before[[3, 1, 3]])
    y.sum().backward()
    step.SGD(1.0).setup(layer).update()
    change = np.array([[0], [-1], [0], [-2], [0]]) * np.ones((5, 4))
    np.testing.assert_allclose(layer.W.data - before, change, atol=1e-6)


def test_the_rows_start_from_random_numbers_as_far_from_0_as_1(step):
    W = step.EmbedID(100, 40).W
    assert (W.shape, W.dtype, W.name) == ((100, 40), np.float32, "W")
    assert isinstance(W, step.Parameter)
    assert W.data.std() == pytest.approx(1, rel=0.1)
    assert abs(W.data.mean()) < 0.1
    assert step.EmbedID(2, 3, dtype=np.float64).W.dtype == np.float64
    assert [*step.EmbedID(2, 3).named_params()] == ["W"]


# --- Shakespeare ---


TEXT = "To be, or not to be:\nthat is the café.\n"


def serve(step, monkeypatch, tmp_path):
    """Let the text be downloaded into an empty cache; returns the paths of both."""
    source, content = tmp_path / "input.txt", TEXT.encode()
    source.write_bytes(content)
    monkeypatch.setattr(step.Shakespeare, "URL", source.as_uri())
    monkeypatch.setattr(step.Shakespeare, "SHA256", hashlib.sha256(content).hexdigest())
    monkeypatch.setenv("SIXTY_STEPS_CACHE", str(tmp_path / "cache"))
    return source, tmp_path / "cache" / "shakespeare.txt"


def test_a_letter_is_followed_by_the_next(step, monkeypatch, tmp_path):
    serve(step, monkeypatch, tmp_path)
    data = step.Shakespeare()
    assert len(data) == len(TEXT) - 1
    assert data.data.dtype.kind == data.label.dtype.kind == "i"
    for ids, letters in ((data.data, TEXT[:-1]), (data.label, TEXT[1:])):
        assert "".join(data.id_to_char[i] for i in ids.tolist()) == letters
        assert [data.char_to_id[char] for char in letters] == ids.tolist()
    assert [*data.id_to_char.items()] == [*enumerate(sorted(set(TEXT)))]
    assert [*data.char_to_id] == sorted(set(TEXT))


def test_the_text_goes_through_an_embedding_and_an_lstm(step, monkeypatch, tmp_path):
    serve(step, monkeypatch, tmp_path)
    data = step.Shakespeare()
    model = step.Sequential(
        step.EmbedID(len(data.id_to_char), 3), step.LSTM(4), step.Linear(5)
    )
    for x, t in step.SeqDataLoader(data, 4):
        assert (x.shape, t.shape) == ((4,), (4,))
        y = model(x)
        assert y.shape == (4, 5)
    y.sum().backward()
    assert all(param.grad is not None for param in model.params())


def test_the_text_is_downloaded_once_and_checked(step, monkeypatch, tmp_path):
    source, cached = serve(step, monkeypatch, tmp_path)
    step.Shakespeare()
    assert cached.read_bytes() == TEXT.encode()
    source.unlink()
    step.Shakespeare(train=False)
    cached.write_bytes(TEXT.encode()[:-1])
    with pytest.raises(ConnectionError, match="input.txt"):
        step.Shakespeare()


def test_where_the_text_comes_from(step):
    assert step.Shakespeare.URL.startswith("https://")
    assert step.Shakespeare.SHA256[:8] == "86c4e6aa"


@pytest.mark.parametrize("shapes", [((3, 8), (1, 2)), ((3, 5), (3, 1)), ((8,), (2,))])
def test_a_cell_refuses_shapes_that_do_not_fit(step, shapes):
    with pytest.raises(ValueError):
        step.lstm_cell(*map(np.ones, shapes))


def test_options_of_layers_come_by_name(step):
    with pytest.raises(TypeError, match="positional"):
        step.LSTM(10, 20)
    with pytest.raises(TypeError, match="positional"):
        step.EmbedID(10, 20, 0)


@pytest.mark.parametrize("names", ["h", "c", "hc"])
def test_h_and_c_can_be_unchained_one_by_one(step, names):
    def gradients(cut):
        np.random.seed(0)
        layer = step.LSTM(2, in_size=1)
        layer(np.ones((1, 1), np.float32))
        for name in names:
            cut(layer, name)
        step.sum(layer(np.ones((1, 1), np.float32))).backward()
        return [param.grad.data for param in layer.params()]

    def replace(layer, name):
        setattr(layer, name, step.Variable(getattr(layer, name).data.copy()))

    cut = gradients(lambda layer, name: getattr(layer, name).unchain())
    for found, expected in zip(cut, gradients(replace)):
        np.testing.assert_allclose(found, expected, rtol=1e-5)
