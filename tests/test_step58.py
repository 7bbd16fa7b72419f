"""Step 58: pictures, published weights, and the networks they belong to."""

import hashlib
import io
import json
import math
import pickle
import re
import struct
import sys
import tarfile
import types
import zlib

import numpy as np
import pytest
from helpers import array, give, hooked, layer_of, records, reference, updated, var

# --- concatenate ---


def pieces(step):
    return [var(step, x) for x in reference("concatenate([x0, x1, x2])")["inputs"]]


def test_concatenate_puts_arrays_side_by_side(step):
    xs = pieces(step)
    y = step.concatenate(xs)
    assert type(y) is step.Variable
    np.testing.assert_array_equal(y.data, np.hstack([x.data for x in xs]))


def test_the_gradient_of_concatenate_is_cut_into_pieces(step):
    expected = reference("concatenate([x0, x1, x2])")
    xs = pieces(step)
    y = step.concatenate(xs)
    y.grad = step.Variable(expected["cotangent"])
    y.backward()
    for x, gx in zip(xs, expected["gradients"], strict=True):
        np.testing.assert_array_equal(array(x.grad), gx)


@pytest.mark.parametrize("axis", [0, 1, 2, 3, -1, -2, -3, -4])
def test_concatenate_along_any_axis(step, axis):
    rng = np.random.default_rng(0)
    shapes = [[2, 3, 2, 3] for _ in range(3)]
    for length, shape in zip((1, 3, 2), shapes):
        shape[axis] = length
    xs = [var(step, rng.standard_normal(shape)) for shape in shapes]
    y = step.concatenate(xs, axis=axis)
    np.testing.assert_array_equal(y.data, np.concatenate([x.data for x in xs], axis))
    gy = rng.standard_normal(y.shape)
    y.grad = step.Variable(gy)
    y.backward()
    for x, gx in zip(xs, np.split(gy, (1, 4), axis), strict=True):
        np.testing.assert_array_equal(array(x.grad), gx)


def test_concatenate_twice_the_same_adds_the_gradients(step):
    x = var(step, [1.0, 2.0, 3.0])
    (step.concatenate([x, x], axis=0) * np.arange(6.0)).backward()
    assert array(x.grad).tolist() == [3.0, 5.0, 7.0]


def test_concatenate_to_order_2(step):
    def f(*xs):
        return step.concatenate(xs, axis=1) ** 3 * np.arange(12.0).reshape(2, 6)

    assert step.gradient_check(f, *pieces(step), order=2)


def test_concatenate_takes_arrays_as_constants(step):
    x = var(step, [[1.0, 2.0]])
    y = step.concatenate([np.array([[5.0]]), x])
    (y * y).backward()
    assert y.data.tolist() == [[5.0, 1.0, 2.0]]
    assert array(x.grad).tolist() == [[2.0, 4.0]]


def test_concatenate_keeps_float32_and_each_gradient_its_own_dtype(step):
    x0, x1 = var(step, [[1, 2]], np.float32), var(step, [[3]], np.float32)
    assert step.concatenate([x0, x1]).dtype == np.float32
    step.concatenate([x0, var(step, [[3]])]).backward()
    assert array(x0.grad).dtype == np.float32


def test_concatenate_refuses_shapes_that_differ_elsewhere(step):
    with pytest.raises(ValueError, match=r"\(2, 3\) and \(3, 3\)"):
        step.concatenate([var(step, np.ones((2, 3))), var(step, np.ones((3, 3)))])


# --- transforms of pictures ---


