"""Step 14: gradients that arrive at one variable add up; cleargrad() forgets them."""

import math

import numpy as np
import pytest
from helpers import array, var


def test_x_plus_x(step):
    """Gradients that arrive at one variable add up."""
    x = var(step, 3.0)
    y = step.add(x, x)
    y.backward()
    assert y.data == 6.0
    assert array(x.grad) == 2.0, "y = x + x = 2x, so x.grad must be 2."


@pytest.mark.parametrize("x_first", [True, False])
def test_x_plus_x_plus_x(step, x_first):
    x = var(step, 3.0)
    y = step.add(x, step.add(x, x)) if x_first else step.add(step.add(x, x), x)
    y.backward()
    assert array(x.grad) == 3.0


def test_four_paths(step):
    """Four paths lead from y to x, and each adds 1 to the gradient."""
    x = var(step, [1.0, -2.0])
    step.add(step.add(x, x), step.add(x, x)).backward()
    assert array(x.grad).tolist() == [4.0, 4.0]


def test_paths_through_different_functions(step):
    x = var(step, [0.5, -1.0])
    step.add(step.square(x), step.add(x, step.exp(x))).backward()
    expected = [2 * a + 1 + math.exp(a) for a in (0.5, -1.0)]
    np.testing.assert_allclose(array(x.grad), expected, rtol=1e-14)


def test_paths_agree_with_numerical_slopes(step):
    def f(x, y):
        return step.add(step.add(step.square(x), step.exp(y)), step.add(step.exp(x), x))

    rng = np.random.default_rng(1)
    xs = [var(step, rng.standard_normal((2, 3))) for _ in range(2)]
    assert step.gradient_check(f, *xs) is True


def test_a_sum_of_0_d_gradients_is_an_array(step):
    x = var(step, 3.0)
    step.add(x, x).backward()
    gx = array(x.grad)
    assert isinstance(gx, np.ndarray), f"x.grad is a {type(gx).__name__}."
    assert gx.shape == ()


@pytest.mark.parametrize("data", [3.0, [1.0, 2.0]])
def test_adding_up_does_not_change_the_gradient_of_the_output(step, data):
    x = var(step, data)
    y = step.add(x, x)
    gy = np.ones_like(x.data)
    y.grad = gy
    y.backward()
    np.testing.assert_array_equal(
        gy, np.ones_like(x.data), "The array in y.grad was changed: is there a += ?"
    )


def test_adding_up_does_not_change_the_gradient_of_another_variable(step):
    x0, x1 = var(step, 2.0), var(step, 3.0)
    step.add(x0, x1).backward()
    step.square(x0).backward()
    assert array(x0.grad) == 5.0
    assert array(x1.grad) == 1.0, "x0 and x1 share an array, and += changed it."


def test_a_second_calculation_adds_to_the_gradient_of_the_first(step):
    x = var(step, 3.0)
    step.add(x, x).backward()
    step.add(step.add(x, x), x).backward()
    assert array(x.grad) == 5.0


def test_cleargrad_forgets_the_gradient(step):
    x = var(step, 3.0)
    step.add(x, x).backward()
    x.cleargrad()
    assert x.grad is None
    step.add(step.add(x, x), x).backward()
    assert array(x.grad) == 3.0


def test_cleargrad_keeps_data_and_creator(step):
    y = step.square(var(step, 3.0))
    creator = y.creator
    y.grad = np.array(1.0)
    y.cleargrad()
    y.cleargrad()
    assert y.grad is None
    assert y.data == 9.0
    assert y.creator is creator


def test_one_path_is_as_before(step):
    x, y = var(step, 2.0), var(step, 3.0)
    step.add(step.square(x), step.square(y)).backward()
    assert array(x.grad) == 4.0
    assert array(y.grad) == 6.0
