"""Run steps, and hold what they print against their lessons."""

import os
import subprocess
import tempfile
import time

from tools import environment, ledger
from tools.show import coloured, count

ROOT = environment.ROOT
SECONDS = 120  # a step that takes longer is taken for hung


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
    total = f"{count(len(paths), 'step')} in {time.perf_counter() - begin:.0f} s"
    print(f"{total}; failed: {', '.join(failed)}" if failed else f"{total}, all ok")
    return failed
