"""What a step holds: its definitions, its lesson, what it changes over the one before.

A definition is a function, a class, a method, an attached operator or a constant
of the framework code, which is all that stands above the demo. Its text is its
lines in the file: comments right above it, decorators and comments at the ends
of lines included. The text of a class leaves out its methods, which are
definitions of their own.
"""

import ast
import functools
import io
import re
from dataclasses import dataclass, field
from pathlib import Path

STEPS = Path(__file__).resolve().parent.parent / "steps"
HEADINGS = (
    *("Problem", "Idea", "In the code", "Elsewhere", "Watch out"),
    *("Try", "Output", "Answers"),
)
POINTER = re.compile(r"    \[([A-Za-z_][\w.]*)\]")  # stands for the code of a name
TITLE = re.compile(r"Step (\d+) · (.+)")
STEP_NAME = re.compile(r"step(\d{2,})\.py")
SECTION = re.compile(r"^# === .+ ===$", re.MULTILINE)
DEMO = re.compile(r"^# === demo ===$|^if __name__ ==", re.MULTILINE)


def step_path(number):
    """The path of step `number`, whether or not there is such a step."""
    return STEPS / f"step{number:02}.py"


def step_numbers():
    """The numbers of the steps that there are, in order."""
    names = (STEP_NAME.fullmatch(path.name) for path in STEPS.glob("step*.py"))
    return sorted(int(name[1]) for name in names if name)


def step_source(number):
    """The text of step `number`; of the nothing before step 1, for 0."""
    if number == 0:
        return ""
    numbers = step_numbers()
    if number not in numbers:
        there = (
            f"there are {numbers[0]} to {numbers[-1]}" if numbers else "none is here"
        )
        raise ValueError(f"There is no step {number}; {there}.")
    return step_path(number).read_text(encoding="utf-8")


# Parts


@dataclass
class Parts:
    """A step's text in four parts, each with all its lines."""

    lesson: str
    imports: str
    body: str
    demo: str

    @classmethod
    def of(cls, source):
        """The parts of a text; its imports reach to the last import."""
        start = demo_start(source)
        lines = io.StringIO(source[:start]).readlines()
        statements = parsed(source).body
        i = max((s.end_lineno for s in statements[:1] if is_docstring(s)), default=0)
        j = max((s.end_lineno for s in statements if is_import(s)), default=i)
        texts = ("".join(part) for part in (lines[:i], lines[i:j], lines[j:]))
        return cls(*texts, source[start:])


def is_import(node):
    return isinstance(node, ast.Import | ast.ImportFrom)


# Definitions


def demo_start(source):
    """Where in the text the demo starts; its end, if it has no demo."""
    match = DEMO.search(source)
    return match.start() if match else len(source)


@functools.lru_cache(maxsize=128)
def parsed(source):
    """What stands above the demo, as a tree."""
    return ast.parse(source[: demo_start(source)])


def framework(source):
    """The statements of the framework code, docstring and imports left out."""
    body = parsed(source).body
    if body and is_docstring(body[0]):
        body = body[1:]
    return [node for node in body if not is_import(node)]


def is_docstring(node):
    value = node.value if isinstance(node, ast.Expr) else None
    return isinstance(value, ast.Constant) and isinstance(value.value, str)


def is_function(node):
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)


@functools.lru_cache(maxsize=128)
def owners(source):
    """The name of the definition that each line belongs to, or None."""
    lines = source.split("\n")
    found = [None] * len(lines)
    for node in framework(source):
        for name, part in named_parts(node):
            for i in line_range(part, lines):
                found[i] = name
    return found


@functools.lru_cache(maxsize=128)
def definitions(source):
    """The text of each definition by its name, in the order of the file."""
    found = {}
    for line, name in zip(source.split("\n"), owners(source)):
        if name:
            found.setdefault(name, []).append(line)
    return {name: tidied("\n".join(lines)) for name, lines in found.items()}


def tidied(text):
    """The text without the blank lines that methods leave behind in their class."""
    return re.sub(r"\n{3,}", "\n\n", text).rstrip()


def named_parts(node):
    """The name and the node of a definition; then of its methods, if it is a class."""
    yield defined_name(node), node
    for member in node.body if isinstance(node, ast.ClassDef) else []:
        if is_function(member):
            yield f"{node.name}.{member.name}", member


