"""propagate: an edit of a step arrives in all later ones, or the run stops."""

import random
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tools import cut, ledger, propagate

ROOT = Path(__file__).resolve().parent.parent
pytestmark = pytest.mark.skipif(not shutil.which("git"), reason="needs git")
pytest.importorskip("ruff", reason="the tool needs ruff")

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
MARKER = "# === core: arrays ===\n\n\n"
STEPS = [  # what is new, what is changed, and the replacements
    ("Variable, as_array", "nothing", {}),
    (
        "first",
        "nothing",
        {"import n": "import heapq\n\nimport n", "def as_a": FUNCTION + "def as_a"},
    ),
    ("nothing", "Variable.double", {"self.data * 2": "2 * self.data"}),
    ("Variable.half", "nothing", {RESULT: RESULT + METHOD}),
    ("nothing", "first", {"def as_a": MARKER + "def as_a", "xs[0]": "xs[0] + 0"}),
]
LESSON = '''"""Step {n} · Number {n}

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
        lesson = LESSON.format(n=n, new=new, changed=changed)
        found[n] = lesson + code + DEMO.format(n=n)
    return found


def git(folder, *words):
    name = ["-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *name, *words], cwd=folder, check=True, capture_output=True)


class Row:
    """A repository with the five steps, and propagate at work in it."""

    def __init__(self, folder):
        self.folder = folder
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


@pytest.fixture
def row(tmp_path, monkeypatch):
    monkeypatch.setattr(propagate, "ROOT", tmp_path)
    monkeypatch.setattr(ledger, "STEPS", tmp_path / "steps")
    monkeypatch.setattr(cut, "cut", lambda number: None)
    return Row(tmp_path)


def run(*words):
    """Run propagate; what it says if it stops, else None."""
    return propagate.main([*words, "--no-tests"])


EDITS = {
    "a renamed local": (
        "array = np.array(x)\n    return array",
        "a = np.array(x)\n    return a",
    ),
    "a changed docstring": (
        '"""A box."""',
        '"""A box that holds\n    an array.\n    """',
    ),
    "a new parameter": ("(self, data):", "(self, data, name=None):"),
    "a removed line": ('    """x as an array."""\n', ""),
    "a line at the end": ("    return array\n", "    return array  # a new one\n"),
}


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
def test_an_edit_arrives_in_every_later_step(row, edit):
    row.edit(1, *edit)
    assert run("1") is None
    assert row.texts() == {n: text.replace(*edit) for n, text in texts().items()}


def test_what_is_new_or_removed_keeps_its_place_beside_a_later_steps_own(row):
    start, end = FIRST.index("    def __init__"), FIRST.index("    def double")
    row.edit(1, FIRST[start:end], "")
    row.edit(1, RESULT, RESULT + METHOD.replace("half", "third"))
    assert run("1") is None
    assert list(ledger.definitions(row.texts()[5])) == [
        "Variable",
        "Variable.double",
        "Variable.third",
        "Variable.half",
        "first",
        "as_array",
    ]


def test_a_function_is_not_merged_into_a_class_that_a_later_step_made_longer():
    box, last = "class Box:\n    def a(self): ...\n", "\n\nclass Last: ...\n"
    ours = box + "\n    def b(self): ...\n" + last
    theirs = box + "\n\ndef f(): ...\n" + last
    merged = propagate.merge_definitions(box + last, ours, theirs)
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
        merged = propagate.merge_definitions(
            *(as_source(side, rng) for side in (base, ours, theirs))
        )
        expected = {n: t for n, t in (ours | theirs).items() if n not in base}
        for name in base:
            own, new = ours.get(name), theirs.get(name)
            expected[name] = own if own != base[name] else new
        expected = {name: text for name, text in expected.items() if text}
        found = dict(ledger.definitions(merged))
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


def test_blank_lines_and_sections_come_from_the_side_that_changed_them():
    base = "a = 1\nb = 1\nc = 1\n"
    ours = "a = 1\n\n# === b ===\n\nb = 1\nc = 1\n"
    theirs = "a = 1\nb = 1\n\n\nc = 1\n"
    merged = "a = 1\n\n# === b ===\n\nb = 1\n\n\nc = 1\n"
    assert propagate.merge_definitions(base, ours, theirs) == merged


def test_an_import_comes_and_goes_where_it_is_used(row):
    both = "import math\nimport time\n\nimport numpy as np\n"
    row.edit(1, "import numpy as np\n", both)
    row.edit(1, "np.array(x)", "np.array(math.sqrt(x))")
    row.edit(1, "    print(1", "    print(time.time(), 1")
    assert run("1") is None
    row.commit()
    assert "\n\nimport heapq\nimport math\n\nimport numpy as np\n\n" in row.texts()[5]
    row.edit(1, "math.sqrt(x)", "x")
    assert run("1") is None
    assert row.texts()[5] == texts()[5]


def test_the_edit_of_a_lesson_or_demo_is_not_carried(row, capsys):
    row.edit(2, "Number 2", "Another")
    row.edit(2, "print(2", "print(22")
    before = row.texts()
    assert run("2") is None
    assert row.texts() == before
    assert "step  3  as it was\n" in capsys.readouterr().out


@pytest.mark.parametrize("edited, number", [([1, 3], "1"), ([], "1"), ([3], "1")])
def test_only_the_last_of_the_edited_steps_is_carried(row, edited, number):
    for n in edited:
        row.edit(n, '"""A box."""', '"""A case."""')
    before = row.texts()
    assert f"from the last commit: {edited or 'none'}. Only the last" in run(number)
    assert row.texts() == before


# Stops

REWRITTEN = ("result = self.data * 2", "result = self.data + self.data")
MENDED = "        result = self.data + self.data * 1\n"


def test_an_edit_of_lines_that_a_later_step_rewrote_stops_there(row):
    row.edit(1, '"""A box."""', '"""A case."""')
    row.edit(1, *REWRITTEN)
    assert run("1") == (
        "steps/step03.py has lines of its own where the edit is: see <<<<<<<. "
        "Put it right, then go on with: make propagate CONTINUE=1"
    )
    assert (
        "<<<<<<< this step\n        result = 2 * self.data\n"
        "||||||| before the edit\n        result = self.data * 2\n"
        "=======\n        result = self.data + self.data\n>>>>>>> the step before\n"
    ) in row.texts()[3]
    assert "A case" in row.texts()[3] and row.texts()[4] == texts()[4]


def test_it_goes_on_only_when_resolved_and_carries_the_resolution(row):
    row.edit(1, *REWRITTEN)
    run("1")
    marked = row.texts()
    assert "<<<<<<<" in run("--continue")
    assert row.texts() == marked
    conflict = r"<<<<<<<.*>>>>>>> the step before\n"
    row.put({3: re.sub(conflict, MENDED, marked[3], flags=re.DOTALL)})
    assert run("--continue") is None
    expected = texts()[3].replace("        result = 2 * self.data\n", MENDED)
    assert row.texts()[3] == expected
    assert MENDED in row.texts()[5]


def test_it_stops_where_the_lesson_would_become_wrong(row):
    row.edit(1, "import n", "import heapq\n\nimport n")
    row.edit(1, "def as_array", FUNCTION + "def as_array")
    row.edit(1, "New:      Variable,", "New:      Variable, first,")
    assert run("1").startswith(
        "steps/step02.py: The lesson is wrong on what is new: ['first']. Put it right"
    )
    row.edit(2, "New:      first", "New:      nothing")
    assert run("--continue") is None


def test_it_stops_where_the_order_would_differ(row):
    moved = FIRST[FIRST.index("def as_array") :]
    row.edit(1, moved, "")
    row.edit(1, "class Variable", moved + "class Variable")
    assert "Variable stands elsewhere than in the step before. Put it right" in run("1")


def test_it_stops_where_a_test_fails_and_goes_on_when_it_passes(row):
    for n in range(1, 6):
        name = row.folder / "tests" / f"test_step{n:02}.py"
        name.write_text("def test(): assert 1 != 1\n" if n == 3 else "def test(): ...")
    row.edit(1, '"""A box."""', '"""A chest."""')
    said = propagate.main(["1"])
    assert "1 failed" in said and "The test of step 3 fails. Put it right" in said
    assert "A chest" not in row.texts()[4]
    (row.folder / "tests" / "test_step03.py").write_text("def test(): ...")
    assert propagate.main(["--continue"]) is None
    assert "A chest" in row.texts()[5]


@pytest.mark.parametrize(
    "old, new, message",
    [
        ("def double(self):", "def double(self:", "was never closed"),
        ("New:      Variable", "New:      Box", "lesson is wrong on what is new: "),
    ],
)
def test_an_edit_that_is_wrong_by_itself_is_not_carried(row, old, new, message):
    row.edit(1, old, new)
    before = row.texts()
    assert re.search(message, run("1"))
    assert row.texts() == before


def test_a_step_that_is_not_committed_has_no_old_version(row):
    row.put({6: texts()[5].replace("Changed:  first", "Changed:  nothing")})
    row.put({7: row.path(6).read_text(encoding="utf-8")})
    row.edit(5, "xs[0] + 0", "xs[0] + 1")
    assert "steps/step06.py is not in the last commit." in run("5")


# The steps themselves


def test_an_edit_of_a_late_step_arrives_in_the_last_and_in_the_package(tmp_path):
    for name in ("steps", "tools", "framework"):
        ignored = shutil.ignore_patterns("__pycache__", "*.md")
        shutil.copytree(ROOT / name, tmp_path / name, ignore=ignored)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    git(tmp_path, "init")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-m", "all")
    last = ledger.step_numbers()[-1]
    old, source = (ledger.step_source(last - n) for n in (6, 5))
    name = ledger.changes(old, source).new[0]
    line = ledger.definitions(source)[name].split("\n")[0]
    assert source.count(f"\n{line}\n") == 1
    new = f"\n# A comment.\n{line}\n"
    path = tmp_path / "steps" / ledger.step_path(last - 5).name
    path.write_text(source.replace(f"\n{line}\n", new), encoding="utf-8")
    command = [sys.executable, "-m", "tools.propagate", str(last - 5), "--no-tests"]
    subprocess.run(command, cwd=tmp_path, check=True)
    assert new in (tmp_path / "steps" / ledger.step_path(last).name).read_text("utf-8")
    package = (tmp_path / "framework").rglob("*.py")
    assert sum(new in path.read_text("utf-8") for path in package) == 1
