"""What a reader types: run the steps, test them, show them, write one's own.

    python -m tools.steps               the list of commands
    python -m tools.steps diff 14       what the Makefile calls "make diff-step 14"

What needs packages runs in .venv, which is made when it is first needed.
"""

import argparse
import os
import re
import subprocess
import sys
from pathlib import Path

from tools import environment, ledger, running, show, workshop

ROOT = environment.ROOT
HELP = """\
make run             run all steps in order, a line each
make test            test all steps and the package
make run-step 14     run one step
make show-step 14    its lesson with its code (ANSWERS=1: and the answers)
make diff-step 14    what it changes over step 13, definition by definition
make test-step 14    its own test (STEP_FILE=my14.py: on your own file)
make test-gpu        the newest step on a GPU, if CuPy finds one
make start-step 14   begin to write step 14 yourself, in my/step14.py
make test-mine 14    test it, up to the first failure
make watch-step 14   test it at each save
make hint-step 14    a hint, and a larger one at each call
make diff-mine 14    yours beside ours
make progress        which steps you have, of all
make propagate 14    carry an edit of step 14 into all later steps
make framework       cut the package out of the last step (MINE=1: your last)
make faults 14       plant faults in step 14: which does its test not catch?
make check           lint, format, the rules all steps keep, tests of the tools
make check-all       the same, and each test on every later step
make site            build the site, every step in the browser, into out/site
make site-serve      show it on this machine
make check-site      test it in Chromium
make check-site-all  run all demos and tests of the steps in Chromium
make bench           time the last step and the package beside PyTorch
Without make: python -m tools.steps run, show 14, start 14, test-mine 14 …
"""
# Goals that take a number and are not named …-step.
NUMBERED = ("propagate", "framework", "faults", "test-mine", "diff-mine")


# Numbers


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
        if not any(options.steps_dir.glob("step*.py")):
            usage(f"There is no stepNN.py in {options.steps_dir}.")
        return bool(running.run_all(options.steps_dir, environment.python()))
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


def command_propagate(words):
    if not words or not is_option(words[0]):
        step_number("".join(words[:1]), "propagate")
    return python_command("-m", "tools.propagate", *words)


def numbered(command, function, *flags):
    """The command that calls a function with the number of a step, and these flags."""

    def run(words):
        parser = Parser(command)
        parser.add_argument("number", nargs="?", default="")
        for flag in flags:
            parser.add_argument(f"--{flag}", action="store_true")
        options = vars(parser.parse_args(words))
        return function(step_number(options.pop("number"), command), **options)

    return run


def command_progress(words):
    Parser("progress").parse_args(words)
    return workshop.progress()


def command_framework(words):
    if "--mine" in words:
        return workshop.framework()
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


def command_site(command):
    """The command that builds the site, or serves it."""

    def run(words):
        Parser(command).parse_args(words)
        program = [sys.executable, ROOT / "site" / "build.py", *command.split("-")[1:]]
        return subprocess.run(program, cwd=ROOT).returncode

    return run


def command_check_site(*which):
    """The command that tests the site in Chromium."""

    def run(words):
        program = [sys.executable, ROOT / "site" / "check.py", *which, *words]
        return subprocess.run(program, cwd=ROOT).returncode

    return run


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
    "diff": numbered("diff", show.diff),
    "show": numbered("show", show.step, "answers"),
    "start": numbered("start", workshop.start, "again"),
    "test-mine": numbered("test-mine", workshop.mine),
    "hint": numbered("hint", workshop.hint),
    "diff-mine": numbered("diff-mine", workshop.diff_mine, "now"),
    "watch": numbered("watch", workshop.watch),
    "progress": command_progress,
    "propagate": command_propagate,
    "framework": command_framework,
    "faults": command_faults,
    "bench": command_bench,
    "site": command_site("site"),
    "site-serve": command_site("site-serve"),
    "check-site": command_check_site(),
    "check-site-all": command_check_site("all"),
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
