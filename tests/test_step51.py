"""Step 51: files that are downloaded and can be trusted, and handwritten digits."""

import gzip
import hashlib
import http.server
import io
import json
import os
import pathlib
import subprocess
import sys
import threading

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


REFUSED = {  # what the server does: the error of download()
    "altered": ValueError,
    "page": ValueError,
    "broken": OSError,
    "chunked": OSError,
    "nonsense": OSError,
    "away": OSError,
    "down": OSError,
}


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


@pytest.mark.parametrize("content", [b"", b"abc", CONTENT])
def test_the_checksum_of_a_file(step, content, tmp_path):
    (tmp_path / "file").write_bytes(content)
    assert step.file_hash(tmp_path / "file") == sha(content)


def test_a_known_checksum(step, tmp_path):
    (tmp_path / "file").write_bytes(b"abc")
    assert step.file_hash(tmp_path / "file") == (
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    )


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
@pytest.mark.parametrize("sha256", [SHA256, None])
def test_a_download_writes_the_whole_file(step, server, tmp_path, fault, sha256):
    path = tmp_path / "new" / "folder" / "file.bin"
    step.download(server.url(f"{fault}/file"), path, sha256)
    assert path.read_bytes() == CONTENT
    assert files_in(tmp_path) == ["file.bin"]


@pytest.mark.needs("sockets")
def test_a_download_replaces_an_older_file(step, server, tmp_path):
    path = tmp_path / "file.bin"
    path.write_bytes(b"old")
    step.download(server.url("whole/file"), path, SHA256)
    assert path.read_bytes() == CONTENT


def test_a_file_on_this_computer_is_downloaded_too(step, tmp_path):
    source = tmp_path / "a name with blanks, 100 %"
    source.write_bytes(CONTENT)
    step.download(source.as_uri(), tmp_path / "copy", SHA256)
    assert (tmp_path / "copy").read_bytes() == CONTENT


@pytest.mark.needs("sockets")
@pytest.mark.parametrize("fault", REFUSED)
@pytest.mark.parametrize("old", [None, b"old"], ids=["new", "old"])
def test_a_faulty_download_changes_nothing(step, server, tmp_path, fault, old):
    path = tmp_path / "file.bin"
    if old is not None:
        path.write_bytes(old)
    with pytest.raises(REFUSED[fault]):
        step.download(server.url(f"{fault}/file"), path, SHA256)
    assert files_in(tmp_path) == ([] if old is None else ["file.bin"])
    assert old is None or path.read_bytes() == old


@pytest.mark.needs("sockets")
def test_a_file_that_breaks_off_is_refused_without_a_checksum_too(
    step, server, tmp_path
):
    for fault in ("broken", "chunked"):
        with pytest.raises(OSError):
            step.download(server.url(f"{fault}/file"), tmp_path / "file")
    assert files_in(tmp_path) == []


@pytest.mark.needs("sockets")
@pytest.mark.parametrize("fault", ["silent", "stalled"])
def test_a_server_that_falls_silent_is_left(step, server, tmp_path, fault):
    with pytest.raises(OSError):
        step.download(
            server.url(f"{fault}/file"), tmp_path / "file", SHA256, timeout=TIMEOUT
        )
    assert files_in(tmp_path) == []


def test_a_download_does_not_wait_for_ever_if_nothing_is_said(step, monkeypatch):
    waits = []

    def urlopen(url, data=None, timeout=None):
        waits.append(timeout)
        raise OSError("nobody there")

    monkeypatch.setattr("urllib.request.urlopen", urlopen)
    with pytest.raises(ConnectionError):
        step.get_file("https://127.0.0.1/file", "file", SHA256)
    assert [0 < seconds <= 120 for seconds in waits] == [True]


@pytest.mark.parametrize("url", ["file:///no/such/file", "http://127.0.0.1:9/file"])
def test_where_nothing_is_there_is_nothing_to_download(step, tmp_path, url):
    with pytest.raises(OSError):
        step.download(url, tmp_path / "file", SHA256)
    assert files_in(tmp_path) == []


class Screen(io.StringIO):
    """A terminal."""

    def isatty(self):
        return True


@pytest.mark.needs("sockets")
def test_a_terminal_shows_the_progress(step, server, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sys, "stderr", screen := Screen())
    step.download(server.url("whole/file"), tmp_path / "digits.bin", SHA256)
    states = screen.getvalue().split("\r")
    assert screen.getvalue().endswith("\n")
    assert len(states) > 3, "200,000 bytes come in several pieces"
    assert all("digits.bin" in state for state in states[1:])
    assert "200,000 of 200,000" in states[-1]
    assert "200,000 of 200,000" not in states[1]
    assert capsys.readouterr().out == ""


