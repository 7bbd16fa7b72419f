"""Step 32: gradients are Variables, and can be differentiated again."""

import gc
import weakref

import numpy as np
import pytest
from function_table import CASES
from helpers import reference, var

# The derivative of sin has no graph before step 34.
KNOWN = [case for case in CASES if case.since <= 32 and case.name != "sin(x)"]
every_case = pytest.mark.parametrize("case", KNOWN, ids=lambda case: case.name)


def next_derivative(y, x, create_graph=True):
    """dy/dx as a Variable, taken from x, which forgets it."""
    x.cleargrad()
    y.backward(create_graph=create_graph)
    gx = x.grad
    x.cleargrad()
    return gx


def second_derivatives(y, xs):
    """The derivatives of the sum of the first derivatives of y."""
    y.backward(create_graph=True)
    gxs = [x.grad for x in xs]
    for x in xs:
        x.cleargrad()
    for gx in gxs:
        gx.backward()
    return [x.grad for x in xs]


# --- the gradient is a Variable ---


@pytest.mark.parametrize("create_graph", [False, True])
def test_grad_is_a_variable(step, create_graph):
    x = var(step, 3.0)
    (x * x).backward(create_graph=create_graph)
    assert isinstance(x.grad, step.Variable)
    assert x.grad.data == 6.0


def test_grad_has_no_graph_without_create_graph(step):
    x = var(step, 2.0)
    y = x**3
    y.backward()
    assert x.grad.creator is None
    assert not x.grad.requires_grad


def test_grad_of_a_sum_over_two_paths_has_no_graph_without_create_graph(step):
    x = var(step, 2.0)
    (x * x + x * x).backward()
    assert x.grad.data == 8.0
    assert x.grad.creator is None


def test_grad_has_a_graph_with_create_graph(step):
    x = var(step, 2.0)
    (x**3).backward(create_graph=True)
    assert x.grad.creator is not None


def test_kept_gradients_are_variables_too(step):
    x = var(step, 2.0)
    a = x * x
    y = a * x
    y.backward(retain_grad=True)
    assert isinstance(y.grad, step.Variable) and y.grad.data == 1.0
    assert isinstance(a.grad, step.Variable) and a.grad.data == 2.0


def test_intermediate_gradients_are_forgotten(step):
    x = var(step, 2.0)
    a = x * x
    y = a * x
    y.backward(create_graph=True)
    assert y.grad is None and a.grad is None


# --- its derivatives ---


def test_derivatives_of_the_cube(step):
    x = var(step, 2.0)
    y = x**3
    found = [float(y.data)]
    for _ in range(3):
        y = next_derivative(y, x)
        found.append(float(y.data))
    assert found == [8.0, 12.0, 12.0, 6.0]


def test_derivatives_of_a_product_of_three(step):
    x = var(step, 2.0)
    y = x * x * x
    found = []
    for _ in range(3):
        y = next_derivative(y, x)
        found.append(float(y.data))
    assert found == [12.0, 12.0, 6.0]


def test_derivatives_of_a_polynomial(step):
    x = var(step, 2.0)
    y = x**4 - 2 * x**2
    first = next_derivative(y, x)
    second = next_derivative(first, x)
    third = next_derivative(second, x)
    assert (first.data, second.data, third.data) == (24.0, 44.0, 48.0)


def test_fourth_derivative_of_the_cube_is_none(step):
    x = var(step, 2.0)
    y = x**3
    for _ in range(3):
        y = next_derivative(y, x)
    assert next_derivative(y, x) is None, "6 does not depend on x: None, read as zero"


def test_second_derivative_of_x_plus_1_is_none(step):
    x = var(step, 2.0)
    y = x + 1
    first = next_derivative(y, x)
    assert first.data == 1.0
    assert next_derivative(first, x) is None, "1 does not depend on x: None"


def test_a_derivative_taken_without_create_graph_has_no_derivative(step):
    x = var(step, 2.0)
    first = next_derivative(x**3, x, create_graph=False)
    assert next_derivative(first, x) is None


def test_without_cleargrad_the_second_derivative_adds_to_the_first(step):
    x = var(step, 2.0)
    (x**3).backward(create_graph=True)
    x.grad.backward()
    assert x.grad.data == 12.0 + 12.0


