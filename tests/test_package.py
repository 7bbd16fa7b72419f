"""The package framework/, which is cut from the last step."""

import importlib
import importlib.util
import inspect
import os
import pkgutil
import re
import subprocess
import sys
import textwrap
import tomllib
import types
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from tools import cut, ledger

ROOT = Path(__file__).resolve().parent.parent
LAST = ledger.step_numbers()[-1]


def python(folder, code, **variables):
    """What Python prints for this code, modules being looked for in the folder."""
    variables = {**os.environ, "PYTHONPATH": str(folder), **variables}
    run = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        cwd=folder,
        env=variables,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    return run.stdout


EACH_ALONE = """
    import importlib, pkgutil, sys

    import framework

    for found in list(pkgutil.walk_packages(framework.__path__, "framework.")):
        for name in [name for name in sys.modules if name.startswith("framework")]:
            del sys.modules[name]
        module = importlib.import_module(found.name)
        for name in getattr(module, "__all__", []):
            getattr(module, name)
        assert module.__doc__, found.name
        print(found.name)
"""


def test_the_package_is_what_the_last_step_gives():
    pytest.importorskip("ruff", reason="cutting it again needs ruff")
    paths = (ROOT / "framework").rglob("*.py")
    there = {
        path.relative_to(ROOT / "framework").as_posix(): path.read_text("utf-8")
        for path in paths
    }
    assert there == cut.package(LAST), "Cut it again with: make framework"


@pytest.fixture
def framework():
    return importlib.import_module("framework")


@pytest.fixture
def modules(framework):
    """All modules of the package, by name."""
    found = pkgutil.walk_packages(framework.__path__, "framework.")
    names = ["framework", *(module.name for module in found)]
    return {name: importlib.import_module(name) for name in names}


def test_each_module_of_the_package_can_be_imported_first(modules):
    assert len(python(ROOT, EACH_ALONE).split()) == len(modules) - 1


# What takes more than a millisecond or two to import, and no program needs at once.
SLOW = set(
    """argparse asyncio concurrent csv decimal email fractions graphviz hashlib http
    json logging matplotlib multiprocessing numpy.ma numpy.random numpy.testing shutil
    socket ssl statistics subprocess tarfile tempfile unittest urllib.error
    urllib.request xml zipfile""".split()
)
LOADED = """
    import sys, numpy
    before = {*sys.modules}
    import framework
    print(*sorted({*sys.modules} - before))
"""


def test_the_import_takes_only_numpy_and_what_is_fast_of_the_standard_library():
    loaded = python(ROOT, LOADED).split()
    known = {*sys.stdlib_module_names, "numpy", "framework"}
    assert not [name for name in loaded if name.partition(".")[0] not in known]
    parts = {".".join(name.split(".")[:n]) for name in loaded for n in (1, 2)}
    assert not parts & SLOW
    assert "framework.functions.conv" in loaded


def test_every_public_name_of_the_package_is_documented(modules):
    bare, count = [], 0
    for module in modules.values():
        for name, value in vars(module).items():
            kind = inspect.isclass(value) or inspect.isfunction(value)
            if kind and not name.startswith("_") and value.__module__ in modules:
                count += 1
                own = vars(value).get("__doc__") if inspect.isclass(value) else None
                if not (own or inspect.isfunction(value) and value.__doc__):
                    bare.append(f"{module.__name__}.{name}")
        assert module.__doc__ and module.__doc__.strip(), module.__name__
    assert not bare
    assert count > 200


def test_functions_offers_what_some_program_calls(modules):
    paths = [ROOT / "site" / "package.md"]
    for folder in ("benchmarks", "examples", "tests"):
        paths += (ROOT / folder).glob("*.py")
    texts = "".join(path.read_text(encoding="utf-8") for path in paths)
    called = {*re.findall(r"\b(?:F|step)\.(\w+_simple|\w+)", texts)}
    F = modules["framework.functions"]
    offered = {name: getattr(F, name) for name in F.__all__}
    classes = {n: value for n, value in offered.items() if inspect.isclass(value)}
    assert all(issubclass(value, F.Cast.__base__) for value in classes.values())
    stray = sorted(offered.keys() - classes.keys() - called)
    assert not stray, f"If these are helpers, tell tools/cut.py: {stray}."


