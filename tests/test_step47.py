"""Step 47: softmax, and losses of scores and labels."""

import numpy as np
import pytest
from function_table import CASES
from helpers import check_case, check_dtypes, value_and_slope, var

DTYPES = [np.float32, np.float64]
OWN = [case for case in CASES if case.since == 47]
X = np.random.default_rng(47).uniform(-2, 2, (3, 4))
T = np.array([2, 0, 2])
HUGE = np.array([[1000.0, -1000.0, 0.0], [-1000.0, 1000.0, 1000.0]])


def cotangent(shape):
    """Random numbers in place of the ones that backward() starts from."""
    return np.random.default_rng(74).standard_normal(shape)


def checked(step, f, *data, order=2):
    """True if the gradients of f agree with numerical slopes."""
    return step.gradient_check(f, *[var(step, x) for x in data], order=order)


@pytest.mark.parametrize("case", OWN, ids=lambda case: case.name)
def test_values_and_gradients_are_the_recorded_ones(step, case):
    check_case(step, case)


@pytest.mark.parametrize("case", OWN, ids=lambda case: case.name)
def test_values_and_gradients_keep_the_dtype(step, case):
    check_dtypes(step, case)


# --- softmax and its logarithm ---


def softmax_of(x, axis):
    """softmax by its formula, for numbers that are not large."""
    return np.exp(x) / np.exp(x).sum(axis=axis, keepdims=True)


@pytest.mark.parametrize("axis", [0, 1, -1, -2])
def test_softmax_and_its_logarithm_along_an_axis(step, axis):
    p = softmax_of(X, axis)
    y, gy, gx = value_and_slope(step, lambda x: step.softmax(x, axis), X)
    np.testing.assert_allclose(y, p, rtol=1e-14)
    expected = p * (gy - (gy * p).sum(axis=axis, keepdims=True))
    np.testing.assert_allclose(gx, expected, rtol=1e-12)
    y, gy, gx = value_and_slope(step, lambda x: step.softmax_simple(x, axis), X)
    np.testing.assert_allclose(y, p, rtol=1e-14)
    np.testing.assert_allclose(gx, expected, rtol=1e-12)
    y, gy, gx = value_and_slope(step, lambda x: step.log_softmax(x, axis), X)
    np.testing.assert_allclose(y, np.log(p), rtol=1e-13)
    np.testing.assert_allclose(gx, gy - p * gy.sum(axis=axis, keepdims=True), 1e-12)


def test_the_axis_is_that_of_the_classes(step):
    for f in (step.softmax, step.softmax_simple):
        np.testing.assert_allclose(f(var(step, X)).data.sum(axis=1), np.ones(3))
    found = np.exp(step.log_softmax(var(step, X)).data)
    np.testing.assert_allclose(found, softmax_of(X, 1), rtol=1e-13)
    with pytest.raises(ValueError, match=r"\(3,\)"):
        step.softmax(var(step, [1.0, 2.0, 3.0]))


def test_softmax_and_its_logarithm_of_huge_scores(step):
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        p, _, gp = value_and_slope(step, step.softmax, HUGE)
        y, gy, gy_x = value_and_slope(step, step.log_softmax, HUGE)
    np.testing.assert_allclose(p, [[1, 0, 0], [0, 0.5, 0.5]], atol=1e-300)
    assert np.isfinite(gp).all()
    half = np.log(0.5)
    np.testing.assert_allclose(y, [[0, -2000, -1000], [half - 2000, half, half]])
    expected = gy - [[1, 0, 0], [0, 0.5, 0.5]] * gy.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(gy_x, expected, atol=1e-15)


def test_the_formula_alone_overflows(step):
    with np.errstate(all="ignore"):
        assert np.isnan(step.softmax_simple(var(step, HUGE)).data).any()


def test_adding_a_number_to_all_scores_changes_nothing(step):
    for f in (step.softmax, step.log_softmax):
        one, two = f(var(step, X)).data, f(var(step, X + 500.0)).data
        np.testing.assert_allclose(one, two, rtol=1e-11)


