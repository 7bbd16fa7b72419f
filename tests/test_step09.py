"""Step 9: square() and exp(), a gradient that starts at ones, arrays only."""

import numpy as np
import pytest
from helpers import array, var


def test_one_line_gives_the_gradient_of_step_6(step):
    x = var(step, 0.5)
    y = step.square(step.exp(step.square(x)))
    y.backward()
    assert y.data == pytest.approx(1.648721270700128, rel=1e-14)
    assert array(x.grad) == pytest.approx(3.297442541400256, rel=1e-14)


@pytest.mark.parametrize(
    "name, value, slope",
    [("square", lambda x: x * x, lambda x: 2 * x), ("exp", np.exp, np.exp)],
)
@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (2, 1, 2)])
def test_functions_of_one_variable(step, name, value, slope, shape):
    data = np.random.default_rng(1).standard_normal(shape)
    x = var(step, data)
    y = getattr(step, name)(x)
    y.backward()
    assert isinstance(y, step.Variable)
    np.testing.assert_allclose(y.data, value(data), rtol=1e-14)
    np.testing.assert_allclose(array(x.grad), slope(data), rtol=1e-14)
    assert array(x.grad).shape == shape


def test_backward_starts_at_ones_of_the_shape_of_the_output(step):
    y = var(step, [[7.0, 8.0, 9.0], [1.0, 2.0, 3.0]])
    y.backward()
    np.testing.assert_array_equal(array(y.grad), np.ones((2, 3)))


def test_a_gradient_that_was_set_is_kept(step):
    x = var(step, 3.0)
    y = step.square(x)
    y.grad = np.array(10.0)
    y.backward()
    assert array(x.grad) == 60.0


def test_what_is_computed_from_0_d_arrays_stays_an_array(step):
    x = var(step, 2.0)
    y = step.exp(step.square(x))
    y.backward()
    assert isinstance(y.data, np.ndarray), f"y.data is a {type(y.data).__name__}."
    gx = array(x.grad)
    assert isinstance(gx, np.ndarray), f"x.grad is a {type(gx).__name__}."
    assert y.data.shape == gx.shape == ()


def test_numerical_diff_works_on_0_d_arrays(step):
    def f(x):
        return step.square(step.exp(step.square(x)))

    slope = step.numerical_diff(f, var(step, 0.5))
    assert slope == pytest.approx(3.2974426293330694, rel=1e-8)
    slope = step.numerical_diff(step.exp, var(step, 0.5))
    assert slope == pytest.approx(np.exp(0.5), rel=1e-8)


@pytest.mark.parametrize("data", [1.0, 3, "half", [1.0, 2.0], np.float64(1.0), (1,)])
def test_a_variable_of_anything_but_an_array_is_refused(step, data):
    with pytest.raises(TypeError) as error:
        step.Variable(data)
    assert repr(data) in str(error.value), "The message should show what was passed."
    assert "array" in str(error.value), "The message should say what is expected."


def test_a_variable_holds_an_array_or_none(step):
    data = np.array([1.0])
    assert step.Variable(data).data is data
    assert step.Variable(None).data is None


def test_as_array_gives_an_array_back_as_it_is(step):
    x = np.array([1.0, 2.0])
    assert step.as_array(x) is x


@pytest.mark.parametrize(
    "number", [2, 2.5, np.float64(2.5), np.float32(2.5), np.int8(3)]
)
def test_as_array_makes_a_0_d_array_of_a_number(step, number):
    x = step.as_array(number)
    assert isinstance(x, np.ndarray)
    assert x.shape == ()
    assert x == number
    assert x.dtype == np.array(number).dtype


@pytest.mark.parametrize("thing", ["half", [1.0, 2.0], {}])
def test_as_array_refuses_the_rest(step, thing):
    with pytest.raises(TypeError) as error:
        step.as_array(thing)
    assert repr(thing) in str(error.value), "The message should show what was passed."


def test_a_function_may_compute_plain_numbers(step):
    class Line(step.Function):
        def forward(self, x):
            return 3.0 * float(x)

        def backward(self, gy):
            return 3.0

    x = var(step, 2.0)
    y = Line()(x)
    y.backward()
    assert isinstance(y.data, np.ndarray)
    assert y.data == 6.0
    assert isinstance(array(x.grad), np.ndarray)
    assert array(x.grad) == 3.0


def test_a_function_that_computes_no_array_is_refused(step):
    class Word(step.Function):
        def forward(self, x):
            return "half"

    with pytest.raises(TypeError, match="'half'"):
        Word()(var(step, 2.0))
