"""Step 46: optimizers, and updates that come at a wrong time."""

import copy
import pickle

import numpy as np
import pytest
from helpers import array, check_net, give, layer_of, records, updated

RECORD = records("optimizers")
NAMES = ["SGD", "MomentumSGD", "AdaGrad", "AdaDelta", "Adam"]
KEYS = {
    "SGD": set(),
    "MomentumSGD": {"v"},
    "AdaGrad": {"h"},
    "AdaDelta": {"h", "s"},
    "Adam": {"m", "v"},
}
DTYPES = [np.float32, np.float64]
START = RECORD["start"]
GRADIENTS = np.array(RECORD["gradients"])

every_optimizer = pytest.mark.parametrize("name", NAMES)


def of_default(step, name, layer):
    """The optimizer with its default numbers, for a layer."""
    return getattr(step, name)().setup(layer)


def kept(optimizer, param):
    """The arrays that an optimizer keeps for a parameter, by key."""
    states = optimizer.states.get(param, {})
    return {key: x for key, x in states.items() if isinstance(x, np.ndarray)}


# --- what the optimizers compute ---


RUNS = {k: run for k, run in RECORD["runs"].items() if run["optimizer"] in NAMES}


@pytest.mark.parametrize("name", RUNS)
def test_ten_updates_are_the_recorded_ones(step, name):
    run = RECORD["runs"][name]
    layer = layer_of(step, p=START)
    optimizer = getattr(step, run["optimizer"])(**run["given"]).setup(layer)
    path = updated(step, optimizer, layer, RECORD[run["gradients"]])
    np.testing.assert_allclose(path, run["path"], rtol=1e-12)


@every_optimizer
def test_the_default_numbers(step, name):
    """An optimizer without options takes its default numbers."""
    layer = layer_of(step, p=START)
    path = updated(step, of_default(step, name, layer), layer, RECORD["wide"])
    np.testing.assert_allclose(path, RECORD["runs"][f"{name} on wide"]["path"], 1e-12)


@every_optimizer
def test_the_numbers_may_be_given_in_order(step, name):
    run = RECORD["runs"][f"{name} with other numbers"]
    layer = layer_of(step, p=START)
    optimizer = getattr(step, name)(*run["given"].values()).setup(layer)
    path = updated(step, optimizer, layer, RECORD["gradients"])
    np.testing.assert_allclose(path, run["path"], rtol=1e-12)


@every_optimizer
def test_a_small_network_is_trained_as_recorded(step, name):
    check_net(step, name)


@every_optimizer
def test_float32_stays_float32(step, name):
    layer = layer_of(step, np.float32, p=START)
    optimizer = of_default(step, name, layer)
    path = updated(step, optimizer, layer, GRADIENTS)
    assert layer.p.dtype == np.float32
    assert all(a.dtype == np.float32 for a in kept(optimizer, layer.p).values())
    expected = RECORD["runs"][f"{name}()"]["path"]
    np.testing.assert_allclose(path, expected, rtol=1e-5)


@every_optimizer
def test_float32_stays_float32_with_numbers_of_numpy(step, name):
    layer = layer_of(step, np.float32, p=START)
    given = RECORD["runs"][f"{name} with other numbers"]["given"]
    given = {key: np.float64(value) for key, value in given.items()}
    optimizer = getattr(step, name)(**given).setup(layer)
    updated(step, optimizer, layer, GRADIENTS)
    assert layer.p.dtype == np.float32
    assert all(a.dtype == np.float32 for a in kept(optimizer, layer.p).values())


@every_optimizer
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_parameter_may_be_one_number(step, name, dtype):
    layer = layer_of(step, dtype, p=START[0][0])
    optimizer = of_default(step, name, layer)
    path = updated(step, optimizer, layer, GRADIENTS[:, 0, 0])
    expected = np.array(RECORD["runs"][f"{name}()"]["path"])[:, 0, 0]
    np.testing.assert_allclose(path, expected, rtol=1e-5)
    assert isinstance(layer.p.data, np.ndarray)
    assert (layer.p.shape, layer.p.dtype) == ((), dtype)


@every_optimizer
def test_a_gradient_of_zeros_moves_nothing_at_the_start(step, name):
    layer = layer_of(step, p=[0.0, 0.0])
    with np.errstate(all="raise"):
        updated(step, of_default(step, name, layer), layer, np.zeros((3, 2)))
    assert layer.p.data.tolist() == [0.0, 0.0]


