"""The commands that a reader types."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tools import environment, ledger, running, show, steps

ROOT = Path(__file__).resolve().parent.parent
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
NEEDS_MAKE = pytest.mark.skipif(not shutil.which("make"), reason="make is not there")
CALLED_BY_NUMBER = ("run", "test", "diff", "show", "propagate", "framework", "faults")

OLD = '''"""Step 1 · A box

Problem
The old problem.

Output
    old
"""

import math


class Box:
    """A box."""

    size = 1

    def __init__(self, data):
        self.data = data

    def look(self):
        return self.data


class Lid:
    """A lid."""

    def look(self):
        return self.data


def half(x):
    """x / 2."""
    return x / 2


# === demo ===
if __name__ == "__main__":
    print("old")
'''
NEW = '''"""Step 2 · A better box

Problem
The new problem.

Output
    new
    3.0
"""

import math
import sys

LIMIT = sys.maxsize


class Box:
    """A better box."""

    size = 1

    def __init__(self, data):
        self.data = data

    def look(self):
        """What is in the box."""
        return self.data

    @property
    def full(self):
        return self.data is not None


class Lock:
    """A lock."""

    def __init__(self, key):
        self.key = key

    def open(self, key):
        return key == self.key


Box.open = Lock.open


def half(x):
    """x / 2."""
    x = x * 0.5
    y = x
    return y


def third(x):
    return x / 3


# === demo ===
if __name__ == "__main__":
    print("new")
    print(third(9))
'''


def python(*words, **variables):
    """Run this Python from the root of the project."""
    env = {**os.environ, **variables}
    return subprocess.run(
        [sys.executable, *words], cwd=ROOT, env=env, capture_output=True, text=True
    )


def make(*words, **variables):
    """Run make as a reader would: what "make test" itself was given is left out."""
    given = re.compile("MAKE.*|MFLAGS|PYTHON|ARGS|N|CONTINUE")
    env = {k: v for k, v in os.environ.items() if not given.fullmatch(k)} | variables
    words = ["make", f"PYTHON={sys.executable}", *words]
    return subprocess.run(words, cwd=ROOT, env=env, capture_output=True, text=True)


@pytest.fixture
def two_steps(tmp_path, monkeypatch):
    """A folder with two small steps, which the tools take for the steps."""
    (tmp_path / "step01.py").write_text(OLD, encoding="utf-8")
    (tmp_path / "step02.py").write_text(NEW, encoding="utf-8")
    monkeypatch.setattr(ledger, "STEPS", tmp_path)
    monkeypatch.setattr(environment, "python", lambda: sys.executable)
    return tmp_path


@pytest.fixture
def calls(monkeypatch):
    """What the commands would have run Python on."""
    calls = []
    monkeypatch.setattr(
        steps, "python_command", lambda *words: calls.append(words) or 0
    )
    return calls


# Numbers


@pytest.mark.parametrize("command", CALLED_BY_NUMBER)
@pytest.mark.parametrize("number", ["abc", "0", "-3", "99", "1.5", "14 15", "", "١٤"])
def test_a_wrong_number_gets_one_line_of_usage(command, number, capsys):
    with pytest.raises(SystemExit) as end:
        steps.main([command, number])
    out, err = capsys.readouterr()
    assert (end.value.code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith("usage: make ") and f"1 to {ledger.step_numbers()[-1]}" in err
    assert repr(number) in err or not number


WRONG = [
    ["diff"],
    ["show"],
    ["propagate"],
    ["foo"],
    ["diff", "3", "4"],
    ["check", "--al1"],
]


@pytest.mark.parametrize("words", WRONG)
def test_other_wrong_words_get_one_line(words, capsys):
    with pytest.raises(SystemExit) as end:
        steps.main(words)
    assert end.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1


@NEEDS_MAKE
@pytest.mark.parametrize("words", [["08"], ["8"], ["N=8"], ["N=08"]])
def test_make_takes_the_number_in_each_form(words):
    result = make("show-step", *words)
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith("Step 8 · From recursion to a loop\n")


@NEEDS_MAKE
@pytest.mark.parametrize(
    "goal, words",
    [
        *[(f"{command}-step", []) for command in ("run", "test", "diff", "show")],
        *[("propagate", words) for words in ([], ["abc"], ["N=-3"])],
        *[("test-step", words) for words in (["99"], ["N=x"], ["3", "4"], ["run"])],
    ],
)
def test_make_with_a_wrong_number_ends_with_usage(goal, words):
    result = make(goal, *words)
    assert result.returncode != 0 and result.stdout == ""
    assert result.stderr.startswith(f"usage: make {goal} N ")
    assert result.stderr.count("\n") <= 2  # the second is make's own


@NEEDS_MAKE
@pytest.mark.parametrize("words", [["run", "3"], ["run-step", "03"], ["run", "N=3"]])
def test_make_run_with_a_number_is_run_step(words):
    result = make(*words, N="99")
    lesson = ledger.lesson(ledger.step_source(3))
    assert result.stdout == ledger.expected_output(lesson)


@NEEDS_MAKE
def test_several_goals_at_once_stay_goals():
    planned = make("-n", "run", "test").stdout.splitlines()
    assert [line.split()[-2:] for line in planned] == [
        ["tools.steps", "run"],
        ["tools.steps", "test"],
    ]


@NEEDS_MAKE
@pytest.mark.parametrize(
    "words, expected",
    [
        (["framework"], "framework"),
        (["framework", "36"], "framework 36"),
        (["faults", "2", "14"], "faults 2 14"),
        (["propagate", "CONTINUE=1"], "propagate --continue"),
    ],
)
def test_make_passes_on_what_it_is_given(words, expected):
    line = make("-n", *words).stdout.replace('"', "").split("\n")[0]
    assert line.split("tools.steps ")[1].split() == expected.split()


@NEEDS_MAKE
def test_a_number_in_the_environment_is_not_taken_for_the_readers():
    assert make("show-step", "8", N="14").stdout.startswith("Step 8 ")


@NEEDS_MAKE
def test_an_unknown_goal_is_an_error():
    assert make("tset").returncode != 0


@NEEDS_MAKE
def test_bare_make_lists_every_goal_on_one_screen():
    listed = make().stdout
    goals = re.search(r"^GOALS := (.+)$", MAKEFILE, re.MULTILINE)[1].split()
    assert set(goals) - {"help"} == set(re.findall(r"^make (\S+)", listed, re.M))
    assert listed.count("\n") <= 24 and max(map(len, listed.split("\n"))) <= 79
    for goal in goals:
        assert re.search(rf"^{goal}:\n\t@\$\(STEPS\) ", MAKEFILE, re.MULTILINE)


@NEEDS_MAKE
def test_make_without_a_new_enough_python_says_so():
    result = make("PYTHON=", "run")
    assert result.returncode != 0 and "Python 3.11 or newer" in result.stderr


def test_an_old_python_is_told_so():
    result = python("-c", "import sys; sys.version_info = (3, 10); import tools")
    assert result.returncode == 1
    assert result.stderr == (
        "This project needs Python 3.11 or newer, but this is Python 3.10.\n"
    )


# What a step changes


def test_diff_says_where_each_change_is(two_steps):
    found = dict(show.differences(OLD, NEW, "step02.py"))
    assert list(found) == [
        "imports",
        "step02.py:14  new constant LIMIT",
        "step02.py:17  in class Box, 1 line replaced",
        "step02.py:25  in Box.look, 1 line added",
        "step02.py:29  new property Box.full",
        "step02.py:34  new class Lock",
        "step02.py:44  new operator Box.open",
        "step02.py:47  in half, 1 line replaced, 2 lines added",
        "step02.py:54  new function third",
        "removed class Lid",
    ]
    assert found["imports"] == ["+import sys"]
    assert found["step02.py:34  new class Lock"] == [
        "+class Lock:",
        '+    """A lock."""',
        "+",
        "+    def __init__(self, key):",
        "+        self.key = key",
        "+",
        "+    def open(self, key):",
        "+        return key == self.key",
    ]
    assert found["step02.py:47  in half, 1 line replaced, 2 lines added"] == [
        " def half(x):",
        '     """x / 2."""',
        "-    return x / 2",
        "+    x = x * 0.5",
        "+    y = x",
        "+    return y",
    ]


@pytest.mark.parametrize(
    "old, new, amount",
    [
        ("a", "b", "1 line replaced"),
        ("ab", "cd", "2 lines replaced"),
        ("a", "ab", "1 line added"),
        ("abc", "b", "2 lines removed"),
        ("xab", "xc", "1 line replaced, 1 line removed"),
    ],
)
def test_the_amount_of_a_change_in_words(old, new, amount):
    assert show.replacements(list(old), list(new)) == amount


def test_distant_changes_are_parted_by_dots():
    old = [str(i) for i in range(20)]
    new = ["first", *old[1:-1], "last"]
    lines = show.changed_lines(old, new)
    assert lines.count("  …") == 2 and len(lines) == 2 + 2 * (2 + 3)


@pytest.mark.parametrize("number", ledger.step_numbers())
def test_diff_names_what_the_ledger_names_and_the_right_lines(number):
    old, new = ledger.step_source(number - 1), ledger.step_source(number)
    lines, changes = new.split("\n"), ledger.changes(old, new)
    named = []
    for title, _ in show.differences(old, new, "file"):
        match = re.fullmatch(r"file:(\d+)  (?:new \w+|in(?: class)?) ([\w.]+).*", title)
        if match:
            named.append(match[2])
            start = int(match[1]) - 1
            word = match[2] if " operator " in title else match[2].split(".")[-1]
            assert re.search(rf"\b{word}\b", "\n".join(lines[start : start + 4]))
    assert sorted(named) == sorted(changes.new + changes.changed)


def test_show_gives_the_lesson_what_is_new_the_demo_and_the_output(two_steps, capsys):
    show.step(2)
    out = capsys.readouterr().out
    assert out.startswith("Step 2 · A better box\n\nProblem\nThe new problem.\n")
    assert "def third(x):" in out and "def open(self, key):" in out
    assert (
        '  | def look(self):\n  +     """What is in the box."""\n  |     return' in out
    )
    assert "def __init__(self, data):" not in out  # Box.__init__ is as it was
    assert out.endswith("print(third(9))\n\nOutput\n    new\n    3.0\n")
    assert "class Lid" not in out


STORY = """
In the code
A box that locks:

    [Lock]

