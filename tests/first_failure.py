"""What a failing test of a step says: the code, what came of it, and the rule.

tests/test_step14.py, line 15:

    x = var(step, 3.0)
    y = step.add(x, x)
    y.backward()
    assert y.data == 6.0
  > assert array(x.grad) == 2.0, "y = x + x = 2x, so x.grad must be 2."

array(x.grad) should be 2.0, but is 1.0.
y = x + x = 2x, so x.grad must be 2.
"""

import ast
import re
import reprlib
import textwrap
from pathlib import Path

import numpy as np
import pytest

FAILED = pytest.fail.Exception
TESTS = Path(__file__).resolve().parent
LINES, WIDTH, SHORT = 6, 100, 4  # of code; of a value, in letters; in elements
WORDS = {
    "==": "be",
    "is": "be",
    "!=": "differ from",
    "is not": "be another object than",
    "in": "be in",
    "not in": "not be in",
    "<": "be less than",
    "<=": "be at most",
    ">": "be more than",
    ">=": "be at least",
}
SHOWN = reprlib.Repr()  # stands it if repr() of the file under test is an error
SHOWN.maxother = SHOWN.maxstring = WIDTH
compared = None  # operator, left and right of the last comparison that failed


class Unwritten(BaseException):
    """A definition of a reader's own file that is still to be written.

    It is no Exception, so that a test that asks for an error is not content with it.
    """


def uncatchable(source):
    """The text of a step in which no test can take a skeleton's error for its own."""
    return source.replace('raise NotImplementedError("step ', 'raise Unwritten("step ')


class FirstFailure:
    """Prints the first failure alone, or how many tests there are if all pass."""

    passed = 0

    def pytest_runtest_logreport(self, report):
        self.passed += report.passed and report.when == "call"
        if report.failed:
            print(report.longrepr)

    def pytest_collectreport(self, report):
        if report.failed:
            print(report.longrepr)

    def pytest_keyboard_interrupt(self, excinfo):
        print(excinfo.value)

    def pytest_sessionfinish(self, exitstatus):
        if exitstatus == 0:
            print(f"All {self.passed} tests pass.")


# Words


def plain(value):
    """A value as a reader would write it: arrays and Variables as their numbers."""
    value = value.data if hasattr(value, "creator") else value
    if isinstance(value, np.ndarray | np.generic):
        many = value.size > SHORT
        return f"an array of shape {value.shape}" if many else repr(value.tolist())
    if type(value) in (list, tuple):
        inner = ", ".join(map(plain, value))
        comma = "," if len(value) == 1 else ""
        return f"[{inner}]" if isinstance(value, list) else f"({inner}{comma})"
    if isinstance(value, np.dtype):
        return value.name
    if type(value).__repr__ is object.__repr__:
        return f"a {type(value).__name__}"
    return getattr(value, "__name__", SHOWN.repr(value))


def clipped(text, times=1):
    """The text, or its beginning if it is long."""
    return text if len(text) <= times * WIDTH else f"{text[: times * WIDTH]} …"


def sentence(text):
    """The text in one line that is not too long and ends in a full stop."""
    text = clipped(re.sub(r"step_under_test_\w+\.", "", " ".join(text.split())), 4)
    return text if text.endswith((".", "!", "?")) else f"{text}."


def comparison(left, op, right, values):
    """A sentence on two expressions: what the left one should be, and what it is."""
    found, expected = values
    name, place = ast.unparse(left), worst(*values) if op == "==" else None
    if place:
        name = f"{name}[{', '.join(map(str, place))}]"
        found, expected = np.asarray(found)[place], np.asarray(expected)[place]
    found, expected = clipped(plain(found)), clipped(plain(expected))
    if op.startswith("is"):
        found = "another object" if found == expected else found
        expected = ast.unparse(right)
    if isinstance(left, ast.Constant):
        return sentence(f"{found} should {WORDS[op]} {expected}")
    return sentence(f"{name} should {WORDS[op]} {expected}, but is {found}")


def worst(found, expected):
    """The place where two long arrays of one shape differ most, or None."""
    try:
        found, expected = np.asarray(found, float), np.asarray(expected, float)
    except (TypeError, ValueError):
        return None
    if found.shape != expected.shape or found.size <= SHORT:
        return None
    distances = np.nan_to_num(np.abs(found - expected), nan=np.inf)
    return tuple(map(int, np.unravel_index(np.argmax(distances), found.shape)))


# The place


def innermost(tree, kind, line):
    """The smallest statement of a kind that holds a line."""
    nodes = [node for node in ast.walk(tree) if isinstance(node, kind)]
    nodes = [node for node in nodes if node.lineno <= line <= node.end_lineno]
    return min(nodes, key=lambda node: node.end_lineno - node.lineno)


def failed_statement(entry, limit):
    """A statement of a test, and the lines of its function up to its end."""
    text, line = Path(entry.path).read_text(encoding="utf-8"), entry.lineno + 1
    tree = ast.parse(text)
    statement = innermost(tree, ast.stmt, line)
    function = innermost(tree, ast.FunctionDef, line)
    body = function.body[bool(ast.get_docstring(function)) :]
    whole = isinstance(statement, ast.With) or not hasattr(statement, "body")
    end = min(statement.end_lineno, statement.lineno + limit - 1) if whole else line
    start = max(body[0].lineno, end - limit + 1)
    lines = textwrap.dedent("\n".join(text.split("\n")[start - 1 : end])).split("\n")
    marks = ["    >" if i == line else "     " for i in range(start, end + 1)]
    return statement, [f"{mark} {text}" for mark, text in zip(marks, lines) if text]


