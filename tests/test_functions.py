"""Every function and operator of the newest step, checked all at once."""

import numpy as np
import pytest
from conftest import load_step
from function_table import CASES
from helpers import reference

FLOATS = [np.float32, np.float64]


@pytest.fixture
def step(request):
    """The newest step there is, as a module."""
    folder = request.config.getoption("--steps-dir").resolve()
    return load_step(max(folder.glob("step[0-9][0-9].py")))


def cases(keep=lambda case: True):
    """Run a test on the lines of the table that are kept."""
    kept = [case for case in CASES if keep(case)]
    return pytest.mark.parametrize("case", kept, ids=lambda case: case.name)


def leaves(step, arrays, dtype=None):
    """The arrays in Variables, in a dtype."""
    return [step.Variable(np.array(x, dtype)) for x in arrays]


def arrays(gxs, xs):
    """The arrays of the gradients of xs; None is read as zero."""
    return [np.zeros(x.shape) if gx is None else gx.data for gx, x in zip(gxs, xs)]


def take_gradients(xs):
    """The gradients of xs, which forget them."""
    gxs = [x.grad for x in xs]
    for x in xs:
        x.cleargrad()
    return gxs


def test_no_name_stands_twice_in_the_table():
    names = [case.name for case in CASES]
    assert sorted(set(names)) == sorted(names)


@cases()
def test_value_is_the_recorded_one(step, case):
    expected = reference(case.name)
    y = case.call(step, *leaves(step, expected["inputs"]))
    np.testing.assert_allclose(y.data, expected["value"], rtol=1e-12)


@cases()
def test_gradients_are_the_recorded_ones(step, case):
    expected = reference(case.name)
    xs = leaves(step, expected["inputs"])
    y = case.call(step, *xs)
    y.grad = step.Variable(expected["cotangent"])
    y.backward()
    for gx, recorded in zip(arrays(take_gradients(xs), xs), expected["gradients"]):
        np.testing.assert_allclose(gx, recorded, rtol=1e-11, atol=1e-13)


@cases()
def test_second_gradients_are_the_recorded_ones(step, case):
    expected = reference(case.name)
    xs = leaves(step, expected["inputs"])
    y = case.call(step, *xs)
    y.grad = step.as_variable(expected["cotangent"])
    y.backward(create_graph=True)
    for gx, u in zip(take_gradients(xs), expected["directions"]):
        if gx is not None:
            gx.grad = step.as_variable(u)
            gx.backward()
    for gx, recorded in zip(arrays(take_gradients(xs), xs), expected["second"]):
        np.testing.assert_allclose(gx, recorded, rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("order", [1, 2, 3])
@cases()
def test_gradients_agree_with_numerical_slopes(step, case, order):
    if order > case.order:
        pytest.skip(f"not smooth enough for order {order}")
    xs = leaves(step, reference(case.name)["inputs"])
    assert step.gradient_check(lambda *xs: case.call(step, *xs), *xs, order=order)


@pytest.mark.parametrize("dtype", FLOATS)
@cases(lambda case: case.keeps_float32)
def test_value_keeps_the_dtype_of_the_inputs(step, case, dtype):
    for inputs in inputs_of(case):
        y = case.call(step, *leaves(step, inputs, dtype))
        assert y.dtype == dtype


@pytest.mark.parametrize("dtype", FLOATS)
@cases()
def test_gradients_have_shape_and_dtype_of_their_variables(step, case, dtype):
    for inputs in inputs_of(case):
        xs = leaves(step, inputs, dtype)
        check_gradients(case.call(step, *xs), xs)


@cases(lambda case: len(case.inputs) > 1)
def test_each_gradient_has_the_dtype_of_its_own_variable(step, case):
    for inputs in inputs_of(case):
        for first in range(2):
            dtypes = [FLOATS[(first + i) % 2] for i in range(len(inputs))]
            xs = [step.Variable(np.array(*x)) for x in zip(inputs, dtypes)]
            check_gradients(case.call(step, *xs), xs)


def inputs_of(case):
    """The recorded inputs, and for an element-wise function their first numbers."""
    inputs = reference(case.name)["inputs"]
    return [inputs, [x.flat[0] for x in inputs]] if case.elementwise else [inputs]


def check_gradients(y, xs):
    """The first and second gradients of xs are in the shape and dtype of xs."""
    y.backward(create_graph=True)
    firsts = take_gradients(xs)
    assert all(gx is not None for gx in firsts)
    for gx in firsts:
        gx.backward()
    for gx, x in zip(firsts + take_gradients(xs), xs + xs):
        if gx is not None:
            assert (gx.shape, gx.dtype) == (x.shape, x.dtype)


def subclasses(kind):
    """The classes that are a kind of this one, directly or not."""
    return {cls for sub in kind.__subclasses__() for cls in {sub, *subclasses(sub)}}


def classes_in_graph(y):
    """The classes of the functions that y was made by."""
    funcs, found = [y.creator], set()
    while funcs:
        func = funcs.pop()
        if func is not None:
            found.add(type(func))
            funcs += [x.creator for x in func.inputs]
    return found


def test_every_function_of_the_step_is_in_the_table(step):
    found = set()
    for case in CASES:
        xs = leaves(step, reference(case.name)["inputs"])
        ys = [case.call(step, *xs)]
        for _ in range(3):  # the function, its gradients and their gradients
            for y in ys:
                found |= classes_in_graph(y)
                y.grad = step.Variable(np.ones_like(y.data))
                xs.append(y.grad)
                y.backward(create_graph=True)
            ys = [gx for gx in take_gradients(xs) if gx is not None]
    own = {cls for cls in subclasses(step.Function) if cls.__module__ == step.__name__}
    missing = {cls.__name__ for cls in own - found}
    assert not missing, f"not in tests/function_table.py: {missing}"


def test_every_line_of_the_table_is_recorded_for_the_inputs_it_names():
    for case in CASES:
        inputs = reference(case.name)["inputs"]
        assert tuple(x.shape for x in inputs) == case.input_shapes()
        for x, (low, high) in zip(inputs, case.inputs):
            assert np.all((low <= x) & (x <= high)), f"record {case.name} again"
