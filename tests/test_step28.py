"""Step 28: gradient descent on Rosenbrock's function."""

import sys

import numpy as np
import pytest
from helpers import array, var


def formula(x0, x1):
    """Rosenbrock's function, for numbers and for variables."""
    return 100 * (x1 - x0**2) ** 2 + (x0 - 1) ** 2


def gradient(x0, x1):
    """The gradient of Rosenbrock's function, worked out by hand."""
    return -400 * x0 * (x1 - x0**2) + 2 * (x0 - 1), 200 * (x1 - x0**2)


POINTS = [(0.0, 2.0), (1.0, 1.0), (-1.5, 0.5), (0.5, -2.0)]


@pytest.mark.parametrize("point", POINTS)
def test_backward_gives_the_gradient_at_any_point(step, point):
    x0, x1 = (var(step, x) for x in point)
    formula(x0, x1).backward()
    assert (array(x0.grad), array(x1.grad)) == pytest.approx(gradient(*point))


@pytest.mark.parametrize("point", POINTS)
def test_rosenbrock_is_the_formula(step, point):
    x0, x1 = (var(step, x) for x in point)
    y = step.rosenbrock(x0, x1)
    y.backward()
    assert y.data == pytest.approx(formula(*point))
    assert (x0.grad, x1.grad) == pytest.approx(gradient(*point))


def test_the_gradient_at_the_start(step):
    x0, x1 = var(step, 0.0), var(step, 2.0)
    step.rosenbrock(x0, x1).backward()
    assert (x0.grad, x1.grad) == (-2.0, 400.0)


def test_the_path_begins_at_the_start_and_goes_against_the_gradient(step):
    path = step.descend(
        step.rosenbrock, [var(step, 0.0), var(step, 2.0)], lr=0.001, iters=2
    )
    second = np.array([0.002, 1.6]) - 0.001 * np.array(gradient(0.002, 1.6))
    assert path.shape == (3, 2)
    np.testing.assert_allclose(path, [[0, 2], [0.002, 1.6], second])


def test_the_path_ends_near_the_lowest_point_and_always_goes_down(step):
    xs = [var(step, 0.0), var(step, 2.0)]
    path = step.descend(step.rosenbrock, xs, lr=0.001, iters=10000)
    assert path.shape == (10001, 2)
    np.testing.assert_allclose(path[-1], (1, 1), atol=0.02)
    np.testing.assert_allclose(path[-1], (0.9944984, 0.9890051), rtol=1e-5)
    assert np.all(np.diff(formula(*path.T)) < 0)
    assert [float(x.data) for x in xs] == list(path[-1]), "the Variables move along"


@pytest.mark.parametrize("start", [[2.0], [2.0, -1.0, 0.5]])
def test_descend_takes_any_function_of_any_number_of_variables(step, start):
    """On the sum of x ** 2 each step multiplies every x with 1 - 2 lr."""
    path = step.descend(
        lambda *xs: sum(x**2 for x in xs), [var(step, x) for x in start], 0.1, 5
    )
    expected = np.array(start) * 0.8 ** np.arange(6)[:, None]
    np.testing.assert_allclose(path, expected, err_msg="are the gradients cleared?")


def test_old_gradients_do_not_count(step):
    x = var(step, 1.0)
    x.grad = np.array(100.0)
    path = step.descend(lambda x: x**2, [x], lr=0.1, iters=1)
    np.testing.assert_allclose(path, [[1.0], [0.8]])


@pytest.mark.parametrize("dtype", [float, int])
def test_the_array_that_was_handed_in_stays_what_it_was(step, dtype):
    start = np.array(2, dtype)
    x = step.Variable(start)
    step.descend(lambda x: x**2, [x], lr=0.1, iters=3)
    assert start == 2
    assert isinstance(x.data, np.ndarray)
    assert x.data == pytest.approx(2 * 0.8**3)


def test_without_matplotlib_one_line_says_what_to_install(
    step, monkeypatch, capsys, tmp_path
):
    for name in [name for name in sys.modules if name.split(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    picture = tmp_path / "path.png"
    assert step.plot_path(np.array([[0.0, 2.0], [1.0, 1.0]]), picture) is None
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1 and "matplotlib" in err
    assert not picture.exists()


@pytest.mark.parametrize(
    "ending, first", [("png", b"\x89PNG"), ("svg", b"<?xml")], ids=str
)
def test_with_matplotlib_the_path_is_drawn(step, capsys, tmp_path, ending, first):
    pytest.importorskip("matplotlib")
    picture = tmp_path / "new folder" / f"path.{ending}"
    assert step.plot_path(np.array([[0.0, 2.0], [1.0, 1.0]]), str(picture)) == picture
    assert picture.read_bytes().startswith(first)
    assert capsys.readouterr().out == ""
