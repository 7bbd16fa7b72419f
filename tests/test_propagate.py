"""propagate: an edit of a step arrives in all later ones, or stops; nothing is lost."""

import random
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tools import ledger, propagate

ROOT = Path(__file__).resolve().parent.parent
pytestmark = pytest.mark.skipif(not shutil.which("git"), reason="needs git")

# A row of five small steps. What each changes over the one before is a list of
# replacements; the lesson and the demo are each step's own.

FIRST = '''\
import numpy as np


class Variable:
    """A box."""

    def __init__(self, data):
        self.data = data

    def double(self):
        """Twice the data."""
        result = self.data * 2
        return result


def as_array(x):
    """x as an array."""
    array = np.array(x)
    return array


'''
FUNCTION = '''\
def first(xs):
    """The least."""
    heapq.heapify(xs)
    return xs[0]


'''
METHOD = '''\

    def half(self):
        """Half the data."""
        return self.data / 2
'''
RESULT = "        return result\n"
MARKER = "# === core: boxes ===\n\n\n"
STEPS = [  # what is new, what is changed, and the replacements
    ("Variable, as_array", "nothing", {}),
    (
        "first",
        "nothing",
        {"import n": "import heapq\n\nimport n", "def as_a": FUNCTION + "def as_a"},
    ),
    ("nothing", "Variable.double", {"self.data * 2": "2 * self.data"}),
    ("Variable.half", "nothing", {RESULT: RESULT + METHOD}),
    ("nothing", "first", {"class V": MARKER + "class V", "xs[0]": "xs[0] + 0"}),
]
LESSON = '''"""Step {n} · Number {n}

Problem
Of step {n}.

In the code
New:      {new}
Changed:  {changed}
Removed:  nothing
"""

'''
DEMO = (
    '# === demo ===\nif __name__ == "__main__":\n    print({n}, Variable({n}).data)\n'
)


def texts():
    """The texts of the five steps."""
    code, found = FIRST, {}
    for n, (new, changed, replacements) in enumerate(STEPS, 1):
        for old, text in replacements.items():
            assert code.count(old) == 1, old
            code = code.replace(old, text)
        found[n] = (
            LESSON.format(n=n, new=new, changed=changed) + code + DEMO.format(n=n)
        )
    return found


