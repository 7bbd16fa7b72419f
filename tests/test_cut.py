"""The tool that cuts the package framework/ out of a step."""

import importlib
import re
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import OneModule

from tools import cut, ledger

ROOT = Path(__file__).resolve().parent.parent
pytest.importorskip("ruff", reason="the tool needs ruff")

# A small step with sections of all kinds.
STEP = '''"""Step 14 · A small step

# === this: is a line of the lesson ===
"""

import contextlib
import os.path
import sys
from collections import OrderedDict as Ordered

import numpy as np

# === backend: NumPy or another ===


def gpu_is_available():
    """False."""
    return False


# === core: variables, and "the walk" ===

LIMIT = 3


class Variable:
    """A box."""

    def __init__(self, data):
        self.data = data


def cast(x, dtype):
    """x in another dtype."""
    return Variable(x.data.astype(dtype))


# === functions/math: functions of elements ===

SIZE = 1


def padded(x):
    """A helper."""
    return x


def exp_array(x):
    """A helper of arrays."""
    return np.exp(x)


class Exp:
    """e ** x."""


def exp(x):
    """e ** x."""
    return Variable(exp_array(x.data))


Variable.exp = exp

# === functions/loss: what training makes small ===


# A comment belongs to the function below it.
def sum(x):
    """The sum."""
    return exp(padded(x)).data.sum()


average = sum

# === layers: functions with parameters ===


@contextlib.contextmanager
def layer(x, limit=LIMIT):
    """A layer."""
    Exp = x
    yield Exp, sum(x), limit, os.path.join(__name__, __file__), Ordered


class Layer(Variable):
    """A box of boxes."""


# === demo ===


def shown(x):
    """Of the demo alone."""
    return sys.getsizeof(x)
'''
LOSS = '''\
# Cut from steps/step14.py by "make framework": edit the step, not this file.
"""What training makes small."""

from framework.functions.math import exp, padded


# A comment belongs to the function below it.
def sum(x):
    """The sum."""
    return exp(padded(x)).data.sum()


average = sum
'''
LAYERS = '''\
"""Functions with parameters."""

import contextlib
import os.path
from collections import OrderedDict as Ordered

from framework.core import LIMIT, Variable
from framework.functions.loss import sum


@contextlib.contextmanager
'''
FUNCTIONS = '''\
"""All functions in one: import framework.functions as F."""

from framework.core import cast
from framework.functions.loss import average, sum
from framework.functions.math import Exp, exp

__all__ = ["Exp", "average", "cast", "exp", "sum"]
'''
PACKAGE = """\
from framework import backend, core, cuda, functions, layers, utils
from framework.core import Variable
from framework.layers import Layer

__all__ = [
    "Layer",
    "Variable",
    "backend",
    "core",
    "cuda",
    "functions",
    "layers",
    "utils",
]
"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A folder with the small step and no package yet."""
    (tmp_path / "steps").mkdir()
    (tmp_path / "steps" / "step14.py").write_text(STEP, encoding="utf-8")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    monkeypatch.setattr(cut, "ROOT", tmp_path)
    monkeypatch.setattr(ledger, "STEPS", tmp_path / "steps")
    return tmp_path


def change(project, old, new):
    """Put another text into the small step."""
    assert STEP.count(old) == 1, old
    path = project / "steps" / "step14.py"
    path.write_text(STEP.replace(old, new), encoding="utf-8")


def contents(folder):
    """The text of each file, by its path in the folder."""
    paths = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_text() for path in paths}


def test_each_section_becomes_a_module_with_the_imports_that_it_needs(project):
    texts = cut.package(14)
    assert sorted(texts) == [
        "__init__.py",
        "backend.py",
        "core.py",
        "cuda.py",
        "functions/__init__.py",
        "functions/loss.py",
        "functions/math.py",
        "layers.py",
        "utils.py",
    ]
    assert texts["functions/loss.py"] == LOSS
    assert LAYERS in texts["layers.py"]
    assert "import" not in texts["core.py"] + texts["backend.py"]


