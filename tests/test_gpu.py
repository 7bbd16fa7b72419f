"""The whole newest step on CuPy's arrays: the same numbers as on NumPy's.

    pytest tests/test_gpu.py            on a stand-in, which refuses to mix the two
    pytest tests/test_gpu.py --gpu      on CuPy and a GPU; `make test-gpu` is the same

On a GPU sums are added up in another order, so the numbers are compared less closely.
"""

import os
import subprocess
import sys
from pathlib import Path

import cupy_stand_in
import numpy as np
import pytest
from conftest import load_step
from function_table import CASES
from on_gpu import (
    FLOATS,
    OnGPU,
    arrays_of,
    assert_same,
    host,
    inputs_of,
    on_both,
    put,
    train,
)

from tools import ledger


@pytest.fixture
def step(request):
    """The newest step there is, as a module."""
    folder = request.config.getoption("--steps-dir").resolve()
    return load_step(max(folder.glob("step[0-9][0-9].py")))


@pytest.fixture
def cupy(request, monkeypatch):
    """CuPy with --gpu, else its stand-in; both draw the same numbers in every run."""
    if request.config.getoption("--gpu"):
        import cupy
    else:
        cupy = cupy_stand_in.install(monkeypatch)
    np.random.seed(0)
    cupy.random.seed(0)
    return cupy


def cases(keep=lambda case: True):
    """Run a test on the lines of the table that are kept."""
    kept = [case for case in CASES if keep(case)]
    return pytest.mark.parametrize("case", kept, ids=lambda case: case.name)


