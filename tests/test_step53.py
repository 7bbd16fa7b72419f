"""Step 53: weights in a file, read and written whole or not at all."""

import contextlib
import io
import os
import pickle
import re
import struct
import zipfile

import cupy_stand_in
import numpy as np
import pytest
from photographs import safetensors

SIZES = {"l0/W": (4, 3), "l0/b": (3,), "l1/W": (3, 2), "l1/b": (2,)}
X = np.random.default_rng(0).standard_normal((5, 4)).astype(np.float32)
T = np.ones((5, 2), np.float32)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "weights.npz"


def network(step, sizes=(3, 2), called=True, seed=0):
    """An MLP with weights that depend on the seed; not yet made, if not called."""
    model = step.MLP(sizes)
    if called:
        model(X)
        rng = np.random.default_rng(seed)
        for param in model.params():
            param.data = rng.standard_normal(param.shape).astype(param.dtype)
    return model


def arrays_of(model):
    """Copies of all arrays by name; None for those that are not yet made."""
    named = model.named_params().items()
    return {name: None if p.data is None else p.data.copy() for name, p in named}


def assert_equal(found, expected):
    """The same names, numbers, shapes and dtypes."""
    assert found.keys() == expected.keys()
    for name in found:
        np.testing.assert_array_equal(found[name], expected[name], strict=True)


def is_whole(path, expected):
    """Check that a file has these arrays."""
    with np.load(path, allow_pickle=False) as arrays:
        assert_equal(dict(arrays), expected)


# --- saving ---


def test_the_file_has_all_parameters_by_name(step, path):
    model = network(step)
    assert model.save_weights(path) is None
    assert {name: a.shape for name, a in step.read_npz(path).items()} == SIZES
    is_whole(path, arrays_of(model))


def test_save_weights_is_a_function_too(step, path):
    model = network(step)
    step.save_weights(model, path)
    is_whole(path, arrays_of(model))


def test_parameters_that_are_not_learned_are_saved_and_loaded(step, path):
    model = network(step)
    model.l0.W.requires_grad = False
    model.save_weights(path)
    other = network(step, seed=1)
    other.l0.W.requires_grad = False
    other.load_weights(path)
    assert_equal(arrays_of(other), arrays_of(model))


def test_the_path_is_taken_as_it_is(step, tmp_path):
    path = os.path.join(tmp_path, "not there", "weights.of today")
    network(step).save_weights(path)
    assert os.listdir(tmp_path / "not there") == ["weights.of today"]
    network(step).load_weights(path)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_the_file_has_the_dtypes_of_the_parameters(step, path, dtype):
    layer = step.Linear(3, dtype=dtype, in_size=4)
    layer.save_weights(path)
    assert {a.dtype for a in step.read_npz(path).values()} == {np.dtype(dtype)}
    is_whole(path, arrays_of(layer))


def test_what_is_not_yet_made_cannot_be_saved(step, path):
    path.write_bytes(b"the old file")
    with pytest.raises(ValueError) as error:
        network(step, called=False).save_weights(path)
    for name, is_missing in zip(SIZES, [True, False] * 2):
        assert (name in str(error.value)) == is_missing
    assert path.read_bytes() == b"the old file"


