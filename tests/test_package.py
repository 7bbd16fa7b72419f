"""The package framework/: the tool that cuts it, and what comes of step 60."""

import ast
import importlib
import importlib.util
import inspect
import os
import pkgutil
import re
import shutil
import subprocess
import sys
import textwrap
import tomllib
import types
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from conftest import OneModule

from tools import cut, ledger, propagate, steps

ROOT = Path(__file__).resolve().parent.parent
LAST = ledger.step_numbers()[-1]

# A small step with sections of all kinds.

STEP = '''"""Step 14 · A small step

# === this: is a line of the lesson ===
"""

import contextlib
import operator as op
import os.path
import sys
from collections import OrderedDict as Ordered
from collections.abc import Callable, Iterable

import numpy as np

# === backend: NumPy or another ===


def get_array_module(x):
    """The module that x is an array of."""
    return np


def _hidden(x):
    """For this section alone."""
    return x


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


class Exp:
    """e ** x."""


def exp(x):
    """e ** x."""
    return Variable(get_array_module(x).exp(x.data))


Variable.exp = exp

# === functions/loss: what training makes small ===


# A comment belongs to the function below it.
def sum(x):
    """The sum."""
    return exp(x).data.sum()


def _secret(x):
    """A helper."""
    return x


# === layers: functions with parameters ===


@contextlib.contextmanager
def layer(x, limit=LIMIT):
    """A layer."""
    import heapq

    yield heapq, op.add(sum(x), limit), os.path.join(__name__, __file__)


class Layer(Variable):
    """A box of boxes."""

    kinds = Ordered, Iterable

    def params(self):
        """The sum of a part."""
        return [_secret(x) for x in self.data]


# === demo ===


def shown(x):
    """Of the demo alone."""
    return sys.getsizeof(x)


if __name__ == "__main__":
    print(shown(Callable))
'''


def package(source=STEP, number=14):
    """The texts of the package that a step gives."""
    return cut.package(source, number, "1.2.3")


def planted(old, new):
    assert STEP.count(old) == 1, old
    return STEP.replace(old, new)


def import_lines(text):
    """The lines of a module from its first import to its last."""
    nodes = [
        n for n in ast.parse(text).body if isinstance(n, ast.Import | ast.ImportFrom)
    ]
    lines = text.split("\n")
    return lines[nodes[0].lineno - 1 : nodes[-1].end_lineno] if nodes else []


# The tool: what a module holds