def numbers(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def subclasses(kind):
    """The classes that are a kind of this one, directly or not."""
    return {cls for sub in kind.__subclasses__() for cls in {sub, *subclasses(sub)}}


def own(step, kind):
    """The names of the classes of a kind that the framework of the step has."""
    names = {
        cls.__name__ for cls in subclasses(kind) if cls.__module__ == step.__name__
    }
    return names & {*ledger.definitions(Path(step.__file__).read_text("utf-8"))}


def test_without_a_gpu_a_line_says_so_and_all_is_well(tmp_path):
    (tmp_path / "cupy.py").write_text("raise ImportError")
    result = subprocess.run(
        [sys.executable, "-m", "pytest", __file__, "--gpu"],
        cwd=Path(__file__).parent.parent,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0
    lines = (result.stdout + result.stderr).splitlines()
    assert lines == ["Exit: CuPy is missing or finds no GPU: nothing is tested."]


# --- functions ---


@pytest.mark.parametrize("dtype", FLOATS)
@cases()
def test_every_function_to_order_2(step, cupy, case, dtype):
    expected, found = on_both(step, cupy, case.call, inputs_of(case, dtype))
    assert_same(cupy, found, expected)


@cases()
def test_every_gradient_without_a_graph(step, cupy, case):
    found = []
    for F, array in ((step, np.array), (OnGPU(step, cupy), cupy.array)):
        xs = [step.Variable(array(x)) for x in inputs_of(case, np.float64)]
        y = case.call(F, *xs)
        y.grad = step.Variable(array(np.random.default_rng(0).random(y.shape)))
        y.backward()
        found.append([x.grad.data for x in xs])
    assert_same(cupy, found[1], found[0])


@cases(lambda case: len(case.inputs) > 1)
def test_mixed_operands_are_refused(step, cupy, case):
    for on_gpu in range(len(case.inputs)):
        xs = [step.Variable(x) for x in inputs_of(case, np.float64)]
        xs[on_gpu].to_gpu()
        with pytest.raises(TypeError):
            case.call(step, *xs)


def test_functions_of_a_simpler_make_are_the_same_too(step, cupy):
    t = np.array([1, 0, 2])
    calls = {
        "linear_simple": [numbers(3, 4), numbers(4, 2), numbers(2)],
        "mean_squared_error_simple": [numbers(3, 4), numbers(3, 4, seed=1)],
        "softmax_simple": [numbers(3, 4)],
        "conv2d_simple": [numbers(2, 3, 5, 5), numbers(4, 3, 3, 3), numbers(4)],
    }
    for name, inputs in calls.items():

        def call(F, *xs, name=name):
            y = getattr(F, name)(*xs)
            return y[0] * y[1] if isinstance(y, tuple) else y

        assert_same(cupy, *on_both(step, cupy, call, inputs)[::-1])
    for f in (
        lambda F, x: F.softmax_cross_entropy_simple(x, t),
        lambda F, x: F.pooling_simple(F.reshape(x, (1, 1, 3, 4)), 2, 1),
    ):
        assert_same(cupy, *on_both(step, cupy, f, [numbers(3, 4)])[::-1])


def test_dropout_drops_on_the_gpu(step, cupy):
    x = step.Variable(cupy.array(np.ones((100, 100), np.float32)))
    y = step.dropout(x, 0.25)
    y.backward()
    found = y.data.get()
    assert abs((found == 0).mean() - 0.25) < 0.03
    np.testing.assert_allclose(found[found != 0], 1 / 0.75, rtol=1e-6)
    assert_same(cupy, [x.grad.data], [found])
    with step.test_mode():
        assert step.dropout(x) is x


# --- layers and models ---


IDS = np.array([[0, 3, 3], [1, 2, 0]])
IMAGES = numbers(2, 3, 6, 6)
LAYERS = {  # how to make it, and what to call it on
    "Linear": (lambda L: L.Linear(3), numbers(4, 5)),
    "BatchNorm": (lambda L: L.BatchNorm(), numbers(4, 5)),
    "BatchNorm, images": (lambda L: L.BatchNorm(), IMAGES),
    "LayerNorm": (lambda L: L.LayerNorm(5), numbers(4, 5)),
    "Dropout": (lambda L: L.Dropout(), numbers(4, 5)),
    "Conv2d": (lambda L: L.Conv2d(4, 3, stride=2, pad=1), IMAGES),
    "Deconv2d": (lambda L: L.Deconv2d(4, 3, stride=2, pad=1), IMAGES),
    "RNN": (lambda L: L.RNN(3), numbers(4, 5)),
    "LSTM": (lambda L: L.LSTM(3), numbers(4, 5)),
    "EmbedID": (lambda L: L.EmbedID(4, 3), IDS),
    "Sequential": (lambda L: L.Sequential(L.Linear(4), L.tanh), numbers(4, 5)),
    "MLP": (lambda L: L.MLP((6, 3)), numbers(4, 5)),
    "Bottleneck": (lambda L: L.Bottleneck(2, 2, True), IMAGES),
    "Fire": (lambda L: L.Fire(2, 4), IMAGES),
    "SqueezeNet": (lambda L: L.SqueezeNet(), numbers(1, 3, 48, 48)),
}
LARGE = {"VGG16", "ResNet", "ResNet50", "ResNet101", "ResNet152"}  # made of the others
STATEFUL = {"RNN", "LSTM"}
every_layer = pytest.mark.parametrize("name", LAYERS)


def test_no_layer_is_left_out(step):
    assert own(step, step.Layer) <= {"Model", *LAYERS, *LARGE}


def answers(step, layer, x, calls):
    """The outputs of a few calls, and the gradients of the input and the parameters."""
    if hasattr(layer, "reset_state"):
        layer.reset_state()
    x = step.Variable(x)
    ys = [layer(x) for _ in range(calls)]
    total = sum((step.sum(y * y) for y in ys[1:]), step.sum(ys[0] * ys[0]))
    layer.cleargrads()
    total.backward()
    found = [y.data for y in ys] + [p.grad.data for p in layer.params()]
    return found + ([] if x.grad is None else [x.grad.data])


MODES = [(name, train) for name in LAYERS for train in (True, False)]
for dropping in ("Dropout", "SqueezeNet"):
    MODES.remove((dropping, True))  # other numbers are drawn on a GPU


@pytest.mark.parametrize("name, train", MODES)
def test_every_layer(step, cupy, name, train):
    make, x = LAYERS[name]
    calls = 3 if name in STATEFUL else 1
    layer, found = make(step), []
    layer(x)
    start = arrays_of(layer)
    with step.using_config("train", train):
        for array in (np.array, cupy.array):
            put(layer, start, array)
            results = answers(step, layer, array(x), calls)
            found.append([*results, *(p.data for p in layer.named_params().values())])
    assert_same(cupy, found[1], found[0], accuracy=1e-4)


@every_layer
def test_every_layer_makes_its_parameters_where_x_is(step, cupy, name):
    make, x = LAYERS[name]
    layer = make(step)
    layer.to_gpu()
    for _ in range(3):  # a state is in use from the second call on
        y = layer(cupy.array(x))
    y.backward()
    assert type(y.data) is cupy.ndarray
    for param in layer.named_params().values():
        assert type(param.data) is cupy.ndarray and param.dtype == np.float32
    for param in layer.params():
        assert type(param.grad.data) is cupy.ndarray
    layer.to_cpu()
    if name in STATEFUL:
        layer.reset_state()
    assert type(layer(x).data) is np.ndarray


@every_layer
def test_weights_are_saved_from_and_loaded_onto_a_gpu(step, cupy, name, tmp_path):
    make, x = LAYERS[name]
    layer, twin, on_cpu = (make(step) for _ in range(3))
    layer.to_gpu(), twin.to_gpu()
    layer(cupy.array(x)), twin(cupy.array(x)), on_cpu(x)
    layer.save_weights(tmp_path / "weights.npz")
    for other in (twin, on_cpu):
        other.load_weights(tmp_path / "weights.npz")
    expected = arrays_of(layer)
    assert_same(cupy, [p.data for p in twin.named_params().values()], expected.values())
    for param, a in zip(on_cpu.named_params().values(), expected.values()):
        np.testing.assert_array_equal(param.data, a, strict=True)


# --- optimizers ---

OPTIMIZERS = ["SGD", "MomentumSGD", "AdaGrad", "AdaDelta", "Adam", "AdamW"]


def test_no_optimizer_is_left_out(step):
    assert own(step, step.Optimizer) == {*OPTIMIZERS}


def test_what_an_optimizer_keeps_is_saved_from_and_loaded_onto_a_gpu(
    step, cupy, tmp_path
):
    layer = step.Linear(3, in_size=5)
    layer.to_gpu()
    optimizer, other = (step.Adam().setup(layer) for _ in range(2))
    step.sum(layer(cupy.array(numbers(4, 5)))).backward()
    optimizer.update()
    optimizer.save_states(tmp_path / "states.npz")
    other.load_states(tmp_path / "states.npz")
    for param in layer.params():
        expected, found = optimizer.states[param], other.states[param]
        assert found["t"] == 1
        for key in "mv":
            assert_same(cupy, [found[key]], [host(expected[key])])


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_with_all_hooks(step, cupy, name):
    x, t = numbers(6, 4), np.array([0, 2, 1, 1, 0, 2])
    model = step.Sequential(step.Linear(5), step.BatchNorm(), step.relu, step.Linear(3))
    model(x)
    start, runs = arrays_of(model), []
    for array in (np.array, cupy.array):
        put(model, start, array)
        optimizer = getattr(step, name)().setup(model)
        optimizer.add_hook(step.WeightDecay(0.1))
        optimizer.add_hook(step.ClipGrad(0.5))
        optimizer.add_hook(step.FreezeParam(model.l1))
        batches = [(array(x), array(t))] * 5
        losses = train(model, optimizer, batches, step.softmax_cross_entropy)
        runs.append(([p.data for p in model.named_params().values()], losses))
    (expected, losses), (found, same_losses) = runs
    assert_same(cupy, found, expected, accuracy=1e-4)
    np.testing.assert_allclose(same_losses, losses, rtol=1e-4)
    assert losses[-1] != losses[0]


# --- training ---


def runs_of(step, model, x, run):
    """What run(gpu) gives on the CPU and on the GPU, from the same weights on."""
    model(x)
    start, found = arrays_of(model), []
    for gpu in (False, True):
        put(model, start)
        model.to_gpu() if gpu else model.to_cpu()
        found.append(run(gpu))
    return found


def test_digits_are_learned_as_on_the_cpu(step, cupy):
    digits = step.Digits()
    digits.data, digits.label = digits.data[:200], digits.label[:200]
    model = step.MLP((30, 10), activation=step.relu)

    def run(gpu):
        optimizer, losses = step.Adam(0.01).setup(model), []
        loader = step.DataLoader(digits, 40, gpu=gpu, seed=0)
        for _ in range(6):
            losses += train(model, optimizer, loader, step.softmax_cross_entropy)
        x, t = step.DataLoader(digits, 200, gpu=gpu).next()
        assert (type(x) is cupy.ndarray) == (type(t) is cupy.ndarray) == gpu
        return [*losses, float(step.accuracy(model(x), t).data)]

    expected, found = runs_of(step, model, numbers(2, 64), run)
    np.testing.assert_allclose(found, expected, rtol=1e-2)
    assert expected[-2] < expected[0] / 2


def test_a_convolutional_network_is_trained_as_on_the_cpu(step, cupy):
    x, t = numbers(12, 1, 8, 8), np.arange(12) % 3
    model = step.Sequential(
        *(step.Conv2d(4, 3, pad=1), step.BatchNorm(), step.relu),
        *(lambda x: step.pooling(x, 2, 2), step.flatten, step.Linear(3)),
    )

    def run(gpu):
        optimizer = step.MomentumSGD(0.05).setup(model)
        batch = (cupy.array(x), cupy.array(t)) if gpu else (x, t)
        return train(model, optimizer, [batch] * 8, step.softmax_cross_entropy)

    expected, found = runs_of(step, model, x, run)
    np.testing.assert_allclose(found, expected, rtol=1e-2)
    assert expected[-1] < expected[0] / 2


@pytest.mark.parametrize("kind", ["RNN", "LSTM"])
def test_a_sequence_is_learned_as_on_the_cpu(step, cupy, kind):
    rnn = getattr(step, kind)(6)
    model, curve = step.Sequential(rnn, step.Linear(1)), step.SinCurve()
    curve.data, curve.label = curve.data[::10], curve.label[::10]

    def run(gpu):
        optimizer, losses = step.Adam(0.02).setup(model), []
        for _ in range(4):
            rnn.reset_state()
            losses.append(epoch(step.SeqDataLoader(curve, 4, gpu), optimizer))
        rnn.reset_state()
        return losses

    def epoch(loader, optimizer):
        losses = []
        for i, (x, t) in enumerate(loader, 1):
            losses.append(step.mean_squared_error(model(x), t))
            if i % 5 == 0:
                total = losses[-1] + losses[-2] + losses[-3]
                model.cleargrads()
                total.backward()
                total.unchain_backward()
                optimizer.update()
        return float(np.mean([float(loss.data) for loss in losses]))

    expected, found = runs_of(step, model, numbers(4, 1), run)
    np.testing.assert_allclose(found, expected, rtol=1e-2)
    assert expected[-1] < expected[0] / 2


def test_a_gradient_penalty_as_on_the_cpu(step, cupy):
    x = numbers(4, 1, 6, 6)
    model = step.Sequential(step.Conv2d(3, 3), step.tanh, step.flatten, step.Linear(1))

    def run(gpu):
        image = step.Variable(cupy.array(x) if gpu else x)
        step.sum(model(image)).backward(create_graph=True)
        penalty = step.sum((step.sum(image.grad**2, axis=(1, 2, 3)) ** 0.5 - 1) ** 2)
        model.cleargrads()
        penalty.backward()
        return [host(penalty.data), *(host(p.grad.data) for p in model.params()[:1])]

    expected, found = runs_of(step, model, x, run)
    for a, b in zip(found, expected):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


def test_a_model_and_its_input_must_be_in_one_place(step, cupy):
    for name in ("Linear", "Conv2d", "BatchNorm", "LSTM", "MLP"):
        make, x = LAYERS[name]
        layer = make(step)
        layer(x)
        if name in STATEFUL:
            layer.reset_state()
        with step.test_mode(), pytest.raises(TypeError):
            layer(cupy.array(x))
