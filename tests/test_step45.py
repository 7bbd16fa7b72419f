"""Step 45: layers in layers, and models made of them."""

import copy
import random
from pathlib import Path

import numpy as np
import pytest


@pytest.fixture(autouse=True)
def global_generator():
    """NumPy's global generator starts from 0, and is given back as it was."""
    state = np.random.get_state()
    np.random.seed(0)
    yield
    np.random.set_state(state)


def same(params, expected):
    """True if two lists hold the same objects in the same order."""
    return [id(p) for p in params] == [id(p) for p in expected]


def inputs(*shape, dtype=np.float32):
    return np.random.default_rng(1).standard_normal(shape).astype(dtype)


def names(layer):
    return list(layer.named_params())


def linears(step, count):
    return [step.Linear(2, in_size=2) for _ in range(count)]


# --- parameters by name ---


def test_a_layer_names_its_own_parameters(step):
    layer = step.Linear(2)
    assert type(layer.named_params()) is dict
    assert names(layer) == ["W", "b"]
    assert same(layer.named_params().values(), [layer.W, layer.b])


def test_layers_may_be_attributes(step):
    l1, l2 = linears(step, 2)
    model = step.Layer()
    model.l1, model.scale, model.l2 = l1, step.Parameter(np.ones(1)), l2
    assert names(model) == ["l1/W", "l1/b", "scale", "l2/W", "l2/b"]
    params = [l1.W, l1.b, model.scale, l2.W, l2.b]
    assert same(model.named_params().values(), params)
    assert same(model.params(), params)


@pytest.mark.parametrize("kind", [list, tuple])
def test_layers_may_be_in_lists_and_tuples(step, kind):
    l0, l1 = linears(step, 2)
    model = step.Layer()
    model.layers = kind([l0, np.tanh, "text", l1])
    assert names(model) == ["layers/0/W", "layers/0/b", "layers/3/W", "layers/3/b"]
    assert same(model.params(), [l0.W, l0.b, l1.W, l1.b])


def test_layers_may_be_in_dicts(step):
    l0, l1 = linears(step, 2)
    model = step.Layer()
    model.parts = {"up": l0, "size": 3, 7: l1}
    assert names(model) == ["parts/up/W", "parts/up/b", "parts/7/W", "parts/7/b"]
    assert same(model.params(), [l0.W, l0.b, l1.W, l1.b])


def test_all_of_them_may_be_nested(step):
    l0, l1, l2 = linears(step, 3)
    inner, model = step.Layer(), step.Layer()
    inner.rows = [(l0,), {"a": [l1]}]
    model.inner, model.rest = inner, {"b": ({"c": l2},)}
    expected = ["inner/rows/0/0/", "inner/rows/1/a/0/", "rest/b/0/c/"]
    assert names(model) == [place + name for place in expected for name in "Wb"]
    assert same(model.params(), [l0.W, l0.b, l1.W, l1.b, l2.W, l2.b])


def test_parameters_may_be_in_lists_too(step):
    p0, p1 = step.Parameter(np.ones(1)), step.Parameter(np.ones(1))
    model = step.Layer()
    model.weights = [p0, {"last": p1}]
    assert names(model) == ["weights/0", "weights/1/last"]
    assert same(model.params(), [p0, p1])


def test_deep_trees_are_walked_to_the_end(step):
    top = model = step.Layer()
    for _ in range(20):
        model.inner = step.Layer()
        model = model.inner
    model.p = step.Parameter(np.ones(1))
    assert names(top) == ["inner/" * 20 + "p"]


def test_what_is_no_layer_and_no_parameter_has_no_name(step):
    model = step.Layer()
    model.size, model.text, model.nothing = 3, "W", None
    model.x, model.array = step.Variable(np.ones(2)), np.ones(2)
    model.lists = [[], (), {}, [1, "W"]]
    assert model.named_params() == {}
    assert model.params() == []


def test_a_set_is_not_searched(step):
    model = step.Layer()
    model.layers = {*linears(step, 2)}
    assert names(model) == []


# --- once each ---


def test_a_shared_layer_counts_once_under_its_first_name(step):
    shared, other = linears(step, 2)
    model = step.Layer()
    model.a, model.b, model.c = shared, [other, shared], shared
    assert names(model) == ["a/W", "a/b", "b/0/W", "b/0/b"]
    assert same(model.params(), [shared.W, shared.b, other.W, other.b])


