"""Step 40: what is repeated in forward is added up in backward."""

import operator

import numpy as np
import pytest
from function_table import CASES
from helpers import check_case, check_dtypes, value_and_slope, var

PAIRS = [  # the shapes of two operands
    ((3,), (1,)),
    ((1,), (3,)),
    ((2, 3), (3,)),
    ((3,), (2, 3)),
    ((2, 3), ()),
    ((), (2, 3)),
    ((), ()),
    ((2, 3), (2, 3)),
    ((2, 3), (2, 1)),
    ((2, 1), (1, 3)),
    ((2, 1), (3,)),
    ((2, 2), (2,)),
    ((1, 1), (2,)),
    ((4, 1, 3), (2, 1)),
    ((2, 3, 4), (3, 1)),
    ((1, 2, 1), (3, 1, 2)),
    ((1, 1), (1,)),
    ((0, 3), (1, 3)),
]
each_dtype = pytest.mark.parametrize("dtype", [np.float32, np.float64])
each_pair = pytest.mark.parametrize("shapes", PAIRS, ids=str)
OPERATORS = {  # name: (the operator, its two slopes)
    "+": (operator.add, lambda a, b: (1.0, 1.0)),
    "-": (operator.sub, lambda a, b: (1.0, -1.0)),
    "*": (operator.mul, lambda a, b: (b, a)),
    "/": (operator.truediv, lambda a, b: (1 / b, -a / b**2)),
    "**": (operator.pow, lambda a, b: (b * a ** (b - 1), a**b * np.log(a))),
}
each_operator = pytest.mark.parametrize(
    "operate, slopes", OPERATORS.values(), ids=OPERATORS
)
TO = [  # (a shape, a shape that it is broadcast to)
    ((3,), (2, 3)),
    ((1, 3), (2, 3)),
    ((2, 1), (2, 3)),
    ((1, 1), (2, 3)),
    ((1,), (2, 3)),
    ((), (2, 3)),
    ((), (1,)),
    ((2, 2), (2, 2)),
    ((1, 2), (2, 2)),
    ((2, 1), (2, 2)),
    ((3, 1), (2, 3, 4)),
    ((2, 1, 1), (2, 3, 4)),
    ((1, 1), (1, 1, 1)),
    ((1, 3), (0, 3)),
]
each_to = pytest.mark.parametrize("old, new", TO, ids=str)
NOT_TO = [((2,), (2, 3)), ((2, 3), (3,)), ((2, 3), (2, 1)), ((3, 1), (3,)), ((1,), ())]


def numbers(seed, shape):
    """Random numbers from 0.5 to 2, the same in each test."""
    return np.random.default_rng(seed).uniform(0.5, 2.0, shape)


def cotangent(seed, shape):
    """Random numbers, the same in each test."""
    return np.random.default_rng(seed).standard_normal(shape)


def added_up(g, shape):
    """g, in a shape: each element goes to the one it was a copy of."""
    size = int(np.prod(shape))
    copies = np.broadcast_to(np.arange(size).reshape(shape), g.shape)
    return np.bincount(copies.ravel(), np.ravel(g), size).reshape(shape)


def close(found, expected, dtype=float):
    rtol, atol = (1e-4, 1e-4) if dtype == np.float32 else (1e-12, 1e-14)
    np.testing.assert_allclose(found, expected, rtol=rtol, atol=atol)


# Operators


def test_three_and_one(step):
    """What is used for three numbers gets the sum of three gradients."""
    x, b = var(step, [1.0, 2.0, 3.0]), var(step, [10.0])
    y = x + b
    y.grad = np.array([1.0, 10.0, 100.0])
    y.backward()
    assert y.data.tolist() == [11.0, 12.0, 13.0]
    assert x.grad.data.tolist() == [1.0, 10.0, 100.0]
    assert b.grad.data.tolist() == [111.0]


