"""Where a reader writes the steps: my/step14.py, begun, tested, hinted at, compared.

What is known of a file in my/ is computed from the file. Two notes save time or
keep a place: .verdicts.json has the results of tests by the content of what was
tested, and .hints.json how far the hints of a step have gone.
"""

import difflib
import hashlib
import itertools
import json
import os
import re
import subprocess
import sys
import textwrap
import time

from tools import environment, ledger
from tools.show import (
    changed_lines,
    coloured,
    coloured_line,
    heading,
    shown_path,
)
from tools.skeleton import changes_of, given, nodes, skeleton, stub, writable

ROOT = environment.ROOT
MY, TESTS = ROOT / "my", ROOT / "tests"
PACKAGES = ROOT / "out" / "mine"


def my_path(number):
    """The path of the reader's own step, whether or not it is there."""
    return MY / f"step{number:02}.py"


def my_numbers():
    """The numbers of the steps that the reader has begun, in order."""
    names = (ledger.STEP_NAME.fullmatch(path.name) for path in MY.glob("step*.py"))
    return sorted(int(name[1]) for name in names if name)


def title(number):
    """The number and the title of a step."""
    return f"step {number}, {ledger.lesson(ledger.step_source(number)).title!r}"


# Begin


def so_far(number):
    """The text of the step before, and the path it is from: the reader's, if it passes.

    A file with a statement that is no definition cannot be carried on.
    """
    path, mine = ledger.step_path(number - 1), my_path(number - 1)
    if mine.exists() and passes(number - 1):
        source = mine.read_text(encoding="utf-8")
        try:
            ledger.definitions(source)
            return source, mine
        except ValueError as error:
            print(f"{shown_path(mine)} is not taken further. {error}")
    return ledger.step_source(number - 1), path


def start(number, again=False):
    """Write my/stepNN.py, for the reader to complete."""
    path = my_path(number)
    if path.exists() and not again:
        return (
            f"{shown_path(path)} is there and stays as it is. To keep it under another "
            f"name and begin anew: make start-step {number} AGAIN=1"
        )
    base, origin = so_far(number)
    text = skeleton(number, base)
    MY.mkdir(exist_ok=True)
    if path.exists():
        kept = free_name(path)
        path.rename(kept)
        print(f"Your earlier file is now {shown_path(kept)}.")
    path.write_text(text, encoding="utf-8", newline="\n")
    print(f"{shown_path(path)} is yours: {title(number)}.")
    if number > 1:
        why = "which passes its test" if origin.parent == MY else "ours"
        print(f"It goes on from {shown_path(origin)}, {why}.")
    print(*tasks(number), sep="\n")
    test = "Test it" if writable(number) else "It passes its test as it is"
    print(f"The lesson is at its top. {test}: make test-mine {number}")


def free_name(path):
    """A name beside a file that is not taken: step14.old.py, step14.old2.py …"""
    names = (path.with_suffix(f".old{i}.py") for i in itertools.count(2))
    names = itertools.chain([path.with_suffix(".old.py")], names)
    return next(name for name in names if not name.exists())


def tasks(number):
    """What a reader is to do in a step, as lines."""
    changes, names = changes_of(number), writable(number)
    owners = {*map(ledger.owner, names)}
    write = [name for name in changes.new if name in names or name in owners]
    rest = [name for name in changes.new + given(number) if name not in write]
    lists = {"Write": write, "Change": changes.changed, "Given": dict.fromkeys(rest)}
    for verb, names in lists.items():
        line = f"{verb}: {', '.join(names)}"
        yield from textwrap.wrap(line, 79, subsequent_indent="  ") if names else []
    if not write + changes.changed:
        yield "There is no code to write: read the lesson, run the demo, change it."


# Tests


def tested(number):
    """Test the reader's own step: (True if it passes, what pytest said)."""
    run = subprocess.run(
        [environment.python(), "-m", "pytest", "--first-failure", test_path(number)],
        cwd=ROOT,
        env={**os.environ, "STEP_FILE": str(my_path(number)), "PYTHONUTF8": "1"},
        capture_output=True,
        encoding="utf-8",
        errors="replace",
    )
    passed = run.returncode == 0
    write("verdicts", {**read("verdicts"), str(number): (content(number), passed)})
    return passed, run.stdout or run.stderr


def test_path(number):
    return TESTS / f"test_step{number:02}.py"


def passes(number):
    """True if the reader's own step passes its test: tried once for each content."""
    known, passed = read("verdicts").get(str(number), ("", False))
    if known != content(number):
        passed, _ = tested(number)
    return passed


