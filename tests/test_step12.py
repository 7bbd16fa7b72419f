"""Step 12: functions are called with variables, not lists, and return them so."""

import math

import numpy as np
import pytest
from helpers import array, var


@pytest.fixture
def div_mod(step):
    """A function with two inputs and two outputs."""

    class DivMod(step.Function):
        def forward(self, x0, x1):
            return x0 // x1, x0 % x1

    return DivMod


def test_add(step):
    """add() takes two variables and gives one, not a list."""
    y = step.add(var(step, 2.0), var(step, 3.0))
    assert isinstance(y, step.Variable), f"add gave a {type(y).__name__}."
    assert isinstance(y.data, np.ndarray)
    assert y.data == 5.0


def test_add_of_arrays_is_element_by_element(step):
    y = step.add(
        var(step, [[1.0, 2.0], [3.0, 4.0]]), var(step, [[10.0, 0.0], [0.5, -4.0]])
    )
    assert y.data.tolist() == [[11.0, 2.0], [3.5, 0.0]]


def test_a_single_output_comes_back_bare(step):
    func, x = step.Square(), var(step, 3.0)
    y = func(x)
    assert isinstance(y, step.Variable), f"Square()(x) gave a {type(y).__name__}."
    assert y.creator is func
    assert y.data == 9.0
    assert list(func.inputs) == [x]


def test_several_outputs_come_back_as_a_list(step, div_mod):
    func = div_mod()
    ys = func(var(step, 17.0), var(step, 5.0))
    assert isinstance(ys, list), (
        f"A function with two outputs gave a {type(ys).__name__}."
    )
    assert [float(y.data) for y in ys] == [3.0, 2.0]
    assert all(isinstance(y, step.Variable) and y.creator is func for y in ys)
    assert all(isinstance(y.data, np.ndarray) for y in ys)


def test_a_tuple_of_one_output_comes_back_as_a_list_of_one(step):
    class Same(step.Function):
        def forward(self, x):
            return (x,)

    (y,) = Same()(var(step, 3.0))
    assert y.data == 3.0


def test_several_outputs_can_be_inputs_again(step, div_mod):
    whole, rest = div_mod()(var(step, 17.0), var(step, 5.0))
    assert step.add(whole, rest).data == 5.0


def test_a_forward_without_a_return_is_named(step):
    class Silent(step.Function):
        def forward(self, x):
            np.exp(x)

    with pytest.raises(TypeError, match="Silent"):
        Silent()(var(step, 1.0))


def test_none_among_several_outputs_is_named(step):
    class HalfSilent(step.Function):
        def forward(self, x):
            return x, None

    with pytest.raises(TypeError, match="HalfSilent"):
        HalfSilent()(var(step, 1.0))


def test_a_list_of_arrays_is_no_output(step):
    class Listed(step.Function):
        def forward(self, x):
            return [x, x]

    with pytest.raises(TypeError, match="array"):
        Listed()(var(step, 1.0))


def test_one_input_functions_have_their_backward(step):
    x = var(step, 0.5)
    y = step.Square()(step.Exp()(step.Square()(x)))
    y.backward()
    assert y.data == pytest.approx(1.648721270700128, rel=1e-14)
    assert array(x.grad) == pytest.approx(3.297442541400256, rel=1e-14)


@pytest.mark.parametrize("name, value", [("square", 4.0), ("exp", math.exp(2))])
def test_short_names(step, name, value):
    """square() and exp() take a variable and give one, as add() does."""
    y = getattr(step, name)(var(step, 2.0))
    assert y.data == pytest.approx(value)
    assert step.gradient_check(getattr(step, name), var(step, [2.0, -1.0])) is True


def test_a_function_can_be_called_again(step):
    func, x = step.Square(), var(step, 3.0)
    func(var(step, 2.0))
    y = func(x)
    y.backward()
    assert array(x.grad) == 6.0


def test_a_function_without_forward_is_named(step):
    class Nothing(step.Function):
        pass

    with pytest.raises(NotImplementedError, match="Nothing"):
        Nothing()(var(step, 1.0), var(step, 2.0))