def test_a_shared_parameter_counts_once(step):
    l0, l1 = linears(step, 2)
    l1.W = l0.W
    model = step.Layer()
    model.l0, model.l1 = l0, l1
    assert names(model) == ["l0/W", "l0/b", "l1/b"]


def test_equal_layers_are_two_layers(step):
    l0, l1 = linears(step, 2)
    l1.W.data = l0.W.data
    model = step.Layer()
    model.layers = [l0, l1]
    assert len(model.params()) == 4


def test_a_layer_that_holds_itself_is_walked_through_once(step):
    parent, child = step.Layer(), step.Linear(2)
    parent.child, child.parent = child, parent
    parent.itself = [parent]
    assert names(parent) == ["child/W", "child/b"]
    assert names(child) == ["W", "b"]


def test_the_order_is_that_of_the_attributes(step):
    layers = linears(step, 30)
    places = [f"place{i}" for i in range(30)]
    random.Random(1).shuffle(layers)
    random.Random(2).shuffle(places)
    model = step.Layer()
    for place, layer in zip(places, layers):
        setattr(model, place, layer)
    assert names(model) == [f"{place}/{name}" for place in places for name in "Wb"]
    assert same(model.params(), [p for layer in layers for p in (layer.W, layer.b)])


def test_named_params_looks_anew_at_each_call(step):
    model = step.Layer()
    model.layers = linears(step, 1)
    assert len(model.params()) == 2
    model.layers[0].b = None
    model.layers += linears(step, 1)
    assert names(model) == ["layers/0/W", "layers/1/W", "layers/1/b"]
    model.layers = None
    assert names(model) == []
    assert model.params() == []


# --- which of them are learned ---


def test_params_has_the_frozen_ones_too(step):
    model = step.Layer()
    model.l0, model.l1 = linears(step, 2)
    for flag in (False, True):  # so that what was frozen can be thawed again
        for param in model.params():
            param.requires_grad = flag
    assert names(model) == ["l0/W", "l0/b", "l1/W", "l1/b"]
    assert type(model.params()) is list
    assert all(param.requires_grad for param in model.named_params().values())


def test_parameters_without_data_are_found_as_well(step):
    model = step.Layer()
    model.l0 = step.Linear(3)
    assert names(model) == ["l0/W", "l0/b"]
    assert model.params()[0].data is None


def test_cleargrads_reaches_all_of_them(step):
    model = step.Sequential(step.Linear(3), step.MLP((3, 2)), step.Linear(1))
    model(inputs(4, 2)).backward()
    assert len(model.params()) == 8
    assert all(param.grad is not None for param in model.params())
    model.cleargrads()
    assert all(param.grad is None for param in model.params())


# --- Model ---


def test_models_are_layers(step):
    assert issubclass(step.Model, step.Layer)
    assert issubclass(step.Sequential, step.Model)
    assert issubclass(step.MLP, step.Model)
    with pytest.raises(NotImplementedError, match="Model"):
        step.Model()(inputs(1, 1))


def two_inputs(step):
    """A Model of two inputs."""

    class Both(step.Model):
        def __init__(self):
            self.layer = step.Linear(3)

        def forward(self, x0, x1):
            return self.layer(x0) * x1

    return Both()


def test_plot_draws_the_graph_of_a_call(step, monkeypatch):
    drawn = []

    def draw(output, verbose=True, to_file="?"):
        drawn.append((step.get_dot_graph(output, verbose), verbose, to_file))
        return "the path"

    monkeypatch.setattr(step, "plot_dot_graph", draw)
    model = two_inputs(step)
    x0, x1 = step.Variable(inputs(5, 2)), step.Variable(inputs(5, 3))
    x0.name = "first"
    assert model.plot(x0, x1, to_file="out/both.png") == "the path"
    model.plot(x0, x1)
    (text, verbose, to_file), (_, _, default) = drawn
    assert verbose is True
    assert (to_file, default) == ("out/both.png", "out/model.svg")
    for label in ("Affine", "Mul", "first: (5, 2) float32", "W: (2, 3) float32"):
        assert label in text


def test_plot_returns_the_path_of_the_picture(step, tmp_path):
    path = step.MLP((3, 1)).plot(inputs(5, 2), to_file=str(tmp_path / "a" / "mlp.svg"))
    path = Path(path)
    assert path.parent == tmp_path / "a"
    assert path.stem == "mlp"
    assert path.stat().st_size > 100


