"""Step 55: the sizes of a convolution, and a convolution of one channel in loops."""

import io
import tarfile

import numpy as np
import pytest
from helpers import records
from photographs import an_image, install_pil, serve

# --- pair ---


@pytest.mark.parametrize("x, expected", [(3, (3, 3)), (0, (0, 0)), (-1, (-1, -1))])
def test_a_pair_of_a_number_is_the_number_twice(step, x, expected):
    assert step.pair(x) == expected


def test_a_pair_is_left_as_it_is(step):
    x = (2, 5)
    assert step.pair(x) is x


@pytest.mark.parametrize("x", [(1, 2, 3), (1,), (), 1.5, "12", None], ids=repr)
def test_what_is_no_pair_is_named(step, x):
    with pytest.raises(ValueError) as error:
        step.pair(x)
    assert repr(x) in str(error.value)


# --- get_conv_outsize ---

TABLE = [  # size, kernel, stride, pad, places
    (1, 1, 1, 0, 1),
    (4, 3, 1, 0, 2),
    (4, 3, 1, 1, 4),
    (5, 3, 2, 0, 2),
    (5, 3, 2, 1, 3),
    (6, 3, 2, 0, 2),
    (6, 3, 2, 1, 3),
    (7, 3, 3, 0, 2),
    (7, 2, 3, 2, 4),
    (5, 5, 1, 0, 1),
    (5, 5, 4, 0, 1),
    (3, 5, 1, 1, 1),
    (1, 3, 1, 4, 7),
    (4, 1, 3, 0, 2),
    (28, 5, 1, 2, 28),
    (32, 2, 2, 0, 16),
    (224, 7, 2, 3, 112),
]


@pytest.mark.parametrize("size, kernel, stride, pad, places", TABLE)
def test_the_number_of_places(step, size, kernel, stride, pad, places):
    found = step.get_conv_outsize(size, kernel, stride, pad)
    assert found == places
    assert type(found) is int


def test_the_number_of_places_is_counted(step):
    for size, kernel, stride, pad in np.ndindex(8, 4, 4, 3):
        size, kernel, stride = size + 1, kernel + 1, stride + 1
        if kernel > size + 2 * pad:
            continue
        starts = range(-pad, size + pad, stride)
        places = [start for start in starts if start + kernel <= size + pad]
        found = step.get_conv_outsize(size, kernel, stride, pad)
        assert found == len(places), (size, kernel, stride, pad)


def test_the_arguments_have_names(step):
    sizes = {"input_size": 7, "kernel_size": 3, "stride": 2, "pad": 1}
    assert step.get_conv_outsize(**sizes) == 4


@pytest.mark.parametrize("size, kernel, pad", [(2, 3, 0), (5, 8, 1), (1, 10, 4)])
def test_a_kernel_larger_than_the_padded_image_is_refused(step, size, kernel, pad):
    with pytest.raises(ValueError) as error:
        step.get_conv_outsize(size, kernel, 1, pad)
    words = str(error.value)
    assert "kernel" in words and str(kernel) in words and str(size) in words
    assert step.get_conv_outsize(size + 1, kernel, 1, pad) == 1, "this one just fits"


@pytest.mark.parametrize(
    "kernel, stride, pad", [(0, 1, 0), (-1, 1, 0), (3, 0, 0), (3, -1, 0), (3, 1, -1)]
)
def test_sizes_that_make_no_sense_are_refused(step, kernel, stride, pad):
    with pytest.raises(ValueError):
        step.get_conv_outsize(9, kernel, stride, pad)


@pytest.mark.parametrize(
    "size, kernel, stride, pad, expected",
    [
        (3, 3, 1, 0, 5),
        (5, 3, 1, 1, 5),
        (4, 4, 2, 1, 8),
        (7, 3, 3, 0, 21),
        (3, 2, 5, 1, 10),
    ],
)
def test_the_smallest_size_with_so_many_places(
    step, size, kernel, stride, pad, expected
):
    found = step.get_deconv_outsize(size, kernel, stride, pad)
    assert found == expected
    assert step.get_conv_outsize(found, kernel, stride, pad) == size
    assert step.get_conv_outsize(found - 1, kernel, stride, pad) == size - 1


# --- pairs of sizes, edges and windows ---


def test_the_places_of_both_axes(step):
    assert step.conv_outsizes((5, 6), (3, 2), (2, 1), (1, 0)) == (3, 5)
    with pytest.raises(ValueError, match="kernel.* 4"):
        step.conv_outsizes((5, 6), (3, 4), (2, 1), (1, -1))


