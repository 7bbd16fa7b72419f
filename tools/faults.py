"""Plant one-line faults in what a step adds, and see whether the step's own test fails.

    python -m tools.faults 14         the faults that step 14's test does not catch
    python -m tools.faults            a line a step: faults, caught, share

A fault is a flipped sign, a swapped operand, another operator, another number,
a negated condition, a call left out, or a statement left out. They are planted
only in lines that differ from the step before. This needs Linux or macOS.
"""

import ast
import difflib
import multiprocessing
import os
import signal
import sys
import tempfile
from pathlib import Path

import numpy  # noqa: F401  (imported here once, for all the processes)
import pytest

from tools import ledger

ROOT = Path(__file__).resolve().parent.parent
SECONDS = 60  # a test that takes longer has been hung by the fault, and so caught it
PAIRS = [
    (ast.Add, ast.Sub),
    (ast.Mult, ast.Div),
    (ast.Is, ast.IsNot),
    (ast.In, ast.NotIn),
    (ast.Eq, ast.NotEq),
    (ast.Lt, ast.GtE),
    (ast.Gt, ast.LtE),
]
OTHER = {a: b for pair in PAIRS for a, b in (pair, pair[::-1])}
OTHER |= {ast.Pow: ast.Mult, ast.MatMult: ast.Mult}
STATEMENTS = ast.Assign | ast.AugAssign | ast.Expr | ast.Raise | ast.Return


def new_lines(old, new):
    """The numbers of the framework's lines in `new` that are not in `old`."""
    a, b = old.splitlines(), new[: ledger.demo_start(new)].splitlines()
    blocks = difflib.SequenceMatcher(None, a, b, autojunk=False).get_matching_blocks()
    kept = {block.b + i for block in blocks for i in range(block.size)}
    return {i + 1 for i in range(len(b)) if i not in kept}


def faulty_expressions(node):
    """The expressions that a slip could have put in the place of this one."""
    match node:
        case ast.BinOp(a, op, b):
            if type(op) in OTHER:
                yield ast.BinOp(a, OTHER[type(op)](), b)
            if isinstance(op, ast.Sub | ast.Div | ast.Pow | ast.MatMult):
                yield ast.BinOp(b, op, a)
        case ast.Compare(a, [op, *_], others) if type(op) in OTHER:
            yield ast.Compare(a, [OTHER[type(op)]()], others)
        case ast.UnaryOp(_, x) | ast.Call(args=[x], keywords=[]):
            if not isinstance(x, ast.Starred):
                yield x
        case ast.BoolOp(values=values):
            yield from values
        case ast.IfExp(_, a, b):
            yield from (a, b)
        case ast.Constant(bool() as value):
            yield ast.Constant(not value)
        case ast.Constant(int() | float() as value):
            yield ast.Constant(value + 1)
        case ast.Tuple([a, b]) if ast.dump(a) != ast.dump(b):
            yield ast.Tuple([b, a], ast.Load())


def not_looked_into(tree):
    """The nodes in error messages, docstrings and targets of assignments."""
    for node in ast.walk(tree):
        match node:
            case ast.Raise() | ast.Expr(ast.Constant()):
                yield from ast.walk(node)
            case ast.Assign(targets=[*targets]) | ast.AugAssign(target=targets):
                for target in targets if isinstance(targets, list) else [targets]:
                    yield from ast.walk(target)


def faults_in(source, lines):
    """(line number, what it says now, the whole text with the fault) for each fault."""
    tree = ast.parse(source)
    skipped = {*not_looked_into(tree)}
    for node in ast.walk(tree):
        if getattr(node, "lineno", None) not in lines:
            continue
        others = [] if node in skipped else map(ast.unparse, faulty_expressions(node))
        texts = [f"({other})" for other in others]
        if isinstance(node, STATEMENTS) and not ledger.is_docstring(node):
            texts.insert(0, "pass")
        for text in texts:
            yield node.lineno, text, replaced(source, node, text)


def replaced(source, node, text):
    """The source with `text` where `node` was."""
    lines = source.encode().splitlines(keepends=True)
    start = sum(map(len, lines[: node.lineno - 1])) + node.col_offset
    end = sum(map(len, lines[: node.end_lineno - 1])) + node.end_col_offset
    data = b"".join(lines)
    return (data[:start] + text.encode() + data[end:]).decode()


def caught(number, source):
    """True if the test of step `number` fails on this text of the step, or hangs."""
    test = ROOT / "tests" / f"test_step{number:02}.py"
    with tempfile.TemporaryDirectory() as folder, open(os.devnull, "w") as nowhere:
        path = Path(folder) / f"step{number:02}.py"
        path.write_text(source, encoding="utf-8")
        Path(folder, "data").symlink_to(ROOT / "data")
        os.environ["STEP_FILE"] = str(path)
        os.chdir(folder)  # what a fault writes to a wrong place is gone with it
        os.dup2(nowhere.fileno(), 1)
        os.dup2(nowhere.fileno(), 2)
        signal.signal(signal.SIGALRM, hung)
        signal.alarm(SECONDS)
        try:
            return pytest.main(["-x", "-q", "-p", "no:cacheprovider", test]) != 0
        except TimeoutError:
            return True
        finally:
            os.chdir(ROOT)


def hung(signum, frame):
    raise TimeoutError("The fault made the test hang.")


def report(number, pool, verbose):
    """Plant every fault of a step; print what its test misses; return (caught, all)."""
    source = ledger.step_source(number)
    lines = new_lines(ledger.step_source(number - 1), source)
    faults = list(faults_in(source, lines))
    if pool.apply(caught, (number, source)):
        raise SystemExit(f"The test of step {number} fails without any fault.")
    found = pool.starmap(caught, [(number, text) for _, _, text in faults], 1)
    for line, text, _ in (f for f, is_caught in zip(faults, found) if not is_caught):
        if verbose:
            print(
                f"  line {line}: {source.splitlines()[line - 1].strip()}   ->   {text}"
            )
    counts = sum(found), len(faults)
    if faults:
        print(f"step {number:2}  {in_words(*counts)}", flush=True)
    return counts


def in_words(found, planted):
    share = found / planted if planted else 1
    return f"{planted:5} faults  {found:5} caught  {share:4.0%}"


def main(numbers):
    fork = multiprocessing.get_context("fork")
    with fork.Pool(maxtasksperchild=1) as pool:  # each fault has a process of its own
        chosen = numbers or ledger.step_numbers()
        totals = [report(number, pool, bool(numbers)) for number in chosen]
    print(f"in all   {in_words(*map(sum, zip(*totals)))}")


if __name__ == "__main__":
    main([int(word) for word in sys.argv[1:]])
