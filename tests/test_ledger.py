"""The ledger: definitions, changes and lessons, read from the text of a step."""

import pytest

from tools import ledger
from tools.ledger import Changes

STEP = '''"""Step 14 · One variable used twice

Problem
y = add(x, x) gives x.grad = 1.

It must be 2.

Idea
Add.

In the code
Add them up.

New:      Variable.cleargrad, NUMBERS,
          Variable.__add__
Changed:  nothing
Removed:  old

Output
    x.grad = 2.0

        deeper
"""

import numpy as np

# === core: variables ===

NUMBERS = (int, float)  # what counts as one


# What a box is.
@decorated
class Variable:
    """A box."""

    slots = 1  # a class attribute

    def __init__(self, data):
        self.data = data

    @property
    def shape(self):
        return self.data.shape

    later = 2


def add(x0, x1):
    """x0 + x1."""
    return x0 + x1


Variable.__add__ = add

# === demo ===
shown = 1
if __name__ == "__main__":
    print("x.grad = 2.0")
'''


def test_definitions_stand_in_the_order_of_the_file_without_imports_and_demo():
    assert list(ledger.definitions(STEP)) == [
        "NUMBERS",
        "Variable",
        "Variable.__init__",
        "Variable.shape",
        "add",
        "Variable.__add__",
    ]


@pytest.mark.parametrize(
    "name, text",
    [
        ("NUMBERS", "NUMBERS = (int, float)  # what counts as one"),
        (
            "Variable.shape",
            "    @property\n    def shape(self):\n        return self.data.shape",
        ),
        ("add", 'def add(x0, x1):\n    """x0 + x1."""\n    return x0 + x1'),
        ("Variable.__add__", "Variable.__add__ = add"),
        (
            "Variable",
            '# What a box is.\n@decorated\nclass Variable:\n    """A box."""\n\n'
            "    slots = 1  # a class attribute\n\n    later = 2",
        ),
    ],
)
def test_the_text_of_a_definition_is_its_own_lines(name, text):
    assert ledger.definitions(STEP)[name] == text


def test_two_definitions_of_one_name_count_as_one_text():
    getter = "    @property\n    def x(self): ..."
    setter = "    @x.setter\n    def x(self, x): ..."
    source = f"class A:\n{getter}\n\n{setter}\n"
    assert ledger.definitions(source)["A.x"] == f"{getter}\n{setter}"


def test_comments_belong_to_what_stands_below_and_sections_to_nothing():
    source = "a = 1\n# === b ===\n# Two\n# lines.\nb = 1\n# The end."
    assert ledger.definitions(source) == {"a": "a = 1", "b": "# Two\n# lines.\nb = 1"}


@pytest.mark.parametrize(
    "line",
    ["print(x)", "for y in x: pass", "y = z = 1", "y, z = x", "x[0] = 1", "y: int = 1"],
)
def test_a_statement_that_does_not_define_one_name_is_refused(line):
    with pytest.raises(ValueError, match=r"Line 2 of the framework code is neither"):
        ledger.definitions(f"x = 1\n{line}\n")


def test_the_demo_starts_at_its_marker_or_main_block_or_not_at_all():
    assert STEP[ledger.demo_start(STEP) :].startswith("# === demo ===\nshown")
    assert ledger.demo_start("x = 1\nif __name__ == '__main__':\n    x\n") == len(
        "x = 1\n"
    )
    assert ledger.demo_start("x = 1\n") == len("x = 1\n")


OLD = """\
class A:
    def f(self): ...
    def g(self): ...
class B:
    def h(self): ...
c = 1
"""


@pytest.mark.parametrize(
    "old, new, expected",
    [
        ("c = 1", "c = 2", Changes(changed=["c"])),
        ("c = 1", "c = 1  # one", Changes(changed=["c"])),
        ("    def g(self): ...\n", "", Changes(removed=["A.g"])),
        ("class B:\n    def h(self): ...\n", "", Changes(removed=["B"])),
        ("c = 1\n", "def k(): ...\nc = 1\nA.k = k\n", Changes(new=["k", "A.k"])),
        ("c = 1\n", "class C:\n    def k(self): ...\nc = 1\n", Changes(new=["C"])),
        ("class A:\n", 'class A:\n    """Doc."""\n\n', Changes(changed=["A"])),
        (
            "class A:\n    def f",
            "class A:\n    @classmethod\n    def f",
            Changes(changed=["A.f"]),
        ),
        (
            "class A:\n    def f(self): ...\n",
            "class A:\n    x = 1\n",
            Changes([], ["A"], ["A.f"]),
        ),
        ("c = 1\n", "c = 1\n# === demo ===\nd = 1\n", Changes()),
        ("", "import numpy as np\n\n", Changes()),
    ],
)
def test_changes(old, new, expected):
    assert ledger.changes(OLD, OLD.replace(old, new, 1)) == expected


