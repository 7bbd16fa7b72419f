"""Step 16: backward calls each function once, after all that use what it made."""

import numpy as np
import pytest
from helpers import array, var


def called_once(function, calls):
    """A function whose backward may be called once; calls gets its instances."""

    class Once(function):
        called = False

        def backward(self, *gys):
            assert not self.called, "backward of the same function was called twice"
            self.called = True
            calls.append(self)
            return super().backward(*gys)

    return Once


class Place(int):
    """A place in the order that counts how often it is compared."""

    looks = 0

    def __neg__(self):
        return Place(-int(self))

    def __eq__(self, other):
        Place.looks += 1
        return super().__eq__(other)

    def __lt__(self, other):
        Place.looks += 1
        return super().__lt__(other)

    __hash__ = int.__hash__


def counted(function):
    """A function that counts how often anything looks at its place in the order."""

    class Counted(function):
        looks = 0

        @property
        def generation(self):
            type(self).looks += 1
            return Place(self.number)

        @generation.setter
        def generation(self, number):
            self.number = number

        def __eq__(self, other):
            type(self).looks += 1
            return self is other

        __hash__ = object.__hash__

    return Counted


def two_squares(step, x):
    """(x²)² + (x²)²"""
    a = step.square(x)
    return step.add(step.square(a), step.square(a))


def test_a_variable_starts_at_generation_0(step):
    assert var(step, 1.0).generation == 0


def test_a_function_has_the_latest_generation_of_its_inputs_and_its_output_one_more(
    step,
):
    x = var(step, 1.0)
    a = step.square(x)
    b = step.square(a)
    early, late = step.add(b, x), step.add(x, b)
    assert [v.creator.generation for v in (a, b, early, late)] == [0, 1, 2, 2]
    assert [v.generation for v in (a, b, early, late)] == [1, 2, 3, 3]


def test_set_creator_puts_the_variable_one_generation_after_the_function(step):
    y = step.square(step.square(var(step, 1.0)))
    z = var(step, 1.0)
    z.set_creator(y.creator)
    assert z.creator is y.creator
    assert z.generation == 2


def test_the_graph_that_gave_96_gives_64(step):
    x = var(step, 2.0)
    two_squares(step, x).backward()
    assert float(array(x.grad)) == 64.0


@pytest.mark.parametrize("short_first", [True, False])
def test_a_short_and_a_long_path_to_the_same_variable(step, short_first):
    x = var(step, 0.5)
    a = step.square(x)
    b = step.exp(step.square(a))
    y = step.add(a, b) if short_first else step.add(b, a)
    y.backward()
    expected = 2 * 0.5 + 4 * 0.5**3 * np.exp(0.5**4)
    assert float(array(x.grad)) == pytest.approx(expected)


def test_each_function_is_called_once_and_after_all_that_use_its_output(step):
    calls = []
    Square, Add = called_once(step.Square, calls), called_once(step.Add, calls)
    x = var(step, 1.0)
    b, c = Square()(x), Square()(x)
    d = Add()(c, Square()(b))
    Add()(Add()(b, d), Square()(d)).backward()
    assert len(calls) == 7
    for place, func in enumerate(calls):
        makers = [v.creator for v in func.inputs if v.creator]
        late = [calls.index(maker) > place for maker in makers]
        assert all(late), "a function was called before one that uses its output"


def random_graph(step, rng, size=12):
    """The last variable of a graph on two leaves, the leaves, and both derivatives.

    The derivatives are carried forward, node by node, in plain NumPy.
    """

    class Half(step.Function):
        def forward(self, x):
            return x * 0.5

        def backward(self, gy):
            return gy * 0.5

    leaves = [var(step, rng.uniform(-1, 1, 3)) for _ in range(2)]
    zero, one = np.zeros(3), np.ones(3)
    nodes = [(leaves[0], one, zero), (leaves[1], zero, one)]
    for _ in range(size):
        v, d0, d1 = nodes[-1]
        w, e0, e1 = nodes[rng.integers(max(0, len(nodes) - 4), len(nodes))]
        if rng.random() < 0.5:
            d0, d1 = 2 * v.data * d0, 2 * v.data * d1
            v = step.square(v)
        nodes.append((Half()(step.add(w, v)), (d0 + e0) / 2, (d1 + e1) / 2))
    y, *expected = nodes[-1]
    return y, leaves, expected


@pytest.mark.parametrize("seed", range(20))
def test_random_graphs_with_shared_variables(step, seed):
    y, leaves, expected = random_graph(step, np.random.default_rng(seed))
    y.backward()
    for x, gradient in zip(leaves, expected):
        found = np.zeros(3) if x.grad is None else array(x.grad)
        np.testing.assert_allclose(found, gradient, rtol=1e-9, atol=1e-12)


def test_gradient_check_of_a_graph_with_shared_variables(step):
    def f(x0, x1):
        a = step.exp(step.add(x0, x1))
        b = step.add(step.square(a), x0)
        return step.add(step.add(a, step.square(b)), step.add(b, a))

    rng = np.random.default_rng(1)
    xs = [var(step, rng.uniform(-0.5, 0.5, (2, 3))) for _ in range(2)]
    assert step.gradient_check(f, *xs)


def test_fifty_forks_in_a_row_take_fifty_calls(step):
    calls = []
    x = y = var(step, 1.0)
    for _ in range(50):
        y = called_once(step.Add, calls)()(y, y)
    y.backward()
    assert isinstance(array(x.grad), np.ndarray), "a sum of gradients is an array too"
    assert float(array(x.grad)) == 2.0**50
    assert len(calls) == 50


def sum_of_squares(Square, Add, x, terms):
    total = Square()(x)
    for _ in range(terms - 1):
        total = Add()(total, Square()(x))
    return total


def test_a_sum_of_4000_terms_calls_each_function_once(step):
    calls = []
    Square, Add = called_once(step.Square, calls), called_once(step.Add, calls)
    x = var(step, 3.0)
    sum_of_squares(Square, Add, x, 4000).backward()
    assert float(array(x.grad)) == 6.0 * 4000
    assert len(calls) == 4000 + 3999


def test_a_sum_of_4000_terms_is_not_quadratic(step):
    Square, Add = counted(step.Square), counted(step.Add)
    Place.looks = 0
    sum_of_squares(Square, Add, var(step, 3.0), 4000).backward()
    looks = (Square.looks + Add.looks + Place.looks) / (4000 + 3999)
    assert looks < 200, f"each function was looked at {looks:.0f} times in the order"


def test_backward_on_a_variable_nothing_made_is_harmless(step):
    x = var(step, [1.0, 2.0])
    x.backward()
    np.testing.assert_array_equal(array(x.grad), [1.0, 1.0])


def test_two_runs_give_the_same_bits(step):
    def gradient():
        y, leaves, _ = random_graph(step, np.random.default_rng(5))
        y.backward()
        return [array(x.grad).tobytes() for x in leaves]

    assert gradient() == gradient()
