"""Step 36: a gradient used in a calculation that is differentiated again."""

import re

import numpy as np
import pytest
from function_table import CASES
from helpers import records, reference, var

KNOWN = [case for case in CASES if case.since <= 36]


@pytest.fixture
def record():
    """What PyTorch found for the gradient penalty."""
    return records("double_backprop")


def leaves(step, numbers):
    """The numbers as Variables."""
    return [var(step, number) for number in numbers]


def gradient(x):
    """The gradient of x, which forgets it."""
    gx = x.grad
    x.cleargrad()
    return gx


def test_the_demo_slope_of_z_is_100(step):
    x = var(step, 2.0)
    y = x**2
    (gx,) = step.gradients(y, [x])
    z = gx**3 + y
    z.backward()
    assert (gx.data, z.data, x.grad.data) == (4.0, 68.0, 100.0)


def test_z_is_differentiated_through_the_slope_of_y(step):
    x = var(step, 2.0)
    y = x**2
    y.backward(create_graph=True)
    z = gradient(x) ** 3 + y
    z.backward()
    assert z.data == 68.0
    assert x.grad.data == 100.0


def test_z_has_derivatives_of_its_own(step):
    x = var(step, 2.0)
    y = x**2
    y.backward(create_graph=True)
    z = gradient(x) ** 3 + y  # 8 x ** 3 + x ** 2
    found = []
    for _ in range(3):
        z.backward(create_graph=True)
        z = gradient(x)
        found.append(float(z.data))
    assert found == [100.0, 48 * 2.0 + 2, 48.0]


def test_without_create_graph_only_the_path_through_y_is_seen(step):
    x = var(step, 2.0)
    y = x**2
    y.backward()
    z = gradient(x) ** 3 + y
    z.backward()
    assert x.grad.data == 4.0


def test_without_cleargrad_the_slope_of_y_stays_in_the_sum(step):
    x = var(step, 2.0)
    y = x**2
    y.backward(create_graph=True)
    z = x.grad**3 + y
    z.backward()
    assert x.grad.data == 104.0


def test_gradients_have_a_graph_and_are_taken_from_the_variables(step):
    x0, x1 = leaves(step, [2.0, 3.0])
    x0.grad = step.as_variable(np.array(5.0))
    g0, g1 = step.gradients(x0**2 * x1, [x0, x1])
    assert (g0.data, g1.data) == (12.0, 4.0)
    assert x0.grad is None and x1.grad is None
    g0.backward()
    assert (x0.grad.data, x1.grad.data) == (6.0, 4.0)


def test_network_and_its_slopes_are_the_recorded_ones(step, record):
    w, xs = leaves(step, record["weights"].values()), leaves(step, record["x"])
    y = step.network(w, xs)
    assert y.data == pytest.approx(record["value"], rel=1e-12)
    found = [float(gx.data) for gx in step.gradients(y, xs)]
    assert found == pytest.approx(record["slopes"], rel=1e-12)


def test_gradient_penalty_and_its_gradients_are_the_recorded_ones(step, record):
    w, xs = leaves(step, record["weights"].values()), leaves(step, record["x"])
    penalty = step.gradient_penalty(step.network, w, xs)
    assert penalty.data == pytest.approx(record["penalty"], rel=1e-12)
    penalty.backward()
    found = [float(weight.grad.data) for weight in w]
    assert found == pytest.approx(list(record["gradients"].values()), rel=1e-10)


def test_gradient_check_passes_a_function_that_clears_its_inputs(step, record):
    xs = leaves(step, record["x"])

    def penalty(*w):
        return step.gradient_penalty(step.network, w, xs)

    w = leaves(step, record["weights"].values())
    assert step.gradient_check(penalty, *w, order=2)


