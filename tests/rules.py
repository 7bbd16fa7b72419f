"""The rules that all steps keep. A rule returns its complaints, as sentences.

A rule is about the text of one step, or about those of two steps in a row.
"""

import ast
import contextlib
import difflib
import functools
import importlib
import io
import os
import random
import re
import statistics
import sys
import threading
import types

import numpy as np

from tools import ledger

IMPORTABLE = {*sys.stdlib_module_names, "numpy"}
IN_FUNCTIONS = IMPORTABLE | {"graphviz", "pygraphviz", "matplotlib", "PIL", "cupy"}
EVENTS = ("open", "os.", "shutil.", "socket.", "subprocess.", "urllib.", "tempfile.")
LESSON_WIDTH = 79
OBVIOUS_METHODS = {"forward", "backward", "update_one", "prepare"}
MAIN_LINES, BODY_LINES, MEDIAN_LINES = 25, 40, 5
BUDGET = 60

FUNCTION = ast.FunctionDef | ast.AsyncFunctionDef
IDLE = ast.Name | ast.Attribute | ast.Constant | ast.BinOp | ast.Compare
JUMP = ast.Return | ast.Raise | ast.Continue | ast.Break


parse = functools.lru_cache(maxsize=200)(ast.parse)


def functions(tree):
    """All functions and methods in a tree, those in functions included."""
    return [node for node in ast.walk(tree) if isinstance(node, FUNCTION)]


def demo(source):
    """The text of the demo."""
    return source[ledger.demo_start(source) :]


def body(node):
    """The statements of a class or function, less its docstring."""
    return node.body[1:] if ast.get_docstring(node) is not None else node.body


# Imports


