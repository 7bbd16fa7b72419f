"""Step 44: layers own their parameters and find them."""

import random

import numpy as np
import pytest
from helpers import var

each_dtype = pytest.mark.parametrize("dtype", [np.float32, np.float64])


@pytest.fixture(autouse=True)
def global_generator():
    """NumPy's global generator starts from 0, and is given back as it was."""
    state = np.random.get_state()
    np.random.seed(0)
    yield
    np.random.set_state(state)


def same(params, expected):
    """True if two lists hold the same objects in the same order."""
    return [id(p) for p in params] == [id(p) for p in expected]


def inputs(*shape, dtype=np.float32):
    return np.random.default_rng(1).standard_normal(shape).astype(dtype)


# --- Parameter ---


def test_a_parameter_is_a_variable(step):
    W = step.Parameter(np.array([2.0, 3.0]), name="W")
    assert isinstance(W, step.Variable)
    assert W.name == "W"
    (W * W).backward()
    assert W.grad.data.tolist() == [4.0, 6.0]


def test_what_is_calculated_from_a_parameter_is_a_plain_variable(step):
    W = step.Parameter(np.array([2.0, 3.0]))
    for y in (W * 2, 2 + W, -W, step.sum(W), step.relu(W)):
        assert not isinstance(y, step.Parameter)


def test_a_parameter_may_have_no_data_yet(step):
    W = step.Parameter(None)
    assert W.data is None and W.name is None and W.grad is None
    W.data = np.array([1.0, 2.0])
    (W * 3.0).backward()
    assert W.grad.data.tolist() == [3.0, 3.0]


def test_a_variable_is_no_parameter(step):
    assert not isinstance(var(step, 1.0), step.Parameter)


# --- Layer ---


def test_a_call_of_a_layer_is_a_call_of_its_forward(step):
    class Both(step.Layer):
        def forward(self, x0, x1):
            return x0 - x1, x0 * x1

    y0, y1 = Both()(var(step, 5.0), var(step, 2.0))
    assert (y0.data, y1.data) == (3.0, 10.0)


def test_a_layer_without_forward_says_its_name(step):
    class Unfinished(step.Layer):
        pass

    with pytest.raises(NotImplementedError, match="Unfinished"):
        Unfinished()(var(step, 1.0))
    with pytest.raises(NotImplementedError, match="Layer"):
        step.Layer().forward(var(step, 1.0))


def test_only_parameters_among_the_attributes_count(step):
    layer = step.Layer()
    layer.size = 3
    layer.W = step.Parameter(np.ones(2))
    layer.x = var(step, [1.0, 2.0])
    layer.array = np.ones(2)
    layer.words = ["W"]
    layer.b = step.Parameter(None)
    assert type(layer.params()) is list
    assert same(layer.params(), [layer.W, layer.b])


def test_a_layer_without_parameters_has_none(step):
    layer = step.Layer()
    assert layer.params() == []
    layer.cleargrads()


def test_parameters_come_in_the_order_in_which_they_were_set(step):
    params = [step.Parameter(np.array(float(i))) for i in range(40)]
    names = [f"p{i}" for i in range(40)]
    random.Random(1).shuffle(params)
    random.Random(2).shuffle(names)
    layer = step.Layer()
    for name, param in zip(names, params):
        setattr(layer, name, param)
    assert same(layer.params(), params)
    setattr(layer, names[0], params[0])
    assert same(layer.params(), params)


def test_a_parameter_with_two_names_is_found_once(step):
    layer = step.Layer()
    layer.W = step.Parameter(np.ones((2, 2)))
    layer.b = step.Parameter(np.ones((2, 2)))
    layer.again = layer.W
    assert same(layer.params(), [layer.W, layer.b])


def test_parameters_of_equal_numbers_are_two_parameters(step):
    layer = step.Layer()
    layer.W0, layer.W1 = (step.Parameter(np.ones(3)) for _ in range(2))
    assert same(layer.params(), [layer.W0, layer.W1])


def test_params_looks_anew_at_each_call(step):
    layer = step.Linear(2)
    W, b = layer.params()
    layer.b = None
    assert same(layer.params(), [W])
    layer.b = step.Parameter(np.ones(2))
    assert same(layer.params(), [W, layer.b])
    assert layer.b is not b
    del layer.W
    assert same(layer.params(), [layer.b])
    layer.params().clear()
    assert same(layer.params(), [layer.b])


