"""A lesson's plain text as MyST Markdown: paragraphs flow, names look like code.

What is indented by four stays as it stands, in a block of its own.
"""

import re
import textwrap

STEP = re.compile(r"\b[Ss]tep (?P<step>\d+)\b")
# Characters that mean something to Markdown, anywhere in a line or at its start.
SPECIAL = re.compile(r"[\\`*_\[\]<>#|~${}^&@]")
SPECIAL_START = re.compile(r"^([-+=]|\d+(?=[.)]))")
ITEM = re.compile(r"(\d+)\. (.*)")
# A name with a dot, an underscore or a capital inside, or a call; and what it is
# set to or added to: x.grad, set_creator(), Add.backward(1.0), x.grad += gx.
NAME = r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*"
INNER = r"\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\)"
CALL = rf"{NAME}{INNER}"
PART = rf"(?:{CALL}|{NAME}|\d+(?:\.\d+)?)"
CODE = re.compile(
    rf"`[^`]+`|(?<![\w./])(?:(?:[a-z]\w* = )?{CALL}(?:\.{NAME})*"
    r"|[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+"
    rf"|[a-z]\w*_\w+|_\w+|[A-Z][a-z]+[A-Z]\w*)(?: [-+*/]?= {PART}(?! ?[·*/+]))*(?!\w)"
)
NO_CODE = ("e.g", "i.e", "NumPy", "PyTorch", "TensorFlow", "SciPy", "CuPy")


def markdown(lines, block):
    """The MyST lines of a section; block(lines) makes those of an indented part."""
    found = []
    for part in paragraphs(lines):
        if part[0].startswith("    "):
            found += ["", *block(textwrap.dedent("\n".join(part)).split("\n"))]
        elif part[0].startswith("1. "):
            found += ["", *items_markdown(items_of(part), block)]
        else:
            found += ["", flowing(part)]
    return found


def paragraphs(lines):
    """The parts between blank lines; all lines of a list 1., 2., 3. are one part."""
    parts, blank, items = [], True, 0
    for line in lines:
        item = ITEM.match(line)
        is_next = item and int(item[1]) == items + 1 and (blank or items)
        if items and not is_next and line and not line.startswith("   "):
            items = 0
        items += bool(is_next)
        if blank and line and (not items or is_next and items == 1):
            parts.append([])
        if line or items:
            parts[-1].append(line)
        blank = not line
    return parts


def items_of(lines):
    """(number, lines) of each item of a list, the lines without their margin."""
    items = []
    for line in lines:
        item = ITEM.match(line)
        if item:
            items.append((int(item[1]), [item[2]]))
        else:
            items[-1][1].append(line.removeprefix("   "))
    return items


def items_markdown(items, block):
    for number, lines in items:
        first, *rest = markdown(lines, block)[1:]
        yield f"{number}.  {first}"
        yield from (f"    {line}".rstrip() for line in rest)
        yield ""


def flowing(lines):
    """A paragraph in one line, its names as code, its steps as links."""
    text, found, end = " ".join(line.strip() for line in lines), [], 0
    for match in re.finditer(f"{CODE.pattern}|{STEP.pattern}", text):
        if match[0] in NO_CODE or (
            match["step"] and int(match["step"]) not in range(1, 61)
        ):
            continue
        found += [escaped(text[end : match.start()]), inline(match)]
        end = match.end()
    return SPECIAL_START.sub(r"\\\1", "".join([*found, escaped(text[end:])]))


def inline(match):
    """A name, which may stand in backquotes already, as code; a step as a link."""
    if match["step"]:
        return f"[{match[0]}](/steps/{int(match['step']):02}.md)"
    return f"`{match[0].strip('`')}`"


def escaped(text):
    return SPECIAL.sub(r"\\\g<0>", text)


def code(lines, language="text", lit=(), **options):
    """A block of code; `lit` has the numbers of its lit lines, from 1."""
    yield f"`````{{code-block}} {language}"
    if lit:
        yield f":emphasize-lines: {ranges(lit)}"
    for name, value in options.items():
        yield f":{name}: {value}".rstrip()
    yield from ["", *lines, "`````"]


def ranges(numbers):
    """ "1-3,5" for 1, 2, 3 and 5."""
    runs = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ",".join(f"{a}-{b}" if b > a else f"{a}" for a, b in runs)