def git(folder, *words):
    name = ["-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *name, *words], cwd=folder, check=True, capture_output=True)


class Row:
    """A repository with the five steps, and propagate at work in it."""

    def __init__(self, folder, capsys):
        self.folder, self.capsys = folder, capsys
        (folder / "steps").mkdir()
        (folder / "tests").mkdir()
        git(folder, "init")
        self.put(texts())
        self.commit()

    def path(self, n):
        return self.folder / "steps" / f"step{n:02}.py"

    def put(self, sources):
        for n, source in sources.items():
            self.path(n).write_text(source, encoding="utf-8")

    def texts(self):
        return {n: self.path(n).read_text(encoding="utf-8") for n in range(1, 6)}

    def commit(self):
        git(self.folder, "add", ".")
        git(self.folder, "commit", "-m", "all")

    def edit(self, n, old, new):
        source = self.path(n).read_text(encoding="utf-8")
        assert source.count(old) == 1, f"{old!r} is not once in step {n}"
        self.path(n).write_text(source.replace(old, new), encoding="utf-8")

    def run(self, *words):
        """Run propagate; its exit status and what it said."""
        status = propagate.main([*words, "--no-tests"])
        said = self.capsys.readouterr()
        return status or 0, said.out + said.err


@pytest.fixture
def row(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(propagate, "ROOT", tmp_path)
    monkeypatch.setattr(ledger, "STEPS", tmp_path / "steps")
    return Row(tmp_path, capsys)


NEW_METHOD = (RESULT, RESULT + METHOD.replace("half", "third").replace("2", "3"))
EDITS = {
    "a renamed local": (
        "array = np.array(x)\n    return array",
        "a = np.array(x)\n    return a",
    ),
    "a changed docstring": (
        '"""A box."""',
        '"""A box that holds\n    an array.\n    """',
    ),
    "a new parameter": (
        "def __init__(self, data):",
        "def __init__(self, data, name=None):",
    ),
    "a new method": NEW_METHOD,
    "a removed line": ('    """x as an array."""\n', ""),
    "a line at the end": ("    return array\n", "    return array  # a new one\n"),
}


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
def test_an_edit_arrives_in_every_later_step(row, edit):
    before = row.texts()
    row.edit(1, *edit)
    assert row.run("1")[0] == 0
    if edit != NEW_METHOD:
        assert row.texts() == {n: text.replace(*edit) for n, text in before.items()}
    for n, text in row.texts().items():
        assert edit[1] in text
        assert ledger.lesson(text) == ledger.lesson(before[n])
        assert text.endswith(DEMO.format(n=n))


def test_a_new_method_keeps_its_place_before_a_later_steps_own(row):
    row.edit(1, *NEW_METHOD)
    row.run("1")
    assert list(ledger.definitions(row.texts()[5])) == [
        "Variable",
        "Variable.__init__",
        "Variable.double",
        "Variable.third",
        "Variable.half",
        "first",
        "as_array",
    ]


def test_a_method_is_not_merged_into_a_function_that_a_later_step_put_there():
    box = "class Box:\n    def a(self):\n        return 1\n"
    last = "\n\nclass Last: ...\n"
    base = box + last
    ours = box.replace("1", "3") + "\n\ndef f():\n    return 1\n" + last
    theirs = box + "\n    def b(self):\n        return 2\n" + last
    assert "\n\n    def b" in propagate.merge_lines(base, ours, theirs, "obt")[0]
    merged, how = propagate.merge(base, ours, theirs, "obt")
    assert how == "carried, definition by definition"
    assert list(ledger.definitions(merged)) == ["Box", "Box.a", "Box.b", "f", "Last"]


def test_a_function_is_not_merged_into_a_class_that_a_later_step_made_longer():
    box, last = "class Box:\n    def a(self): ...\n", "\n\nclass Last: ...\n"
    ours = box + "\n    def b(self): ...\n" + last
    theirs = box + "\n\ndef f(): ...\n" + last
    merged, clean = propagate.merge_definitions(box + last, ours, theirs, "obt")
    assert clean
    assert list(ledger.definitions(merged)) == ["Box", "Box.a", "Box.b", "f", "Last"]


def test_definitions_are_merged_one_by_one_wherever_they_stand():
    rng = random.Random(0)
    for _ in range(200):
        base = {name: "return 0" for name in ["m1", "m2", "m3", "f1", "f2", "f3"]}
        ours, theirs = dict(base), dict(base)
        for name in base:
            if rng.random() < 0.5:
                side = rng.choice([ours, theirs])
                if rng.random() < 0.5:
                    side[name] = "return 1"
                else:
                    del side[name]
        for side in (ours, theirs):
            for kind in "mmff":
                side[f"{kind}{rng.randrange(10, 10**6)}"] = "return 2"
        texts = [as_source(side, rng) for side in (base, ours, theirs)]
        merged, clean = propagate.merge_definitions(*texts, "obt")
        assert clean
        expected = {n: t for n, t in (ours | theirs).items() if n not in base}
        for name in base:
            own, new = ours.get(name), theirs.get(name)
            expected[name] = own if own != base[name] else new
        expected = {name: text for name, text in expected.items() if text}
        found = ledger.definitions(merged)
        del found["Box"]
        assert {n.removeprefix("Box."): t.split(": ")[1] for n, t in found.items()} == (
            expected
        )


def as_source(definitions, rng):
    """A class with the methods m…, and the functions f…, in some order."""
    names = sorted(definitions, key=lambda _: rng.random())
    methods = [f"    def {n}(): {definitions[n]}\n" for n in names if n[0] == "m"]
    functions = [f"def {n}(): {definitions[n]}\n" for n in names if n[0] == "f"]
    return 'class Box:\n    """A box."""\n\n' + "\n".join(methods + functions)


def test_a_removed_method_goes_from_every_later_step(row):
    row.edit(
        1, FIRST[FIRST.index("    def __init__") : FIRST.index("    def double")], ""
    )
    assert row.run("1")[0] == 0
    assert all("__init__" not in text for text in row.texts().values())


def test_an_import_comes_and_goes_where_it_is_used(row):
    row.edit(
        1, "import numpy as np\n", "import math\nimport time\n\nimport numpy as np\n"
    )
    row.edit(1, "np.array(x)", "np.array(math.sqrt(x))")
    row.edit(1, "    print(1", "    print(time.time(), 1")
    row.edit(3, "    print(3", "    print(math.pi, 3")
    assert row.run("1")[0] == 0
    row.commit()
    assert "\n\nimport heapq\nimport math\n\nimport numpy as np\n\n" in row.texts()[5]
    row.edit(1, "import math\n", "")
    row.edit(1, "math.sqrt(x)", "x")
    assert row.run("1")[0] == 0
    assert row.texts()[5] == texts()[5]
    assert "import math\n" in row.texts()[3]


def test_the_edit_of_a_lesson_or_demo_is_not_carried(row):
    row.edit(2, "Of step 2.", "Of this step.")
    row.edit(2, "print(2", "print(22")
    before = row.texts()
    assert row.run("2") == (1, "There is nothing in step 2 to carry on.\n")
    assert row.texts() == before


def test_edits_of_two_steps_are_carried_together(row):
    row.edit(1, '"""A box."""', '"""A case."""')
    row.edit(3, '"""Twice the data."""', '"""Doubled data."""')
    assert row.run("2") == (
        1,
        "There is nothing in step 2 to carry on. Edited are: 1, 3.\n",
    )
    assert row.run("1")[0] == 0
    assert "A case" in row.texts()[5] and "Doubled" in row.texts()[5]
    assert "Doubled" not in row.texts()[2]


def test_a_second_run_changes_nothing(row):
    row.edit(1, *NEW_METHOD)
    row.run("1")
    after = row.texts()
    assert row.run("1") == (1, "There is nothing in step 1 to carry on.\n")
    assert row.texts() == after


def test_an_edit_of_an_edit_is_carried_without_a_commit_in_between(row):
    row.edit(1, '"""A box."""', '"""A case."""')
    row.run("1")
    row.edit(1, '"""A case."""', '"""A chest."""')
    assert row.run("1")[0] == 0
    assert row.texts() == {n: t.replace("A box", "A chest") for n, t in texts().items()}


def test_an_edit_that_was_undone_can_be_made_again(row):
    row.edit(1, '"""A box."""', '"""A case."""')
    row.run("1")
    row.put(texts())
    row.edit(1, '"""A box."""', '"""A case."""')
    assert row.run("1")[0] == 0
    assert "A case" in row.texts()[5]


def test_what_was_carried_before_a_commit_is_history(row):
    row.edit(1, '"""A box."""', '"""A case."""')
    row.run("1")
    row.put({n: text.replace("A box", "A tin") for n, text in texts().items()})
    row.commit()
    row.edit(1, '"""A tin."""', '"""A jar."""')
    assert row.run("1")[0] == 0
    assert row.texts() == {n: t.replace("A box", "A jar") for n, t in texts().items()}


def test_blank_lines_and_sections_come_from_the_side_that_changed_them():
    base = "a = 1\nb = 1\nc = 1\n"
    ours = "a = 1\n\n# === b ===\n\nb = 1\nc = 1\n"
    theirs = "a = 1\nb = 1\n\n\nc = 1\n"
    merged = "a = 1\n\n# === b ===\n\nb = 1\n\n\nc = 1\n"
    assert propagate.merge_definitions(base, ours, theirs, "obt") == (merged, True)


def test_a_file_that_cannot_be_written_stays_as_it_was(tmp_path):
    path = tmp_path / "step01.py"
    path.write_text("x = 1\n")
    with pytest.raises(UnicodeEncodeError):
        propagate.write(path, "x = 2\n\ud800")
    assert path.read_text() == "x = 1\n"


# Stops

REWRITTEN = ("result = self.data * 2", "result = self.data + self.data")
MENDED = texts()[3].replace("2 * self.data", "self.data + self.data * 1")


def stopped(row):
    row.edit(1, *REWRITTEN)
    return row.run("1")


def test_an_edit_of_lines_that_a_later_step_rewrote_stops_there(row):
    status, said = stopped(row)
    assert status == 1
    assert said == (
        "step  2  carried\nstep  3  CONFLICT\n"
        "Step 3 has lines of its own where the edit is. Put right what is between "
        "<<<<<<< and >>>>>>> in steps/step03.py. "
        "Then go on with: make propagate CONTINUE=1\n"
    )
    assert (
        "<<<<<<< step 3\n        result = 2 * self.data\n"
        "||||||| before the edit\n        result = self.data * 2\n"
        "=======\n        result = self.data + self.data\n>>>>>>> step 2\n"
    ) in row.texts()[3]
    assert row.texts()[4] == texts()[4]


def test_it_goes_on_only_when_resolved_and_carries_the_resolution(row):
    stopped(row)
    marked = row.texts()
    assert row.run("--continue")[0] == 1
    assert row.texts() == marked
    row.put({3: MENDED})
    assert row.run("--continue")[0] == 0
    assert row.texts()[3] == MENDED
    assert "self.data + self.data * 1" in row.texts()[5]
    assert row.run("--continue") == (1, "There is no run to go on with.\n")


def test_a_conflict_can_be_resolved_by_the_text_that_was_there(row):
    stopped(row)
    row.put({3: texts()[3]})
    assert row.run("--continue")[0] == 0
    assert [row.texts()[n] for n in (3, 4, 5)] == [texts()[n] for n in (3, 4, 5)]


def test_the_rest_of_an_edit_with_a_conflict_is_carried(row):
    row.edit(1, '"""A box."""', '"""A case."""')
    stopped(row)
    assert "A case" in row.texts()[3]


def test_a_commit_in_the_middle_of_a_run_loses_nothing(row):
    stopped(row)
    row.put({3: MENDED})
    row.commit()
    assert row.run("--continue")[0] == 0
    assert "self.data + self.data * 1" in row.texts()[5]


def test_a_stopped_run_is_gone_on_with_or_forgotten(row):
    stopped(row)
    assert row.run("1") == (
        1,
        "A run has stopped at step 3. Then go on with: make propagate CONTINUE=1; "
        "or give it up with: make propagate FORGET=1\n",
    )
    left = row.texts()
    assert row.run("--forget") == (0, "")
    assert row.texts() == left
    row.put({3: MENDED})
    assert row.run("3")[0] == 0
    assert "self.data + self.data * 1" in row.texts()[5]


def test_what_a_forgotten_run_has_carried_is_known(row):
    stopped(row)
    row.run("--forget")
    row.put({3: texts()[3]})
    row.edit(1, REWRITTEN[1], "result = sum([self.data, self.data])")
    assert row.run("1")[1].startswith("step  2  carried\nstep  3  CONFLICT\n")


def test_it_stops_where_the_lesson_would_become_wrong(row):
    row.edit(1, "import n", "import heapq\n\nimport n")
    row.edit(1, "def as_array", FUNCTION + "def as_array")
    row.edit(1, "New:      Variable,", "New:      Variable, first,")
    status, said = row.run("1")
    assert status == 1
    assert said.endswith(
        "steps/step02.py: The lesson is wrong on what is new: ['first']. Put it right. "
        "Then go on with: make propagate CONTINUE=1\n"
    )
    row.edit(2, "New:      first", "New:      nothing")
    assert row.run("--continue")[0] == 0


def test_it_stops_where_the_order_would_differ(row):
    moved = FIRST[FIRST.index("def as_array") :]
    row.edit(1, moved, "")
    row.edit(1, "class Variable", moved + "class Variable")
    status, said = row.run("1")
    assert status == 1
    assert "Variable stands elsewhere than in the step before. Put it right" in said


def test_it_stops_where_a_test_fails_and_goes_on_when_it_passes(row):
    test = row.folder / "tests" / "test_step03.py"
    read = "import os\n\ntext = open(os.environ['STEP_FILE']).read()\n"
    test.write_text(f"{read}def test(): assert 'chest' not in text\n")
    row.edit(1, '"""A box."""', '"""A chest."""')
    assert propagate.main(["1"]) == 1
    said = row.capsys.readouterr()
    assert "1 failed" in said.err
    assert "The test of step 3 fails. Put it right. Then go on" in said.err
    test.write_text(f"{read}def test(): assert 'chest' in text\n")
    assert propagate.main(["--continue"]) is None
    assert "A chest" in row.texts()[5]


@pytest.mark.parametrize(
    "old, new, message",
    [
        (
            "def double(self):",
            "def double(self:",
            r"steps/step01.py, line \d+, is not Py",
        ),
        ("New:      Variable", "New:      Box", "lesson is wrong on what is new: "),
    ],
)
def test_an_edit_that_is_wrong_by_itself_is_not_carried(row, old, new, message):
    row.edit(1, '"""A box."""', '"""A case."""')
    row.edit(1, old, new)
    before = row.texts()
    status, said = row.run("1")
    assert status == 1
    assert re.search(message, said)
    assert "CONTINUE" not in said
    assert row.texts() == before


# A run that is killed


class Killed(BaseException):
    pass


def killed_at(monkeypatch, count, after):
    """From now on propagate dies before (or after) it writes for the count-th time."""
    write, left = propagate.write, [count]

    def fatal(path, text):
        left[0] -= 1
        if after:
            write(path, text)
        if left[0] == 0:
            raise Killed
        if not after:
            write(path, text)

    monkeypatch.setattr(propagate, "write", fatal)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("edit", [NEW_METHOD, REWRITTEN], ids=["clean", "conflict"])
def test_a_run_that_is_killed_at_any_moment_goes_on(row, monkeypatch, edit, after):
    def run_to_the_end(*words):
        row.run(*words)
        if edit == REWRITTEN:
            row.put({3: MENDED})
            row.run("--continue")

    row.edit(1, *edit)
    edited = row.texts()
    run_to_the_end("1")
    expected = row.texts()
    for count in range(1, 100):
        row.put(edited)
        propagate.state_path(row.folder).unlink()
        with monkeypatch.context() as patch:
            killed_at(patch, count, after)
            try:
                run_to_the_end("1")
                break
            except Killed:
                pass
        begun = (
            propagate.state_path(row.folder).exists() and propagate.State.load().step
        )
        run_to_the_end("--continue" if begun else "1")
        assert row.texts() == expected, f"killed at write {count}"
    assert count > 10


# What it says to a wrong request


def test_what_cannot_be_carried_is_refused(row):
    assert row.run("7") == (1, "There is no step 7; there are 1 to 5.\n")
    assert row.run("5") == (1, "There is nothing in step 5 to carry on.\n")
    assert row.run("1") == (1, "There is nothing in step 1 to carry on.\n")
    assert row.run("--continue") == (1, "There is no run to go on with.\n")


def test_a_step_that_is_not_committed_has_no_old_version(row):
    row.put({6: texts()[5].replace("Step 5", "Step 6")})
    row.edit(1, '"""A box."""', '"""A case."""')
    status, said = row.run("1")
    assert (status, said) == (1, "Step 6 is not in the last commit: commit it first.\n")


def test_a_folder_without_commits_is_refused(row):
    shutil.rmtree(row.folder / ".git")
    git(row.folder, "init")
    status, said = row.run("1")
    assert "the last commit, and there is none" in said and status == 1


# The steps themselves


EARLY_EDITS = [  # of which step, behind which text, the old text and the new one
    (1, "        self.data = data\n", "", METHOD),
    (2, 'class Square(Function):\n    """', "x ** 2", "x times x"),
    (4, "def numerical_diff(f, x, ", "eps=1e-4", "eps=1e-4, factor=1"),
    (13, "    total = 0.0\n    for ", "u, v in", "a, b in"),
]


def test_edits_of_early_steps_arrive_in_the_last_of_all_steps(tmp_path):
    for name in ("steps", "tools"):
        ignored = shutil.ignore_patterns("__pycache__", "*.md")
        shutil.copytree(ROOT / name, tmp_path / name, ignore=ignored)
    git(tmp_path, "init")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-m", "all")
    last = tmp_path / "steps" / ledger.step_path(ledger.step_numbers()[-1]).name
    lesson = ledger.lesson(last.read_text(encoding="utf-8"))
    for number, before, old, new in EARLY_EDITS:
        path = tmp_path / "steps" / ledger.step_path(number).name
        source = path.read_text(encoding="utf-8")
        assert source.count(before + old) == 1, f"{before + old!r} is not in {path}"
        path.write_text(source.replace(before + old, before + new), encoding="utf-8")
    command = [sys.executable, "-m", "tools.propagate", "1", "--no-tests"]
    subprocess.run(command, cwd=tmp_path, check=True)
    for _, _, _, new in EARLY_EDITS:
        assert new in last.read_text(encoding="utf-8")
    assert ledger.lesson(last.read_text(encoding="utf-8")) == lesson
