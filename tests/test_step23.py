"""Step 23: the file is a package in one piece."""

import ast
import re
import types
from pathlib import Path

import numpy as np
import pytest
from helpers import array

SECTIONS = ["core", "functions", "checks"]


@pytest.fixture
def source(step):
    """The text of the step, without its demo."""
    text = Path(step.__file__).read_text(encoding="utf-8")
    return re.split(r"^# === demo ===$", text, flags=re.MULTILINE)[0]


@pytest.fixture
def parts(source):
    """What stands above the first section, and the code of each section by name."""
    head, *rest = re.split(r"^# === ([\w/]+): .+ ===$", source, flags=re.MULTILINE)
    return head, dict(zip(rest[0::2], rest[1::2]))


def top_level(code):
    """The names that this code defines for all to use."""
    names = set()
    for node in ast.parse(code).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        if isinstance(node, ast.Assign):
            names |= {x.id for x in node.targets if isinstance(x, ast.Name)}
    return names


def names_used(code):
    """Every name that this code uses."""
    nodes = ast.walk(ast.parse(code))
    return {node.id for node in nodes if isinstance(node, ast.Name)}


def subject(section):
    """The first part of a section's name: "functions" for "functions/math"."""
    return section.partition("/")[0]


# The file, here and in every later step


def test_the_sections_stand_in_this_order(parts):
    names = list(dict.fromkeys(map(subject, parts[1])))
    assert [name for name in names if name in SECTIONS] == SECTIONS


def test_core_is_the_first_section(parts):
    assert next(iter(parts[1])) == "core"


@pytest.mark.parametrize(
    "section, name",
    [
        ("core", "Config"),
        ("core", "Variable"),
        ("core", "Function"),
        ("core", "rpow"),
        ("functions", "Square"),
        ("functions", "exp"),
        ("checks", "numerical_diff"),
        ("checks", "gradient_check"),
    ],
)
def test_each_name_stands_in_its_section(parts, section, name):
    places = [key for key, code in parts[1].items() if name in top_level(code)]
    assert [*map(subject, places)] == [section]


def test_no_definition_stands_above_the_first_section(parts):
    head, _ = parts
    for node in ast.parse(head).body[1:]:
        assert isinstance(node, ast.Import | ast.ImportFrom), ast.unparse(node)


def test_no_section_uses_a_name_of_a_later_one(parts):
    _, sections = parts
    names = list(sections)
    for i, name in enumerate(names):
        for later in names[i + 1 :]:
            used = names_used(sections[name]) & top_level(sections[later])
            assert not used, f"{name} uses {used} of {later}: an import cycle"


def test_the_pieces_give_the_same_gradient_as_the_file(step, parts):
    head, sections = parts
    whole = types.ModuleType("whole")
    for code in (head, *sections.values()):
        exec(compile(code, step.__file__, "exec"), vars(whole))
    assert gradient(whole) == gradient(step)
    assert gradient(step) == pytest.approx(0.75 * np.exp(-0.5), rel=1e-14)


def gradient(package):
    x = package.Variable(np.array(0.5))
    y = x**2 * package.exp(-x)
    y.backward()
    return array(x.grad)