class Picture:
    """What the transforms use of a picture of PIL; pixels are (H, W) or (H, W, C)."""

    def __init__(self, pixels):
        self.pixels = np.asarray(pixels, np.uint8)
        self.size = self.pixels.shape[1::-1]
        self.asked = None

    def __array__(self, dtype=None, copy=None):
        return self.pixels.astype(dtype or np.uint8)

    def convert(self, mode):
        if mode == "L":
            return Picture(self.pixels[..., :3].mean(axis=2))
        colour = self.pixels[..., :3] if self.pixels.ndim == 3 else self.pixels
        return Picture(np.broadcast_to(colour.T, (3, *self.size)).T)

    def resize(self, size, resample=None):
        """The nearest pixels, and a note of what was asked for."""
        (W, H), (w, h) = self.size, size
        picture = Picture(self.pixels[np.arange(h) * H // h][:, np.arange(w) * W // w])
        picture.asked = size, resample
        return picture

    def crop(self, box):
        left, top, right, bottom = box
        return Picture(self.pixels[top:bottom, left:right])

    def split(self):
        return tuple(map(Picture, np.moveaxis(self.pixels, 2, 0)))


@pytest.fixture
def pil(monkeypatch):
    """A module PIL that knows as much as Picture."""
    image = types.ModuleType("PIL.Image")
    image.merge = lambda mode, parts: Picture(np.stack([p.pixels for p in parts], 2))
    image.fromarray = Picture
    image.BILINEAR = 2
    image.Resampling = types.SimpleNamespace(BILINEAR=2)
    package = types.ModuleType("PIL")
    package.Image = image
    monkeypatch.setitem(sys.modules, "PIL", package)
    monkeypatch.setitem(sys.modules, "PIL.Image", image)


def a_picture(width, height, channels=3):
    rng = np.random.default_rng(0)
    return Picture(rng.integers(0, 256, (height, width, channels)))


def test_convert_is_rgb_at_first(step):
    image = a_picture(5, 4, channels=4)
    found = step.Convert()(image).pixels
    np.testing.assert_array_equal(found, image.pixels[..., :3])


def test_convert_to_another_mode_of_pil(step):
    image = a_picture(5, 4)
    found = step.Convert("L")(image).pixels
    np.testing.assert_array_equal(found, image.convert("L").pixels)


@pytest.mark.parametrize("channels", [3, 4])
def test_convert_to_bgr(step, pil, channels):
    """BGR is RGB with the last channel first."""
    image = a_picture(5, 4, channels)
    found = step.Convert("BGR")(image).pixels
    np.testing.assert_array_equal(found, image.pixels[..., 2::-1])


def test_resize(step):
    """A single size stands for height and width."""
    image = a_picture(5, 4)
    assert step.Resize((3, 2))(image).asked == ((3, 2), 2)
    assert step.Resize(7)(image).asked == ((7, 7), 2)
    assert step.Resize(7, 0)(image).asked == ((7, 7), 0)


@pytest.mark.parametrize(
    "size, short, expected",
    [
        ((451, 300), 256, (385, 256)),
        ((300, 451), 256, (256, 385)),
        ((400, 600), 30, (30, 45)),
        ((10, 10), 7, (7, 7)),
        ((20, 10), 40, (80, 40)),
    ],
)
def test_resize_short_side(step, size, short, expected):
    """The short side gets its size; the ratio of the sides stays."""
    image = step.ResizeShortSide(short)(a_picture(*size))
    assert image.asked == (expected, 2)


@pytest.mark.parametrize("size, box", [((4, 2), (3, 2, 7, 4)), (3, (3, 1, 6, 4))])
def test_center_crop(step, size, box):
    """What is cut out is the middle."""
    image = a_picture(10, 6)
    found = step.CenterCrop(size)(image)
    np.testing.assert_array_equal(found.pixels, image.crop(box).pixels)


def test_to_array_puts_the_channels_first(step):
    image = a_picture(5, 4)
    x = step.ToArray()(image)
    assert x.dtype == np.float32
    np.testing.assert_array_equal(x, np.moveaxis(image.pixels, 2, 0))


def test_to_array_of_grey_values_has_one_channel(step):
    image = a_picture(5, 4).convert("L")
    x = step.ToArray(np.float64)(image)
    assert (x.shape, x.dtype) == ((1, 4, 5), np.float64)
    np.testing.assert_array_equal(x[0], image.pixels)


def test_to_array_leaves_an_array_as_it_is(step):
    x = np.arange(6).reshape(1, 2, 3)
    assert step.ToArray()(x) is x


@pytest.mark.parametrize("channels", [1, 3])
def test_to_pil_is_the_way_back(step, pil, channels):
    x = np.random.default_rng(0).integers(0, 256, (channels, 4, 5)).astype(np.float32)
    image = step.ToPIL()(x)
    assert image.pixels.shape == ((4, 5) if channels == 1 else (4, 5, 3))
    np.testing.assert_array_equal(step.ToArray()(image), x)


def test_random_horizontal_flip(step):
    """Half of the pictures are flipped, left to right."""
    x = np.arange(24).reshape(2, 3, 4)
    np.random.seed(0)
    flip = step.RandomHorizontalFlip()
    flipped = 0
    for _ in range(400):
        y = flip(x)
        is_flipped = y[0, 0, 0] == 3
        np.testing.assert_array_equal(y, x[:, :, ::-1] if is_flipped else x)
        flipped += is_flipped
    assert 150 < flipped < 250


def test_the_transforms_with_pil_itself(step):
    Image = pytest.importorskip("PIL.Image")
    pixels = np.random.default_rng(0).integers(0, 256, (6, 9, 3)).astype(np.uint8)
    image = Image.fromarray(pixels)
    bgr = step.ToArray()(step.Convert("BGR")(image))
    np.testing.assert_array_equal(bgr, np.moveaxis(pixels, 2, 0)[::-1])
    assert step.Resize((3, 4))(image).size == (3, 4)
    assert step.ResizeShortSide(4)(image).size == (6, 4)
    crop = step.ToArray()(step.CenterCrop((3, 2))(image))
    np.testing.assert_array_equal(crop, np.moveaxis(pixels[2:4, 3:6], 2, 0))
    x = step.ToArray()(image)
    np.testing.assert_array_equal(np.asarray(step.ToPIL()(x)), pixels)
    np.testing.assert_array_equal(np.asarray(step.ToPIL()(x[:1])), pixels[..., 0])


# --- pictures as the networks ask for them ---


def test_imagenet_picture(step):
    """The middle 224 x 224 pixels, less the mean, divided by the deviation."""
    image = a_picture(300, 256, channels=4)
    x = step.imagenet_picture(image)
    middle = np.moveaxis(image.pixels[16:240, 38:262, :3], 2, 0) / 255.0
    mean, std = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
    expected = (middle - np.reshape(mean, (3, 1, 1))) / np.reshape(std, (3, 1, 1))
    assert (x.shape, x.dtype) == ((3, 224, 224), np.float32)
    np.testing.assert_allclose(x, expected, rtol=1e-4, atol=1e-5)


def test_imagenet_picture_of_another_size_and_dtype(step):
    image = a_picture(300, 64)
    x = step.imagenet_picture(image, size=56, dtype=np.float64)
    assert (x.shape, x.dtype) == ((3, 56, 56), np.float64)
    red = (image.pixels[4, 122, 0] / 255 - 0.485) / 0.229
    assert x[0, 0, 0] == pytest.approx(red, rel=1e-12)


def test_resnet_asks_for_the_same(step, quick, monkeypatch):
    image = a_picture(300, 280)
    few_blocks(step, monkeypatch)
    for model in (step.ResNet, step.ResNet50()):
        found, expected = model.preprocess(image), step.imagenet_picture(image)
        np.testing.assert_array_equal(found, expected)


def test_the_picture_of_squeezenet(step, pil):
    image = a_picture(300, 256)
    x = step.SqueezeNet.preprocess(image)
    middle = np.moveaxis(image.pixels[14:241, 36:263, ::-1], 2, 0)
    assert (x.shape, x.dtype) == ((3, 227, 227), np.float32)
    means = np.reshape([104.0, 117, 123], (3, 1, 1))
    np.testing.assert_array_equal(x, middle - means)
    half = np.moveaxis(a_picture(600, 512).pixels[::2, ::2][14:241, 36:263, ::-1], 2, 0)
    x = step.SqueezeNet.preprocess(a_picture(600, 512))
    np.testing.assert_array_equal(x, half - means)
    assert (
        step.SqueezeNet.preprocess(a_picture(20, 30), size=100).shape[1:] == (100,) * 2
    )
    assert step.SqueezeNet.preprocess(image, dtype=np.float64).dtype == np.float64


def test_the_picture_of_vgg16_for_the_weights_of_the_book(step, pil):
    means = np.reshape([103.939, 116.779, 123.68], (3, 1, 1))
    image = a_picture(224, 224)
    x = step.VGG16.preprocess(image)
    assert (x.shape, x.dtype) == ((3, 224, 224), np.float32)
    expected = np.moveaxis(image.pixels[..., ::-1], 2, 0) - means
    np.testing.assert_allclose(x, expected, rtol=1e-6, atol=1e-4)
    image = a_picture(20, 10)
    assert step.VGG16.preprocess(image).shape == (3, 224, 224)
    assert step.VGG16.preprocess(image, size=(8, 6)).shape == (3, 6, 8)
    as_it_is = step.VGG16.preprocess(image, size=None, dtype=np.float64)
    expected = np.moveaxis(image.pixels[..., ::-1], 2, 0) - means
    np.testing.assert_allclose(as_it_is, expected, rtol=1e-14)


# --- files of weights ---


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


SOME = {
    "a.weight": np.array([[1.5, -2.0, 3.0], [0.0, 1e30, -0.5]], np.float32),
    "n": np.array(7),
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


# --- the names and the layout of PyTorch ---


def small_model(step):
    """A convolution, batch normalisation, two linear layers and a list of one."""

    class Small(step.Model):
        def __init__(self):
            self.conv = step.Conv2d(2, 3, in_channels=1)
            self.bn = step.BatchNorm()
            self.fc = step.Linear(2, in_size=3)
            self.head = step.Linear(2, in_size=3)
            self.blocks = [step.Linear(3, nobias=True, in_size=3)]

    return Small()


def test_from_pytorch_gives_the_names_of_our_parameters(step):
    model = small_model(step)
    arrays = {
        "conv.weight": np.zeros((2, 1, 3, 3)),
        "conv.bias": np.ones(2),
        "bn.weight": np.full(2, 2.0),
        "bn.bias": np.full(2, 3.0),
        "bn.running_mean": np.full(2, 4.0),
        "bn.running_var": np.full(2, 5.0),
        "bn.num_batches_tracked": np.array(6),
        "blocks.0.weight": np.full((3, 3), 7.0),
    }
    names = "conv/W conv/b bn/gamma bn/beta bn/avg_mean bn/avg_var blocks/0/W".split()
    found = step.from_pytorch(model, arrays)
    assert list(found) == names
    for i, name in enumerate(names):
        assert found[name].flat[0] == (i if i < 6 else 7)


def test_from_pytorch_turns_the_weight_of_a_linear_layer(step):
    W = np.arange(6.0).reshape(2, 3)
    found = step.from_pytorch(small_model(step), {"fc.weight": W, "fc.bias": W[0]})
    np.testing.assert_array_equal(found["fc/W"], W.T)
    np.testing.assert_array_equal(found["fc/b"], W[0])


def test_from_pytorch_turns_the_kernel_of_a_linear_layer(step):
    W = np.arange(24.0).reshape(2, 3, 2, 2)
    found = step.from_pytorch(small_model(step), {"fc.weight": W})
    np.testing.assert_array_equal(found["fc/W"], W.reshape(2, 12).T)


def test_from_pytorch_keeps_the_names_that_it_does_not_know(step):
    arrays = {"conv.scale": np.ones(1), "tail.weight": np.ones(2), "x": np.ones(3)}
    arrays["blocks.0.bias"] = np.ones(4)
    found = step.from_pytorch(small_model(step), arrays)
    assert [len(found[name]) for name in arrays] == [1, 2, 3, 4]
    assert list(found) == list(arrays)


# --- the networks, with weights that are made up ---


def made_up(name, shape):
    """Numbers for the array of this name, the same ones in every run."""
    kind, seed = name.rpartition(".")[2], zlib.crc32(name.encode())
    if kind == "num_batches_tracked":
        return np.array(7)
    x = np.random.RandomState(seed).uniform(-1, 1, shape)
    if kind == "running_var" or (kind == "weight" and len(shape) == 1):
        x = 1 + x / 2
    elif kind == "weight":
        x *= math.sqrt(6 / math.prod(shape[1:]))
    elif kind in ("bias", "running_mean"):
        x *= 0.3
    return x.astype(np.float32).astype(float)


def made_up_file(layout):
    """The arrays of a file of this layout, as float64."""
    return {name: made_up(name, shape) for name, shape in layout.items()}


def as_published(name):
    """The arrays that are recorded for a network, in the dtypes of a file."""
    arrays = made_up_file(records("networks")[name]["layout"])
    return {k: x.astype(np.float32 if x.ndim else int) for k, x in arrays.items()}


def written(path, arrays):
    """path, where the arrays now are in a file of the kind of its ending."""
    if path.suffix == ".npz":
        np.savez(path, **arrays)
    else:
        path.write_bytes(safetensors(arrays))
    return path


def check_outputs(step, model, name):
    """The outputs of a model in test mode are those that are recorded."""
    record = records("networks")[name]
    x = made_up("input", record["input"])
    with step.test_mode():
        assert model(x.astype(np.float32)).dtype == np.float32
        for param in model.named_params().values():
            param.data = param.data.astype(float)
        y = model(x)
    found = y.data.reshape(-1)[:: record["every"]]
    np.testing.assert_allclose(found, record["value"], rtol=1e-8, atol=1e-10)


def parts(step):
    """Bottleneck and Fire as they are recorded, of a few channels."""
    return {"Bottleneck": step.Bottleneck(3, 2, 2), "Fire": step.Fire(3, 2, 4)}


@pytest.mark.parametrize("name", ["Bottleneck", "Fire"])
def test_the_part_of_a_network(step, name):
    layer = parts(step)[name]
    arrays = step.from_pytorch(layer, as_published(name))
    step.set_weights(layer, arrays, "a file")
    check_outputs(step, layer, name)


@pytest.mark.parametrize("name", ["Bottleneck", "Fire"])
def test_the_gradients_of_a_part(step, name):
    np.random.seed(0)
    layer = parts(step)[name]
    x = var(step, np.random.default_rng(1).standard_normal((2, 3, 5, 4)))
    layer(x)
    for param in layer.named_params().values():
        param.data = param.data.astype(float)
    assert step.gradient_check(layer, x, eps=1e-6, tolerance=1e-4)
    layer(x).backward()
    assert all(param.grad is not None for param in layer.params())


def test_a_bottleneck_goes_around_with_a_convolution_only_where_it_must(step):
    assert step.Bottleneck(8, 2, 1).downsample == []
    for inputs, stride in ((8, 2), (4, 1)):
        layers = step.Bottleneck(inputs, 2, stride).downsample
        assert [type(layer) for layer in layers] == [step.Conv2d, step.BatchNorm]


@pytest.mark.parametrize("kind", [".npz", ".safetensors"])
def test_squeezenet_with_weights_from_a_file(step, quick, tmp_path, kind):
    path = written(tmp_path / f"a{kind}", as_published("SqueezeNet"))
    check_outputs(step, step.SqueezeNet(pretrained=path), "SqueezeNet")


def few_blocks(step, monkeypatch):
    depths = dict.fromkeys((50, 101, 152), (1, 2, 1, 1))
    monkeypatch.setattr(step.ResNet, "DEPTHS", depths)


def test_resnet_with_weights_from_a_file(step, quick, tmp_path, monkeypatch):
    few_blocks(step, monkeypatch)
    path = written(tmp_path / "a.safetensors", as_published("ResNet"))
    check_outputs(step, step.ResNet50(pretrained=str(path)), "ResNet")


def small_vgg(step, monkeypatch):
    """VGG16 of a few channels, and linear layers in proportion."""
    monkeypatch.setattr(step.VGG16, "BLOCKS", ((2, 3), (4,)))
    model = step.VGG16()
    model.fc6, model.fc7, model.fc8 = step.Linear(5), step.Linear(6), step.Linear(7)
    return model


def in_the_names_of_the_book(arrays):
    """The arrays of the small VGG16 as our own parameters."""
    names = "conv1_1 conv1_2 conv2_1 fc6 fc7 fc8".split()
    values = list(arrays.values())
    found = {}
    for i, name in enumerate(names):
        W, b = values[2 * i : 2 * i + 2]
        found[f"{name}/W"] = W.reshape(len(W), -1).T if i > 2 else W
        found[f"{name}/b"] = b
    return found


def test_vgg16_with_weights_of_timm(step, tmp_path, monkeypatch):
    model = small_vgg(step, monkeypatch)
    arrays = as_published("VGG16")
    model.load_published(written(tmp_path / "a.safetensors", arrays))
    check_outputs(step, model, "VGG16")
    image = a_picture(300, 280)
    np.testing.assert_array_equal(
        model.preprocess(image), step.imagenet_picture(image), "RGB, mean and deviation"
    )


def test_the_places_of_timm_are_sorted_as_numbers(step, tmp_path, monkeypatch):
    model = small_vgg(step, monkeypatch)
    arrays = {name: x for name, x in reversed(as_published("VGG16").items())}
    arrays = {k.replace("features.5", "features.10"): x for k, x in arrays.items()}
    model.load_published(written(tmp_path / "a.safetensors", arrays))
    check_outputs(step, model, "VGG16")


def test_vgg16_with_weights_of_the_book(step, pil, tmp_path, monkeypatch):
    model = small_vgg(step, monkeypatch)
    arrays = in_the_names_of_the_book(as_published("VGG16"))
    model.load_published(written(tmp_path / "a.npz", arrays))
    check_outputs(step, model, "VGG16")
    image = a_picture(224, 224)
    np.testing.assert_array_equal(
        model.preprocess(image), step.VGG16.preprocess(image), "BGR, less the means"
    )


def test_vgg16_reads_the_file_that_pretrained_names(step, tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(step.VGG16, "BLOCKS", ((1,),))
    monkeypatch.setattr(
        step.VGG16, "load_published", lambda self, path: seen.append(path)
    )
    step.VGG16(pretrained="a file")
    step.VGG16()
    assert seen == ["a file"]


def serve(monkeypatch, tmp_path, kind, name, content):
    """Let a class download this content, into an empty cache; returns its path."""
    (tmp_path / name).write_bytes(content)
    monkeypatch.setattr(kind, "URL", (tmp_path / name).as_uri())
    monkeypatch.setattr(kind, "SHA256", hashlib.sha256(content).hexdigest())
    monkeypatch.setenv("SIXTY_STEPS_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_vgg16_downloads_its_weights_if_pretrained_is_true(step, tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(step.VGG16, "BLOCKS", ((1,),))
    monkeypatch.setattr(
        step.VGG16, "load_published", lambda self, path: seen.append(path)
    )
    cache = serve(monkeypatch, tmp_path, step.VGG16, "model.safetensors", b"weights")
    step.VGG16(pretrained=True)
    assert seen[0].read_bytes() == b"weights"
    assert cache in seen[0].parents
    seen[0].write_bytes(b"altered")
    (tmp_path / "model.safetensors").write_bytes(b"altered, too")
    with pytest.raises(ConnectionError, match="SHA-256"):
        step.VGG16(pretrained=True)


def test_what_a_file_lacks_or_has_too_much_is_named(step, tmp_path, monkeypatch):
    arrays = as_published("SqueezeNet")
    x = arrays.pop("fire5.expand1x1.bias")
    arrays |= {"fire2.extra.weight": x, "conv1.bias": np.ones(5, np.float32)}
    path = written(tmp_path / "a.npz", arrays)
    with pytest.raises(ValueError) as error:
        step.SqueezeNet(path)
    for words in (
        str(path),
        "fire5/expand1x1/b",
        "fire2.extra.weight",
        "conv1/b",
        "(5,)",
    ):
        assert words in str(error.value)

    arrays = as_published("VGG16")
    del arrays["pre_logits.fc2.weight"]
    model = small_vgg(step, monkeypatch)
    path = written(tmp_path / "b.safetensors", arrays | {"features.9.weight": x})
    with pytest.raises(ValueError) as error:
        model.load_published(path)
    for words in (str(path), "fc7/W", "features.9.weight"):
        assert words in str(error.value)


def test_what_a_file_of_resnet_lacks_is_named(step, quick, tmp_path, monkeypatch):
    few_blocks(step, monkeypatch)
    path = written(tmp_path / "a.npz", {"layer1.0.bn1.weight": np.ones(64)})
    with pytest.raises(ValueError) as error:
        step.ResNet(50, path)
    assert str(path) in str(error.value)
    assert "layer2/1/conv3/W" in str(error.value)
    assert "layer1/0/bn1/gamma" not in str(error.value)


# --- the networks as they are ---


class Zeros(np.ndarray):
    """Any number of zeros in the memory of one."""

    def __mul__(self, other):
        return self

    def astype(self, dtype):
        return np.broadcast_to(np.zeros((), dtype), self.shape)


def no_conv2d(x, W, b=None, stride=1, pad=0):
    """Zeros of the shape that conv2d gives."""
    pairs = [np.broadcast_to(n, 2).tolist() for n in (stride, pad)]
    sizes = zip(x.shape[2:], W.shape[2:], *pairs)
    sizes = [(size + 2 * p - k) // s + 1 for size, k, s, p in sizes]
    return x.__class__(np.zeros((len(x), len(W), *sizes), np.float32))


@pytest.fixture
def quick(monkeypatch):
    """Zeros in the place of millions of random weights."""

    def randn(*shape):
        return np.broadcast_to(np.zeros(()), shape).view(Zeros)

    monkeypatch.setattr(np.random, "randn", randn)


def learned(model):
    return int(np.sum([param.size for param in model.params()]))


@pytest.mark.parametrize(
    "kind, count",
    [("ResNet50", 25_557_032), ("ResNet101", 44_549_160), ("ResNet152", 60_192_808)],
)
def test_the_parameters_of_resnet(step, quick, monkeypatch, kind, count):
    monkeypatch.setattr(step, "conv2d", no_conv2d)
    model = getattr(step, kind)()
    assert isinstance(model, step.ResNet)
    assert isinstance(model, step.Model)
    with step.test_mode(), step.no_grad():
        y = model(np.zeros((1, 3, 32, 32), np.float32))
    assert y.shape == (1, 1000)
    assert learned(model) == count


def test_the_parts_of_resnet(step, quick, monkeypatch):
    few_blocks(step, monkeypatch)
    model = step.ResNet(101)
    for i, depth in enumerate((1, 2, 1, 1), 1):
        blocks = getattr(model, f"layer{i}")
        assert [type(block) for block in blocks] == [step.Bottleneck] * depth
    assert model.fc.W.shape == (2048, 1000)


def test_a_resnet_has_152_layers_unless_it_is_told(step, quick, monkeypatch):
    depths = {152: (2, 1, 1, 1), 50: (1, 1, 1, 1)}
    monkeypatch.setattr(step.ResNet, "DEPTHS", depths)
    assert len(step.ResNet().layer1) == 2
    assert len(step.ResNet(50).layer1) == 1


def test_a_resnet_of_another_depth_is_refused(step):
    with pytest.raises(ValueError, match="34"):
        step.ResNet(34)


@pytest.mark.parametrize("kind", ["ResNet50", "ResNet101", "ResNet152", "SqueezeNet"])
def test_pretrained_true_asks_for_a_file(step, quick, monkeypatch, kind):
    few_blocks(step, monkeypatch)
    with pytest.raises(ValueError, match="pretrained|file"):
        getattr(step, kind)(pretrained=True)


def test_the_parameters_of_squeezenet(step, quick):
    model = step.SqueezeNet()
    assert isinstance(model, step.Model)
    assert learned(model) == 1_248_424
    wide = [getattr(model, f"fire{i}").expand3x3.W.shape[0] for i in range(2, 10)]
    assert wide == [64, 64, 128, 128, 192, 192, 256, 256]


def test_the_parameters_of_vgg16(step, quick):
    model = step.VGG16()
    assert isinstance(model, step.Model)
    seen = []

    def fc6(x):
        seen.append(x.shape)
        return np.zeros((1, 1), np.float32)

    linear = model.fc6, model.fc7, model.fc8
    vars(model).update(fc6=fc6, fc7=lambda x: x, fc8=lambda x: x)
    with step.no_grad():
        model(np.zeros((1, 3, 32, 64), np.float32))
    assert seen == [(1, 512 * 1 * 2)], "five times half the size, 512 channels"
    count, inputs = learned(model), 512 * 7 * 7
    for layer in linear:
        count += (inputs + 1) * layer.b.size
        inputs = layer.b.size
    assert count == 138_357_544


def watched(step, value):
    """A layer that keeps what it is given, and gives a fixed value."""
    seen = []

    def layer(x):
        seen.append(array(x))
        return step.as_variable(np.array(value))

    return layer, seen


def test_vgg16_drops_out_behind_two_linear_layers(step, quick, monkeypatch):
    monkeypatch.setattr(step.VGG16, "BLOCKS", ((1,),))
    model = step.VGG16()
    wide = np.where(np.arange(400) % 4, 3.0, -3.0)[None]
    vars(model)["fc6"], _ = watched(step, wide)
    vars(model)["fc7"], sixth = watched(step, wide)
    vars(model)["fc8"], seventh = watched(step, np.ones((1, 2)))
    x = np.zeros((1, 3, 2, 2), np.float32)
    model(x)
    for seen in (sixth, seventh):
        assert sorted({*seen[0].flat}) == [0.0, 6.0]
        assert 90 < (seen[0] > 0).sum() < 210
    with step.test_mode():
        model(x)
    for seen in (sixth, seventh):
        np.testing.assert_array_equal(seen[1], np.maximum(wide, 0))


def test_squeezenet_drops_out_before_its_last_convolution(step, quick):
    model = step.SqueezeNet()
    vars(model)["fire9"], _ = watched(step, np.full((1, 512, 2, 2), 3.0))
    last = np.array([[[[-4.0, 1.0], [2.0, 3.0]]]])
    vars(model)["conv_final"], seen = watched(step, last)
    x = np.zeros((1, 3, 67, 67), np.float32)
    y = model(x)
    assert y.data.tolist() == [[1.5]], "the mean of what relu leaves"
    assert sorted({*seen[0].flat}) == [0.0, 6.0]
    with step.test_mode():
        model(x)
    assert {*seen[1].flat} == {3.0}


# --- pickles and the data sets in them ---


class Python2Pickler(pickle._Pickler):
    """Writes as Python 2 did, in which text was bytes."""

    dispatch = pickle._Pickler.dispatch.copy()

    def save_bytes(self, x):
        x = x.encode() if isinstance(x, str) else x
        self.write(b"T" + struct.pack("<i", len(x)) + x)

    dispatch[bytes] = dispatch[str] = save_bytes


def python2_pickle(x):
    file = io.BytesIO()
    Python2Pickler(file, 2).dump(x)
    return file.getvalue().replace(b"numpy._core.multiarray", b"numpy.core.multiarray")


def test_an_array_unpickler_reads_what_python_2_wrote(step):
    rng = np.random.default_rng(0)
    data = rng.integers(0, 256, (4, 12)).astype(np.uint8)
    content = python2_pickle({"data": data, "labels": [3, 1], "name": "a", "x": (1.5,)})
    assert b"_codecs" not in content
    found = step.ArrayUnpickler(io.BytesIO(content), encoding="bytes").load()
    assert list(found) == [b"data", b"labels", b"name", b"x"]
    np.testing.assert_array_equal(found[b"data"], data)
    assert found[b"data"].dtype == np.uint8
    assert (found[b"labels"], found[b"name"], found[b"x"]) == ([3, 1], b"a", (1.5,))


MALICIOUS = {
    "os.system": b"cos\nsystem\n(S'false'\ntR.",
    "builtins.eval": b"cbuiltins\neval\n(S'1'\ntR.",
    "__builtin__.eval": b"\x80\x02c__builtin__\neval\n(U\x011tR.",
    "numpy.load": b"cnumpy\nload\n(S'x'\ntR.",
    "numpy.fromfile": b"cnumpy\nfromfile\n(S'x'\ntR.",
    "numpyfalse.ndarray": b"cnumpyfalse\nndarray\n(S'x'\ntR.",
    "types.ndarray": b"ctypes\nndarray\n(I1\ntR.",
    "os.dtype": b"cos\ndtype\n(S'f4'\ntR.",
    "by name": b"\x80\x04\x8c\x02os\x94\x8c\x06getpid\x94\x93)R.",
}


@pytest.mark.parametrize("content", MALICIOUS.values(), ids=MALICIOUS)
def test_an_array_unpickler_refuses_to_run_anything(step, content):
    with pytest.raises(pickle.UnpicklingError):
        step.ArrayUnpickler(io.BytesIO(content), encoding="bytes").load()


def test_an_array_unpickler_finds_what_arrays_are_made_with(step):
    find = step.ArrayUnpickler(io.BytesIO()).find_class
    assert find("numpy", "ndarray") is np.ndarray
    assert find("numpy", "dtype") is np.dtype
    for module in ("numpy.core.multiarray", "numpy._core.multiarray"):
        assert find(module, "_reconstruct")(np.ndarray, (0,), b"b").shape == (0,)


def test_an_array_unpickler_names_what_it_refuses(step):
    with pytest.raises(pickle.UnpicklingError, match="os.system"):
        step.ArrayUnpickler(io.BytesIO(MALICIOUS["os.system"])).load()


def archive(members):
    """The bytes of a .tar.gz of files in a folder."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as tar:
        folder = tarfile.TarInfo("cifar")
        folder.type = tarfile.DIRTYPE
        tar.addfile(folder)
        for name, content in members.items():
            info = tarfile.TarInfo(f"cifar/{name}")
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return file.getvalue()


def cifar_batch(seed, labels):
    """A batch as in the archive, and its pictures (N, 3, 32, 32)."""
    count = len(next(iter(labels.values())))
    x = np.random.default_rng(seed).integers(0, 256, (count, 3, 32, 32), np.uint8)
    return {"data": x.reshape(count, -1), "batch_label": "a batch", **labels}, x


def cifar10_batches():
    """Batches by name, in another order than that of their numbers."""
    names = (
        "data_batch_4 test_batch data_batch_1 data_batch_5 data_batch_2 data_batch_3"
    )
    return {
        name: cifar_batch(i, {"labels": [(i + j) % 10 for j in range(1 + i % 2)]})
        for i, name in enumerate(names.split())
    }


def cifar10_archive(batches):
    members = {name: python2_pickle(batch) for name, (batch, _) in batches.items()}
    other = {"readme.html": b"no pickle", "batches.meta": b"neither"}
    return archive(other | members)


def test_cifar10(step, monkeypatch, tmp_path):
    """The five batches follow each other, with their labels."""
    batches = cifar10_batches()
    serve(monkeypatch, tmp_path, step.CIFAR10, "a.tar.gz", cifar10_archive(batches))
    chosen = [batches[f"data_batch_{i}"] for i in range(1, 6)]
    data = step.CIFAR10()
    assert isinstance(data, step.Dataset)
    assert data.data.dtype == np.uint8
    np.testing.assert_array_equal(data.data, np.concatenate([x for _, x in chosen]))
    labels = [label for batch, _ in chosen for label in batch["labels"]]
    assert list(data.label) == labels
    assert data.label.dtype.kind == "i"
    assert len(data) == len(labels)

    data = step.CIFAR10(train=False)
    np.testing.assert_array_equal(data.data, batches["test_batch"][1])
    assert list(data.label) == batches["test_batch"][0]["labels"]


def test_the_examples_of_cifar10_are_scaled(step, monkeypatch, tmp_path):
    batches = cifar10_batches()
    content = cifar10_archive(batches)
    serve(monkeypatch, tmp_path, step.CIFAR10, "a.tar.gz", content)
    x, t = step.CIFAR10(train=False)[1]
    raw = batches["test_batch"][1][1]
    assert (x.shape, x.dtype) == ((3, 32, 32), np.float32)
    np.testing.assert_allclose(x, raw / 127.5 - 1, atol=1e-6)
    assert t == batches["test_batch"][0]["labels"][1]
    data = step.CIFAR10(False, lambda x: x[:, :2], lambda t: t + 100)
    np.testing.assert_array_equal(data[1][0], raw[:, :2])
    assert data[1][1] == t + 100


def test_cifar10_is_downloaded_once_and_checked(step, monkeypatch, tmp_path):
    content = cifar10_archive(cifar10_batches())
    cache = serve(monkeypatch, tmp_path, step.CIFAR10, "a.tar.gz", content)
    step.CIFAR10(train=False)
    (tmp_path / "a.tar.gz").unlink()
    step.CIFAR10(train=False)
    (found,) = cache.iterdir()
    found.write_bytes(content[:-1])
    with pytest.raises(ConnectionError, match="a.tar.gz"):
        step.CIFAR10(train=False)


def test_a_malicious_batch_is_refused(step, monkeypatch, tmp_path):
    content = archive({"test_batch": MALICIOUS["os.system"]})
    serve(monkeypatch, tmp_path, step.CIFAR10, "a.tar.gz", content)
    with pytest.raises(pickle.UnpicklingError, match="os.system"):
        step.CIFAR10(train=False)


def test_the_names_of_cifar10(step):
    names = "airplane automobile bird cat deer dog frog horse ship truck"
    assert list(step.CIFAR10.labels()) == names.split()


def test_cifar100(step, monkeypatch, tmp_path):
    """The labels are the fine ones, or the coarse ones if asked for."""
    batches = {
        name: cifar_batch(
            len(name),
            {"coarse_labels": [i, 19], "fine_labels": [99, i], "filenames": ["a", "b"]},
        )
        for i, name in enumerate(("test", "train"))
    }
    members = {name: python2_pickle(batch) for name, (batch, _) in batches.items()}
    content = archive({"meta": b"no pickle", **members})
    serve(monkeypatch, tmp_path, step.CIFAR100, "b.tar.gz", content)
    data = step.CIFAR100()
    np.testing.assert_array_equal(data.data, batches["train"][1])
    assert list(data.label) == [99, 1]
    assert list(step.CIFAR100(label_type="coarse").label) == [1, 19]
    assert list(step.CIFAR100().label) == [99, 1]
    data = step.CIFAR100(False, label_type="fine")
    np.testing.assert_array_equal(data.data, batches["test"][1])
    assert list(data.label) == [99, 0]
    x, t = step.CIFAR100(False, lambda x: x, lambda t: -t, "coarse")[1]
    np.testing.assert_array_equal(x, data.data[1])
    assert t == -19
    np.testing.assert_allclose(data[1][0], data.data[1] / 127.5 - 1, atol=1e-6)


def test_the_names_of_cifar100(step, monkeypatch, tmp_path):
    meta = {"fine_label_names": ["apple", "rose"], "coarse_label_names": ["fish"]}
    content = archive({"meta": python2_pickle(meta)})
    serve(monkeypatch, tmp_path, step.CIFAR100, "b.tar.gz", content)
    assert step.CIFAR100.labels() == ["apple", "rose"]
    assert step.CIFAR100.labels("coarse") == ["fish"]


@pytest.mark.parametrize(
    "name, array", [("features.x.weight", 1.0), ("fc.weight", 1.0), ("f", 1.0)]
)
def test_an_odd_name_in_a_file_is_named(step, tmp_path, monkeypatch, name, array):
    arrays = as_published("VGG16") | {name: np.array(array)}
    model = small_vgg(step, monkeypatch)
    with pytest.raises(ValueError, match=name):
        model.load_published(written(tmp_path / "a.safetensors", arrays))


def test_the_names_of_imagenet(step, monkeypatch, tmp_path):
    content = json.dumps(["tench", "crêpe"]).encode()
    serve(monkeypatch, tmp_path, step.ImageNet, "a.json", content)
    assert step.ImageNet.labels() == ["tench", "crêpe"]
    (tmp_path / "a.json").unlink()
    assert step.ImageNet.labels() == ["tench", "crêpe"]


def test_the_names_of_imagenet_are_no_program(step, monkeypatch, tmp_path):
    serve(monkeypatch, tmp_path, step.ImageNet, "a.json", b"['tench', str(1 + 1)]")
    with pytest.raises(ValueError):
        step.ImageNet.labels()


# The checksums of CIFAR are those in the Keras package, that of VGG16 is timm's.
CHECKSUMS = {
    "VGG16": "57b026918159a6bf9faf8405c3a551903768e7138989d9c6224a14227203fad8",
    "CIFAR10": "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce",
    "CIFAR100": "85cd44d02ba6437773c5bbd22e183051d648de2e7d6b014e1ef29b855ba677a7",
    "ImageNet": "987705581d9446328498f950454a1cc7d8dfc578a8243d8bfdcd2588a6905aae",
}


@pytest.mark.parametrize("kind", CHECKSUMS)
def test_the_checksum_of_what_is_downloaded(step, kind):
    assert getattr(step, kind).SHA256 == CHECKSUMS[kind]


def test_each_download_has_its_own_secure_address(step):
    urls = {getattr(step, kind).URL for kind in CHECKSUMS}
    assert len(urls) == 4
    assert all(url.startswith("https://") for url in urls)


def test_a_resnet_of_each_size_is_a_class_of_its_own(step):
    for kind in (step.ResNet50, step.ResNet101, step.ResNet152):
        assert issubclass(kind, step.ResNet) and kind is not step.ResNet


# --- parameters that are to stay as they are ---

OPTIMIZERS = ["SGD", "MomentumSGD", "AdaGrad", "AdaDelta", "Adam", "AdamW"]
START = records("optimizers")["start"]
GRADIENTS = np.array(records("optimizers")["gradients"])


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_frozen_parameters_stay_as_they_are(step, name):
    layer = layer_of(step, p=START, q=START)
    optimizer = getattr(step, name)().setup(layer)
    optimizer.add_hook(step.FreezeParam(layer.q))
    for g in GRADIENTS[:3]:
        give(step, layer.q, g)
        updated(step, optimizer, layer, [g])
    np.testing.assert_array_equal(layer.q.data, START)
    expected = records("optimizers")["runs"][f"{name}()"]["path"][2]
    np.testing.assert_allclose(layer.p.data, expected, rtol=1e-12)
    assert layer.q not in optimizer.states


def test_a_frozen_layer_is_looked_through_at_each_update(step):
    model = step.Sequential(layer_of(step, p=[1.0]))
    optimizer = hooked(step, model, step.FreezeParam(model.l0))
    model.l0.p = step.Parameter(np.array([2.0]))
    give(step, model.l0.p, [1.0])
    optimizer.update()
    assert model.l0.p.data.tolist() == [2.0]


def test_whole_layers_can_be_frozen(step):
    model = step.MLP((4, 3, 2))
    model(np.ones((2, 5)))
    for param in model.params():
        give(step, param, np.ones(param.shape))
    before = {name: p.data.copy() for name, p in model.named_params().items()}
    frozen = step.FreezeParam(model.l0, model.l2.b)
    hooked(step, model, frozen).update()
    moved = {
        name
        for name, p in model.named_params().items()
        if not np.array_equal(p.data, before[name])
    }
    assert moved == {"l1/W", "l1/b", "l2/W"}


def test_a_frozen_parameter_may_be_used_before_and_after(step):
    layer = layer_of(step, p=[2.0])
    y = step.square(layer.p)
    y.backward()
    hooked(step, layer, step.FreezeParam(layer)).update()
    y.backward()
    assert array(layer.p.grad).tolist() == [4.0]


def test_freezing_leaves_a_shared_gradient_alone(step):
    layer = layer_of(step, p=START, q=START)
    layer.p.grad = layer.q.grad = shared = step.Variable(np.array(GRADIENTS[0]))
    hooked(step, layer, step.FreezeParam(layer.q)).update()
    np.testing.assert_array_equal(shared.data, GRADIENTS[0])
    assert layer.q.data.tolist() == START


def test_freezing_what_has_no_gradient_does_no_harm(step):
    layer = layer_of(step, p=[1.0, 2.0])
    hooked(step, layer, step.FreezeParam(layer)).update()
    assert layer.p.data.tolist() == [1.0, 2.0]
