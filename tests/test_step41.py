"""Step 41: matrix products, of batches of matrices too, and their gradients."""

import tracemalloc

import numpy as np
import pytest
from helpers import var

SHAPES = [  # of x and W
    ((2, 3), (3, 4)),
    ((2, 2), (2, 2)),
    ((3, 3), (3, 3)),
    ((1, 3), (3, 1)),
    ((4, 1), (1, 2)),
    ((1, 1), (1, 1)),
    ((0, 3), (3, 4)),
    ((5, 2, 3), (3, 4)),
    ((2, 3), (5, 3, 4)),
    ((5, 2, 3), (5, 3, 4)),
    ((5, 2, 3), (1, 3, 4)),
    ((1, 2, 3), (5, 3, 4)),
    ((2, 2, 2), (2, 2, 2)),
    ((6, 1, 2, 3), (5, 3, 4)),
    ((6, 5, 2, 3), (6, 1, 3, 4)),
]
each_shape = pytest.mark.parametrize("shapes", SHAPES, ids=str)
each_dtype = pytest.mark.parametrize("dtype", [np.float32, np.float64])


def random(seed, shape, dtype=float):
    """Random numbers, the same in each test."""
    return np.asarray(np.random.default_rng(seed).standard_normal(shape), dtype)


def arrays_of(shapes, dtype=float):
    """An array of random numbers for each shape."""
    return [random(seed, shape, dtype) for seed, shape in enumerate(shapes)]


def product(equation, a, b, shape):
    """Products as the equation says, added up to a shape in front as well."""
    g = np.einsum(equation, a, b)
    while g.ndim > len(shape):
        g = g.sum(axis=0)
    for i, n in enumerate(shape):
        if n == 1 != g.shape[i]:
            g = g.sum(axis=i, keepdims=True)
    return g


def gradients(x, W, v):
    """Those of x and W, given v, that of x @ W."""
    gx = product("...nh,...dh->...nd", v, W, x.shape)
    return gx, product("...nd,...nh->...dh", x, v, W.shape)


def close(found, expected, dtype=float):
    rtol, atol = (1e-4, 1e-4) if dtype == np.float32 else (1e-12, 1e-13)
    np.testing.assert_allclose(found, expected, rtol=rtol, atol=atol)


def test_two_small_matrices(step):
    """The gradients of x @ W are gy @ W.T and x.T @ gy."""
    x = var(step, [[1, 2, 3], [4, 5, 6]])
    W = var(step, [[1, 0], [0, 1], [2, 3]])
    y = step.matmul(x, W)
    y.grad = np.array([[1.0, 10.0], [100.0, 1000.0]])
    y.backward()
    assert y.data.tolist() == [[7, 11], [16, 23]]
    assert x.grad.data.tolist() == [[1, 10, 32], [100, 1000, 3200]]
    assert W.grad.data.tolist() == [[401, 4010], [502, 5020], [603, 6030]]


# Values and gradients


@each_dtype
@each_shape
def test_the_product_and_its_gradients(step, shapes, dtype):
    arrays = arrays_of(shapes, dtype)
    x, W = map(step.Variable, arrays)
    y = step.matmul(x, W)
    assert type(y) is step.Variable
    assert y.dtype == dtype
    close(y.data, np.einsum("...nd,...dh->...nh", *arrays), dtype)
    v = random(2, y.shape, dtype)
    y.grad = v
    y.backward()
    for z, expected in zip((x, W), gradients(*arrays, v)):
        assert (z.grad.shape, z.grad.dtype) == (z.shape, dtype)
        close(z.grad.data, expected, dtype)


@each_dtype
@each_shape
def test_the_gradients_have_gradients(step, shapes, dtype):
    arrays = arrays_of(shapes, dtype)
    x, W = map(step.Variable, arrays)
    y = x @ W
    v = step.Variable(random(2, y.shape, dtype))
    y.grad = v
    y.backward(create_graph=True)
    gx, gW = x.grad, W.grad
    for z in (x, W, v):
        z.cleargrad()
    gx.grad, gW.grad = us = [random(3, x.shape, dtype), random(4, W.shape, dtype)]
    gx.backward()
    gW.backward()
    # The sum of u0 * gx + u1 * gW is that of v * (u0 @ W + x @ u1).
    from_gx, from_gW = (
        gradients(us[0], arrays[1], v.data),
        gradients(arrays[0], us[1], v.data),
    )
    expected = [from_gW[0], from_gx[1], us[0] @ arrays[1] + arrays[0] @ us[1]]
    for z, ggz in zip((x, W, v), expected):
        assert (z.grad.shape, z.grad.dtype) == (z.shape, dtype)
        close(z.grad.data, ggz, dtype)