def test_keywords_reach_forward(step):
    class Scaled(step.Layer):
        def forward(self, x, factor=1.0):
            return x * factor

    x = var(step, 3.0)
    assert Scaled()(x).data == 3.0
    assert Scaled()(x, factor=2.0).data == Scaled()(x=x, factor=2.0).data == 6.0


@pytest.mark.parametrize("name", ["W", "b"])
def test_a_parameter_is_replaced_by_another_or_by_nothing_else(step, name):
    layer = step.Linear(2, in_size=2)
    before = getattr(layer, name)
    for wrong in (np.ones((2, 2)), step.Variable(np.ones((2, 2))), before * 0.5, 3.0):
        with pytest.raises(TypeError, match=rf"Linear\.{name}.*\.{name}\.data = array"):
            setattr(layer, name, wrong)
        assert getattr(layer, name) is before
    after = step.Parameter(np.ones((2, 2)))
    setattr(layer, name, after)
    assert any(param is after for param in layer.params())
    setattr(layer, name, None)
    assert len(layer.params()) == 1


def test_what_is_no_parameter_may_be_replaced_by_anything(step):
    layer = step.Layer()
    for value in (None, 3, np.ones(2), step.Variable(np.ones(2)), [1], None):
        layer.h = value
        assert layer.h is value
    assert layer.params() == []


def test_a_layer_that_defines_init_need_not_call_that_of_layer(step):
    class Scale(step.Layer):
        def __init__(self):
            self.factor = step.Parameter(np.array([3.0]))

        def forward(self, x):
            return x * self.factor

    layer = Scale()
    y = layer(var(step, [2.0]))
    y.backward()
    assert same(layer.params(), [layer.factor])
    assert layer.factor.grad.data.tolist() == [2.0]


def test_cleargrads_clears_the_gradients_of_all_parameters(step):
    layer = step.Linear(2, in_size=3)
    other = step.Linear(2, in_size=3)
    for each in (layer, other):
        step.sum(each(inputs(4, 3))).backward()
    assert all(param.grad is not None for param in layer.params())
    layer.cleargrads()
    assert all(param.grad is None for param in layer.params())
    assert all(param.grad is not None for param in other.params())


# --- Linear ---


def drawn(in_size, out_size):
    """What a Linear should draw as its W when the generator stands at 0."""
    np.random.seed(0)
    W = np.random.randn(in_size, out_size) / np.sqrt(in_size)
    np.random.seed(0)
    return W


def test_linear_has_w_and_b_with_their_names(step):
    layer = step.Linear(4, in_size=3)
    assert isinstance(layer, step.Layer)
    assert same(layer.params(), [layer.W, layer.b])
    assert [param.name for param in layer.params()] == ["W", "b"]
    assert [param.shape for param in layer.params()] == [(3, 4), (4,)]
    assert all(type(param) is step.Parameter for param in layer.params())


def test_w_is_drawn_with_a_deviation_that_suits_the_input_size(step):
    expected = drawn(9, 4)
    W = step.Linear(4, in_size=9).W
    np.testing.assert_allclose(W.data, expected, rtol=1e-6)
    assert not np.any(step.Linear(4, in_size=9).b.data)


@pytest.mark.parametrize("in_size", [1, 10, 1000])
def test_the_outputs_are_about_as_large_as_the_inputs(step, in_size):
    y = step.Linear(300, in_size=in_size)(inputs(50, in_size))
    assert 0.8 < np.std(y.data) < 1.25


def test_two_layers_do_not_start_from_the_same_numbers(step):
    l0, l1 = step.Linear(4, in_size=3), step.Linear(4, in_size=3)
    assert np.all(l0.W.data != l1.W.data)


def test_without_in_size_w_is_made_at_the_first_call(step):
    layer = step.Linear(4)
    assert layer.W.data is None
    assert layer.W.name == "W"
    W, b = layer.params()
    expected = drawn(3, 4)
    layer(inputs(5, 3))
    assert same(layer.params(), [W, b])
    np.testing.assert_allclose(W.data, expected, rtol=1e-6)
    before = W.data.copy()
    layer(inputs(2, 3))
    np.testing.assert_array_equal(W.data, before)