@pytest.mark.parametrize("shape", [(2, 3), (4, 2, 3), (2, 4, 2, 3)])
@pytest.mark.parametrize("value", [0, -7])
def test_padding_goes_around_the_last_two_axes(step, shape, value):
    x = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    y = step.padded(x, (1, 2), value)
    assert y.shape == (*shape[:-2], 4, 7) and y.dtype == np.float32
    np.testing.assert_array_equal(y[..., 1:-1, 2:-2], x)
    assert y.sum() == pytest.approx(x.sum() + value * (y.size - x.size), rel=1e-5)
    assert {*y[..., 0, :].flat, *y[..., :, :2].flat, *y[..., -1].flat} == {value}


def test_without_padding_x_stays_itself(step):
    x = np.ones((2, 3))
    assert step.padded(x, (0, 0)) is x
    np.testing.assert_array_equal(step.padded(x, (0, 1)), [[0, 1, 1, 1, 0]] * 2)


@pytest.mark.parametrize("more", [(), (2,), (2, 3)])
def test_windows_are_what_the_kernel_sees_at_each_place(step, more):
    x = np.random.default_rng(0).standard_normal((*more, 6, 7))
    view = step.windows(x, (3, 2), (2, 3))
    assert view.shape == (*more, 3, 2, 2, 2)
    for i, j in np.ndindex(2, 2):
        seen = x[..., 2 * i : 2 * i + 3, 3 * j : 3 * j + 2]
        np.testing.assert_array_equal(view[..., i, j], seen)


def test_windows_are_a_view_of_the_image(step):
    x = np.zeros((4, 4))
    step.windows(x, (2, 2), (1, 1))[0, 0] += 1.0
    assert x.sum() == 9 and np.shares_memory(x, step.windows(x, (2, 2), (1, 1)))
    with pytest.raises(ValueError, match="kernel.* 5"):
        step.windows(x, (5, 2), (1, 1))


# --- a convolution in loops ---


SQUARES = np.arange(1.0, 13.0).reshape(3, 4) ** 2


@pytest.mark.parametrize(
    "stride, pad, expected",
    [
        (1, 0, [[1 - 36, 4 - 49, 9 - 64], [25 - 100, 36 - 121, 49 - 144]]),
        ((1, 2), 0, [[1 - 36, 9 - 64], [25 - 100, 49 - 144]]),
        ((2, 1), 0, [[1 - 36, 4 - 49, 9 - 64]]),
        (2, (0, 0), [[1 - 36, 9 - 64]]),
        ((3, 2), 1, [[-1, -9, 0], [0, 100, 144]]),
        (1, (0, 1), [[-25, -35, -45, -55, 16], [-81, -75, -85, -95, 64]]),
    ],
)
def test_each_number_is_a_sum_of_products(step, stride, pad, expected):
    W = np.array([[1.0, 0.0], [0.0, -1.0]])
    y = step.conv_loops(SQUARES, W, stride, pad)
    np.testing.assert_array_equal(y, expected)


RECORDED = {k: r for k, r in records("convolution").items() if k.startswith("conv2d")}


@pytest.mark.parametrize("case", RECORDED.values(), ids=RECORDED)
def test_the_channels_added_up_are_what_is_recorded(step, case):
    x, W, *b = (np.array(data) for data in case["inputs"])
    stride, pad = (case["arguments"].get(k, d) for k, d in (("stride", 1), ("pad", 0)))
    geometry = [tuple(n) if isinstance(n, list) else n for n in (stride, pad)]
    for n, k in np.ndindex(len(x), len(W)):
        channels = [step.conv_loops(*pair, *geometry) for pair in zip(x[n], W[k])]
        y = np.sum(channels, axis=0) + (b[0][k] if b else 0.0)
        np.testing.assert_allclose(y, case["value"][n][k], rtol=1e-12, atol=1e-12)


def test_stride_1_and_pad_0_need_not_be_said(step):
    y = step.conv_loops(SQUARES, SQUARES[:2, :3])
    np.testing.assert_array_equal(y, step.conv_loops(SQUARES, SQUARES[:2, :3], 1, 0))
    assert y.shape == (2, 2)


def test_a_kernel_that_does_not_fit_is_refused(step):
    with pytest.raises(ValueError, match="kernel"):
        step.conv_loops(SQUARES, np.ones((4, 1)))