@contextlib.contextmanager
def full_disk(free):
    """No file can become longer than this; the rest of a write is an OSError."""
    resource = pytest.importorskip("resource")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (free, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_a_save_that_breaks_off_leaves_the_old_file_whole(step, path):
    old = network(step)
    old.save_weights(path)
    with full_disk(500), pytest.raises(OSError):
        network(step, seed=1).save_weights(path)
    is_whole(path, arrays_of(old))


def test_a_later_save_takes_the_place_of_the_old_file(step, path):
    network(step, sizes=(300, 2)).save_weights(path)
    model = network(step, seed=1)
    model.save_weights(path)
    is_whole(path, arrays_of(model))


# --- loading ---


@pytest.mark.parametrize("called", [True, False], ids=["called", "not yet called"])
def test_a_loaded_network_gives_the_same_answers(step, path, called):
    model = network(step)
    model.save_weights(path)
    twin = network(step, called=called, seed=1)
    params = twin.named_params()
    twin.load_weights(path)
    assert_equal(arrays_of(twin), arrays_of(model))
    np.testing.assert_array_equal(twin(X).data, model(X).data, strict=True)
    for name, param in twin.named_params().items():
        assert param is params[name], "the array is new, its box is not"


def test_load_weights_is_a_function_too(step, path):
    model, twin = network(step), network(step, seed=1)
    model.save_weights(path)
    step.load_weights(twin, path)
    assert_equal(arrays_of(twin), arrays_of(model))


def test_what_is_loaded_can_be_trained(step, path):
    network(step).save_weights(path)
    model = network(step, called=False)
    model.load_weights(path)
    before = arrays_of(model)
    optimizer = step.SGD(0.1).setup(model)
    step.sum(model(X) ** 2).backward()
    optimizer.update()
    for name, array in arrays_of(model).items():
        assert np.all(array != before[name])
    is_whole(path, before)


@pytest.mark.parametrize("kept", [np.float32, np.float64])
def test_a_parameter_keeps_its_dtype(step, path, kept):
    (other,) = {np.float32, np.float64} - {kept}
    rng = np.random.default_rng(0)
    arrays = {"W": rng.standard_normal((4, 3)), "b": rng.standard_normal(3)}
    np.savez(path, **{name: a.astype(other) for name, a in arrays.items()})
    layer = step.Linear(3, dtype=kept, in_size=4)
    layer.load_weights(path)
    assert {param.dtype for param in layer.params()} == {np.dtype(kept)}
    for name, a in arrays_of(layer).items():
        np.testing.assert_array_equal(a, arrays[name].astype(other).astype(kept))


def test_a_parameter_that_is_not_yet_made_takes_the_dtype_of_the_file(step, path):
    step.Linear(3, dtype=np.float64, in_size=4).save_weights(path)
    layer = step.Linear(3)
    layer.load_weights(path)
    assert (layer.W.dtype, layer.b.dtype) == (np.float64, np.float32)


def test_two_networks_loaded_from_a_file_have_arrays_of_their_own(step, path):
    model = network(step)
    model.save_weights(path)
    arrays = step.read_npz(path)
    step.set_weights(model, arrays, path)
    twin = network(step, called=False)
    step.set_weights(twin, arrays, path)
    for name, param in model.named_params().items():
        assert not np.shares_memory(param.data, arrays[name])
        assert not np.shares_memory(param.data, twin.named_params()[name].data)
        assert not np.shares_memory(arrays[name], twin.named_params()[name].data)


def test_set_weight_copies_in_the_dtype_of_the_parameter(step):
    array = np.array([1.0, 2.0])
    param = step.Parameter(np.zeros(2, np.float32))
    step.set_weight(param, array)
    assert (param.data.tolist(), param.dtype) == ([1.0, 2.0], np.float32)
    param = step.Parameter(None)
    step.set_weight(param, array)
    array[0] = 5.0
    assert (param.data.tolist(), param.dtype) == ([1.0, 2.0], np.float64)


def test_loading_between_forward_and_backward_changes_no_gradient(step, path):
    model = network(step)
    model.save_weights(path)
    step.sum(model(X) ** 2).backward()
    expected = [param.grad.data for param in model.params()]
    model.cleargrads()
    loss = step.sum(model(X) ** 2)
    for param in model.params():
        param.data = param.data * 2
    model.load_weights(path)
    loss.backward()
    for param, gradient in zip(model.params(), expected):
        np.testing.assert_array_equal(param.grad.data, gradient)


# --- what does not fit ---


def complaint(step, model, path):
    """What load_weights says of a file; the model must stay as it is."""
    before = arrays_of(model)
    with pytest.raises(ValueError) as error:
        model.load_weights(path)
    assert str(path) in str(error.value), "the error names the file"
    after = arrays_of(model)
    assert_equal(
        {name: a for name, a in after.items() if a is not None},
        {name: a for name, a in before.items() if a is not None},
    )
    return str(error.value)


def test_all_that_does_not_fit_is_said_at_once(step, path):
    good = arrays_of(network(step))
    del good["l0/W"], good["l1/b"]
    good["l1/W"] = np.ones((2, 3))
    good |= {"l2/W": np.ones(3), "epoch": np.array(7)}
    np.savez(path, **good)
    text = complaint(step, network(step, seed=1), path)
    words = ["l0/W is missing", "l1/b is missing", "l2/W is too much"]
    for word in [*words, "epoch is too much", "l1/W", "(2, 3)", "(3, 2)"]:
        assert word in text
    assert "l0/b" not in text, "this one fits"


def test_what_does_not_fit_is_said_in_the_order_of_the_parameters(step, path):
    layers = [step.Linear(2, in_size=3) for _ in range(4)]
    others = [step.Linear(3, in_size=2) for _ in range(4)]
    step.Sequential(*layers).save_weights(path)
    text = complaint(step, step.Sequential(*others), path)
    names = [f"l{i}/{name}" for i in range(4) for name in "Wb"]
    assert sorted(names, key=text.index) == names


@pytest.mark.parametrize("name", SIZES)
@pytest.mark.parametrize("called", [True, False], ids=["called", "not yet called"])
def test_one_that_is_missing_is_enough(step, path, name, called):
    good = arrays_of(network(step))
    del good[name]
    np.savez(path, **good)
    text = complaint(step, network(step, called=called), path)
    assert [other for other in SIZES if other in text] == [name]


@pytest.mark.parametrize(
    "shape", [(), (1,), (3, 1), (1, 3), (6,), (2,)], ids=lambda shape: f"{shape}"
)
def test_a_shape_is_not_broadcast_or_reshaped(step, path, shape):
    good = arrays_of(network(step))
    good["l0/b"] = np.ones(shape, np.float32)
    np.savez(path, **good)
    text = complaint(step, network(step, seed=1), path)
    assert "l0/b" in text and str(shape) in text and "(3,)" in text


@pytest.mark.parametrize("shape", [(), (3,), (4, 2), (3, 4), (4, 3, 1)], ids=str)
def test_a_layer_not_yet_called_knows_how_many_outputs_it_has(step, path, shape):
    np.savez(path, W=np.ones(shape), b=np.ones(3))
    text = complaint(step, step.Linear(3), path)
    assert "W has the shape" in text and str(shape) in text and ", 3)" in text
    np.savez(path, W=np.ones((4, 3)), b=np.ones(3))
    layer = step.Linear(3)
    layer.load_weights(path)
    assert layer.W.shape == (4, 3)


def test_a_layer_of_ones_own_says_what_it_will_make(step, path):
    class Square(step.Layer):
        def __init__(self):
            self.A, self.B, self.C = (step.Parameter(None) for _ in range(3))

        def late_shapes(self, size):
            return {"C": (1,), "A": (2, size), "B": (size, size)}

    outer = step.Sequential(Square(), Square())
    shapes = {"l0/A": (2, 3), "l0/B": (3, 3), "l1/A": (2, 4), "l1/B": (4, 4)}
    shapes |= {"l0/C": (1,), "l1/C": (1,)}
    good = {name: np.ones(shape) for name, shape in shapes.items()}
    for name, shape in {"l0/A": (3, 3), "l0/B": (3, 4), "l1/B": (3, 3)}.items():
        np.savez(path, **(good | {name: np.ones(shape)}))
        text = complaint(step, outer, path)
        assert f"{name} has the shape {shape}" in text
    np.savez(path, **good)
    outer.load_weights(path)
    assert outer.l1.B.shape == (4, 4)


@pytest.mark.parametrize("value", ["text", 1j, True], ids=repr)
@pytest.mark.parametrize("called", [True, False], ids=["called", "not yet called"])
def test_real_numbers_only(step, path, value, called):
    """Only real numbers are loaded."""
    good = arrays_of(network(step))
    good["l1/b"] = np.full((2,), value)
    np.savez(path, **good)
    model = network(step, called=called)
    if value is True:
        model.load_weights(path)
        assert model.l1.b.data.tolist() == [1.0, 1.0]
        assert model.l1.b.dtype == np.float32
    else:
        text = complaint(step, model, path)
        assert "l1/b" in text and str(good["l1/b"].dtype) in text


# --- what is no file of weights ---


def saved(step, model, folder):
    """What is in a good file."""
    model.save_weights(folder / "good")
    return (folder / "good").read_bytes()


def npy(**words):
    file = io.BytesIO()
    np.save(file, **words)
    return file.getvalue()


def zip_file(**members):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


class Bomb:
    """An object that makes pickle run code, which ends the program."""

    def __reduce__(self):
        return exec, ("raise SystemExit('pickle has run code')",)


BAD = {
    "empty": lambda: b"",
    "text": lambda: b"W = [[1, 2], [3, 4]]\n",
    "a pickle": lambda: pickle.dumps({name: np.ones(2) for name in SIZES}),
    "a pickle that runs code": lambda: pickle.dumps(Bomb()),
    "an .npy file": lambda: npy(arr=np.ones(3)),
    "an .npy file of pairs": lambda: npy(arr=np.ones((2, 2))),
    "an .npy file of objects": lambda: npy(arr=np.array([Bomb()], object)),
    "objects in a zip file": lambda: zip_file(
        **{f"{name}.npy": npy(arr=np.array([Bomb()], object)) for name in SIZES}
    ),
    "text in a zip file": lambda: zip_file(**{name: b"text" for name in SIZES}),
    "text that poses as .npy": lambda: zip_file(
        **{f"{name}.npy": b"text" for name in SIZES}
    ),
}


@pytest.mark.parametrize("content", BAD.values(), ids=BAD)
def test_another_kind_of_file_is_refused_with_a_sentence(step, path, content):
    path.write_bytes(content())
    assert complaint(step, network(step), path).endswith(".")


def test_a_file_that_is_cut_short_is_refused(step, path, tmp_path):
    content = saved(step, network(step), tmp_path)
    model = network(step, seed=1)
    for length in [0, 1, 4, *range(10, len(content), 37), len(content) - 1]:
        path.write_bytes(content[:length])
        assert "whole" in complaint(step, model, path)
    path.write_bytes(content)
    model.load_weights(path)


def test_a_damaged_file_is_refused_or_harmless(step, path, tmp_path):
    model = network(step)
    content, expected = saved(step, model, tmp_path), arrays_of(model)
    rng = np.random.default_rng(0)
    refused = 0
    for _ in range(500):
        damaged = bytearray(content)
        damaged[rng.integers(len(content))] ^= 1 << rng.integers(8)
        path.write_bytes(damaged)
        try:
            model.load_weights(path)
        except ValueError:
            refused += 1
        assert_equal(arrays_of(model), expected)
    assert refused > 250


def test_a_compressed_file_will_do(step, path):
    model = network(step)
    np.savez_compressed(path, **arrays_of(model))
    twin = network(step, seed=1)
    twin.load_weights(path)
    assert_equal(arrays_of(twin), arrays_of(model))
    content = bytearray(path.read_bytes())
    content[60] ^= 255  # amid the first compressed array
    path.write_bytes(content)
    complaint(step, twin, path)


def test_no_file_is_said_to_be_missing_not_broken(step, path):
    with pytest.raises(FileNotFoundError):
        network(step).load_weights(path)


# --- read_npz ---


def test_read_npz_gives_the_arrays_by_name(step, path):
    arrays = {"a": np.arange(3), "b/c": np.ones((2, 0)), "d": np.array(1.5)}
    np.savez(path, **arrays)
    found = step.read_npz(path)
    assert type(found) is dict
    assert_equal(found, arrays)
    path.unlink()  # nothing holds the file any more
    assert_equal(found, arrays)


@pytest.mark.parametrize("content", BAD.values(), ids=BAD)
def test_read_npz_never_gives_what_is_no_array(step, path, content):
    path.write_bytes(content())
    try:
        found = step.read_npz(path)
    except ValueError as error:
        assert str(path) in str(error)
    else:
        assert all(type(array) is np.ndarray for array in found.values())


def test_a_parameter_of_its_own_is_saved_like_a_layer(step, path):
    class Scale(step.Layer):
        def __init__(self, value):
            self.scale = step.Parameter(np.array(value))
            self.parts = [step.Linear(2, in_size=2), {"last": step.Linear(1)}]

    scale = Scale([2.0, 3.0])
    scale.parts[1]["last"](np.ones((1, 2), np.float32))
    scale.save_weights(path)
    names = {"scale", "parts/0/W", "parts/0/b", "parts/1/last/W", "parts/1/last/b"}
    assert step.read_npz(path).keys() == names
    other = Scale([0.0, 0.0])
    other.load_weights(path)
    assert_equal(arrays_of(other), arrays_of(scale))


# --- what an optimizer keeps ---

OPTIMIZERS = ["SGD", "MomentumSGD", "AdaGrad", "AdaDelta", "Adam", "AdamW"]


def trained(step, model, optimizer, updates, x=X, t=T):
    """The weights of the model after some updates."""
    for _ in range(updates):
        loss = step.mean_squared_error(model(x), t)
        model.cleargrads()
        loss.backward()
        optimizer.update()
    return [param.data.copy() for param in model.params()]


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_training_goes_on_as_if_it_had_not_stopped(step, tmp_path, name):
    model, twin = network(step), network(step, seed=1)
    optimizer, other = (getattr(step, name)().setup(one) for one in (model, twin))
    trained(step, model, optimizer, 5)
    model.save_weights(tmp_path / "weights.npz")
    optimizer.save_states(tmp_path / "states.npz")
    expected = trained(step, model, optimizer, 5)
    twin.load_weights(tmp_path / "weights.npz")
    other.load_states(tmp_path / "states.npz")
    for found, right in zip(trained(step, twin, other, 5), expected, strict=True):
        np.testing.assert_array_equal(found, right)


def test_training_goes_on_on_the_gpu(step, tmp_path, monkeypatch):
    cupy = cupy_stand_in.install(monkeypatch)
    model, twin = network(step), network(step, seed=1)
    optimizer, other = (step.Adam().setup(one) for one in (model, twin))
    for one in (model, twin):
        one.to_gpu()
    x, t = cupy.ones((5, 4), cupy.float32), cupy.ones((5, 2), cupy.float32)
    trained(step, model, optimizer, 2, x, t)
    model.save_weights(tmp_path / "weights.npz")
    optimizer.save_states(tmp_path / "states.npz")
    expected = trained(step, model, optimizer, 2, x, t)
    twin.load_weights(tmp_path / "weights.npz")
    other.load_states(tmp_path / "states.npz")
    for found, right in zip(trained(step, twin, other, 2, x, t), expected, strict=True):
        np.testing.assert_array_equal(step.as_numpy(found), step.as_numpy(right))


def test_the_state_of_a_single_number_keeps_its_fraction(step, path):
    layer = step.Layer()
    layer.p = step.Parameter(np.array(1.0))
    optimizer = step.MomentumSGD(lr=1.0).setup(layer)
    (layer.p * 0.25).backward()
    optimizer.update()
    optimizer.save_states(path)
    optimizer.load_states(path)
    optimizer.update()
    assert layer.p.data == 1.0 - 0.25 - (0.9 + 1) * 0.25


def test_states_are_saved_by_name(step, path):
    model = network(step)
    optimizer = step.Adam().setup(model)
    trained(step, model, optimizer, 3)
    optimizer.save_states(path)
    arrays = step.read_npz(path)
    assert {*arrays} == {f"Adam/{name}/{key}" for name in SIZES for key in "mvt"}
    assert arrays["Adam/l1/b/t"] == 3
    m = optimizer.states[model.l0.W]["m"]
    np.testing.assert_array_equal(arrays["Adam/l0/W/m"], m)


def test_states_that_do_not_fit_are_refused_and_change_nothing(step, path):
    model = network(step)
    optimizer = step.MomentumSGD().setup(model)
    trained(step, model, optimizer, 1)
    before = optimizer.states
    wrong = {
        "MomentumSGD/l9/W/v": np.ones((4, 3)),
        "MomentumSGD/l0/W/v": np.ones((3, 4)),
        "MomentumSGD/l0/b/v": np.ones(3, int).reshape(3, 1),
        "Adam/l0/W/v": np.ones((4, 3)),
        "l0/W/v": np.ones((4, 3)),
    }
    for name, array in wrong.items():
        np.savez(path, **{"MomentumSGD/l1/b/v": np.ones(2), name: array})
        with pytest.raises(ValueError, match=f"does not fit.*no place for {name}"):
            optimizer.load_states(path)
        assert optimizer.states is before
    np.savez(path, **{"MomentumSGD/l0/W/v": np.ones((4, 3))})
    with pytest.raises(ValueError, match="no place for MomentumSGD/l0/W"):
        step.MomentumSGD().setup(network(step, called=False)).load_states(path)


# --- files of others ---


SOME = {
    "a.weight": np.array([[1.5, -2.0, 3.0], [0.0, 1e30, -0.5]], np.float32),
    "n": np.array(7, np.int64),
    "half": np.array([0.5, -1.0, 2.0], np.float16),
    "none": np.zeros((0, 4), np.float32),
    "double": np.array([np.pi, -1 / 3]),
}


@pytest.mark.parametrize("metadata", [None, {"format": "pt"}, {"format": "pt" * 5}])
def test_read_safetensors(step, tmp_path, metadata):
    """The arrays are read by their names, in order, shape and dtype."""
    path = tmp_path / "some.safetensors"
    path.write_bytes(safetensors(SOME, metadata))
    found = step.read_safetensors(path)
    assert list(found) == list(SOME)
    for name, x in SOME.items():
        assert (found[name].shape, found[name].dtype) == (x.shape, x.dtype)
        np.testing.assert_array_equal(found[name], x)


def test_a_truncated_safetensors_file_is_refused_wherever_it_ends(step, tmp_path):
    path = tmp_path / "broken.safetensors"
    content = safetensors({name: SOME[name] for name in ("n", "half")})
    for length in range(len(content)):
        path.write_bytes(content[:length])
        with pytest.raises(ValueError, match=re.escape(str(path))):
            step.read_safetensors(path)


@pytest.mark.parametrize(
    "header",
    [
        b"no JSON",
        b"\xff\xfe",
        b"[1, 2]",
        b"7",
        b'{"x": 7}',
        b'{"x": {"dtype": "F32", "shape": [1]}}',
        b'{"x": {"dtype": "F32", "shape": [1], "data_offsets": 4}}',
        b'{"x": {"dtype": "F32", "shape": [2], "data_offsets": [0, 4]}}',
        b'{"x": {"dtype": "F32", "shape": [1], "data_offsets": [0, 3]}}',
        b'{"x": {"dtype": "F9", "shape": [1], "data_offsets": [0, 4]}}',
    ],
)
def test_what_is_no_safetensors_file_is_refused(step, tmp_path, header):
    path = tmp_path / "wrong.safetensors"
    path.write_bytes(struct.pack("<Q", len(header)) + header + bytes(4))
    with pytest.raises(ValueError, match=re.escape(str(path))):
        step.read_safetensors(path)


@pytest.mark.parametrize("kind", [str, lambda path: path], ids=["str", "Path"])
def test_read_weights_goes_by_the_ending(step, tmp_path, kind):
    (tmp_path / "a.safetensors").write_bytes(safetensors({"x": SOME["a.weight"]}))
    np.savez(tmp_path / "b.npz", x=SOME["a.weight"])
    for name in ("a.safetensors", "b.npz"):
        found = step.read_weights(kind(tmp_path / name))
        assert list(found) == ["x"]
        np.testing.assert_array_equal(found["x"], SOME["a.weight"])


@pytest.mark.parametrize("name", ["wrong.npz", "wrong.safetensors"])
def test_read_weights_refuses_a_file_of_another_kind(step, tmp_path, name):
    path = tmp_path / name
    np.savez(tmp_path / "a.npz", x=SOME["a.weight"])
    npz, other = (tmp_path / "a.npz").read_bytes(), safetensors(SOME)
    for content in (npz[:-30] if name.endswith("npz") else npz, other[:-1], b""):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=re.escape(str(path))):
            step.read_weights(path)