def test_the_helpers_of_functions_are_those_that_there_are(modules):
    own = [vars(modules[name]) for name in modules if ".functions." in name]
    gone = sorted({*cut.HELPERS}.difference(*own))
    assert not gone, f"tools/cut.py names helpers that are no more: {gone}."


NAMES = {
    "": """Config DataLoader Dataset Function Layer Model Parameter SeqDataLoader
        Sequential Variable __version__ as_array as_variable no_grad test_mode
        using_config core cuda dataloaders datasets functions layers models optimizers
        transforms utils weights""",
    ".core": "Config Function Variable as_array as_variable no_grad using_config",
    ".functions": """accuracy add average average_pooling batch_norm
        binary_cross_entropy broadcast_to cast clip col2im conv2d cos
        deconv2d div dropout embed_id exp expand_dims flatten get_item im2col leaky_relu
        linear log log_softmax log_sum_exp matmul max mean mean_squared_error min mul
        neg pooling pow relu reshape sigmoid sigmoid_cross_entropy sin
        softmax softmax_cross_entropy sub sum sum_to tanh transpose""",
    ".layers": "BatchNorm Conv2d Deconv2d EmbedID LSTM Layer Linear RNN",
    ".models": """MLP Model ResNet ResNet101 ResNet152 ResNet50 Sequential SqueezeNet
        VGG16""",
    ".optimizers": """AdaDelta AdaGrad Adam AdamW ClipGrad FreezeParam MomentumSGD
        Optimizer SGD WeightDecay""",
    ".datasets": """ArrayDataset CIFAR10 CIFAR100 Dataset Digits ImageNet MNIST
        Shakespeare SinCurve Spiral Subset get_spiral random_split""",
    ".dataloaders": "DataLoader SeqDataLoader",
    ".transforms": """AsType CenterCrop Compose Convert Flatten Normalize
        RandomHorizontalFlip Resize ToArray ToFloat ToInt ToPIL""",
    ".utils": """cache_dir get_array_module get_conv_outsize get_deconv_outsize
        get_dot_graph get_file pair plot_dot_graph sum_to""",
    ".cuda": "as_cupy as_numpy get_array_module gpu_enable",
}


# What is downloaded: where from, and its SHA-256.
GITHUB = "https://raw.githubusercontent.com"
DOWNLOADS = {
    ("datasets", "MNIST"): (
        "https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz",
        "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1",
    ),
    ("datasets", "Shakespeare"): (
        f"{GITHUB}/karpathy/char-rnn/master/data/tinyshakespeare/input.txt",
        "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
    ),
    ("datasets", "ImageNet"): (
        f"{GITHUB}/anishathalye/imagenet-simple-labels/master/"
        "imagenet-simple-labels.json",
        "987705581d9446328498f950454a1cc7d8dfc578a8243d8bfdcd2588a6905aae",
    ),
    ("models", "VGG16"): (
        "https://huggingface.co/timm/vgg16.tv_in1k/resolve/main/model.safetensors",
        "57b026918159a6bf9faf8405c3a551903768e7138989d9c6224a14227203fad8",
    ),
}


@pytest.mark.parametrize("module, name", DOWNLOADS)
def test_a_download_comes_from_this_place(module, name, modules):
    kind = getattr(modules[f"framework.{module}"], name)
    assert (kind.URL, kind.SHA256) == DOWNLOADS[module, name]


@pytest.mark.parametrize("module", NAMES)
def test_the_names_of_the_book_are_there(module, modules):
    there = modules[f"framework{module}"]
    assert not [name for name in NAMES[module].split() if not hasattr(there, name)]


