"""Step 48: a spiral, networks that tell its arms apart, and losses of yes or no."""

import gc
import warnings

import numpy as np
import pytest
from function_table import CASES
from helpers import check_case, check_dtypes, value_and_slope, var

both = pytest.mark.parametrize("train", [True, False])


def recipe(seed):
    """The spiral as the lesson describes it."""
    rng = np.random.default_rng(seed)
    noise = rng.standard_normal(300)
    x, t = np.zeros((300, 2)), np.zeros(300, int)
    for i in range(300):
        arm, r = divmod(i, 100)
        angle = 4 * arm + 4 * r / 100 + 0.2 * noise[i]
        x[i] = r / 100 * np.sin(angle), r / 100 * np.cos(angle)
        t[i] = arm
    order = rng.permutation(300)
    return x[order], t[order]


@both
def test_the_spiral_has_300_points_and_their_labels(step, train):
    x, t = step.get_spiral(train)
    assert (x.shape, x.dtype) == ((300, 2), np.float32)
    assert t.shape == (300,) and t.dtype.kind == "i"
    assert np.bincount(t).tolist() == [100, 100, 100]


@both
def test_the_spiral_is_that_of_the_recipe(step, train):
    x, t = step.get_spiral(train=train)
    expected_x, expected_t = recipe(seed=0 if train else 1)
    np.testing.assert_allclose(x, expected_x, atol=1e-7)
    np.testing.assert_array_equal(t, expected_t)


@both
def test_each_arm_winds_outwards(step, train):
    x, t = step.get_spiral(train)
    radius = np.hypot(*x.T)
    for arm in range(3):
        np.testing.assert_allclose(
            np.sort(radius[t == arm]), np.arange(100) / 100, atol=1e-6
        )
    angle = np.arctan2(x[:, 0], x[:, 1])
    off = (angle - 4 * t - 4 * radius + np.pi) % (2 * np.pi) - np.pi
    off = off[radius > 0.005]
    assert abs(off.mean()) < 0.05
    assert 0.17 < off.std() < 0.23


@both
def test_the_points_are_shuffled_and_the_same_each_time(step, train):
    x, t = step.get_spiral(train)
    for part in (t[:100], t[100:200], t[200:]):
        assert min(np.bincount(part, minlength=3)) > 20
    again, labels = step.get_spiral(train)
    np.testing.assert_array_equal(x, again)
    np.testing.assert_array_equal(t, labels)
    x[0], t[0] = 7.0, 7
    assert not np.any(step.get_spiral(train)[0] == 7.0)


def test_points_to_learn_from_are_the_default_and_others_than_those_to_test_with(step):
    x, t = step.get_spiral()
    np.testing.assert_array_equal(x, step.get_spiral(train=True)[0])
    others, labels = step.get_spiral(train=False)
    shared = {*map(tuple, x.tolist())} & {*map(tuple, others.tolist())}
    assert shared <= {(0.0, 0.0)}
    assert np.any(t != labels)


def test_the_global_random_numbers_are_left_alone(step):
    np.random.seed(3)
    expected = np.random.rand()
    np.random.seed(3)
    step.get_spiral()
    step.get_spiral(train=False)
    assert np.random.rand() == expected


# --- networks ---


def share_right(step, model, x, t):
    """How many of the labels the model finds."""
    with step.no_grad():
        return np.mean(model(x).data.argmax(axis=1) == t)


def learn(step, model, optimizer, x, t, epochs, size):
    """Train in mini-batches; returns the loss of each."""
    rng, losses = np.random.default_rng(0), []
    for _ in range(epochs):
        order = rng.permutation(len(x))
        for i in range(0, len(x), size):
            rows = order[i : i + size]
            loss = step.softmax_cross_entropy(model(x[rows]), t[rows])
            model.cleargrads()
            loss.backward()
            optimizer.update()
            losses.append(float(loss.data))
    return losses


def test_straight_lines_do_not_part_the_arms(step):
    np.random.seed(0)
    model = step.MLP((3,))
    x, t = step.get_spiral()
    learn(step, model, step.Adam(0.05).setup(model), x, t, epochs=10, size=30)
    assert 0.4 < share_right(step, model, x, t) < 0.65


@pytest.mark.parametrize("size, epochs", [(32, 20), (300, 150)])
@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_a_hidden_layer_does(step, size, epochs, activation):
    np.random.seed(0)
    model = step.MLP((20, 3), activation=getattr(step, activation))
    x, t = step.get_spiral()
    optimizer = step.Adam(0.05).setup(model)
    losses = learn(step, model, optimizer, x, t, epochs, size)
    assert losses[-1] < 0.5 * losses[0]
    assert share_right(step, model, x, t) >= 0.9
    assert share_right(step, model, *step.get_spiral(train=False)) >= 0.9
    assert all(p.dtype == np.float32 for p in model.params())


def graphs(step):
    """How many functions of the step are kept in memory."""
    gc.collect()
    return sum(isinstance(one, step.Function) for one in gc.get_objects())


