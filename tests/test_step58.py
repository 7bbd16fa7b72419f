"""Step 58: images, published weights, and the networks they belong to."""

import math
import zlib

import numpy as np
import pytest
from helpers import array, give, hooked, layer_of, records, updated, var
from photographs import an_image, install_pil, safetensors, serve

# --- images as the networks ask for them ---


def test_resnet_asks_for_the_same(step, quick, monkeypatch):
    image = an_image(300, 280)
    few_blocks(step, monkeypatch)
    for model in (step.ResNet, step.ResNet50()):
        found, expected = model.preprocess(image), step.imagenet_image(image)
        np.testing.assert_array_equal(found, expected)


def test_the_image_of_squeezenet(step, pil):
    image = an_image(300, 256)
    x = step.SqueezeNet.preprocess(image)
    middle = np.moveaxis(image.pixels[14:241, 36:263, ::-1], 2, 0)
    assert (x.shape, x.dtype) == ((3, 227, 227), np.float32)
    means = np.reshape([104.0, 117, 123], (3, 1, 1))
    np.testing.assert_array_equal(x, middle - means)
    half = np.moveaxis(an_image(600, 512).pixels[::2, ::2][14:241, 36:263, ::-1], 2, 0)
    x = step.SqueezeNet.preprocess(an_image(600, 512))
    np.testing.assert_array_equal(x, half - means)
    assert (
        step.SqueezeNet.preprocess(an_image(20, 30), size=100).shape[1:] == (100,) * 2
    )
    assert step.SqueezeNet.preprocess(image, dtype=np.float64).dtype == np.float64


def test_the_image_of_vgg16_for_the_weights_of_the_book(step, pil):
    means = np.reshape([103.939, 116.779, 123.68], (3, 1, 1))
    image = an_image(224, 224)
    x = step.VGG16.preprocess(image)
    assert (x.shape, x.dtype) == ((3, 224, 224), np.float32)
    expected = np.moveaxis(image.pixels[..., ::-1], 2, 0) - means
    np.testing.assert_allclose(x, expected, rtol=1e-6, atol=1e-4)
    image = an_image(20, 10)
    assert step.VGG16.preprocess(image).shape == (3, 224, 224)
    assert step.VGG16.preprocess(image, size=(8, 6)).shape == (3, 6, 8)
    as_it_is = step.VGG16.preprocess(image, size=None, dtype=np.float64)
    expected = np.moveaxis(image.pixels[..., ::-1], 2, 0) - means
    np.testing.assert_allclose(as_it_is, expected, rtol=1e-14)


# --- the names and the layout of PyTorch ---


@pytest.fixture
def pil(monkeypatch):
    """A module PIL that knows as much as Image."""
    install_pil(monkeypatch)


def small_model(step):
    """A convolution, batch normalization, two linear layers and a list of one."""

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
    return {k: x.astype(np.float32 if x.ndim else np.int64) for k, x in arrays.items()}


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
    return {"Bottleneck": step.Bottleneck(2, 2, True), "Fire": step.Fire(2, 4)}


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
    def kinds(block):
        return [type(layer) for layer in block.downsample]

    assert kinds(step.Bottleneck(8)) == []
    assert kinds(step.Bottleneck(8, 2, downsample=True)) == [
        step.Conv2d,
        step.BatchNorm,
    ]


def test_the_first_block_of_each_layer_of_resnet_changes_the_shape(step, monkeypatch):
    monkeypatch.setattr(step.ResNet, "DEPTHS", {50: (2, 2, 2, 2)})
    model = step.ResNet50()
    for i in range(1, 5):
        first, other = getattr(model, f"layer{i}")
        assert len(first.downsample) == 2 and len(other.downsample) == 0
        assert first.conv2.stride == first.downsample[0].stride == (1 + (i > 1),) * 2


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
    image = an_image(300, 280)
    np.testing.assert_array_equal(
        model.preprocess(image), step.imagenet_image(image), "RGB, mean and deviation"
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
    image = an_image(224, 224)
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
    monkeypatch.setattr(step.Conv2d, "convolve", staticmethod(no_conv2d))
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
    with step.no_grad():
        model(np.zeros((2, 3, 33, 33), np.float32))
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
    with step.no_grad():
        model(np.zeros((1, 3, 67, 67), np.float32))
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


@pytest.mark.parametrize(
    "name, array", [("features.x.weight", 1.0), ("fc.weight", 1.0), ("f", 1.0)]
)
def test_an_odd_name_in_a_file_is_named(step, tmp_path, monkeypatch, name, array):
    arrays = as_published("VGG16") | {name: np.array(array)}
    model = small_vgg(step, monkeypatch)
    with pytest.raises(ValueError, match=name):
        model.load_published(written(tmp_path / "a.safetensors", arrays))


CHECKSUMS = {  # that of VGG16 is timm's
    "VGG16": "57b026918159a6bf9faf8405c3a551903768e7138989d9c6224a14227203fad8",
    "CIFAR10": "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
    "CIFAR100": "58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec",
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