def test_what_is_seen_moves_with_the_image(step):
    rng = np.random.default_rng(0)
    x, W = rng.standard_normal((7, 7)), rng.standard_normal((3, 2))
    y = step.conv_loops(x[:-2, :-1], W)
    moved = step.conv_loops(x[2:, 1:], W)
    np.testing.assert_array_equal(y[2:, 1:], moved[:-2, :-1])


def test_pair_takes_numbers_of_numpy_and_lists(step):
    assert step.pair(np.int64(2)) == (2, 2)
    assert step.pair([2, 3]) == (2, 3)


# --- images out of files ---


@pytest.fixture
def pil(monkeypatch):
    """A module PIL that knows as much as Image."""
    install_pil(monkeypatch)


def test_convert_is_rgb_at_first(step):
    image = an_image(5, 4, channels=4)
    found = step.Convert()(image).pixels
    np.testing.assert_array_equal(found, image.pixels[..., :3])


def test_convert_to_another_mode_of_pil(step):
    image = an_image(5, 4)
    found = step.Convert("L")(image).pixels
    np.testing.assert_array_equal(found, image.convert("L").pixels)


@pytest.mark.parametrize("channels", [3, 4])
def test_convert_to_bgr(step, pil, channels):
    """BGR is RGB with the last channel first."""
    image = an_image(5, 4, channels)
    found = step.Convert("BGR")(image).pixels
    np.testing.assert_array_equal(found, image.pixels[..., 2::-1])


def test_resize(step):
    """A single size stands for height and width."""
    image = an_image(5, 4)
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
    image = step.ResizeShortSide(short)(an_image(*size))
    assert image.asked == (expected, 2)


@pytest.mark.parametrize("size, box", [((4, 2), (3, 2, 7, 4)), (3, (3, 1, 6, 4))])
def test_center_crop(step, size, box):
    """What is cut out is the middle."""
    image = an_image(10, 6)
    found = step.CenterCrop(size)(image)
    np.testing.assert_array_equal(found.pixels, image.crop(box).pixels)


def test_to_array_puts_the_channels_first(step):
    image = an_image(5, 4)
    x = step.ToArray()(image)
    assert x.dtype == np.float32
    np.testing.assert_array_equal(x, np.moveaxis(image.pixels, 2, 0))


def test_to_array_of_grey_values_has_one_channel(step):
    image = an_image(5, 4).convert("L")
    x = step.ToArray(np.float64)(image)
    assert (x.shape, x.dtype) == ((1, 4, 5), np.float64)
    np.testing.assert_array_equal(x[0], image.pixels)


def test_to_array_leaves_an_array_as_it_is(step):
    x = np.arange(6).reshape(1, 2, 3)
    assert step.ToArray()(x) is x


def test_random_horizontal_flip(step):
    """Half of the images are flipped, left to right."""
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


def test_imagenet_image(step):
    """The middle 224 x 224 pixels, less the mean, divided by the deviation."""
    image = an_image(300, 256, channels=4)
    x = step.imagenet_image(image)
    middle = np.moveaxis(image.pixels[16:240, 38:262, :3], 2, 0) / 255.0
    mean, std = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
    expected = (middle - np.reshape(mean, (3, 1, 1))) / np.reshape(std, (3, 1, 1))
    assert (x.shape, x.dtype) == ((3, 224, 224), np.float32)
    np.testing.assert_allclose(x, expected, rtol=1e-4, atol=1e-5)


def test_imagenet_image_of_another_size_and_dtype(step):
    image = an_image(300, 64)
    x = step.imagenet_image(image, size=56, dtype=np.float64)
    assert (x.shape, x.dtype) == ((3, 56, 56), np.float64)
    red = (image.pixels[4, 122, 0] / 255 - 0.485) / 0.229
    assert x[0, 0, 0] == pytest.approx(red, rel=1e-12)


# --- CIFAR ---