def test_the_first_step_of_adam_has_the_length_alpha_whatever_the_gradient(step):
    layer = layer_of(step, p=[0.0, 0.0, 0.0])
    optimizer = step.Adam(alpha=0.01).setup(layer)
    updated(step, optimizer, layer, [[1e-3, -1.0, 1e3]])
    np.testing.assert_allclose(layer.p.data, [-0.01, 0.01, -0.01], rtol=1e-4)


def test_the_steps_of_adagrad_shrink_and_those_of_adadelta_grow_at_first(step):
    layer = layer_of(step, p=[0.0])
    optimizer = step.AdaGrad(lr=1.0).setup(layer)
    path = np.ravel(updated(step, optimizer, layer, [[3.0]] * 5))
    steps = -np.diff(path, prepend=0.0)
    np.testing.assert_allclose(steps, 1 / np.sqrt([1, 2, 3, 4, 5]), rtol=1e-7)

    layer = layer_of(step, p=[0.0])
    path = np.ravel(updated(step, step.AdaDelta().setup(layer), layer, [[3.0]] * 5))
    steps = -np.diff(path, prepend=0.0)
    assert steps[0] == pytest.approx(np.sqrt(1e-6 / 0.05), rel=1e-3)
    assert all(np.diff(steps) > 0)


def test_adam_counts_updates_not_parameters(step):
    layer = layer_of(step, p=[1.0], q=[2.0], r=[3.0])
    optimizer = step.Adam().setup(layer)
    assert optimizer.t == 0
    for count in (1, 2, 3):
        for param in layer.params():
            give(step, param, [1.0])
        optimizer.update()
        assert optimizer.t == count


def test_adam_counts_no_update_that_moves_nothing_or_fails(step):
    layer = layer_of(step, p=[1.0])
    optimizer = step.Adam()
    with pytest.raises(RuntimeError):
        optimizer.update()
    optimizer.setup(layer).update()
    layer.counts = step.Parameter(np.array([1, 2]))
    layer.counts.grad = step.Variable(np.array([0.5, 0.5]))
    give(step, layer.p, [1.0])
    with pytest.raises(TypeError):
        optimizer.update()
    assert (optimizer.t, layer.p.data.tolist()) == (0, [1.0])


def test_the_rate_of_adam_holds_the_corrections_of_m_and_v(step):
    layer = layer_of(step, p=[0.0])
    optimizer = step.Adam(alpha=0.5, beta1=0.75, beta2=0.96).setup(layer)
    rates = [optimizer.lr]
    for _ in range(2):
        updated(step, optimizer, layer, [[1.0]])
        rates.append(optimizer.lr)
    first, second = 0.5 * 0.2 / 0.25, 0.5 * 0.28 / 0.4375
    np.testing.assert_allclose(rates, [first, first, second], rtol=1e-12)
    with pytest.raises(AttributeError):
        optimizer.lr = 0.1


@pytest.mark.parametrize("dtype", DTYPES)
@every_optimizer
def test_a_loss_becomes_smaller(step, name, dtype):
    rng = np.random.default_rng(1)
    x = rng.standard_normal((20, 3)).astype(dtype)
    t = (x @ [[1.0], [-2.0], [0.5]] + 0.3).astype(dtype)
    layer = layer_of(step, dtype, W=np.zeros((3, 1)), b=np.zeros(1))
    optimizer = of_default(step, name, layer)
    losses = []
    for _ in range(11):
        loss = step.mean_squared_error(step.linear(x, layer.W, layer.b), t)
        layer.cleargrads()
        loss.backward()
        optimizer.update()
        losses.append(float(loss.data))
    assert losses[0] > losses[5] > losses[10]


# --- what an optimizer is ---


def test_setup_returns_the_optimizer(step):
    optimizer = step.SGD()
    layer = layer_of(step, p=START)
    assert optimizer.setup(layer) is optimizer
    assert optimizer.target is layer


def test_update_one_is_up_to_the_optimizer(step):
    layer = layer_of(step, p=START)
    optimizer = step.Optimizer().setup(layer)
    optimizer.update()
    give(step, layer.p, GRADIENTS[0])
    with pytest.raises(NotImplementedError, match="Optimizer.*update_one"):
        optimizer.update()


