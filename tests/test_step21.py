"""Step 21: numbers and arrays beside variables, constants, dtypes."""

import copy

import numpy as np
import pytest
from helpers import array, var

A = np.array([[1.0, -2.0, 3.0], [0.5, 4.0, -1.5]])
B = np.array([[2.0, 1.0, -1.0], [3.0, -0.5, 0.25]])

NUMBERS = [3, 3.0, np.float64(3), np.float32(3), np.int64(3)]
MIXED = {
    "x + c": (lambda x, c: x + c, lambda x, c: x + c, lambda c: np.ones_like(c)),
    "c + x": (lambda x, c: c + x, lambda x, c: c + x, lambda c: np.ones_like(c)),
    "x * c": (lambda x, c: x * c, lambda x, c: x * c, lambda c: c),
    "c * x": (lambda x, c: c * x, lambda x, c: c * x, lambda c: c),
}


@pytest.fixture(params=MIXED.values(), ids=MIXED)
def mixed(request):
    """An operator between a variable and a constant, its value, its slope."""
    return request.param


def test_a_formula_with_numbers_reads_as_in_mathematics(step):
    x = var(step, 2.0)
    y = 3.0 * x + 1.0
    y.backward()
    assert type(y) is step.Variable
    assert y.data == 7.0
    assert array(x.grad) == 3.0


@pytest.mark.parametrize("c", NUMBERS, ids=lambda c: type(c).__name__)
@pytest.mark.parametrize("data", [2.0, [1.0, 2.0], A], ids=["0-d", "1-d", "2-d"])
def test_a_number_may_stand_on_either_side(step, mixed, c, data):
    f, value, slope = mixed
    x = var(step, data)
    y = f(x, c)
    assert type(y) is step.Variable
    np.testing.assert_array_equal(y.data, value(x.data, 3.0))
    y.backward()
    np.testing.assert_array_equal(array(x.grad), np.full(x.shape, slope(3.0)))


@pytest.mark.parametrize("c", [np.array(3.0), B[0], B], ids=["0-d", "1-d", "2-d"])
def test_an_array_may_stand_on_either_side(step, mixed, c):
    f, value, slope = mixed
    x = var(step, np.full(c.shape, 5.0))
    y = f(x, c)
    assert type(y) is step.Variable, "an array of variables is not a variable"
    assert y.data.dtype == np.float64
    np.testing.assert_array_equal(y.data, value(x.data, c))
    y.backward()
    np.testing.assert_array_equal(array(x.grad), slope(c))


def test_the_sum_of_a_list_of_variables_may_begin_with_zero(step):
    x = var(step, [1.0, 2.0])
    y = 0 + x + x + x
    y.backward()
    np.testing.assert_array_equal(y.data, [3.0, 6.0])
    np.testing.assert_array_equal(array(x.grad), [3.0, 3.0])


def test_gradients_of_mixed_formulas_agree_with_numerical_slopes(step):
    assert step.gradient_check(lambda x: 3.0 * x * x + A * x * B + 1, var(step, B))
    assert step.gradient_check(
        lambda x, y: A * (x * 2 + y) * (B + x) + y * step.square(0.5 * x),
        var(step, B),
        var(step, A),
    )


def test_functions_take_numbers_and_arrays_too(step):
    assert step.square(3.0).data == 9.0
    assert step.add(1.0, 2).data == 3.0
    np.testing.assert_array_equal(step.mul(A, B).data, A * B)


# Constants


def test_as_variable_leaves_a_variable_as_it_is(step):
    x = var(step, 2.0)
    assert step.as_variable(x) is x
    assert x.requires_grad is True


def test_as_variable_wraps_the_rest_as_a_constant(step):
    c = step.as_variable(A)
    assert type(c) is step.Variable
    assert c.data is A
    assert c.requires_grad is False
    assert c.creator is None
    number = step.as_variable(2.5)
    assert isinstance(number.data, np.ndarray)
    assert number.data == 2.5
    assert number.requires_grad is False


@pytest.mark.parametrize("wrong", ["3.0", None, [1.0, 2.0], {}], ids=repr)
def test_what_is_neither_array_nor_number_is_refused(step, wrong):
    x = var(step, [1.0, 2.0])
    for use in (
        step.as_variable,
        lambda c: x + c,
        lambda c: c + x,
        lambda c: x * c,
        lambda c: c * x,
    ):
        with pytest.raises(TypeError) as error:
            use(wrong)
        assert repr(wrong) in str(error.value), "the error names what was wrong"


def test_the_copy_of_a_constant_is_a_constant(step):
    c = copy.copy(step.as_variable(A))
    assert c.requires_grad is False
    assert c.data is A
    assert copy.copy(var(step, 2.0)).requires_grad is True