# --- names and layout of PyTorch ---


def small_model(step):
    """Two linear layers by their names, and a list of one."""

    class Small(step.Model):
        def __init__(self):
            self.fc = step.Linear(2, in_size=3)
            self.head = step.Linear(2, in_size=3)
            self.blocks = [step.Linear(3, nobias=True, in_size=3)]

    return Small()


def test_from_pytorch_turns_the_weight_of_a_linear_layer(step):
    W = np.arange(6.0).reshape(2, 3)
    found = step.from_pytorch(small_model(step), {"fc.weight": W, "fc.bias": W[0]})
    np.testing.assert_array_equal(found["fc/W"], W.T)
    np.testing.assert_array_equal(found["fc/b"], W[0])


def test_from_pytorch_turns_the_kernel_of_a_linear_layer(step):
    W = np.arange(24.0).reshape(2, 3, 2, 2)
    found = step.from_pytorch(small_model(step), {"fc.weight": W})
    np.testing.assert_array_equal(found["fc/W"], W.reshape(2, 12).T)


def test_from_pytorch_gives_our_names_and_keeps_those_that_it_does_not_know(step):
    names = {"blocks.0.weight": "blocks/0/W", "head.bias": "head/b"}
    names |= {name: name for name in ("head.scale", "tail.weight", "x")}
    arrays = {name: np.full((2, 3), i) for i, name in enumerate(names)}
    found = step.from_pytorch(small_model(step), arrays | {"x.num_batches_tracked": 7})
    assert list(found) == list(names.values())
    for i, array in enumerate(found.values()):
        np.testing.assert_array_equal(array, np.full((2, 3), i))


def test_from_pytorch_may_be_told_what_a_layer_is_called(step):
    arrays = {"top.0.weight": np.ones((2, 3)), "top.0.bias": np.ones(2)}
    found = step.from_pytorch(small_model(step), arrays, {"top.0": "fc"})
    assert {name: x.shape for name, x in found.items()} == {
        "fc/W": (3, 2),
        "fc/b": (2,),
    }
