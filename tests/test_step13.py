"""Step 13: backward() through functions with several inputs and outputs."""

import numpy as np
import pytest
from helpers import array, var


@pytest.fixture
def product(step):
    """x0 * x1, with two factors that can make its gradients wrong."""

    class Product(step.Function):
        def __init__(self, wrong0=1.0, wrong1=1.0):
            self.wrong0, self.wrong1 = wrong0, wrong1

        def forward(self, x0, x1):
            self.xs = x0, x1
            return x0 * x1

        def backward(self, gy):
            x0, x1 = self.xs
            return gy * (self.wrong0 * x1), gy * (self.wrong1 * x0)

    return Product


def gives(step, gradients):
    """A function x0 + x1 whose backward() gives these gradients."""

    class Broken(step.Function):
        def forward(self, x0, x1):
            return x0 + x1

        def backward(self, gy):
            return gradients

    return Broken()


def test_z_is_the_sum_of_two_squares(step):
    x, y = var(step, 2.0), var(step, 3.0)
    z = step.add(step.square(x), step.square(y))
    z.backward()
    assert z.data == 13.0
    assert array(x.grad) == 4.0
    assert array(y.grad) == 6.0
    assert isinstance(array(x.grad), np.ndarray)


def test_add_hands_its_gradient_to_both_inputs(step):
    x0, x1 = var(step, [1.0, 2.0]), var(step, [3.0, 4.0])
    y = step.add(x0, x1)
    y.grad = np.array([10.0, -0.5])
    y.backward()
    assert array(x0.grad).tolist() == [10.0, -0.5]
    assert array(x1.grad).tolist() == [10.0, -0.5]


@pytest.mark.parametrize("left", [True, False])
def test_every_path_is_followed_to_its_start(step, left):
    xs = [var(step, value) for value in (2.0, 3.0, 4.0, 5.0)]
    total = step.square(xs[0])
    for x in xs[1:]:
        pair = (total, step.square(x)) if left else (step.square(x), total)
        total = step.add(*pair)
    total.backward()
    assert total.data == 54.0
    assert [float(array(x.grad)) for x in xs] == [4.0, 6.0, 8.0, 10.0]


def test_the_gradients_are_those_of_the_inputs_in_their_order(step, product):
    x0, x1 = var(step, [2.0, 3.0]), var(step, [5.0, 7.0])
    product()(x0, x1).backward()
    assert array(x0.grad).tolist() == [5.0, 7.0]
    assert array(x1.grad).tolist() == [2.0, 3.0]


def test_backward_is_given_the_gradient_of_each_output(step):
    class SumAndDifference(step.Function):
        def forward(self, x0, x1):
            return x0 + x1, x0 - x1

        def backward(self, gy0, gy1):
            return gy0 + gy1, gy0 - gy1

    x0, x1 = var(step, 2.0), var(step, 3.0)
    y0, y1 = SumAndDifference()(x0, x1)
    y0.grad, y1.grad = np.array(10.0), np.array(3.0)
    y0.backward()
    assert array(x0.grad) == 13.0
    assert array(x1.grad) == 7.0


def test_the_gradient_of_an_output_that_was_not_used_is_zero(step):
    seen = []

    class Twins(step.Function):
        def forward(self, x):
            return x * 2, x * 3

        def backward(self, gy0, gy1):
            seen.extend([gy0, gy1])
            return gy0 * 2

    x = var(step, 1.0)
    y0, y1 = Twins()(x)
    y0.backward()
    assert array(seen[0]) == 1.0
    assert array(seen[1]) == 0.0
    assert array(x.grad) == 2.0


def test_a_single_gradient_may_come_bare_or_in_a_tuple(step):
    class Double(step.Function):
        def forward(self, x):
            return x * 2

        def backward(self, gy):
            return (gy * 2,)

    x = var(step, 3.0)
    step.square(Double()(x)).backward()
    assert array(x.grad) == 24.0


def test_a_gradient_may_be_a_number_for_a_0_d_array(step):
    x0, x1 = var(step, 2.0), var(step, 3.0)
    gives(step, (4.0, 5))(x0, x1).backward()
    assert isinstance(array(x0.grad), np.ndarray)
    assert array(x0.grad) == 4.0
    assert array(x1.grad) == 5.0


@pytest.mark.parametrize("count", [1, 3])
def test_a_wrong_number_of_gradients_is_an_error(step, count):
    gradients = (np.array(1.0),) * count
    y = gives(step, gradients)(var(step, 2.0), var(step, 3.0))
    with pytest.raises(ValueError) as error:
        y.backward()
    message = str(error.value)
    assert "Broken" in message, "The message should name the class of the function."
    assert str(count) in message, "The message should say how many gradients came."
    assert "2" in message, "The message should say how many inputs there are."