def test_gradients_over_two_paths_add_up_in_a_sum_that_can_be_differentiated(step):
    x = var(step, 2.0)
    a = x * x
    y = a * a + a * a  # 2 x**4
    first = next_derivative(y, x)
    second = next_derivative(first, x)
    assert (first.data, second.data) == (64.0, 96.0)


def test_mixed_second_derivatives(step):
    """A gradient of two variables has a derivative along each."""
    x, z = var(step, 2.0), var(step, 3.0)
    y = x**2 * z**3
    y.backward(create_graph=True)
    gx, gz = x.grad, z.grad
    x.cleargrad()
    z.cleargrad()
    gx.backward()  # gx = 2 x z**3
    assert (x.grad.data, z.grad.data) == (2 * 27.0, 2 * 2 * 3 * 9.0)
    x.cleargrad()
    z.cleargrad()
    gz.backward()  # gz = 3 x**2 z**2
    assert (x.grad.data, z.grad.data) == (108.0, 6 * 4 * 3.0)


def test_a_gradient_can_be_used_in_a_calculation_that_is_differentiated(step):
    x = var(step, 3.0)
    y = x**3
    y.backward(create_graph=True)
    slope = x.grad
    x.cleargrad()
    z = slope * slope + y  # 9 x**4 + x**3
    z.backward()
    assert x.grad.data == 36 * 27.0 + 3 * 9.0


def test_the_start_may_be_an_array_or_a_variable_and_that_gets_a_gradient(step):
    x, v = var(step, [2.0, 3.0]), var(step, [10.0, 20.0])
    y = x**2
    y.grad = v.data
    y.backward()
    assert x.grad.data.tolist() == [40.0, 120.0]
    x.cleargrad()
    y.grad = v
    y.backward(create_graph=True)
    gx = x.grad  # 2 x v
    x.cleargrad()
    v.cleargrad()
    gx.backward()
    assert v.grad.data.tolist() == [4.0, 6.0]
    assert x.grad.data.tolist() == [20.0, 40.0]


# --- every function and operator at order 2 ---


@every_case
def test_first_gradients_pass_the_gradient_check(step, case):
    xs = [step.Variable(x) for x in reference(case.name)["inputs"]]
    assert step.gradient_check(lambda *xs: case.call(step, *xs), *xs)


@every_case
def test_second_gradients_are_the_recorded_ones(step, case):
    expected = reference(case.name)
    xs = [step.Variable(x) for x in expected["inputs"]]
    y = case.call(step, *xs)
    y.grad = expected["cotangent"]
    y.backward(create_graph=True)
    gxs = [x.grad for x in xs]
    for gx, recorded in zip(gxs, expected["gradients"]):
        np.testing.assert_allclose(gx.data, recorded, rtol=1e-11, atol=1e-13)
    for x in xs:
        x.cleargrad()
    for gx, u in zip(gxs, expected["directions"]):
        gx.grad = u
        gx.backward()
    for x, recorded in zip(xs, expected["second"]):
        ggx = np.zeros(x.shape) if x.grad is None else x.grad.data
        np.testing.assert_allclose(ggx, recorded, rtol=1e-11, atol=1e-13)


def test_the_derivatives_of_zero_to_the_powers_0_1_and_2_are_finite(step):
    for c, expected in ((0, 0.0), (1, 0.0), (2, 2.0)):
        x = var(step, 0.0)
        first = next_derivative(x**c, x)
        second = next_derivative(first, x)
        assert np.isfinite(first.data)
        assert (0.0 if second is None else second.data) == expected


def test_a_product_with_a_constant_computes_no_gradient_for_the_constant(step):
    x, c = var(step, 2.0), np.array(3.0)
    for y in (x * c, step.mul(c, x), x / c):
        gxs = y.creator.backward(step.as_variable(np.array(1.0)))
        assert sum(gx is None for gx in gxs) == 1


@pytest.mark.parametrize("create_graph", [False, True])
def test_backward_may_give_none_for_a_variable(step, create_graph):
    class First(step.Function):
        def forward(self, x0, x1):
            return x0 * 3.0

        def backward(self, gy):
            return gy * 3.0, None

    x0, x1 = var(step, 2.0), var(step, 5.0)
    First()(x0, x1).backward(create_graph=create_graph)
    assert x0.grad.data == 3.0
    assert x1.grad is None


def test_the_square_is_differentiated_by_a_product(step):
    x = var(step, 3.0)
    first = next_derivative(x**2, x)
    funcs, names = [first.creator], set()
    while funcs:
        func = funcs.pop()
        if func is not None:
            names.add(type(func).__name__)
            funcs += [x.creator for x in func.inputs]
    assert "Pow" not in names, "x ** 2 has the derivative 2 * x, not 2 * x ** 1"


