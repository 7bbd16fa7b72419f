"""What the site is made of: prose, lives of definitions, steps.json, project.zip."""

import json
import re
import zipfile
from pathlib import Path

import files
import lives
import pages
import prose
import pytest
import readme

from tools import ledger

ROOT = Path(__file__).resolve().parent.parent
GLOSSARY = (ROOT / "site" / "glossary.md").read_text(encoding="utf-8")


def told(text):
    """A text as the lines of Markdown that are not blank."""
    lines = prose.markdown(text.split("\n"), prose.code)
    return [line for line in lines if line]


def test_a_paragraph_flows_and_a_diagram_stands():
    fence = "`````"
    assert told("One line\nand one more.\n\n    x --> y\n      |") == [
        "One line and one more.",
        f"{fence}{{code-block}} text",
        "x --> y",
        "  |",
        fence,
    ]


@pytest.mark.parametrize(
    "text, expected",
    [
        ("Why not x.grad += gx?", "Why not `x.grad += gx`?"),
        ("It is y = square(exp(square(x))).", "It is `y = square(exp(square(x)))`."),
        ("Ask `a is b` of NumPy.", "Ask `a is b` of NumPy."),
        ("See step 7, not step 1406.", "See [step 7](/steps/07.md), not step 1406."),
        ("a * b < c, i.e. [d]", r"a \* b \< c, i.e. \[d\]"),
        ("257. Then go on.", r"\257. Then go on."),
        ("- 4 and more", r"\- 4 and more"),
    ],
)
def test_names_become_code_and_steps_links(text, expected):
    assert told(text) == [expected]


def test_a_list_begins_at_one_and_counts_on():
    assert told("1. One\n   line\n2. Two\n\n       x\n3. Three") == [
        *("1.  One line", "2.  Two"),
        *("    `````{code-block} text", "    x", "    `````", "3.  Three"),
    ]
    assert told("would give\n5. A variable must") == ["would give 5. A variable must"]


def test_lines_are_named_by_their_ranges():
    assert prose.ranges([1, 2, 3, 5, 8, 9]) == "1-3,5,8-9"


def test_a_life_has_a_text_for_each_step_that_changed_it():
    life = lives.lives()["Variable.backward"]
    assert life.brought == 7 and {8, 14, 16} <= {*life.changed}
    assert "x.grad + gx" in life.texts[14] and "x.grad + gx" not in life.texts[13]


def test_lives_agree_with_what_the_lessons_state():
    for number in ledger.step_numbers():
        stated = ledger.stated_changes(ledger.lesson(ledger.step_source(number)))
        for name in stated.new + stated.changed:
            assert number in lives.lives()[name].texts, (number, name)


def test_pages_of_definitions_differ_by_more_than_capitals():
    names = [name.lower() for name in lives.page_names().values()]
    assert len(names) == len({*names})


def test_the_new_lines_of_a_file_are_lit():
    old, new = ledger.step_source(13), ledger.step_source(14)
    lines = new.split("\n")
    lit = [lines[i - 1].strip() for i in pages.lit_lines(old, new)]
    assert "def cleargrad(self):" in lit and "import numpy as np" not in lit
    assert "x.grad = as_array(gx if x.grad is None else x.grad + gx)" in lit
    assert "def backward(self):" not in lit


def test_all_lines_of_a_new_definition_are_lit():
    text = 'class A:\n    """What."""\n\n    b = 1'
    assert ":emphasize-lines: 1-4" in list(pages.lit_code("", text))


def test_the_readme_names_every_step_in_its_stage():
    assert list(readme.rows()) == ledger.step_numbers()
    assert [stage.column for stage in readme.stages()] == [1, 2, 3, 4, 5]


def test_a_link_without_a_page_is_refused():
    folder = pages.PurePosixPath("site")
    assert pages.turned("../steps/step14.py", folder) == "/steps/14.md"
    with pytest.raises(ValueError, match="no page for tools/show.py"):
        pages.turned("../tools/show.py", folder)


@pytest.fixture(scope="module")
def static(tmp_path_factory):
    folder = tmp_path_factory.mktemp("static")
    files.write_all(folder)
    return folder


def test_the_texts_of_each_step_can_be_had_from_steps_json(static):
    steps = json.loads((static / "steps.json").read_text(encoding="utf-8"))["steps"]
    texts = {}
    for step in steps:
        source = ledger.step_source(step["number"])
        texts = {**texts, **step["texts"]}
        assert {n: texts[n] for n in step["names"]} == ledger.definitions(source)
    assert len(steps) == 60 and steps[13]["title"]["ja"] == "変数を二度使う"


def test_the_zip_holds_the_project_and_is_the_same_each_time(static, tmp_path):
    path = static.parent / "project.zip"
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
    wanted = {"tests/conftest.py", "tools/skeleton.py", "data/digits.npz"}
    assert {*wanted, "site/workbench/browser.py", "pyproject.toml"} <= {*names}
    copy = (static / "steps" / "step14.py").read_bytes()
    assert copy == ledger.step_path(14).read_bytes()
    files.write_zip(tmp_path / "again.zip")
    assert (tmp_path / "again.zip").read_bytes() == path.read_bytes()


def glossary_rows():
    row = r"^\| (.+?) \| (.+?) \| (.+?) \| \[(\d+)\]\(\.\./steps/step(\d\d)\.py\) \|"
    return re.findall(row, GLOSSARY, re.MULTILINE)


def test_the_glossary_has_each_word_in_its_step_and_in_its_script():
    rows = glossary_rows()
    assert len(rows) >= 60 and len(rows) == GLOSSARY.count("\n| ") - 1
    for english, japanese, korean, number, path in rows:
        assert int(number) == int(path)
        text = ledger.step_source(int(number)).lower()
        words = re.findall(r"\w+", english.lower())
        assert any(word[:7] in text for word in words), (english, number)
        assert re.search(r"[\u3040-\u30ff\u4e00-\u9fff]", japanese), english
        assert re.search(r"[\uac00-\ud7af]", korean), english
    numbers = [int(row[3]) for row in rows]
    assert numbers == sorted(numbers)


def test_the_readme_is_one_page():
    assert (ROOT / "README.md").read_text(encoding="utf-8").count("\n") <= 150
