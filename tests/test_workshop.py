"""The workshop in which a reader writes the steps."""

import concurrent.futures
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from test_invariants import run_pairs

from tools import ledger, show, skeleton, steps, workshop

ROOT = Path(__file__).resolve().parent.parent
NUMBERS = ledger.step_numbers()
TWO = 2  # processes for all skeletons

by_step = pytest.mark.parametrize("number", NUMBERS)


def source(number):
    return ledger.step_source(number)


def first_draft(number):
    """What start-step writes for a reader who has nothing yet."""
    return skeleton.skeleton(number, source(number - 1))


# Skeletons of all steps


@pytest.fixture(scope="session")
def reports(tmp_path_factory):
    """{number: (exit status, report)} of the test of each step on its skeleton."""
    folder = tmp_path_factory.mktemp("skeletons")
    for number in NUMBERS:
        path = folder / f"step{number:02}.py"
        path.write_text(first_draft(number), encoding="utf-8")
    pairs = [(number, folder) for number in NUMBERS]
    with concurrent.futures.ThreadPoolExecutor(TWO) as pool:
        parts = list(pool.map(run_pairs, (pairs[i::TWO] for i in range(TWO))))
    found = {pair: result for part in parts for pair, result in part.items()}
    return {int(pair.partition(":")[0]): result for pair, result in found.items()}


@by_step
def test_a_skeleton_is_the_step_once_our_definitions_are_put_in(number):
    ours = ledger.definitions(source(number))
    assert skeleton.put(first_draft(number), ours) == source(number)


@by_step
def test_a_skeleton_fails_its_test_in_a_few_lines_that_name_what_is_missing(
    reports, number, tmp_path, monkeypatch
):
    status, report = reports[number]
    to_write = skeleton.writable(number)
    assert status == bool(to_write), report
    if not to_write:
        return  # theory
    monkeypatch.setattr(workshop, "MY", tmp_path)
    workshop.my_path(number).write_text(first_draft(number), encoding="utf-8")
    assert len(report.splitlines()) <= 15 and report.endswith(".\n")
    assert workshop.stands_at(number, report) in to_write
    is_named = re.search(rf"yours to write|which step {number} asks for", report)
    assert is_named or skeleton.changes_of(number).changed


OLD = '''"""Step 1 · A box

In the code
New:      Box
Changed:  nothing
Removed:  nothing
"""

import math


class Box:
    """A box."""

    size = math.pi

    def __init__(self, data):
        self.data = data


def half(x):
    """x / 2."""
    return x / 2


def gone(x):
    """Nothing."""


SIZES = (1, 2)

# === demo ===
'''
NEW = '''"""Step 2 · A better box

In the code
New:      LIMIT, Box.look, Lock, third
Changed:  Box, half, SIZES
Removed:  gone
Given:    Lock.open
"""

import math
import sys

LIMIT = 3


class Box:
    """A better box."""

    size = math.pi

    def __init__(self, data):
        self.data = data

    @property
    def look(
        self,
    ):
        """What is in the box."""
        return self.data


class Lock:
    """A lock."""

    key = 1

    def open(self, key):
        return key == self.key

    def shut(self):
        self.key = None


def half(x, by=2):
    """x / by."""
    return x / by


def third(x):
    """x / 3."""
    return x / 3


SIZES = (1, 2, 3)

# === demo ===
if __name__ == "__main__":
    print(third(9))
'''
DRAFT = '''
LIMIT = 3


class Box:
    """A better box."""
    # step 2 changes this

    size = math.pi

    def __init__(self, data):
        self.data = data

    @property
    def look(
        self,
    ):
        """What is in the box."""
        raise NotImplementedError("step 2: Box.look is yours to write")


class Lock:
    """A lock."""

    key = 1

    def open(self, key):
        return key == self.key

    def shut(self):
        raise NotImplementedError("step 2: Lock.shut is yours to write")


def half(x):
    """x / by."""
    # step 2 changes this; its arguments: (x, by=2)
    return x / 2


def third(x):
    """x / 3."""
    raise NotImplementedError("step 2: third is yours to write")


# step 2 changes this
SIZES = (1, 2)

'''
OWN = (
    OLD.replace("import math", "import math\nimport cmath")
    .replace(
        "self.data = data",
        "self.data = ready(data)\n\n    def dust(self):\n        return 0",
    )
    .replace("class Box", "def ready(x):\n    return x\n\n\nclass Box")
    .replace("\n\nSIZES", "\n\nclass Lid:\n    def lift(self):\n        ...\n\n\nSIZES")
)


@pytest.fixture
def two_steps(tmp_path, monkeypatch):
    """Two small steps, and an empty folder for the reader's own."""
    monkeypatch.setattr(ledger, "STEPS", tmp_path)
    monkeypatch.setattr(workshop, "MY", tmp_path / "my")
    (tmp_path / "step01.py").write_text(OLD, encoding="utf-8")
    (tmp_path / "step02.py").write_text(NEW, encoding="utf-8")


