"""Step 37: functions of elements on arrays; log, powers of both, comparisons, abs."""

import operator

import numpy as np
import pytest
from helpers import var

RNG = np.random.default_rng(37)
X = np.array([[0.5, 1.5, 2.0], [3.0, 0.25, 1.0]])  # above zero
C = np.array([[2.0, -1.5, 3.0], [0.5, 1.0, -2.0]])
V = RNG.standard_normal((2, 3))  # a cotangent
U0, U1 = RNG.standard_normal((2, 2, 3))  # directions
SHAPES = [(), (1,), (4,), (2, 3), (2, 1, 3), (0, 3)]


def gradients(step, y, xs, v):
    """The gradients of xs from v * y, as Variables with a graph; xs forget them."""
    y.grad = step.as_variable(np.array(v))
    y.backward(create_graph=True)
    gxs = [x.grad for x in xs]
    for x in xs:
        x.cleargrad()
    return gxs


def second(gxs, xs, us):
    """The gradients of xs from the sum of us * gxs, as arrays."""
    for gx, u in zip(gxs, us):
        gx.grad = u
        gx.backward()
    return [x.grad.data for x in xs]


def close(found, expected):
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-14)


# Functions of elements take any shape


ELEMENTWISE = {
    "log": lambda F, x: F.log(x),
    "absolute": lambda F, x: F.absolute(x),
    "x ** x": lambda F, x: x**x,
    "x ** array": lambda F, x: x ** np.full(x.shape, 2.5, x.dtype),
    "array ** x": lambda F, x: np.full(x.shape, 2.5, x.dtype) ** x,
    "exp and tanh": lambda F, x: F.tanh(F.exp(x)),
    "others": lambda F, x: F.sin(x) * F.log(x) ** 2 - F.cos(x) / F.square(x),
}


@pytest.mark.parametrize("f", ELEMENTWISE.values(), ids=ELEMENTWISE)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_y_and_the_gradient_have_shape_and_dtype_of_x(step, f, shape, dtype):
    x = step.Variable(np.asarray(np.random.default_rng(0).uniform(1, 2, shape), dtype))
    y = f(step, x)
    y.backward()
    assert type(y) is step.Variable
    assert (y.shape, y.dtype) == (shape, dtype)
    assert (x.grad.shape, x.grad.dtype) == (shape, dtype)


@pytest.mark.parametrize("f", ELEMENTWISE.values(), ids=ELEMENTWISE)
@pytest.mark.parametrize("order", [1, 2, 3])
def test_against_numerical_slopes(step, f, order):
    """The derivatives agree with numerical slopes."""
    x = var(step, X + 0.5)
    assert step.gradient_check(lambda x: f(step, x), x, order=order)


@pytest.mark.parametrize("f", ELEMENTWISE.values(), ids=ELEMENTWISE)
def test_no_element_depends_on_another_one(step, f):
    x = var(step, [0.5, 1.5, 2.0])
    for i in range(3):
        y = f(step, x)
        y.grad = np.eye(3)[i]
        y.backward()
        assert x.grad.data[i] != 0
        assert np.count_nonzero(x.grad.data) == 1
        x.cleargrad()


# log


def test_log_its_slope_and_the_slope_of_that(step):
    x = var(step, X)
    y = step.log(x)
    close(y.data, np.log(X))
    (gx,) = gradients(step, y, [x], V)
    close(gx.data, V / X)
    close(second([gx], [x], [U0])[0], -U0 * V / X**2)


def test_log_is_what_undoes_exp(step):
    x = var(step, C)
    y = step.log(step.exp(x))
    (gx,) = gradients(step, y, [x], V)
    close(y.data, C)
    close(gx.data, V)
    np.testing.assert_allclose(second([gx], [x], [U0])[0], 0.0, atol=1e-13)


def test_log_of_integers_has_a_float64_gradient(step):
    x = var(step, [1, 2, 4], int)
    step.log(x).backward()
    assert x.grad.data.tolist() == [1.0, 0.5, 0.25]
    assert x.grad.dtype == np.float64


def test_log_takes_arrays_and_numbers_as_constants(step):
    for x in (np.array([1.0]), 1.0, 1):
        y = step.log(x)
        assert y.data == 0.0
        assert not y.requires_grad


# Powers of which both may vary


