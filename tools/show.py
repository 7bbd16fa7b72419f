"""What a step says and what it changes, as a reader sees it."""

import difflib
import os
import pydoc
import re
import sys
import textwrap

from tools import environment, ledger

ROOT = environment.ROOT


# Colours


def coloured(text, code):
    """The text in a colour of the terminal; as it is in a pipe, or under NO_COLOR."""
    return f"\x1b[{code}m{text}\x1b[0m" if in_colour() else text


def in_colour():
    """True if what is printed goes to a terminal that shows colours."""
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return sys.stdout.isatty() and not plain


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


def shown_path(path):
    """A path from the project's root, with / on every system."""
    path = path.resolve()
    return (path.relative_to(ROOT) if path.is_relative_to(ROOT) else path).as_posix()


# The lesson with its code


def step(number, answers=False):
    """Show a step's lesson, its code in place of the names in brackets."""
    os.environ.setdefault("LESS", "-FRX")  # colours; and no pager for a short text
    pydoc.pager("\n".join(woven(number, answers)) + "\n")


def woven(number, answers):
    """The lines of a lesson with its code, then the demo, the output, the answers."""
    old, new = ledger.step_source(number - 1), ledger.step_source(number)
    path = shown_path(ledger.step_path(number))
    lesson = ledger.lesson(new)
    story = dict(lesson.sections)
    output, solutions = story.pop("Output", []), story.pop("Answers", [])
    yield heading(f"Step {lesson.number} · {lesson.title}")
    for title, lines in story.items():
        yield from ["", heading(title), *with_code(lines, old, new, path)]
    if not ledger.pointers(lesson):
        yield from new_code(old, new, path)
    line = new[: ledger.demo_start(new)].count("\n") + 1
    demo = ledger.Parts.of(new).demo.partition("\n")[2].strip("\n")
    yield from ["", heading(f"Demo  {path}:{line}"), "", *demo.split("\n")]
    yield from ["", heading("Output"), *output]
    if solutions and not answers:
        solutions = [f"They are shown by make show-step {number} ANSWERS=1"]
    if solutions:
        yield from ["", heading("Answers"), *solutions]


def with_code(lines, old, new, path):
    """The lines of a lesson, with code in place of each name in brackets."""
    for line in lines:
        name = ledger.POINTER.fullmatch(line)
        if name and name[1] in ledger.definitions(new):
            yield from code(name[1], old, new, path)
        else:
            yield line


def new_code(old, new, path):
    """All definitions that are new or changed, for a lesson that points to none."""
    changes = ledger.changes(old, new)
    names = [n for n in ledger.definitions(new) if n in changes.new + changes.changed]
    for name in names:
        yield from ["", *code(name, old, new, path)]
    if not names:
        yield from ["", "No definition of the framework is new or changed."]


def code(name, old, new, path):
    """A definition under its place in the file, with its new and changed lines lit."""
    olds, news = ledger.definitions(old), ledger.definitions(new)
    is_whole = name in ledger.changes(old, new).new
    text = whole_text(name, news) if is_whole else news[name]
    before, after = (textwrap.dedent(t).split("\n") for t in (olds.get(name, ""), text))
    yield heading(f"    {place_of(name, new, path)}")
    yield from (marked(*line).rstrip() for line in lit(before, after))


def lit(old, new):
    """Each of the new lines, and True if it is not among the old ones."""
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    for kind, _, _, start, end in matcher.get_opcodes():
        for line in new[start:end]:
            yield line, kind != "equal"


def marked(line, is_lit):
    """A line of code: lit by a colour, or by a mark in the margin of a pipe."""
    if in_colour():
        return f"    {coloured(line, '32') if is_lit else line}"
    return f"  {'+' if is_lit else '|'} {line}"