def test_a_skeleton_has_stubs_old_texts_and_what_is_given(two_steps):
    draft, ours = (ledger.Parts.of(text) for text in (first_draft(2), NEW))
    assert draft.body == DRAFT
    assert (draft.lesson, draft.imports, draft.demo) == (
        ours.lesson,
        ours.imports,
        ours.demo,
    )


def test_a_skeleton_goes_on_from_the_readers_own_code(two_steps):
    draft = skeleton.skeleton(2, OWN)
    found = ledger.definitions(draft)
    assert found["ready"] == "def ready(x):\n    return x"
    assert "ready(data)" in found["Box.__init__"] and "import cmath\n" in draft
    names = ["Box.__init__", "Box.dust", "Box.look", "Lock", "Lock.open", "Lock.shut"]
    order = [
        "LIMIT",
        "ready",
        "Box",
        *names,
        "half",
        "Lid",
        "Lid.lift",
        "third",
        "SIZES",
    ]
    assert list(found) == order
    compile(draft, "draft", "exec")


# Commands


@pytest.fixture
def my(tmp_path, monkeypatch):
    """An empty folder for the reader's own steps."""
    monkeypatch.setattr(workshop, "MY", tmp_path)
    return tmp_path


def ours(my, number, old="", new=""):
    """Our step as the reader's own, with a fault if one is given."""
    assert old in source(number)
    path = my / f"step{number:02}.py"
    path.write_text(source(number).replace(old, new, 1), encoding="utf-8")
    return path


def said(capsys, *words):
    """What a command says, as one text."""
    status = steps.main([*map(str, words)])
    text = capsys.readouterr().out
    return text + status if isinstance(status, str) else text


def test_start_begins_the_first_step_for_whoever_has_nothing(my, capsys):
    text = said(capsys, "start", 1)
    assert "step01.py is yours: step 1, 'A variable is a box'." in text
    assert "\nWrite: Variable\n" in text and text.endswith("make test-mine 1\n")
    assert (my / "step01.py").read_text(encoding="utf-8") == first_draft(1)


def test_start_says_what_is_to_write_and_what_is_given(two_steps, capsys):
    assert [*workshop.tasks(2)][:3] == [
        "Write: Box.look, Lock, third",
        "Change: Box, half, SIZES",
        "Given: LIMIT, Lock.open",
    ]


def test_start_goes_on_from_what_passes(my, capsys):
    ours(my, 13, "def add(", "def mine():\n    pass\n\n\ndef add(")
    assert "step13.py, which passes its test." in said(capsys, "start", 14)
    assert "\ndef mine():" in (my / "step14.py").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "old, new",
    [("return gy, gy", "return gy, -gy"), ("\n# === demo", "\na = b = 1\n# === demo")],
)
def test_start_goes_on_from_ours_if_there_is_nothing_better(old, new, my, capsys):
    ours(my, 13, old, new)
    assert "goes on from steps/step13.py, ours." in said(capsys, "start", 14)
    assert (my / "step14.py").read_text(encoding="utf-8") == first_draft(14)


def test_start_never_overwrites(my, capsys):
    path = my / "step01.py"
    for text in ("first", "second"):
        path.write_text(text)
        assert "stays as it is" in said(capsys, "start", 1)
        assert path.read_text() == text
        said(capsys, "start", 1, "--again")
    assert path.read_text(encoding="utf-8") == first_draft(1)
    assert (my / "step01.old.py").read_text() == "first"
    assert (my / "step01.old2.py").read_text() == "second"
    assert workshop.my_numbers() == [1]


@pytest.mark.parametrize("command", ["test-mine", "hint", "diff-mine", "watch"])
def test_what_is_not_begun_is_said_to_be(command, my, capsys):
    assert "make start-step 14 writes it." in said(capsys, command, 14)


def test_test_mine_says_what_is_missing(my, capsys):
    said(capsys, "start", 3)
    text = said(capsys, "test-mine", 3)
    assert "step 3: Exp.forward is yours to write." in text
    assert len(text.splitlines()) <= 15


def test_no_test_takes_a_skeleton_for_a_framework_that_refuses(my):
    said_by_ours = 'raise NotImplementedError(f"{type(self).__name__} has no forward'
    path = ours(my, 2)
    stub = 'raise NotImplementedError("step 2: Function.forward is yours to write")'
    text = re.sub(r"raise NotImplementedError\(.*?\)\n", f"{stub}\n", path.read_text())
    assert said_by_ours not in text and stub in text
    path.write_text(text)
    passed, report = workshop.tested(2)
    assert not passed and "\nstep 2: Function.forward is yours to write." in report


def test_test_mine_shows_the_demo_and_what_comes_next(my, capsys):
    ours(my, 3)
    text = said(capsys, "test-mine", 3)
    assert "Your demo prints what the lesson says:\n" in text
    assert "make diff-mine 3" in text and text.endswith(": make start-step 4\n")
    ours(my, 3, '__main__":\n', '__main__":\n    print("more")\n')
    text = said(capsys, "test-mine", 3)
    assert "+ more\n" in text and "lesson says those with -" in text