@pytest.mark.parametrize("order", [1, 2, 3])
@each_shape
def test_against_numerical_slopes(step, shapes, order):
    if 0 in shapes[0]:
        pytest.skip("there is nothing to move")
    xs = [var(step, array) for array in arrays_of(shapes)]
    assert step.gradient_check(lambda x, W: step.tanh(x @ W), *xs, order=order)


# Ways to write it


@each_shape
def test_an_array_may_stand_on_either_side(step, shapes):
    a, b = arrays_of(shapes)
    v = random(2, (a @ b).shape)
    gx, gW = gradients(a, b, v)
    for y, z, expected in (
        (lambda z: z @ b, a, gx),
        (lambda z: a @ z, b, gW),
        (lambda z: step.matmul(z, b), a, gx),
        (lambda z: step.matmul(a, z), b, gW),
        (lambda z: step.rmatmul(z, a), b, gW),
        (lambda z: step.rmatmul(b, z), a, gx),
    ):
        z = step.Variable(z)
        y = y(z)
        assert type(y) is step.Variable
        close(y.data, a @ b)
        y.grad = v
        y.backward()
        close(z.grad.data, expected)


def test_it_is_a_method_too(step):
    x, W = (var(step, array) for array in arrays_of(SHAPES[0]))
    for y in (x @ W, x.matmul(W), x.dot(W), step.matmul(x, W), step.rmatmul(W, x)):
        close(y.data, x.data @ W.data)
    for y in (x @ W.data, x.matmul(W.data), x.dot(W.data)):
        close(y.data, x.data @ W.data)


def test_two_arrays_make_a_constant(step):
    y = step.matmul(np.ones((2, 3)), np.ones((3, 4)))
    assert type(y) is step.Variable
    assert not y.requires_grad


def test_no_gradient_is_computed_for_a_constant(step):
    a, b = arrays_of(SHAPES[0])
    v = step.as_variable(np.ones((2, 4)))
    for y, shapes in ((step.Variable(a) @ b, [(2, 3), None]), (a @ var(step, b), 0)):
        shapes = shapes or [None, (3, 4)]
        gxs = y.creator.backward(v)
        assert [None if gx is None else gx.shape for gx in gxs] == shapes


def test_each_of_two_has_the_dtype_of_its_own(step):
    x, W = var(step, np.ones((2, 3)), np.float32), var(step, np.ones((3, 4)))
    (x @ W).backward()
    assert (x.grad.dtype, W.grad.dtype) == (np.float32, np.float64)


def test_integers_have_float64_gradients(step):
    x, W = var(step, [[1, 2]], int), var(step, [[3], [4]], int)
    y = x @ W
    y.backward()
    assert y.data.tolist() == [[11]]
    assert x.grad.data.tolist() == [[3.0, 4.0]]
    assert W.grad.data.tolist() == [[1.0], [2.0]]
    assert x.grad.dtype == W.grad.dtype == np.float64


def test_a_matrix_times_itself(step):
    x = var(step, random(0, (3, 3)))
    y = x @ x
    v = random(1, (3, 3))
    y.grad = v
    y.backward()
    close(x.grad.data, v @ x.data.T + x.data.T @ v)
    assert step.gradient_check(lambda x: x @ x.T @ x, x, order=2)


def test_two_layers_with_a_loss(step):
    def loss(x, W0, b, W1):
        return step.mean((step.tanh(x @ W0 + b) @ W1) ** 2)

    xs = [var(step, random(i, s)) for i, s in enumerate([(5, 3), (3, 4), 4, (4, 2)])]
    assert step.gradient_check(loss, *xs, order=2)


# What does not fit


@pytest.mark.parametrize(
    "shapes", [((2, 3), (2, 3)), ((2, 3), (4, 3)), ((5, 2, 3), (4, 3, 2))], ids=str
)
def test_shapes_that_do_not_fit_are_named(step, shapes):
    x, W = (var(step, np.ones(shape)) for shape in shapes)
    with pytest.raises(ValueError) as error:
        x @ W
    for shape in shapes:
        assert str(shape) in str(error.value)


@pytest.mark.parametrize(
    "shapes",
    [((3,), (3, 4)), ((2, 3), (3,)), ((3,), (3,)), ((), (3, 4)), ((2, 3), ())],
    ids=str,
)
def test_an_array_of_fewer_than_two_axes_is_refused(step, shapes):
    x, W = (var(step, np.ones(shape)) for shape in shapes)
    with pytest.raises(ValueError) as error:
        x @ W
    for shape in shapes:
        assert str(shape) in str(error.value)
    with pytest.raises(ValueError):
        x.data @ W


def test_no_array_of_all_products_is_made(step):
    n = 200  # n * n * n products would take 64 MB
    x, W = var(step, random(0, (n, n))), var(step, random(1, (n, n)))
    tracemalloc.start()
    step.matmul(x, W).backward()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 8e6
