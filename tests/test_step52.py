"""Step 52: the same on CuPy's arrays, here on a stand-in that refuses to mix."""

import sys

import cupy_stand_in
import numpy as np
import pytest
from function_table import CASES
from helpers import reference
from on_gpu import (
    FLOATS,
    OnGPU,
    arrays_of,
    assert_same,
    inputs_of,
    on_both,
    put,
    train,
)

KNOWN = [case for case in CASES if case.since <= 52]
TWO = [case for case in KNOWN if len(case.inputs) == 2]
MIXED = pytest.raises(TypeError, match="Unsupported type <class 'numpy.ndarray'>")
X = np.random.default_rng(0).standard_normal((6, 4)).astype(np.float32)
T = np.array([0, 2, 1, 1, 0, 2])


@pytest.fixture
def cupy(monkeypatch):
    np.random.seed(0)
    return cupy_stand_in.install(monkeypatch)


@pytest.fixture
def no_cupy(monkeypatch):
    """From here on `import cupy` is an ImportError."""
    monkeypatch.setitem(sys.modules, "cupy", None)


def cases(some):
    return pytest.mark.parametrize("case", some, ids=lambda case: case.name)


def is_on(cupy, *variables):
    """True if all arrays in the Variables are CuPy's, False if all are NumPy's."""
    (found,) = {type(x.data) is cupy.ndarray for x in variables}
    return found


# --- the backend ---


def test_a_gpu_is_available_where_cupy_finds_one(step, cupy):
    assert step.gpu_is_available() is True


def test_no_gpu_is_available_without_cupy(step, no_cupy):
    assert step.gpu_is_available() is False


def test_no_gpu_is_available_without_a_driver(step, monkeypatch):
    cupy_stand_in.install(monkeypatch, gpu=False)
    assert step.gpu_is_available() is False


def test_the_module_of_an_array_or_variable(step, cupy):
    for x in (np.ones(2), step.Variable(np.ones(2)), 1.0, None, step.Parameter(None)):
        assert step.get_array_module(x) is np
        assert step.is_on_gpu(x) is False
    for x in (cupy.ones(2), step.Variable(cupy.ones(2)), cupy.array(1.0)):
        assert step.get_array_module(x) is cupy
    assert step.is_on_gpu(cupy.ones(2)) is True


def test_as_cupy_and_as_numpy_carry_over_what_is_in_an_array(step, cupy):
    for a in (X, T, np.array(2.5), np.ones((2, 0))):
        for x in (a, step.Variable(a)):
            found = step.as_cupy(x)
            assert_same(cupy, [found], [a])
            for y in (found, step.Variable(found)):
                back = step.as_numpy(y)
                assert type(back) is np.ndarray and back.dtype == a.dtype
                np.testing.assert_array_equal(back, a)


def test_what_is_there_already_stays_itself(step, cupy):
    x = cupy.ones(2)
    assert step.as_cupy(x) is x and step.as_cupy(step.Variable(x)) is x
    assert step.as_numpy(X) is X and step.as_numpy(step.Variable(X)) is X


def test_without_cupy_all_goes_on_and_as_cupy_says_what_to_install(step, no_cupy):
    assert step.is_on_gpu(X) is False
    assert step.get_array_module(step.Variable(X)) is np
    assert step.as_numpy(X) is X
    for move in (step.as_cupy, lambda x: step.Variable(x).to_gpu()):
        with pytest.raises(RuntimeError, match="pip install cupy"):
            move(X)
    model = step.MLP((3, 3))
    step.softmax_cross_entropy(model(X), T).backward()
    assert model.l0.W.grad.shape == (4, 3)


def test_cupy_is_not_imported_by_what_runs_on_the_cpu(step, monkeypatch):
    monkeypatch.delitem(sys.modules, "cupy", raising=False)
    y = step.sum(step.Variable(X) * 2)
    y.backward()
    model = step.MLP((3, 3))
    model(X)
    model.to_cpu()
    step.as_numpy(y)
    assert "cupy" not in sys.modules


# --- Variable ---