# --- Sequential ---


def test_sequential_calls_one_after_the_other(step):
    l0, l1 = step.Linear(3), step.Linear(2)
    model = step.Sequential(l0, step.relu, lambda x: x * 2, l1)
    x = inputs(5, 4)
    y = model(x)
    assert type(y) is step.Variable
    np.testing.assert_array_equal(y.data, l1(step.relu(l0(x)) * 2).data)
    assert names(model) == ["l0/W", "l0/b", "l3/W", "l3/b"]
    assert same(model.params(), [l0.W, l0.b, l1.W, l1.b])


def test_the_layers_of_sequential_are_its_attributes(step):
    l0, l1 = step.Linear(3), step.Linear(2)
    model = step.Sequential(l0, step.tanh, l1)
    assert model.l0 is l0 and model.l1 is step.tanh and model.l2 is l1


def test_sequential_in_sequential(step):
    """The names of parameters lead from layer to layer."""
    model = step.Sequential(step.Sequential(step.Linear(3)), step.Linear(2))
    assert model(inputs(5, 4)).shape == (5, 2)
    assert names(model) == ["l0/l0/W", "l0/l0/b", "l1/W", "l1/b"]


def test_a_layer_that_stands_twice_in_sequential(step):
    twice = step.Linear(3, in_size=3)
    model = step.Sequential(twice, step.sigmoid, twice)
    x = inputs(5, 3)
    expected = twice(step.sigmoid(twice(x)))
    np.testing.assert_array_equal(model(x).data, expected.data)
    assert names(model) == ["l0/W", "l0/b"]


# --- MLP ---


def by_hand(x, model, activation, count):
    """What an MLP makes of x, in plain NumPy."""
    for i in range(count):
        layer = getattr(model, f"l{i}")
        x = x @ layer.W.data + layer.b.data
        if i + 1 < count:
            x = activation(x)
    return x


def test_mlp_has_a_linear_for_each_size(step):
    model = step.MLP((7, 5, 2))
    assert names(model) == ["l0/W", "l0/b", "l1/W", "l1/b", "l2/W", "l2/b"]
    model(inputs(6, 3))
    shapes = [param.shape for param in model.params()]
    assert shapes == [(3, 7), (7,), (7, 5), (5,), (5, 2), (2,)]
    assert all(param.dtype == np.float32 for param in model.params())
    assert type(model.l2) is step.Linear


@pytest.mark.parametrize("sizes", [(2,), (4, 2), [7, 5, 2]], ids=str)
def test_mlp_has_a_sigmoid_between_its_layers(step, sizes):
    model = step.MLP(sizes)
    x = inputs(6, 3)
    y = model(x).data
    expected = by_hand(x, model, lambda a: 1 / (1 + np.exp(-a)), len(sizes))
    np.testing.assert_allclose(y, expected, rtol=1e-4, atol=1e-6)
    assert y.dtype == np.float32


def test_mlp_has_another_activation_if_asked_for(step):
    x = inputs(6, 3)
    for model in (step.MLP((4, 4, 2), activation=step.relu),):
        y = model(x).data
        expected = by_hand(x, model, lambda a: np.maximum(a, 0), 3)
        np.testing.assert_allclose(y, expected, rtol=1e-4, atol=1e-6)
        assert np.any(y < 0), "there is no activation behind the last layer"


def test_the_layers_of_a_deep_mlp_stay_in_order(step):
    model = step.MLP([3] * 12)
    assert names(model) == [f"l{i}/{name}" for i in range(12) for name in "Wb"]


def points():
    """Points around y = sin(2 pi x), x and y (100, 1)."""
    rng = np.random.default_rng(0)
    x = rng.random((100, 1))
    return x, np.sin(2 * np.pi * x) + 0.1 * rng.standard_normal((100, 1))


def losses(step, predict, params, cleargrads, count):
    """The losses of some steps of gradient descent."""
    x, y = (array.astype(np.float32) for array in points())
    for _ in range(count):
        loss = step.mean_squared_error(predict(x), y)
        cleargrads()
        loss.backward()
        for param in params():
            param.data = param.data - 0.15 * param.grad.data
        yield float(loss.data)


