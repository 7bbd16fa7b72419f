"""Step 15: a loop that calls functions too early gives a wrong number, without a word.

Step 16 mends the loop, so all of this is about step 15 alone.
"""

import numpy as np
import pytest
from helpers import array, var


def test_the_graph_is_the_one_of_the_lesson(step):
    y, funcs = step.graph(var(step, 2.0))
    assert float(y.data) == 32.0
    kinds = {name: type(func).__name__ for name, func in funcs.items()}
    assert kinds == {"P": "Square", "Q": "Square", "R": "Square", "S": "Add"}
    (a,) = funcs["Q"].inputs
    assert a is funcs["R"].inputs[0], "Q and R must share their input a"
    assert a.creator is funcs["P"]
    names = {func: name for name, func in funcs.items()}
    added = [names[v.creator] for v in y.creator.inputs]
    assert added == ["Q", "R"], "S adds b of Q and c of R, in this order"


def test_the_right_gradient_by_a_difference_is_64(step):
    slope = step.numerical_diff(lambda x: step.graph(x)[0], var(step, 2.0))
    assert slope == pytest.approx(64.0)


def test_backward_gives_96(step):
    """The wrong order gives 96; the slope is 64."""
    x = var(step, 2.0)
    step.graph(x)[0].backward()
    assert float(array(x.grad)) == 96.0


def test_backward_calls_P_before_Q_and_again_after_it(step):
    x = var(step, 2.0)
    assert "".join(step.order_of_calls(x)) == "SRPQP"
    assert float(array(x.grad)) == 96.0, "taking notes must not change the gradient"


@pytest.mark.parametrize("x0", [2.0, 3.0, -1.5])
@pytest.mark.parametrize(
    "order, times",
    [
        ("SRPQP", 12),
        ("SQPRP", 12),
        ("SRPQ", 4),
        ("SRQP", 8),
        ("SQRP", 8),
    ],
)
def test_by_hand_8_x_cubed_only_with_P_once_and_last(step, x0, order, times):
    x = var(step, x0)
    step.by_hand(x, order)
    assert float(array(x.grad)) == pytest.approx(times * x0**3)


def test_by_hand_shows_the_gradients_after_each_call(step):
    rows = step.by_hand(var(step, 2.0), "SRQP")
    numbers = [None if g is None else float(g) for row in rows for g in row[1:]]
    assert "".join(row[0] for row in rows) == "SRQP"
    assert numbers == [None, None, 8.0, None, 16.0, None, 16.0, 64.0]


def test_by_hand_in_the_order_of_the_calls_repeats_what_backward_did(step):
    x = var(step, np.array([0.5, 2.0]))
    step.by_hand(x, step.order_of_calls(var(step, 1.0)))
    np.testing.assert_allclose(array(x.grad), [12 * 0.5**3, 96.0])
