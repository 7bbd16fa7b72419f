"""Step 51: files that are downloaded and can be trusted, and handwritten digits."""

import hashlib
import http.server
import json
import os
import pathlib
import subprocess
import sys
import threading
import urllib.request

import numpy as np
import pytest
from photographs import serve

DATA = pathlib.Path(__file__).resolve().parent.parent / "data"
CONTENT = np.random.default_rng(0).bytes(200_000)
OTHER = CONTENT[:-1] + bytes([CONTENT[-1] ^ 1])
TIMEOUT = 0.2  # of the tests with a server that falls silent
PATIENCE = 5.0  # after which that server answers, and the test fails


def sha(content):
    return hashlib.sha256(content).hexdigest()


SHA256 = sha(CONTENT)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """An empty cache folder; no proxy is asked for what is on this computer."""
    monkeypatch.setenv("SIXTY_STEPS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("no_proxy", "*")
    return tmp_path / "cache"


# --- a server with faults ---


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers a request for /fault/NAME in the way that the fault says."""

    def do_GET(self):
        self.server.asked.append(self.path)
        getattr(self, self.path.split("/")[1])()
        self.close_connection = True

    def start(self, length=200_000, **headers):
        self.send_response(200)
        if length is not None:
            self.send_header("Content-Length", str(length))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def whole(self):
        self.start()
        self.wfile.write(CONTENT)

    def altered(self):
        self.start()
        self.wfile.write(OTHER)

    def page(self):
        self.start(6)
        self.wfile.write(b"<html>")

    def unannounced(self):
        self.start(None)
        self.wfile.write(CONTENT)

    def broken(self):
        self.start()
        self.wfile.write(CONTENT[:100_000])

    def chunked(self):
        self.protocol_version = "HTTP/1.1"
        self.start(None, Transfer_Encoding="chunked")
        self.wfile.write(b"10\r\n" + CONTENT[:5])

    def nonsense(self):
        self.wfile.write(b"hello\r\n")

    def away(self):
        self.send_error(404)

    def down(self):
        self.send_error(503)

    def moved(self):
        self.send_response(302)
        self.send_header("Location", "/whole/file")
        self.end_headers()

    def silent(self):
        self.server.released.wait(PATIENCE)
        self.whole()

    def stalled(self):
        self.start()
        self.wfile.write(CONTENT[:100_000])
        self.wfile.flush()
        self.server.released.wait(PATIENCE)
        self.wfile.write(CONTENT[100_000:])

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    """Keeps what it was asked for."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked = []
        self.released = threading.Event()

    def url(self, path):
        return f"http://127.0.0.1:{self.server_port}/{path}"

    def handle_error(self, *_):
        pass  # a client that gave up


@pytest.fixture
def server():
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.released.set()
        server.shutdown()
        thread.join()


REFUSED = ("broken", "chunked", "nonsense", "away", "down")  # by download()
WRONG = ("altered", "page")  # whole, but not the file


def files_in(folder):
    """The names of all files below a folder."""
    return sorted(p.name for p in folder.rglob("*") if p.is_file())


# --- the cache folder, and checksums ---


def test_the_cache_is_where_the_environment_says(step, cache, monkeypatch, tmp_path):
    assert step.cache_dir() == cache
    monkeypatch.setenv("SIXTY_STEPS_CACHE", str(tmp_path / "elsewhere"))
    assert step.cache_dir() == tmp_path / "elsewhere"


@pytest.mark.parametrize("setting", [None, ""])
def test_the_cache_is_in_the_home_folder_otherwise(
    step, setting, monkeypatch, tmp_path
):
    monkeypatch.delenv("SIXTY_STEPS_CACHE")
    if setting is not None:
        monkeypatch.setenv("SIXTY_STEPS_CACHE", setting)
    monkeypatch.setattr(pathlib.Path, "home", lambda: tmp_path)
    assert step.cache_dir() == tmp_path / ".cache" / "sixty-steps"


def test_only_a_file_with_the_right_checksum_counts_as_cached(step, cache):
    assert not step.is_cached("a/file", SHA256)
    (cache / "a" / "file").mkdir(parents=True)
    assert not step.is_cached("a/file", SHA256), "that is a folder"
    (cache / "a" / "file").rmdir()
    for content in (CONTENT[:-1], OTHER, b""):
        (cache / "a" / "file").write_bytes(content)
        assert not step.is_cached("a/file", SHA256)
    (cache / "a" / "file").write_bytes(CONTENT)
    assert step.is_cached("a/file", SHA256) is True
    assert not step.is_cached("a/file", sha(OTHER))
    assert not step.is_cached("file", SHA256)


# --- download ---


@pytest.mark.needs("sockets")
@pytest.mark.parametrize("fault", ["whole", "unannounced", "moved"])
def test_a_download_gives_all_the_bytes(step, server, fault):
    assert step.download(server.url(f"{fault}/file")) == CONTENT


def test_a_file_on_this_computer_is_downloaded_too(step, tmp_path):
    source = tmp_path / "a name with blanks, 100 %"
    source.write_bytes(CONTENT)
    assert step.download(source.as_uri()) == CONTENT


@pytest.mark.needs("sockets")
@pytest.mark.parametrize("fault", REFUSED)
def test_a_faulty_download_is_refused(step, server, fault):
    with pytest.raises(ConnectionError, match=server.url(f"{fault}/file")):
        step.download(server.url(f"{fault}/file"))


@pytest.mark.needs("sockets")
@pytest.mark.parametrize("fault", ["silent", "stalled"])
def test_a_server_that_falls_silent_is_left(step, server, monkeypatch, fault):
    waits, urlopen = [], urllib.request.urlopen

    def impatient(url, data=None, timeout=None):
        waits.append(timeout)
        return urlopen(url, data, TIMEOUT)

    monkeypatch.setattr("urllib.request.urlopen", impatient)
    with pytest.raises(ConnectionError):
        step.download(server.url(f"{fault}/file"))
    assert [0 < seconds <= 120 for seconds in waits] == [True]


@pytest.mark.parametrize("url", ["file:///no/such/file", "http://127.0.0.1:9/file"])
def test_where_nothing_is_there_is_nothing_to_download(step, url):
    with pytest.raises(ConnectionError, match=url):
        step.download(url)


# --- get_file ---


@pytest.mark.needs("sockets")
@pytest.mark.parametrize("name", ["file.bin", "new/folder/file.bin"])
def test_a_file_is_downloaded_once(step, server, cache, name):
    for _ in range(3):
        path = step.get_file(server.url("whole/elsewhere"), name, SHA256)
        assert path == cache / name
        assert path.read_bytes() == CONTENT
    assert server.asked == ["/whole/elsewhere"]
    assert files_in(cache) == ["file.bin"]


@pytest.mark.needs("sockets")
@pytest.mark.parametrize("fault", REFUSED)
@pytest.mark.parametrize("old", [None, b"old"], ids=["new", "old"])
def test_a_faulty_download_changes_nothing(step, server, cache, fault, old):
    url, path = server.url(f"{fault}/file"), cache / "file.bin"
    if old is not None:
        cache.mkdir()
        path.write_bytes(old)
    with pytest.raises(ConnectionError, match=url):
        step.get_file(url, "file.bin", SHA256)
    assert files_in(cache) == ([] if old is None else ["file.bin"])
    assert old is None or path.read_bytes() == old


@pytest.mark.needs("sockets")
@pytest.mark.parametrize("fault", ["broken", "chunked"])
def test_half_a_file_is_refused_without_a_checksum_too(step, server, cache, fault):
    with pytest.raises(ConnectionError):
        step.get_file(server.url(f"{fault}/file"), "file.bin")
    assert files_in(cache) == []


@pytest.mark.needs("sockets")
@pytest.mark.parametrize("fault", WRONG)
def test_what_has_another_checksum_is_never_taken(step, server, fault):
    for _ in range(2):
        with pytest.raises(ConnectionError, match="SHA-256"):
            step.get_file(server.url(f"{fault}/file"), "file.bin", SHA256)
    assert len(server.asked) == 2
    assert not step.is_cached("file.bin", SHA256)


@pytest.mark.needs("sockets")
def test_without_a_checksum_a_file_is_downloaded_once_too(step, server, cache):
    for _ in range(2):
        path = step.get_file(server.url("whole/a"), "file.bin")
        assert path.read_bytes() == CONTENT
    assert server.asked == ["/whole/a"]
    path.write_bytes(b"mine")
    assert step.get_file(server.url("whole/a"), "file.bin").read_bytes() == b"mine"


def test_files_of_one_name_from_two_places_do_not_mix(step, tmp_path, cache):
    sources = [tmp_path / "a" / "file.txt", tmp_path / "b" / "file.txt"]
    for source in sources:
        source.parent.mkdir()
        source.write_text(str(source))
    paths = [step.get_file(source.as_uri()) for source in sources]
    assert [path.read_text() for path in paths] == [str(source) for source in sources]
    assert all(path.parent == cache for path in paths)
    assert [step.get_file(source.as_uri()) for source in sources] == paths


def test_two_addresses_that_begin_and_end_alike_have_two_names(step, tmp_path):
    for folder in ("a", "b"):
        (tmp_path / folder / "data").mkdir(parents=True)
        (tmp_path / folder / "data" / "x").write_text(folder)
    urls = [(tmp_path / folder / "data" / "x").as_uri() for folder in ("a", "b")]
    assert [step.get_file(url).read_text() for url in urls] == ["a", "b"]


@pytest.mark.needs("sockets")
@pytest.mark.parametrize("spoiled", [CONTENT[:100_000], OTHER, b""])
def test_a_spoiled_file_in_the_cache_is_fetched_again(step, server, cache, spoiled):
    cache.mkdir()
    (cache / "file.bin").write_bytes(spoiled)
    path = step.get_file(server.url("whole/a"), "file.bin", SHA256)
    assert path.read_bytes() == CONTENT
    assert server.asked == ["/whole/a"]


@pytest.mark.parametrize("spoiled", [CONTENT[:100_000], OTHER])
def test_a_spoiled_file_is_not_used_without_a_network(step, cache, spoiled):
    cache.mkdir()
    (cache / "file.bin").write_bytes(spoiled)
    with pytest.raises(ConnectionError):
        step.get_file("http://127.0.0.1:9/file", "file.bin", SHA256)


def test_a_file_in_the_cache_needs_no_network(step, cache):
    cache.mkdir()
    (cache / "file.bin").write_bytes(CONTENT)
    path = step.get_file("http://127.0.0.1:9/file", "file.bin", SHA256)
    assert path == cache / "file.bin"


@pytest.mark.needs("sockets")
def test_what_cannot_be_written_is_an_error_that_names_it(step, server, cache):
    cache.write_text("mine")
    with pytest.raises(OSError, match="cache"):
        step.get_file(server.url("whole/a"), "file.bin", SHA256)
    assert cache.read_text() == "mine"


# --- files that come with the code ---


def test_a_file_of_data_is_looked_for_in_three_places(step, tmp_path, monkeypatch):
    code, here = tmp_path / "project" / "code", tmp_path / "here"
    folders = [here / "data", tmp_path / "project" / "data", code / "data"]
    for folder in (code, *folders):
        folder.mkdir(parents=True)
    module = sys.modules[step.data_file.__module__]
    monkeypatch.setattr(module, "__file__", str(code / "step51.py"))
    monkeypatch.chdir(here)
    with pytest.raises(FileNotFoundError, match="numbers.npz"):
        step.data_file("numbers.npz").read_text()
    for folder in folders:  # the last place comes first
        (folder / "numbers.npz").write_text(str(folder))
        assert step.data_file("numbers.npz").read_text() == str(folder)


# --- Digits ---


def test_the_digits_are_those_of_the_file(step):
    with np.load(DATA / "digits.npz") as file:
        images, labels = file["images"], file["labels"]
    train, test = step.Digits(), step.Digits(train=False)
    assert (len(train), len(test)) == (1438, 359)
    for dataset, start in ((test, 4), (train, 0)):
        assert isinstance(dataset, step.Dataset)
        assert dataset.data.dtype == np.uint8
        assert dataset.data.shape == (len(dataset), 1, 8, 8)
        assert dataset.label.dtype == int
        assert dataset.data[0, 0].tolist() == images[start].tolist()
    np.testing.assert_array_equal(test.data[:, 0], images[4::5])
    np.testing.assert_array_equal(test.label, labels[4::5])
    rest = np.delete(np.arange(1797), np.s_[4::5])
    np.testing.assert_array_equal(train.data[:, 0], images[rest])
    np.testing.assert_array_equal(train.label, labels[rest])


@pytest.mark.parametrize("train", [True, False])
def test_the_digits_come_ready_for_a_linear_layer(step, train):
    dataset = step.Digits(train)
    for i in (0, 17, -1):
        x, t = dataset[i]
        assert (x.shape, x.dtype) == ((64,), np.float32)
        assert (x * 16).tolist() == dataset.data[i].reshape(-1).tolist()
        assert t == dataset.label[i]
    pixels = np.array([x for x, _ in dataset])
    assert (pixels.min(), pixels.max()) == (0.0, 1.0)
    assert {*dataset.label.tolist()} == {*range(10)}


def test_the_digits_with_other_transforms(step):
    dataset = step.Digits(transform=step.ToFloat(), target_transform=lambda t: -t)
    x, t = dataset[3]
    assert (x.shape, x.dtype) == ((1, 8, 8), np.float32)
    assert x.tolist() == dataset.data[3].tolist()
    assert t == -dataset.label[3]


def test_the_digits_are_learned(step):
    np.random.seed(0)
    model = step.MLP((50, 10), activation=step.relu)
    optimizer = step.MomentumSGD(lr=0.1).setup(model)
    loader = step.DataLoader(step.Digits(), 50, seed=0)
    for _ in range(8):
        for x, t in loader:
            loss = step.softmax_cross_entropy(model(x), t)
            model.cleargrads()
            loss.backward()
            optimizer.update()
    x, t = next(step.DataLoader(step.Digits(train=False), 359))
    assert float(step.accuracy(model(x), t).data) >= 0.94


# --- MNIST ---

IMAGES = np.random.default_rng(1).integers(0, 256, (8, 28, 28)).astype(np.uint8)
LABELS = np.array([5, 0, 4, 1, 9, 2, 1, 3], np.uint8)


@pytest.fixture
def source(step, tmp_path, monkeypatch):
    """A file with an MNIST of 5 and 3 images, in the place of the web's."""
    path = tmp_path / "source.npz"
    arrays = {"x_train": IMAGES[:5], "x_test": IMAGES[5:]}
    np.savez(path, **arrays, y_train=LABELS[:5], y_test=LABELS[5:])
    monkeypatch.setattr(step.MNIST, "URL", path.as_uri())
    monkeypatch.setattr(step.MNIST, "SHA256", sha(path.read_bytes()))
    return path


def test_mnist_comes_from_the_place_that_keras_takes_it_from(step):
    assert step.MNIST.URL == (
        "https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz"
    )
    assert step.MNIST.SHA256 == (
        "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1"
    )


@pytest.mark.parametrize("train, part", [(True, slice(5)), (False, slice(5, 8))])
def test_mnist_is_read(step, source, train, part):
    dataset = step.MNIST(train)
    assert isinstance(dataset, step.Dataset)
    assert dataset.data.dtype == np.uint8
    np.testing.assert_array_equal(dataset.data, IMAGES[part][:, None])
    assert dataset.label.dtype == int
    np.testing.assert_array_equal(dataset.label, LABELS[part])
    for i in (0, -1):
        x, t = dataset[i]
        assert (x.shape, x.dtype, t) == ((784,), np.float32, LABELS[part][i])
        np.testing.assert_allclose(x, IMAGES[part][i].reshape(-1) / 255, rtol=1e-6)


def test_mnist_is_for_training_if_nothing_is_said(step, source):
    assert len(step.MNIST()) == 5


def test_mnist_with_other_transforms(step, source):
    dataset = step.MNIST(transform=lambda x: x[0], target_transform=lambda t: t + 1)
    x, t = dataset[2]
    assert (x.shape, x.dtype, t) == ((28, 28), np.uint8, 5)


def test_mnist_is_downloaded_once(step, source, cache):
    assert not step.MNIST.is_cached()
    step.MNIST()
    assert step.MNIST.is_cached() is True
    source.unlink()
    assert len(step.MNIST()) + len(step.MNIST(train=False)) == 8
    assert files_in(cache) == ["mnist.npz"]


def test_a_spoiled_file_of_mnist_is_fetched_again(step, source, cache):
    step.MNIST()
    whole = source.read_bytes()
    (cache / "mnist.npz").write_bytes(whole[:-10])
    assert not step.MNIST.is_cached()
    assert len(step.MNIST()) + len(step.MNIST(train=False)) == 8
    assert (cache / "mnist.npz").read_bytes() == whole


def test_mnist_without_a_network(step, monkeypatch, cache):
    monkeypatch.setattr(step.MNIST, "URL", "http://127.0.0.1:9/mnist.npz")
    with pytest.raises(ConnectionError, match="http://127.0.0.1:9/mnist.npz"):
        step.MNIST()
    assert files_in(cache) == []


@pytest.mark.needs("processes")
def test_the_demo_says_in_a_line_that_there_is_no_network(step, cache, tmp_path):
    nowhere = {"https_proxy": "http://127.0.0.1:9", "HTTPS_PROXY": "http://127.0.0.1:9"}
    run = subprocess.run(
        [sys.executable, step.__file__, "--mnist"],
        cwd=tmp_path,
        env={**os.environ, **nowhere, "no_proxy": "", "NO_PROXY": ""},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert run.returncode == 1
    assert len(run.stderr.splitlines()) == 1
    assert step.MNIST.URL in run.stderr


# --- names of the kinds of photographs ---


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
