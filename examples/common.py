"""What several examples need: a text to read, and pictures as PNG files."""

import ast
import pathlib
import struct
import zlib

import numpy as np

from framework.datasets import Shakespeare
from framework.weights import is_cached

ROOT = pathlib.Path(__file__).resolve().parent.parent


def load_text():
    """Shakespeare's plays, if they are in the cache; else the lessons of the steps."""
    if is_cached("shakespeare.txt", Shakespeare.SHA256):
        data = Shakespeare()
        return "".join(data.id_to_char[int(i)] for i in data.data)
    paths = sorted((ROOT / "steps").glob("step*.py"))
    sources = (path.read_text(encoding="utf-8") for path in paths)
    return "\n".join(ast.get_docstring(ast.parse(source)) for source in sources)


def tiled(images, columns):
    """Pictures (N, H, W) or (N, 3, H, W) side by side in rows, as one."""
    rows = -(-len(images) // columns)
    missing = rows * columns - len(images)
    images = np.concatenate([images, np.zeros((missing, *images.shape[1:]))])
    images = images.reshape(rows, columns, *images.shape[1:])
    images = np.pad(images, [(0, 0)] * (images.ndim - 2) + [(1, 1), (1, 1)])
    images = np.moveaxis(images, 1, -2)  # (rows, ..., H, columns, W)
    images = np.moveaxis(images, 0, -4)  # (..., rows, H, columns, W)
    *channels, rows, H, columns, W = images.shape
    return images.reshape(*channels, rows * H, columns * W)


def save_png(path, image, scale=1):
    """Write a picture, (H, W) or (3, H, W) of numbers from 0 to 1, as a PNG file."""
    image = np.repeat(np.repeat(image, scale, axis=-2), scale, axis=-1)
    pixels = np.clip(image * 255, 0, 255).astype(np.uint8)
    colour = pixels.ndim == 3
    if colour:
        pixels = pixels.transpose(1, 2, 0)
    height, width = pixels.shape[:2]
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)
    header = struct.pack(">IIBBBBB", width, height, 8, 2 if colour else 0, 0, 0, 0)
    parts = (b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts))
    print(f"The picture is {path}.")


def chunk(name, content):
    """A part of a PNG file: its length, its name, what is in it, a checksum."""
    checksum = zlib.crc32(name + content)
    return (
        struct.pack(">I", len(content)) + name + content + struct.pack(">I", checksum)
    )
