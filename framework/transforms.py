# Cut from steps/step60.py by "make framework": edit the step, not this file.
"""What is done to an example before it is used."""

import numpy as np

from framework.functions.conv import pair


class Compose:
    """compose(x) calls these transforms one after the other; without any, x stays x."""

    def __init__(self, transforms=()):
        self.transforms = transforms

    def __call__(self, x):
        for transform in self.transforms:
            x = transform(x)
        return x


class Convert:
    """A PIL image with its channels as RGB, BGR or in another of PIL's modes."""

    def __init__(self, mode="RGB"):
        self.mode = mode

    def __call__(self, image):
        if self.mode != "BGR":
            return image.convert(self.mode)
        from PIL import Image

        return Image.merge("RGB", image.convert("RGB").split()[::-1])


class Resize:
    """A PIL image in another size: a number, or (width, height)."""

    def __init__(self, size, mode=2):
        self.size = pair(size)
        self.mode = mode  # how PIL is to find the new pixels: 2 is bilinear

    def __call__(self, image):
        return image.resize(self.size, self.mode)


class ResizeShortSide:
    """A PIL image whose shorter side gets a length, the longer one in proportion."""

    def __init__(self, size):
        self.size = size

    def __call__(self, image):
        width, height = image.size
        scale = self.size / (width if width < height else height)
        return image.resize((round(width * scale), round(height * scale)), 2)


class CenterCrop:
    """The middle of a PIL image: a number, or (width, height)."""

    def __init__(self, size):
        self.size = pair(size)

    def __call__(self, image):
        (W, H), (w, h) = image.size, self.size
        left, top = (W - w) // 2, (H - h) // 2
        return image.crop((left, top, left + w, top + h))


class ToArray:
    """A PIL image as an array (C, H, W); an array as it is."""

    def __init__(self, dtype=np.float32):
        self.dtype = dtype

    def __call__(self, image):
        if isinstance(image, np.ndarray):
            return image
        x = np.asarray(image, self.dtype)
        return x[None] if x.ndim == 2 else x.transpose(2, 0, 1)


class ToPIL:
    """An array (C, H, W) of numbers from 0 to 255 as a PIL image."""

    def __call__(self, x):
        from PIL import Image

        x = x.astype(np.uint8)
        return Image.fromarray(x[0] if len(x) == 1 else x.transpose(1, 2, 0))


class RandomHorizontalFlip:
    """An array (..., W), mirrored in every second case on average."""

    def __call__(self, x):
        return x[..., ::-1] if np.random.rand() < 0.5 else x


class Normalize:
    """(x - mean) / std, numbers or C of them for x (C, ...); int becomes float64.

    C numbers are a list, tuple or array. Floats keep their dtype, whatever that of
    mean and std; x itself stays as it is.
    """

    def __init__(self, mean=0, std=1):
        self.mean = mean
        self.std = std

    def __call__(self, x):
        x = x.astype(np.result_type(x.dtype, 0.0), copy=False)  # 8 bits would overflow
        mean, std = np.array(self.mean, x.dtype), np.array(self.std, x.dtype)
        return ((x.T - mean) / std).T  # the C channels are the last axis of x.T


def imagenet_image(image, size=224, dtype=np.float32):
    """The middle of a PIL image, (3, size, size), as PyTorch's weights ask for it."""
    steps = [Convert("RGB"), ResizeShortSide(size * 256 // 224), CenterCrop(size)]
    x = Compose([*steps, ToArray(dtype)])(image) / 255
    return Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])(x)


class Flatten:
    """x in one row."""

    def __call__(self, x):
        return x.reshape(-1)


class AsType:
    """x in another dtype."""

    def __init__(self, dtype=np.float32):
        self.dtype = dtype

    def __call__(self, x):
        return x.astype(self.dtype)


ToFloat = AsType


class ToInt(AsType):
    """x as whole numbers."""

    def __init__(self, dtype=int):
        super().__init__(dtype)
