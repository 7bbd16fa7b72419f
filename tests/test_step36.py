"""Step 36: a gradient used in a calculation that is differentiated again."""

import numpy as np
import pytest
from helpers import records, var


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
    (gx,) = step.slopes(y, [x])
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


def test_slopes_have_a_graph_and_are_taken_from_the_variables(step):
    x0, x1 = leaves(step, [2.0, 3.0])
    x0.grad = step.as_variable(np.array(5.0))
    g0, g1 = step.slopes(x0**2 * x1, [x0, x1])
    assert (g0.data, g1.data) == (12.0, 4.0)
    assert x0.grad is None and x1.grad is None
    g0.backward()
    assert (x0.grad.data, x1.grad.data) == (6.0, 4.0)


def test_network_and_its_slopes_are_the_recorded_ones(step, record):
    w, xs = leaves(step, record["weights"].values()), leaves(step, record["x"])
    y = step.network(w, xs)
    assert y.data == pytest.approx(record["value"], rel=1e-12)
    found = [float(gx.data) for gx in step.slopes(y, xs)]
    assert found == pytest.approx(record["slopes"], rel=1e-12)


def test_gradient_penalty_and_its_gradients_are_the_recorded_ones(step, record):
    w, xs = leaves(step, record["weights"].values()), leaves(step, record["x"])
    penalty = step.gradient_penalty(step.network, w, xs)
    assert penalty.data == pytest.approx(record["penalty"], rel=1e-12)
    penalty.backward()
    found = [float(weight.grad.data) for weight in w]
    assert found == pytest.approx(list(record["gradients"].values()), rel=1e-10)


def test_gradient_penalty_passes_the_gradient_check(step, record):
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
    f0, f1 = step.slopes(step.network(w, xs), xs)
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