def test_hints_grow_call_by_call_and_begin_anew_elsewhere(my, capsys):
    path = ours(my, 14, "else x.grad + gx)", "else gx)")
    texts = [said(capsys, "hint", 14) for _ in range(4)]
    assert [t.splitlines()[0] for t in texts] == [
        f"Variable.backward, hint {level} of 3" for level in (1, 2, 3, 3)
    ]
    assert "array(x.grad) should be 2.0, but is 1.0." in texts[0]
    assert '"""Give every variable' in texts[1] and "In the code" not in texts[1]
    assert "x.grad + gx" not in texts[1] and "x.grad + gx" in texts[2]
    text = source(14).replace("def cleargrad", "def clear")
    path.write_text(text, encoding="utf-8")
    assert said(capsys, "hint", 14).startswith("Variable.cleargrad, hint 1 of 3\n")
    ours(my, 14)
    assert "needs no hint" in said(capsys, "hint", 14)


def test_a_file_that_is_no_python_is_told_so(my, capsys):
    ours(my, 14, "class Variable:", "class Variable")
    for command in ("test-mine", "hint"):
        assert "SyntaxError: expected ':'" in said(capsys, command, 14)


def test_the_hint_quotes_the_paragraph_above_the_pointer(two_steps):
    text = NEW.replace(
        "New: ", "Not third, half.\n\nThis is less:\n\n    [third]\n\nNew: ", 1
    )
    (ledger.STEPS / "step02.py").write_text(text, encoding="utf-8")
    assert workshop.paragraph(2, "third") == ["This is less:"]
    assert workshop.paragraph(2, "half") == ["Not third, half."]


def test_diff_mine_waits_until_mine_passes(my, capsys):
    ours(my, 14, "else x.grad + gx)", "else gx)")
    assert "does not pass its test yet" in said(capsys, "diff-mine", 14)
    text = said(capsys, "diff-mine", 14, "--now")
    assert "Variable.cleargrad is as ours" in text
    changed = "x.grad = as_array(gx if x.grad is None else gx)"
    assert f"+                    {changed}\n" in text
    ours(my, 14)
    assert "Variable.backward is as ours" in said(capsys, "diff-mine", 14)
    ours(my, 14, "\n# === demo", "\na = b = 1\n# === demo")
    assert "cannot be compared: Line " in said(capsys, "diff-mine", 14)


def test_watch_tests_at_each_save_until_mine_passes(my, capsys, monkeypatch):
    path = ours(my, 3, "np.exp(x)", "x")
    saved = []

    def sleep(seconds):
        saved.append(seconds)
        if len(saved) == 2:
            ours(my, 3)
            os.utime(path, (1, 1))

    monkeypatch.setattr(workshop.time, "sleep", sleep)
    text = said(capsys, "watch", 3)
    assert len(saved) == 2 and text.count("Waiting for the next save") == 1
    assert text.endswith(": make start-step 4\n")


def test_progress_is_computed_from_the_files_and_tested_once(my, capsys, monkeypatch):
    ours(my, 1)
    ours(my, 3, "np.exp(x)", "x")
    text = said(capsys, "progress")
    assert text.splitlines()[0] == "01  ● · ○ · · · · · · ·"
    assert "passes: 1   ○ begun: 1   of 60" in text
    assert text.endswith("make test-mine 3\n")
    monkeypatch.setattr(workshop, "tested", lambda number: pytest.fail("tested again"))
    assert said(capsys, "progress") == text
    monkeypatch.setattr(workshop, "tested", lambda number: (True, ""))
    ours(my, 3)
    assert said(capsys, "progress").startswith("01  ● · ● ·")


@pytest.fixture
def packages(tmp_path, monkeypatch):
    """A folder for the package that is cut from the reader's own step."""
    monkeypatch.setattr(workshop, "PACKAGES", tmp_path / "packages")
    return tmp_path / "packages"


def test_a_package_is_cut_from_the_readers_last_step_that_passes(my, packages, capfd):
    ours(my, 36, "def as_array", "def mine():\n    return 36\n\n\ndef as_array")
    ours(my, 3)
    ours(my, 37, "\nimport numpy", "\nimport nump")
    steps.main(["framework", "--mine"])
    words = capfd.readouterr().out
    assert "/packages/framework/ is cut from " in words and "/step36.py.\n" in words
    assert re.search(r"python\S* -P -m examples.spiral\n", words)
    program = (
        "import framework, framework.core as c; print(c.mine(), framework.__file__)"
    )
    run = subprocess.run(
        [sys.executable, "-P", "-c", program],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(packages), "."])},
        capture_output=True,
        text=True,
    )
    assert run.stdout.startswith(f"36 {packages}"), run.stderr


def test_a_step_without_sections_makes_no_package(my, packages, capfd):
    ours(my, 3)
    assert steps.main(["framework", "--mine"]) == 1
    assert "no section to cut out; steps have them from 23 on" in capfd.readouterr().err
    (my / "step03.py").unlink()
    assert "nothing to cut" in steps.main(["framework", "--mine"])


def test_paths_are_shown_from_the_root():
    assert show.shown_path(workshop.ROOT / "my" / "step01.py") == "my/step01.py"
