# Cut from steps/step60.py by "make framework": edit the step, not this file.
"""Files of weights."""

import io
import pathlib

import numpy as np

from framework.backend import as_numpy, get_array_module
from framework.files import write_file
from framework.layers import Layer, found_members


def read_npz(path):
    """A dict of the arrays in an .npz file.

    A ValueError: "{path} is not a whole .npz file of arrays.", however it is damaged,
    or that it holds something else. A missing file stays a FileNotFoundError.
    """
    content = pathlib.Path(path).read_bytes()
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            arrays = dict(file)
    except Exception as error:  # a damaged file makes zipfile raise all kinds
        raise ValueError(f"{path} is not a whole .npz file of arrays.") from error
    if not all(isinstance(array, np.ndarray) for array in arrays.values()):
        raise ValueError(f"{path} holds something else than arrays.")
    return arrays


def read_safetensors(path):
    """The arrays in a .safetensors file by name.

    The file: 8 bytes, the length of a header; the header, as JSON; the numbers.
    """
    import json

    kinds = {"F64": np.float64, "F32": np.float32, "F16": np.float16, "I64": np.int64}
    content, arrays = np.fromfile(path, np.uint8), {}
    try:
        start = 8 + int.from_bytes(content[:8].tobytes(), "little")
        header = json.loads(content[8:start].tobytes())
        header.pop("__metadata__", None)
        for name, entry in header.items():
            a, b = entry["data_offsets"]
            array = content[start + a : start + b].view(kinds[entry["dtype"]])
            arrays[name] = array.reshape(entry["shape"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} is not a whole .safetensors file.") from error
    return arrays


def read_weights(path):
    """The arrays in an .npz or .safetensors file by name."""
    path = pathlib.Path(path)
    return (read_safetensors if path.suffix == ".safetensors" else read_npz)(path)


def save_weights(layer, path):
    """Write all parameters into an .npz file by name, whole or not at all.

    A ValueError names those whose data are not yet known; no file is touched then.
    """
    params = layer.named_params()
    missing = [name for name, param in params.items() if param.data is None]
    if missing:
        raise ValueError(f"Not yet known, call the layer once: {', '.join(missing)}.")
    write_npz({name: as_numpy(param) for name, param in params.items()}, path)


def write_npz(arrays, path):
    """Write a dict of arrays into an .npz file, whole or not at all."""
    file = io.BytesIO()
    np.savez(file, **arrays)
    write_file(pathlib.Path(path), file.getvalue())


def load_weights(layer, path):
    """Read all parameters from a file that save_weights has written, all or none."""
    set_weights(layer, read_npz(path), path)


def expected_shapes(layer, arrays):
    """The shapes of all parameters by name, as far as they are known."""
    shapes = {}
    for path, x in found_members(layer, "", set()):
        if isinstance(x, Layer):
            shapes |= shapes_to_come(x, path, arrays)
        elif x.data is not None:
            shapes[path] = x.shape
    return shapes


def shapes_to_come(layer, path, arrays):
    """The late_shapes() of the layer at this path, for the size that arrays have."""
    late = layer.late_shapes(None).items()
    shapes = {f"{path}/{key}" if path else key: shape for key, shape in late}
    size = None
    for name, shape in shapes.items():
        if None in shape and name in arrays and arrays[name].ndim == len(shape):
            size = size or arrays[name].shape[shape.index(None)]
    return {
        name: tuple(size if n is None else n for n in shape)
        for name, shape in shapes.items()
    }


def set_weights(layer, arrays, path):
    """Put arrays into the parameters of the same names, all of them or none.

    Real numbers and booleans fit. One ValueError says all that is wrong: first what is
    missing, then what is too much, then in the order of the parameters a wrong dtype
    or else a wrong shape: "{path} does not fit: l0/W is missing; l9/W is too much;
    l0/b has the shape (3, 1), not (3,); l1/b is of <U4."
    """
    params, shapes = layer.named_params(), expected_shapes(layer, arrays)
    wrong = [f"{name} is missing" for name in params if name not in arrays]
    wrong += [f"{name} is too much" for name in arrays if name not in params]
    for name in [name for name in params if name in arrays]:
        array = arrays[name]
        if array.dtype.kind not in "fiub":
            wrong.append(f"{name} is of {array.dtype}")
        elif array.shape != shapes.get(name, array.shape):
            wrong.append(f"{name} has the shape {array.shape}, not {shapes[name]}")
    if wrong:
        raise ValueError(f"{path} does not fit: {'; '.join(wrong)}.")
    for name, param in params.items():
        set_weight(param, arrays[name])


def set_weight(param, array):
    """Give a parameter a copy of an array, in the dtype and on the device it has.

    It is a new array. A parameter without data takes the dtype of the array.
    """
    if param.data is not None:
        array = get_array_module(param).asarray(array, param.dtype)
    param.data = array.copy()


KINDS = {  # what PyTorch calls the parameters of a layer, and what we call them
    "weight": ("W", "gamma"),
    "bias": ("b", "beta"),
    "running_mean": ("avg_mean",),
    "running_var": ("avg_var",),
}


def from_pytorch(model, arrays, layers=None):
    """Arrays that are named and laid out as in PyTorch, as our model has them.

    A layer whose name begins with fc is linear, and its weight is transposed. layers
    gives the names of the layers that we name otherwise.
    """
    params, found = model.named_params(), {}
    for key, array in arrays.items():
        layer, _, kind = key.rpartition(".")
        layer = (layers or {}).get(layer) or layer.replace(".", "/")
        names = [f"{layer}/{name}" for name in KINDS.get(kind, ())]
        names = [name for name in names if name in params] or [key]
        if layer.startswith("fc") and kind == "weight" and array.ndim > 1:
            array = array.reshape(len(array), -1).T  # (out, in) there, (in, out) here
        if kind != "num_batches_tracked":
            found[names[0]] = array
    return found


Layer.save_weights = save_weights
Layer.load_weights = load_weights