def test_everything_is_new_over_nothing_but_members_are_not_named():
    assert ledger.changes("", OLD) == Changes(new=["A", "B", "c"])


def test_definitions_in_another_order_are_found():
    old = "one = 1\ntwo = 1\nten = 1\n"
    assert ledger.out_of_order(old, "o = 1\none = 2\nten = 1\n") == []
    assert ledger.out_of_order(old + "t = 1\n", "one = 1\nten = 1\ntwo = 1\n") == [
        "ten",
        "two",
    ]


def test_a_lesson_has_number_title_and_sections():
    lesson = ledger.lesson(STEP)
    assert (lesson.number, lesson.title) == (14, "One variable used twice")
    assert list(lesson.sections) == ["Problem", "Idea", "In the code", "Output"]
    assert lesson.sections["Problem"] == [
        "y = add(x, x) gives x.grad = 1.",
        "",
        "It must be 2.",
    ]


def test_stated_changes_wrap_over_lines():
    assert ledger.stated_changes(ledger.lesson(STEP)) == Changes(
        new=["Variable.cleargrad", "NUMBERS", "Variable.__add__"], removed=["old"]
    )


def test_given_names_need_no_list():
    assert ledger.given(ledger.lesson(STEP)) == []
    text = STEP.replace(
        "Changed:  nothing\n", "Given: NUMBERS,\n  a\nChanged:  nothing\n"
    )
    assert ledger.given(ledger.lesson(text)) == ["NUMBERS", "a"]


def test_the_story_points_to_names_that_stand_alone_in_brackets():
    lines = "Idea\n    [Box.look]\n    [Box] it is\n  [Lid]\n    [1]\n    [Lid]\n"
    assert ledger.pointers(ledger.lesson(STEP.replace("Idea\n", lines))) == [
        "Box.look",
        "Lid",
    ]


@pytest.mark.parametrize("line", ["Changed:  nothing\n", "nothing\nRemoved:  old"])
def test_a_missing_list_is_an_error(line):
    lesson = ledger.lesson(STEP.replace(line, "", 1))
    with pytest.raises(ValueError, match=r"step 14 has no list Changed:"):
        ledger.stated_changes(lesson)


def test_expected_output_loses_the_four_spaces_of_the_lesson_only():
    assert ledger.expected_output(ledger.lesson(STEP)) == "x.grad = 2.0\n\n    deeper\n"


@pytest.mark.parametrize(
    "old, new, message",
    [
        ("Step 14 · ", "Step 14: ", "begins with a docstring"),
        ('"""Step', 'x = """Step', "begins with a docstring"),
        ("\nIdea\n", "\nProblem\n", "'Problem' twice"),
        ("\nProblem\n", "\nThis is it.\nProblem\n", "above its Problem: This is it."),
    ],
)
def test_a_malformed_lesson_is_an_error(old, new, message):
    with pytest.raises(ValueError, match=message):
        ledger.lesson(STEP.replace(old, new, 1))


def test_steps_are_found_by_number(tmp_path, monkeypatch):
    monkeypatch.setattr(ledger, "STEPS", tmp_path)
    for name in ("step02.py", "step10.py", "step1.py", "stepper.py", "step03.txt"):
        (tmp_path / name).write_text("x = 1\n")
    assert ledger.step_numbers() == [2, 10]
    assert ledger.step_path(2) == tmp_path / "step02.py"
    assert ledger.step_source(10) == "x = 1\n"
    assert ledger.step_source(0) == ""


def test_a_step_that_is_not_there_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr(ledger, "STEPS", tmp_path)
    with pytest.raises(ValueError, match="There is no step 3; none is here"):
        ledger.step_source(3)
    (tmp_path / "step02.py").touch()
    with pytest.raises(ValueError, match="There is no step 3; there are 2 to 2"):
        ledger.step_source(3)