def test_mlp_learns_as_its_layers_do_by_themselves(step):
    l0, l1 = step.Linear(10), step.Linear(1)

    def predict(x):
        return l1(step.sigmoid(l0(x)))

    def params():
        return [l0.W, l0.b, l1.W, l1.b]

    def cleargrads():
        for param in params():
            param.cleargrad()

    expected = list(losses(step, predict, params, cleargrads, 10))
    for make in (
        lambda: step.MLP((10, 1)),
        lambda: step.Sequential(step.Linear(10), step.sigmoid, step.Linear(1)),
    ):
        np.random.seed(0)
        model = make()
        found = list(losses(step, model, model.params, model.cleargrads, 10))
        np.testing.assert_allclose(found, expected, rtol=1e-5)
        assert found[-1] < found[0]


def test_mlp_fits_what_a_line_cannot(step):
    x, y = (array.astype(np.float32) for array in points())
    model = step.MLP((20, 1), activation=step.tanh)
    *_, last = losses(step, model, model.params, model.cleargrads, 600)
    line = np.polyval(np.polyfit(x[:, 0], y[:, 0], 1), x)
    assert np.sum((line - y) ** 2) / 100 > 0.2
    assert last < 0.1


def test_what_is_no_layer_does_not_replace_a_layer(step):
    model = step.MLP((3, 2))
    before = model.l1
    for wrong in (step.relu, np.ones((3, 2)), [step.Linear(2)], step.Linear):
        with pytest.raises(TypeError, match=r"MLP\.l1 is learned.*another.*Layer"):
            model.l1 = wrong
    assert model.l1 is before
    with pytest.raises(TypeError):
        model.layers[1] = step.Linear(2)
    model.l1 = None
    assert len(model.params()) == 2


def test_gradients_of_frozen_parameters_are_cleared_as_well(step):
    layer = step.Linear(2, in_size=3)
    step.sum(layer(inputs(4, 3))).backward()
    layer.W.requires_grad = False
    layer.cleargrads()
    assert layer.W.grad is None and layer.b.grad is None


def test_a_list_of_sizes_without_brackets_is_refused(step):
    for wrong in [(784, 10), (784, 100, 10), ((4, 2), step.relu)]:
        with pytest.raises(TypeError, match="positional"):
            step.MLP(*wrong)


def test_a_layer_is_printed_with_its_parameters(step):
    assert repr(step.MLP((3,))) == "MLP(l0/W None, l0/b (3,))"
    layer = step.Sequential(step.Linear(4, nobias=True, in_size=5))
    assert repr(layer) == "Sequential(l0/W (5, 4))"
    assert repr(step.Layer()) == "Layer()"


@pytest.mark.parametrize("kind", ["Sequential", "MLP"])
def test_a_layer_can_be_replaced(step, kind):
    layers = {"Sequential": [step.Linear(4), step.Linear(2)], "MLP": [(4, 2)]}[kind]
    model = getattr(step, kind)(*layers)
    x = np.ones((3, 5), np.float32)
    assert model(x).shape == (3, 2)
    model.l1 = step.Linear(7)
    assert model(x).shape == (3, 7)
    assert model.layers == (model.l0, model.l1)
    shapes = [p.shape for p in model.params()]
    assert sorted(shapes) == [(4,), (4, 7), (5, 4), (7,)]


def test_a_function_in_a_model_may_be_called_twice(step):
    f = step.Tanh()
    model = step.Sequential(lambda x: x * 2, f, lambda x: x * 3, f)
    a, b = (step.Variable(np.array([value])) for value in (0.1, 0.2))
    step.sum(model(a) + model(b) * 10).backward()
    for x, factor in ((a, 1), (b, 10)):
        inner = np.tanh(2 * x.data)
        slope = (1 - np.tanh(3 * inner) ** 2) * 3 * (1 - inner**2) * 2
        np.testing.assert_allclose(x.grad.data, factor * slope, rtol=1e-12)


@pytest.mark.parametrize("copied", [copy.deepcopy, copy.copy])
def test_a_function_that_was_called_can_be_copied(step, copied):
    f = step.Tanh()
    y = f(step.exp(step.Variable(np.array(0.5))))
    assert copied(f).inputs is None
    assert f.inputs is y.creator.inputs
    model = step.Sequential(step.Linear(2), f)
    model(np.ones((1, 3)))
    twin = copy.deepcopy(model)
    x = np.ones((1, 3))
    np.testing.assert_array_equal(twin(x).data, model(x).data)
