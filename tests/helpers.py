"""What the tests of many steps share."""

import functools
import json
from pathlib import Path

import numpy as np


def array(x):
    """The array in a Variable; an array as it is. Gradients are either, by step."""
    return x.data if hasattr(x, "creator") else x


def var(step, value, dtype=float):
    """A Variable of the step under test."""
    return step.Variable(np.array(value, dtype=dtype))


@functools.cache
def records(name):
    """A file of expected gradients, recorded by tests/expected/record.py."""
    path = Path(__file__).parent / "expected" / f"{name}.json"
    return json.loads(path.read_text())


def reference(name):
    """What is recorded for one line of tests/function_table.py, as arrays.

    "inputs", "gradients", "directions" and "second" have an array for each input;
    "value" and "cotangent" are one array each. record.py says what they are.
    """
    record = records("functions")[name]
    one, each = ("value", "cotangent"), ("inputs", "gradients", "directions", "second")
    arrays = {key: np.array(record[key]) for key in one}
    return arrays | {key: [np.array(x) for x in record[key]] for key in each}