def code(item, entries):
    """The statement that failed; the lines to show, those of its caller included."""
    lines = []
    for entry in entries:
        limit = LINES if len(entries) == 1 else LINES // 2
        statement, text = failed_statement(entry, limit)
        case = item.name.removeprefix(item.originalname)
        lines += [f"tests/{entry.path.name}, line {entry.lineno + 1} {case}".strip()]
        lines += text
    return statement, lines


# What is wrong, and the rule


def missing_name(error):
    """The name that an AttributeError asked a step for; None if it is not about one."""
    owner = getattr(error, "obj", None)
    if getattr(error, "name", None) == "__dict__":
        return None  # copy and pickle look for it; a class with __slots__ has none
    if is_under_test(getattr(owner, "__name__", None)):
        return error.name
    owner = owner if isinstance(owner, type) else type(owner)
    return f"{owner.__name__}.{error.name}" if is_under_test(owner.__module__) else None


def is_under_test(name):
    """True for the name of a module of a step under test, or of the package."""
    return str(name).startswith(("step_under_test_", "framework."))


def refusal(statement, error):
    """A sentence on a pytest.raises() that did not get what it asks for."""
    (raises,) = [i.context_expr for i in statement.items if "raises" in ast.unparse(i)]
    if error.__context__ is None:
        call, expected = ast.unparse(statement.body[-1]), ast.unparse(raises.args[0])
        return sentence(f"{call} should raise {expected}, but raises nothing")
    (match,) = [ast.unparse(k.value) for k in raises.keywords if k.arg == "match"]
    return sentence(f"The message should match {match}, but is: {error.__context__}")


def truth(test, values):
    """A sentence on an assert without a comparison, with the values of its names."""
    nodes = [n for n in ast.walk(test) if isinstance(n, ast.Name | ast.Attribute)]
    names, said = {ast.unparse(node) for node in nodes}, [ast.unparse(test)]
    for name in sorted(names):
        is_part = any(other.startswith(f"{name}.") for other in names)
        first, *rest = name.split(".")
        value = values.get(first, truth)
        for attribute in rest:
            value = getattr(value, attribute, truth)
        if not is_part and not callable(value):
            said.append(f"{name} is {clipped(plain(value))} ({type(value).__name__})")
    return sentence(f"This should be true: {'; '.join(said)}")


def in_numpy(traceback):
    """The arguments of the function of numpy.testing that failed, or None."""
    for entry in traceback:
        names = entry.frame.f_locals
        if entry.name.startswith("assert_") and "desired" in names:
            return names
    return None


def what_is_wrong(statement, excinfo, entry, path):
    """A sentence: what came, and what should have come."""
    error, numpy = excinfo.value, in_numpy(excinfo.traceback)
    if numpy and "assert_" in ast.unparse(statement):
        left, right = statement.value.args[:2]
        return comparison(left, "==", right, (numpy["actual"], numpy["desired"]))
    if isinstance(statement, ast.With) and type(error) in (AssertionError, FAILED):
        return refusal(statement, error)
    if is_own(statement, excinfo, entry):
        test = statement.test
        if isinstance(test, ast.Compare) and len(test.ops) == 1 and compared:
            op, *sides = compared
            return comparison(test.left, op, test.comparators[0], sides)
        return truth(test, entry.frame.f_locals)
    return raised(excinfo, path)


def raised(excinfo, path):
    """A sentence: the error, and the line of the file under test that it came from."""
    if excinfo.type is Unwritten:
        return sentence(str(excinfo.value))
    lines = [e.lineno + 1 for e in excinfo.traceback if str(e.path) == str(path)]
    place = f"{path.name}, line {lines[-1]}: " if lines else ""
    return sentence(f"{place}{excinfo.type.__name__}: {excinfo.value}")


def is_own(statement, excinfo, entry):
    """True if the assert of the test failed, and nothing that was called in it."""
    is_assert = isinstance(statement, ast.Assert) and excinfo.type is AssertionError
    return is_assert and excinfo.traceback[-1] is entry


def rule(item, statement, excinfo, entry):
    """The message of the assert, the docstring of the test, or its name in words."""
    numpy = in_numpy(excinfo.traceback)
    if numpy and numpy["err_msg"]:
        return sentence(numpy["err_msg"])
    if is_own(statement, excinfo, entry) and statement.msg:
        return sentence(str(excinfo.value).partition("\nassert ")[0])
    if item.function.__doc__:
        return sentence(item.function.__doc__.partition("\n\n")[0])
    name = item.originalname.removeprefix("test_").replace("_", " ")
    return sentence(f"Rule: {name}")


def told(item, excinfo, number, path):
    """The report of a failed test of step `number` on the file at this path."""
    entries = [e for e in excinfo.traceback if Path(e.path).parent == TESTS]
    entries = [e for e in entries if e.name[0] != "<" and e.path.name != "conftest.py"]
    if not entries:  # the file under test cannot be imported
        return raised(excinfo, path)
    statement, lines = code(item, entries[:: len(entries) - 1 or 1])
    name = missing_name(excinfo.value)
    if name and str(excinfo.traceback[-1].path) != str(path):
        wrong = f"{path.name} has no {name}, which step {number} asks for."
    else:
        wrong = what_is_wrong(statement, excinfo, entries[-1], path)
    return "\n".join([*lines, "", wrong, rule(item, statement, excinfo, entries[-1])])