def test_each_section_becomes_a_module():
    assert sorted(package()) == [
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


MATH = '''\
# Cut from steps/step14.py by "make framework": edit the step, not this file.
"""Functions of elements."""

from framework.backend import get_array_module
from framework.core import Variable


class Exp:
    """e ** x."""


def exp(x):
    """e ** x."""
    return Variable(get_array_module(x).exp(x.data))


Variable.exp = exp
'''
FUNCTIONS = """\
# Cut from steps/step14.py by "make framework": edit the step, not this file.
\"""All functions in one: import framework.functions as F.\"""

from framework.core import cast
from framework.functions.loss import sum
from framework.functions.math import Exp, exp

__all__ = ["Exp", "cast", "exp", "sum"]
"""
PACKAGE = '''\
"""A deep-learning framework, cut from steps/step14.py by make framework.

Edit the step, not this.
"""

from framework import backend, core, cuda, functions, layers, utils
from framework.core import Variable
from framework.layers import Layer

__version__ = "1.2.3"

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
'''


def test_a_module_has_its_title_its_imports_and_its_code():
    assert package()["functions/math.py"] == MATH


def test_functions_offers_all_public_functions_and_those_of_the_core():
    assert package()["functions/__init__.py"] == FUNCTIONS


def test_the_package_offers_its_modules_and_the_short_names():
    assert package()["__init__.py"] == PACKAGE


def test_a_module_imports_what_it_needs_and_no_more():
    texts = package()
    assert import_lines(texts["backend.py"]) == ["import numpy as np"]
    assert import_lines(texts["core.py"]) == []
    assert import_lines(texts["functions/loss.py"]) == [
        "from framework.functions.math import exp"
    ]
    assert import_lines(texts["layers.py"]) == [
        "import contextlib",
        "import operator as op",
        "import os.path",
        "from collections import OrderedDict as Ordered",
        "from collections.abc import Iterable",
        "",
        "from framework.core import LIMIT, Variable",
        "from framework.functions.loss import _secret, sum",
    ]


def test_the_comment_above_a_definition_stays_with_it():
    assert "exp\n\n\n# A comment belongs" in package()["functions/loss.py"]


def test_utils_and_cuda_gather_what_there_is():
    line = "from framework.backend import get_array_module"
    assert import_lines(package()["utils.py"]) == [line]
    assert import_lines(package()["cuda.py"]) == [line]
    texts = package(planted("# === backend:", "# === arrays:"))
    assert "cuda.py" not in texts
    assert import_lines(texts["utils.py"]) == [line.replace("backend", "arrays")]


@pytest.mark.parametrize(
    "use",
    [
        "def f(exp): return exp",
        "def f(*exp): return exp",
        "def f(): return [exp for exp in ()]",
        "def f(): return lambda exp: exp",
        "def f():\n    exp = 1\n    return exp",
        "def f():\n    for exp in (): print(exp)",
        "def f():\n    try: pass\n    except OSError as exp: print(exp)",
        "def f():\n    with open('a') as exp: print(exp)",
        "def f():\n    import exp\n    return exp",
        "def f():\n    def exp(): return exp\n    return exp",
        "def f(exp):\n    def g(): return exp\n    return g",
        "def f(x): return x.exp",
        "def f(x): return dict(exp=x)",
        "class A:\n    def exp(self): return self.exp",
        "class A:\n    exp = 1",
        "NAMES = ['exp' for x in ()]",
        "NUMBERS = [exp for exp in ()]",
    ],
)
def test_a_name_that_only_looks_like_another_sections_is_not_imported(use):
    texts = package(planted("# A comment", f"{use}\n\n\n# A comment"))
    assert import_lines(texts["layers.py"]) == import_lines(package()["layers.py"])
    old = "return exp(x).data.sum()"
    source = planted("# A comment", f"{use}\n\n\n# A comment").replace(old, "return 1")
    assert import_lines(package(source)["functions/loss.py"]) == []


@pytest.mark.parametrize(
    "use",
    [
        "def f(): return exp",
        "def f(x=exp): return x",
        "def f():\n    def g(): return exp\n    return g",
        "def f(x): return [exp(y) for y in x]",
        "def f(x): return lambda y: exp(y)",
        "def f():\n    class A(exp): pass\n    return A",
        "def f():\n    exp.name = 1",
        "@exp\ndef f(): pass",
        "class A(exp): pass",
        "class A:\n    y = exp(1)",
        "class A:\n    exp = 1\n    def f(self): return exp(1)",
        "class A:\n    def exp(self): return exp(1)",
        "Y = exp(1)",
        "Y = [exp(y) for y in ()]",
        "exp.name = 1",
        "def f(x: exp): pass",
        "def f():\n    global exp\n    return exp",
    ],
)
def test_a_name_that_is_used_somewhere_is_imported(use):
    source = planted("# A comment", f"{use}\n\n\n# A comment")
    source = source.replace("return exp(x).data.sum()", "return 1")
    assert import_lines(package(source)["functions/loss.py"]) == [
        "from framework.functions.math import exp"
    ]


def test_names_stand_as_ruff_sorts_them_and_long_imports_on_many_lines():
    names = ["f10", "f9", "B", "a_b", "ResNet152", "ResNet50", "MLP", "_x", "Ab", "X"]
    lines = "".join(f"{name} = {i}\n" for i, name in enumerate(names))
    source = planted("\nLIMIT = 3\n", f"\n{lines}LIMIT = 3\n")
    source = source.replace("limit=LIMIT", f"limit=[{', '.join(names)}]")
    assert import_lines(package(source)["layers.py"])[6:] == [
        "from framework.core import (",
        *(f"    {name}," for name in "MLP Ab B ResNet50 ResNet152 Variable X".split()),
        *(f"    {name}," for name in "_x a_b f9 f10".split()),
        ")",
        "from framework.functions.loss import _secret, sum",
    ]


@pytest.mark.parametrize("length", [87, 88, 89])
def test_a_line_may_be_88_columns_long(length):
    start = "from framework.core import "
    name = "x" * (length - len(start))
    source = planted("LIMIT = 3\n", f"{name} = 3\n").replace("=LIMIT", f"={name}")
    source = source.replace("Layer(Variable)", "Layer")
    lines = import_lines(package(source)["layers.py"])
    assert (f"{start}{name}" in lines) == (length <= 88)
    assert (f"    {name}," in lines) == (length > 88)


def test_the_texts_do_not_depend_on_the_hash_seed():
    code = "from tools import cut, ledger; n = ledger.step_numbers()[-1]; "
    code += "print(cut.package(ledger.step_source(n), n, '1.0'))"
    printed = {python(ROOT, code, PYTHONHASHSEED=seed) for seed in "123"}
    assert len(printed) == 1


# The tool: what cannot be cut


LATER = "uses {}, which is defined only in the later section {}."
UNKNOWN = "in section layers, uses {}, which is neither defined nor imported."
COPIED = "sets LIMIT, but another module has a copy of it, which would stay as it was."
DEFINED = "    return Variable(x.data.astype(dtype))"
FAULTS = [  # the old text, the new one, what stands in the line that is named, and why
    ("= data", "= exp(data)", "= exp(", LATER.format("exp", "functions/math")),
    (
        "return x\n\n\n# === layers",
        "return layer\n\n\n# === layers",
        "return layer",
        LATER.format("layer", "layers"),
    ),
    ("op.add(", "add(", " add(", UNKNOWN.format("add")),
    ("[_secret(x)", "[shown(x)", "[shown", UNKNOWN.format("shown")),
    (
        "LIMIT = 3",
        "import math",
        "import math",
        "imports in a section, not at the top.",
    ),
    ("import sys\n", "SIZE = 1\n", "SIZE", "is not in any section."),
    (
        "# === core: v",
        "# === core, v",
        "=== core,",
        "opens no section: that would read '# === name: what it holds ===', not '#",
    ),
    ("# === layers:", "# === core:", "=== core: functions", "the name core is taken."),
    (
        "# === layers:",
        "# === functions:",
        "=== functions:",
        "the name functions is taken.",
    ),
    ("# === layers:", "# === utils:", "=== utils:", "the name utils is taken."),
    (
        "class Layer(",
        "class Exp(",
        "class Exp(",
        "defines Exp, which section functions/math has defined before.",
    ),
    (
        "kinds = Ordered, Iterable",
        "sum = sum",
        "sum = sum",
        "the class sets and uses sum, which is a name of section functions/loss, too.",
    ),
    (
        "    import heapq\n",
        "    global LIMIT\n    LIMIT = 4\n    import heapq\n",
        "LIMIT = 4",
        COPIED,
    ),
    (DEFINED, f"    global LIMIT\n    LIMIT = 4\n{DEFINED}", "LIMIT = 4", COPIED),
    ("def layer(x,", "def layer(x; ", "def layer(x;", "is not Python: invalid syntax."),
    ("LIMIT = 3", "LIMIT", "LIMIT\n", "of the framework code is neither an import nor"),
]


@pytest.mark.parametrize("old, new, where, complaint", FAULTS)
def test_what_cannot_be_cut_is_said_with_its_line(old, new, where, complaint):
    source = planted(old, new)
    line = source[: source.index(where)].count("\n") + 1
    with pytest.raises(ValueError) as error:
        package(source)
    said = str(error.value)
    assert (
        re.match(rf"steps/step14.py[:,] [Ll]ine {line}\b", said) and complaint in said
    )


def test_a_step_without_sections_is_refused():
    with pytest.raises(ValueError, match="steps/step14.py: There is no section to cut"):
        package(ledger.step_source(14))


def test_a_name_that_no_other_module_has_may_be_set_in_a_function():
    new = f"    global SIZE\n    SIZE = 4\n{DEFINED}"
    source = planted(DEFINED, new).replace("LIMIT = 3\n", "LIMIT = 3\nSIZE = 3\n")
    assert "    global SIZE" in package(source)["core.py"]


def test_the_last_step_must_have_every_short_name():
    package(number=59)
    with pytest.raises(ValueError, match="is to offer Config, DataLoader, Dataset, Fu"):
        package(number=60)
    names = "".join(f"{name} = 1\n" for name in cut.SHORT if name not in STEP)
    assert "Sequential" in names
    complete = package(planted("LIMIT = 3\n", f"{names}LIMIT = 3\n"), 60)
    assert "    Parameter,\n" in complete["__init__.py"]


# The tool: files


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A folder with the small step and no package yet."""
    (tmp_path / "steps").mkdir()
    (tmp_path / "steps" / "step14.py").write_text(STEP, encoding="utf-8")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    monkeypatch.setattr(cut, "ROOT", tmp_path)
    monkeypatch.setattr(ledger, "STEPS", tmp_path / "steps")
    return tmp_path


def contents(folder):
    """The text of each file, by its path in the folder."""
    paths = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_text() for path in paths}


def version():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return project["project"]["version"]


def test_the_package_is_written_and_the_version_is_that_of_the_project(project):
    assert cut.main([]) == 0
    expected = cut.package(STEP, 14, version())
    assert contents(project / "framework") == expected
    assert f'\n__version__ = "{version()}"\n' in expected["__init__.py"]


def test_cut_again_only_what_differs_is_written(project, capsys):
    cut.main([])
    capsys.readouterr()
    left = project / "framework" / "core.py"
    os.utime(left, (1, 1))
    cut.main(["14"])
    assert capsys.readouterr().out == (
        "framework/ is cut from step 14; what has changed: nothing.\n"
    )
    assert left.stat().st_mtime == 1
    left.write_text("edited\n")
    (project / "steps" / "step14.py").write_text(STEP.replace("e ** x", "exp x"))
    cut.main([])
    assert "changed: core.py, functions/math.py.\n" in capsys.readouterr().out
    assert "edited" not in left.read_text()


def test_modules_that_are_no_more_are_removed_and_nothing_else_is(project, capsys):
    cut.main([])
    folder = project / "framework"
    for name in ("old.py", "old/__init__.py", "old/a.py", "old/__pycache__/a.pyc"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).touch()
    (folder / "notes.txt").touch()
    capsys.readouterr()
    cut.main([])
    assert "changed: old.py, old/__init__.py, old/a.py.\n" in capsys.readouterr().out
    assert {*contents(folder)} - {*package()} == {"notes.txt"}
    assert not (folder / "old").exists()


def test_functions_can_become_a_package_and_a_module_again(project):
    one = STEP.replace("functions/math", "functions").replace("functions/loss", "more")
    for source in (one, STEP, one):
        (project / "steps" / "step14.py").write_text(source)
        assert cut.main([]) == 0
        assert contents(project / "framework") == cut.package(source, 14, version())


def test_a_file_that_cannot_be_written_stays_as_it_was(tmp_path):
    cut.put({"core.py": "x = 1\n"}, tmp_path)
    with pytest.raises(UnicodeEncodeError):
        cut.put({"core.py": "x = 2\n\ud800"}, tmp_path)
    assert (tmp_path / "core.py").read_text() == "x = 1\n"


def test_a_step_that_cannot_be_cut_leaves_the_package_as_it_was(project, capsys):
    cut.main([])
    before = contents(project / "framework")
    source = planted("op.add(", "add(").replace("e ** x", "exp x")
    (project / "steps" / "step14.py").write_text(source)
    assert cut.main([]) == 1
    assert capsys.readouterr().err.startswith("steps/step14.py: Line ")
    assert contents(project / "framework") == before


def test_check_writes_nothing_and_names_the_files_that_differ(project, capsys):
    assert cut.main(["--check"]) == 1
    assert "These files differ: all. " in capsys.readouterr().err
    assert not (project / "framework").exists()
    cut.main([])
    capsys.readouterr()
    assert cut.main(["--check"]) == 0
    assert capsys.readouterr().out == "framework/ is what step 14 gives.\n"
    (project / "framework" / "core.py").write_text("edited\n")
    (project / "framework" / "extra.py").touch()
    (project / "framework" / "functions" / "loss.py").unlink()
    before = contents(project / "framework")
    assert cut.main(["--check"]) == 1
    assert capsys.readouterr().err == (
        "framework/ is not what step 14 gives. These files differ: core.py, extra.py, "
        "functions/loss.py. Cut it again with: make framework\n"
    )
    assert contents(project / "framework") == before


def test_a_step_that_is_not_there_is_refused(project, capsys):
    assert cut.main(["99"]) == 1
    assert capsys.readouterr().err == "There is no step 99; there are 14 to 14.\n"


def test_the_tool_is_a_program_of_its_own():
    command = [sys.executable, "-m", "tools.cut", "99"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert (run.returncode, run.stdout) == (1, "")
    assert run.stderr.startswith("There is no step 99; there are 1 to ")


def test_make_framework_cuts_the_last_step_or_checks(project, capsys):
    assert steps.main(["framework", "--check"]) == 1
    assert steps.main(["framework"]) == 0
    assert steps.main(["framework", "14", "--check"]) == 0
    capsys.readouterr()
    with pytest.raises(SystemExit) as end:
        steps.main(["framework", "15"])
    assert end.value.code == 2
    assert capsys.readouterr().err.startswith("usage: make framework N (or ")


@pytest.mark.skipif(not shutil.which("make"), reason="make is not there")
@pytest.mark.parametrize(
    "words, expected",
    [
        (["framework"], ["framework"]),
        (["framework", "36"], ["framework", "36"]),
        (["framework", "ARGS=--check"], ["framework", "--check"]),
    ],
)
def test_make_passes_on_what_it_is_given(words, expected):
    command = ["make", "-n", f"PYTHON={sys.executable}", *words]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("MAKE")}
    run = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True
    )
    line = run.stdout.replace('"', "").split("\n")[0]
    assert line.split("tools.steps ")[1].split() == expected


def carried_on(project, monkeypatch):
    """A run of propagate comes to its end."""
    monkeypatch.setattr(propagate, "ROOT", project)
    monkeypatch.setattr(propagate.State, "save", lambda *_, **__: None)
    propagate.carry_on(propagate.State("a commit", step=15), tests=False)


def test_propagate_cuts_the_package_again(project, monkeypatch, capsys):
    carried_on(project, monkeypatch)
    assert not (project / "framework").exists()
    cut.main([])
    (project / "framework" / "core.py").write_text("old\n")
    capsys.readouterr()
    carried_on(project, monkeypatch)
    assert capsys.readouterr().out == (
        "framework/ is cut from step 14; what has changed: core.py.\n"
        "Step 14 is the last. Commit all of them together.\n"
    )
    assert cut.main(["--check"]) == 0


def test_propagate_stops_where_the_package_cannot_be_cut(project, monkeypatch):
    cut.main([])
    (project / "steps" / "step14.py").write_text(planted("op.add(", "add("))
    with pytest.raises(propagate.Stop, match=r"uses add, .* Then go on with: make"):
        carried_on(project, monkeypatch)


# What is cut: it works, and ruff has no complaint


def python(folder, code, **variables):
    """What Python prints for this code, modules being looked for in the folder."""
    variables = {**os.environ, "PYTHONPATH": str(folder), **variables}
    run = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        cwd=folder,
        env=variables,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    return run.stdout


EACH_ALONE = """
    import importlib, pkgutil, sys

    import framework

    for found in list(pkgutil.walk_packages(framework.__path__, "framework.")):
        for name in [name for name in sys.modules if name.startswith("framework")]:
            del sys.modules[name]
        module = importlib.import_module(found.name)
        for name in getattr(module, "__all__", []):
            getattr(module, name)
        assert module.__doc__, found.name
        print(found.name)
"""


def test_the_small_package_works_and_each_module_can_be_imported_first(project):
    cut.main([])
    paths = [f"framework/{path}".removesuffix(".py") for path in package()]
    names = {path.removesuffix("/__init__").replace("/", ".") for path in paths}
    assert {*python(project, EACH_ALONE).split()} == names - {"framework"}
    code = """
        import numpy as np
        import framework
        import framework.functions as F

        x = framework.Variable(np.zeros(3))
        print(F.sum(x), x.exp().data, F.cast(x, int).data)
        print(framework.layers.Layer([1]).params())
    """
    assert python(project, code) == "3.0 [1. 1. 1.] [0 0 0]\n[1]\n"


def ruff(*words, folder):
    """What ruff complains of."""
    command = [sys.executable, "-m", "ruff", *words, "framework"]
    run = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    return run.stdout + run.stderr if run.returncode else ""


@pytest.mark.skipif(not importlib.util.find_spec("ruff"), reason="ruff is not there")
@pytest.mark.parametrize("number", [14, 23, LAST])
def test_ruff_has_no_complaint(project, number):
    source = STEP
    if number != 14:
        source = (ROOT / "steps" / f"step{number}.py").read_text(encoding="utf-8")
    cut.put(cut.package(source, number, "1.2.3"), project / "framework")
    assert not ruff("check", "--no-cache", folder=project)
    assert not ruff("format", "--check", "--no-cache", folder=project)


# The package as one module, for the tests of the steps


@pytest.fixture
def one(project, monkeypatch):
    """The small package as one module."""
    texts = {
        name: text.replace("framework", "small_package")
        for name, text in package().items()
    }
    cut.put(texts, project / "small_package")
    monkeypatch.syspath_prepend(project)
    yield OneModule(importlib.import_module("small_package"), project / "step14.py")
    for name in [name for name in sys.modules if name.startswith("small_package")]:
        del sys.modules[name]


def test_one_module_has_the_names_of_all_modules(one):
    assert one.Variable(1).data == 1
    assert one._hidden(2) == one._secret(2) == 2
    assert one.LIMIT == 3 and one.np is np
    assert {"Variable", "exp", "Layer", "_hidden"} <= {*vars(one)} & {*dir(one)}
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


# The package that is committed


def test_the_package_is_what_step_60_gives():
    texts = cut.package(ledger.step_source(60), 60, version())
    assert not cut.differing(texts, ROOT / "framework")


@pytest.fixture
def framework():
    return importlib.import_module("framework")


@pytest.fixture
def modules(framework):
    """All modules of the package, by name."""
    found = pkgutil.walk_packages(framework.__path__, "framework.")
    names = ["framework", *(module.name for module in found)]
    return {name: importlib.import_module(name) for name in names}


def test_each_module_of_the_package_can_be_imported_first(modules):
    assert len(python(ROOT, EACH_ALONE).split()) == len(modules) - 1


# What takes more than a millisecond or two to import, and no program needs at once.
SLOW = set(
    """argparse asyncio concurrent csv decimal email fractions graphviz hashlib http
    json logging matplotlib multiprocessing numpy.ma numpy.random numpy.testing shutil
    socket ssl statistics subprocess tarfile tempfile unittest urllib.error
    urllib.request xml zipfile""".split()
)
LOADED = """
    import sys, numpy
    before = {*sys.modules}
    import framework
    print(*sorted({*sys.modules} - before))
"""


def test_the_import_takes_only_numpy_and_what_is_fast_of_the_standard_library():
    loaded = python(ROOT, LOADED).split()
    known = {*sys.stdlib_module_names, "numpy", "framework"}
    assert not [name for name in loaded if name.partition(".")[0] not in known]
    parts = {".".join(name.split(".")[:n]) for name in loaded for n in (1, 2)}
    assert not parts & SLOW
    assert "framework.functions.conv" in loaded


def test_every_public_name_of_the_package_is_documented(modules):
    bare, count = [], 0
    for module in modules.values():
        for name, value in vars(module).items():
            kind = inspect.isclass(value) or inspect.isfunction(value)
            if kind and not name.startswith("_") and value.__module__ in modules:
                count += 1
                own = vars(value).get("__doc__") if inspect.isclass(value) else None
                if not (own or inspect.isfunction(value) and value.__doc__):
                    bare.append(f"{module.__name__}.{name}")
        assert module.__doc__ and module.__doc__.strip(), module.__name__
    assert not bare
    assert count > 200


NAMES = {
    "": """Config DataLoader Dataset Function Layer Model Parameter SeqDataLoader
        Sequential Variable __version__ as_array as_variable no_grad test_mode
        using_config core cuda dataloaders datasets functions layers models optimizers
        transforms utils weights""",
    ".core": "Config Function Variable as_array as_variable no_grad using_config",
    ".functions": """accuracy add average average_pooling batch_norm
        binary_cross_entropy broadcast_to cast clip col2im conv2d conv2d_simple cos
        deconv2d div dropout embed_id exp expand_dims flatten get_item im2col leaky_relu
        linear linear_simple log log_softmax matmul max mean mean_squared_error min mul
        neg pooling pooling_simple pow relu reshape sigmoid sigmoid_cross_entropy sin
        softmax softmax_cross_entropy sub sum sum_to tanh transpose""",
    ".layers": "BatchNorm Conv2d Deconv2d EmbedID LSTM Layer Linear RNN",
    ".models": """MLP Model ResNet ResNet101 ResNet152 ResNet50 Sequential SqueezeNet
        VGG16""",
    ".optimizers": """AdaDelta AdaGrad Adam AdamW ClipGrad FreezeParam MomentumSGD
        Optimizer SGD WeightDecay""",
    ".datasets": """CIFAR10 CIFAR100 Dataset Digits ImageNet MNIST Shakespeare SinCurve
        Spiral get_spiral""",
    ".dataloaders": "DataLoader SeqDataLoader",
    ".transforms": """AsType CenterCrop Compose Convert Flatten Normalize
        RandomHorizontalFlip Resize ToArray ToFloat ToInt ToPIL""",
    ".utils": """cache_dir get_array_module get_conv_outsize get_deconv_outsize
        get_dot_graph get_file pair plot_dot_graph sum_to""",
    ".cuda": "as_cupy as_numpy get_array_module gpu_enable",
}


# What is downloaded: where from, and its SHA-256.
MNIST_MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)
MNIST_FILES = {
    "train-images-idx3-ubyte.gz": (
        "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"
    ),
    "train-labels-idx1-ubyte.gz": (
        "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"
    ),
    "t10k-images-idx3-ubyte.gz": (
        "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"
    ),
    "t10k-labels-idx1-ubyte.gz": (
        "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"
    ),
}
GITHUB = "https://raw.githubusercontent.com"
DOWNLOADS = {
    ("datasets", "Shakespeare"): (
        f"{GITHUB}/karpathy/char-rnn/master/data/tinyshakespeare/input.txt",
        "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
    ),
    ("datasets", "ImageNet"): (
        f"{GITHUB}/anishathalye/imagenet-simple-labels/master/"
        "imagenet-simple-labels.json",
        "987705581d9446328498f950454a1cc7d8dfc578a8243d8bfdcd2588a6905aae",
    ),
    ("models", "VGG16"): (
        "https://huggingface.co/timm/vgg16.tv_in1k/resolve/main/model.safetensors",
        "57b026918159a6bf9faf8405c3a551903768e7138989d9c6224a14227203fad8",
    ),
}


def test_mnist_comes_from_these_places(modules):
    mnist = modules["framework.datasets"].MNIST
    assert mnist.MIRRORS == MNIST_MIRRORS
    assert mnist.FILES == MNIST_FILES


@pytest.mark.parametrize("module, name", DOWNLOADS)
def test_a_download_comes_from_this_place(module, name, modules):
    kind = getattr(modules[f"framework.{module}"], name)
    assert (kind.URL, kind.SHA256) == DOWNLOADS[module, name]


@pytest.mark.parametrize("module", NAMES)
def test_the_names_of_the_book_are_there(module, modules):
    there = modules[f"framework{module}"]
    assert not [name for name in NAMES[module].split() if not hasattr(there, name)]


def test_cuda_tells_whether_there_is_a_gpu_and_has_cupy_if_there_is(monkeypatch):
    cuda = importlib.import_module("framework.cuda")
    monkeypatch.setitem(sys.modules, "cupy", None)
    assert cuda.gpu_enable is False and not hasattr(cuda, "cupy")
    cupy = types.SimpleNamespace(cuda=types.SimpleNamespace(is_available=lambda: True))
    monkeypatch.setitem(sys.modules, "cupy", cupy)
    assert cuda.gpu_enable is True and cuda.cupy is cupy


# A program for the book's package: it runs on that package, with what is below as its
# output, after a change of nothing but np.int, which is no more, in two files there.
PROGRAM = """
import os
import tempfile

import numpy as np

import dezero
import dezero.functions as F
import dezero.layers as L
from dezero import DataLoader, Function, Model, Parameter, Variable, cuda, optimizers
from dezero.core import as_variable
from dezero.datasets import Spiral
from dezero.models import MLP, Sequential
from dezero.transforms import Compose, Flatten, Normalize, ToFloat
from dezero.utils import get_conv_outsize, get_dot_graph


class Cube(Function):
    def forward(self, x):
        return x ** 3

    def backward(self, gy):
        x, = self.inputs
        return 3 * x ** 2 * gy


x = Variable(np.array(2.0))
x.name = 'x'
y = Cube()(x)
y.backward(create_graph=True)
gx = x.grad
x.cleargrad()
gx.backward()
print('cube:', y.data, gx.data, x.grad.data)
print('graph:', get_dot_graph(y, verbose=False).startswith('digraph'))


class TwoLayerNet(Model):
    def __init__(self, hidden_size, out_size):
        super().__init__()
        self.l1 = L.Linear(hidden_size)
        self.l2 = L.Linear(out_size)
        self.scale = Parameter(np.array([[1.0]]))

    def forward(self, x):
        return self.l2(F.sigmoid(self.l1(x))) * F.broadcast_to(self.scale, (len(x), 3))


train_set, test_set = Spiral(train=True), dezero.datasets.Spiral(train=False)
train_loader = DataLoader(train_set, 30)
test_loader = dezero.DataLoader(test_set, 30, shuffle=False)
model = TwoLayerNet(10, 3)
optimizer = optimizers.Adam(0.05).setup(model)
optimizer.add_hook(dezero.optimizers.WeightDecay(1e-5))

if cuda.gpu_enable:
    train_loader.to_gpu()
    model.to_gpu()

for epoch in range(60):
    for x, t in train_loader:
        y = model(x)
        loss = F.softmax_cross_entropy(y, t)
        model.cleargrads()
        loss.backward()
        optimizer.update()

if dezero.cuda.gpu_enable:
    model.to_cpu()
sum_acc = 0
with dezero.no_grad():
    for x, t in test_loader:
        sum_acc += float(F.accuracy(model(x), t).data) * len(t)
print('spiral:', sum_acc / len(test_set) > 0.8, len(list(model.params())))

path = os.path.join(tempfile.mkdtemp(), 'model.npz')
model.save_weights(path)
other = TwoLayerNet(10, 3)
other(np.zeros((1, 2), dtype=np.float32))
other.load_weights(path)
x = np.random.rand(4, 2).astype(np.float32)
print('weights:', np.allclose(other(x).data, model(x).data))

mlp = MLP((5, 4, 2), activation=F.relu)
print('mlp:', mlp(np.ones((3, 7), dtype=np.float32)).shape)
both = Sequential(L.Linear(4), F.tanh, L.Linear(1))
print('sequential:', both(np.ones((3, 7), dtype=np.float32)).shape)

image = np.arange(2 * 3 * 8 * 8, dtype=np.float32).reshape(2, 3, 8, 8)
y = F.pooling(L.Conv2d(4, kernel_size=3, stride=1, pad=1)(image), 2, 2)
print('conv:', y.shape, get_conv_outsize(8, 3, 1, 1), dezero.utils.pair(5))
print('array:', cuda.get_array_module(image) is np, as_variable(image).dtype)

prepare = Compose([Flatten(), ToFloat(), Normalize(0., 255.)])
print('prepared:', prepare(np.full((1, 2, 2), 51, dtype=np.uint8)))

with dezero.test_mode():
    y = F.dropout(np.ones(5), 0.5)
print('dropout:', y.data)

optimizer = optimizers.Adam().setup(model)
print('optimizer:', optimizer.t, round(optimizer.lr, 6), train_loader.max_iter)
x, t = train_loader.next()
print('loader:', len(next(train_loader)), len(list(zip(train_loader, train_loader))))

lstm, last = L.LSTM(6), L.Linear(1)
loss = 0
for x, t in dezero.SeqDataLoader(dezero.datasets.SinCurve(train=True), batch_size=3):
    loss += F.mean_squared_error(last(lstm(x)), t)
    break
loss.backward()
loss.unchain_backward()
lstm.reset_state()
print('lstm:', loss.shape, last.W.grad.shape)

x = F.reshape(np.arange(6.0), (2, 3))
y = F.get_item(x, (np.arange(2), np.array([2, 0])))
print('picked:', y.data, F.sum(x, axis=0).data, x.T.shape)
with dezero.using_config('enable_backprop', False):
    print('config:', dezero.Config.enable_backprop, F.exp(x).creator)
"""
OUTPUT = """\
cube: 8.0 12.0 12.0
graph: True
spiral: True 5
weights: True
mlp: (3, 2)
sequential: (3, 1)
conv: (2, 4, 4, 4) 8 (5, 5)
array: True float32
prepared: [0.2 0.2 0.2 0.2]
dropout: [1. 1. 1. 1. 1.]
optimizer: 0 0.000316 10
loader: 2 10
lstm: () (6, 1)
picked: [2. 3.] [3. 5. 7.] (3, 2)
config: False None
"""


def test_a_program_for_the_books_package_runs_after_changing_the_import(tmp_path):
    program = PROGRAM.replace("dezero", "framework")
    variables = {"PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path)}
    assert python(tmp_path, program, **variables) == OUTPUT


def test_the_tests_of_all_steps_pass_on_the_package():
    paths = sorted(map(str, (ROOT / "tests").glob("test_step[0-9]*.py")))
    command = [sys.executable, "-m", "pytest", "-q", "--tb=short", "--on-package"]
    environment = {k: v for k, v in os.environ.items() if k != "STEP_FILE"}
    run = subprocess.run(
        [*command, "-p", "no:cacheprovider", *paths],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert len(paths) == 60
    assert run.returncode == 0, run.stdout[-5000:] + run.stderr[-2000:]


# The data that are installed with it


def test_the_digits_are_what_their_readme_says():
    path = ROOT / "data" / "digits.npz"
    with np.load(path, allow_pickle=False) as arrays:
        assert sorted(arrays) == ["images", "labels"]
        images, labels = arrays["images"], arrays["labels"]
    assert (images.shape, images.dtype) == ((1797, 8, 8), np.uint8)
    assert (labels.shape, labels.dtype) == ((1797,), np.uint8)
    assert (images.min(), images.max()) == (0, 16)
    counts = np.bincount(labels)
    assert len(counts) == 10 and (counts.min(), counts.max()) == (174, 183)
    readme = (ROOT / "data" / "README.md").read_text(encoding="utf-8")
    assert f"`{sha256(path.read_bytes()).hexdigest()}`" in readme
    assert f"{path.stat().st_size:,}" in readme


def test_package_and_data_are_what_is_installed():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    installed = project["tool"]["setuptools"]
    packages = ["framework", "framework.functions", "framework.data"]
    assert installed["packages"] == packages
    assert installed["package-dir"] == {"framework.data": "data"}
    patterns = installed["package-data"]["framework.data"]
    matched = {path for each in patterns for path in (ROOT / "data").glob(each)}
    assert matched == {*(ROOT / "data").iterdir()}