def test_cuda_tells_whether_there_is_a_gpu_and_has_cupy_if_there_is(monkeypatch):
    cuda = importlib.import_module("framework.cuda")
    monkeypatch.setitem(sys.modules, "cupy", None)
    assert cuda.gpu_enable is False and not hasattr(cuda, "cupy")
    cupy = types.SimpleNamespace(cuda=types.SimpleNamespace(is_available=lambda: True))
    monkeypatch.setitem(sys.modules, "cupy", cupy)
    assert cuda.gpu_enable is True and cuda.cupy is cupy


# A program for the book's package: it runs on that package, with what is below as its
# output, after a change of nothing but np.int, which is no more, in two files there.
PROGRAM = """
import os
import tempfile

import numpy as np

import dezero
import dezero.functions as F
import dezero.layers as L
from dezero import DataLoader, Function, Model, Parameter, Variable, cuda, optimizers
from dezero.core import as_variable
from dezero.datasets import Spiral
from dezero.models import MLP, Sequential
from dezero.transforms import Compose, Flatten, Normalize, ToFloat
from dezero.utils import get_conv_outsize, get_dot_graph


class Cube(Function):
    def forward(self, x):
        return x ** 3

    def backward(self, gy):
        x, = self.inputs
        return 3 * x ** 2 * gy


x = Variable(np.array(2.0))
x.name = 'x'
y = Cube()(x)
y.backward(create_graph=True)
gx = x.grad
x.cleargrad()
gx.backward()
print('cube:', y.data, gx.data, x.grad.data)
print('graph:', get_dot_graph(y, verbose=False).startswith('digraph'))


class TwoLayerNet(Model):
    def __init__(self, hidden_size, out_size):
        super().__init__()
        self.l1 = L.Linear(hidden_size)
        self.l2 = L.Linear(out_size)
        self.scale = Parameter(np.array([[1.0]]))

    def forward(self, x):
        return self.l2(F.sigmoid(self.l1(x))) * F.broadcast_to(self.scale, (len(x), 3))


train_set, test_set = Spiral(train=True), dezero.datasets.Spiral(train=False)
train_loader = DataLoader(train_set, 30)
test_loader = dezero.DataLoader(test_set, 30, shuffle=False)
model = TwoLayerNet(10, 3)
optimizer = optimizers.Adam(0.05).setup(model)
optimizer.add_hook(dezero.optimizers.WeightDecay(1e-5))

if cuda.gpu_enable:
    train_loader.to_gpu()
    model.to_gpu()

for epoch in range(60):
    for x, t in train_loader:
        y = model(x)
        loss = F.softmax_cross_entropy(y, t)
        model.cleargrads()
        loss.backward()
        optimizer.update()

if dezero.cuda.gpu_enable:
    model.to_cpu()
sum_acc = 0
with dezero.no_grad():
    for x, t in test_loader:
        sum_acc += float(F.accuracy(model(x), t).data) * len(t)
print('spiral:', sum_acc / len(test_set) > 0.8, len(list(model.params())))

path = os.path.join(tempfile.mkdtemp(), 'model.npz')
model.save_weights(path)
other = TwoLayerNet(10, 3)
other(np.zeros((1, 2), dtype=np.float32))
other.load_weights(path)
x = np.random.rand(4, 2).astype(np.float32)
print('weights:', np.allclose(other(x).data, model(x).data))

mlp = MLP((5, 4, 2), activation=F.relu)
print('mlp:', mlp(np.ones((3, 7), dtype=np.float32)).shape)
both = Sequential(L.Linear(4), F.tanh, L.Linear(1))
print('sequential:', both(np.ones((3, 7), dtype=np.float32)).shape)

image = np.arange(2 * 3 * 8 * 8, dtype=np.float32).reshape(2, 3, 8, 8)
y = F.pooling(L.Conv2d(4, kernel_size=3, stride=1, pad=1)(image), 2, 2)
print('conv:', y.shape, get_conv_outsize(8, 3, 1, 1), dezero.utils.pair(5))
print('array:', cuda.get_array_module(image) is np, as_variable(image).dtype)

prepare = Compose([Flatten(), ToFloat(), Normalize(0., 255.)])
print('prepared:', prepare(np.full((1, 2, 2), 51, dtype=np.uint8)))

with dezero.test_mode():
    y = F.dropout(np.ones(5), 0.5)
print('dropout:', y.data)

optimizer = optimizers.Adam().setup(model)
print('optimizer:', optimizer.t, round(optimizer.lr, 6), train_loader.max_iter)
x, t = train_loader.next()
print('loader:', len(next(train_loader)), len(list(zip(train_loader, train_loader))))

lstm, last = L.LSTM(6), L.Linear(1)
loss = 0
for x, t in dezero.SeqDataLoader(dezero.datasets.SinCurve(train=True), batch_size=3):
    loss += F.mean_squared_error(last(lstm(x)), t)
    break
loss.backward()
loss.unchain_backward()
lstm.reset_state()
print('lstm:', loss.shape, last.W.grad.shape)

x = F.reshape(np.arange(6.0), (2, 3))
y = F.get_item(x, (np.arange(2), np.array([2, 0])))
print('picked:', y.data, F.sum(x, axis=0).data, x.T.shape)
with dezero.using_config('enable_backprop', False):
    print('config:', dezero.Config.enable_backprop, F.exp(x).creator)
"""
OUTPUT = """\
cube: 8.0 12.0 12.0
graph: True
spiral: True 5
weights: True
mlp: (3, 2)
sequential: (3, 1)
conv: (2, 4, 4, 4) 8 (5, 5)
array: True float32
prepared: [0.2 0.2 0.2 0.2]
dropout: [1. 1. 1. 1. 1.]
optimizer: 0 0.000316 10
loader: 2 10
lstm: () (6, 1)
picked: [2. 3.] [3. 5. 7.] (3, 2)
config: False None
"""


