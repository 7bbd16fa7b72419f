"""Step 19: a variable says what it holds: shape, ndim, size, dtype, len, repr, name."""

import copy
import pickle

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


# === numbers and arrays out of variables


def test_a_variable_of_one_element_is_a_number(step):
    for value in (np.array(2.5), np.array([[2.5]])):
        v = step.Variable(value)
        assert (float(v), int(v), v.item()) == (2.5, 2, 2.5)
        assert type(v.item()) is float
        assert f"{v:.2f}" == "2.50"
    assert float(var(step, 2, dtype=int)) == 2.0


def test_without_a_format_a_variable_is_written_as_print_writes_it(step):
    assert f"{var(step, [1.0, 2.0])}" == "variable([1. 2.])"


def test_several_elements_are_no_number(step):
    v = var(step, [1.0, 2.0])
    for call in (float, int, step.Variable.item, "{:.2f}".format):
        with pytest.raises(ValueError):
            call(v)


def test_numpy_takes_the_array_out_of_a_variable(step):
    v = var(step, [[1.0, 2.0]])
    assert np.asarray(v) is v.data
    assert np.array(v).tolist() == [[1.0, 2.0]]
    assert np.asarray(v, dtype=np.float32).dtype == np.float32
    assert np.array([var(step, 1.0), var(step, 2.0)]).dtype == float


@pytest.mark.parametrize(
    "copied", [copy.deepcopy, lambda v: pickle.loads(pickle.dumps(v))]
)
def test_a_copy_has_no_history(step, copied):
    x = var(step, 2.0)
    x.name = "x"
    twin = copied(x)
    assert (twin.data, twin.name, twin.grad) == (2.0, "x", None)
    with pytest.raises(TypeError, match="history"):
        copied(step.square(x))


def test_a_shallow_copy_is_the_array_without_the_history(step):
    y = step.square(var(step, 2.0))
    twin = copy.copy(y)
    assert twin.data is y.data
    assert twin.creator is None


def test_a_variable_counts_as_true_or_false_as_its_number_does(step):
    assert var(step, 2.0) and var(step, [[1.0]])
    assert not var(step, 0.0) and not var(step, [0.0])
