"""Carry an edit of a step into all later steps.

    python -m tools.propagate 14           carry what was edited in step 14, uncommitted
    python -m tools.propagate --continue   go on after a stop, once it is mended
    python -m tools.propagate --forget     give up a run that stopped; files stay as is

Each step j takes in what changed in step j - 1: a three-way merge of the framework
code (base: the old j - 1, ours: j, theirs: the new j - 1), by lines; where that
conflicts, definition by definition; where that conflicts, too, the conflict is
marked in the file and the run stops. Lessons and demos are each step's own. After
each step: it parses, its lesson's ledger is still right, and its test passes. Where
there is the package framework/, it is cut again from the last step in the end.

What a run knows is in one file in the .git folder, written before and after each
step, so that a run that is killed can go on as well.
"""

import argparse
import ast
import functools
import io
import itertools
import json
import os
import re
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass, field
from pathlib import Path

from tools import cut, ledger
from tools.cut import write

ROOT = Path(__file__).resolve().parent.parent
GO_ON = "Then go on with: make propagate CONTINUE=1"
MARKER = re.compile(r"^(<{7}|\|{7}|>{7}) ", re.MULTILINE)


class Stop(Exception):
    """Why a run cannot go on, as a sentence."""


# Files and git


def git(*arguments):
    """What git prints for these arguments, and its exit status."""
    try:
        run = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True)
    except FileNotFoundError as error:
        raise Stop("This needs git, which is not there.") from error
    return run.stdout.decode(), run.returncode


def head():
    """The last commit."""
    commit, status = git("rev-parse", "--verify", "HEAD")
    if status:
        raise Stop("An edit is what differs from the last commit, and there is none.")
    return commit.strip()


def name_of(number):
    return f"steps/{ledger.step_path(number).name}"


def source_of(number):
    """The text of a step, which must parse."""
    source = ledger.step_source(number)
    try:
        ast.parse(source)
    except SyntaxError as error:
        where = f"{name_of(number)}, line {error.lineno}"
        raise Stop(f"{where}, is not Python: {error.msg}.") from error
    return source


@functools.cache
def committed(commit, number):
    """The text of a step in a commit."""
    text, status = git("show", f"{commit}:./{name_of(number)}")
    if status:
        raise Stop(f"Step {number} is not in the last commit: commit it first.")
    return text


# What a run knows


@functools.cache
def state_path(root):
    """The file in the .git folder where what a run knows is kept."""
    return root / git("rev-parse", "--git-path", "propagate.json")[0].strip()


@dataclass
class State:
    """What a run knows; all of it outlives the run, until the next commit.

    An edit of an edit can so be carried on without a commit in between.
    """

    commit: str  # old versions of steps are those in this commit ...
    taken: dict[str, str] = field(default_factory=dict)  # ... or what j + 1 took of j
    step: int | None = None  # the step being carried into, while a run is under way
    merged: str | None = None  # its text as merged, known before it is written
    written: bool = False  # True once it is written, until it has been checked

    @classmethod
    def load(cls):
        """The state of the run under way, or of the last one, if still of use."""
        commit, path = head(), state_path(ROOT)
        if not path.exists():
            return cls(commit)
        state = cls(**json.loads(path.read_text(encoding="utf-8")))
        return state if state.step or state.commit == commit else cls(commit)

    def save(self, **changes):
        """Change some of what is known, and keep it."""
        for name, value in changes.items():
            setattr(self, name, value)
        write(state_path(ROOT), json.dumps(asdict(self)))

    def old(self, number):
        """The version of a step that the next one was built on."""
        version = committed(self.commit, number)
        if ledger.step_source(number + 1) == committed(self.commit, number + 1):
            return version
        return self.taken.get(str(number), version)


# Merging


@dataclass
class Parts:
    """A step's text in four parts, each with all its lines."""

    lesson: str
    imports: str
    body: str
    demo: str

    @classmethod
    def of(cls, source):
        start = ledger.demo_start(source)
        lines = io.StringIO(source[:start]).readlines()
        statements = ledger.parsed(source).body
        lesson = [s.end_lineno for s in statements[:1] if ledger.is_docstring(s)]
        imports = [s.end_lineno for s in statements if is_import(s)]
        i = max(lesson, default=0)
        j = max(imports, default=i)
        texts = ("".join(part) for part in (lines[:i], lines[i:j], lines[j:]))
        return cls(*texts, source[start:])


def is_import(node):
    return isinstance(node, ast.Import | ast.ImportFrom)