def test_an_optimizer_of_ones_own(step):
    class Half(step.Optimizer):
        def update_one(self, param):
            count = self.state(param, "count")
            count += 1
            param.data -= param.grad.data / count

    layer = layer_of(step, p=[[4.0, 8.0]])
    optimizer = Half().setup(layer)
    path = updated(step, optimizer, layer, [[[2.0, 2.0]]] * 2)
    assert [p.tolist() for p in path] == [[[2.0, 6.0]], [[1.0, 5.0]]]
    assert optimizer.states[layer.p]["count"].tolist() == [[2.0, 2.0]]


def test_all_parameters_of_nested_layers_are_moved(step):
    model = step.Sequential(step.Linear(2, in_size=3), step.Linear(1, in_size=2))
    before = [p.data.copy() for p in model.params()]
    for param in model.params():
        give(step, param, np.ones(param.shape))
    step.SGD(lr=0.5).setup(model).update()
    for param, old in zip(model.params(), before):
        np.testing.assert_allclose(param.data, old - 0.5, rtol=1e-6)


@every_optimizer
def test_a_parameter_without_a_gradient_is_left_alone(step, name):
    layer = layer_of(step, p=START, q=[1.0, 2.0])
    layer.unborn = step.Parameter(None, name="unborn")
    optimizer = of_default(step, name, layer)
    updated(step, optimizer, layer, GRADIENTS[:3])
    assert layer.q.data.tolist() == [1.0, 2.0]
    assert not {*optimizer.states} - {layer.p}
    assert layer.unborn.data is None


@every_optimizer
def test_a_parameter_used_in_two_layers_is_moved_once(step, name):
    def run(share):
        layer, inner = layer_of(step, p=START), step.Layer()
        if share:
            inner.p, layer.inner = layer.p, inner
        updated(step, of_default(step, name, layer), layer, GRADIENTS)
        return layer.p.data

    np.testing.assert_array_equal(run(True), run(False))


@every_optimizer
def test_the_gradients_are_not_changed(step, name):
    layer = layer_of(step, p=START)
    optimizer = of_default(step, name, layer)
    for g in GRADIENTS[:3]:
        give(step, layer.p, g)
        layer.p.grad.data.flags.writeable = False
        optimizer.update()
        np.testing.assert_array_equal(layer.p.grad.data, g)


# --- what it keeps ---


@every_optimizer
def test_each_parameter_has_states_of_its_own(step, name):
    model = step.MLP((3, 1))
    optimizer = of_default(step, name, model)
    step.sum(model(np.ones((2, 4)))).backward()
    assert optimizer.states == {}
    optimizer.update()
    if not KEYS[name]:
        assert not any(optimizer.states.values())
        return
    assert {*optimizer.states} == {*model.params()}
    for param in model.params():
        states = kept(optimizer, param)
        assert {*states} == KEYS[name]
        for state in states.values():
            assert (state.shape, state.dtype) == (param.shape, param.dtype)


def test_what_the_states_hold_after_the_first_update(step):
    g = GRADIENTS[0]
    expected = {
        "MomentumSGD": {"v": -0.01 * g},
        "AdaGrad": {"h": g**2},
        "AdaDelta": {"h": 0.05 * g**2, "s": 0.05 * 1e-6 / (0.05 * g**2 + 1e-6) * g**2},
        "Adam": {"m": 0.1 * g, "v": 0.001 * g**2},
    }
    for name, states in expected.items():
        layer = layer_of(step, p=START)
        optimizer = of_default(step, name, layer)
        updated(step, optimizer, layer, [g])
        for key, state in states.items():
            found = optimizer.states[layer.p][key]
            np.testing.assert_allclose(found, state, rtol=1e-12)


@every_optimizer
def test_a_restored_optimizer_goes_on_as_if_there_had_been_no_break(step, name):
    layer = layer_of(step, p=START)
    optimizer = of_default(step, name, layer)
    updated(step, optimizer, layer, GRADIENTS[:5])
    named = layer.named_params().items()
    saved = {key: copy.deepcopy(optimizer.states.get(p)) for key, p in named}
    other = layer_of(step, p=layer.p.data)
    expected = updated(step, optimizer, layer, GRADIENTS[5:])

    restored = of_default(step, name, other)
    named = other.named_params().items()
    restored.states = {p: saved[key] for key, p in named if saved[key]}
    np.testing.assert_array_equal(
        updated(step, restored, other, GRADIENTS[5:]), expected
    )