def test_a_variable_holds_an_array_of_either_kind_and_nothing_else(step, cupy):
    x = cupy.ones(3)
    assert step.Variable(x).data is x
    assert step.as_variable(x).data is x and not step.as_variable(x).requires_grad
    assert step.Variable(None).data is None
    for strange in (1.0, [1.0], "x", cupy):
        with pytest.raises(TypeError):
            step.Variable(strange)
        if strange != 1.0:
            with pytest.raises(TypeError):
                step.as_variable(strange)


@pytest.mark.parametrize("kind", ["Variable", "Parameter"])
def test_a_variable_is_moved_there_and_back(step, cupy, kind):
    x = getattr(step, kind)(X.copy(), name="x")
    assert x.to_gpu() is None
    assert_same(cupy, [x.data], [X])
    assert (x.shape, x.ndim, x.size, x.dtype, len(x)) == ((6, 4), 2, 24, X.dtype, 6)
    assert repr(x) == repr(step.Variable(X))
    assert x.name == "x"
    on_gpu = x.data
    x.to_gpu()
    assert x.data is on_gpu
    assert x.to_cpu() is None
    assert type(x.data) is np.ndarray
    np.testing.assert_array_equal(x.data, X)


def test_what_has_no_data_yet_is_not_moved(step, cupy):
    x = step.Parameter(None)
    x.to_gpu()
    assert x.data is None
    x.to_cpu()
    assert x.data is None


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64])
@pytest.mark.parametrize("shape", [(), (2, 3)])
def test_backward_starts_with_ones_where_y_is(step, cupy, dtype, shape):
    expected = np.ones(shape, np.result_type(dtype, 0.0))
    for array in (np.array, cupy.array):
        y = step.Variable(array(np.full(shape, 5, dtype)))
        y.backward(retain_grad=True)
        assert is_on(cupy, y.grad) == is_on(cupy, y)
        np.testing.assert_array_equal(step.as_numpy(y.grad), expected, strict=True)


# --- functions ---


@cases(KNOWN)
def test_every_function_gives_the_same_numbers_to_order_2(step, cupy, case):
    for dtype in FLOATS:
        expected, found = on_both(step, cupy, case.call, inputs_of(case, dtype))
        assert_same(cupy, found, expected)


@cases(KNOWN)
def test_without_a_graph_the_gradients_are_the_same_too(step, cupy, case):
    recorded = reference(case.name)
    found = []
    for array in (np.array, cupy.array):
        xs = [step.Variable(array(x)) for x in recorded["inputs"]]
        F = step if array is np.array else OnGPU(step, cupy)
        y = case.call(F, *xs)
        y.grad = step.Variable(array(recorded["cotangent"]))
        y.backward()
        found.append([x.grad.data for x in xs])
    assert_same(cupy, found[1], found[0])
    for x, gx in zip(found[0], recorded["gradients"]):
        np.testing.assert_allclose(x, gx, rtol=1e-11, atol=1e-13)


@cases(TWO)
@pytest.mark.parametrize("on_gpu", [0, 1], ids=["left", "right"])
def test_mixed_operands_are_refused(step, cupy, case, on_gpu):
    xs = [step.Variable(x) for x in reference(case.name)["inputs"]]
    xs[on_gpu].to_gpu()
    with pytest.raises(TypeError):
        case.call(step, *xs)


def test_an_array_of_the_other_kind_is_no_constant(step, cupy):
    x, a = step.Variable(cupy.array(X)), X.copy()
    for f in (
        lambda: x + a,
        lambda: a + x,
        lambda: a * x,
        lambda: x / a,
        lambda: a - x,
    ):
        with MIXED:
            f()
    x, a = step.Variable(X), cupy.array(X)
    for f in (
        lambda: x + a,
        lambda: a + x,
        lambda: a * x,
        lambda: x / a,
        lambda: a - x,
    ):
        with MIXED:
            f()


def test_an_array_of_the_same_kind_is_a_constant(step, cupy):
    x, a = step.Variable(cupy.array(X)), cupy.array(X)
    for f in (lambda x, a: x + a, lambda x, a: a - x, lambda x, a: a * x):
        y = f(x, a)
        assert type(y) is step.Variable
        assert_same(cupy, [y.data], [f(X, X)])


NUMBERS = [3, 2.5, True, np.float32(2.5), np.float64(2.5), np.int64(3)]