def merge(base, ours, theirs, names):
    """Ours with what theirs changed over base; and how it was merged.

    Lines can be merged into the wrong place without a conflict, such as a method
    into the function below its class. So the definitions must come out the same
    either way; if they don't, what was merged definition by definition counts.
    """
    base, ours, theirs = Parts.of(base), Parts.of(ours), Parts.of(theirs)
    bodies = base.body, ours.body, theirs.body
    body, clean = merge_lines(*bodies, names)
    other, other_clean = merge_definitions(*bodies, names)
    how = "carried"
    if not clean or other_clean and not same_definitions(body, other):
        body, how = other, "carried, definition by definition"
        how = how if other_clean else "CONFLICT"
    rest = body + ours.demo
    imports = merge_imports(ours.imports, theirs.imports, rest)
    return ours.lesson + imports + rest, how


def same_definitions(body, other):
    try:
        return ledger.definitions(body) == ledger.definitions(other)
    except (SyntaxError, ValueError):
        return False


def merge_lines(base, ours, theirs, names):
    """The three-way merge of texts by lines; True with it if nothing conflicts."""
    if base == theirs or ours == theirs:
        return ours, True
    if base == ours:
        return theirs, True
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / name for name in ("ours", "base", "theirs")]
        for path, text in zip(paths, (ours, base, theirs)):
            path.write_text(text, encoding="utf-8", newline="\n")
        labels = [word for name in names for word in ("-L", name)]
        text, status = git("merge-file", "-p", "--diff3", *labels, *map(str, paths))
    if status > 127:  # it is the number of conflicts, up to 127
        raise Stop("git merge-file failed.")
    return text, status == 0


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


def merge_definitions(base, ours, theirs, names):
    """The three-way merge of each definition for itself."""
    base, ours, theirs = pieces(base), pieces(ours), pieces(theirs)
    merged, all_clean = "", True
    for key in joint_order(base, ours, theirs):
        nothing = theirs[key][0] if key in theirs else "", ""
        old, own, new = (side.get(key, nothing) for side in (base, ours, theirs))
        text, clean = merge_lines(old[1], own[1], new[1], names)
        if text or key == "end":
            merged += (new[0] if own[0] == old[0] else own[0]) + text
        all_clean = all_clean and clean
    return merged, all_clean


def joint_order(base, ours, theirs):
    """The keys of ours; and, each after its predecessor, those that only theirs has."""
    order, i, piece = list(ours), 0, theirs | ours
    for key in theirs:
        if key in ours:
            i = order.index(key) + 1
        elif theirs[key] != base.get(key):
            while is_inside(piece[order[i]]) and not is_inside(theirs[key]):
                i += 1  # out of the class that ours goes on with
            order.insert(i, key)
            i += 1
    return order


def is_inside(piece):
    """True if the piece is part of a class, but not its head."""
    return piece[1].startswith(" ")


def merge_imports(ours, theirs, rest):
    """Our imports, and of theirs those that are used, less those that no longer are."""
    own, used = statements(ours), used_names(rest)
    kept = [s for s in own if bound(s) & used]
    added = [s for s in statements(theirs) if s not in own and bound(s) & used]
    if kept + added == own:
        return ours
    groups = itertools.groupby(sorted(kept + added, key=import_order), key=is_foreign)
    return "".join("\n" + "".join(group) for _, group in groups)


def statements(imports):
    """The import statements in a text, each with all its lines."""
    lines = io.StringIO(imports).readlines()
    nodes = ast.parse(imports).body
    return ["".join(lines[node.lineno - 1 : node.end_lineno]) for node in nodes]


def bound(statement):
    """The names that an import statement binds."""
    aliases = ast.parse(statement).body[0].names
    return {alias.asname or alias.name.partition(".")[0] for alias in aliases}


def used_names(code):
    """The names that code uses; all words in it, if a conflict is marked there."""
    try:
        nodes = ast.walk(ast.parse(code))
    except SyntaxError:
        return set(re.findall(r"\w+", code))
    return {node.id for node in nodes if isinstance(node, ast.Name)}


def is_foreign(statement):
    """True if a statement imports what is not in the standard library."""
    return statement.split()[1].partition(".")[0] not in sys.stdlib_module_names


def import_order(statement):
    """The place of an import: standard library first, `import` before `from`."""
    return is_foreign(statement), statement.startswith("from"), statement


# A run