@pytest.mark.needs("sockets")
def test_without_a_terminal_nothing_is_shown(step, server, tmp_path, capsys):
    step.download(server.url("whole/file"), tmp_path / "file", SHA256)
    assert capsys.readouterr() == ("", "")


# --- get_file ---


@pytest.mark.needs("sockets")
@pytest.mark.parametrize("name", ["file.bin", "folder/file.bin"])
@pytest.mark.parametrize("kind", [str, lambda url: [url]], ids=["url", "list"])
def test_a_file_is_downloaded_once(step, server, cache, name, kind):
    url = kind(server.url("whole/elsewhere"))
    for _ in range(3):
        path = step.get_file(url, name, SHA256)
        assert path == cache / name
        assert path.read_bytes() == CONTENT
    assert server.asked == ["/whole/elsewhere"]
    assert files_in(cache) == ["file.bin"]


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
    mirrors = [sources[0].as_uri(), sources[1].as_uri()]
    assert step.get_file(mirrors) == paths[0], "the first mirror gives the name"


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
@pytest.mark.parametrize("fault", REFUSED)
def test_the_next_mirror_is_asked_if_one_fails(step, server, cache, fault):
    mirrors = [server.url(f"{name}/file") for name in (fault, "whole", "away")]
    path = step.get_file(mirrors, "file.bin", SHA256)
    assert path.read_bytes() == CONTENT
    assert server.asked == [f"/{fault}/file", "/whole/file"]
    assert files_in(cache) == ["file.bin"]


@pytest.mark.needs("sockets")
def test_the_next_mirror_is_asked_if_one_is_not_there(step, server):
    mirrors = ["http://127.0.0.1:9/file", "strange://x/file", server.url("whole/file")]
    assert step.get_file(mirrors, "file.bin", SHA256).read_bytes() == CONTENT


@pytest.mark.needs("sockets")
def test_the_first_mirror_that_works_is_the_only_one_asked(step, server):
    step.get_file([server.url("whole/1"), server.url("whole/2")], "file.bin", SHA256)
    assert server.asked == ["/whole/1"]


@pytest.mark.needs("sockets")
def test_if_all_mirrors_fail_the_error_names_each_and_why(step, server, cache):
    faults = ("away", "altered", "broken", "down", "chunked")
    mirrors = [server.url(f"{fault}/file") for fault in faults]
    with pytest.raises(ConnectionError) as error:
        step.get_file([*mirrors, "http://127.0.0.1:9/file"], "file.bin", SHA256)
    text = str(error.value)
    assert "file.bin" in text
    places = [text.index(url) for url in [*mirrors, "http://127.0.0.1:9/file"]]
    assert places == sorted(places)
    parts = [text[a:b] for a, b in zip(places, [*places[1:], None])]
    for part, reason in zip(parts, ["404", "SHA-256", "", "503", "", ""]):
        assert reason in part
        assert len(part) > len(mirrors[0]) + 5, "there is no reason"
    assert "\n" not in text
    assert files_in(cache) == []


def test_one_address_that_fails_is_named_as_a_whole(step):
    with pytest.raises(ConnectionError, match="http://127.0.0.1:9/file.txt"):
        step.get_file("http://127.0.0.1:9/file.txt")


@pytest.mark.needs("sockets")
def test_a_file_where_the_cache_should_be(step, server, cache):
    cache.write_text("mine")
    for name in ("file.bin", "folder/file.bin"):
        with pytest.raises(ConnectionError, match="cache"):
            step.get_file(server.url("whole/a"), name, SHA256)
    assert cache.read_text() == "mine"
    assert server.asked == []


@pytest.mark.needs("sockets")
def test_a_cache_that_cannot_be_written(step, server, cache):
    cache.mkdir()
    cache.chmod(0o500)
    try:
        if os.access(cache, os.W_OK):
            pytest.skip("this user may write everywhere")
        with pytest.raises(ConnectionError, match="ermission"):
            step.get_file(server.url("whole/a"), "file.bin", SHA256)
        assert files_in(cache) == []
    finally:
        cache.chmod(0o700)


