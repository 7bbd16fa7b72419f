"""What the tests of many steps share."""

import functools
import json
from pathlib import Path

import numpy as np


def array(x):
    """The array in a Variable; an array as it is. Gradients are either, by step."""
    return x.data if hasattr(x, "creator") else x


def var(step, value, dtype=float):
    """A Variable of the step under test."""
    return step.Variable(np.array(value, dtype=dtype))


@functools.cache
def records(name):
    """A file of expected gradients, recorded by tests/expected/record.py."""
    path = Path(__file__).parent / "expected" / f"{name}.json"
    return json.loads(path.read_text())


def reference(name):
    """What is recorded for one line of tests/function_table.py, as arrays.

    "inputs", "gradients", "directions" and "second" have an array for each input;
    "value" and "cotangent" are one array each. record.py says what they are.
    """
    record = records("functions")[name]
    one, each = ("value", "cotangent"), ("inputs", "gradients", "directions", "second")
    arrays = {key: np.array(record[key]) for key in one}
    return arrays | {key: [np.array(x) for x in record[key]] for key in each}


def check_case(step, case):
    """A line of tests/function_table.py gives what is recorded, on this step.

    That is its value, its gradients, from backward() with a graph and without,
    and the gradients of these.
    """
    expected = reference(case.name)
    for create_graph in (False, True):
        xs = [step.Variable(x) for x in expected["inputs"]]
        y = case.call(step, *xs)
        np.testing.assert_allclose(y.data, expected["value"], rtol=1e-12)
        y.grad = step.as_variable(expected["cotangent"])
        y.backward(create_graph=create_graph)
        gxs = [x.grad for x in xs]
        for gx, recorded in zip(gxs, expected["gradients"]):
            np.testing.assert_allclose(gx.data, recorded, rtol=1e-11, atol=1e-13)
    for x in xs:
        x.cleargrad()
    for gx, u in zip(gxs, expected["directions"]):
        gx.grad = step.as_variable(u)
        gx.backward()
    for x, recorded in zip(xs, expected["second"]):
        ggx = np.zeros(x.shape) if x.grad is None else x.grad.data
        np.testing.assert_allclose(ggx, recorded, rtol=1e-11, atol=1e-13)


def check_dtypes(step, case):
    """A line of tests/function_table.py keeps float32 and float64, in gradients too."""
    for dtype in (np.float32, np.float64):
        xs = [var(step, x, dtype) for x in reference(case.name)["inputs"]]
        y = case.call(step, *xs)
        assert y.dtype == dtype
        y.backward(create_graph=True)
        for x in xs:
            assert (x.grad.dtype, x.grad.shape) == (dtype, x.shape)


def value_and_slope(step, f, data, dtype=float, create_graph=False):
    """f(x), a random cotangent for it, and the gradient of x that it leads to."""
    x = var(step, data, dtype)
    y = f(x)
    gy = np.random.default_rng(74).standard_normal(y.shape).astype(y.dtype)
    y.grad = step.as_variable(gy)
    y.backward(create_graph=create_graph)
    return y.data, gy, x.grad.data
