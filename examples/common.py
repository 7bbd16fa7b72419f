"""What several examples need: a text to read, and pictures as PNG files."""

import ast
import pathlib

import numpy as np

from framework.datasets import Shakespeare
from framework.files import is_cached

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
    try:
        from PIL import Image
    except ImportError:
        print("There is no picture: it needs Pillow (.venv/bin/pip install pillow).")
        return
    image = np.repeat(np.repeat(image, scale, axis=-2), scale, axis=-1)
    pixels = np.clip(image * 255, 0, 255).astype(np.uint8)
    if pixels.ndim == 3:
        pixels = pixels.transpose(1, 2, 0)
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    print(f"The picture is {path}.")