@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("axis", [None, 0, 1, -1, (0, 1)])
def test_log_sum_exp(step, axis, keepdims):
    y, gy, gx = value_and_slope(step, lambda x: step.log_sum_exp(x, axis, keepdims), X)
    total = np.exp(X).sum(axis=axis, keepdims=True)
    expected = np.log(total) if keepdims else np.log(np.squeeze(total, axis))
    assert y.shape == expected.shape
    np.testing.assert_allclose(y, expected, rtol=1e-14)
    expected = gy.reshape(total.shape) * np.exp(X) / total
    np.testing.assert_allclose(gx, expected, rtol=1e-12)


def test_log_sum_exp_of_huge_scores(step):
    with np.errstate(over="raise", invalid="raise"):
        y, _, gx = value_and_slope(step, lambda x: step.log_sum_exp(x, 1), HUGE)
    np.testing.assert_allclose(y, [1000.0, 1000.0 + np.log(2.0)], rtol=1e-15)
    assert np.isfinite(gx).all()


def test_log_sum_exp_at_higher_orders(step):
    assert checked(step, step.log_sum_exp, X, order=3)
    assert checked(step, lambda x: step.log_sum_exp(x, 0) ** 2, X)


@pytest.mark.parametrize("name", ["softmax", "softmax_simple", "log_softmax"])
def test_softmax_and_its_logarithm_at_higher_orders(step, name):
    f = getattr(step, name)
    assert checked(step, f, X, order=3)
    assert checked(step, lambda x: f(x, axis=0) ** 2, X)


# --- softmax_cross_entropy ---

both = pytest.mark.parametrize(
    "name", ["softmax_cross_entropy", "softmax_cross_entropy_simple"]
)


@both
@pytest.mark.parametrize("create_graph", [False, True])
def test_cross_entropy_and_its_gradient(step, name, create_graph):
    y, gy, gx = value_and_slope(
        step, lambda x: getattr(step, name)(x, T), X, create_graph=create_graph
    )
    p = softmax_of(X, 1)
    assert y.shape == ()
    np.testing.assert_allclose(y, -np.log(p[np.arange(3), T]).mean(), rtol=1e-13)
    np.testing.assert_allclose(gx, (p - np.eye(4)[T]) / 3 * gy, rtol=1e-12)


def test_the_loss_of_scores_that_say_nothing_is_log_c(step):
    loss = step.softmax_cross_entropy(np.zeros((5, 10)), np.arange(5))
    assert loss.data == pytest.approx(np.log(10), rel=1e-14)


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_two_ways_of_backward_agree(step, dtype):
    rng = np.random.default_rng(5)
    x, t = 3 * rng.standard_normal((20, 7)), rng.integers(0, 7, 20)

    def f(x):
        return step.softmax_cross_entropy(x, t)

    _, _, plain = value_and_slope(step, f, x, dtype)
    _, _, graph = value_and_slope(step, f, x, dtype, create_graph=True)
    np.testing.assert_allclose(plain, graph, rtol=1e-5, atol=1e-7)
    assert plain.dtype == graph.dtype == dtype
    if dtype is np.float64:
        np.testing.assert_allclose(plain, graph, rtol=1e-12, atol=1e-16)


def test_the_second_gradients_are_those_of_the_simple_function(step):
    u, found = cotangent(X.shape), []
    for f in (step.softmax_cross_entropy, step.softmax_cross_entropy_simple):
        x = var(step, X)
        y = f(x, T) ** 2
        y.backward(create_graph=True)
        gx = x.grad
        x.cleargrad()
        gx.grad = step.as_variable(u)
        gx.backward()
        found.append(x.grad.data)
    np.testing.assert_allclose(*found, rtol=1e-11)


@both
def test_cross_entropy_at_higher_orders(step, name):
    assert checked(step, lambda x: getattr(step, name)(x, T), X, order=3)
    assert checked(step, lambda x: getattr(step, name)(x * x, T) ** 2, X)


@pytest.mark.parametrize("create_graph", [False, True])
def test_backward_twice_adds_the_same_gradient(step, create_graph):
    x = var(step, X)
    loss = step.softmax_cross_entropy(x, T)
    loss.backward(create_graph=create_graph)
    once = x.grad.data.copy()
    loss.backward(create_graph=create_graph)
    np.testing.assert_allclose(x.grad.data, 2 * once, rtol=1e-14)