def test_functions_offers_functions_and_neither_helpers_nor_constants(project):
    assert FUNCTIONS in cut.package(14)["functions/__init__.py"]


def test_the_package_offers_its_modules_and_the_short_names(project):
    text = cut.package(14)["__init__.py"]
    assert PACKAGE in text and re.search(r'^__version__ = "\d.+"$', text, re.MULTILINE)


def test_names_that_no_section_has_are_left_out(project):
    change(project, "# === backend:", "# === arrays:")
    texts = cut.package(14)
    assert "cuda.py" not in texts and "__all__ = []" in texts["utils.py"]


LATER = "which is defined only in the later section functions/"
FAULTS = [  # the old text, the new one, and what is said
    ("= data", "= exp(data)", f"section core uses exp, {LATER}math"),
    ("= data", "= sum(data)", f"section core uses sum, {LATER}loss"),
    ("limit=LIMIT", "limit=shown", r"layers.py:\d+:\d+: F821 Undefined name `shown`"),
    ("# === core: v", "# === core, v", "=== core, variables.* opens no section"),
    ("\n# === backend:", "\nX = 1\n# === backend:", "not in any section: X = 1"),
    ("def layer(x,", "def layer(x; ", r"step14.py, line \d+, is not Python"),
    ("LIMIT = 3", "LIMIT", "is neither an import nor the definition"),
]


@pytest.mark.parametrize("old, new, complaint", FAULTS)
def test_what_cannot_be_cut_is_said_and_leaves_the_package(
    old, new, complaint, project
):
    assert cut.main([]) is None
    before = contents(project / "framework")
    change(project, old, new)
    said = cut.main(["14"])
    assert said.startswith("steps/step14.py") and re.search(complaint, said)
    assert contents(project / "framework") == before


@pytest.mark.parametrize("number, why", [(99, "no step 99"), (13, "no section")])
def test_what_has_no_sections_is_refused(number, why, project):
    (project / "steps" / "step13.py").write_text('"""Step 13 · None"""\n\nx = 1\n')
    assert why in cut.main([str(number)])


def test_a_module_that_is_no_more_is_removed(project):
    cut.main([])
    change(project, "# === layers:", "# === tiers:")
    cut.main([])
    assert contents(project / "framework") == cut.package(14)
    assert not (project / "framework" / "layers.py").exists()


# The package as one module, for the tests of the steps


@pytest.fixture
def one(project, monkeypatch):
    """The small package as one module."""
    texts = cut.package(14).items()
    new = {name: text.replace("framework", "small_package") for name, text in texts}
    cut.put(new, project / "small_package")
    monkeypatch.syspath_prepend(project)
    yield OneModule(importlib.import_module("small_package"), project / "step14.py")
    for name in [name for name in sys.modules if name.startswith("small_package")]:
        del sys.modules[name]


def test_one_module_has_the_names_of_all_modules(one):
    assert one.Variable(1).data == 1
    assert one.LIMIT == 3 and one.np is np and one.padded(2) == 2
    assert {"Variable", "exp", "Layer", "padded"} <= {*vars(one)} & {*dir(one)}
    assert one.__file__.endswith("step14.py")
    with pytest.raises(AttributeError) as error:
        one.nothing  # noqa: B018
    assert (error.value.name, error.value.obj) == ("nothing", one)
    assert not hasattr(one, "core")


def test_a_name_that_is_set_is_set_in_each_module(one, monkeypatch):
    old = one.exp
    with monkeypatch.context() as patch:
        patch.setattr(one, "exp", lambda x: one.Variable(np.full(2, 4.0)))
        assert one.sum(None) == 8.0
        patch.setattr(one, "entirely_new", 1, raising=False)
        assert one.entirely_new == 1
    assert one.exp is old and not hasattr(one, "entirely_new")
    assert one.sum(one.Variable(np.zeros(2))) == 2.0
