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


def layer_of(step, dtype=float, **arrays):
    """A layer with these parameters."""
    layer = step.Layer()
    for name, data in arrays.items():
        setattr(layer, name, step.Parameter(np.array(data, dtype), name=name))
    return layer


def give(step, param, g):
    """Let the parameter have this gradient."""
    param.grad = step.Variable(np.array(g, param.dtype))


def updated(step, optimizer, layer, gradients):
    """The data of layer.p after each update, for these gradients of it."""
    path = []
    for g in gradients:
        give(step, layer.p, g)
        optimizer.update()
        path.append(layer.p.data.copy())
    return path


def hooked(step, layer, *hooks, lr=1.0):
    """An SGD for the layer with these hooks."""
    optimizer = step.SGD(lr=lr).setup(layer)
    for hook in hooks:
        optimizer.add_hook(hook)
    return optimizer


def check_net(step, name):
    """An optimizer trains a small network as recorded."""
    net = records("optimizers")["net"]
    x, t = np.array(net["x"]), np.array(net["t"])
    model = step.MLP((3, 1))
    for layer, owner in (("l0", model.l0), ("l1", model.l1)):
        owner.W.data = np.array(net["weights"][f"{layer}/W"])
        owner.b.data = np.array(net["weights"][f"{layer}/b"])
    optimizer = getattr(step, name)(**net["runs"][name]["given"]).setup(model)
    losses = []
    for _ in range(10):
        loss = step.mean_squared_error(model(x), t)
        model.cleargrads()
        loss.backward()
        optimizer.update()
        losses.append(float(loss.data))
    np.testing.assert_allclose(losses, net["runs"][name]["losses"], rtol=1e-12)
    for key, param in model.named_params().items():
        after = net["runs"][name]["after"][key]
        np.testing.assert_allclose(param.data, after, rtol=1e-12)
