"""Step 3: functions can be chained."""

import math

import pytest
from helpers import var


@pytest.mark.parametrize("value", [0.0, 1.0, -2.0, 0.25])
def test_exp_of_a_number(step, value):
    """Exp gives e ** x."""
    y = step.Exp()(var(step, value))
    assert type(y) is step.Variable
    assert y.data == pytest.approx(math.exp(value), rel=1e-14)


def test_exp_of_an_array_is_element_by_element(step):
    y = step.Exp()(var(step, [[0.5, -1, 2], [3, 0, 1]]))
    assert y.data.shape == (2, 3)
    expected = [[math.exp(v) for v in row] for row in ([0.5, -1, 2], [3, 0, 1])]
    for row, right in zip(y.data, expected):
        assert row == pytest.approx(right, rel=1e-14)


def test_exp_is_a_function(step):
    assert issubclass(step.Exp, step.Function)


def test_the_chain_of_square_exp_square(step):
    A, B, C = step.Square(), step.Exp(), step.Square()
    x = var(step, 0.5)
    a = A(x)
    b = B(a)
    y = C(b)
    assert y.data == pytest.approx(1.648721270700128, rel=1e-14)
    in_between = [x.data, a.data, b.data]
    right = [0.5, 0.25, 1.2840254166877414]
    assert in_between == pytest.approx(right), "each link has a result of its own"


def test_the_call_written_first_runs_last(step):
    x = var(step, 0.5)
    y = step.Exp()(step.Square()(step.Square()(x)))
    assert y.data == pytest.approx(math.exp(0.0625), rel=1e-14)


def test_functions_of_ones_own_are_links_too(step):
    class Minus(step.Function):
        def forward(self, x):
            return -x

    x = var(step, [1.0, 2.0])
    y = step.Exp()(Minus()(step.Square()(x)))
    assert y.data == pytest.approx([math.exp(-1), math.exp(-4)], rel=1e-14)
