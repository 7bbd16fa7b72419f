"""The tool that plants faults: it finds what a test misses."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tools import faults

ROOT = Path(__file__).resolve().parent.parent
STEP = '''"""A step."""


def f(x, y=True):
    """A docstring."""
    if x < 2:
        raise ValueError("not " + x)
    a, b = x - 1, abs(x)
    return a


# === demo ===
print(1 + 1)
'''
PLANTED = [
    (4, "(False)"),
    (6, "(x >= 2)"),
    (6, "(3)"),
    (7, "pass"),
    (8, "pass"),
    (8, "((abs(x), x - 1))"),
    (8, "(x + 1)"),
    (8, "(1 - x)"),
    (8, "(2)"),
    (8, "(x)"),
    (9, "pass"),
]


def test_faults_are_planted_in_the_new_lines_of_the_framework():
    lines = faults.new_lines("", STEP)
    found = list(faults.faults_in(STEP, lines))
    assert sorted((line, text) for line, text, _ in found) == sorted(PLANTED)
    changed = STEP.replace("x - 1", "x - 5")
    assert faults.new_lines(STEP, changed) == {8}
    assert STEP.replace("x < 2", "(x >= 2)") in [source for _, _, source in found]


TEST = """
import os


def test():
    names = {}
    with open(os.environ["STEP_FILE"]) as file:
        exec(file.read(), names)
    value = names["f"](3)
    while value == 4: pass  # hangs
    assert value == 2 and names["f"](2) == 1
"""


PROGRAM = """
from pathlib import Path
from tools import faults, ledger

ledger.STEPS = faults.ROOT = Path({!r})
faults.SECONDS = 1
faults.main([1])
"""


@pytest.mark.skipif(sys.platform == "win32", reason="the tool needs fork")
def test_what_a_test_misses_is_shown(tmp_path):
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_step01.py").write_text(TEST)
    (tmp_path / "step01.py").write_text(STEP)
    command = [sys.executable, "-c", PROGRAM.format(str(tmp_path))]
    out = subprocess.run(command, cwd=ROOT, capture_output=True, text=True).stdout
    missed = re.findall(r"^  line (\d+): .*   ->   (.+)$", out, re.MULTILINE)
    assert missed == [("4", "(False)"), ("7", "pass"), ("8", "(x)")]
    assert out.endswith("in all      11 faults      8 caught   73%\n")
