"""Step 1: a variable is a box that holds an array."""

import numpy as np
import pytest


@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (2, 2, 3)], ids=str)
def test_the_box_holds_the_very_array_put_in(step, shape):
    data = np.ones(shape)
    x = step.Variable(data)
    assert x.data is data, "x.data must be the array itself, not a copy of it"


def test_the_array_is_not_changed(step):
    data = np.array([1, 2, 3])
    step.Variable(data)
    assert data.tolist() == [1, 2, 3]
    assert data.dtype == int


def test_what_is_in_the_box_can_be_replaced(step):
    x = box = step.Variable(np.array(1.0))
    other = np.array([2.0, 3.0])
    x.data = other
    assert x is box
    assert x.data is other


def test_each_box_has_content_of_its_own(step):
    x0 = step.Variable(np.array(1.0))
    x1 = step.Variable(np.array(2.0))
    assert (x0.data, x1.data) == (1.0, 2.0)
    x1.data = np.array(9.0)
    assert x0.data == 1.0


def test_two_boxes_around_one_array_share_it(step):
    data = np.array([1.0, 2.0])
    x0, x1 = step.Variable(data), step.Variable(data)
    x0.data[0] = 9.0
    assert x1.data[0] == 9.0


def test_the_box_has_room_for_a_gradient(step):
    x = step.Variable(np.array(1.0))
    x.grad = note = np.array(5.0)
    assert x.grad is note
    assert x.data == 1.0