@pytest.mark.parametrize("c", NUMBERS, ids=repr)
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64])
@pytest.mark.parametrize(
    "f",
    [lambda x, c: x + c, lambda x, c: c - x, lambda x, c: x * c, lambda x, c: x / c],
    ids=["x + c", "c - x", "x * c", "x / c"],
)
def test_a_number_goes_where_the_variable_is(step, cupy, c, dtype, f):
    expected, found = [], []
    for array, results in ((np.array, expected), (cupy.array, found)):
        x = step.Variable(array(np.array([[1, 2, 3]], dtype)))
        y = f(x, c)
        y.backward()
        results += [y.data, x.grad.data]
    assert_same(cupy, found, expected)


def test_a_number_between_two_variables_goes_where_they_are(step, cupy):
    class Mixed(step.Function):
        def forward(self, x0, c, x1):
            return x0 * c + x1

        def backward(self, gy):
            _, c, _ = self.inputs
            return gy * c, None, gy

    x0, x1 = (step.Variable(cupy.array(a)) for a in (X, X + 1))
    y = Mixed()(x0, 2.0, x1)
    assert_same(cupy, [y.data], [X * np.float32(2) + X + 1])
    y.backward()
    assert_same(cupy, [x0.grad.data], [np.full_like(X, 2)])


def test_labels_and_targets_may_be_on_the_gpu(step, cupy):
    def softmax(x, t):
        return step.softmax_cross_entropy(x, t)

    def simple(x, t):
        return step.softmax_cross_entropy_simple(x, t)

    def sigmoid(x, t):
        return step.sigmoid_cross_entropy(x[:, 0], t / 2)

    for f in (softmax, simple, sigmoid):
        x0, x1 = step.Variable(X.copy()), step.Variable(cupy.array(X))
        y0, y1 = f(x0, T), f(x1, cupy.array(T))
        y0.backward(), y1.backward()
        assert_same(cupy, [y1.data, x1.grad.data], [y0.data, x0.grad.data])
    found = step.accuracy(step.Variable(cupy.array(X)), cupy.array(T))
    assert_same(cupy, [found.data], [step.accuracy(X, T).data])


def test_wrong_labels_are_refused_on_the_gpu_too(step, cupy):
    x = cupy.array(X)
    with pytest.raises(ValueError, match="4"):
        step.softmax_cross_entropy(x, cupy.array([0, 1, 2, 4, 0, 1]))
    with pytest.raises(ValueError, match=r"\(3,\)"):
        step.softmax_cross_entropy(x, cupy.array([0, 1, 2]))


INDICES = {
    "an integer array": np.array([[0, 2], [2, 2]]),
    "two": (np.array([0, 5, 0]), np.array([1, 1, 1])),
    "a mask": X > 0,
    "a slice and an array": (slice(1, 5, 2), np.array([3, 3])),
    "plain": (..., None, 2),
}


@pytest.mark.parametrize("index", INDICES.values(), ids=INDICES)
def test_an_index_may_be_on_the_gpu(step, cupy, index):
    def moved(i):
        if isinstance(i, tuple):
            return tuple(map(moved, i))
        return cupy.array(i) if isinstance(i, np.ndarray) else i

    x0, x1 = step.Variable(X.copy()), step.Variable(cupy.array(X))
    y0, y1 = x0[index], x1[moved(index)]
    gy = np.random.default_rng(0).standard_normal(y0.shape).astype(X.dtype)
    y0.grad, y1.grad = step.Variable(gy), step.Variable(cupy.array(gy))
    y0.backward(), y1.backward()
    assert_same(cupy, [y1.data, x1.grad.data], [y0.data, x0.grad.data])


# --- layers, optimizers, training ---


class Nested:
    """A layer with parameters at all the places where they may be."""

    def __new__(cls, step):
        layer = step.Layer()
        layer.first = step.Linear(3, in_size=4)
        layer.parts = [step.Linear(2, in_size=3), {"last": step.Linear(1, in_size=2)}]
        layer.free = step.Parameter(np.ones(2), name="free")
        layer.frozen = step.Parameter(np.ones(2), name="frozen")
        layer.frozen.requires_grad = False
        layer.later = step.Parameter(None)
        return layer


