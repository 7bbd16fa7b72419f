"""What a failing test of a step says, each kind of failure once."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parent
STEP = """
import numpy as np


class Variable:
    creator = None

    def __init__(self, data):
        self.data = np.asarray(data)


class Broken:
    def __repr__(self):
        raise ValueError("no text")


def double(x):
    return Variable(x.data * 3)


def squares(n):
    return np.arange(float(n)) ** 2 + (np.arange(n) == n - 2)


def refuse(x):
    raise ValueError(f"no {x}")


def divide(x):
    return x / 0
"""
CASES = {  # the lines of a test: what is said when it fails
    "assert step.double(X).data == 4.0": "(X).data should be 4.0, but is 6.0.",
    "assert step.double(X) == 4.0, 'Twice x.'": "but is 6.0.\nTwice x.",
    "assert X.data is TWO": "X.data should be TWO, but is another object.",
    "assert X.creator is not None": "X.creator should be another object than None",
    "assert 'y' in str(3)": "'y' should be in '3'.",
    "y = X.data\n    assert y < 1": "y should be less than 1, but is 2.0.",
    "assert [X, (1,)] == [X.creator]": "should be [None], but is [2.0, (1,)].",
    "assert X.data.dtype == int": "X.data.dtype should be int, but is float64.",
    "y = X\n    assert not y.data": "true: not y.data; y.data is 2.0 (nd",
    "assert step.half(X)": "my01.py has no half, which step 1 asks for.",
    "assert X.grad is None": "my01.py has no Variable.grad, which step 1 asks for.",
    "assert step.divide(1) == 1": "my01.py, line 30: ZeroDivisionError: div",
    "with pytest.raises(TypeError):\n        step.double(X)": (
        "step.double(X) should raise TypeError, but raises nothing."
    ),
    "with pytest.raises(ValueError, match='yes'):\n        step.refuse(1)": (
        "The message should match 'yes', but is: no 1."
    ),
    "np.testing.assert_allclose(step.squares(20), np.arange(20.0) ** 2)": (
        "step.squares(20)[18] should be 324.0, but is 325.0."
    ),
    "np.testing.assert_array_equal(X.data, 1.0, 'One.')": "1.0, but is 2.0.\nOne.",
    "check(step.double(X))": "  > check(step.double(X))\n",
    "'''Two is kept.'''\n    assert not X": ".\nTwo is kept.",
    "assert step.Broken() == 'a'": "should be 'a', but is <Broken instance",
    "assert None": "\nRule: case 19.",
}
HEAD = """
import numpy as np
import pytest

TWO = np.array(2.0)

@pytest.fixture(autouse=True)
def variable(step):
    global X
    X = step.Variable(2.0)

def check(y):
    assert y.data == 4.0
"""


@pytest.fixture(scope="module")
def output(tmp_path_factory):
    """What pytest prints for all cases."""
    folder = tmp_path_factory.mktemp("tests")
    for name in ("conftest", "first_failure", "not_on"):
        shutil.copy(TESTS / f"{name}.py", folder)
    (folder / "my01.py").write_text(STEP)
    tests = [f"def test_case_{i}(step):\n    {test}\n" for i, test in enumerate(CASES)]
    (folder / "test_step01.py").write_text("\n".join([HEAD, *tests]))
    words = [sys.executable, "-m", "pytest", "-q", "test_step01.py"]
    env = {**os.environ, "STEP_FILE": "my01.py"}
    run = subprocess.run(words, cwd=folder, env=env, capture_output=True, text=True)
    assert f"{len(CASES)} failed" in run.stdout, run.stdout + run.stderr
    return run.stdout


@pytest.mark.parametrize("number, said", [*enumerate(CASES.values())])
def test_what_is_said(number, said, output):
    text = (
        output.partition(f" test_case_{number} _")[2].lstrip("_").partition("____")[0]
    )
    assert said in text


def test_helpers_are_shown_below_their_callers(output):
    assert "line 13" in output and "y.data should be 4.0, but is 6.0." in output
