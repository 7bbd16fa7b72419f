"""Run the tests of steps on other steps, all in one process.

    python tests/on_steps.py 14:13 14:15 14:36      step 14's test on steps 13, 15, 36
    python tests/on_steps.py 14:out/skeletons       and on step14.py in a folder

Prints a line of JSON for each: the pair, the exit status of pytest, what it said.
"""

import contextlib
import io
import json
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parent


def run(test, step):
    """The exit status of pytest for the test of one step on another, and its output."""
    path = TESTS / f"test_step{int(test):02}.py"
    if step.isdigit():
        options = ["-qx", "--tb=short", "--on-step", step]
    else:
        options = ["--first-failure", "--steps-dir", step]
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        status = pytest.main([str(path), "-p", "no:cacheprovider", *options])
    return int(status), output.getvalue()


if __name__ == "__main__":
    for pair in sys.argv[1:]:
        status, output = run(*pair.split(":", 1))
        print(json.dumps([pair, status, output]), flush=True)