def test_a_layer_is_moved_with_all_that_is_in_it(step, cupy):
    layer = Nested(step)
    named = layer.named_params()
    expected = {name: p.data for name, p in named.items() if p.data is not None}
    assert len(expected) == 8
    assert layer.to_gpu() is None
    assert layer.later.data is None
    for name, a in expected.items():
        assert_same(cupy, [named[name].data], [a])
    assert layer.to_cpu() is None
    for name, a in expected.items():
        np.testing.assert_array_equal(named[name].data, a, strict=True)
        assert layer.named_params()[name] is named[name]


@pytest.mark.parametrize("dtype", FLOATS)
def test_a_linear_layer_makes_its_weights_where_x_is(step, cupy, dtype):
    cupy.random.seed(0)
    layer = step.Linear(200, dtype=dtype)
    layer.to_gpu()
    y = layer(cupy.array(np.ones((2, 3, 100), dtype)))
    assert is_on(cupy, y, layer.W, layer.b)
    assert (layer.W.shape, layer.W.dtype, y.dtype) == ((100, 200), dtype, dtype)
    W = layer.W.data.get()
    assert abs(W.std() - 0.1) < 0.005 and abs(W.mean()) < 0.005
    y.backward()
    assert is_on(cupy, layer.W.grad, layer.b.grad)


def test_on_the_cpu_the_weights_are_drawn_as_before(step, cupy):
    np.random.seed(7)
    layer, sized = step.Linear(3), step.Linear(2, in_size=4)
    layer(X)
    np.random.seed(7)
    expected = [(np.random.randn(4, n) * 0.5).astype(np.float32) for n in (2, 3)]
    np.testing.assert_array_equal(sized.W.data, expected[0], strict=True)
    np.testing.assert_array_equal(layer.W.data, expected[1], strict=True)


def models(step):
    return {
        "Linear": step.Linear(3),
        "Linear, no bias": step.Linear(3, nobias=True),
        "MLP": step.MLP((5, 3)),
        "relu": step.MLP((5, 5, 3), activation=step.relu),
        "Sequential": step.Sequential(step.Linear(5), step.tanh, step.Linear(3)),
    }


NAMES = ["Linear", "Linear, no bias", "MLP", "relu", "Sequential"]


@pytest.mark.parametrize("name", NAMES)
def test_a_model_gives_the_same_on_both(step, cupy, name):
    model = models(step)[name]
    model(X)
    start = arrays_of(model)
    found = []
    for x, t in ((X, T), (cupy.array(X), cupy.array(T))):
        loss = step.softmax_cross_entropy(model(x), t)
        loss.backward()
        found.append([loss.data, *(p.grad.data for p in model.params())])
        model.cleargrads()
        model.to_gpu()
    assert_same(cupy, found[1], found[0])
    assert_same(cupy, [p.data for p in model.named_params().values()], start.values())


def test_a_model_and_its_input_must_be_in_one_place(step, cupy):
    model = step.MLP((5, 3))
    model(X)
    with MIXED:
        model(cupy.array(X))
    model.to_gpu()
    with MIXED:
        model(X)


OPTIMIZERS = ["SGD", "MomentumSGD", "AdaGrad", "AdaDelta", "Adam", "AdamW"]


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_an_optimizer_with_a_hook_does_the_same(step, cupy, name):
    model = step.MLP((5, 3))
    model(X)
    start, runs = arrays_of(model), []
    for array in (np.array, cupy.array):
        put(model, start, array)
        optimizer = getattr(step, name)().setup(model)
        optimizer.add_hook(step.WeightDecay(0.1))
        batches = [(array(X), array(T))] * 5
        losses = train(model, optimizer, batches, step.softmax_cross_entropy)
        runs.append(([p.data for p in model.params()], losses))
    (expected, losses), (found, same_losses) = runs
    assert_same(cupy, found, expected)
    np.testing.assert_allclose(same_losses, losses, rtol=1e-6)
    assert all(np.any(a != b) for a, b in zip(expected, start.values()))


