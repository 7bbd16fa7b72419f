"""What the tests of images share: images like PIL's, and files of data to serve."""

import hashlib
import json
import struct
import sys
import types

import numpy as np


class Image:
    """What the transforms use of an image of PIL; pixels are (H, W) or (H, W, C)."""

    def __init__(self, pixels):
        self.pixels = np.asarray(pixels, np.uint8)
        self.size = self.pixels.shape[1::-1]
        self.asked = None

    def __array__(self, dtype=None, copy=None):
        return self.pixels.astype(dtype or np.uint8)

    def convert(self, mode):
        if mode == "L":
            return Image(self.pixels[..., :3].mean(axis=2))
        colour = self.pixels[..., :3] if self.pixels.ndim == 3 else self.pixels
        return Image(np.broadcast_to(colour.T, (3, *self.size)).T)

    def resize(self, size, resample=None):
        """The nearest pixels, and a note of what was asked for."""
        (W, H), (w, h) = self.size, size
        image = Image(self.pixels[np.arange(h) * H // h][:, np.arange(w) * W // w])
        image.asked = size, resample
        return image

    def crop(self, box):
        left, top, right, bottom = box
        return Image(self.pixels[top:bottom, left:right])

    def split(self):
        return tuple(map(Image, np.moveaxis(self.pixels, 2, 0)))


def install_pil(monkeypatch):
    """A module PIL that knows as much as Image."""
    image = types.ModuleType("PIL.Image")
    image.merge = lambda mode, parts: Image(np.stack([p.pixels for p in parts], 2))
    image.fromarray = Image
    image.BILINEAR = 2
    image.Resampling = types.SimpleNamespace(BILINEAR=2)
    package = types.ModuleType("PIL")
    package.Image = image
    monkeypatch.setitem(sys.modules, "PIL", package)
    monkeypatch.setitem(sys.modules, "PIL.Image", image)


def an_image(width, height, channels=3):
    rng = np.random.default_rng(0)
    return Image(rng.integers(0, 256, (height, width, channels)))


def serve(monkeypatch, tmp_path, kind, name, content):
    """Let a class download this content, into an empty cache; returns its path."""
    (tmp_path / name).write_bytes(content)
    monkeypatch.setattr(kind, "URL", (tmp_path / name).as_uri())
    monkeypatch.setattr(kind, "SHA256", hashlib.sha256(content).hexdigest())
    monkeypatch.setenv("SIXTY_STEPS_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def safetensors(arrays, metadata=None):
    """The bytes of a .safetensors file."""
    kinds = {"f8": "F64", "f4": "F32", "f2": "F16", "i8": "I64", "b1": "BOOL"}
    header = {} if metadata is None else {"__metadata__": metadata}
    numbers, start = [x.tobytes() for x in arrays.values()], 0
    for (name, x), content in zip(arrays.items(), numbers):
        offsets = [start, start + len(content)]
        kind = kinds[x.dtype.str[1:]]
        header[name] = {"dtype": kind, "shape": x.shape, "data_offsets": offsets}
        start = offsets[1]
    text = json.dumps(header).encode()
    return b"".join([struct.pack("<Q", len(text)), text, *numbers])
