"""Step 18: what is not wanted is not kept: gradients on the way, and graphs."""

import gc
import tracemalloc

import numpy as np
import pytest
from helpers import array, var

MEGABYTE = 1_000_000


def megabytes(calculation):
    """The memory held after a calculation, while its result is held, and the peak."""
    gc.collect()
    gc.disable()
    tracemalloc.start()
    try:
        result = calculation()
        held, peak = tracemalloc.get_traced_memory()
        del result
        return held / MEGABYTE, peak / MEGABYTE
    finally:
        tracemalloc.stop()
        gc.enable()


def ten_squares(step, x):
    for _ in range(10):
        x = step.square(x)
    return x


def large(step):
    return var(step, np.ones(MEGABYTE // 8))


# === gradients on the way


def test_only_the_start_of_the_graph_keeps_its_gradient(step):
    x0, x1 = var(step, 2.0), var(step, 3.0)
    a = step.add(x0, x1)
    b, c = step.square(a), step.square(x0)
    y = step.add(b, c)
    y.backward()
    assert [v.grad for v in (a, b, c, y)] == [None] * 4
    assert float(array(x0.grad)) == 14.0
    assert float(array(x1.grad)) == 10.0


def test_retain_grad_keeps_every_gradient(step):
    x = var(step, 2.0)
    a = step.square(x)
    b, c = step.square(a), step.square(a)
    y = step.add(b, c)
    y.backward(retain_grad=True)
    found = [float(array(v.grad)) for v in (x, a, b, c, y)]
    assert found == [64.0, 16.0, 1.0, 1.0, 1.0]


@pytest.mark.parametrize("retain_grad", [False, True])
def test_a_function_with_two_outputs(step, retain_grad):
    class Both(step.Function):
        def forward(self, x):
            return x * 2.0, x * 3.0

        def backward(self, gy0, gy1):
            return gy0 * 2.0 if gy1 is None else gy0 * 2.0 + gy1 * 3.0

    x = var(step, 5.0)
    y0, y1 = Both()(x)
    step.add(y0, step.square(y1)).backward(retain_grad=retain_grad)
    assert float(array(x.grad)) == 2.0 + 18.0 * 5.0
    if retain_grad:
        assert [float(array(y.grad)) for y in (y0, y1)] == [1.0, 30.0]
    else:
        assert [y0.grad, y1.grad] == [None, None]
    x.cleargrad()
    y0, y1 = Both()(x)
    del y1
    y0.backward(retain_grad=retain_grad)
    assert float(array(x.grad)) == 2.0


def test_backward_twice_adds_exactly_twice_the_gradient(step):
    x = var(step, 2.0)
    y = step.square(step.square(x))
    y.backward()
    y.backward()
    assert float(array(x.grad)) == 2 * 32.0


def test_memory_of_the_gradients_on_the_way(step):
    def calculation(retain_grad):
        y = ten_squares(step, large(step))
        y.backward(retain_grad=retain_grad)
        return y

    held, _ = megabytes(lambda: calculation(False))
    assert held < 14, "11 arrays of values and x.grad are 12 MB"
    held, _ = megabytes(lambda: calculation(True))
    assert held > 20, "11 arrays of values and their gradients are 22 MB"


# === recording switched off


def test_recording_is_on_to_begin_with(step):
    assert step.Config.enable_backprop is True
    y = step.square(var(step, 3.0))
    assert y.creator is not None


def test_in_no_grad_nothing_links_back(step):
    x = var(step, 3.0)
    square = step.Square()
    with step.no_grad():
        y = square(x)
    assert float(y.data) == 9.0
    assert y.creator is None
    assert y.generation == 0
    assert list(square.outputs) == []


def test_after_no_grad_recording_is_on_again(step):
    x = var(step, 3.0)
    with step.no_grad():
        step.square(x)
    y = step.square(x)
    y.backward()
    assert float(array(x.grad)) == 6.0


def test_backward_on_a_result_of_no_grad_is_harmless(step):
    x = var(step, 3.0)
    with step.no_grad():
        y = step.square(x)
    y.backward()
    assert x.grad is None


def test_a_result_of_no_grad_is_the_start_of_a_new_graph(step):
    x, z = var(step, 3.0), var(step, 1.0)
    with step.no_grad():
        y = step.square(x)
    step.add(step.square(y), z).backward()
    assert x.grad is None
    assert float(array(z.grad)) == 1.0


def test_memory_in_no_grad(step):
    def calculation():
        with step.no_grad():
            return ten_squares(step, large(step))

    held, peak = megabytes(lambda: ten_squares(step, large(step)))
    assert held > 10, "a recorded graph holds all 11 arrays of 1 MB"
    held, peak = megabytes(calculation)
    assert held < 2.5, "only the result is wanted: x and all in between can go"
    assert peak < 4.5


# === the modes


def test_using_config_sets_a_value_and_gives_the_old_one_back(step):
    with step.using_config("enable_backprop", False):
        assert step.Config.enable_backprop is False
    assert step.Config.enable_backprop is True


def test_nested_modes(step):
    """At the end of its block a mode gives way to the one around it."""
    seen = []
    with step.no_grad():
        seen.append(step.Config.enable_backprop)
        with step.using_config("enable_backprop", True):
            seen.append(step.Config.enable_backprop)
            with step.no_grad():
                seen.append(step.Config.enable_backprop)
            seen.append(step.Config.enable_backprop)
        seen.append(step.Config.enable_backprop)
    seen.append(step.Config.enable_backprop)
    assert seen == [False, True, False, True, False, True]


@pytest.mark.parametrize("mode", ["no_grad", "using_config"])
def test_the_mode_is_restored_after_an_exception(step, mode):
    args = ("enable_backprop", False) if mode == "using_config" else ()
    with pytest.raises(ZeroDivisionError):
        with getattr(step, mode)(*args):
            raise ZeroDivisionError
    assert step.Config.enable_backprop is True


def test_an_exception_in_a_nested_mode_restores_each_in_turn(step):
    with step.no_grad():
        with pytest.raises(ZeroDivisionError):
            with step.using_config("enable_backprop", True):
                raise ZeroDivisionError
        assert step.Config.enable_backprop is False
    assert step.Config.enable_backprop is True


def test_a_setting_that_does_not_exist_is_an_error(step):
    with pytest.raises(AttributeError, match="enable_backpropp"):
        with step.using_config("enable_backpropp", False):
            pass
    assert not hasattr(step.Config, "enable_backpropp")


# === __slots__


def test_a_variable_has_no_dictionary_so_a_misspelt_name_is_an_error(step):
    x = var(step, 1.0)
    assert not hasattr(x, "__dict__")
    with pytest.raises(AttributeError):
        x.gard = np.array(1.0)


# === one walk after another


@pytest.mark.parametrize("retain_grad", [False, True])
def test_a_second_walk_counts_nothing_twice(step, retain_grad):
    x = var(step, 2.0)
    a = step.square(x)
    y = step.square(a)  # x ** 4, with the slope 32 at 2
    for n in (1, 2):
        y.cleargrad()
        y.backward(retain_grad=retain_grad)
        assert float(array(x.grad)) == n * 32.0
    if retain_grad:
        assert float(array(a.grad)) == 16.0, "a.grad was not cleared: 8 + 8"


def test_a_walk_leaves_alone_what_was_given_to_a_variable_in_between(step):
    x = var(step, 2.0)
    a = step.square(x)
    a.grad = np.array(100.0)
    step.square(a).backward()
    assert float(array(x.grad)) == 32.0
    assert float(array(a.grad)) == 100.0


def test_the_flags_of_backward_have_names(step):
    with pytest.raises(TypeError):
        step.square(var(step, 2.0)).backward(True)


def test_each_variable_has_a_gradient_of_its_own(step):
    x0, x1 = var(step, np.ones(2)), var(step, np.ones(2))
    y = step.add(x0, x1)
    seed = np.full(2, 3.0)
    y.grad = step.Variable(seed) if hasattr(step, "cast") else seed
    y.backward(retain_grad=True)
    for v in (x0, x1, y):
        gradient = array(v.grad)
        gradient *= 10.0
        assert gradient.tolist() == [30.0, 30.0]
    assert seed.tolist() == [3.0, 3.0]


def test_an_output_that_is_no_longer_linked_is_not_walked(step):
    class Twins(step.Function):
        def forward(self, x):
            return x * 2, x * 3

        def backward(self, gy0, gy1):
            return gy0 * 2 + gy1 * 3

    x = var(step, 1.0)
    y0, y1 = Twins()(x)
    y0.creator, y0.generation = None, 0  # y0 is an end of the graph now
    step.add(y0, y1).backward()
    assert float(array(x.grad)) == 3.0
    assert float(array(y0.grad)) == 1.0


def test_a_backward_cannot_change_the_gradient_of_others(step):
    class Double(step.Function):
        def forward(self, x):
            return x * 2

        def backward(self, gy):
            gy *= 2
            return gy

    x, w = var(step, [1.0, 1.0]), var(step, [1.0, 1.0])
    y = step.add(Double()(x), w)
    with pytest.raises(ValueError, match="read-only"):
        y.backward()


def test_one_array_for_two_inputs_becomes_two_gradients(step):
    class Sum(step.Function):
        def forward(self, x0, x1):
            return x0 + x1

        def backward(self, gy):
            g = gy * 1.0
            return g, g

    x0, x1 = var(step, np.ones(2)), var(step, np.ones(2))
    Sum()(x0, x1).backward()
    gradient = array(x0.grad)
    gradient *= 10.0
    assert array(x1.grad).tolist() == [1.0, 1.0]


def test_the_gradient_of_a_number_is_an_array_after_each_walk(step):
    class Double(step.Function):
        def forward(self, x):
            return x * 2

        def backward(self, gy):
            return 2.0  # a number of Python's will do

    x = var(step, 3.0)
    for n in (1, 2):
        Double()(x).backward()
        assert type(array(x.grad)) is np.ndarray
        assert float(array(x.grad)) == n * 2.0


def test_the_gradient_that_was_given_can_still_be_changed(step):
    x, seed = var(step, np.ones(2)), np.ones(2)
    y = step.square(x)
    y.grad = step.Variable(seed) if hasattr(step, "cast") else seed
    y.backward()
    seed *= 2.0
    assert seed.tolist() == [2.0, 2.0]