def test_weights_replaced_since_forward_are_noticed_on_the_gpu(step, cupy):
    model = step.Linear(3, in_size=4)
    model.to_gpu()
    optimizer = step.SGD().setup(model)
    first = step.sum(model(cupy.array(X)))
    second = step.sum(model(cupy.array(X)) ** 2)
    first.backward()
    optimizer.update()
    second.backward()
    with pytest.raises(RuntimeError, match="replaced"):
        second.backward(create_graph=True)


class Examples:
    """A data set of 10 examples: x of 4 numbers, a label from 0 to 2."""

    def __len__(self):
        return 10

    def __getitem__(self, i):
        return np.full(4, i, np.float32), i % 3


def batches(loader):
    return [(x, t) for x, t in loader]


@pytest.mark.parametrize("shuffle", [True, False])
def test_a_loader_gives_the_same_batches_on_the_gpu(step, cupy, shuffle):
    expected = batches(step.DataLoader(Examples(), 4, shuffle, seed=5))
    found = batches(step.DataLoader(Examples(), 4, shuffle, gpu=True, seed=5))
    assert [x.shape for x, _ in expected] == [(4, 4), (4, 4), (2, 4)]
    for pair, host_pair in zip(found, expected):
        assert_same(cupy, pair, host_pair)
    assert batches(step.DataLoader(Examples(), 4, shuffle, True))[0][0].dtype == "f4"


def test_a_loader_gives_numpys_arrays_if_nothing_else_is_said(step, no_cupy):
    for loader in (
        step.DataLoader(Examples(), 4),
        step.DataLoader(Examples(), 4, gpu=False),
        step.DataLoader(Examples(), 4, True, False, seed=0),
    ):
        assert {type(a) for pair in loader for a in pair} == {np.ndarray}
        assert loader.shuffle is True


def test_a_loader_is_switched_at_any_time(step, cupy):
    loader = step.DataLoader(Examples(), 4, shuffle=False)
    numbers = []
    for switch in (None, loader.to_gpu, loader.to_cpu):
        if switch:
            assert switch() is None
        x, t = loader.next()
        numbers += step.as_numpy(x)[:, 0].tolist()
        on_gpu = switch == loader.to_gpu
        assert type(x) is type(t) is (cupy.ndarray if on_gpu else np.ndarray)
    assert numbers == list(range(10))


def test_training_on_the_gpu_goes_as_on_the_cpu(step, cupy):
    model = step.MLP((8, 3), activation=step.relu)
    model(X)
    start, runs = arrays_of(model), []
    for gpu in (False, True):
        put(model, start)
        if gpu:
            model.to_gpu()
        optimizer = step.Adam(0.02).setup(model)
        loader = step.DataLoader(Examples(), 4, gpu=gpu, seed=0)
        losses = []
        for _ in range(10):
            losses += train(model, optimizer, loader, step.softmax_cross_entropy)
        x, t = step.DataLoader(Examples(), 10, gpu=gpu).next()
        with step.no_grad():
            share = float(step.accuracy(model(x), t).data)
        runs.append([*losses, share])
    np.testing.assert_allclose(runs[1], runs[0], rtol=1e-5)
    assert runs[0][-2] < runs[0][0]
    model.to_cpu()
    assert model(X).shape == (6, 3)


def test_second_derivatives_of_a_model_are_the_same(step, cupy):
    model = step.MLP((5, 1))
    model(X)
    found = []
    for array in (np.array, cupy.array):
        put(model, arrays_of(model), array)
        x = step.Variable(array(X))
        step.sum(model(x)).backward(create_graph=True)
        gx = x.grad
        model.cleargrads()
        penalty = step.sum((step.sum(gx**2, axis=1) ** 0.5 - 1) ** 2)
        penalty.backward()
        found.append([penalty.data, model.l0.W.grad.data, model.l1.W.grad.data])
    assert_same(cupy, found[1], found[0])


def test_numbers_of_a_demo_are_read_off_variables_on_the_gpu(step, cupy):
    x = step.Variable(cupy.array(2.5))
    assert float(x.data) == 2.5
    assert (x > 2).item() is True
    assert repr(x) == "variable(2.5)"
    slope = step.numerical_diff(lambda x: x**2, x)
    assert float(slope) == pytest.approx(5.0)