It opens:

    [Box.look]
    [nobody]

Output
    new
    3.0

Answers
1. Forty-two.
"""


@pytest.fixture
def woven(two_steps):
    """The folder of two steps, the second with pointers and answers in its lesson."""
    text = NEW.replace("\nOutput\n    new\n    3.0\n", STORY)
    (two_steps / "step02.py").write_text(text, encoding="utf-8")


def test_show_puts_code_in_place_of_a_name_in_brackets(woven, capsys):
    show.step(2)
    out = capsys.readouterr().out
    lock = out[out.index("A box that locks:") : out.index("It opens:")].split("\n")
    assert re.fullmatch(r"    \S+/step02\.py:\d+", lock[2])
    assert lock[3] == "  + class Lock:" and "  +     def open(self, key):" in lock
    assert (
        "  | def look(self):" in out and "[Lock]" not in out and "    [nobody]" in out
    )
    assert "def third(x):" not in out


def test_show_folds_the_answers_away(woven, capsys):
    show.step(2)
    out = capsys.readouterr().out
    assert out.endswith("\nAnswers\nThey are shown by make show-step 2 ANSWERS=1\n")
    assert "Forty-two" not in out
    show.step(2, answers=True)
    assert capsys.readouterr().out.endswith("\nAnswers\n1. Forty-two.\n")


def test_show_lights_code_by_a_colour_on_a_terminal(woven, monkeypatch):
    monkeypatch.setattr(show, "in_colour", lambda: True)
    lines = list(show.woven(2, answers=False))
    assert "    \x1b[32mclass Lock:\x1b[0m" in lines and "    def look(self):" in lines


def test_diff_and_show_say_when_nothing_is_new(capsys):
    show.diff(25)
    assert "Step 25 changes nothing in the framework" in capsys.readouterr().out
    show.step(25)
    assert "No definition of the framework is new" in capsys.readouterr().out


# Colours


@pytest.mark.parametrize("command", ["diff", "show"])
def test_no_colour_in_a_pipe(command, capsys, monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    result = python("-m", "tools.steps", command, "14")
    assert result.returncode == 0 and "\x1b" not in result.stdout


@pytest.mark.parametrize(
    "variables, expected",
    [({"TERM": "xterm"}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)],
)
def test_colour_on_a_terminal_unless_it_is_not_wanted(
    variables, expected, capsys, monkeypatch
):
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    show.diff(14)
    out = capsys.readouterr().out
    assert ("\x1b[32m+    def cleargrad(self):\x1b[0m" in out) == expected
    assert ("\x1b" in out) == expected


def test_a_pipe_that_is_closed_early_is_no_error():
    words = [sys.executable, "-m", "tools.steps", "diff", "22"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(words, cwd=ROOT, **pipes) as process:
        process.stdout.close()
        assert process.stderr.read() == b""


# Running


def test_run_prints_a_line_a_step(two_steps, capsys):
    assert steps.main(["run"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"01  A box +\d+\.\d\d s  ok", lines[0])
    assert re.fullmatch(r"02  A better box +\d+\.\d\d s  ok", lines[1])
    assert re.fullmatch(r"2 steps in \d+ s, all ok", lines[2])


def test_run_goes_on_after_a_failure_and_ends_with_an_error(two_steps, capsys):
    broken = OLD.replace('print("old")', "print(1 / 0)")
    (two_steps / "step01.py").write_text(broken, encoding="utf-8")
    assert steps.main(["run"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].endswith(" s  FAILED: ZeroDivisionError: division by zero")
    assert lines[1].endswith(" s  ok")
    assert lines[2].endswith("; failed: 01")


@pytest.mark.parametrize(
    "text, verdict",
    [
        ('print("odd")', "line 1 of the output is 'odd', but the lesson says 'old'"),
        ('print("old\\nold")', "line 2 of the output is 'old', but the lesson says ''"),
        ("import sys; sys.exit(3)", "it ended with an error but no message"),
        ("import time; time.sleep(60)", "it takes more than 0.5 seconds"),
        ("1 +", "SyntaxError: invalid syntax"),
    ],
)
def test_run_says_in_a_line_what_is_wrong(text, verdict, two_steps, monkeypatch):
    if "sleep" in text:
        monkeypatch.setattr(running, "SECONDS", 0.5)
    path = two_steps / "step01.py"
    path.write_text(OLD.replace('print("old")', text), encoding="utf-8")
    assert running.run_file(path, sys.executable) == verdict


def test_run_takes_a_readers_own_folder(two_steps, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(ledger, "STEPS", ROOT / "steps")
    (tmp_path / "step03.py").write_text('print("mine, no lesson")\n')
    assert steps.main(["run", "--steps-dir", str(tmp_path)]) == 0
    assert "3 steps in " in capsys.readouterr().out


def test_run_of_an_empty_folder_is_an_error(tmp_path, capsys):
    with pytest.raises(SystemExit):
        steps.main(["run", "--steps-dir", str(tmp_path)])
    assert "There is no stepNN.py" in capsys.readouterr().err


def test_the_commands_run_the_programs_they_name(calls):
    steps.main(["test"])
    steps.main(["test", "04", "--steps-dir", "mine", "-x"])
    steps.main(["test", "-x"])
    steps.main(["test", "tests/test_step04.py"])
    steps.main(["run", "4"])
    steps.main(["propagate", "4", "--no-tests"])
    steps.main(["propagate", "--continue"])
    steps.main(["framework"])
    steps.main(["framework", "36"])
    steps.main(["faults", "02", "14"])
    steps.main(["bench", "core", "--fast"])
    steps.main(["bench"])
    test_4 = str(ROOT / "tests" / "test_step04.py")
    own, others = steps.test_files()
    assert test_4 in own and __file__ in others
    assert calls == [
        ("-m", "pytest", "-q", *own),
        ("-m", "pytest", "--first-failure", test_4, "--steps-dir", "mine", "-x"),
        ("-m", "pytest", "-q", "-x", *own),
        ("-m", "pytest", "tests/test_step04.py"),
        (ROOT / "steps" / "step04.py",),
        ("-m", "tools.propagate", "4", "--no-tests"),
        ("-m", "tools.propagate", "--continue"),
        ("-m", "tools.cut"),
        ("-m", "tools.cut", "36"),
        ("-m", "tools.faults", "2", "14"),
        (str(ROOT / "benchmarks" / "core.py"), "--fast"),
        (str(ROOT / "benchmarks" / "core.py"),),
        (str(ROOT / "benchmarks" / "importing.py"),),
        (str(ROOT / "benchmarks" / "networks.py"),),
    ]


@pytest.mark.parametrize(
    "number, words",
    [
        (9, "step08.py has no square, which step 9 asks for"),
        (14, "array(x.grad) should be 2.0, but is 1.0"),
        (16, "step15.py has no Variable.generation, which step 16 asks for"),
    ],
)
def test_a_readers_own_file_is_told_what_it_misses(number, words):
    path = f"steps/step{number - 1:02}.py"
    result = python("-m", "tools.steps", "test", str(number), STEP_FILE=path)
    assert result.returncode == 1
    assert words in result.stdout
    assert len(result.stdout.splitlines()) <= 15 and result.stdout.endswith(".\n")


def test_a_readers_own_file_that_is_right_is_told_so():
    result = python("-m", "tools.steps", "test", "2", STEP_FILE="steps/step02.py")
    assert (result.returncode, result.stdout) == (0, "All 12 tests pass.\n")


@pytest.mark.parametrize("failing", [None, "check", "format", "pytest"])
@pytest.mark.parametrize("triangle", [False, True])
def test_check_runs_all_three_and_fails_if_one_does(failing, triangle, monkeypatch):
    programs = []

    def run(command, **_):
        programs.append(command[2:])
        return subprocess.CompletedProcess(command, int(failing in command))

    monkeypatch.setattr(environment, "python", lambda: sys.executable)
    monkeypatch.setattr(environment, "provide", lambda *_: None)
    monkeypatch.setattr(steps.subprocess, "run", run)
    words = ["check", "--all"] if triangle else ["check"]
    assert steps.main(words) == (failing is not None)
    assert programs == [
        ["ruff", "check"],
        ["ruff", "format", "--check"],
        ["pytest", "-q", *steps.test_files()[1], *(["--triangle"] if triangle else [])],
    ]


# The virtual environment


class Installer:
    """Stands in for subprocess.run: notes what is called, and makes the files."""

    def __init__(self, venv):
        self.venv, self.called, self.fails = venv, [], False

    def __call__(self, command, **_):
        self.called.append(command[2])
        if self.fails:
            return subprocess.CompletedProcess(command, 1, "", "no network\n")
        if command[2] == "venv":
            path = environment.venv_python(self.venv)
            path.parent.mkdir(parents=True)
            path.touch()
        return subprocess.CompletedProcess(command, 0, "", "")


@pytest.fixture
def installer(tmp_path, monkeypatch):
    """A project without .venv, and a reader who is in no virtual environment."""
    monkeypatch.setattr(environment, "ROOT", tmp_path)
    monkeypatch.setattr(environment, "in_virtual_environment", lambda: False)
    (tmp_path / "requirements.txt").write_text("numpy>=2.0\n")
    return Installer(tmp_path / ".venv")


def test_the_environment_is_set_up_once_and_after_a_change(installer, capsys):
    for _ in range(3):
        found = environment.python(installer.venv, installer)
    assert found == str(environment.venv_python(installer.venv))
    assert installer.called == ["venv", "pip"]
    out, err = capsys.readouterr()
    assert out == "" and err == "Setting up .venv with numpy>=2.0 …\n"
    (environment.ROOT / "requirements.txt").write_text("numpy>=2.1\n")
    for _ in range(2):
        environment.python(installer.venv, installer)
    assert installer.called == ["venv", "pip", "pip"]


def test_a_failed_set_up_is_said_and_tried_again(installer):
    environment.python(installer.venv, installer)
    (installer.venv / environment.STAMP).unlink()
    installer.fails = True
    with pytest.raises(SystemExit, match="this needs the network, once") as end:
        environment.python(installer.venv, installer)
    assert str(end.value).startswith("no network\n")
    installer.fails, installer.called = False, []
    environment.python(installer.venv, installer)
    assert installer.called == ["pip"]


def test_a_python_without_venv_is_told_what_to_install(installer):
    installer.fails = True
    with pytest.raises(SystemExit, match="apt install python3-venv"):
        environment.python(installer.venv, installer)


def test_another_virtual_environment_is_used_if_it_has_all(installer, monkeypatch):
    monkeypatch.setattr(environment, "in_virtual_environment", lambda: True)
    assert environment.python(installer.venv, installer) == sys.executable
    monkeypatch.setattr(environment, "satisfied", lambda _: False)
    assert environment.python(installer.venv, installer) != sys.executable
    assert installer.called == ["venv", "pip"]


@pytest.mark.parametrize(
    "requirement, expected",
    [("pytest>=1.0", True), ("pytest>=999.0", False), ("no-such-package>=1", False)],
)
def test_a_requirement_is_met_by_name_and_version(requirement, expected):
    assert environment.satisfied(requirement) == expected


def test_versions_compare_as_numbers():
    assert environment.version("2.10.1") > environment.version("2.9")


def test_optional_packages_are_found_in_their_groups():
    assert environment.optional("ruff").startswith("ruff")
    assert environment.optional("matplotlib").startswith("matplotlib")
    with pytest.raises(ValueError, match="No optional group"):
        environment.optional("numpy")


def test_a_package_is_installed_only_where_it_is_missing(monkeypatch, capsys):
    installed = []
    monkeypatch.setattr(environment, "install", lambda _, what: installed.extend(what))
    environment.provide(sys.executable, "pytest")
    assert installed == []
    monkeypatch.setattr(environment, "optional", lambda package: f"{package}>=1")
    environment.provide(sys.executable, "no_such_package")
    assert installed == ["no_such_package>=1"]
