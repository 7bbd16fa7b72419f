"""Step 19: a variable says what it holds: shape, ndim, size, dtype, len, repr, name."""

import numpy as np
import pytest
from helpers import array, var

ARRAYS = [
    np.array(2.0),
    np.arange(3),
    np.zeros((2, 3), np.float32),
    np.ones((4, 1, 2)),
    np.zeros((0, 5)),
]


@pytest.mark.parametrize("data", ARRAYS, ids=lambda data: str(data.shape))
@pytest.mark.parametrize("attribute", ["shape", "ndim", "size", "dtype"])
def test_a_variable_passes_on_what_its_array_says(step, data, attribute):
    found = getattr(step.Variable(data), attribute)
    assert found == getattr(data, attribute)
    assert type(found) is type(getattr(data, attribute))


def test_the_values_for_a_matrix(step):
    x = var(step, [[1, 2, 3], [4, 5, 6]], dtype=np.float32)
    assert (x.shape, x.ndim, x.size, x.dtype) == ((2, 3), 2, 6, np.float32)
    assert len(x) == 2


@pytest.mark.parametrize("attribute", ["shape", "ndim", "size", "dtype"])
def test_they_cannot_be_written_to(step, attribute):
    with pytest.raises(AttributeError):
        setattr(var(step, [1.0, 2.0]), attribute, 1)


def test_they_follow_the_data(step):
    x = var(step, [1.0, 2.0])
    x.data = np.zeros((3, 4))
    assert (x.shape, x.size, len(x)) == ((3, 4), 12, 3)


@pytest.mark.parametrize("data", ARRAYS[1:], ids=lambda data: str(data.shape))
def test_len_is_the_length_of_the_first_axis(step, data):
    assert len(step.Variable(data)) == data.shape[0]


def test_a_0d_variable_has_no_length(step):
    with pytest.raises(TypeError):
        len(var(step, 1.0))


@pytest.mark.parametrize(
    "value, expected",
    [
        (2.0, "variable(2.0)"),
        ([1.0, 2.5, -3.0], "variable([ 1.   2.5 -3. ])"),
        ([[1.0, 2.0], [3.0, 4.0]], "variable([[1. 2.]\n          [3. 4.]])"),
        ([[1.0], [2.0], [3.0]], "variable([[1.]\n          [2.]\n          [3.]])"),
        (
            [[[1.0, 2.0]], [[3.0, 4.0]]],
            "variable([[[1. 2.]]\n         \n          [[3. 4.]]])",
        ),
        ([], "variable([])"),
    ],
)
def test_repr(step, value, expected):
    """A variable is shown as variable(...), with what its array shows inside."""
    x = var(step, value)
    assert repr(x) == expected
    assert str(x) == expected


def test_repr_of_integers_and_truth_values(step):
    assert repr(var(step, [1, 2, 3], dtype=int)) == "variable([1 2 3])"
    assert repr(var(step, [0, 1], dtype=bool)) == "variable([False  True])"


def test_repr_of_an_empty_box(step):
    assert repr(step.Variable(None)) == "variable(None)"


def test_repr_in_a_list(step):
    assert str([var(step, 1.0), var(step, [2.0])]) == "[variable(1.0), variable([2.])]"


def test_a_variable_has_no_name_unless_given_one(step):
    assert var(step, 1.0).name is None
    assert step.Variable(np.array(1.0), "W").name == "W"
    assert step.Variable(np.array(1.0), name="b").name == "b"


def test_a_name_can_be_given_later_and_is_not_part_of_the_text(step):
    x = var(step, 1.0)
    x.name = "x"
    assert x.name == "x"
    assert repr(x) == "variable(1.0)"


def test_a_name_is_the_variable_s_own_and_not_its_result_s(step):
    x = step.Variable(np.array(3.0), name="x")
    y = step.square(x)
    y.backward()
    assert (x.name, y.name) == ("x", None)
    assert float(array(x.grad)) == 6.0


def test_what_is_not_an_array_is_still_refused(step):
    with pytest.raises(TypeError, match="'a'"):
        step.Variable("a", name="x")


def test_a_misspelt_name_is_still_an_error(step):
    with pytest.raises(AttributeError):
        var(step, 1.0).nmae = "x"
