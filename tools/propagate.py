"""Carry an edit of a step into all later steps.

    python -m tools.propagate 14           carry what was edited in step 14, uncommitted
    python -m tools.propagate --continue   go on after a stop, once it is mended

Each step j takes in what changed in step j - 1: a three-way merge of each definition
(base: j - 1 in the last commit, ours: j, theirs: j - 1 as it is now). Where that
conflicts, the conflict is marked in the file and the run stops. Lessons and demos are
each step's own. After each step: its lesson's ledger is right, and its test passes.
In the end the package framework/ is cut again from the last step.

What is carried is what differs from the last commit. So a run that stopped, or was
killed, goes on behind the last step that differs, and remembers nothing. A step that
you put back as it was takes nothing over: there the edit ends.
"""

import argparse
import io
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from tools import cut, environment, ledger
from tools.ledger import Parts

ROOT = Path(__file__).resolve().parent.parent
MARKER = re.compile(r"^(<{7}|\|{7}|>{7}) ", re.MULTILINE)


def name_of(number):
    return f"steps/{ledger.step_path(number).name}"


def git(*words):
    """What git prints for these words, and its exit status."""
    run = subprocess.run(["git", *words], cwd=ROOT, capture_output=True)
    return run.stdout.decode(), run.returncode


def committed(number):
    """The text of a step in the last commit."""
    text, status = git("show", f"HEAD:./{name_of(number)}")
    if status:
        raise ValueError(f"{name_of(number)} is not in the last commit.")
    return text


# Merging


def merge(base, ours, theirs):
    """Ours with what theirs changed over base, and all imports of both."""
    base, ours, theirs = map(Parts.of, (base, ours, theirs))
    body = merge_definitions(base.body, ours.body, theirs.body)
    return ours.lesson + ours.imports + theirs.imports + body + ours.demo


def pieces(body):
    """The body cut at its definitions: {key: (lines in front, lines of it)}.

    A class that goes on after a method has several pieces.
    """
    found, gap, last = {}, "", None
    for line, name in zip(io.StringIO(body), ledger.owners(body)):
        if name is None or line.isspace():
            gap += line
            continue
        if last and last[0] == name:
            front, text = found[last]
            found[last] = front, text + gap + line
        else:
            last = name, sum(key[0] == name for key in found)
            found[last] = gap, line
        gap = ""
    found["end"] = gap, ""
    return found


def merge_definitions(base, ours, theirs):
    """The three-way merge of each definition for itself."""
    base, ours, theirs = pieces(base), pieces(ours), pieces(theirs)
    merged = ""
    for key in joint_order(base, ours, theirs):
        nothing = theirs[key][0] if key in theirs else "", ""
        old, own, new = (side.get(key, nothing) for side in (base, ours, theirs))
        text = merge_lines(old[1], own[1], new[1])
        if text or key == "end":
            merged += (new[0] if own[0] == old[0] else own[0]) + text
    return merged


def joint_order(base, ours, theirs):
    """The keys of ours; and, each after its predecessor, those that only theirs has."""
    order, i = list(ours), 0
    inside = {key for side in (theirs, ours) for key in side if side[key][1][:1] == " "}
    for key in theirs:
        if key in ours:
            i = order.index(key) + 1
        elif theirs[key] != base.get(key):
            while key not in inside and order[i] in inside:
                i += 1  # out of the class that ours goes on with
            order.insert(i, key)
            i += 1
    return order


def merge_lines(base, ours, theirs):
    """The three-way merge of texts by lines, with marks where they conflict."""
    if theirs in (base, ours):
        return ours
    if base == ours:
        return theirs
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / name for name in ("ours", "base", "theirs")]
        for path, text in zip(paths, (ours, base, theirs)):
            path.write_text(text, encoding="utf-8", newline="\n")
        labels = ["-L", "this step", "-L", "before the edit", "-L", "the step before"]
        return git("merge-file", "-p", "--diff3", *labels, *map(str, paths))[0]


# A run


def carry(number):
    """Carry what changed in the step before into a step; True if that changes it."""
    path, ours = ledger.step_path(number), ledger.step_source(number)
    base, theirs = committed(number - 1), ledger.step_source(number - 1)
    path.write_text(merge(base, ours, theirs), encoding="utf-8", newline="\n")
    tidy(number)
    return ledger.step_source(number) != ours


def tidy(number):
    """Let ruff sort the imports of a step, and drop those that it does not use."""
    words = ["check", "-q", "--fix", "--select", "F401,I"]
    environment.ruff(*words, ledger.step_path(number))


def check(number, tests):
    """A ValueError if a step has a conflict, a wrong ledger, or fails its test."""
    source, name = ledger.step_source(number), name_of(number)
    if MARKER.search(source):
        raise ValueError(f"{name} has lines of its own where the edit is: see <<<<<<<.")
    try:
        check_ledger(ledger.step_source(number - 1), source)
    except (SyntaxError, ValueError) as error:
        raise ValueError(f"{name}: {error}") from error
    if tests:
        check_test(number)


def check_ledger(old, new):
    """A ValueError if the lesson does not say what the step changes."""
    found, stated = ledger.changes(old, new), ledger.stated_changes(ledger.lesson(new))
    for kind, names in vars(found).items():
        if wrong := {*names} ^ {*vars(stated)[kind]}:
            raise ValueError(f"The lesson is wrong on what is {kind}: {sorted(wrong)}.")
    if moved := ledger.out_of_order(old, new):
        raise ValueError(f"{moved[0]} stands elsewhere than in the step before.")


def check_test(number):
    """A ValueError if the test of a step fails."""
    test = f"tests/test_step{number:02}.py"
    command = [sys.executable, "-m", "pytest", "-qx", "-p", "no:cacheprovider", test]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if run.returncode:
        raise ValueError(f"{run.stdout}\nThe test of step {number} fails.")


def run(number, tests):
    """Check an edited step, and carry its edit into all later ones."""
    tidy(number)
    check(number, tests)
    for later in range(number + 1, ledger.step_numbers()[-1] + 1):
        is_changed = carry(later)
        print(f"step {later:2}  {'carried' if is_changed else 'as it was'}", flush=True)
        check(later, tests and is_changed)
        if not is_changed:  # nor will those behind it be
            break
    cut.cut(ledger.step_numbers()[-1])


def main(words=None):
    parser = argparse.ArgumentParser(prog="python -m tools.propagate")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("step", nargs="?", type=int, help="the step that was edited")
    what.add_argument("--continue", action="store_true", dest="go_on")
    parser.add_argument("--no-tests", action="store_false", dest="tests")
    options = parser.parse_args(words)
    names = git("diff", "--name-only", "--relative", "HEAD")[0].split()
    changed = [n for n in ledger.step_numbers() if name_of(n) in names]
    number = changed[-1] if options.go_on and changed else options.step
    if changed[-1:] != [number]:
        return (
            f"Steps that differ from the last commit: {changed or 'none'}. "
            "Only the last of them can be carried on; commit the others first."
        )
    try:
        run(number, options.tests)
    except ValueError as stop:
        return f"{stop} Put it right, then go on with: make propagate CONTINUE=1"
    print("Commit all of them together.")


if __name__ == "__main__":
    sys.exit(main())