def check(number, tests):
    """Stop unless a step parses, says what it changes, and passes its test."""
    if MARKER.search(ledger.step_source(number)):
        raise Stop(
            f"Step {number} has lines of its own where the edit is. Put right what is "
            f"between <<<<<<< and >>>>>>> in {name_of(number)}."
        )
    try:
        check_ledger(ledger.step_source(number - 1), source_of(number))
    except ValueError as error:
        raise Stop(f"{name_of(number)}: {error} Put it right.") from error
    if tests:
        run_test(number)


def check_ledger(before, source):
    """A ValueError if the lesson does not say what the step changes."""
    found = ledger.changes(before, source)
    stated = ledger.stated_changes(ledger.lesson(source))
    for kind, names in asdict(found).items():
        wrong = sorted(set(names) ^ set(getattr(stated, kind)))
        if wrong:
            raise ValueError(f"The lesson is wrong on what is {kind}: {wrong}.")
    moved = ledger.out_of_order(before, source)
    if moved:
        raise ValueError(f"{moved[0]} stands elsewhere than in the step before.")


def run_test(number):
    """Stop unless the test of the step, if there is one, passes."""
    test = ROOT / "tests" / f"test_step{number:02}.py"
    command = [sys.executable, "-m", "pytest", "-qx", "-p", "no:cacheprovider", test]
    environment = {**os.environ, "STEP_FILE": str(ledger.step_path(number))}
    if not test.exists():
        return
    run = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True
    )
    if run.returncode:
        raise Stop(f"{run.stdout}\nThe test of step {number} fails. Put it right.")


def take_in(state, number):
    """Merge into a step what changed in the one before; say how that went."""
    before, ours = source_of(number - 1), ledger.step_source(number)
    how = "carried"
    if ours != state.merged:  # else the run was killed right after it had written
        labels = f"step {number}", "before the edit", f"step {number - 1}"
        merged, how = merge(state.old(number - 1), source_of(number), before, labels)
        how = "as it was" if merged == ours else how
        state.save(merged=merged)
        write(ledger.step_path(number), merged)
    state.save(taken={**state.taken, str(number - 1): before}, written=True)
    return how


def carry_on(state, tests):
    """Go on from where the state says to the last step."""
    try:
        while state.step in ledger.step_numbers():
            how = "mended" if state.written else take_in(state, state.step)
            print(f"step {state.step:2}  {how}", flush=True)
            check(state.step, tests and how != "as it was")
            state.save(step=state.step + 1, merged=None, written=False)
        if (ROOT / cut.NAME).exists():
            cut.cut(state.step - 1)
    except (Stop, ValueError) as stop:
        raise Stop(f"{stop} {GO_ON}") from stop
    print(f"Step {state.step - 1} is the last. Commit all of them together.")
    state.save(step=None)


def start(number, tests):
    """Carry the edit of a step into all later ones."""
    state = State.load()
    if state.step:
        raise Stop(
            f"A run has stopped at step {state.step}. {GO_ON}; "
            "or give it up with: make propagate FORGET=1"
        )
    edited = [n for n in ledger.step_numbers()[:-1] if is_edited(state, n)]
    if number not in edited:
        others = f" Edited are: {', '.join(map(str, edited))}." if edited else ""
        raise Stop(f"There is nothing in step {number} to carry on.{others}")
    check(number, tests)
    state.save(step=number + 1)
    carry_on(state, tests)


def is_edited(state, number):
    """True if a step's framework code is not what the next step was built on."""
    old, new = Parts.of(state.old(number)), Parts.of(source_of(number))
    return (old.imports, old.body) != (new.imports, new.body)


def go_on(tests):
    """Go on with the run that stopped."""
    state = State.load()
    if not state.step:
        raise Stop("There is no run to go on with.")
    carry_on(state, tests)


def forget():
    """Give up the run that stopped; the files stay as they are."""
    State.load().save(step=None, merged=None, written=False)


def main(words=None):
    parser = argparse.ArgumentParser(
        prog="python -m tools.propagate", description=__doc__.split("\n")[0]
    )
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("step", nargs="?", type=int, help="the step that was edited")
    what.add_argument("--continue", action="store_true", dest="go_on")
    what.add_argument("--forget", action="store_true", help="give up a stopped run")
    parser.add_argument("--no-tests", action="store_false", dest="tests")
    options = parser.parse_args(words)
    try:
        if options.forget:
            forget()
        elif options.go_on:
            go_on(options.tests)
        else:
            ledger.step_source(options.step)
            start(options.step, options.tests)
    except (Stop, ValueError) as stop:
        print(stop, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