# --- shape and dtype ---


def test_a_gradient_of_another_shape_is_refused(step):
    class Wrong(step.Function):
        def forward(self, x):
            return x * 2.0

        def backward(self, gy):
            return step.as_variable(np.ones(3))

    x = var(step, [1.0, 2.0])
    with pytest.raises(ValueError, match=r"\(3,\).*\(2,\)"):
        Wrong()(x).backward()


def test_a_start_of_another_shape_is_refused(step):
    x = var(step, [1.0, 2.0])
    y = x * 2.0
    y.grad = np.ones((2, 1))
    with pytest.raises(ValueError, match=r"\(2, 1\).*\(2,\)"):
        y.backward()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_both_derivatives_keep_the_dtype(step, dtype):
    x = var(step, [1.0, 2.0], dtype)
    y = 2 * x**3 + 1 / x - x / 3 + 2**x
    first = next_derivative(y, x)
    second = next_derivative(first, x)
    assert (first.dtype, second.dtype) == (dtype, dtype)


def test_each_gradient_has_the_dtype_of_its_own_variable(step):
    x, z = var(step, 2.0, np.float32), var(step, 3.0, np.float64)
    y = x * x * z * z
    ggx, ggz = second_derivatives(y, [x, z])
    # gx = 2 x z z = 36, gz = 2 z x x = 24; derivatives of gx + gz:
    assert (ggx.data, ggz.data) == (2 * 9.0 + 24.0, 24.0 + 2 * 4.0)
    assert (ggx.dtype, ggz.dtype) == (np.float32, np.float64)


def test_an_integer_variable_has_gradients_in_float64(step):
    x = step.Variable(np.array(2))
    first = next_derivative(x**3, x)
    second = next_derivative(first, x)
    assert (first.data, second.data) == (12.0, 12.0)
    assert (first.dtype, second.dtype) == (np.float64, np.float64)


def test_a_start_in_another_dtype_is_cast(step):
    x = var(step, 3.0, np.float32)
    y = x * x
    y.grad = np.array(1.0)
    y.backward()
    assert x.grad.dtype == np.float32


def test_fit_gradient_returns_what_fits_unchanged(step):
    x, gx = var(step, [1.0, 2.0]), var(step, [3.0, 4.0])
    assert step.fit_gradient(gx, x) is gx


def test_fit_gradient_makes_a_variable_of_an_array(step):
    gx = step.fit_gradient(np.array([3.0, 4.0]), var(step, [1.0, 2.0]))
    assert isinstance(gx, step.Variable)
    assert gx.data.tolist() == [3.0, 4.0]
    assert not gx.requires_grad


def test_fit_gradient_casts_with_a_function_that_has_a_backward(step):
    gx = var(step, [3.0, 4.0], np.float64)
    fitted = step.fit_gradient(gx, var(step, [1.0, 2.0], np.float32))
    assert fitted.dtype == np.float32
    fitted.backward()
    assert gx.grad.data.tolist() == [1.0, 1.0]
    assert gx.grad.dtype == np.float64


def test_cast_changes_the_dtype_and_its_gradient_comes_back_in_the_old_one(step):
    x = var(step, [1.5, 2.5], np.float32)
    y = step.cast(x, np.float64)
    assert y.dtype == np.float64
    assert y.data.tolist() == [1.5, 2.5]
    y.grad = np.array([10.0, 20.0])
    y.backward()
    assert x.grad.data.tolist() == [10.0, 20.0]
    assert x.grad.dtype == np.float32


# --- the mode ---


@pytest.mark.parametrize("create_graph", [False, True])
@pytest.mark.parametrize("mode", [False, True])
def test_backward_restores_the_mode(step, create_graph, mode):
    x = var(step, 2.0)
    y = x * x
    with step.using_config("enable_backprop", mode):
        y.backward(create_graph=create_graph)
        assert step.Config.enable_backprop is mode


@pytest.mark.parametrize("create_graph", [False, True])
def test_backward_restores_the_mode_after_an_error(step, create_graph):
    class Broken(step.Function):
        def forward(self, x):
            return x * 1.0

        def backward(self, gy):
            raise RuntimeError("broken")

    y = Broken()(var(step, 2.0))
    with pytest.raises(RuntimeError, match="broken"):
        y.backward(create_graph=create_graph)
    assert step.Config.enable_backprop is True