@every_optimizer
def test_a_copy_of_an_optimizer_goes_on_like_the_original(step, name):
    layer = layer_of(step, p=START)
    optimizer = of_default(step, name, layer)
    updated(step, optimizer, layer, GRADIENTS[:5])
    twins = copy.deepcopy(optimizer), pickle.loads(pickle.dumps(optimizer))
    expected = updated(step, optimizer, layer, GRADIENTS[5:])
    for twin in twins:
        found = updated(step, twin, twin.target, GRADIENTS[5:])
        np.testing.assert_array_equal(found, expected)


@every_optimizer
@pytest.mark.parametrize("shape", [(2, 3), (4,)])
def test_the_next_target_starts_from_nothing(step, name, shape):
    g = np.linspace(-1, 1, np.prod(shape)).reshape(shape)
    fresh, first, second = (layer_of(step, p=np.ones(shape)) for _ in range(3))
    first.p.data = np.array(START)
    expected = updated(step, of_default(step, name, fresh), fresh, [0 * g, g])
    optimizer = of_default(step, name, first)
    updated(step, optimizer, first, GRADIENTS)
    found = updated(step, optimizer.setup(second), second, [0 * g, g])
    np.testing.assert_array_equal(found, expected)


@every_optimizer
def test_a_parameter_that_replaces_another_starts_from_nothing(step, name):
    layer, fresh = layer_of(step, p=START), layer_of(step, p=START)
    expected = updated(step, of_default(step, name, fresh), fresh, GRADIENTS[:2])
    optimizer = of_default(step, name, layer)
    updated(step, optimizer, layer, GRADIENTS)
    layer.p = step.Parameter(np.array(START))
    found = updated(step, optimizer, layer, GRADIENTS[:2])
    np.testing.assert_array_equal(found, expected)


@every_optimizer
def test_the_state_of_a_parameter_follows_it_into_another_layer(step, name):
    layer, other = layer_of(step, p=START), step.Layer()
    optimizer = of_default(step, name, layer)
    other.inner = copy.deepcopy(layer)
    twin = of_default(step, name, other.inner)
    expected = updated(step, twin, other.inner, GRADIENTS)[5:]
    updated(step, optimizer, layer, GRADIENTS[:5])
    other.inner = layer
    found = updated(step, optimizer.setup(other), layer, GRADIENTS[5:])
    np.testing.assert_array_equal(found, expected)


def test_state_is_zeros_first_and_then_what_it_has_become(step):
    layer = layer_of(step, np.float32, p=START, q=[1.0])
    optimizer = step.SGD().setup(layer)
    give(step, layer.p, GRADIENTS[0])
    optimizer.update()
    held = optimizer.state(layer.p, "kept")
    assert (held.shape, held.dtype) == ((2, 3), np.float32)
    assert not held.any()
    held += 7
    assert (optimizer.state(layer.p, "kept") == 7).all()
    assert not optimizer.state(layer.p, "other").any()
    assert not optimizer.state(layer.q, "kept").any()
    assert optimizer.states[layer.p]["kept"] is held


def test_two_optimizers_keep_their_states_apart(step):
    one, two = layer_of(step, p=START), layer_of(step, p=START)
    first = step.MomentumSGD().setup(one)
    expected = updated(step, first, one, GRADIENTS)
    second = step.MomentumSGD().setup(two)
    np.testing.assert_array_equal(updated(step, second, two, GRADIENTS), expected)


# --- parameters that cannot be learned ---


@every_optimizer
def test_a_parameter_of_integers_is_refused(step, name):
    layer = step.Layer()
    layer.p = step.Parameter(np.array([1, 2], np.int64), name="counts")
    layer.p.grad = step.Variable(np.array([0.5, 0.5]))
    optimizer = of_default(step, name, layer)
    with pytest.raises(TypeError, match="counts.*int64.*floating-point"):
        optimizer.update()
    assert layer.p.data.tolist() == [1, 2]


def test_integers_without_a_gradient_do_no_harm(step):
    layer = layer_of(step, p=START)
    layer.counts = step.Parameter(np.array([1, 2]))
    updated(step, step.SGD().setup(layer), layer, GRADIENTS[:1])
    assert layer.counts.data.tolist() == [1, 2]


# --- parameters that are to stay as they are ---