def archive(name, members):
    """The bytes of a .tar.gz of files in a folder of this name."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as tar:
        folder = tarfile.TarInfo(name)
        folder.type = tarfile.DIRTYPE
        tar.addfile(folder)
        for file_name, content in members.items():
            info = tarfile.TarInfo(f"{name}/{file_name}")
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return file.getvalue()


def cifar_batch(seed, labels):
    """A file as in the archive: labels and pixels of each image; and the images.

    labels are (N, 1), or (N, 2) for the coarse and the fine ones.
    """
    N = len(labels)
    x = np.random.default_rng(seed).integers(0, 256, (N, 3, 32, 32), np.uint8)
    rows = np.hstack([np.array(labels, np.uint8), x.reshape(N, -1)])
    return rows.tobytes(), x


def cifar10_batches():
    """Files by name, in another order than that of their numbers; images, labels."""
    names = (
        "data_batch_4 test_batch data_batch_1 data_batch_5 data_batch_2 data_batch_3"
    )
    found = {}
    for i, name in enumerate([*names.split(), "data_batch_3"]):
        labels = [[(i + j) % 10] for j in range(1 + i % 2)]
        content, x = cifar_batch(i, labels)
        found[f"{name}.bin"] = content, x, [label for (label,) in labels]
    return found


def cifar10_archive(batches):
    members = {name: content for name, (content, *_) in batches.items()}
    other = {"readme.html": b"a page", "batches.meta.txt": b"names"}
    return archive("cifar-10-batches-bin", other | members)


def test_cifar10(step, monkeypatch, tmp_path):
    """The five batches follow each other, with their labels."""
    batches = cifar10_batches()
    serve(monkeypatch, tmp_path, step.CIFAR10, "a.tar.gz", cifar10_archive(batches))
    chosen = [batches[f"data_batch_{i}.bin"] for i in range(1, 6)]
    data = step.CIFAR10()
    assert isinstance(data, step.Dataset)
    assert data.data.dtype == np.uint8
    np.testing.assert_array_equal(data.data, np.concatenate([x for _, x, _ in chosen]))
    assert list(data.label) == [label for *_, labels in chosen for label in labels]
    assert data.label.dtype == int
    assert len(data) == len(data.label)

    data = step.CIFAR10(train=False)
    _, x, labels = batches["test_batch.bin"]
    np.testing.assert_array_equal(data.data, x)
    assert list(data.label) == labels


def test_the_examples_of_cifar10_are_scaled(step, monkeypatch, tmp_path):
    batches = cifar10_batches()
    serve(monkeypatch, tmp_path, step.CIFAR10, "a.tar.gz", cifar10_archive(batches))
    x, t = step.CIFAR10(train=False)[1]
    _, raw, labels = batches["test_batch.bin"]
    assert (x.shape, x.dtype) == ((3, 32, 32), np.float32)
    np.testing.assert_allclose(x, raw[1] / 127.5 - 1, atol=1e-6)
    assert t == labels[1]
    data = step.CIFAR10(False, lambda x: x[:, :2], lambda t: t + 100)
    np.testing.assert_array_equal(data[1][0], raw[1][:, :2])
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


def test_the_names_of_cifar10(step):
    names = "airplane automobile bird cat deer dog frog horse ship truck"
    assert list(step.CIFAR10.labels()) == names.split()


def test_cifar100(step, monkeypatch, tmp_path):
    """The labels are the fine ones, or the coarse ones if asked for."""
    batches = {
        f"{name}.bin": cifar_batch(i, [[i, 99], [19, i]])
        for i, name in enumerate(("test", "train"))
    }
    members = {name: content for name, (content, _) in batches.items()}
    content = archive("cifar-100-binary", {"fine_label_names.txt": b"names", **members})
    serve(monkeypatch, tmp_path, step.CIFAR100, "b.tar.gz", content)
    data = step.CIFAR100()
    np.testing.assert_array_equal(data.data, batches["train.bin"][1])
    assert list(data.label) == [99, 1]
    assert list(step.CIFAR100(label_type="coarse").label) == [1, 19]
    assert list(step.CIFAR100().label) == [99, 1]
    data = step.CIFAR100(False, label_type="fine")
    np.testing.assert_array_equal(data.data, batches["test.bin"][1])
    assert list(data.label) == [99, 0]
    x, t = step.CIFAR100(False, lambda x: x, lambda t: -t, "coarse")[1]
    np.testing.assert_array_equal(x, data.data[1])
    assert t == -19
    np.testing.assert_allclose(data[1][0], data.data[1] / 127.5 - 1, atol=1e-6)


def test_the_names_of_cifar100(step, monkeypatch, tmp_path):
    names = {
        "fine_label_names.txt": b"apple\nmaple_tree\n",
        "coarse_label_names.txt": b"fish\n",
    }
    content = archive("cifar-100-binary", names)
    serve(monkeypatch, tmp_path, step.CIFAR100, "b.tar.gz", content)
    assert step.CIFAR100.labels() == ["apple", "maple_tree"]
    assert step.CIFAR100.labels("coarse") == ["fish"]
