"""What a reader types: run the steps, test them, show what each one changes.

    python -m tools.steps               the list of commands
    python -m tools.steps diff 14       what the Makefile calls "make diff-step 14"

What needs packages runs in .venv, which is made when it is first needed.
"""

import argparse
import difflib
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tools import environment, ledger

ROOT = environment.ROOT
SECONDS = 120  # a step that takes longer is taken for hung
HELP = """\
make run             run all steps in order, a line each
make test            test all steps and the package

make run-step 14     run one step
make show-step 14    its lesson, and only the code that is new or changed
make diff-step 14    what it changes over step 13, definition by definition
make test-step 14    its own test, up to the first failure
                     (STEP_FILE=my14.py: the same test on your own file)
make test-gpu        the newest step on a GPU, if CuPy finds one

make propagate 14    carry an edit of step 14 into all later steps
make framework       cut the package framework/ out of the last step
make faults 14       plant faults in step 14: which does its test not catch?
make check           lint, format, the rules all steps keep, tests of the tools
make check-all       the same, and each test on every later step
make bench           time the last step and the package beside PyTorch

Without make: python -m tools.steps run, test, show 14, diff 14, test 14 …
"""
NUMBERED = ("propagate", "framework", "faults")  # goals that are not named …-step


# Numbers and colours


def step_number(text, command):
    """The number of a step that a reader gave; a line of usage if it is none."""
    numbers = ledger.step_numbers()
    if text.isascii() and text.isdigit() and int(text) in numbers:
        return int(text)
    goal = command if command in NUMBERED else f"{command}-step"
    given = f", not {text!r}" if text else ""
    usage(
        f"usage: make {goal} N (or python -m tools.steps {command} N); "
        f"N is the number of a step, {numbers[0]} to {numbers[-1]}{given}."
    )


def usage(line):
    """End with a line of usage."""
    print(line, file=sys.stderr)
    raise SystemExit(2)


def coloured(text, code):
    """The text in a colour of the terminal; as it is in a pipe, or under NO_COLOR."""
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    if plain or not sys.stdout.isatty():
        return text
    return f"\x1b[{code}m{text}\x1b[0m"


def heading(text):
    return coloured(text, "1;36")


def coloured_line(line):
    """A line of a diff: green what is added, red what is removed."""
    code = {"+": "32", "-": "31"}.get(line[:1])
    return coloured(line, code) if code else line


def count(n, what):
    """ "1 line" or "2 lines"."""
    return f"{n} {what}" if n == 1 else f"{n} {what}s"


# What a step changes


def kind(name, text):
    """What sort of definition this is: class, method, function, operator, constant."""
    code = [line.strip() for line in text.split("\n")]
    first = next(line for line in code if line[0] not in "#@")
    if first.startswith("class "):
        return "class"
    if first.startswith("def "):
        if "." not in name:
            return "function"
        return "property" if "@property" in code else "method"
    return "operator" if "." in name else "constant"


def whole_text(name, definitions):
    """The text of a definition; of a class, with its methods."""
    methods = [
        text
        for other, text in definitions.items()
        if other.startswith(f"{name}.") and text.startswith(" ")
    ]
    return "\n\n".join([definitions[name], *methods])


def place_of(name, source, path):
    """Where a definition starts: "steps/step14.py:30"."""
    return f"{path}:{ledger.owners(source).index(name) + 1}"


def replacements(old, new):
    """What a change of lines amounts to: "2 lines replaced, 1 line added"."""
    replaced = added = removed = 0
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    for _, i0, i1, j0, j1 in (o for o in matcher.get_opcodes() if o[0] != "equal"):
        n, m = i1 - i0, j1 - j0
        replaced += min(n, m)
        added += max(m - n, 0)
        removed += max(n - m, 0)
    amounts = {"replaced": replaced, "added": added, "removed": removed}
    return ", ".join(f"{count(n, 'line')} {verb}" for verb, n in amounts.items() if n)


def changed_lines(old, new):
    """The lines of a diff, three lines of context around each change."""
    lines = list(difflib.unified_diff(old, new, lineterm="", n=3))[2:]
    return ["  …" if line.startswith("@@") else line for line in lines]


def import_lines(source):
    """The imports of a step that its framework code uses; the demo may use more."""
    parts = ledger.Parts.of(source)
    lines = parts.imports.split("\n")
    return [s for s in lines if s and re.search(rf"\b{s.split()[-1]}\b", parts.body)]