def test_nothing_is_drawn_before_the_input_size_is_known(step):
    expected = drawn(2, 2)
    first, second = step.Linear(3), step.Linear(2)
    second(inputs(1, 2))
    np.testing.assert_allclose(second.W.data, expected, rtol=1e-6)
    assert first.W.data is None


@each_dtype
@pytest.mark.parametrize("in_size", [None, 3])
def test_the_dtype_is_the_one_asked_for(step, dtype, in_size):
    layer = step.Linear(4, dtype=dtype, in_size=in_size)
    x = step.Variable(inputs(5, 3, dtype=dtype))
    y = layer(x)
    y.backward()
    found = [layer.W.dtype, layer.b.dtype, y.dtype]
    found += [v.grad.dtype for v in (x, layer.W, layer.b)]
    assert found == [np.dtype(dtype)] * 6


def test_the_dtype_is_float32_if_none_is_asked_for(step):
    layer = step.Linear(4)
    y = layer(inputs(5, 3))
    assert [v.dtype for v in (layer.W, layer.b, y)] == [np.float32] * 3


def test_float64_data_leave_the_parameters_in_float32(step):
    layer = step.Linear(4)
    y = layer(inputs(5, 3, dtype=np.float64))
    y.backward()
    for param in layer.params():
        param.data = param.data - 0.1 * param.grad.data
        assert (param.dtype, param.grad.dtype) == (np.float32, np.float32)


@pytest.mark.parametrize("as_array", [True, False], ids=["array", "Variable"])
def test_linear_is_a_product_and_a_sum(step, as_array):
    layer = step.Linear(4, dtype=np.float64)
    x = inputs(5, 3, dtype=np.float64)
    layer.b.data = np.array([1.0, -2.0, 3.0, -4.0])
    y = layer(x if as_array else step.Variable(x))
    assert type(y) is step.Variable
    np.testing.assert_allclose(y.data, x @ layer.W.data + layer.b.data, rtol=1e-12)


def test_x_w_and_b_get_their_gradients(step):
    layer = step.Linear(4, dtype=np.float64)
    x = step.Variable(inputs(5, 3, dtype=np.float64))
    y = layer(x)
    y.grad = v = np.random.default_rng(2).standard_normal((5, 4))
    y.backward()
    np.testing.assert_allclose(x.grad.data, v @ layer.W.data.T, rtol=1e-12)
    np.testing.assert_allclose(layer.W.grad.data, x.data.T @ v, rtol=1e-12)
    np.testing.assert_allclose(layer.b.grad.data, np.sum(v, axis=0), rtol=1e-12)


@pytest.mark.parametrize("in_size", [None, 3])
def test_nobias(step, in_size):
    """With nobias=True there is no b."""
    layer = step.Linear(4, nobias=True, in_size=in_size)
    assert layer.b is None
    x = inputs(5, 3)
    np.testing.assert_allclose(layer(x).data, x @ layer.W.data, rtol=1e-6)
    assert same(layer.params(), [layer.W])


def test_a_bias_that_is_taken_away_later_is_added_no_more(step):
    layer = step.Linear(4, in_size=3)
    layer.b.data = layer.b.data + 1
    layer.b = None
    x = inputs(5, 3)
    np.testing.assert_allclose(layer(x).data, x @ layer.W.data, rtol=1e-6)


def test_options_come_by_name(step):
    layer = step.Linear(4, nobias=True, dtype=np.float64, in_size=3)
    assert layer.b is None
    assert (layer.W.shape, layer.W.dtype) == ((3, 4), np.float64)
    with pytest.raises(TypeError, match="positional"):
        step.Linear(784, 10)


@pytest.mark.parametrize("nobias", [False, True])
def test_an_x_that_does_not_fit_is_named(step, nobias):
    layer = step.Linear(4, nobias=nobias)
    layer(inputs(5, 3))
    with pytest.raises(ValueError) as error:
        layer(inputs(5, 2))
    assert "(5, 2)" in str(error.value) and "(3, 4)" in str(error.value)
    assert layer(inputs(6, 3)).shape == (6, 4)


def test_the_input_size_is_the_last_length_of_x(step):
    layer = step.Linear(4)
    y = layer(inputs(2, 5, 3))
    assert layer.W.shape == (3, 4)
    assert y.shape == (2, 5, 4)


