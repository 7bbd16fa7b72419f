# Cut from steps/step60.py by "make framework": edit the step, not this file.
"""Files of weights, and what is downloaded."""

import io
import os
import pathlib
import sys
import zlib

import numpy as np

from framework.backend import as_numpy, get_array_module
from framework.graph import write_file
from framework.layers import Layer, found_members


def cache_dir():
    """The folder for what is downloaded: SIXTY_STEPS_CACHE, or ~/.cache/sixty-steps."""
    folder = os.environ.get("SIXTY_STEPS_CACHE")
    return pathlib.Path(folder or pathlib.Path.home() / ".cache" / "sixty-steps")


def file_hash(path):
    """The SHA-256 of a file, in hexadecimal digits."""
    import hashlib

    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def is_cached(file_name, sha256):
    """True if the cache has this file, whole and unaltered."""
    path = cache_dir() / file_name
    return path.is_file() and file_hash(path) == sha256


def get_file(url, file_name=None, sha256=None):
    """The path of a file of the web, which is downloaded unless the cache has it.

    url is an address, or a list of mirrors to be tried in turn. With sha256 the file
    must have this checksum, in the cache, too. A ConnectionError says what failed.
    """
    urls = [url] if isinstance(url, str) else url
    file_name = file_name or unique_name(urls[0])
    path, failures = cache_dir() / file_name, []
    if is_cached(file_name, sha256) or (sha256 is None and path.is_file()):
        return path
    for address in urls:
        try:
            download(address, path, sha256)
            return path
        except (OSError, ValueError) as error:
            failures.append(f"{address} ({error})")
    raise ConnectionError(f"Cannot download {path.name}: {'; '.join(failures)}")


def unique_name(url):
    """The last part of an address, with a number that tells it from its namesakes."""
    return f"{zlib.crc32(url.encode()):08x}-{url.rpartition('/')[2]}"


def download(url, path, sha256=None, timeout=30):
    """Write what is at an address to path, whole and with this checksum, or not at all.

    timeout is in seconds, for each wait.
    """
    import http.client
    import urllib.request

    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.part{os.getpid()}")
    try:
        with urllib.request.urlopen(url, timeout=timeout) as response:
            copy_response(response, part)
        if sha256 and file_hash(part) != sha256:
            raise ValueError("what came is not the file: its SHA-256 is another")
        part.replace(path)
    except http.client.HTTPException as error:
        raise ConnectionError(f"the server gave no proper answer: {error!r}") from error
    finally:
        part.unlink(missing_ok=True)


def copy_response(response, path):
    """Write what a server sends to path, with the progress on a terminal."""
    size, done = int(response.headers.get("Content-Length") or 0), 0
    with open(path, "wb") as file:
        while block := response.read(1 << 16):
            file.write(block)
            done += len(block)
            show_progress(f"\r{path.stem} {done:,} of {size:,} bytes")
    show_progress("\n")
    if done < size:
        raise ConnectionError(f"it broke off after {done:,} of {size:,} bytes")


def show_progress(text):
    """Print a text on the terminal, if there is one."""
    if sys.stderr.isatty():
        print(text, end="", file=sys.stderr, flush=True)


def read_npz(path):
    """The arrays in an .npz file by name. A ValueError says what is wrong with it."""
    content = pathlib.Path(path).read_bytes()
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            arrays = dict(file)
    except Exception as error:  # a damaged file makes zipfile raise all kinds
        raise ValueError(f"{path} is not a whole .npz file of arrays.") from error
    if not all(isinstance(array, np.ndarray) for array in arrays.values()):
        raise ValueError(f"{path} holds something else than arrays.")
    return arrays


def save_weights(layer, path):
    """Write all parameters into an .npz file, whole or not at all."""
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
    """Put arrays into the parameters of the same names; path is for the errors."""
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
    """Put an array into a parameter, in the dtype and on the device it has."""
    if param.data is not None:
        array = get_array_module(param).asarray(array, param.dtype)
    param.data = array.copy()
    param.version += 1


Layer.save_weights = save_weights
Layer.load_weights = load_weights