def content(number):
    """A short name for what is in the reader's own step and in the tests."""
    paths = [my_path(number), *sorted(TESTS.glob("*.py"))]
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in paths))
    return digest.hexdigest()


def read(name):
    """A note of what is in my/; an empty one if it is missing or damaged."""
    try:
        return json.loads((MY / f".{name}.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def write(name, note):
    (MY / f".{name}.json").write_text(json.dumps(note, indent=1), encoding="utf-8")


def absent(number):
    """A sentence if there is no my/stepNN.py, or None."""
    if not my_path(number).exists():
        path = shown_path(my_path(number))
        return f"There is no {path} yet; make start-step {number} writes it."


def mine(number):
    """Test the reader's own step; when it passes, its demo, and what comes next."""
    if sentence := absent(number):
        return sentence
    passed, report = tested(number)
    print(report, end="")
    if not passed:
        return 1
    print("", *demo_beside_lesson(number), "", sep="\n")
    print(f"Step {number} is yours. Beside ours: make diff-mine {number}")
    if number < ledger.step_numbers()[-1]:
        print(f"Next is {title(number + 1)}: make start-step {number + 1}")
    else:
        print("It was the last. Run the examples on it: make framework MINE=1")


def demo_beside_lesson(number):
    """What the reader's own demo prints, beside the lesson's Output if that differs."""
    path = my_path(number)
    environ = {**os.environ, "PYTHONUTF8": "1"}
    run = subprocess.run(
        [environment.python(), path], cwd=ROOT, env=environ, capture_output=True
    )
    found = (run.stdout + run.stderr).decode(errors="replace").splitlines()
    lesson = ledger.lesson(ledger.step_source(number))
    expected = ledger.expected_output(lesson).splitlines()
    if found == expected:
        return [heading("Your demo prints what the lesson says:"), *found]
    lines = [line for line in difflib.ndiff(expected, found) if line[0] != "?"]
    words = "Your demo prints the lines with +, the lesson says those with -:"
    return [heading(words), *map(coloured_line, lines)]


# Hints


def hint(number):
    """Print a hint for where the reader stands; a larger one at each call."""
    if sentence := absent(number):
        return sentence
    passed, report = tested(number)
    if passed:
        print(f"{shown_path(my_path(number))} passes its test, and needs no hint.")
        return
    notes = read("hints")
    found = next_hint(number, report, notes.get(str(number)))
    if found is None:
        return report
    (name, level), lines = found
    write("hints", {**notes, str(number): (name, level)})
    print(heading(f"{name}, hint {level} of 3"), "", *lines, sep="\n")
    if level < 3:
        print("", f"A larger hint: make hint-step {number}", sep="\n")


def next_hint(number, report, last):
    """A hint on what a report is about: the name and the level, and its lines.

    It is larger than the last one, given as its name and level, if that was on the
    same definition. None for theory, and for a file that is no Python as yet.
    """
    name = stands_at(number, report) if my_definitions(number) else None
    if name is None:
        return None
    before, level = last or (name, 0)
    level = min(level + 1, 3) if before == name else 1
    return (name, level), hints(number, report, name)[level - 1]


def stands_at(number, report):
    """The definition to look at next, by what the failing test says; None for theory.

    The report names it, or the line it is in. Else it is one that the report speaks
    of, better one that is still as start-step wrote it.
    """
    names = writable(number)
    found = re.search(r"step \d+: (\S+) is yours|has no (\S+), which step", report)
    named = (found[1] or found[2]) if found else ""
    owner = ledger.owner(named)
    untouched = [name for name in names if is_untouched(number, name)]
    spoken = [n for n in names if re.search(rf"\b{n.split('.')[-1]}\b", report)]
    both = [name for name in spoken if name in untouched]
    sure = [named, owner, f"{owner}.__init__", at_line(number, report)]
    guessed = both + spoken + untouched + names
    return next((name for name in sure + guessed if name in names), None)


def at_line(number, report):
    """The definition at the line of the reader's own file that a report names."""
    path = my_path(number)
    line = re.search(rf"{path.name}, line (\d+)", report)
    source = path.read_text(encoding="utf-8")
    return ledger.owners(source)[int(line[1]) - 1] if line else None


def my_definitions(number):
    """The definitions in the reader's own step; none if it is no Python as yet."""
    try:
        return ledger.definitions(my_path(number).read_text(encoding="utf-8"))
    except (SyntaxError, ValueError):
        return {}


def is_untouched(number, name):
    """True if the reader's own definition is missing or as start-step wrote it."""
    text = my_definitions(number).get(name, "")
    marks = f"# step {number} changes this", f"step {number}: {name} is yours"
    return not text or any(mark in text for mark in marks)


def hints(number, report, name):
    """Three hints, each as lines: where to look, the contract, our code."""
    source = ledger.step_source(number)
    text = ledger.definitions(source)[name]
    contract = stub(source, name) if name in nodes(source) else text
    return (
        [f"Look at {name}, for this test fails:", "", report.rstrip()],
        [textwrap.dedent(contract), "", *paragraph(number, name)],
        [textwrap.dedent(text)],
    )


def paragraph(number, name):
    """The lines of the lesson's paragraph on a definition, or on the class it is in."""
    sections = ledger.lesson(ledger.step_source(number)).sections
    lines = [*sections.get("In the code", []), "", *sections.get("Idea", [])]
    parts = [p for p in "\n".join(lines).split("\n\n") if not p.startswith("New:")]
    for above, part in zip(parts, parts[1:]):
        if part == f"    [{name}]":
            return above.split("\n")
    for word in filter(None, [name, name.split(".")[-1], ledger.owner(name)]):
        for part in parts:
            if re.search(rf"\b{re.escape(word)}\b", part):
                return part.split("\n")
    return []


# Side by side


def diff_mine(number, now=False):
    """Print the reader's own definitions of a step beside ours, once they pass."""
    if sentence := absent(number):
        return sentence
    if not now and not passes(number):
        return (
            f"{shown_path(my_path(number))} does not pass its test yet. "
            f"To see it beside ours anyway: make diff-mine {number} NOW=1"
        )
    ours = ledger.definitions(ledger.step_source(number))
    try:
        own = ledger.definitions(my_path(number).read_text(encoding="utf-8"))
    except (SyntaxError, ValueError) as error:
        return f"{shown_path(my_path(number))} cannot be compared: {error}"
    for name in writable(number):
        if name not in own:
            print(heading(f"{name} is in ours only"), *ours[name].split("\n"), sep="\n")
        elif own[name] == ours[name]:
            print(heading(f"{name} is as ours"))
        else:
            lines = changed_lines(ours[name].split("\n"), own[name].split("\n"))
            head = heading(f"{name}: - ours, + mine")
            print(head, *map(coloured_line, lines), "", sep="\n")


# All at a glance


def watch(number):
    """Test the reader's own step at each save, until it passes."""
    if sentence := absent(number):
        return sentence
    seen = saved_at(my_path(number))
    while mine(number):
        print("", "Waiting for the next save; Ctrl-C ends this.", sep="\n")
        while saved_at(my_path(number)) in (seen, None):
            time.sleep(0.5)
        seen = saved_at(my_path(number))
    if number < ledger.step_numbers()[-1] and sys.stdin.isatty():
        if input("Start it now? (y/n) ").strip().lower().startswith("y"):
            return start(number + 1)


def saved_at(path):
    """When a file was saved; None while an editor puts a new one in its place."""
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return None


def progress():
    """Print which of the steps the reader has written."""
    begun = my_numbers()
    done = [number for number in begun if passes(number)]
    marks = {n: "·" for n in ledger.step_numbers()}
    marks |= {n: coloured("○", "33") for n in begun}
    marks |= {n: coloured("●", "32") for n in done}
    for first in range(1, len(marks) + 1, 10):
        row = [marks[n] for n in range(first, first + 10) if n in marks]
        print(f"{first:02}  {' '.join(row)}")
    left = len(begun) - len(done)
    print(f"\n● passes: {len(done)}   ○ begun: {left}   of {len(marks)}")
    for number in [*begun, *marks]:
        if number not in done:
            goal = "test-mine" if number in begun else "start-step"
            print(f"Next is {title(number)}: make {goal} {number}")
            return


def framework():
    """Cut a package from the reader's last step that passes, for the examples."""
    passing = next(filter(passes, reversed(my_numbers())), None)
    if passing is None:
        return "No step in my/ passes its test yet, so there is nothing to cut."
    words = [environment.python(), "-m", "tools.cut", my_path(passing), PACKAGES]
    if subprocess.run(words, cwd=ROOT).returncode:
        return 1
    path = os.pathsep.join([shown_path(PACKAGES), "."])
    python = environment.python().removeprefix(f"{ROOT}{os.sep}")
    setting = f"PYTHONPATH={path}"
    if environment.WINDOWS:
        setting = f"set {setting}&&"
    print("The examples run on it, as far as it has what they ask for:")
    print(f"    {setting} {python} -P -m examples.spiral")
