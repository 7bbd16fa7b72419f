"""What the tests of GPUs share: the same work on NumPy's arrays and on CuPy's."""

import numpy as np
from helpers import reference

FLOATS = [np.float32, np.float64]
ACCURACY = {np.dtype(np.float32): 1e-4, np.dtype(np.float64): 1e-10}


class OnGPU:
    """A step whose functions get the host arrays that they are called with as CuPy's.

    So a line of the function table, which may hold constants, runs on a GPU, too.
    """

    def __init__(self, step, cupy):
        self.step, self.cupy = step, cupy

    def __getattr__(self, name):
        f = getattr(self.step, name)
        return lambda *xs, **words: f(*map(self.moved, xs), **words)

    def moved(self, x):
        return self.cupy.array(x) if isinstance(x, np.ndarray) else x


def on_both(step, cupy, call, inputs):
    """(expected, found): what call(F, *Variables) gives with NumPy, and with CuPy.

    Each is a list of arrays, or None for lack of a gradient: the value, the gradients
    of the inputs for a random one above, theirs along random directions.
    """
    return (
        results(step, step, np.array, call, inputs),
        results(step, OnGPU(step, cupy), cupy.array, call, inputs),
    )


def results(step, F, array, call, inputs):
    rng = np.random.default_rng(0)

    def random_like(x):
        return step.Variable(array(rng.standard_normal(x.shape).astype(x.dtype)))

    xs = [step.Variable(array(x)) for x in inputs]
    y = call(F, *xs)
    y.grad = random_like(y)
    y.backward(create_graph=True)
    gxs = [x.grad for x in xs]
    for x in xs:
        x.cleargrad()
    for gx in gxs:
        if gx is not None:
            gx.grad = random_like(gx)
            gx.backward()
    return [v if v is None else v.data for v in (y, *gxs, *(x.grad for x in xs))]


def inputs_of(case, dtype):
    """The recorded inputs of a line of the function table, in a dtype."""
    return [x.astype(dtype) for x in reference(case.name)["inputs"]]


def assert_same(cupy, found, expected, accuracy=0):
    """Arrays of CuPy with the numbers, dtypes and shapes of NumPy's; or two Nones."""
    assert len(found) == len(expected)
    for x, a in zip(found, expected):
        if a is None or x is None:
            assert a is None and x is None
            continue
        assert type(x) is cupy.ndarray, f"{type(x)} is not CuPy's"
        assert type(a) is np.ndarray, f"{type(a)} is not NumPy's"
        assert (x.shape, x.dtype) == (a.shape, a.dtype)
        near = accuracy or ACCURACY.get(a.dtype, 0)
        np.testing.assert_allclose(x.get(), a, rtol=near, atol=near)


def host(x):
    """An array of either kind as NumPy's."""
    return x if isinstance(x, np.ndarray) else x.get()


def arrays_of(layer):
    """Copies of the arrays of all parameters, by name, as NumPy's."""
    return {name: host(p.data).copy() for name, p in layer.named_params().items()}


def put(layer, arrays, array=np.array):
    """Give the parameters copies of these arrays, made by array()."""
    for name, param in layer.named_params().items():
        param.data = array(arrays[name])
        param.cleargrad()


def train(model, optimizer, batches, loss):
    """The losses of a model for batches (x, t), with an update after each."""
    losses = []
    for x, t in batches:
        y = loss(model(x), t)
        model.cleargrads()
        y.backward()
        optimizer.update()
        losses.append(float(y.data))
    return losses