def test_a_sum_of_variables_keeps_every_graph_and_a_sum_of_numbers_none(step):
    x, t = step.get_spiral()
    model = step.MLP((4, 3))
    before, total, number = graphs(step), 0.0, 0.0
    for _ in range(5):
        number += float(step.softmax_cross_entropy(model(x), t).data)
    assert graphs(step) == before
    for _ in range(5):
        total += step.softmax_cross_entropy(model(x), t)
    assert graphs(step) >= before + 5 * 4
    assert float(total.data) == pytest.approx(number, rel=1e-6)


X = np.random.default_rng(47).uniform(-2, 2, (3, 4))
TARGETS = np.array([[1.0, 0.0, 0.3, 1.0], [0.0, 0.0, 1.0, 0.75], [0.5, 1.0, 0.0, 0.0]])
DTYPES = [np.float32, np.float64]
OWN = [case for case in CASES if case.since == 48]


# --- sigmoid_cross_entropy and binary_cross_entropy ---


def entropy_of(p, t):
    """The loss of probabilities by its formula."""
    return -(t * np.log(p) + (1 - t) * np.log(1 - p)).sum() / len(p)


@pytest.mark.parametrize("create_graph", [False, True])
def test_the_loss_of_scores_of_0_or_1(step, create_graph):
    p = 1 / (1 + np.exp(-X))
    y, gy, gx = value_and_slope(
        step,
        lambda x: step.sigmoid_cross_entropy(x, TARGETS),
        X,
        create_graph=create_graph,
    )
    assert y.shape == ()
    np.testing.assert_allclose(y, entropy_of(p, TARGETS), rtol=1e-13)
    np.testing.assert_allclose(gx, (p - TARGETS) / 3 * gy, rtol=1e-12)


@pytest.mark.parametrize("create_graph", [False, True])
def test_the_loss_of_probabilities(step, create_graph):
    p = 1 / (1 + np.exp(-X))
    y, gy, gp = value_and_slope(
        step,
        lambda p: step.binary_cross_entropy(p, TARGETS),
        p,
        create_graph=create_graph,
    )
    assert y.shape == ()
    np.testing.assert_allclose(y, entropy_of(p, TARGETS), rtol=1e-13)
    np.testing.assert_allclose(gp, (p - TARGETS) / (p * (1 - p)) / 3 * gy, rtol=1e-12)


def test_the_losses_of_scores_and_of_their_probabilities_agree(step):
    found = []
    for f in (
        lambda x: step.sigmoid_cross_entropy(x, TARGETS),
        lambda x: step.binary_cross_entropy(step.sigmoid(x), TARGETS),
    ):
        y, _, gx = value_and_slope(step, f, 3 * X)
        found.append(np.append(gx, y))
    np.testing.assert_allclose(*found, rtol=1e-10)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("create_graph", [False, True])
def test_the_loss_of_huge_scores(step, dtype, create_graph):
    x, t = [1000.0, -1000.0, 1000.0, -1000.0], np.array([1, 0, 0, 1])
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        y, gy, gx = value_and_slope(
            step, lambda x: step.sigmoid_cross_entropy(x, t), x, dtype, create_graph
        )
    assert y == 500.0
    np.testing.assert_allclose(gx, [0, 0, 0.25 * gy, -0.25 * gy], atol=1e-12)
    assert y.dtype == gx.dtype == dtype


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("create_graph", [False, True])
def test_the_loss_of_probabilities_of_0_and_1(step, dtype, create_graph):
    p, t = [0.0, 1.0, 0.0, 1.0], np.array([0, 1, 1, 0])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        y, gy, gp = value_and_slope(
            step, lambda p: step.binary_cross_entropy(p, t), p, dtype, create_graph
        )
    assert y == 50.0, "a logarithm counts as -100 at least"
    np.testing.assert_allclose(gp, np.array([0, 0, -1e12, 1e12]) / 4 * gy, rtol=1e-6)
    assert y.dtype == gp.dtype == dtype


losses = pytest.mark.parametrize(
    "name", ["sigmoid_cross_entropy", "binary_cross_entropy"]
)


@losses
def test_losses_of_0_or_1_at_higher_orders(step, name):
    f, p = getattr(step, name), 1 / (1 + np.exp(-X))
    assert step.gradient_check(lambda p: f(p, TARGETS), var(step, p), order=3)
    assert step.gradient_check(lambda p: f(p, TARGETS) ** 2, var(step, p), order=2)


@losses
def test_the_gradient_of_targets_that_are_variables(step, name):
    f, p = getattr(step, name), 1 / (1 + np.exp(-X))
    t = var(step, TARGETS)
    f(step.as_variable(p), t).backward()
    score = p if name.startswith("sigmoid") else np.log(p) - np.log(1 - p)
    np.testing.assert_allclose(t.grad.data, -score / 3, rtol=1e-12)
    inside = 0.1 + 0.8 * TARGETS
    xs = var(step, p), var(step, inside)
    assert step.gradient_check(lambda p, t: f(p, t) ** 2, *xs, order=2)