def test_a_power_of_two_variables(step):
    x, c = var(step, X), var(step, C)
    y = x**c
    close(y.data, X**C)
    gx, gc = gradients(step, y, [x, c], V)
    close(gx.data, V * C * X ** (C - 1))
    close(gc.data, V * X**C * np.log(X))
    ggx, ggc = second([gx, gc], [x, c], [U0, U1])
    log, mixed = np.log(X), X ** (C - 1) * (1 + C * np.log(X))
    close(ggx, V * (U0 * C * (C - 1) * X ** (C - 2) + U1 * mixed))
    close(ggc, V * (U0 * mixed + U1 * X**C * log**2))


@pytest.mark.parametrize("order", [1, 2, 3])
def test_a_power_of_two_variables_against_numerical_slopes(step, order):
    x, c = var(step, X), var(step, C)
    assert step.gradient_check(lambda x, c: x**c, x, c, order=order, eps=1e-5)


def test_an_array_may_be_exponent_or_base(step):
    x = var(step, C)
    y = X**x
    (gx,) = gradients(step, y, [x], V)
    close(y.data, X**C)
    close(gx.data, V * X**C * np.log(X))
    x = var(step, X)
    y = x**C
    (gx,) = gradients(step, y, [x], V)
    close(y.data, X**C)
    close(gx.data, V * C * X ** (C - 1))


def test_pow_and_rpow_take_arrays_and_variables(step):
    x, c = var(step, X), var(step, C)
    for y in (step.pow(x, C), step.pow(x, c), step.rpow(c, X), step.rpow(c, x)):
        assert type(y) is step.Variable
        close(y.data, X**C)
    assert step.pow(np.array([3.0]), 2).data == 9.0
    assert step.rpow(np.array([3.0]), 2).data == 8.0


def test_no_gradient_is_computed_for_a_constant(step):
    for y, place in ((var(step, X) ** C, 1), (X ** var(step, C), 0)):
        gxs = y.creator.backward(step.as_variable(V))
        assert gxs[place] is None
        assert gxs[1 - place] is not None


def test_negative_numbers_to_constant_powers_need_no_log(step):
    x = var(step, [-2.0, -1.0])
    with np.errstate(all="raise"):
        y = x ** np.array([3.0, 2.0])
        y.backward()
    assert y.data.tolist() == [-8.0, 1.0]
    assert x.grad.data.tolist() == [12.0, -2.0]


def functions_of(y):
    """The names of the classes of the functions that y was made by."""
    funcs, found = [y.creator], set()
    while funcs:
        func = funcs.pop()
        if func is not None:
            found.add(type(func).__name__)
            funcs += [x.creator for x in func.inputs]
    return found


@pytest.mark.parametrize("c", [0, 2, 2.5, np.float64(2), np.int64(3)], ids=repr)
def test_powers_with_a_number_are_what_they_were(step, c):
    x = var(step, [1.0, 2.0], np.float32)
    assert functions_of(x**c) == {"Pow"}
    assert functions_of(c**x) == {"ConstantPow"}
    assert (x**c).dtype == (c**x).dtype == np.float32
    close((x**c).data, np.float32([1.0, 2.0]) ** float(c))


def test_zero_to_a_number_has_its_slopes_as_before(step):
    x = var(step, 0.0)
    with np.errstate(all="raise"):
        (5 * x**0 + 3 * x**1 + 2 * x**2).backward()
    assert x.grad.data == 3.0


def test_each_of_two_has_the_dtype_of_its_own(step):
    x, c = var(step, X, np.float32), var(step, C, np.float64)
    (x**c).backward()
    assert (x.grad.dtype, c.grad.dtype) == (np.float32, np.float64)


def test_two_float32_variables_stay_float32_at_order_2(step):
    x, c = var(step, X, np.float32), var(step, C, np.float32)
    y = x**c
    gx, gc = gradients(step, y, [x, c], V.astype(np.float32))
    found = second([gx, gc], [x, c], [U0.astype(np.float32)] * 2)
    assert {y.dtype, gx.dtype, gc.dtype, *(g.dtype for g in found)} == {
        np.dtype(np.float32)
    }


