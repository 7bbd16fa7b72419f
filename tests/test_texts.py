"""The texts that a reader reads: the README and the columns."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tools import ledger, steps

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
TEXTS = [ROOT / "README.md", ROOT / "site" / "package.md"]
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")


def readme_rows():
    """(number, link, title, Japanese, Korean) of each step."""
    row = r"^\| \[(\d\d)\]\((.+?)\) \| (.+?) \| (.+?) \| (.+?) \| .+ \|$"
    return re.findall(row, README, re.MULTILINE)


def test_the_rows_of_the_readme_match_the_steps():
    rows = []
    for number in ledger.step_numbers():
        lesson = ledger.lesson(ledger.step_source(number))
        path = f"steps/step{number:02}.py"
        rows.append((f"{lesson.number:02}", path, lesson.title))
    assert [row[:3] for row in readme_rows()] == rows and len(rows) == 60


def test_japanese_and_korean_titles_are_in_their_scripts():
    kana_or_kanji, hangul = r"[\u3040-\u30ff\u4e00-\u9fff]", r"[\uac00-\ud7af]"
    for number, _, _, japanese, korean in readme_rows():
        assert re.search(kana_or_kanji, japanese) and re.search(hangul, korean), number
        assert not re.search(kana_or_kanji, korean), number
        assert not re.search(hangul, japanese), number


def test_the_texts_link_to_files_that_are_there():
    for path in [ROOT / "README.md", *(ROOT / "site").glob("*.md")]:
        text = path.read_text(encoding="utf-8")
        links = re.findall(r"\]\(([^)]+)\)", text) + re.findall(r'src="(.+?)"', text)
        for link in links:
            if not link.startswith("http"):
                assert (path.parent / link).exists(), link


def test_every_command_in_the_readme_exists():
    goals = re.search(r"^GOALS := (.+)$", MAKEFILE, re.MULTILINE)[1].split()
    named = re.findall(r"(?:`|^ {4})make\s+([a-z-]+)", README, re.MULTILINE)
    assert len(named) > 5 and set(named) <= set(goals)
    commands = re.findall(r"python -m tools\.steps (\w+)", README)
    assert commands and set(commands) <= set(steps.COMMANDS)


def test_the_readme_shows_the_graph_that_its_lines_draw():
    picture = (ROOT / "docs" / "graph.svg").read_text(encoding="utf-8")
    labels = re.findall(r"<text .*?>(.*?)</text>", picture)
    assert sorted(labels) == ["Add", "Mul", "a", "x0", "x1", "y"]
    assert picture.count('class="edge"') == 6


def programs():
    """(file, code, output) of each program in the texts."""
    for path in [*TEXTS, *sorted((ROOT / "steps").glob("column*.md"))]:
        text = path.read_text(encoding="utf-8")
        found = re.findall(
            r"```python\n(.*?)```(?:\n\n```text\n(.*?)```)?", text, re.DOTALL
        )
        for number, (code, output) in enumerate(found, 1):
            yield pytest.param(code, output, id=f"{path.stem}-{number}")


@pytest.mark.parametrize("code, output", list(programs()))
def test_the_programs_in_the_texts_print_what_the_texts_say(code, output):
    command = [sys.executable, "-W", "error", "-c", code]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert output and result.stdout == output


def test_every_program_in_the_columns_is_run():
    assert len(list(programs())) == 1 + 1 + 4 + 3 + 4 + 4 + 3
