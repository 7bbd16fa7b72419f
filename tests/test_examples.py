"""Each example runs offline in a tiny configuration and gives what it promises."""

import importlib
import sys

import numpy as np
import pytest

from examples import common

ROOT = common.ROOT
NAMES = sorted(p.stem for p in (ROOT / "examples").glob("[a-z]*.py"))
HELPERS = ["common", "networks", "processes"]
PROGRAMS = [name for name in NAMES if name not in HELPERS]
CHAR = ["--length", "30"]
WORDS = {
    "char_lstm": ["--epochs", "2", "--letters", "4000", "--hidden-size", "32", *CHAR],
    "char_transformer": ["--steps", "12", "--context", "16", *CHAR],
    "data_parallel": ["--epochs", "4"],
    "digits": ["--epochs", "1"],
    "gan": ["--epochs", "1"],
    "grad_cam": ["--epochs", "1"],
    "spiral": ["--epochs", "20"],
    "style_transfer": ["--epochs", "1", "--steps", "3"],
    "tanh_graph": ["--order", "2"],
    "vae": ["--epochs", "2"],
}


@pytest.fixture(autouse=True)
def offline(tmp_path, monkeypatch):
    """An empty folder to write into, an empty cache, no way into the network."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SIXTY_STEPS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("socket.socket.connect", None)
    state = np.random.get_state()
    yield
    np.random.set_state(state)


def run(name, capsys):
    """The module of an example, and what it prints when it is run."""
    module = importlib.import_module(f"examples.{name}")
    module.main(WORDS[name])
    return module, capsys.readouterr().out


def read_png(path):
    """The pixels of a PNG file: (H, W) or (H, W, 3)."""
    image = pytest.importorskip("PIL.Image", reason="pictures need Pillow")
    return np.asarray(image.open(path))


def losses(text):
    """The numbers behind the word loss, in order."""
    words = text.split()
    return [float(b) for a, b in zip(words, words[1:]) if a == "loss"]


def test_every_example_is_run_here_and_named_with_the_package():
    assert PROGRAMS == sorted(WORDS)
    text = (ROOT / "site" / "package.md").read_text(encoding="utf-8")
    for name in PROGRAMS:
        assert f"(../examples/{name}.py)" in text


@pytest.mark.parametrize("name", NAMES)
def test_an_example_has_40_to_150_lines(name):
    lines = (ROOT / "examples" / f"{name}.py").read_text(encoding="utf-8").split("\n")
    assert 40 <= len(lines) <= 150


@pytest.mark.parametrize("name", PROGRAMS)
def test_an_example_needs_no_download_and_says_how_it_is_started(name):
    text = (ROOT / "examples" / f"{name}.py").read_text(encoding="utf-8")
    assert f"python -m examples.{name}" in text


@pytest.mark.parametrize("name", ["char_lstm", "char_transformer"])
def test_a_writer_learns_and_writes(name, capsys):
    _, out = run(name, capsys)
    found = losses(out)
    assert found[-1] < found[0]
    assert len(out) > 30 and "different ones" in out


def test_a_transformer_does_not_look_into_the_future():
    from examples.char_transformer import GPT

    model = GPT(5, D=8, heads=2, blocks=2, context=6)
    ids = np.array([[0, 1, 2, 3, 4, 0]])
    other = np.array([[0, 1, 2, 4, 4, 1]])
    y, z = model(ids).data, model(other).data
    np.testing.assert_array_equal(y[0, :3], z[0, :3])
    assert np.abs(y[0, 3:] - z[0, 3:]).min(axis=1).max() > 0
    assert y.dtype == np.float32


def test_gelu_is_that_of_the_paper():
    from examples.char_transformer import gelu

    values = [-0.158808, 0.0, 0.841192]  # of torch's gelu(x, approximate="tanh")
    found = gelu(np.array([-1.0, 0.0, 1.0])).data
    np.testing.assert_allclose(found, values, atol=1e-6)


def test_both_networks_read_digits(capsys, tmp_path):
    _, out = run("digits", capsys)
    shares = [float(word[:-1]) for word in out.split() if word.endswith("%")]
    assert len(shares) == 2 and min(shares) > 30
    assert read_png(tmp_path / "out" / "wrong-digits.png").shape == (80, 400)


def test_the_gan_draws_a_sheet_of_digits(capsys, tmp_path):
    _, out = run("gan", capsys)
    assert "generator" in out
    assert read_png(tmp_path / "out" / "gan.png").shape == (5 * 60, 12 * 60)


def test_the_autoencoder_learns_and_draws_its_map(capsys, tmp_path):
    _, out = run("vae", capsys)
    found = losses(out)
    assert found[-1] < found[0]
    assert read_png(tmp_path / "out" / "vae.png").std() > 10


def test_grad_cam_draws_the_digits_in_colours(capsys, tmp_path):
    module, out = run("grad_cam", capsys)
    assert "It takes them for" in out
    image = read_png(tmp_path / "out" / "grad-cam.png")
    assert image.shape == (3 * 34, 10 * 34, 3)
    assert (image[..., 0].astype(int) - image[..., 2]).max() > 50  # something is red


def test_grad_cam_finds_the_part_that_the_score_comes_from():
    from examples.grad_cam import heat

    class Corner:
        """A network whose score is what its first feature sees in one corner."""

        def features(self, x):
            return [x]

        def scores(self, x):
            return x[:, :1, 0, 0] * 2.0

    x = np.zeros((1, 2, 3, 3))
    x[0, 0, 0, 0] = x[0, 1, 2, 2] = 1.0
    import framework.functions as F

    Corner.features = lambda self, x: [F.reshape(x, x.shape)]
    _, maps = heat(Corner(), x)
    assert maps[0, 0, 0] > 0.99 and maps[0].sum() < 1.01


def test_the_picture_is_painted_with_a_smaller_loss(capsys, tmp_path):
    _, out = run("style_transfer", capsys)
    found = losses(out)
    assert found[-1] < found[0]
    assert read_png(tmp_path / "out" / "style.png").shape == (240, 720)


def test_the_spiral_is_learned_and_drawn(capsys, tmp_path):
    _, out = run("spiral", capsys)
    assert float(out.split("test ")[-1].split()[0]) > 0.8
    image = read_png(tmp_path / "out" / "spiral.png")
    assert image.shape == (600, 600, 3) and {*image.argmax(axis=2).flat} == {0, 1, 2}


def test_the_graph_of_tanh_grows(capsys, tmp_path):
    _, out = run("tanh_graph", capsys)
    rows = [line.split() for line in out.splitlines() if line.startswith("order")]
    counts = [int(row[3]) for row in rows]
    assert counts == sorted({*counts}) and len(counts) == 3
    values = [float(row[2]) for row in rows]
    t = np.tanh(1.0)
    np.testing.assert_allclose(values, [t, 1 - t**2, -2 * t * (1 - t**2)], atol=1e-5)
    assert (tmp_path / out.split("The graph is ")[1].strip()[:-1]).exists()


def test_without_pillow_a_line_says_so(capsys, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL", None)
    common.save_png(tmp_path / "picture.png", np.zeros((2, 2)))
    assert "it needs Pillow" in capsys.readouterr().out
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("shape", [(3, 4), (3, 5, 2)])
def test_a_picture_is_written_as_it_is(shape, tmp_path):
    image = np.random.default_rng(0).random(shape)
    common.save_png(tmp_path / "picture.png", image, scale=2)
    found = read_png(tmp_path / "picture.png")
    expected = (image * 255).astype(np.uint8).repeat(2, -1).repeat(2, -2)
    if image.ndim == 3:
        expected = expected.transpose(1, 2, 0)
    np.testing.assert_array_equal(found, expected)


def test_pictures_are_tiled_row_by_row():
    images = np.arange(1, 4)[:, None, None] * np.ones((3, 1, 2))
    sheet = common.tiled(images, 2)
    assert sheet.shape == (2 * 3, 2 * 4)
    np.testing.assert_array_equal(sheet[1], [0, 1, 1, 0, 0, 2, 2, 0])
    np.testing.assert_array_equal(sheet[4], [0, 3, 3, 0, 0, 0, 0, 0])


def test_a_photograph_without_its_weights_is_refused(capsys):
    from examples import grad_cam

    with pytest.raises(SystemExit):
        grad_cam.main(["--picture", "cat.png"])
    assert "--weights and --picture go together" in capsys.readouterr().err


def test_without_shakespeare_the_lessons_are_the_text():
    assert "Step 1 · A variable is a box" in common.load_text()


def test_without_mpi_one_process_learns_and_says_how_to_start_two(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "mpi4py", None)
    _, out = run("data_parallel", capsys)
    found = losses(out)
    assert len(found) == 4 and found[-1] < 0.8 * found[0]
    assert "One process" in out and "mpiexec -n 2" in out