def test_gradient_penalty_is_zero_for_a_function_of_slope_1(step):
    w, xs = leaves(step, [0.6, 0.8]), leaves(step, [5.0, -7.0])

    def plane(w, xs):
        return w[0] * xs[0] + w[1] * xs[1]

    penalty = step.gradient_penalty(plane, w, xs)
    assert penalty.data == pytest.approx(0.0, abs=1e-30)


def test_improve_moves_the_weights_against_their_gradients(step, record):
    numbers = list(record["weights"].values())
    w, xs = leaves(step, numbers), leaves(step, record["x"])
    penalty = step.improve(w, xs, lr=0.25)
    assert penalty == pytest.approx(record["penalty"], rel=1e-12)
    expected = np.array(numbers) - 0.25 * np.array(list(record["gradients"].values()))
    assert [float(weight.data) for weight in w] == pytest.approx(expected.tolist())


def test_improve_again_and_again_leads_to_a_slope_of_1(step, record):
    w, xs = leaves(step, record["weights"].values()), leaves(step, record["x"])
    for _ in range(60):
        step.improve(w, xs)
    f0, f1 = step.gradients(step.network(w, xs), xs)
    assert np.hypot(f0.data, f1.data) == pytest.approx(1.0, abs=1e-6)


def test_the_gradient_penalty_by_hand_is_the_recorded_one(step, record):
    a0, b0, v0, a1, b1, v1 = w = leaves(step, record["weights"].values())
    x0, x1 = leaves(step, record["x"])
    y = v0 * step.tanh(a0 * x0 + b0 * x1) + v1 * step.tanh(a1 * x0 + b1 * x1)
    y.backward(create_graph=True)
    f0, f1 = gradient(x0), gradient(x1)
    for weight in w:
        weight.cleargrad()
    (((f0**2 + f1**2) ** 0.5 - 1) ** 2).backward()
    found = [float(weight.grad.data) for weight in w]
    assert found == pytest.approx(list(record["gradients"].values()), rel=1e-10)


def test_a_hessian_times_a_vector_without_the_hessian(step):
    x0, x1 = leaves(step, [2.0, 3.0])
    y = x0**3 * x1 + x1**2
    y.backward(create_graph=True)
    g0, g1 = gradient(x0), gradient(x1)
    (g0 * 10.0 + g1 * 100.0).backward()
    hessian = np.array([[6 * 2.0 * 3.0, 3 * 4.0], [3 * 4.0, 2.0]])
    assert [x0.grad.data, x1.grad.data] == (hessian @ [10.0, 100.0]).tolist()


# derivative


def product(x, z):
    return x * x * z


def test_derivative_is_a_function_that_gives_the_gradient_to_one_input(step):
    xs = var(step, 2.0), var(step, 3.0)
    assert step.derivative(product, 0)(*xs).data == 12.0
    assert step.derivative(product, 1)(*xs).data == 4.0


def test_derivative_can_be_differentiated(step):
    df = step.derivative(lambda x: x**4, 0)
    ddf = step.derivative(df, 0)
    x = var(step, 2.0)
    assert [float(f(x).data) for f in (df, ddf, step.derivative(ddf, 0))] == [
        32,
        48,
        48,
    ]


def test_derivative_reads_none_as_zeros(step):
    gz = step.derivative(lambda x, z: x + 1.0, 1)(var(step, 1.0), var(step, [2.0, 3.0]))
    assert gz.data.tolist() == [0.0, 0.0]


def test_derivative_starts_from_no_gradient_and_leaves_none(step):
    x, z = var(step, 2.0), var(step, 3.0)
    x.grad = step.as_variable(np.array(100.0))
    assert step.derivative(product, 0)(x, z).data == 12.0
    assert (x.grad, z.grad) == (None, None)


# gradient_check, to higher orders


@pytest.mark.parametrize("case", KNOWN, ids=lambda case: case.name)
@pytest.mark.parametrize("order", [1, 2])
def test_every_function_passes_the_gradient_check(step, case, order):
    xs = [step.Variable(x) for x in reference(case.name)["inputs"]]
    assert step.gradient_check(lambda *xs: case.call(step, *xs), *xs, order=order)