@pytest.mark.parametrize("shape", [(), (2,)], ids=str)
def test_integers_may_be_base_and_exponent(step, shape):
    x, c = var(step, np.full(shape, 3), int), var(step, np.full(shape, 2), int)
    zero = var(step, np.zeros(shape), int)
    (x**c).backward()
    np.testing.assert_allclose(x.grad.data, np.full(shape, 6.0))
    np.testing.assert_allclose(c.grad.data, np.full(shape, 9 * np.log(3)))
    x.cleargrad()
    (x**zero).backward()
    assert not x.grad.data.any(), "3 ** 0 has the slope 0 along its base"


@pytest.mark.parametrize("c", ["2", None, [2.0]], ids=repr)
def test_what_is_no_number_array_or_variable_is_refused(step, c):
    x = var(step, 2.0)
    for power in (lambda: x**c, lambda: c**x):
        with pytest.raises(TypeError) as error:
            power()
        assert repr(c) in str(error.value), "the error names what was wrong"


# Comparisons


COMPARISONS = [
    operator.lt,
    operator.le,
    operator.gt,
    operator.ge,
    operator.eq,
    operator.ne,
]
by_comparison = pytest.mark.parametrize("compare", COMPARISONS)
LEFT, RIGHT = np.array([1.0, 2.0, 3.0]), np.array([2.0, 2.0, 2.0])


@by_comparison
def test_a_comparison_gives_an_array_of_bool(step, compare):
    a, b = var(step, LEFT), var(step, RIGHT)
    expected = compare(LEFT, RIGHT).tolist()
    for found in (compare(a, b), compare(a, RIGHT), compare(a, 2), compare(a, 2.0)):
        assert type(found) is np.ndarray
        assert found.dtype == bool
        assert found.tolist() == expected


@by_comparison
def test_what_is_compared_may_stand_on_either_side(step, compare):
    b = var(step, RIGHT)
    assert compare(LEFT, b).tolist() == compare(LEFT, RIGHT).tolist()
    assert compare(1, b).tolist() == compare(1, RIGHT).tolist()


@by_comparison
def test_a_comparison_of_single_numbers_is_true_or_false(step, compare):
    for number in (1.0, 2.0, 3.0):
        x = var(step, number)
        expected = compare(number, 2.0)
        assert bool(compare(x, 2.0)) is expected
        assert bool(compare(x, var(step, 2.0))) is expected


def test_a_comparison_selects_elements(step):
    x = var(step, LEFT)
    assert x.data[x >= 2].tolist() == [2.0, 3.0]
    y = x * (x > 1)
    y.backward()
    assert y.data.tolist() == [0.0, 2.0, 3.0]
    assert x.grad.data.tolist() == [0.0, 1.0, 1.0]


def test_a_variable_still_has_a_hash_and_is_found_by_what_it_is(step):
    a, b = var(step, LEFT), var(step, LEFT)
    assert (a == b).all()
    assert len({a, b}) == 2
    assert {a: "a", b: "b"}[a] == "a"


def test_shapes_that_cannot_be_compared_are_an_error(step):
    with pytest.raises(ValueError, match="shape"):
        operator.lt(var(step, LEFT), var(step, [1.0, 2.0]))


# The absolute value


def test_the_absolute_value_and_its_slope(step):
    x = var(step, C)
    for f in (abs, step.absolute):
        y = f(x)
        close(y.data, np.abs(C))
        (gx,) = gradients(step, y, [x], V)
        close(gx.data, V * np.sign(C))


def test_at_zero_the_slope_of_abs_is_zero(step):
    x = var(step, [-2.0, 0.0, 3.0])
    abs(x).backward()
    assert x.grad.data.tolist() == [-1.0, 0.0, 1.0]


def test_the_slope_of_abs_is_a_constant(step):
    x = var(step, C)
    (gx,) = gradients(step, abs(x), [x], V)
    gx.backward()
    assert x.grad is None


def test_abs_of_something_else_is_differentiated_twice(step):
    x = var(step, C)
    (gx,) = gradients(step, abs(x**3), [x], V)
    close(gx.data, V * 3 * C * np.abs(C))
    close(second([gx], [x], [U0])[0], U0 * V * 6 * np.abs(C))


def test_zero_to_the_powers_of_an_array_has_its_slopes(step):
    x = var(step, [0.0, 0.0, 0.0])
    with np.errstate(all="raise"):
        (x ** np.array([0.0, 1.0, 2.0])).backward()
    assert x.grad.data.tolist() == [0.0, 1.0, 0.0]
