"""Step 20: a * b + c, written as it is meant."""

import numpy as np
import pytest
from helpers import array, var


def test_a_times_b_plus_c(step):
    """* and + of variables are mul and add."""
    a, b, c = var(step, 3.0), var(step, 2.0), var(step, 1.0)
    y = a * b + c
    assert isinstance(y, step.Variable)
    assert float(y.data) == 7.0
    y.backward()
    assert [float(array(v.grad)) for v in (a, b, c)] == [2.0, 3.0, 1.0]


def test_mul_and_add_are_what_the_operators_do(step):
    a, b = var(step, [1.0, -2.0]), var(step, [4.0, 0.5])
    np.testing.assert_array_equal((a * b).data, step.mul(a, b).data)
    np.testing.assert_array_equal((a + b).data, step.add(a, b).data)
    np.testing.assert_array_equal((a * b).data, [4.0, -1.0])
    np.testing.assert_array_equal((a + b).data, [5.0, -1.5])


def test_the_operators_make_mul_and_add(step):
    a, b = var(step, 3.0), var(step, 2.0)
    y = a * b + a
    assert type(y.creator) is step.Add
    assert type(y.creator.inputs[0].creator) is step.Mul
    assert y.creator.inputs[1] is a


def test_multiplication_comes_before_addition(step):
    a, b, c = var(step, 3.0), var(step, 2.0), var(step, 10.0)
    assert float((c + a * b).data) == 16.0
    assert float(((c + a) * b).data) == 26.0


def test_mul_by_itself(step):
    """The gradients of both factors add up if they are one variable."""
    a = var(step, 3.0)
    (a * a).backward()
    assert float(array(a.grad)) == 6.0
    a.cleargrad()
    (a * a * a).backward()
    assert float(array(a.grad)) == 27.0


def test_gradients_of_mul_for_arrays(step):
    rng = np.random.default_rng(0)
    a0, b0, gy = rng.standard_normal((3, 2, 3))
    a, b = var(step, a0), var(step, b0)
    w = var(step, gy)
    (a * b * w).backward()
    np.testing.assert_allclose(array(a.grad), gy * b0)
    np.testing.assert_allclose(array(b.grad), gy * a0)
    np.testing.assert_allclose(array(w.grad), a0 * b0)


def test_gradient_check_of_an_expression(step):
    def f(a, b, c):
        return a * b + b * (c + a) * c + a * a

    rng = np.random.default_rng(1)
    assert step.gradient_check(f, *(var(step, rng.random((2, 3))) for _ in range(3)))


def test_a_product_in_a_graph_with_forks(step):
    x = var(step, 2.0)
    a = x * x
    (a * a + a * a).backward()  # 2 x ** 4
    assert float(array(x.grad)) == 64.0


@pytest.mark.parametrize(
    "name, operator",
    [("Add", lambda a, b: a + b), ("Mul", lambda a, b: a * b)],
    ids=["add", "mul"],
)
def test_shapes_that_do_not_fit_are_named(step, name, operator):
    with pytest.raises(ValueError) as caught:
        operator(var(step, np.ones((2, 3))), var(step, np.ones((4, 1))))
    message = str(caught.value)
    assert name in message, f"the message does not name the function: {message}"
    first, second = message.find("(2, 3)"), message.find("(4, 1)")
    assert -1 < first < second, f"both shapes, in their order, are missing: {message}"
    assert str(caught.value.__cause__) in message, "what NumPy said is lost"


def test_every_function_names_its_shapes_however_many_inputs_it_has(step):
    class Join(step.Function):
        def forward(self, *xs):
            return np.concatenate(xs)

    xs = [var(step, np.ones(shape)) for shape in [(1, 2), (3, 2), (1, 5)]]
    with pytest.raises(ValueError, match=r"Join.*\(1, 2\).*\(3, 2\).*\(1, 5\)"):
        Join()(*xs)


def test_an_error_that_is_not_about_values_stays_what_it_was(step):
    class Broken(step.Function):
        def forward(self, x):
            raise ZeroDivisionError("as it was")

    with pytest.raises(ZeroDivisionError, match="^as it was$"):
        Broken()(var(step, 1.0))


def test_after_an_error_the_variables_can_be_used(step):
    a, b = var(step, [1.0, 2.0]), var(step, [1.0, 2.0, 3.0])
    with pytest.raises(ValueError):
        a * b
    (a * a).backward()
    np.testing.assert_array_equal(array(a.grad), [2.0, 4.0])
    assert b.grad is None


def test_forward_gets_a_number_for_an_array_of_no_axes(step):
    seen = []

    class Double(step.Function):
        def forward(self, x):
            seen.append(x)
            return x * 2

        def backward(self, gy):
            return gy * 2

    x = var(step, 2.0)
    y = Double()(x)
    y.backward()
    assert isinstance(seen[0], np.floating)
    assert isinstance(y.data, np.ndarray) and isinstance(array(x.grad), np.ndarray)