@pytest.mark.parametrize("inputs", [1, 2])
def test_a_backward_without_a_return_is_an_error(step, inputs):
    class Forgetful(step.Function):
        def forward(self, *xs):
            return xs[0] * 2

        def backward(self, gy):
            gy * 2

    y = Forgetful()(*[var(step, 2.0) for _ in range(inputs)])
    with pytest.raises(TypeError) as error:
        y.backward()
    message = str(error.value)
    assert "Forgetful" in message, "The message should name the class."
    assert "None" in message, "The message should say that None came back."


@pytest.mark.parametrize("gradients", [(None, 1.0), (1.0, None)])
def test_none_for_one_of_the_inputs_is_an_error(step, gradients):
    y = gives(step, gradients)(var(step, 2.0), var(step, 3.0))
    with pytest.raises(TypeError):
        y.backward()


def test_a_list_of_gradients_counts_as_one(step):
    y = gives(step, [np.array(1.0), np.array(1.0)])(var(step, 2.0), var(step, 3.0))
    with pytest.raises(ValueError, match="1"):
        y.backward()


def test_one_bare_gradient_for_two_inputs_is_an_error(step):
    y = gives(step, np.ones(2))(var(step, [2.0, 3.0]), var(step, [4.0, 5.0]))
    with pytest.raises(ValueError, match="Broken"):
        y.backward()


@pytest.mark.parametrize("wrong", [0, 1])
@pytest.mark.parametrize("shape", [(), (2,), (1, 3), (3, 1)])
def test_a_gradient_of_the_wrong_shape_is_an_error(step, wrong, shape):
    gradients = [np.ones(3), np.ones(3)]
    gradients[wrong] = np.ones(shape)
    y = gives(step, tuple(gradients))(var(step, np.ones(3)), var(step, np.ones(3)))
    with pytest.raises(ValueError) as error:
        y.backward()
    assert str(shape) in str(error.value), "The message should show the wrong shape."
    assert "(3,)" in str(error.value), "The message should show the right shape."


def test_fit_gradient_gives_back_what_fits(step):
    x = var(step, [1.0, 2.0])
    gx = np.array([3.0, 4.0])
    assert array(step.fit_gradient(gx, x)) is gx
    assert array(step.fit_gradient(2.5, var(step, 1.0))) == 2.5
    with pytest.raises(ValueError):
        step.fit_gradient(np.ones(3), x)


def test_gradients_is_always_a_tuple(step):
    x = var(step, 3.0)
    y = step.square(x)
    gxs = y.creator.gradients([np.array(10.0)])
    assert isinstance(gxs, tuple)
    assert [float(array(gx)) for gx in gxs] == [60.0]


def test_gradient_check_takes_several_inputs(step, product):
    def f(x0, x1, x2):
        return product()(step.exp(x0), step.add(x1, step.square(x2)))

    rng = np.random.default_rng(1)
    xs = [var(step, rng.standard_normal((2, 3))) for _ in range(3)]
    assert step.gradient_check(f, *xs) is True
    assert all(x.grad is None for x in xs), "The inputs should be left alone."


@pytest.mark.parametrize("shape", [(), (4,)])
def test_gradient_check_still_takes_one_input(step, shape):
    x = var(step, np.random.default_rng(1).standard_normal(shape))
    assert step.gradient_check(step.exp, x) is True


@pytest.mark.parametrize("wrongs", [(1.1, 1.0), (1.0, 1.1), (-1.0, 1.0), (1.0, 0.0)])
def test_gradient_check_catches_one_wrong_gradient_of_two(step, product, wrongs):
    xs = var(step, [1.0, -2.0, 0.5]), var(step, [3.0, 0.1, 2.0])
    with pytest.raises(AssertionError):
        step.gradient_check(lambda x0, x1: product(*wrongs)(x0, x1), *xs)


def test_gradient_check_catches_gradients_in_swapped_places(step):
    class Swapped(step.Function):
        def forward(self, x0, x1):
            return 2 * x0 + 5 * x1

        def backward(self, gy):
            return gy * 5.0, gy * 2.0

    xs = var(step, [1.0, -2.0, 0.5]), var(step, [3.0, 0.1, 2.0])
    with pytest.raises(AssertionError):
        step.gradient_check(lambda x0, x1: Swapped()(x0, x1), *xs)


def test_an_input_that_does_not_matter_counts_as_zero(step):
    def f(x0, x1):
        return step.square(x0)

    assert step.gradient_check(f, var(step, [1.0, 2.0]), var(step, [3.0, 4.0])) is True


def test_eps_and_tolerance_still_count(step, product):
    xs = var(step, [1.0, -2.0, 0.5]), var(step, [3.0, 0.1, 2.0])

    def f(x0, x1):
        return product(1.1, 1.1)(x0, x1)

    assert step.gradient_check(f, *xs, tolerance=0.12) is True
    with pytest.raises(AssertionError):
        step.gradient_check(f, *xs, tolerance=0.08)
    with pytest.raises(AssertionError):
        step.gradient_check(step.exp, xs[0], eps=1.0)