def test_two_rows_times_one(step):
    x = var(step, [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    b = var(step, [10.0, 20.0, 30.0])
    y = x * b
    y.backward()
    assert y.data.tolist() == [[10.0, 40.0, 90.0], [40.0, 100.0, 180.0]]
    assert x.grad.data.tolist() == [[10.0, 20.0, 30.0], [10.0, 20.0, 30.0]]
    assert b.grad.data.tolist() == [5.0, 7.0, 9.0]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@each_operator
@each_pair
def test_an_operator_broadcasts(step, shapes, operate, slopes, dtype):
    arrays = [np.asarray(numbers(i, shape), dtype) for i, shape in enumerate(shapes)]
    xs = [step.Variable(array) for array in arrays]
    y = operate(*xs)
    assert (y.shape, y.dtype) == (np.broadcast_shapes(*shapes), dtype)
    close(y.data, operate(*arrays), dtype)
    v = np.asarray(cotangent(2, y.shape), dtype)
    y.grad = v
    y.backward()
    for x, slope in zip(xs, slopes(*arrays)):
        assert (x.grad.shape, x.grad.dtype) == (x.shape, dtype)
        close(x.grad.data, added_up(v * slope, x.shape), dtype)


@each_operator
@each_pair
def test_an_array_that_is_repeated_is_a_constant(step, shapes, operate, slopes):
    a, b = (numbers(i, shape) for i, shape in enumerate(shapes))
    for i in (0, 1):
        xs = [np.array(a), np.array(b)]
        x = xs[i] = step.Variable(xs[i])
        y = operate(*xs)
        close(y.data, operate(a, b))
        v = cotangent(2, y.shape)
        y.grad = np.array(v)
        y.backward()
        close(x.grad.data, added_up(v * slopes(a, b)[i], x.shape))


@each_operator
@each_pair
def test_an_operator_has_a_second_derivative(step, shapes, operate, slopes):
    xs = [var(step, numbers(i, shape)) for i, shape in enumerate(shapes)]
    if 0 in shapes[0]:
        return
    assert step.gradient_check(lambda a, b: operate(a, b) ** 2, *xs, order=2)
    operate(*xs).backward(create_graph=True)
    gxs = [x.grad for x in xs]
    for x in xs:
        x.cleargrad()
    for gx in gxs:
        gx.backward()
    for x in xs:
        assert x.grad is None or x.grad.shape == x.shape


@each_operator
def test_nothing_is_summed_for_a_constant(step, operate, slopes):
    b = np.array([1.5, 2.0])
    y = operate(var(step, [[1.0, 2.0]]), b)
    gx0, gx1 = y.creator.backward(step.as_variable(np.ones((1, 2))))
    assert gx0.shape == (1, 2)
    assert gx1 is None


@pytest.mark.parametrize("name", ["add", "sub", "mul", "pow"])
def test_nothing_is_summed_for_a_constant_in_front(step, name):
    y = getattr(step, name)(np.array([1.5, 2.0]), var(step, [[1.0, 2.0]]))
    gx0, gx1 = y.creator.backward(step.as_variable(np.ones((1, 2))))
    assert gx0 is None
    assert gx1.shape == (1, 2)


def test_the_same_variable_with_itself_in_another_shape(step):
    x = var(step, numbers(0, (3, 1)))
    assert step.gradient_check(lambda x: x * step.reshape(x, 3) - x / x.T, x, order=2)


@each_operator
def test_shapes_that_do_not_fit_are_named(step, operate, slopes):
    with pytest.raises(ValueError, match=r"\(2,\) and \(3,\)"):
        operate(var(step, [1.0, 2.0]), var(step, [1.0, 2.0, 3.0]))


def test_a_function_that_does_not_sum_is_still_refused(step):
    class Repeat(step.Function):
        def forward(self, x):
            return x + np.zeros(3)

        def backward(self, gy):
            return gy

    with pytest.raises(ValueError, match=r"\(3,\).*\(1,\)"):
        Repeat()(var(step, [1.0])).backward()


def test_a_row_of_weights_for_all_examples(step):
    def f(x, W, b):
        return step.tanh(x * W + b).sum(axis=1) ** 2 / step.exp(b).sum()

    xs = [var(step, cotangent(i, shape)) for i, shape in enumerate([(4, 3), 3, 1])]
    assert step.gradient_check(f, *xs, order=2)


# broadcast_to and sum_to


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@each_to
def test_broadcast_to(step, old, new, dtype):
    """What is copied gets the sum of the gradients of its copies."""
    x = var(step, numbers(0, old), dtype)
    y = step.broadcast_to(x, new)
    assert y.dtype == dtype
    np.testing.assert_array_equal(y.data, np.broadcast_to(x.data, new))
    y.grad = np.asarray(cotangent(1, new), dtype)
    y.backward()
    assert (x.grad.shape, x.grad.dtype) == (old, dtype)
    close(x.grad.data, added_up(cotangent(1, new), old), dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@each_to
def test_sum_to(step, old, new, dtype):
    """sum_to adds up to a shape, and copies the gradient back to the old one."""
    x = var(step, numbers(0, new), dtype)
    y = step.sum_to(x, old)
    assert (y.shape, y.dtype) == (old, dtype)
    close(y.data, added_up(numbers(0, new), old), dtype)
    v = np.asarray(cotangent(1, old), dtype)
    y.grad = v
    y.backward()
    assert (x.grad.shape, x.grad.dtype) == (new, dtype)
    close(x.grad.data, np.broadcast_to(v, new), dtype)


@pytest.mark.parametrize("order", [1, 2, 3])
@each_to
def test_both_have_all_derivatives(step, old, new, order):
    if 0 in new:
        pytest.skip("there is nothing to move")

    def repeated(x):
        return step.broadcast_to(x, new) ** 3

    def summed(x):
        return step.sum_to(x, old) ** 3

    assert step.gradient_check(repeated, var(step, numbers(0, old)), order=order)
    assert step.gradient_check(summed, var(step, numbers(0, new)), order=order)


def test_what_has_the_shape_comes_back_itself(step):
    x = var(step, numbers(0, (2, 3)))
    assert step.broadcast_to(x, (2, 3)) is x
    assert step.sum_to(x, (2, 3)) is x


@pytest.mark.parametrize("old, new", NOT_TO, ids=str)
def test_broadcast_to_refuses_a_shape_that_does_not_fit(step, old, new):
    with pytest.raises(ValueError):
        step.broadcast_to(var(step, np.ones(old)), new)


@pytest.mark.parametrize("old, new", [*NOT_TO, ((1, 3), (3,)), ((1, 1, 1), (1, 1))])
def test_sum_to_refuses_a_shape_that_is_not_broadcast_to_that_of_x(step, old, new):
    with pytest.raises(ValueError):
        step.sum_to(var(step, np.ones(new)), old)


def test_arrays_are_constants(step):
    for f, old, new in ((step.broadcast_to, 3, (2, 3)), (step.sum_to, (2, 3), (3,))):
        for shape in (new, np.ones(old).shape):
            y = f(np.ones(old), shape)
            assert type(y) is step.Variable
            assert y.shape == shape
            assert not y.requires_grad


def test_a_column_minus_a_row_is_a_square(step):
    y, t = var(step, [0.0, 1.0, 2.0]), np.array([[0.0], [1.0], [2.0]])
    loss = step.mean((y - t) ** 2)
    loss.backward()
    assert loss.data == pytest.approx(12 / 9)
    close(y.grad.data, [-2 / 3, 0.0, 2 / 3])


def test_a_change_in_place_cannot_spread_over_what_is_repeated(step):
    y = step.broadcast_to(var(step, [1.0, 2.0]), (3, 2))
    try:
        y.data[0, 0] = 7.0
    except ValueError:
        return  # a view that is read-only
    assert y.data.tolist() == [[7.0, 2.0], [1.0, 2.0], [1.0, 2.0]]


def test_a_shape_may_be_a_list(step):
    x = var(step, np.ones((3, 2)))
    assert step.sum_to(x, [1, 2]).data.tolist() == [[3.0, 3.0]]
    assert step.broadcast_to(x, [4, 3, 2]).shape == (4, 3, 2)


# max and min

X = np.random.default_rng(47).uniform(-2, 2, (3, 4))


@pytest.mark.parametrize("name", ["max", "min"])
@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("axis", [None, 0, 1, 2, -1, (0, 2), (-1, 1), (0, 1, 2)])
def test_max_and_min_along_every_axis(step, name, axis, keepdims):
    data = np.random.default_rng(3).permutation(24).reshape(2, 3, 4) / 7.0
    y, gy, gx = value_and_slope(
        step, lambda x: getattr(step, name)(x, axis, keepdims), data
    )
    expected = getattr(np, name)(data, axis=axis, keepdims=keepdims)
    np.testing.assert_array_equal(y, expected)
    assert y.shape == expected.shape
    kept = getattr(np, name)(data, axis=axis, keepdims=True)
    np.testing.assert_allclose(gx, (data == kept) * gy.reshape(kept.shape))


TIES = [[1.0, 3.0, 3.0, 0.0], [2.0, 2.0, 2.0, 2.0], [5.0, 1.0, 1.0, 2.0]]


@pytest.mark.parametrize("name, sign", [("max", 1), ("min", -1)])
def test_elements_that_are_equally_large_share_the_gradient(step, name, sign):
    f = getattr(step, name)
    data = sign * np.array(TIES)
    _, gy, gx = value_and_slope(step, lambda x: f(x, axis=1), data)
    shares = [[0, 0.5, 0.5, 0], [0.25] * 4, [1, 0, 0, 0]]
    np.testing.assert_allclose(gx, shares * gy[:, None])
    _, gy, gx = value_and_slope(step, lambda x: f(x, axis=0), data[:2, 2:])
    np.testing.assert_allclose(gx, [[gy[0], 0], [0, gy[1]]])
    _, gy, gx = value_and_slope(step, f, data[:, 1:])
    np.testing.assert_allclose(gx, gy * np.array([[0.5, 0.5, 0], [0] * 3, [0] * 3]))
    _, gy, gx = value_and_slope(step, lambda x: f(x, (0, 1)), data[1:2])
    np.testing.assert_allclose(gx, gy * np.full((1, 4), 0.25))


def test_max_and_min_of_one_number(step):
    for f in (step.max, step.min):
        y, gy, gx = value_and_slope(step, f, 3.0)
        assert (y, gx, gx.shape) == (3.0, gy, ())


def test_max_and_min_are_methods_too(step):
    x = var(step, X)
    np.testing.assert_array_equal(x.max().data, X.max())
    np.testing.assert_array_equal(x.min().data, X.min())
    found = x.max(axis=0, keepdims=True).data
    np.testing.assert_array_equal(found, X.max(axis=0, keepdims=True))
    found = x.min(axis=1, keepdims=True).data
    np.testing.assert_array_equal(found, X.min(axis=1, keepdims=True))


def test_max_and_min_can_be_differentiated_twice(step):
    def product(x):
        return step.max(x**3, axis=0)[:3] * step.min(x, 1)

    assert step.gradient_check(product, var(step, X), order=2)
    x = var(step, X)
    assert step.gradient_check(lambda x: step.max(x) ** 3 * step.min(x), x, order=2)


@pytest.mark.parametrize("name", ["max", "min"])
@each_dtype
def test_shares_keep_the_dtype(step, name, dtype):
    y, _, gx = value_and_slope(
        step, lambda x: getattr(step, name)(x, axis=1), np.ones((2, 3)), dtype
    )
    assert (y.dtype, gx.dtype) == (dtype, dtype)


def test_there_is_no_max_of_nothing(step):
    for f in (step.max, step.min):
        with pytest.raises(ValueError, match=r"\(0,\)"):
            f(var(step, []))


@pytest.mark.parametrize("dtype", [np.uint8, np.float16])
@pytest.mark.parametrize("n", [4, 256, 70_000])
def test_equally_large_elements_share_in_every_dtype(step, dtype, n):
    x = step.Variable(np.zeros(n, dtype))
    step.max(x).backward()
    np.testing.assert_allclose(x.grad.data, 1 / n, rtol=1e-2)


OWN = [case for case in CASES if case.since == 40]


@pytest.mark.parametrize("case", OWN, ids=lambda case: case.name)
def test_values_and_gradients_are_the_recorded_ones(step, case):
    check_case(step, case)


@pytest.mark.parametrize("case", OWN, ids=lambda case: case.name)
def test_values_and_gradients_keep_the_dtype(step, case):
    check_dtypes(step, case)
