"""Step 23: the file is a package in one piece."""

import ast
import re
import sys
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


# The demo: a package cut from a file

SMALL = '''"""A small file.

    # === lesson: this is no marker, as it does not begin the line ===

from here on, import means nothing
"""

import math
import operator as op

import numpy as np

# === base: numbers ===

TWO = 2.0


def root(x):
    """The root of x."""
    return math.sqrt(x)


# === more: what is made of them ===


class Twice:
    """Two times x."""

    def __call__(self, x):
        return op.mul(TWO, x)


# === most: and of these ===


def twice_root(x):
    """Two times the root of x."""
    return Twice()(root(x))


# === demo ===

print("the demo is no part of the package")
'''


@pytest.fixture
def clean():
    """Fails the test if it leaves a trace where Python looks for modules."""
    path = list(sys.path)
    yield
    assert sys.path == path
    assert not [name for name in sys.modules if name.startswith("package_of")]


def test_a_file_is_cut_at_its_markers(step):
    head, sections = step.cut(SMALL)
    assert list(sections) == ["base", "more", "most"]
    assert "import numpy" in head
    assert "def root" in sections["base"]
    assert "demo" not in "".join(sections.values())


def test_each_module_imports_what_it_needs_and_no_more(step):
    texts = step.modules(SMALL)
    lines = {
        name: [line for line in text.splitlines() if re.match("import|from", line)]
        for name, text in texts.items()
    }
    assert lines == {
        "base": ["import math"],
        "more": ["import operator as op", "from .base import TWO"],
        "most": ["from .base import root", "from .more import Twice"],
        "__init__": [
            "from .base import TWO, root",
            "from .more import Twice",
            "from .most import twice_root",
        ],
    }


def test_a_name_of_a_later_section_is_an_error(step):
    source = SMALL.replace("math.sqrt(x)", "Twice()(x)")
    with pytest.raises(ImportError, match="base.*Twice.*more"):
        step.modules(source)


def test_the_package_can_be_imported_and_leaves_no_trace(step, clean):
    with step.imported(step.modules(SMALL), "package_of_test23") as package:
        assert package.twice_root(9.0) == 6.0
        assert "package_of_test23.most" in sys.modules
        folder = Path(package.__file__).parent
        assert folder.is_dir()
    assert not folder.parent.exists()


def test_a_package_that_breaks_leaves_no_trace_either(step, clean):
    texts = step.modules(SMALL) | {"most": "from .base import nothing_of_the_kind"}
    with pytest.raises(ImportError, match="nothing_of_the_kind"):
        with step.imported(texts, "package_of_test23"):
            pass


def test_this_very_file_and_its_package_agree(step, clean):
    source = Path(step.__file__).read_text(encoding="utf-8")
    texts = step.modules(source)
    assert list(texts) == [*SECTIONS, "__init__"]
    with step.imported(texts, "package_of_test23") as package:
        assert package.Variable is not step.Variable
        assert package.gradient_check(lambda x: 1 / x**2, package.Variable(np.ones(3)))
        assert step.gradient(package) == step.gradient(step)
        assert step.gradient(package) == gradient(package)
        for name, code in step.cut(source)[1].items():
            module = sys.modules[f"package_of_test23.{name}"]
            for each in top_level(code):
                assert getattr(package, each) is getattr(module, each)
