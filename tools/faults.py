"""Plant one-line faults in what a step adds, and see whether the step's own test fails.

    python -m tools.faults 14         the faults that step 14's test does not catch
    python -m tools.faults            a line a step: faults, caught, share

A fault is a flipped sign, a swapped operand, another operator, another number,
a negated condition, a call left out, or a statement left out. They are planted
only in lines that differ from the step before.
"""

import argparse
import ast
import difflib
import multiprocessing
import os
import signal
import tempfile
from pathlib import Path

import numpy  # noqa: F401  (imported here once, for all the processes)
import pytest

from tools import ledger

ROOT = Path(__file__).resolve().parent.parent
SECONDS = (
    60  # a test that takes longer has been hung by the fault, which is caught, too
)
OPERATORS = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.Pow: ast.Mult,
    ast.MatMult: ast.Mult,
}
COMPARISONS = {
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Lt: ast.GtE,
    ast.GtE: ast.Lt,
    ast.Gt: ast.LtE,
    ast.LtE: ast.Gt,
}
STATEMENTS = (ast.Assign, ast.AugAssign, ast.Expr, ast.Raise, ast.Return)


def new_lines(old, new):
    """The numbers of the framework's lines in `new` that are not in `old`."""
    start = new.count("\n", 0, ledger.demo_start(new))
    a, b = old.splitlines(), new.splitlines()[:start]
    blocks = difflib.SequenceMatcher(None, a, b, autojunk=False).get_matching_blocks()
    kept = {block.b + i for block in blocks for i in range(block.size)}
    return {i + 1 for i in range(len(b)) if i not in kept}


def faulty_expressions(node):
    """The expressions that a slip could have put in the place of this one."""
    if isinstance(node, ast.BinOp):
        if type(node.op) in OPERATORS:
            yield ast.BinOp(node.left, OPERATORS[type(node.op)](), node.right)
        if isinstance(node.op, ast.Sub | ast.Div | ast.Pow | ast.MatMult):
            yield ast.BinOp(node.right, node.op, node.left)
    elif isinstance(node, ast.UnaryOp):
        yield node.operand
    elif isinstance(node, ast.Compare) and type(node.ops[0]) in COMPARISONS:
        yield ast.Compare(
            node.left, [COMPARISONS[type(node.ops[0])]()], node.comparators
        )
    elif isinstance(node, ast.BoolOp):
        yield from node.values
    elif isinstance(node, ast.IfExp):
        yield from (node.body, node.orelse)
    elif isinstance(node, ast.Constant) and isinstance(node.value, bool):
        yield ast.Constant(not node.value)
    elif isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        yield ast.Constant(node.value + 1)
    elif isinstance(node, ast.Call) and len(node.args) == 1 and not node.keywords:
        if not isinstance(node.args[0], ast.Starred):
            yield node.args[0]
    elif isinstance(node, ast.Tuple) and len(node.elts) == 2:
        if ast.dump(node.elts[0]) != ast.dump(node.elts[1]):
            yield ast.Tuple(node.elts[::-1], ast.Load())


def is_docstring(node):
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def faults_in(source, lines):
    """(line number, what it says now, the whole text with the fault) for each fault."""
    tree = ast.parse(source)
    skipped = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Raise) or is_docstring(node):
            skipped.update(
                ast.walk(node)
            )  # what an error says is not tested word by word
        if isinstance(node, ast.Assign | ast.AugAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            skipped.update(inner for target in targets for inner in ast.walk(target))
    for node in ast.walk(tree):
        if getattr(node, "lineno", None) not in lines or is_docstring(node):
            continue
        if isinstance(node, STATEMENTS):
            yield node.lineno, "pass", replaced(source, node, "pass")
        if node not in skipped:
            for other in faulty_expressions(node):
                text = f"({ast.unparse(other)})"
                yield node.lineno, text, replaced(source, node, text)


def replaced(source, node, text):
    """The source with `text` where `node` was."""
    lines = source.encode().splitlines(keepends=True)
    start = sum(map(len, lines[: node.lineno - 1])) + node.col_offset
    end = sum(map(len, lines[: node.end_lineno - 1])) + node.end_col_offset
    data = b"".join(lines)
    return (data[:start] + text.encode() + data[end:]).decode()


def caught(number, source):
    """True if the test of step `number` fails on this text of the step."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"step{number:02}.py"
        path.write_text(source, encoding="utf-8")
        Path(folder, "data").symlink_to(ROOT / "data")
        os.environ["STEP_FILE"] = str(path)
        test = ROOT / "tests" / f"test_step{number:02}.py"
        signal.alarm(SECONDS)
        with open(os.devnull, "w") as nowhere:
            os.chdir(folder)  # what a fault writes to a wrong place is gone with it
            os.dup2(nowhere.fileno(), 1)
            os.dup2(nowhere.fileno(), 2)
            try:
                return pytest.main(["-x", "-q", "-p", "no:cacheprovider", test]) != 0
            except TimeoutError:
                return True


def hung(signum, frame):
    raise TimeoutError("The fault made the test hang.")


def start_process():
    """Each fault has a process of its own; a test that hangs is interrupted."""
    signal.signal(signal.SIGALRM, hung)
    os.chdir(ROOT)


def step_faults(number):
    """The faults of step `number`: (line number, new text, whole source)."""
    source = ledger.step_path(number).read_text(encoding="utf-8")
    before = ledger.step_path(number - 1)
    old = before.read_text(encoding="utf-8") if number > 1 else ""
    return list(faults_in(source, new_lines(old, source)))


def report(number, pool, verbose):
    """Plant every fault of a step; print what its test misses; return (caught, all)."""
    faults = step_faults(number)
    source = ledger.step_path(number).read_text(encoding="utf-8")
    if pool.apply(caught, (number, source)):
        raise SystemExit(f"The test of step {number} fails without any fault.")
    results = pool.starmap(caught, [(number, text) for _, _, text in faults], 1)
    source = source.splitlines()
    for (line, text, _), found in zip(faults, results):
        if verbose and not found:
            print(f"  line {line}: {source[line - 1].strip()}   ->   {text}")
    if faults:
        share = sum(results) / len(faults)
        counts = f"{len(faults):4} faults  {sum(results):4} caught  {share:4.0%}"
        print(f"step {number:2}  {counts}")
    return sum(results), len(faults)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument(
        "steps", nargs="*", type=int, help="the steps; all, if none is named"
    )
    numbers = parser.parse_args().steps
    fork = multiprocessing.get_context("fork")
    with fork.Pool(initializer=start_process, maxtasksperchild=1) as pool:
        totals = [
            report(n, pool, bool(numbers)) for n in numbers or ledger.step_numbers()
        ]
    found, planted = map(sum, zip(*totals))
    share = f" ({found / planted:.0%})" if planted else ""
    print(f"{found} of {planted} faults caught{share}")


if __name__ == "__main__":
    main()