def imports(source):
    """(package, True if it is imported in a function) for each import."""
    tree = parse(source)
    inner = {node for function in functions(tree) for node in ast.walk(function)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name.partition(".")[0], node in inner
        elif isinstance(node, ast.ImportFrom):
            package = "" if node.level else node.module.partition(".")[0]
            yield package, node in inner


def standalone(source):
    """A step imports NumPy and the standard library; more only in a function."""
    for package, in_function in imports(source):
        if package not in (IN_FUNCTIONS if in_function else IMPORTABLE):
            where = "in a function" if in_function else "at the top"
            yield f"imports {package or 'a neighbour'} {where}"


heard = None  # the events of the import under way; a hook cannot be taken away again


def listen(event, arguments):
    if heard is not None and event.startswith(EVENTS):
        heard.append(f"{event} {arguments[:1]}")


sys.addaudithook(listen)


def state_of_the_world():
    """What an import must leave as it is."""
    return {
        "random": random.getstate(),
        "np.random": repr(np.random.get_state()),
        "the threads": threading.active_count(),
        "the environment": dict(os.environ),
        "NumPy's error handling": np.geterr(),
        "NumPy's print options": np.get_printoptions(),
        "the recursion limit": sys.getrecursionlimit(),
    }


def without_side_effects(source):
    """Importing a step prints nothing, opens nothing and changes no global state."""
    global heard
    for package, in_function in imports(source):
        if not in_function:
            importlib.import_module(package)  # so that only the step itself is heard
    before, printed = state_of_the_world(), io.StringIO()
    code = compile(source, "<step>", "exec")
    module = types.ModuleType("a_step")
    sys.modules[module.__name__] = module
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        heard = events = []
        try:
            exec(code, module.__dict__)
        finally:
            heard = None
            del sys.modules[module.__name__]
    if printed.getvalue():
        yield f"prints {printed.getvalue()!r}"
    yield from events
    after = state_of_the_world()
    yield from (f"changes {name}" for name in before if before[name] != after[name])


# Steps in a row


def ledger_is_right(old, new):
    """New:, Changed: and Removed: name what the code changes, and nothing else."""
    found = ledger.changes(old, new)
    stated = ledger.stated_changes(ledger.lesson(new))
    for kind in ("new", "changed", "removed"):
        in_code, in_lesson = getattr(found, kind), getattr(stated, kind)
        for name in sorted({*in_code} - {*in_lesson}):
            yield f"{name} is {kind}, but the lesson does not say so"
        for name in sorted({*in_lesson} - {*in_code}):
            yield f"{name} is not {kind}, but the lesson says so"
        if len(in_lesson) > len({*in_lesson}):
            yield f"the lesson names something twice as {kind}"


def story_shows_the_code(old, new):
    """The story points to all that is new or changed, and to nothing else.

    What is Given needs no pointer; a member of a new class may have one.
    """
    lesson, changes = ledger.lesson(new), ledger.changes(old, new)
    given, pointers = ledger.given(lesson), ledger.pointers(lesson)
    for name in given:
        if not ledger.among(name, changes.new):
            yield f"{name} is given, but is not new"
    for name in pointers:
        is_there = name in ledger.definitions(new)
        if not is_there or not ledger.among(name, changes.new + changes.changed):
            yield f"the story shows {name}, which is neither new nor changed"
    for name in changes.new + changes.changed:
        if name not in given + pointers:
            yield f"{name} is new or changed, but the story does not show it"


def no_return(sources):
    """Nothing that a step removed comes back in a later one."""
    here, gone = set(), set()
    for source in sources:
        now = {*ledger.definitions(source)}
        gone |= here - now
        yield from (
            f"{name} was removed once and is back" for name in sorted(gone & now)
        )
        here = now


def order(old, new):
    """The definitions that two steps share stand in the same order."""
    return [f"{name} has moved" for name in ledger.out_of_order(old, new)]


def changed_lines(old, new):
    """How many lines of code in the definitions are new, replaced or gone."""
    old, new = (lines_of_definitions(source) for source in (old, new))
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    changes = [change for change in matcher.get_opcodes() if change[0] != "equal"]
    return sum(max(i1 - i0, j1 - j0) for _, i0, i1, j0, j1 in changes)


def lines_of_definitions(source):
    """The lines of code of all definitions; their docstrings are no code."""
    told = set()
    for node in ast.walk(parse(source)):
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            if ledger.is_docstring(node.body[0]):
                told.update(range(node.body[0].lineno, node.body[0].end_lineno + 1))
    lines = enumerate(zip(ledger.owners(source), source.split("\n")), 1)
    return [
        line for i, (name, line) in lines if name and line.strip() and i not in told
    ]


def budget(old, new, limit=BUDGET):
    """A step changes a number of lines that can be taken in at a sitting."""
    count = changed_lines(old, new)
    if count > limit:
        yield f"changes {count} lines, more than {limit}"


# Dead code


def everything_is_used(source, elsewhere=frozenset()):
    """Each definition is used: by other code, the demo or, if it is public, a test."""
    used = uses_by_definition(source)
    in_demo = used_names(parse(demo(source)))
    for name in used:
        others = {n for key in used if key != name for n in used[key]} | in_demo
        short = name.rpartition(".")[2]
        if not short.startswith("_"):
            others |= elsewhere
        if short not in others and not is_dunder(short):
            yield f"{name} is used nowhere"


def uses_by_definition(source):
    """The names that each definition uses; those in methods are not the class's."""
    used = {}
    for node in ledger.framework(source):
        (name, _), *members = ledger.named_parts(node)
        inner = {n for _, member in members for n in ast.walk(member)}
        used[name] = used_names(node, without=inner)
        used |= {name: used_names(member) for name, member in members}
    return used


def used_names(tree, without=frozenset()):
    """The names and attributes that a tree reads."""
    nodes = [n for n in ast.walk(tree) if n not in without]
    nodes = [n for n in nodes if isinstance(getattr(n, "ctx", None), ast.Load)]
    found = {n.id for n in nodes if isinstance(n, ast.Name)}
    return found | {n.attr for n in nodes if isinstance(n, ast.Attribute)}


def is_dunder(name):
    return name.startswith("__") and name.endswith("__")


def blocks(tree):
    """All lists of statements in a tree."""
    for node in ast.walk(tree):
        for field in ("body", "orelse", "finalbody"):
            block = getattr(node, field, None)
            if isinstance(block, list) and block:
                yield block


def no_unreachable_code(source):
    """No statement stands behind a return, raise, continue or break."""
    for block in blocks(parse(source)):
        for statement, following in zip(block, block[1:]):
            if isinstance(statement, JUMP):
                yield f"line {following.lineno} is never reached"


def no_idle_statements(source):
    """No statement of the framework drops what it computes, and no pass is idle."""
    for block in blocks(ledger.parsed(source)):
        for statement in block[1:] if ledger.is_docstring(block[0]) else block:
            idle_pass = isinstance(statement, ast.Pass) and len(block) > 1
            if idle_pass or is_dropped(statement):
                yield f"line {statement.lineno} does nothing"


def is_dropped(statement):
    value = statement.value if isinstance(statement, ast.Expr) else None
    return isinstance(value, IDLE)


def names(tree, context):
    """The names in a tree that it reads (ast.Load), sets (ast.Store) or deletes."""
    nodes = (node for node in ast.walk(tree) if isinstance(node, ast.Name))
    return {node.id for node in nodes if isinstance(node.ctx, context)}


# Names


def no_duplicates(source):
    """No scope defines a function or class twice; setters of properties aside."""
    tree = parse(source)
    for scope in [tree, *classes(tree), *functions(tree)]:
        nodes = [n for n in scope.body if isinstance(n, FUNCTION | ast.ClassDef)]
        yield from twice(node.name for node in nodes if not node.decorator_list)
    yield from twice(
        name for node in ledger.framework(source) for name in attached(node)
    )


def attached(node):
    """The names of what is put into a class by this statement: methods, operators."""
    return [name for name, _ in ledger.named_parts(node) if "." in name]


def twice(found):
    found = list(found)
    doubles = sorted({name for name in found if found.count(name) > 1})
    return [f"{name} is defined twice" for name in doubles]


def classes(tree):
    return [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]


def demo_names(source):
    """The names that the demo defines at the level of the module."""
    found = set()
    for node in parse(demo(source)).body:
        if isinstance(node, FUNCTION | ast.ClassDef):
            found.add(node.name)
        else:
            found |= names(node, ast.Store)
    return found


def demo_is_apart(source, framework_names):
    """The demo defines no name that the framework of any step has."""
    for name in sorted(demo_names(source) & framework_names):
        yield f"{name} of the demo is a name of the framework"


# Functions and docstrings


def documented(source):
    """Every class and public function has a docstring, forward and its like aside."""
    tree = parse(source)
    for owner in [tree, *classes(tree)]:
        for node in owner.body:
            if isinstance(node, FUNCTION | ast.ClassDef) and not is_obvious(
                node, owner
            ):
                if not ast.get_docstring(node):
                    yield f"{node.name} has no docstring"


def is_obvious(node, owner):
    """True if what a definition does is clear from its name."""
    in_class = isinstance(owner, ast.ClassDef) and node.name in OBVIOUS_METHODS
    return in_class or node.name.startswith("_")


def short(source):
    """Functions of the framework are short, and most of them very short."""
    tree = parse(source[: ledger.demo_start(source)])
    for function in functions(tree):
        if length(function) > BODY_LINES:
            yield f"{function.name} has {length(function)} lines"
    median = statistics.median(map(length, functions(tree)))
    if median > MEDIAN_LINES:
        yield f"half of all functions have {median} lines or more"


def length(function):
    """The lines of a function from behind its docstring to its end."""
    statements = body(function)
    return statements[-1].end_lineno - statements[0].lineno + 1 if statements else 0


def whole(source):
    """Every line of the framework code belongs to a definition, import or section."""
    above = source[: ledger.demo_start(source)].split("\n")
    owned = [bool(name) for name in ledger.owners(source)]
    for node in ledger.parsed(source).body:
        if isinstance(node, ast.Import | ast.ImportFrom) or ledger.is_docstring(node):
            for i in range(node.lineno - 1, node.end_lineno):
                owned[i] = True
    for line, is_owned in zip(above, owned):
        if line.strip() and not is_owned and not ledger.SECTION.match(line):
            yield f"a line belongs to no definition: {line}"


# Lessons and demos


def lesson_is_complete(source):
    """The lesson has all headings, in order, with a text and a blank line between."""
    lesson = ledger.lesson(source)
    if tuple(lesson.sections) != ledger.HEADINGS:
        yield f"the headings are {', '.join(lesson.sections)}"
    for heading, text in lesson.sections.items():
        if not text:
            yield f"there is nothing under {heading}"
    lines = docstring(source)
    for above, line in zip(lines, lines[1:]):
        if line in ledger.HEADINGS and above:
            yield f"there is no blank line above {line}"
    if not any(line.startswith("2. ") for line in lesson.sections.get("Try", [])):
        yield "there are no two numbered questions under Try"
    for line in lesson.sections.get("Output", []):
        if line and not line.startswith("    "):
            yield f"a line under Output is not indented by 4 spaces: {line}"


def tries_have_answers(source):
    """Each numbered question under Try has an answer with its number, in order."""
    sections = ledger.lesson(source).sections
    tries, answers = (numbers(sections.get(h, [])) for h in ("Try", "Answers"))
    if tries != answers:
        yield f"under Try there are {tries}, but under Answers {answers}"


def numbers(lines):
    """The numbers that lines start with: [1, 2] for "1. …" and "2. …"."""
    found = (re.match(r"(\d+)\. ", line) for line in lines)
    return [int(match[1]) for match in found if match]


def docstring(source):
    """The lines of the lesson as they stand in the file, quotes left out."""
    node = parse(source).body[0]
    return "\n".join(source.split("\n")[: node.end_lineno]).strip('"').split("\n")


def lesson_fits_its_width(source):
    """The lines of the lesson fit 79 columns."""
    for line in docstring(source):
        if len(line) > LESSON_WIDTH:
            yield f"a line of the lesson has {len(line)} columns: {line}"
        if line != line.rstrip():
            yield f"a line of the lesson ends in blanks: {line}"


def main_block(source):
    """The `if __name__ == "__main__":` of the demo, or None."""
    last = parse(source).body[-1]
    is_main = isinstance(last, ast.If) and "__name__" in ast.unparse(last.test)
    return last if is_main else None


def demo_is_small(source):
    """The demo stands below its marker, with a short main block at the very end."""
    if source.count("\n# === demo ===\n") != 1:
        yield "there is no line '# === demo ===', or more than one"
    main = main_block(source)
    if main is None:
        yield "the file does not end with its main block"
    elif main.end_lineno - main.lineno > MAIN_LINES:
        yield f"the main block has {main.end_lineno - main.lineno} lines"


def demo_is_right(source, status, output, errors, files):
    """The demo ends well, prints what the lesson says, and writes into out/ only."""
    if status:
        yield f"the demo ends with {status}: {errors}"
    elif output != ledger.expected_output(ledger.lesson(source)):
        yield f"the demo does not print what the lesson says, but\n{output}"
    if not output:
        yield "the demo prints nothing"
    if {*files} - {"out"}:
        yield f"the demo writes {files}"