def test_backward_runs_in_the_mode_that_create_graph_names(step):
    modes = []

    class Watch(step.Function):
        def forward(self, x):
            return x * 1.0

        def backward(self, gy):
            modes.append(step.Config.enable_backprop)
            return gy

    Watch()(var(step, 2.0)).backward()
    Watch()(var(step, 2.0)).backward(create_graph=True)
    assert modes == [False, True]


def test_backward_on_a_variable_without_a_creator_does_no_harm(step):
    x = var(step, 2.0)
    x.backward(create_graph=True)
    assert x.grad.data == 1.0


# --- memory ---


def is_freed(step, create_graph, clear):
    """True if a graph is gone as soon as nothing names it, with no collector."""
    gc.collect()
    gc.disable()
    try:
        x = var(step, 2.0)
        y = x**3
        y.backward(create_graph=create_graph)
        if clear:
            x.cleargrad()
        watch = weakref.ref(x)
        del x, y
        return watch() is None
    finally:
        gc.enable()


def test_a_plain_backward_leaves_no_cycle(step):
    assert is_freed(step, create_graph=False, clear=False)


def test_cleargrad_breaks_the_cycle_that_create_graph_makes(step):
    assert is_freed(step, create_graph=True, clear=True)


def test_create_graph_makes_a_cycle(step):
    assert not is_freed(step, create_graph=True, clear=False), (
        "x.grad has no graph that leads back to x"
    )


# === one backward() for arrays and for Variables


def cubed(step, kinds):
    """x ** 3 as a function that notes what its backward() is given."""

    class Cubed(step.Function):
        def forward(self, x):
            return x**3

        def backward(self, gy):
            (x,), (y,) = self.saved_inputs, self.saved_outputs
            kinds.append([isinstance(v, step.Variable) for v in (gy, x, y)])
            return gy * 3 * x * x

    return Cubed()


@pytest.mark.parametrize("create_graph", [False, True])
def test_backward_gets_variables_only_where_it_is_recorded(step, create_graph):
    kinds, x = [], var(step, 2.0)
    y = cubed(step, kinds)(x)
    y.backward(create_graph=create_graph)
    assert kinds == [[create_graph] * 3]
    assert float(x.grad.data) == 12.0
    assert (x.grad.creator is not None) == create_graph


def test_a_function_in_the_style_of_the_book_works_in_both_ways(step):
    class Product(step.Function):
        def forward(self, x0, x1):
            self.xs = x0, x1  # a name that the reader is free to use
            return x0 * x1

        def backward(self, gy):
            x0, x1 = self.inputs
            return gy * x1, gy * x0

    x = var(step, 3.0)
    y = Product()(x, Product()(x, x))  # x ** 3
    y.backward(create_graph=True)
    slope = x.grad
    x.cleargrad()
    slope.backward()
    assert (float(slope.data), float(x.grad.data)) == (27.0, 18.0)
    assert x.grad.creator is None


def test_backward_uses_the_arrays_that_forward_saw(step):
    x, w = var(step, 2.0), var(step, 5.0)
    y = x * w
    x.data, w.data = np.array(7.0), np.array(8.0)
    y.backward()
    assert (float(w.grad.data), float(x.grad.data)) == (2.0, 5.0)


@pytest.mark.parametrize("create_graph", [False, True])
def test_gradients_of_two_variables_never_share_an_array(step, create_graph):
    p, q = var(step, np.ones(2)), var(step, np.ones(2))
    y = (p + q) * 1.0
    y.grad = step.Variable(np.ones(2))
    y.backward(create_graph=create_graph)
    for v in (p, q):
        v.grad.data *= 0.5
    assert [v.grad.data.tolist() for v in (p, q)] == [[0.5, 0.5], [0.5, 0.5]]


@pytest.mark.parametrize("create_graph", [False, True])
def test_a_dropped_output_is_there_for_backward(step, create_graph):
    class Two(step.Function):
        def forward(self, x):
            return np.exp(x), np.exp(2 * x)

        def backward(self, gy0, gy1):
            y0, y1 = self.saved_outputs
            return gy0 * y0 + gy1 * 2 * y1

    x = var(step, [1.0])
    y = Two()(x)[0]
    y.backward(create_graph=create_graph)
    np.testing.assert_allclose(x.grad.data, np.exp([1.0]))
