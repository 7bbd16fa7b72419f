"""What the tests of convolution and pooling share: recorded cases, and plain loops."""

import numpy as np
import pytest
from helpers import array, records, var

CASES = {k: r for k, r in records("convolution").items() if k != "made by"}


def every_case(*words):
    """Runs a test for each recorded case whose name begins with one of the words."""
    chosen = {k: case for k, case in CASES.items() if k.startswith(words)}
    return pytest.mark.parametrize("case", chosen.values(), ids=chosen)


GEOMETRIES = {  # (shape of x, kernel, stride, pad), each a pair
    "plain": ((2, 3, 4, 4), (3, 3), (1, 1), (0, 0)),
    "odd": ((2, 2, 6, 7), (3, 2), (2, 3), (2, 1)),
    "flat": ((2, 2, 5, 8), (1, 4), (3, 2), (0, 1)),
    "gaps": ((1, 2, 6, 5), (1, 1), (3, 2), (0, 0)),
    "all": ((2, 2, 3, 4), (3, 4), (1, 1), (0, 0)),
    "many": ((5, 1, 4, 3), (2, 2), (1, 1), (1, 0)),
}


every_geometry = pytest.mark.parametrize(
    "shape, kernel, stride, pad", GEOMETRIES.values(), ids=GEOMETRIES
)


def normal(*shape, seed=0):
    """Random numbers."""
    return np.random.default_rng([seed, *shape]).standard_normal(shape)


def plain(value):
    """What JSON has kept as a list, as the tuple it was."""
    return tuple(value) if isinstance(value, list) else value


def call(step, case):
    """The function of a recorded case, as a function of its inputs."""
    arguments = {name: plain(value) for name, value in case["arguments"].items()}
    return lambda *xs: getattr(step, case["function"])(*xs, **arguments)


def inputs(step, case, dtype=float):
    return [var(step, x, dtype) for x in case["inputs"]]


def close(found, expected):
    np.testing.assert_allclose(array(found), expected, rtol=1e-10, atol=1e-12)


def places(x, kernel, stride, pad, value=0.0):
    """(index of the output, what the kernel sees there) for each place, in order."""
    (PH, PW), (KH, KW), (SH, SW) = pad, kernel, stride
    edges = (0, 0), (0, 0), (PH, PH), (PW, PW)
    x = np.pad(x, edges, constant_values=value)
    OH, OW = (x.shape[2] - KH) // SH + 1, (x.shape[3] - KW) // SW + 1
    for n in range(len(x)):
        for i in range(OH):
            for j in range(OW):
                top, left = i * SH, j * SW
                yield (n, i, j), x[n, :, top : top + KH, left : left + KW]


def empty_output(x, kernel, stride, pad, channels):
    sizes = zip(x.shape[2:], kernel, stride, pad)
    return np.zeros(
        (len(x), channels, *((n + 2 * p - k) // s + 1 for n, k, s, p in sizes))
    )


def conv2d_loops(x, W, b, stride, pad):
    y = empty_output(x, W.shape[2:], stride, pad, len(W))
    for (n, i, j), seen in places(x, W.shape[2:], stride, pad):
        for k in range(len(W)):
            y[n, k, i, j] = np.sum(W[k] * seen) + b[k]
    return y


def deconv2d_loops(x, W, b, stride, pad, outsize):
    (SH, SW), (PH, PW), (KH, KW) = stride, pad, W.shape[2:]
    y = np.zeros((len(x), W.shape[1], outsize[0] + 2 * PH, outsize[1] + 2 * PW))
    for n, c, i, j in np.ndindex(x.shape):
        y[n, :, i * SH : i * SH + KH, j * SW : j * SW + KW] += x[n, c, i, j] * W[c]
    y = y[:, :, PH : PH + outsize[0], PW : PW + outsize[1]]
    return y + b.reshape(-1, 1, 1)


def pool_loops(x, kernel, stride, pad, choose, value):
    y = empty_output(x, kernel, stride, pad, x.shape[1])
    for (n, i, j), seen in places(x, kernel, stride, pad, value):
        y[n, :, i, j] = choose(seen, axis=(1, 2))
    return y


def check_references(step, case):
    """A case at orders 1 and 2 against PyTorch."""
    xs = inputs(step, case)
    y = call(step, case)(*xs)
    close(y, case["value"])
    z = y * y
    z.grad = np.array(case["cotangent"])
    z.backward(create_graph=True)
    gxs = [x.grad for x in xs]
    for gx, recorded in zip(gxs, case["gradients"]):
        close(gx, recorded)
    for x in xs:
        x.cleargrad()
    for gx, u in zip(gxs, case["directions"]):
        gx.grad = np.array(u)
        gx.backward()
    for x, recorded in zip(xs, case["second"]):
        close(x.grad, recorded)


def check_gradients_of_slopes(step, case):
    """A function of the gradient of a case has gradients."""
    f, xs = call(step, case), inputs(step, case)
    for x in xs:
        x.data = 0.3 * x.data
    xs[0].data = xs[0].data[:1]
    us = [normal(*x.shape) for x in xs]
    slope = step.derivative(lambda *xs: step.sum(f(*xs) ** 3), us)
    assert step.gradient_check(lambda *xs: slope(*xs) ** 2, *xs, order=2, eps=1e-5)


def check_dtypes(step, case, dtype):
    """float32 or float64 stays, in values and in gradients of both orders."""
    xs = inputs(step, case, dtype)
    y = call(step, case)(*xs)
    assert y.dtype == dtype
    z = y * y
    z.backward(create_graph=True)
    gxs = [x.grad for x in xs]
    assert [gx.dtype for gx in gxs] == [dtype] * len(xs)
    for x in xs:
        x.cleargrad()
    gxs[0].backward()
    assert {x.grad.dtype for x in xs if x.grad is not None} == {np.dtype(dtype)}
    gys = y.creator.backward(step.as_variable(np.ones(y.shape, dtype)))
    for gx in gys if isinstance(gys, tuple) else (gys,):
        if gx is not None:
            assert gx.dtype == dtype, "backward() itself keeps it, not only its caller"


def check_inputs_stay(step, case):
    """Neither the inputs nor the gradient that came are changed."""
    xs = inputs(step, case)
    y = call(step, case)(*xs)
    y.grad = gy = normal(*y.shape)
    y.backward()
    for x, data in zip(xs, case["inputs"]):
        np.testing.assert_array_equal(x.data, data)
    np.testing.assert_array_equal(gy, normal(*gy.shape))


def check_orders_of_memory(step, case):
    """Arrays that lie in memory in another order, or are read-only, will do."""
    xs = [np.asfortranarray(x) for x in case["inputs"]]
    for x in xs:
        x.setflags(write=False)
    close(call(step, case)(*xs), case["value"])


def check_empty_batch(step, case):
    """A batch of nothing gives nothing, and gradients of zero."""
    x, *others = inputs(step, case)
    x.data = x.data[:0]
    y = call(step, case)(x, *others)
    assert y.shape == (0, *np.shape(case["value"])[1:])
    y.backward()
    for v in (x, *others):
        np.testing.assert_array_equal(array(v.grad), np.zeros(v.shape))
