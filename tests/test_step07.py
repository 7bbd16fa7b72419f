"""Step 7: y finds its way back to x by itself."""

import sys

import numpy as np
import pytest
from helpers import array, var


def apply(funcs, x):
    """x and what each function made in turn, the first from x."""
    xs = [x]
    for f in funcs:
        xs.append(f(xs[-1]))
    return xs


def chain(step, x):
    """x, a, b and y for y = (e^(x²))²."""
    return apply([step.Square(), step.Exp(), step.Square()], x)


@pytest.fixture
def usual_recursion_limit():
    """Python's own limit, whatever has been set by others."""
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(1000)
    yield
    sys.setrecursionlimit(limit)


def test_nobody_made_a_variable_that_the_reader_made(step):
    assert var(step, 0.5).creator is None


def test_a_variable_remembers_the_function_that_made_it(step):
    A, B, C = step.Square(), step.Exp(), step.Square()
    x, a, b, y = apply([A, B, C], var(step, 0.5))
    assert x.creator is None
    assert a.creator is A
    assert b.creator is B
    assert y.creator is C


def test_a_function_remembers_its_input_and_its_output(step):
    A, B = step.Square(), step.Exp()
    x, a, b = apply([A, B], var(step, 0.5))
    assert A.input is x
    assert A.output is a
    assert B.input is a
    assert B.output is b


def test_set_creator_sets_the_creator(step):
    f = step.Square()
    y = f(var(step, 0.5))
    other = var(step, 0.25)
    other.set_creator(f)
    assert other.creator is f
    assert y.creator is f


def test_the_gradient_found_by_hand(step):
    x, a, b, y = chain(step, var(step, 0.5))
    y.grad = np.array(1.0)
    y.backward()
    assert array(x.grad) == pytest.approx(3.297442541400256, rel=1e-13)


def test_every_variable_on_the_way_gets_its_gradient(step):
    x, a, b, y = chain(step, var(step, 1.2))
    y.grad = np.array(1.0)
    y.backward()
    right = [2 * np.exp(1.44), 2 * np.exp(2.88), 4.8 * np.exp(2.88)]
    assert [b.grad, a.grad, x.grad] == pytest.approx(right, rel=1e-13)
    assert y.grad == 1.0


def test_gradients_start_from_the_gradient_of_y(step):
    data, gy = np.random.default_rng(0).standard_normal((2, 2, 3))
    x, a, b, y = chain(step, step.Variable(data))
    y.grad = gy
    y.backward()
    right = gy * 4 * data * np.exp(2 * data**2)
    np.testing.assert_allclose(array(x.grad), right, rtol=1e-12)


@pytest.mark.parametrize(
    "names", ["Exp", "Square Exp", "Exp Square", "Square Exp Square Square Exp"]
)
def test_any_chain_goes_back_by_itself(step, names):
    def f(x):
        for name in names.split():
            x = getattr(step, name)()(x)
        return x

    x = var(step, -0.4)
    y = f(x)
    y.grad = np.array(1.0)
    y.backward()
    slope = step.numerical_diff(f, var(step, -0.4))
    assert array(x.grad) == pytest.approx(slope, rel=1e-5)


def test_backward_of_a_variable_in_between_goes_on_from_there(step):
    x, a, b, y = chain(step, var(step, 1.2))
    b.grad = np.array(1.0)
    b.backward()
    assert array(x.grad) == pytest.approx(2.4 * np.exp(1.44), rel=1e-13)
    assert y.grad is None


def test_backward_of_a_variable_that_nobody_made_is_harmless(step):
    x = var(step, 3)
    x.grad = np.array(5.0)
    x.backward()
    assert array(x.grad) == 5
    assert x.data == 3


def test_functions_of_ones_own_are_on_the_way(step):
    class Triple(step.Function):
        def forward(self, x):
            return 3 * x

        def backward(self, gy):
            return 3 * gy

    x = var(step, 2)
    y = step.Square()(Triple()(x))
    y.grad = np.array(1.0)
    y.backward()
    assert array(x.grad) == pytest.approx(36)


def long_chain(step, length):
    """dy/dx along so many functions that give back what they are given."""

    class Same(step.Function):
        def forward(self, x):
            return x

        def backward(self, gy):
            return gy

    x = y = var(step, 1)
    for _ in range(length):
        y = Same()(y)
    y.grad = np.array(7.0)
    y.backward()
    return array(x.grad)


def test_a_chain_of_300_is_no_trouble(step):
    assert long_chain(step, 300) == 7


def test_a_chain_of_5000_goes_beyond_the_recursion_limit(step, usual_recursion_limit):
    with pytest.raises(RecursionError):
        long_chain(step, 5000)
        pytest.fail("this is step 8 already: backward() does not call itself")
