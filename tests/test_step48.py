"""Step 48: a spiral of three arms, and networks that tell them apart."""

import gc

import numpy as np
import pytest

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
