"""Step 2: a function makes a variable out of a variable."""

import numpy as np
import pytest
from helpers import var


@pytest.mark.parametrize("value", [10.0, -3.0, 0.0, 0.5])
def test_square_of_a_number(step, value):
    """Square squares the number in a variable."""
    y = step.Square()(var(step, value))
    assert y.data == value * value


def test_square_of_an_array_is_element_by_element(step):
    y = step.Square()(var(step, [[1, 2, 3], [-4, 5, 0.5]]))
    assert y.data.tolist() == [[1, 4, 9], [16, 25, 0.25]]


def test_the_result_is_a_new_variable(step):
    data = np.array(10.0)
    x = step.Variable(data)
    y = step.Square()(x)
    assert type(y) is step.Variable
    assert y is not x
    assert x.data is data, "a function must leave its input as it was"
    assert data == 10.0


def test_square_is_a_function(step):
    assert issubclass(step.Square, step.Function)


def test_a_function_can_be_called_again(step):
    f = step.Square()
    y0, y1 = f(var(step, 2)), f(var(step, 3))
    assert (y0.data, y1.data) == (4.0, 9.0)


def test_forward_is_given_the_array_in_the_box(step):
    seen = []

    class Spy(step.Function):
        def forward(self, x):
            seen.append(x)
            return x

    data = np.array([1.0, 2.0])
    Spy()(step.Variable(data))
    assert len(seen) == 1, "one call of the function must call forward() once"
    assert seen[0] is data, "forward() must be given x.data, not x"


def test_a_new_function_needs_only_a_forward(step):
    class Triple(step.Function):
        def forward(self, x):
            return 3 * x

    y = Triple()(var(step, [1, 2]))
    assert type(y) is step.Variable
    assert y.data.tolist() == [3, 6]


def test_the_bare_function_cannot_be_called(step):
    with pytest.raises(NotImplementedError, match="Function"):
        step.Function()(var(step, 10))


def test_a_function_without_forward_is_named(step):
    class Unfinished(step.Function):
        pass

    with pytest.raises(NotImplementedError, match="Unfinished"):
        Unfinished()(var(step, 10))