def differences(old, new, path):
    """(heading, lines) for each definition of the text `new` that differs from `old`.

    `path` is the name of the file that stands before the number of the line.
    """
    changes = ledger.changes(old, new)
    olds, news = ledger.definitions(old), ledger.definitions(new)
    if import_lines(old) != import_lines(new):
        a, b = import_lines(old), import_lines(new)
        lines = [line for line in difflib.ndiff(a, b) if line[0] in "+-"]
        yield "imports", [line[0] + line[2:] for line in lines]
    for name, text in news.items():
        where = f"{place_of(name, new, path)}  "
        if name in changes.new:
            lines = whole_text(name, news).split("\n")
            yield f"{where}new {kind(name, text)} {name}", [f"+{s}" for s in lines]
        if name in changes.changed:
            a, b = olds[name].split("\n"), text.split("\n")
            what = f"class {name}" if kind(name, text) == "class" else name
            lines = changed_lines(a, b)
            if lines[0] == "  …":
                del lines[0]
            yield f"{where}in {what}, {replacements(a, b)}", lines
    for name in changes.removed:
        lines = whole_text(name, olds).split("\n")
        yield f"removed {kind(name, olds[name])} {name}", [f"-{s}" for s in lines]


def diff(number):
    """Print what a step changes over the one before, definition by definition."""
    old, new = ledger.step_source(number - 1), ledger.step_source(number)
    found = list(differences(old, new, shown_path(ledger.step_path(number))))
    for title, lines in found:
        print(heading(title), "", *map(coloured_line, lines), "", sep="\n")
    if not found:
        print(
            f"Step {number} changes nothing in the framework of step {number - 1}: "
            f"what is new is its demo, at the end of steps/step{number:02}.py."
        )


def show(number):
    """Print a step's lesson, and the definitions that are new in it or changed."""
    old, new = ledger.step_source(number - 1), ledger.step_source(number)
    lesson = ledger.lesson(new)
    print(heading(f"Step {lesson.number} · {lesson.title}"))
    for title, lines in lesson.sections.items():
        print("", heading(title), *lines, sep="\n")
    changes, definitions = ledger.changes(old, new), ledger.definitions(new)
    for name, text in definitions.items():
        if name in changes.new or name in changes.changed:
            where = place_of(name, new, shown_path(ledger.step_path(number)))
            verb = "new" if name in changes.new else "changed"
            text = whole_text(name, definitions) if verb == "new" else text
            title = f"{where}  {verb} {kind(name, text)} {name}"
            print("", heading(title), "", text, sep="\n")
    if not changes.new and not changes.changed:
        print("", "No definition of the framework is new or changed.", sep="\n")


def shown_path(path):
    """A path from the project's root, with / on every system."""
    path = path.resolve()
    return (path.relative_to(ROOT) if path.is_relative_to(ROOT) else path).as_posix()


# Running steps


def title_of(source):
    """The title in the lesson of a step; "" if it has none."""
    try:
        return ledger.lesson(source).title
    except (SyntaxError, ValueError):
        return ""


def last_line(text):
    """The last line of an error's traceback: what went wrong."""
    lines = text.strip().split("\n")
    return lines[-1].strip() or "it ended with an error but no message"


def difference_from_lesson(source, output):
    """A sentence on the first line that the lesson's Output has otherwise, or None."""
    try:
        expected = ledger.expected_output(ledger.lesson(source))
    except (SyntaxError, ValueError):
        return None  # a file of the reader's own needs no lesson
    if expected in ("", output):
        return None
    pairs = zip(expected.split("\n"), output.split("\n"))
    for number, (a, b) in enumerate(pairs, 1):
        if a != b:
            return f"line {number} of the output is {b!r}, but the lesson says {a!r}"
    return "the output is longer or shorter than the lesson says"


def run_file(path, python):
    """Run a step; returns what went wrong, in a line, or None.

    The cache of downloads is an empty one: what a step prints is then the same for
    all readers, and is held against its lesson.
    """
    try:
        with tempfile.TemporaryDirectory() as cache:
            result = subprocess.run(
                [python, path],
                cwd=ROOT,
                env={
                    **os.environ,
                    "PYTHONIOENCODING": "utf-8",
                    "SIXTY_STEPS_CACHE": cache,
                },
                capture_output=True,
                timeout=SECONDS,
            )
    except subprocess.TimeoutExpired:
        return f"it takes more than {SECONDS} seconds"
    if result.returncode:
        return last_line(result.stderr.decode(errors="replace"))
    output = result.stdout.decode(errors="replace").replace("\r\n", "\n")
    return difference_from_lesson(path.read_text(encoding="utf-8"), output)


def run_all(folder, python):
    """Run the steps of a folder in order, a line each; returns the failed numbers."""
    failed = []
    paths = sorted(folder.glob("step*.py"))
    begin = time.perf_counter()
    for path in paths:
        number = path.stem.removeprefix("step")
        title = title_of(path.read_text(encoding="utf-8"))
        print(f"{number}  {title:<44}", end="", flush=True)
        start = time.perf_counter()
        error = run_file(path.resolve(), python)
        seconds = f"{time.perf_counter() - start:6.2f} s  "
        if error:
            failed.append(number)
        verdict = coloured(f"FAILED: {error}", "31") if error else coloured("ok", "32")
        print(seconds + verdict, flush=True)
    if not paths:
        usage(f"There is no stepNN.py in {folder}.")
    total = f"{count(len(paths), 'step')} in {time.perf_counter() - begin:.0f} s"
    print(f"{total}; failed: {', '.join(failed)}" if failed else f"{total}, all ok")
    return failed


