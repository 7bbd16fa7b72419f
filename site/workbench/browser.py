"""The Python side of the workbench: runs, tests and hints at what is in the editor.

It runs inside Pyodide, where no process can be started: pytest is called here.
"""

import base64
import contextlib
import io
import json
import os
import runpy
import shutil
import sys
import traceback

from tools import ledger, workshop
from tools.skeleton import skeleton

ROOT = workshop.ROOT
PICTURES = {".dot": "dot", ".svg": "image/svg+xml", ".png": "image/png"}
UNDRAWN, DRAWN = "is not drawn: install Graphviz (graphviz.org).", "is drawn below."


def answer(call, arguments, post):
    """What the page asks for, as JSON; `post` sends it JSON on the way."""
    result = CALLS[call](**json.loads(arguments), post=lambda **n: post(json.dumps(n)))
    sys.stdout.flush()
    sys.stderr.flush()
    return json.dumps(result)


def write(number, text):
    """Put the text of the editor where the workshop looks for it."""
    path = workshop.my_path(number)
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


# Run


class Asked:
    """Notes that a program asks for matplotlib, which the browser has to load first."""

    def __init__(self):
        self.matplotlib = False

    def find_spec(self, name, path=None, target=None):
        self.matplotlib |= name == "matplotlib"


def run(number, text, post):
    """Run the text as a program, from the project's folder."""
    path, pictures, asked = write(number, text), ROOT / "out", Asked()
    post(expected=ledger.expected_output(ledger.lesson(ledger.step_source(number))))
    shutil.rmtree(pictures, ignore_errors=True)
    os.environ["SIXTY_STEPS_CACHE"] = str(ROOT / "cache")
    os.chdir(ROOT)
    sys.meta_path.append(asked)
    before = {*sys.modules}
    try:
        with contextlib.redirect_stderr(Told(sys.stderr)):
            error = error_of(path)
    finally:
        sys.meta_path.remove(asked)
        forget(before)
    found = sorted(pictures.rglob("*")) if pictures.exists() else []
    return {
        "error": error,
        "matplotlib": asked.matplotlib,
        "pictures": [picture(p) for p in found if p.suffix in PICTURES],
    }


class Told(io.TextIOBase):
    """stderr, with the truth about graphs: the page draws them."""

    def __init__(self, stream):
        self.stream = stream

    def write(self, text):
        return self.stream.write(text.replace(UNDRAWN, DRAWN))

    def flush(self):
        self.stream.flush()


def error_of(path):
    """Run a file; the error that ended it, as text from its own lines on, or None."""
    try:
        runpy.run_path(str(path), run_name="__main__")
    except SystemExit as end:
        return str(end.code) if isinstance(end.code, str) else None
    except BaseException as error:
        frames = error.__traceback__
        while frames and frames.tb_frame.f_code.co_filename != str(path):
            frames = frames.tb_next
        told = traceback.format_exception(type(error), error, frames)
        return as_named("".join(told))


def as_named(text):
    """A text with the names of files as the page has them."""
    return text.replace(f"{workshop.MY}/", "").replace(f"{ROOT}/", "")


def picture(path):
    """A picture that a run made, for the page to show."""
    data = base64.b64encode(path.read_bytes()).decode()
    kind = PICTURES[path.suffix]
    return {"name": path.relative_to(ROOT).as_posix(), "kind": kind, "data": data}


def forget(before):
    """Forget the modules of the project that a run has imported."""
    for name in {*sys.modules} - before:
        if str(getattr(sys.modules[name], "__file__", None)).startswith(f"{ROOT}/"):
            del sys.modules[name]


# Check


class Counter:
    """Tells the page how many tests have passed so far."""

    def __init__(self, post):
        self.post, self.passed = post, 0

    def pytest_runtest_logreport(self, report):
        if report.when == "call" and report.passed:
            self.passed += 1
            self.post(passed=self.passed)


def tested(number, text, post, options=("--first-failure",)):
    """Test the text by the step's own test: (True if it passes, what pytest said)."""
    import pytest

    os.environ["STEP_FILE"] = str(write(number, text))
    os.chdir(ROOT)
    words = [*options, "-p", "no:cacheprovider", str(workshop.test_path(number))]
    before, said = {*sys.modules}, io.StringIO()
    try:
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            status = pytest.main(words, plugins=[Counter(post)])
    finally:
        forget(before)
    return status == 0, said.getvalue().replace("my/step", "step")


def check(number, text, post):
    """Test the text, up to the first failure."""
    passed, report = tested(number, text, post)
    return {"passed": passed, "report": report}


def test(number, text, post):
    """Test the text to the end, and say what is skipped and why."""
    passed, report = tested(number, text, post, ["-q", "-rs", "--tb=short"])
    return {"passed": passed, "report": report}


# Begin, and hints


def start(number, base, post):
    """The text of a step to be written, on top of base, the reader's step before.

    Where there is no such text, or none that can be carried on, it is our own step.
    """
    whose = "your"
    try:
        text = skeleton(number, base)
    except (SyntaxError, ValueError, AttributeError, TypeError):
        text, whose = skeleton(number, ledger.step_source(number - 1)), "our"
    origin = f"This is {whose} step {number - 1}; what is new is left for you to write."
    if number == 1:
        origin = "All of its code is left for you to write."
    return {"text": text, "tasks": "\n".join(workshop.tasks(number)), "origin": origin}


def hint(number, text, last, post):
    """A hint on the first failure; `last` is the name and the level of the last one."""
    passed, report = tested(number, text, post)
    found = None if passed else workshop.next_hint(number, report, last)
    if found is None:
        title = "It passes its test, and needs no hint." if passed else "What fails:"
        return {"last": None, "title": title, "lines": report}
    (name, level), lines = found
    more = " Press Hint again for a larger one." if level < 3 else ""
    title = f"{name}, hint {level} of 3.{more}"
    return {"last": (name, level), "title": title, "lines": "\n".join(lines)}


# Other programs


def example(text, post):
    """Run an example of a column."""
    path = ROOT / "example.py"
    path.write_text(text, encoding="utf-8")
    os.chdir(ROOT)
    before, folders = {*sys.modules}, [*sys.path]
    try:
        return {"error": error_of(path)}
    finally:
        sys.path[:] = folders
        forget(before)


CALLS = {
    "run": run,
    "check": check,
    "test": test,
    "start": start,
    "hint": hint,
    "example": example,
}