def test_a_constant_gets_no_gradient(step):
    x, c = var(step, B), step.as_variable(A)
    for f in (step.add, step.mul):
        y = f(c, f(x, c))
        y.backward(retain_grad=True)
        assert c.grad is None
        assert x.grad is not None


@pytest.mark.parametrize("place", [0, 1])
def test_no_gradient_is_computed_for_a_constant(step, place):
    x, c = var(step, 2.0), step.as_variable(np.array(3.0))
    y = step.mul(c, x) if place == 0 else step.mul(x, c)
    y.backward(retain_grad=True)
    gxs = y.creator.backward(y.grad)
    assert gxs[place] is None, "Mul.backward gives None for a constant"
    assert array(gxs[1 - place]) == 3.0
    assert array(x.grad) == 3.0


def test_a_variable_still_has_no_dict(step):
    message = "requires_grad belongs into Variable.__slots__"
    assert not hasattr(var(step, 2.0), "__dict__"), message


def test_requires_grad_can_be_switched_off_by_hand(step):
    x, w = var(step, 2.0), var(step, 5.0)
    w.requires_grad = False
    y = x * w + w
    y.backward()
    assert array(x.grad) == 5.0
    assert w.grad is None


def test_what_is_made_of_constants_only_is_a_constant(step):
    c = step.as_variable(A)
    for y in (c * 2.0, 2.0 + c, step.square(c), step.exp(c) * c, c * c):
        assert y.requires_grad is False
        assert y.creator is None, "nothing is recorded for constants"
        assert y.generation == 0


def test_one_input_that_needs_a_gradient_is_enough(step):
    x, c = var(step, A), step.as_variable(B)
    for y in (x * c, c * x, c + x, step.square(x)):
        assert y.requires_grad is True
        assert y.creator is not None
        assert y.generation == 1


def test_the_result_of_no_grad_is_a_constant(step):
    x = var(step, 2.0)
    with step.no_grad():
        y = x * 3.0
    assert y.requires_grad is False
    assert y.creator is None
    z = x * y
    z.backward()
    assert array(x.grad) == 6.0, "y counts as the number 6"
    assert y.grad is None


def test_the_latest_input_counts_for_the_generation(step):
    x, c = var(step, 2.0), step.as_variable(np.array(1.0))
    deep = step.square(step.square(x))
    for y in (deep + x, x + deep, deep + c, c + deep, deep * 1.0):
        assert y.generation == 3
    for f in (lambda a, b: a + b, lambda a, b: b + a):
        x = var(step, 2.0)
        a = step.square(x)
        f(step.square(a) * 1.0, step.square(a) + a).backward()
        assert array(x.grad) == 68.0  # of 2 x ** 4 + x ** 2


def test_an_input_without_a_gradient_has_no_say_in_the_generation(step):
    x = var(step, 2.0)
    deep = step.square(step.square(x))
    deep.requires_grad = False
    y = x * deep
    assert y.generation == 1
    y.backward()
    assert array(x.grad) == 16.0, "deep counts as a number, and x is in it no more"


def test_backward_on_a_constant_is_harmless(step):
    c = step.as_variable(A)
    (c * 2.0).backward()
    c.backward()


def test_a_function_may_give_none_for_an_input(step):
    class First(step.Function):
        def forward(self, x0, x1):
            return x0 * 1.0

        def backward(self, gy):
            return gy, None

    x0, x1 = var(step, 2.0), var(step, 3.0)
    First()(x0, step.square(x1)).backward()
    assert array(x0.grad) == 1.0
    assert x1.grad is None


# dtypes


def test_a_number_does_not_become_an_integer_beside_integers(step):
    n = var(step, [1, 2, 3], int)
    for y in (n * 2.5, 2.5 * n):
        np.testing.assert_array_equal(y.data, [2.5, 5.0, 7.5])
        n.cleargrad()
        y.backward()
        assert array(n.grad).dtype == np.float64
        np.testing.assert_array_equal(array(n.grad), [2.5, 2.5, 2.5])


def test_a_sum_of_0_d_gradients_is_an_array(step):
    x = var(step, 2.0)
    (x * 3.0 + x).backward()
    assert isinstance(array(x.grad), np.ndarray)
    assert array(x.grad) == 4.0


def test_a_variable_may_have_come_to_hold_a_number_of_numpy(step):
    x = var(step, 2.0)
    x.data = x.data - 0.5  # NumPy makes a number of it
    y = x * 3.0 + 1.0
    y.backward()
    assert float(y.data) == 5.5
    assert float(array(x.grad)) == 3.0


def test_detach_gives_the_same_array_without_its_history(step):
    x = var(step, [1.0, 2.0])
    y = x * x
    d = y.detach()
    assert d.data is y.data and d.creator is None
    (d * x).backward()
    assert array(x.grad).tolist() == [1.0, 4.0], "d counts as a constant"