def test_a_program_for_the_books_package_runs_after_changing_the_import(tmp_path):
    program = PROGRAM.replace("dezero", "framework")
    variables = {"PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path)}
    assert python(tmp_path, program, **variables) == OUTPUT


def test_the_tests_of_all_steps_pass_on_the_package():
    paths = sorted(map(str, (ROOT / "tests").glob("test_step[0-9]*.py")))
    command = [sys.executable, "-m", "pytest", "-q", "--tb=short", "--on-package"]
    environment = {k: v for k, v in os.environ.items() if k != "STEP_FILE"}
    run = subprocess.run(
        [*command, "-p", "no:cacheprovider", *paths],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert len(paths) == 60
    assert run.returncode == 0, run.stdout[-5000:] + run.stderr[-2000:]


# The data that are installed with it


def test_the_digits_are_what_their_readme_says():
    path = ROOT / "data" / "digits.npz"
    with np.load(path, allow_pickle=False) as arrays:
        assert sorted(arrays) == ["images", "labels"]
        images, labels = arrays["images"], arrays["labels"]
    assert (images.shape, images.dtype) == ((1797, 8, 8), np.uint8)
    assert (labels.shape, labels.dtype) == ((1797,), np.uint8)
    assert (images.min(), images.max()) == (0, 16)
    counts = np.bincount(labels)
    assert len(counts) == 10 and (counts.min(), counts.max()) == (174, 183)
    readme = (ROOT / "data" / "README.md").read_text(encoding="utf-8")
    assert f"`{sha256(path.read_bytes()).hexdigest()}`" in readme
    assert f"{path.stat().st_size:,}" in readme


def test_package_and_data_are_what_is_installed():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    installed = project["tool"]["setuptools"]
    packages = ["framework", "framework.functions", "framework.data"]
    assert installed["packages"] == packages
    assert installed["package-dir"] == {"framework.data": "data"}
    patterns = installed["package-data"]["framework.data"]
    matched = {path for each in patterns for path in (ROOT / "data").glob(each)}
    assert matched == {*(ROOT / "data").iterdir()}
