"""Step 17: a graph that nobody holds is gone at once, without the cyclic collector."""

import gc
import tracemalloc
import weakref

import numpy as np
import pytest
from helpers import array, var


@pytest.fixture
def no_collector():
    """Python's cyclic collector is off, so that only reference counts free memory."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def halves(step, calls):
    """A function with two outputs, x/2 and 3x; calls gets what backward is given."""

    class Halves(step.Function):
        def forward(self, x):
            return x * 0.5, x * 3.0

        def backward(self, gy0, gy1):
            calls.append((gy0, gy1))
            if gy0 is None:
                return gy1 * 3.0
            return gy0 * 0.5 if gy1 is None else gy0 * 0.5 + gy1 * 3.0

    return Halves()


def one(step, x):
    return step.square(x)


def chain(step, x):
    return step.exp(step.square(step.exp(x)))


def fork(step, x):
    a = step.square(x)
    return step.add(step.square(a), step.square(a))


@pytest.mark.parametrize("graph", [one, chain, fork])
@pytest.mark.parametrize("with_backward", [False, True])
def test_a_dropped_graph_is_freed_at_once(step, no_collector, graph, with_backward):
    x = var(step, 0.5)
    y = graph(step, x)
    if with_backward:
        y.backward()
    probes = [weakref.ref(v) for v in (x, y, y.creator.inputs[0])]
    del x, y
    freed = [probe() is None for probe in probes]
    assert all(freed), "a variable outlived the last name that led to it"


def test_a_dropped_graph_with_two_outputs_is_freed_at_once(step, no_collector):
    y0, y1 = halves(step, [])(var(step, 0.5))
    probes = [weakref.ref(y0), weakref.ref(y1)]
    del y0, y1
    assert [probe() for probe in probes] == [None, None]


def test_ten_dropped_graphs_take_no_memory(step, no_collector):
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for _ in range(10):
        y = fork(step, var(step, np.ones(125_000)))  # five arrays of 1 MB
        y.backward()
        del y
    held = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert held < 1_000_000, f"{held:,} bytes are still held"


def test_a_function_does_not_keep_its_output_alive(step, no_collector):
    y = step.square(var(step, 2.0))
    func = y.creator
    assert func.outputs[0]() is y
    del y
    assert func.outputs[0]() is None


def test_the_way_back_keeps_alive_what_has_no_name(step, no_collector):
    x = var(step, 0.5)
    y = step.exp(step.square(step.exp(x)))
    y.backward()
    expected = np.exp(np.exp(1.0)) * 2 * np.exp(1.0)  # y = exp(exp(x) ** 2)
    assert float(array(x.grad)) == pytest.approx(expected)


def test_forks_still_come_out_right(step):
    x = var(step, 2.0)
    fork(step, x).backward()
    assert float(array(x.grad)) == 64.0


@pytest.mark.parametrize("kept, expected", [(0, 0.5), (1, 3.0)])
def test_a_dropped_output_gives_zero_to_backward(step, no_collector, kept, expected):
    calls = []
    x = var(step, 2.0)
    y = halves(step, calls)(x)[kept]
    y.backward()
    ((gy0, gy1),) = calls
    dropped, used = (gy1, gy0) if kept == 0 else (gy0, gy1)
    assert float(array(dropped)) == 0.0
    assert float(array(used)) == 1.0
    assert float(array(x.grad)) == expected


def test_outputs_that_are_there_give_their_gradients_in_their_order(step):
    calls = []
    x = var(step, 2.0)
    y0, y1 = halves(step, calls)(x)
    step.add(y0, step.square(y1)).backward()  # x / 2 + 9 x ** 2
    assert float(array(x.grad)) == 0.5 + 18 * 2.0
    assert [float(array(g)) for g in calls[0]] == [1.0, 12.0]


@pytest.mark.needs("a deep stack")
def test_a_long_dropped_chain_is_freed_without_a_crash(step, no_collector):
    x = y = var(step, 1.0)
    for _ in range(30_000):
        y = step.square(y)
    probe = weakref.ref(y)
    del y
    assert probe() is None
    assert x.grad is None
