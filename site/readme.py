"""What the README says: of the steps, and to a reader who has the site before him."""

import functools
import re
from dataclasses import dataclass

from tools import environment

ROW = re.compile(r"^\| \[(\d\d)\]\(.+?\) \| (.+?) \| (.+?) \| (.+?) \| (.+) \|$")
STAGE = re.compile(r"^### (Stage \d+ · .+)$")
COLUMN = re.compile(r"^\| \| \[Column (\d+) · (.+)\]\(")


BEGIN = """{.begin}
[Begin with step 1: A variable is a box](steps/step01.py)

Each step is a page: its lesson with the code in its place, what is new lit. In the
workbench below it you run the step, change it and check it, or write it yourself, with
hints. Python runs in your browser. There is nothing to install, and what you write
stays on your computer."""


@dataclass
class Row:
    """A step as the README's table has it."""

    number: int
    title: str
    japanese: str
    korean: str
    line: str


@dataclass
class Stage:
    title: str
    rows: list[Row]
    column: int | None = None
    column_title: str = ""


@functools.cache
def stages():
    """The stages of the README's tables, in order."""
    found = []
    for line in readme().split("\n"):
        if match := STAGE.match(line):
            found.append(Stage(match[1], []))
        elif match := ROW.match(line):
            found[-1].rows.append(Row(int(match[1]), *match.groups()[1:]))
        elif match := COLUMN.match(line):
            found[-1].column, found[-1].column_title = int(match[1]), match[2]
    return found


@functools.cache
def rows():
    """The rows of all steps by their numbers."""
    return {row.number: row for stage in stages() for row in stage.rows}


def readme():
    return (environment.ROOT / "README.md").read_text(encoding="utf-8")


def start_page():
    """The README's parts in the order for the browser: the terminal is at the end."""
    top, commands, reading, steps = re.split(r"(?m)^## .+\n", readme())
    commands, picture = commands.strip().split("\n\n<img", 1)
    _, terminal, more = reading.strip().split("\n\n")
    steps, licence = steps.strip().rsplit("\n\n", 1)
    parts = [top.strip(), BEGIN, f"<img{picture.rstrip()}", more]
    parts += ["## The sixty steps", narrow(steps)]
    parts += ["## In the terminal", commands, terminal, licence]
    return "\n\n".join(parts) + "\n"


def narrow(text):
    """The tables with what is new beside the title, which is a link, too."""
    row = r"(?m)^\| (\S*) ?\| (.+?) \| (.+?) \| (.+?) \| (.+) \|$"
    text = re.sub(row, r"| \1 | \2 | \5 | \3 | \4 |", text)
    return re.sub(
        r"(?m)^\| \[(\d\d)\]\((.+?)\) \| (.+?) \|", r"| [\1](\2) | [\3](\2) |", text
    )