@losses
@pytest.mark.parametrize(
    "x, t",
    [((3,), (3,)), ((3,), (3, 1)), ((3, 1), (3,)), ((3, 1), (3, 1)), ((2, 6), (2, 6))],
)
def test_targets_take_the_shape_of_the_scores(step, name, x, t):
    rng = np.random.default_rng(6)
    data, targets = rng.uniform(0.1, 0.9, x), rng.integers(0, 2, t)
    p = 1 / (1 + np.exp(-data)) if name.startswith("sigmoid") else data
    y, gy, gx = value_and_slope(step, lambda x: getattr(step, name)(x, targets), data)
    np.testing.assert_allclose(y, entropy_of(p, targets.reshape(x)), rtol=1e-13)
    assert gx.shape == x


@losses
@pytest.mark.parametrize("kind", [bool, np.uint8, np.int64, np.float64, np.float32])
def test_targets_of_any_kind_leave_float32_alone(step, name, kind):
    x = [0.25, 0.5, 0.75]
    t = np.array([1, 0, 1], kind)
    y, _, gx = value_and_slope(step, lambda x: getattr(step, name)(x, t), x, np.float32)
    assert y.dtype == gx.dtype == np.float32
    expected, _, _ = value_and_slope(
        step, lambda x: getattr(step, name)(x, np.array([1.0, 0.0, 1.0])), x
    )
    assert y == pytest.approx(expected, rel=1e-6)


@losses
def test_targets_between_0_and_1_stay_so_for_scores_of_integers(step, name):
    x, t = np.array([1, 0, 1]), np.array([0.75, 0.25, 1.0])
    f = getattr(step, name)
    assert f(x, t).data == f(x.astype(float), t).data


@losses
@pytest.mark.parametrize(
    "shape", [(2,), (4,), (1, 3), (3, 2), (), (1,)], ids=lambda shape: str(shape)
)
def test_targets_of_another_shape_are_refused(step, name, shape):
    with pytest.raises(ValueError, match=r"\(3,\)"):
        getattr(step, name)(var(step, [0.2, 0.5, 0.7]), np.ones(shape))


@losses
def test_no_examples_are_refused(step, name):
    with pytest.raises(ValueError, match=r"\(0,\)"):
        getattr(step, name)(var(step, []), np.zeros(0, int))


@losses
@pytest.mark.parametrize("wrong", [-1.0, 1.01, 2.0, np.nan])
def test_targets_that_are_not_from_0_to_1_are_refused(step, name, wrong):
    with pytest.raises(ValueError, match="from 0 to 1"):
        getattr(step, name)(var(step, [0.2, 0.5]), np.array([0.0, wrong]))


@pytest.mark.parametrize("wrong", [-0.01, 1.01, 1000.0])
def test_scores_are_no_probabilities(step, wrong):
    with pytest.raises(ValueError, match="from 0 to 1.*sigmoid_cross_entropy"):
        step.binary_cross_entropy(var(step, [0.2, wrong]), np.array([0, 1]))


@losses
@pytest.mark.parametrize("shapes", [((2, 2, 3), (2, 3, 2)), ((4, 1), (2, 2))], ids=str)
def test_targets_are_not_rearranged(step, name, shapes):
    x, t = (np.full(shape, 0.5) for shape in shapes)
    with pytest.raises(ValueError):
        getattr(step, name)(x, t)


def test_scores_of_small_integers_do_not_wrap_around(step):
    for x in (np.array([0, 200], np.uint8), np.array([0, 1], np.uint8)):
        loss = step.sigmoid_cross_entropy(x, np.array([0, 1], np.uint8))
        expected = step.sigmoid_cross_entropy(x.astype(float), np.array([0.0, 1.0]))
        np.testing.assert_allclose(loss.data, expected.data)


def test_the_loss_of_a_probability_far_from_its_target(step):
    x = step.Variable(np.array([-20.0], np.float32))
    loss = step.binary_cross_entropy(step.sigmoid(x), np.array([1]))
    loss.backward()
    np.testing.assert_allclose(loss.data, 20.0, rtol=1e-6)
    np.testing.assert_allclose(x.grad.data, [-1.0], rtol=1e-5)


@pytest.mark.parametrize("case", OWN, ids=lambda case: case.name)
def test_values_and_gradients_are_the_recorded_ones(step, case):
    check_case(step, case)


@pytest.mark.parametrize("case", OWN, ids=lambda case: case.name)
def test_values_and_gradients_keep_the_dtype(step, case):
    check_dtypes(step, case)


def test_losses_of_yes_or_no_of_many_examples_of_half_precision(step):
    x = step.Variable(np.full(70_000, 5, np.float16))
    loss = step.sigmoid_cross_entropy(x, np.zeros(70_000, int))
    loss.backward()
    np.testing.assert_allclose(loss.data, 5.0067, rtol=1e-2)
    np.testing.assert_allclose(x.grad.data, 0.9933 / 70_000, rtol=5e-2)
