"""Step 30: forward is recorded, the gradients are not."""

import numpy as np
import pytest
from helpers import array, var


def one_of_each(step):
    """A function of one variable for every function the framework has by now."""
    return {
        "neg": lambda x: -x,
        "add": lambda x: x + x,
        "sub": lambda x: 1 - x,
        "mul": lambda x: x * x,
        "div": lambda x: 1 / x,
        "pow": lambda x: x**3,
        "rpow": lambda x: 2**x,
        "square": step.square,
        "exp": step.exp,
        "sin": step.sin,
    }


NAMES = ["neg", "add", "sub", "mul", "div", "pow", "rpow", "square", "exp", "sin"]


@pytest.mark.parametrize("name", NAMES)
def test_forward_leaves_a_record_that_leads_back_to_x(step, name):
    x = var(step, 0.7)
    y = one_of_each(step)[name](x)
    assert isinstance(y.creator, step.Function)
    assert any(v is x for v in y.creator.inputs)


@pytest.mark.parametrize("name", NAMES)
def test_a_gradient_is_a_bare_array_without_a_creator(step, name):
    x = var(step, 0.7)
    y = one_of_each(step)[name](x)
    y.backward(retain_grad=True)
    assert type(x.grad) is np.ndarray
    assert type(y.grad) is np.ndarray
    assert not hasattr(x.grad, "creator")
    with pytest.raises(AttributeError, match="no attribute 'backward'"):
        x.grad.backward()


def test_a_gradient_in_a_new_box_knows_nothing_of_x(step):
    x = var(step, 2.0)
    step.sin(x**2).backward()
    gx = step.Variable(x.grad)
    x.cleargrad()
    gx.backward()
    assert gx.creator is None
    assert x.grad is None


def test_the_first_derivative_is_right_all_the_same(step):
    x = var(step, 2.0)
    step.sin(x**2).backward()
    assert array(x.grad) == pytest.approx(4 * np.cos(4))


def test_recorded_lists_the_functions_from_the_last_to_the_first(step):
    x = var(step, 2.0)
    assert step.recorded(step.sin(x**2)) == ["Sin", "Pow"]
    assert step.recorded(step.exp(-step.sin(x))) == ["Exp", "Neg", "Sin"]
    assert step.recorded(step.sin(x * 3.0)) == ["Sin", "Mul"]


def test_recorded_lists_a_function_once_however_often_it_is_used(step):
    x = var(step, 2.0)
    assert step.recorded(x + x) == ["Add"]
    t = step.exp(x)
    y = step.sin(t) * step.square(t)
    assert sorted(step.recorded(y)) == ["Exp", "Mul", "Sin", "Square"]
    assert step.recorded(y)[0] == "Mul"


def test_two_functions_of_the_same_kind_are_two(step):
    assert step.recorded(step.sin(step.sin(var(step, 2.0)))) == ["Sin", "Sin"]


def test_nothing_is_recorded_behind_x_a_constant_or_a_gradient(step):
    x = var(step, 2.0)
    assert step.recorded(x) == []
    step.sin(x**2).backward()
    assert step.recorded(x.grad) == []
    assert step.recorded(step.Variable(x.grad)) == []
    with step.no_grad():
        assert step.recorded(step.sin(x**2)) == []


def test_origin_says_what_a_variable_was_made_by(step):
    x = step.Variable(np.array(2.0), name="x")
    y = x**2
    assert step.origin(x) == "Variable without a creator"
    assert step.origin(y) == "Variable made by Pow of x"
    assert step.origin(x + y) == "Variable made by Add of x and ?"
    y.backward()
    assert step.origin(x.grad).startswith("ndarray")
    assert "no creator" in step.origin(x.grad)


def test_backward_on_a_gradient_is_an_error(step):
    x = var(step, 2.0)
    step.sin(x**2).backward()
    message = step.backward_again(x.grad, x)
    assert message.startswith("AttributeError")
    assert "ndarray" in message and "backward" in message
    assert x.grad is None, "the first gradient is to be cleared before"


def test_backward_on_a_gradient_in_a_new_box_gives_nothing(step):
    x = var(step, 2.0)
    step.sin(x**2).backward()
    assert step.backward_again(step.Variable(x.grad), x) is None


def test_backward_again_would_find_a_derivative_where_there_is_a_record(step):
    x = var(step, 2.0)
    x.grad = np.array(100.0)
    assert step.backward_again(x**2, x) == 4.0
