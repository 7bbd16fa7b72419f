"""Step 11: functions of lists; what takes one variable works as it did."""

import math

import numpy as np
import pytest
from helpers import array, var


def test_add_takes_a_list_of_two_and_returns_a_list_of_one(step):
    ys = step.Add()([var(step, 2.0), var(step, 3.0)])
    assert isinstance(ys, list)
    (y,) = ys
    assert isinstance(y, step.Variable)
    assert y.data == 5.0


def test_add_of_arrays_is_element_by_element(step):
    (y,) = step.Add()([var(step, [1.0, 2.0]), var(step, [10.0, -20.0])])
    assert y.data.tolist() == [11.0, -18.0]


def test_0_d_results_are_arrays(step):
    (y,) = step.Add()([var(step, 2.0), var(step, 3.0)])
    assert isinstance(y.data, np.ndarray), f"y.data is a {type(y.data).__name__}."


@pytest.mark.parametrize("name", ["Square", "Exp"])
def test_one_input_functions_take_and_return_lists_of_one(step, name):
    func = getattr(step, name)()
    x = var(step, 2.0)
    (y,) = func([x])
    assert y.data == {"Square": 4.0, "Exp": math.exp(2)}[name]
    assert y.creator is func
    y.backward()
    assert x.grad == pytest.approx({"Square": 4.0, "Exp": math.exp(2)}[name])


def test_a_function_may_have_several_outputs(step):
    class Parts(step.Function):
        def forward(self, xs):
            x0, x1, x2 = xs
            return [x0 + x1 + x2, x0 * x1 * x2]

    func = Parts()
    inputs = [var(step, 2.0), var(step, 3.0), var(step, 4.0)]
    ys = func(inputs)
    assert [float(y.data) for y in ys] == [9.0, 24.0]
    assert all(y.creator is func for y in ys)
    assert list(func.inputs) == inputs
    assert list(func.outputs) == ys


def test_a_function_can_be_called_again(step):
    func = step.Square()
    x0, x1 = var(step, 2.0), var(step, 3.0)
    (y0,), (y1,) = func([x0]), func([x1])
    assert list(func.outputs) == [y0], "the first call is forgotten"
    y0.backward()
    y1.backward()
    assert [float(x0.grad), float(x1.grad)] == [4.0, 6.0]


def test_a_function_can_be_called_on_what_it_has_made(step):
    func, x = step.Square(), var(step, 2.0)
    (y,) = func(func([x]))
    y.backward()
    assert float(x.grad) == 32.0


def test_functions_of_one_go_on_from_a_sum(step):
    x0, x1 = var(step, 2.0), var(step, 3.0)
    (a,) = step.Add()([x0, x1])
    assert step.square(a).data == 25.0


def test_add_has_no_backward_yet(step):
    with pytest.raises(NotImplementedError, match="Add"):
        step.Add().backward(np.array(1.0))


def test_square_and_exp_still_take_a_variable_and_return_one(step):
    x = var(step, 0.5)
    y = step.square(step.exp(step.square(x)))
    y.backward()
    assert isinstance(y, step.Variable)
    assert y.data == pytest.approx(1.648721270700128, rel=1e-14)
    assert array(x.grad) == pytest.approx(3.297442541400256, rel=1e-14)


@pytest.mark.parametrize("shape", [(), (3,), (2, 3)])
@pytest.mark.parametrize("name", ["square", "exp"])
def test_gradient_check_still_passes(step, name, shape):
    x = var(step, np.random.default_rng(1).standard_normal(shape))
    assert step.gradient_check(getattr(step, name), x) is True


def test_gradients_of_one_input_functions_are_arrays(step):
    x = var(step, 3.0)
    step.square(x).backward()
    assert isinstance(array(x.grad), np.ndarray)


def test_numerical_diff_still_works(step):
    assert step.numerical_diff(step.square, var(step, 2.0)) == pytest.approx(4.0)


def test_a_chain_of_1_000_still_works(step):
    x = var(step, 1.0)
    y = x
    for _ in range(1_000):
        y = step.square(y)
    y.backward()
    assert array(x.grad) == 2.0**1_000


def test_wrong_types_are_still_refused(step):
    with pytest.raises(TypeError):
        step.Variable(1.0)


@pytest.mark.parametrize("method", ["forward", "backward"])
def test_a_function_without_a_method_is_named(step, method):
    class Nothing(step.Function):
        pass

    with pytest.raises(NotImplementedError, match="Nothing"):
        getattr(Nothing(), method)(np.array(1.0))