# Commands


def python_command(*command):
    """Run Python on these words in .venv; returns its exit status."""
    return subprocess.run([environment.python(), *command], cwd=ROOT).returncode


def is_option(word):
    """True for -x and --steps-dir, but not for -3."""
    return bool(re.match("--?[a-z]", word))


def command_help(words):
    print(HELP, end="")
    return 0


def command_run(words):
    parser = Parser("run")
    parser.add_argument("number", nargs="?")
    parser.add_argument("--steps-dir", type=Path, default=ledger.STEPS)
    options = parser.parse_args(words)
    if options.number is None:
        return bool(run_all(options.steps_dir, environment.python()))
    number = step_number(options.number, "run")
    return python_command(options.steps_dir.resolve() / f"step{number:02}.py")


def test_files():
    """The tests of the steps and the package; then those of what serves them."""
    paths = sorted((ROOT / "tests").glob("test_*.py"))
    wanted = re.compile("test_(step[0-9]+|functions|package|gpu)")
    own = [str(path) for path in paths if wanted.fullmatch(path.stem)]
    return own, [str(path) for path in paths if str(path) not in own]


def command_test(words):
    if words and not is_option(words[0]) and ".py" not in words[0]:
        number = step_number(words[0], "test")
        path = str(ROOT / "tests" / f"test_step{number:02}.py")
        words = ["--first-failure", path, *words[1:]]
    elif not any(".py" in word for word in words):
        words = ["-q", *words, *test_files()[0]]
    return python_command("-m", "pytest", *words)


def command_test_gpu(words):
    return python_command("-m", "pytest", "tests/test_gpu.py", "--gpu", *words)


def command_diff(words):
    parser = Parser("diff")
    parser.add_argument("number", nargs="?", default="")
    return diff(step_number(parser.parse_args(words).number, "diff"))


def command_show(words):
    parser = Parser("show")
    parser.add_argument("number", nargs="?", default="")
    return show(step_number(parser.parse_args(words).number, "show"))


def command_propagate(words):
    if not words or not is_option(words[0]):
        step_number("".join(words[:1]), "propagate")
    return python_command("-m", "tools.propagate", *words)


def command_framework(words):
    if words and not is_option(words[0]):
        step_number(words[0], "framework")
    return python_command("-m", "tools.cut", *words)


def command_faults(words):
    numbers = [str(step_number(word, "faults")) for word in words]
    return python_command("-m", "tools.faults", *numbers)


def command_bench(words):
    programs = sorted((ROOT / "benchmarks").glob("*.py"))
    names = [program.stem for program in programs]
    if words and words[0] not in names:
        usage(f"usage: make bench ARGS='NAME ...'; NAME is {', '.join(names)}.")
    chosen = [program for program in programs if program.stem in words[:1] or not words]
    return max(python_command(str(program), *words[1:]) for program in chosen)


def command_check(words):
    parser = Parser("check")
    parser.add_argument("--all", action="store_true")
    options = parser.parse_args(words)
    python = environment.python()
    environment.provide(python, "ruff")
    programs = [
        ["ruff", "check"],
        ["ruff", "format", "--check"],
        ["pytest", "-q", *test_files()[1], *(["--triangle"] if options.all else [])],
    ]
    failed = []
    for program in programs:
        if subprocess.run([python, "-m", *program], cwd=ROOT).returncode:
            failed.append(" ".join(program[:2]))
    return bool(failed)


COMMANDS = {
    "help": command_help,
    "run": command_run,
    "test": command_test,
    "test-gpu": command_test_gpu,
    "diff": command_diff,
    "show": command_show,
    "propagate": command_propagate,
    "framework": command_framework,
    "faults": command_faults,
    "bench": command_bench,
    "check": command_check,
}


class Parser(argparse.ArgumentParser):
    """Reads the words after a command; what is wrong with them is said in a line."""

    def __init__(self, command):
        super().__init__(prog=f"python -m tools.steps {command}")

    def error(self, message):
        usage(f"{self.prog}: {message}.")


def main(words):
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace")
    command = words[0] if words else "help"
    if command not in COMMANDS:
        usage(
            f"usage: python -m tools.steps COMMAND; there is no command {command!r}, "
            f"but {', '.join(COMMANDS)}."
        )
    try:
        status = COMMANDS[command](words[1:])
        sys.stdout.flush()  # a closed pipe is to be noticed here, not at the exit
        return status
    except BrokenPipeError:  # of "make diff-step 14 | head"
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
