"""What the README says of the steps: stages, titles in three languages, a line each."""

import functools
import re
from dataclasses import dataclass

from tools import environment

ROW = re.compile(r"^\| \[(\d\d)\]\(.+?\) \| (.+?) \| (.+?) \| (.+?) \| (.+) \|$")
STAGE = re.compile(r"^### (Stage \d+ · .+)$")
COLUMN = re.compile(r"^\| \| \[Column (\d+) · (.+)\]\(")


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
    text = (environment.ROOT / "README.md").read_text(encoding="utf-8")
    for line in text.split("\n"):
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