def test_a_list_is_no_array(step):
    with pytest.raises(TypeError):
        step.Linear(4)([[1.0, 2.0]])


# --- the fit ---


def points():
    """Points around y = sin(2 pi x), x and y (100, 1)."""
    rng = np.random.default_rng(0)
    x = rng.random((100, 1))
    return x, np.sin(2 * np.pi * x) + 0.1 * rng.standard_normal((100, 1))


def test_ten_updates_with_layers_are_those_with_parameters_made_by_hand(step):
    x, y = points()
    W1, W2 = np.random.randn(1, 10), np.random.randn(10, 1) * 0.1**0.5
    by_hand = [var(step, p) for p in (W1, np.zeros(10), W2, np.zeros(1))]
    np.random.seed(0)
    l1, l2 = step.Linear(10, dtype=np.float64), step.Linear(1, dtype=np.float64)

    def predict_by_hand():
        W1, b1, W2, b2 = by_hand
        return step.linear(step.sigmoid(step.linear(x, W1, b1)), W2, b2)

    def losses(predict, params, cleargrads):
        for _ in range(10):
            loss = step.mean_squared_error(predict(), y)
            cleargrads()
            loss.backward()
            for param in params():
                param.data = param.data - 0.15 * param.grad.data
            yield float(loss.data)

    def forget():
        for param in by_hand:
            param.cleargrad()

    def cleargrads():
        l1.cleargrads()
        l2.cleargrads()

    expected = list(losses(predict_by_hand, lambda: by_hand, forget))
    found = list(
        losses(
            lambda: l2(step.sigmoid(l1(x))),
            lambda: l1.params() + l2.params(),
            cleargrads,
        )
    )
    np.testing.assert_allclose(found, expected, rtol=1e-9)
    assert found[-1] < found[0]


def test_a_layer_has_no_requires_grad_of_its_own(step):
    with pytest.raises(AttributeError, match="belongs to a Parameter"):
        step.Linear(2).requires_grad = False


# --- numbers beside float32 ---

NUMBERS = [3, 3.0, np.float64(3), np.float32(3), np.int64(3)]
MIXED = {
    "x + c": lambda x, c: x + c,
    "c + x": lambda x, c: c + x,
    "x * c": lambda x, c: x * c,
    "c - x": lambda x, c: c - x,
    "x / c": lambda x, c: x / c,
    "c / x": lambda x, c: c / x,
}


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("c", NUMBERS, ids=lambda c: type(c).__name__)
@pytest.mark.parametrize("data", [2.0, [1.0, 2.0]], ids=["0-d", "1-d"])
@pytest.mark.parametrize("f", MIXED.values(), ids=MIXED)
def test_a_number_takes_the_dtype_of_the_variable(step, f, dtype, c, data):
    x = var(step, data, dtype)
    y = f(x, c)
    assert y.dtype == dtype, f"{np.dtype(dtype)} became {y.dtype}"
    np.testing.assert_array_equal(y.data, f(x.data, dtype(3)))
    y.backward()
    assert (x.grad.dtype, x.grad.shape) == (dtype, x.shape)


@pytest.mark.parametrize("name", ["mean_squared_error", "mean_squared_error_simple"])
def test_a_loss_of_float32_is_float32(step, name):
    loss = getattr(step, name)(inputs(3, 2), step.Variable(inputs(3, 2) + 1))
    assert loss.dtype == np.float32


def test_as_variables_gives_numbers_the_dtype_of_a_float_variable(step):
    x, n = var(step, [1.0, 2.0], np.float32), var(step, [1, 2], np.int32)
    for xs in ([x, 0.5, n], [0.5, x, n], [n, x, 0.5], [n, 0.5, x]):
        made = step.as_variables(xs)
        for x0, x1 in zip(xs, made):
            assert type(x1) is step.Variable
            assert x1.dtype == (np.int32 if x0 is n else np.float32)
            assert x1 is x0 if isinstance(x0, step.Variable) else x1.data == 0.5


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_float32_stays_float32_through_a_longer_formula(step, dtype):
    x = var(step, [0.25, 0.5], dtype)
    y = step.square(2 * x + 1) * np.float64(0.5) + step.exp(0.0 * x)
    assert y.dtype == dtype
    y.backward()
    assert x.grad.data.dtype == dtype
    np.testing.assert_array_equal(x.grad.data, 2 * (2 * x.data + 1))