def defined_name(node):
    """The name that a statement of the framework code defines."""
    if is_function(node) or isinstance(node, ast.ClassDef):
        return node.name
    targets = node.targets if isinstance(node, ast.Assign) else []
    if len(targets) == 1 and isinstance(targets[0], ast.Name | ast.Attribute):
        return ast.unparse(targets[0])
    raise ValueError(
        f"Line {node.lineno} of the framework code is neither an import nor the "
        f"definition of one name: {ast.unparse(node).splitlines()[0]}"
    )


def line_range(node, lines):
    """The numbers, from 0, of a definition's lines, and of the comment above it."""
    start = min(n.lineno for n in [node, *getattr(node, "decorator_list", [])]) - 1
    while start and is_comment(lines[start - 1]):
        start -= 1
    return range(start, node.end_lineno)


def is_comment(line):
    """True if the line is a comment and no section marker."""
    return line.lstrip().startswith("#") and not SECTION.match(line)


# Changes


@dataclass
class Changes:
    """The names that are new, changed in text, and gone, each in the order of the file.

    The members of a class that is new or gone are not named beside it.
    """

    new: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)


def changes(old, new):
    """What the definitions of the text `new` change over those of `old`."""
    old, new = definitions(old), definitions(new)
    return Changes(
        new=without_members([name for name in new if name not in old]),
        changed=[name for name in new if name in old and new[name] != old[name]],
        removed=without_members([name for name in old if name not in new]),
    )


def out_of_order(old, new):
    """The definitions of both texts that stand in another order in the new one."""
    old, new = definitions(old), definitions(new)
    before = [name for name in old if name in new]
    after = [name for name in new if name in old]
    return [name for name, other in zip(after, before) if name != other]


def without_members(found):
    """The names that were found, less the members of classes that were, too."""
    return [name for name in found if owner(name) not in found]


def owner(name):
    """The class of a method or an attached operator; "" for other names."""
    return name.rpartition(".")[0]


def among(name, names):
    """True if a name, or the class that it is a member of, is among the names."""
    return name in names or owner(name) in names


# Lessons


@dataclass
class Lesson:
    """The docstring of a step: the lines under each heading, blank ends left out."""

    number: int
    title: str
    sections: dict[str, list[str]]


def lesson(source):
    """The lesson of a step's text."""
    lines = (ast.get_docstring(parsed(source), clean=False) or "").split("\n")
    title = TITLE.fullmatch(lines[0])
    if not title:
        raise ValueError('A step begins with a docstring: """Step N · title …')
    sections, heading = {}, None
    for line in lines[1:]:
        if line in HEADINGS:
            if line in sections:
                raise ValueError(f"Step {title[1]} has the heading {line!r} twice.")
            heading = line
            sections[heading] = []
        elif heading:
            sections[heading].append(line)
        elif line:
            raise ValueError(f"Step {title[1]} has a line above its Problem: {line}")
    return Lesson(int(title[1]), title[2], {h: trimmed(s) for h, s in sections.items()})


def trimmed(lines):
    """The lines without the blank ones at both ends."""
    filled = [i for i, line in enumerate(lines) if line.strip()]
    return lines[filled[0] : filled[-1] + 1] if filled else []


def stated_changes(lesson):
    """What the lesson says the step changes, in New:, Changed: and Removed:."""
    text = "\n".join(lesson.sections.get("In the code", []))
    return Changes(
        *(stated(text, key, lesson) for key in ("New", "Changed", "Removed"))
    )


def given(lesson):
    """The new names that a reader is not asked to write, in Given:, if there is one."""
    text = "\n".join(lesson.sections.get("In the code", []))
    has_list = re.search("^Given:", text, re.MULTILINE)
    return stated(text, "Given", lesson) if has_list else []


def stated(text, key, lesson):
    """The names in the list that starts with `key:` and wraps over indented lines."""
    match = re.search(rf"^{key}:(.*(?:\n[ \t]+\S.*)*)", text, re.MULTILINE)
    if not match or not match[1].strip():
        raise ValueError(f"The lesson of step {lesson.number} has no list {key}: …")
    found = [name.strip() for name in match[1].split(",")]
    return [] if found == ["nothing"] else found


def pointers(lesson):
    """The names that the story points to: each in brackets, alone in its line."""
    lines = [s for h in ("Idea", "In the code") for s in lesson.sections.get(h, [])]
    found = (POINTER.fullmatch(line) for line in lines)
    return [match[1] for match in found if match]


def expected_output(lesson):
    """What the demo prints, as the lesson says under Output."""
    lines = lesson.sections.get("Output", [])
    return "".join(f"{line.removeprefix('    ')}\n" for line in lines)