@every_optimizer
def test_what_requires_no_gradient_stays_whenever_that_was_said(step, name):
    layer = layer_of(step, p=START, q=START)
    optimizer = of_default(step, name, layer)
    for param in (layer.p, layer.q):  # both have a state now
        give(step, param, GRADIENTS[0])
    optimizer.update()
    layer.q.requires_grad = False  # and q a gradient that is left over
    before = layer.q.data.copy()
    for g in GRADIENTS[1:4]:
        layer.cleargrads()
        updated(step, optimizer, layer, [g])
        give(step, layer.q, g)
    optimizer.update()
    np.testing.assert_array_equal(layer.q.data, before)
    layer.q.requires_grad = True
    give(step, layer.q, GRADIENTS[1])
    optimizer.update()
    assert (layer.q.data != before).any()


# --- updates at the wrong time ---


def test_a_backward_after_an_update_goes_on_with_the_old_weights(step):
    layer = layer_of(step, p=[2.0])
    y = step.square(layer.p)
    y.backward()
    step.SGD(0.5).setup(layer).update()
    assert layer.p.data.tolist() == [0.0]
    layer.cleargrads()
    y.backward()
    assert array(layer.p.grad).tolist() == [4.0]


@pytest.mark.parametrize("side", [0, 1])
def test_a_recorded_backward_after_an_update_is_an_error(step, side):
    layer = layer_of(step, p=[2.0], q=[5.0])
    params = [layer.p, layer.q]
    z = step.mul(*params)
    give(step, params[side], [1.0])
    step.SGD().setup(layer).update()
    with pytest.raises(RuntimeError, match="Mul were replaced after forward"):
        z.backward(create_graph=True)


@every_optimizer
def test_an_update_makes_new_arrays(step, name):
    layer = layer_of(step, p=[2.0], q=3.0)
    old = [layer.p.data, layer.q.data]
    give(step, layer.p, [1.0])
    give(step, layer.q, 1.0)
    getattr(step, name)().setup(layer).update()
    assert [array.tolist() for array in old] == [[2.0], 3.0]
    assert all(isinstance(p.data, np.ndarray) for p in (layer.p, layer.q))
    assert layer.p.data.tolist() != [2.0]


def test_an_update_before_the_next_forward_is_right(step):
    layer = layer_of(step, p=[2.0])
    optimizer = step.SGD(lr=0.25).setup(layer)
    for expected in (4.0, 2.0, 1.0):
        layer.cleargrads()
        step.square(layer.p).backward()
        assert array(layer.p.grad).tolist() == [expected]
        optimizer.update()


def test_an_update_of_other_parameters_does_no_harm(step):
    layer, other = layer_of(step, p=[2.0]), layer_of(step, q=[3.0])
    y = step.square(layer.p)
    give(step, other.q, [1.0])
    step.SGD().setup(other).update()
    y.backward()
    assert array(layer.p.grad).tolist() == [4.0]


def test_backward_twice_without_an_update_is_right(step):
    layer = layer_of(step, p=[2.0])
    y = step.square(layer.p)
    y.backward()
    y.backward()
    assert array(layer.p.grad).tolist() == [8.0]


def test_a_derivative_of_a_derivative_goes_on_with_the_old_weights_as_well(step):
    layer = layer_of(step, p=[2.0])
    (layer.p**3).backward(create_graph=True)
    slope = layer.p.grad
    layer.cleargrads()
    give(step, layer.p, [1.0])
    step.SGD(1.0).setup(layer).update()
    layer.cleargrads()
    slope.backward()
    assert array(layer.p.grad).tolist() == [12.0]


def test_an_update_without_a_layer_is_refused_with_a_sentence(step):
    with pytest.raises(RuntimeError, match="setup"):
        step.SGD().update()


def test_setup_takes_a_layer(step):
    layer = layer_of(step, p=START)
    for wrong in (layer.params(), layer.p, None, step.Layer):
        with pytest.raises(TypeError, match="setup.*layer or a model, not"):
            step.SGD().setup(wrong)


def test_an_optimizer_is_printed_with_its_numbers(step):
    assert repr(step.MomentumSGD(0.5)) == "MomentumSGD(lr=0.5, momentum=0.9)"
    assert repr(step.Optimizer()) == "Optimizer()"


@every_optimizer
@pytest.mark.parametrize("g", [0.0, 1e-4, 300.0])
def test_half_precision_neither_overflows_nor_divides_by_zero(step, name, g):
    layer = layer_of(step, np.float16, p=[1.0])
    optimizer = of_default(step, name, layer)
    for _ in range(3):
        give(step, layer.p, [g])
        optimizer.update()
    assert layer.p.dtype == np.float16 and np.isfinite(layer.p.data).all()
