"""Step 27: sin, and the same sine by its Taylor series."""

import numpy as np
import pytest
from helpers import array, var


def taylor_sine(x, threshold):
    """sin x by its series, and how many terms it took."""
    y, c = 0.0, 1.0
    for terms in range(1, 100):
        t = c * x ** (2 * terms - 1)
        y = y + t
        if abs(t.data) < threshold:
            break
        c = -c / (2 * terms * (2 * terms + 1))
    return y, terms


@pytest.fixture
def random_x():
    return np.random.default_rng(1).uniform(-7, 7, (2, 3))


def test_sin_at_a_quarter_of_pi(step):
    x = var(step, np.pi / 4)
    y = step.sin(x)
    y.backward()
    assert y.data == pytest.approx(0.7071067811865476, rel=1e-15)
    assert array(x.grad) == pytest.approx(0.7071067811865476, rel=1e-15)


def test_the_taylor_series_gives_the_same_value_and_slope(step):
    x = var(step, np.pi / 4)
    y, terms = taylor_sine(x, 1e-16)
    y.backward()
    assert terms == 9
    assert y.data == pytest.approx(0.7071067811865476, rel=1e-15)
    assert array(x.grad) == pytest.approx(0.7071067811865476, rel=1e-15)


@pytest.mark.parametrize(
    "threshold, terms, value, slope",
    [
        (1e-1, 2, 0.7046526512091675, 0.6915748624659576),
        (1e-2, 3, 0.7071430457793603, 0.7074292067098773),
        (1e-4, 4, 0.7071064695751781, 0.7071032148228457),
    ],
)
def test_fewer_terms_give_fewer_digits_and_a_smaller_graph(
    step, threshold, terms, value, slope
):
    x = var(step, np.pi / 4)
    y, found = taylor_sine(x, threshold)
    y.backward()
    assert found == terms
    assert step.get_dot_graph(y).count('label="Pow"') == terms
    assert y.data == pytest.approx(value, rel=1e-12)
    assert array(x.grad) == pytest.approx(slope, rel=1e-12)


def test_sin_of_an_array_is_taken_element_by_element(step, random_x):
    np.testing.assert_allclose(step.sin(step.Variable(random_x)).data, np.sin(random_x))


def test_the_gradient_is_the_cosine_times_what_arrives(step, random_x):
    x = step.Variable(random_x)
    arrived = np.random.default_rng(2).standard_normal((2, 3))
    y = step.sin(x) * step.Variable(arrived)
    y.backward()
    np.testing.assert_allclose(array(x.grad), arrived * np.cos(random_x))


def test_the_gradient_agrees_with_numerical_slopes(step, random_x):
    assert step.gradient_check(step.sin, step.Variable(random_x))
    assert step.gradient_check(
        lambda x0, x1: step.sin(x0 * step.sin(x1)),
        step.Variable(random_x),
        step.Variable(random_x + 1),
    )


@pytest.mark.parametrize("x", [-1.5, 0.0, 0.5, 2.0])
def test_slopes_away_from_a_quarter_of_pi(step, x):
    """At pi / 4 a sine in the place of the cosine would go unnoticed."""
    x = var(step, x)
    step.sin(x).backward()
    assert array(x.grad) == pytest.approx(np.cos(x.data))


def test_sin_is_one_function_in_the_graph(step):
    x = var(step, 1.0)
    y = step.sin(x)
    assert type(y.creator) is step.Sin, "sin(x) is to be made by a Sin"
    assert tuple(y.creator.inputs) == (x,)
    assert isinstance(step.Sin(), step.Function)
    assert step.get_dot_graph(y).count('label="Sin"') == 1


def test_a_number_stays_an_array_without_dimensions(step):
    x = var(step, 1.0)
    y = step.sin(x)
    y.backward()
    assert isinstance(y.data, np.ndarray) and y.shape == ()
    assert isinstance(array(x.grad), np.ndarray) and array(x.grad).shape == ()


def test_float32_stays_float32(step):
    x = var(step, [0.5, 1.0], np.float32)
    y = step.sin(x)
    y.backward()
    assert y.dtype == np.float32
    assert array(x.grad).dtype == np.float32


def test_integers_have_a_float_gradient(step):
    x = var(step, [0, 1], int)
    step.sin(x).backward()
    np.testing.assert_allclose(array(x.grad), np.cos([0, 1]))
    assert array(x.grad).dtype == np.float64


def test_a_plain_array_is_a_constant(step):
    y = step.sin(np.array([0.5, 1.0]))
    np.testing.assert_allclose(y.data, np.sin([0.5, 1.0]))
    assert y.creator is None
    assert step.sin(0.5).data == pytest.approx(np.sin(0.5))


def test_what_is_not_a_number_is_refused(step):
    with pytest.raises(TypeError, match="'one'"):
        step.sin("one")