@both
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("create_graph", [False, True])
def test_cross_entropy_of_huge_scores(step, name, dtype, create_graph):
    f = getattr(step, name)
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        y, gy, gx = value_and_slope(
            step, lambda x: f(x, np.array([1, 2])), HUGE, dtype, create_graph
        )
    assert y == pytest.approx((2000.0 + np.log(2.0)) / 2, rel=1e-6)
    expected = np.array([[0.5, -0.5, 0.0], [0.0, 0.25, -0.25]]) * gy
    np.testing.assert_allclose(gx, expected, rtol=1e-4, atol=1e-12)
    assert y.dtype == gx.dtype == dtype


@both
@pytest.mark.parametrize("kind", [np.int8, np.uint8, np.int32, np.int64, np.uint64])
def test_labels_may_be_integers_of_any_kind(step, name, kind):
    f = getattr(step, name)
    x, t = var(step, X, np.float32), step.Variable(T.astype(kind))
    loss = f(x, t)
    expected = f(var(step, X, np.float32), T)
    assert (loss.data, loss.dtype) == (expected.data, np.float32)
    loss.backward()
    assert x.grad.dtype == np.float32
    assert t.grad is None


@both
@pytest.mark.parametrize(
    "labels, error, words",
    [
        (T[:, None], ValueError, r"\(3, 4\) and \(3, 1\)"),
        (T[None], ValueError, r"\(3, 4\) and \(1, 3\)"),
        (T[:2], ValueError, r"\(3, 4\) and \(2,\)"),
        (np.array(1), ValueError, r"\(3, 4\) and \(\)"),
        (np.eye(4, dtype=int)[T], ValueError, r"\(3, 4\) and \(3, 4\)"),
        (np.array([0, -1, 1]), ValueError, "from 0 to 3.* -1 "),
        (np.array([0, 4, 1]), ValueError, "from 0 to 3.* 4"),
        (T.astype(float), TypeError, "integers.*float64"),
        (T > 0, TypeError, "integers.*bool"),
    ],
)
def test_labels_that_are_none_are_refused(step, name, labels, error, words):
    with pytest.raises(error, match=words):
        getattr(step, name)(var(step, X), labels)


@both
@pytest.mark.parametrize("shape", [(3,), (3, 4, 1), (), (0, 4)])
def test_scores_of_another_shape_are_refused(step, name, shape):
    labels = np.zeros(shape[:1], int)
    with pytest.raises(ValueError, match=r"scores of shape \(N, C\)"):
        getattr(step, name)(var(step, np.zeros(shape)), labels)


@both
def test_the_first_and_the_last_label_are_allowed(step, name):
    loss = getattr(step, name)(np.zeros((2, 4)), np.array([0, 3]))
    assert loss.data == pytest.approx(np.log(4))


def test_one_step_against_the_gradient_makes_the_loss_smaller(step):
    x = var(step, X)
    loss = step.softmax_cross_entropy(x, T)
    loss.backward()
    assert step.softmax_cross_entropy(X - x.grad.data, T).data < loss.data


# --- what others stumbled over ---


def test_scores_of_small_integers_do_not_wrap_around(step):
    x = np.array([[200, 1], [3, 9]], np.uint8)
    t = np.array([1, 1])
    for f in (step.softmax, step.log_softmax):
        np.testing.assert_allclose(f(x).data, f(x.astype(float)).data)
    loss = step.softmax_cross_entropy(x, t)
    np.testing.assert_allclose(loss.data, (199 + np.log1p(np.exp(-6.0))) / 2)


def test_a_loss_of_many_examples_of_half_precision(step):
    x = step.Variable(np.ones((70_000, 2), np.float16))
    step.softmax_cross_entropy(x, np.zeros(70_000, int)).backward()
    assert x.grad.data[0, 1] == pytest.approx(0.5 / 70_000, rel=5e-2)


def test_the_simple_softmax_of_small_integers(step):
    y = step.softmax_simple(np.array([[20, 21]], np.uint8))
    np.testing.assert_allclose(y.data, [[1 / (1 + np.e), np.e / (1 + np.e)]])