@pytest.mark.needs("sockets")
def test_a_folder_where_the_file_should_be(step, server, cache):
    (cache / "file.bin").mkdir(parents=True)
    for sha256 in (SHA256, None):
        with pytest.raises(ConnectionError, match="file.bin"):
            step.get_file(server.url("whole/a"), "file.bin", sha256)
    assert files_in(cache) == []


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
        step.data_file("numbers.npz")
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
NAMES = (
    "train-images-idx3-ubyte.gz",
    "train-labels-idx1-ubyte.gz",
    "t10k-images-idx3-ubyte.gz",
    "t10k-labels-idx1-ubyte.gz",
)


def idx(array):
    """An array in the format of MNIST's files: a magic number, the sizes, bytes."""
    header = np.array([0x800 + array.ndim, *array.shape], ">i4")
    return gzip.compress(header.tobytes() + array.tobytes(), mtime=0)


@pytest.fixture
def mirror(step, tmp_path, monkeypatch):
    """A folder with an MNIST of 5 and 3 images, and no other mirror."""
    folder = tmp_path / "mirror"
    folder.mkdir()
    arrays = IMAGES[:5], LABELS[:5], IMAGES[5:], LABELS[5:]
    contents = {name: idx(array) for name, array in zip(NAMES, arrays)}
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    checksums = {name: sha(content) for name, content in contents.items()}
    monkeypatch.setattr(step.MNIST, "MIRRORS", (folder.as_uri() + "/",))
    monkeypatch.setattr(step.MNIST, "FILES", checksums)
    return folder


def test_mnist_knows_its_files_and_two_places_to_get_them_from(step):
    assert tuple(step.MNIST.FILES) == NAMES
    assert len({*step.MNIST.FILES.values()}) == 4
    for checksum in step.MNIST.FILES.values():
        assert len(bytes.fromhex(checksum)) == 32
    assert len({*step.MNIST.MIRRORS}) >= 2
    assert all(url.startswith("https://") for url in step.MNIST.MIRRORS)
    assert all(url.endswith("/") for url in step.MNIST.MIRRORS)


@pytest.mark.parametrize("train, part", [(True, slice(5)), (False, slice(5, 8))])
def test_mnist_is_read(step, mirror, train, part):
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


def test_mnist_is_for_training_if_nothing_is_said(step, mirror):
    assert len(step.MNIST()) == 5


def test_mnist_with_other_transforms(step, mirror):
    dataset = step.MNIST(transform=lambda x: x[0], target_transform=lambda t: t + 1)
    x, t = dataset[2]
    assert (x.shape, x.dtype, t) == ((28, 28), np.uint8, 5)


def test_mnist_is_downloaded_once_and_only_what_is_needed(step, mirror, cache):
    assert not step.MNIST.is_cached()
    step.MNIST()
    assert files_in(cache / "mnist") == sorted(NAMES[:2])
    assert not step.MNIST.is_cached()
    step.MNIST(train=False)
    assert files_in(cache / "mnist") == sorted(NAMES)
    assert step.MNIST.is_cached() is True
    for name in NAMES:
        (mirror / name).unlink()
    assert len(step.MNIST()) + len(step.MNIST(train=False)) == 8


@pytest.mark.parametrize("name", NAMES)
def test_a_spoiled_file_of_mnist_is_fetched_again(step, mirror, cache, name):
    step.MNIST(), step.MNIST(train=False)
    path = cache / "mnist" / name
    whole = path.read_bytes()
    path.write_bytes(whole[:-10])
    assert not step.MNIST.is_cached()
    assert len(step.MNIST()) + len(step.MNIST(train=False)) == 8
    assert path.read_bytes() == whole
    assert step.MNIST.is_cached()


def test_mnist_goes_on_to_the_next_mirror(step, mirror, tmp_path, monkeypatch):
    first = tmp_path / "first"
    first.mkdir()
    for name in NAMES:
        (first / name).write_bytes(idx(np.zeros((2, 28, 28), np.uint8)))
    mirrors = ["http://127.0.0.1:9/", first.as_uri() + "/", mirror.as_uri() + "/"]
    monkeypatch.setattr(step.MNIST, "MIRRORS", mirrors)
    np.testing.assert_array_equal(step.MNIST().label, LABELS[:5])


def test_mnist_without_a_network(step, monkeypatch, cache):
    mirrors = ["http://127.0.0.1:9/a/", "http://127.0.0.1:9/b/"]
    monkeypatch.setattr(step.MNIST, "MIRRORS", mirrors)
    with pytest.raises(ConnectionError) as error:
        step.MNIST()
    for mirror in mirrors:
        assert f"{mirror}{NAMES[0]}" in str(error.value)
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
    for mirror in step.MNIST.MIRRORS:
        assert mirror in run.stderr


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