def test_gradient_check_leaves_the_gradients_alone(step):
    x = var(step, [1.0, 2.0])
    step.gradient_check(lambda x: x**3, x, order=2)
    assert x.grad is None
    assert x.data.tolist() == [1.0, 2.0]


def test_gradient_check_to_order_3(step):
    assert step.gradient_check(lambda x: x**5 + 1 / x, var(step, [1.0, 2.0]), order=3)


@pytest.mark.parametrize("name", ["sin", "cos", "tanh"])
def test_sin_cos_and_tanh_to_order_3(step, name):
    f = getattr(step, name)
    assert step.gradient_check(f, var(step, [0.3, -1.2, 2.5]), order=3)
    xs = var(step, 0.7), var(step, 0.9)
    assert step.gradient_check(lambda x0, x1: f(x0 * x1) * x0, *xs, order=3)


def cube(step, first, second, third=6.0):
    """x ** 3 as a function whose derivatives have these numbers for 3, 6 and 6."""

    class Line(step.Function):
        def forward(self, x):
            return 6.0 * x

        def backward(self, gy):
            return third * gy

    class Parabola(step.Function):
        def forward(self, x):
            return 3.0 * x**2

        def backward(self, gy):
            return gy * (second / 6.0) * Line()(self.inputs[0])

    class Cube(step.Function):
        def forward(self, x):
            return x**3

        def backward(self, gy):
            return gy * (first / 3.0) * Parabola()(self.inputs[0])

    return lambda x: Cube()(x)


def test_gradient_check_passes_a_function_right_at_every_order(step):
    x = var(step, [1.0, -2.0, 3.0])
    assert step.gradient_check(cube(step, 3.0, 6.0), x, order=3)


def test_gradient_check_finds_a_gradient_that_f_leaves_behind(step):
    def careless(x):
        (3.0 * x).backward()  # x.grad is 3 now, and backward() will add to it
        return x**2

    with pytest.raises(AssertionError, match="slope"):
        step.gradient_check(careless, var(step, 2.0))


@pytest.mark.parametrize("order", [1, 2, 3])
@pytest.mark.parametrize("wrong", [6.01, -6.0, 0.0])
def test_gradient_check_finds_a_fault_at_the_order_that_has_it(step, order, wrong):
    numbers = [3.0, 6.0, 6.0]
    numbers[order - 1] *= wrong / 6.0
    f, x = cube(step, *numbers), var(step, [1.0, -2.0, 3.0])
    if order > 1:
        assert step.gradient_check(f, x, order=order - 1)
    with pytest.raises(AssertionError, match="slope"):
        step.gradient_check(f, x, order=order)


def test_gradient_check_finds_a_backward_that_computes_with_bare_arrays(step):
    class Bare(step.Function):
        def forward(self, x):
            return x**3

        def backward(self, gy):
            x = self.inputs[0].data
            return gy * (3.0 * x**2)

    def f(x):
        return Bare()(x)

    x = var(step, [1.0, 2.0])
    assert step.gradient_check(f, x)
    with pytest.raises(AssertionError):
        step.gradient_check(f, x, order=2)


def test_gradient_check_says_both_slopes(step):
    with pytest.raises(AssertionError) as error:
        step.gradient_check(cube(step, 6.0, 6.0), var(step, 2.0))
    found, slope = map(
        float, re.findall(r"slope (?:of|is) (-?[\d.]*\d)", str(error.value))
    )
    assert found == pytest.approx(2 * slope, rel=1e-4)


def test_gradient_check_uses_its_tolerance_at_order_2(step):
    f, x = cube(step, 3.0, 6.06), var(step, [1.0, 2.0])
    assert step.gradient_check(f, x, order=2, tolerance=0.1)
    with pytest.raises(AssertionError):
        step.gradient_check(f, x, order=2, tolerance=1e-3)
