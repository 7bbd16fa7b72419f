"""The rules that all steps keep, each with a fault planted that it must find.

pytest tests/test_invariants.py --triangle runs each step's test on all later steps,
not only on the next and the last.
"""

import concurrent.futures
import functools
import json
import os
import re
import statistics
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import rules
from not_on import NOT_ON

from tools import ledger

ROOT = Path(__file__).resolve().parent.parent
TESTS = ROOT / "tests"
NUMBERS = ledger.step_numbers()
LAST = NUMBERS[-1]
CORES = os.cpu_count() or 1

# More lines of code than a step should change, and why.
LARGE = {
    22: (70, "four operators of one kind, with both sides of each"),
    32: (70, "one backward() for arrays and for Variables"),
    38: (70, "other shapes and parts of an array, each with its gradient"),
    39: (70, "a sum mixes the elements, so the gradients are checked anew"),
    46: (110, "five optimizers of one kind"),
    47: (70, "softmax, its logarithm and the loss, each with its gradient"),
    49: (70, "data sets and transforms of a few lines each"),
    50: (70, "batches, and what helps where examples are learned by heart"),
    51: (70, "two sets of digits, and a download that can be trusted"),
    52: (70, "wherever an array is made, its module is asked for"),
    53: (120, "weights are checked before they are put in, and files are whole"),
    54: (80, "dropout and batch normalization, with their modes"),
    55: (110, "the geometry that all convolutions share"),
    56: (120, "im2col, its gradient, and pooling, all of one kind"),
    57: (130, "convolution, forward and backward, in blocks, and its layers"),
    58: (130, "three networks, and how published weights and images are read"),
}

OF_ONE = [
    rules.standalone,
    rules.without_side_effects,
    rules.no_unreachable_code,
    rules.no_idle_statements,
    rules.no_duplicates,
    rules.documented,
    rules.short,
    rules.whole,
    rules.lesson_is_complete,
    rules.lesson_fits_its_width,
    rules.tries_have_answers,
    rules.demo_is_small,
]
OF_TWO = [rules.ledger_is_right, rules.story_shows_the_code, rules.order]


@functools.cache
def source(number):
    return ledger.step_source(number)


@functools.cache
def framework_names():
    """The names that functions, classes and constants have in any step."""
    found = {name for n in NUMBERS for name in ledger.definitions(source(n))}
    return {name for name in found if "." not in name}


@functools.cache
def names_in_tests():
    """The names that the tests of steps use."""
    texts = (path.read_text(encoding="utf-8") for path in TESTS.glob("test_step*.py"))
    return frozenset().union(*(rules.used_names(rules.parse(text)) for text in texts))


def no_complaint(found):
    found = list(found)
    assert not found, "\n".join(found)


by_step = pytest.mark.parametrize("number", NUMBERS)


@by_step
@pytest.mark.parametrize("rule", OF_ONE, ids=lambda rule: rule.__name__)
def test_each_step(rule, number):
    no_complaint(rule(source(number)))


@by_step
@pytest.mark.parametrize("rule", OF_TWO, ids=lambda rule: rule.__name__)
def test_each_step_after_the_one_before(rule, number):
    no_complaint(rule(source(number - 1), source(number)))


@by_step
def test_budget(number):
    limit, _ = LARGE.get(number, (rules.BUDGET, ""))
    no_complaint(rules.budget(source(number - 1), source(number), limit))


def test_the_steps_are_level():
    pairs = [(source(number - 1), source(number)) for number in NUMBERS]
    counts = [rules.changed_lines(old, new) for old, new in pairs]
    assert max(counts) <= 150
    assert sum(count > 80 for count in counts) <= 6
    assert statistics.median(counts) <= 30


@pytest.mark.parametrize("number", LARGE)
def test_the_exceptions_from_the_budget_are_needed(number):
    assert number not in NUMBERS or list(
        rules.budget(source(number - 1), source(number))
    )


@by_step
def test_everything_is_used(number):
    no_complaint(rules.everything_is_used(source(number), names_in_tests()))


@by_step
def test_the_demo_takes_no_name_of_the_framework(number):
    no_complaint(rules.demo_is_apart(source(number), framework_names()))


def test_nothing_that_was_removed_comes_back():
    no_complaint(rules.no_return(map(source, NUMBERS)))


def test_the_steps_have_no_gap():
    assert NUMBERS == list(range(1, LAST + 1))


# Demos


def run_demo(number, folder, *words, **environment):
    """Run a step as a reader does, in an empty folder; what came of it."""
    folder.mkdir()
    environment = {
        **os.environ,
        **environment,
        "PYTHONIOENCODING": "utf-8",
        "MPLBACKEND": "Agg",
        "SIXTY_STEPS_CACHE": str(folder / "out" / "no cache"),
    }
    run = subprocess.run(
        [sys.executable, ledger.step_path(number), *words],
        cwd=folder,
        env=environment,
        capture_output=True,
        timeout=120,
    )
    output = run.stdout.decode().replace("\r\n", "\n")
    return run.returncode, output, run.stderr.decode(), os.listdir(folder)


@pytest.fixture(scope="session")
def demos(tmp_path_factory):
    """What came of running each step."""
    folder = tmp_path_factory.mktemp("demos")
    with concurrent.futures.ThreadPoolExecutor(CORES) as pool:
        runs = {n: pool.submit(run_demo, n, folder / str(n)) for n in NUMBERS}
    return {n: run.result() for n, run in runs.items()}


@by_step
def test_the_output_is_what_the_lesson_says(demos, number):
    no_complaint(rules.demo_is_right(source(number), *demos[number]))


@pytest.mark.parametrize("number", [51, 52, 53, 54, 57])
def test_a_demo_asks_for_mnist_and_says_in_a_line_that_it_is_not_there(
    number, tmp_path
):
    nowhere = "http://127.0.0.1:9"
    proxies = {"https_proxy": nowhere, "HTTPS_PROXY": nowhere, "no_proxy": ""}
    status, _, errors, _ = run_demo(
        number, tmp_path / "demo", "--mnist", **proxies, NO_PROXY=""
    )
    assert status == 1
    assert "Traceback" not in errors
    assert "Cannot download https://storage.googleapis.com" in errors.splitlines()[-1]


# Tests on other steps


def pairs(triangle):
    """(test, step) for the step before, the next and the last; or all later ones."""
    for test in NUMBERS:
        later = range(test + 1, LAST + 1)
        chosen = later if triangle else {*later[:1], *later[-1:]}
        yield from ((test, step) for step in [test - 1, *chosen] if step)


def run_pairs(some):
    """Exit status and output of pytest for some of the pairs, in one process."""
    words = [f"{test}:{step}" for test, step in some]
    environment = {k: v for k, v in os.environ.items() if k != "STEP_FILE"}
    run = subprocess.run(
        [sys.executable, TESTS / "on_steps.py", *words],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
    )
    results = [json.loads(line) for line in run.stdout.splitlines()]
    assert len(results) == len(words), run.stderr
    return {pair: (status, output) for pair, status, output in results}


@pytest.fixture(scope="session")
def on_steps(request):
    """What came of running tests on other steps than their own."""
    triangle = request.config.getoption("--triangle", False)
    chosen = [pair for pair in pairs(triangle) if test_path(pair[0]).exists()]
    results = {}
    with concurrent.futures.ThreadPoolExecutor(CORES) as pool:
        for some in pool.map(run_pairs, (chosen[i::CORES] for i in range(CORES))):
            results |= some
    return results


def test_path(number):
    return TESTS / f"test_step{number:02}.py"


test_path.__test__ = False


@by_step
def test_the_step_has_a_test(number):
    assert test_path(number).exists(), f"there is no {test_path(number).name}"


def test_what_does_not_apply_to_later_steps_is_there():
    words = ["-m", "pytest", "--collect-only", "-q", *TESTS.glob("test_step*.py")]
    run = subprocess.run([sys.executable, *words], capture_output=True, text=True)
    found = re.findall(r"^.*?(test_step\d+)\.py::((\w+).*)", run.stdout, re.MULTILINE)
    there = {file for file, _, _ in found}
    there |= {f"{file}::{name}" for file, *names in found for name in names}
    assert {name for _, _, names in NOT_ON for name in names} <= there


def of_test(on_steps, number, is_later):
    """The results of a step's test on earlier or on later steps."""
    for pair, (status, output) in on_steps.items():
        test, step = map(int, pair.split(":"))
        if test == number and (step > test) == is_later:
            yield step, status, output


@by_step
def test_the_test_of_a_step_fails_on_the_step_before(on_steps, number):
    for step, status, output in of_test(on_steps, number, is_later=False):
        assert status == 1, f"on step {step}, pytest ends with {status}:\n{output}"


@by_step
def test_the_test_of_a_step_passes_on_later_steps(on_steps, number):
    for step, status, output in of_test(on_steps, number, is_later=True):
        assert status == 0, f"on step {step}:\n{output}"


# Planted faults: each rule finds the fault it is there for, and none in GOOD.

GOOD = '''"""Step 14 · One variable used twice

Problem
It prints 1, but
it must print 2.

Idea
Add.

In the code
x is counted twice. The sum is new:

New:      Variable, Variable.__add__, add
Changed:  nothing
Removed:  nothing

Elsewhere
In PyTorch, too.

Watch out
Do not forget.

Try
1. One thing.
2. Another.

Output
    2

Answers
1. So.
2. So.
"""

import numpy as np


class Variable:
    """A box."""

    def __init__(self, data):
        self.data = np.asarray(data)


def add(x0, x1):
    """The sum."""
    y = Variable(x0.data + x1.data)
    return y


Variable.__add__ = add

# === demo ===


def doubled(x):
    """Twice x."""
    return x + x


if __name__ == "__main__":
    print(doubled(Variable(1)).data)
'''


def planted(old, new):
    assert GOOD.count(old) == 1, old
    return GOOD.replace(old, new)


def test_the_planted_faults_stand_in_a_step_without_faults():
    for rule in OF_ONE:
        no_complaint(rule(GOOD))
    no_complaint(rules.ledger_is_right("", GOOD.replace("Variable.__add__, ", "")))
    no_complaint(rules.everything_is_used(GOOD))
    no_complaint(rules.demo_is_apart(GOOD, {"Variable", "add"}))


IMPORT = "import numpy as np\n"
ADD = 'def add(x0, x1):\n    """The sum."""\n'
BODY = "    y = Variable(x0.data + x1.data)\n    return y\n"
MAIN = "    print(doubled(Variable(1)).data)\n"
FAULTS = [
    (rules.standalone, IMPORT, IMPORT + "import torch\n", "imports torch at the top"),
    (rules.standalone, IMPORT, IMPORT + "import graphviz\n", "graphviz at the top"),
    (rules.standalone, IMPORT, IMPORT + "from torch import nn\n", "imports torch at"),
    (rules.standalone, IMPORT, IMPORT + "from .step13 import y\n", "a neighbour"),
    (rules.standalone, BODY, "    import steps.step13\n" + BODY, "steps in a function"),
    (rules.without_side_effects, "\n# ===", "print(1)\n\n# ===", "prints '1"),
    (rules.without_side_effects, MAIN, MAIN + "print(1)\n", "prints '1"),
    (rules.without_side_effects, "\n# ===", "open('README.md')\n\n# ===", "open"),
    (rules.without_side_effects, "\n# ===", "np.random.rand()\n# ===", "np.random"),
    (rules.without_side_effects, "\n# ===", "np.random.seed(0)\n# ===", "np.random"),
    (
        rules.without_side_effects,
        "\n# ===",
        "import random\nrandom.random()\n# ===",
        "changes random",
    ),
    (
        rules.without_side_effects,
        "\n# ===",
        "import socket\nsocket.socket()\n# ===",
        "socket",
    ),
    (
        rules.without_side_effects,
        "\n# ===",
        "np.seterr(all='ignore')\n# ===",
        "NumPy's",
    ),
    (
        rules.without_side_effects,
        "\n# ===",
        "import os\nos.environ['PLANTED'] = '1'\n# ===",
        "changes the environment",
    ),
    (
        rules.without_side_effects,
        "\n# ===",
        "np.set_printoptions(precision=1)\n# ===",
        "changes NumPy's print options",
    ),
    (rules.no_unreachable_code, "return y", "return y\n    y = 1", "never reached"),
    (rules.no_unreachable_code, "return x +", "raise x\n    return x +", "never"),
    (rules.no_idle_statements, "    return y", "    y\n    return y", "does nothing"),
    (
        rules.no_idle_statements,
        "    return y",
        "    if x0:\n        x1\n    return y",
        "does nothing",
    ),
    (rules.documented, ADD, "def forward(x0, x1):\n", "forward has no docstring"),
    (
        rules.no_idle_statements,
        "    return y",
        "    pass\n    return y",
        "does nothing",
    ),
    (rules.no_idle_statements, "    return y", "    'y'\n    return y", "does nothing"),
    (rules.no_duplicates, "def doubled", "def add", "add is defined twice"),
    (rules.no_duplicates, MAIN, MAIN + "class Variable: ...\n", "Variable is defined"),
    (
        rules.no_duplicates,
        "__init__(self, data)",
        "__add__(self)",
        "__add__ is defined",
    ),
    (
        rules.no_duplicates,
        "\n# ===",
        "Variable.__add__ = Variable\n\n# ===",
        "__add__ is defined",
    ),
    (rules.documented, '    """The sum."""\n', "", "add has no docstring"),
    (rules.documented, '    """A box."""\n\n', "", "Variable has no docstring"),
    (rules.documented, "def __init__", "def put", "put has no docstring"),
    (
        rules.short,
        "    return y",
        "    y = y\n" * 39 + "    return y",
        "add has 41 lines",
    ),
    (rules.short, BODY, "    x0 = x0\n" * 8 + BODY, "half of all functions"),
    (
        rules.whole,
        "\n# ===",
        "\n# An aside.\n\n# ===",
        "belongs to no definition: # An",
    ),
    (rules.whole, "    return y", "    return y\n    # so", "no definition:     # so"),
    (
        rules.lesson_is_complete,
        "Idea\nAdd.\n\n",
        "",
        "the headings are Problem, In the",
    ),
    (rules.lesson_is_complete, "Do not forget.\n", "", "nothing under Watch out"),
    (rules.lesson_is_complete, "2.\n\nIdea", "2.\nIdea", "no blank line above Idea"),
    (rules.lesson_is_complete, "2. Another.\n", "", "no two numbered questions"),
    (rules.lesson_is_complete, "\n    2\n", "\n  2\n", "not indented by 4"),
    (rules.lesson_fits_its_width, "Add.", "Add " * 20, "has 80 columns"),
    (rules.lesson_fits_its_width, "Add.", "Add. ", "ends in blanks"),
    (rules.tries_have_answers, "1. So.\n", "", "[1, 2], but"),
    (rules.lesson_is_complete, "Output\n    2\n\n", "", "are Problem"),
    (rules.demo_is_small, "# === demo ===\n", "", "no line '# === demo ==='"),
    (
        rules.demo_is_small,
        MAIN,
        MAIN + "    # demo\n" + MAIN * 24,
        "block has 26 lines",
    ),
    (rules.demo_is_small, 'if __name__ == "__main__":', "if add:", "does not end with"),
    (rules.demo_is_small, MAIN, MAIN + "shown = 1\n", "does not end with its main"),
]


@pytest.mark.parametrize("rule, old, new, complaint", FAULTS)
def test_a_planted_fault_is_found(rule, old, new, complaint, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "README.md").touch()
    monkeypatch.setenv("PLANTED", "0")
    with np.errstate(), np.printoptions():
        assert complaint in "\n".join(rule(planted(old, new)))


HARMLESS = [
    (rules.standalone, BODY, "    import matplotlib.pyplot\n" + BODY),
    (rules.standalone, BODY, "    from matplotlib import pyplot\n" + BODY),
    (rules.no_idle_statements, BODY, "    if x0:\n        pass\n" + BODY),
    (rules.without_side_effects, IMPORT, "import colorsys\n" + IMPORT),
    (rules.no_duplicates, "def __init__", "@property\n    def __init__"),
    (rules.documented, "def __init__", "def forward"),
    (rules.short, "    return y", "    y = y\n" * 7 + "    return y"),
    (rules.short, BODY, ""),
    (rules.lesson_fits_its_width, "Add.", "Add" * 26 + "."),
    (rules.tries_have_answers, "1. So.\n", "1. So. In 2.\n"),
    (rules.demo_is_small, MAIN, MAIN * 25),
]


@pytest.mark.parametrize("rule, old, new", HARMLESS)
def test_what_is_harmless_is_not_found(rule, old, new):
    no_complaint(rule(planted(old, new)))


NEXT = planted("Variable, Variable.__add__, add", "nothing")
FAULTS_OF_TWO = [
    (
        rules.ledger_is_right,
        "(x0, x1)",
        "(x0, y)",
        "add is changed, but the lesson does",
    ),
    (
        rules.ledger_is_right,
        "def add",
        "def plus",
        "add is removed, but the lesson does",
    ),
    (
        rules.ledger_is_right,
        "def add",
        "def plus",
        "plus is new, but the lesson does not",
    ),
    (
        rules.ledger_is_right,
        "Changed:  nothing",
        "Changed:  add",
        "add is not changed, ",
    ),
    (rules.ledger_is_right, "Removed:  nothing", "Removed:  a, a", "something twice"),
    (
        rules.order,
        "class Variable",
        "add = 1\n\n\nclass Variable",
        "Variable has moved",
    ),
    (
        rules.budget,
        "    return y",
        "    y = y\n" * 60 + "    return y",
        "changes 60 lines",
    ),
]


@pytest.mark.parametrize("rule, old, new, complaint", FAULTS_OF_TWO)
def test_a_planted_fault_between_two_steps_is_found(rule, old, new, complaint):
    no_complaint(rule(GOOD, NEXT))
    limit = {"limit": 59} if rule is rules.budget else {}
    assert NEXT.count(old) == 1
    assert complaint in "\n".join(rule(GOOD, NEXT.replace(old, new), **limit))


STORY = planted("Removed:  nothing", "Removed:  nothing\nGiven:    add")


@pytest.mark.parametrize(
    "pointers, complaint",
    [
        ("    [Variable]\n", ""),
        ("    [Variable]\n    [Variable.__init__]\n    [Variable]\n", ""),
        ("    [add]\n", "Variable is new or changed, but the story does not"),
        (
            "    [Variable]\n    [doubled]\n",
            "the story shows doubled, which is neither",
        ),
    ],
)
def test_the_story_shows_what_is_new_and_only_that(pointers, complaint):
    text = STORY.replace("The sum is new:\n", f"The sum is new:\n\n{pointers}")
    found = "\n".join(rules.story_shows_the_code("", text))
    assert complaint in found and bool(complaint) == bool(found)


def test_only_what_is_new_can_be_given():
    new = STORY.replace("x0.data + x1.data", "x1.data + x0.data")
    found = list(rules.story_shows_the_code(STORY, new))
    assert found == ["add is given, but is not new"]


def test_lines_that_are_new_replaced_and_gone_count_for_the_budget():
    assert rules.changed_lines("a = 1\nb = 2\n", "a = 1\nb = 2\nc = 3\nd = 4\n") == 2
    assert rules.changed_lines("a = 1\nb = 2\nc = 3\n", "a = 1\nb = 4\n") == 2
    assert rules.changed_lines("", 'def f():\n    """One."""\n    return 1\n') == 2


def test_what_was_removed_may_not_come_back():
    without = NEXT.replace("Variable.__add__ = add\n", "")
    no_complaint(rules.no_return([GOOD, without, without]))
    assert list(rules.no_return([GOOD, without, NEXT]))


@pytest.mark.parametrize(
    "code, name",
    [
        ("def _idle(): ...", "_idle"),
        ("def extra(): ...", "extra"),
        ("def again(): again()", "again"),
        ("SIZE = 3", "SIZE"),
        ("Variable.plus = add", "Variable.plus"),
    ],
)
def test_code_that_nothing_uses_is_found(code, name):
    source = planted("\n# ===", f"\n{code}\n\n# ===")
    assert list(rules.everything_is_used(source)) == [f"{name} is used nowhere"]


def test_a_use_in_a_method_is_enough():
    source = planted("np.asarray(data)", "converted(data)")
    function = "def converted(data): ...\n\n\nclass Variable"
    assert not list(
        rules.everything_is_used(source.replace("class Variable", function))
    )


def test_a_use_in_a_test_is_enough_for_public_names():
    public = planted("\n# ===", "\nSIZE = 3\n\n# ===")
    private = planted("\n# ===", "\n_SIZE = 3\n\n# ===")
    assert not list(rules.everything_is_used(public, {"SIZE"}))
    assert list(rules.everything_is_used(private, {"_SIZE"}))


@pytest.mark.parametrize(
    "old, new, complaint",
    [
        (MAIN, MAIN, ""),
        (MAIN, MAIN + "    print()\n", "does not print what the lesson says"),
        ("Output\n    2\n", "Output\n    3\n", "does not print what the lesson says"),
        (MAIN, "    raise SystemExit(3)\n", "ends with 3"),
        (MAIN, "    1 / 0\n", "ZeroDivisionError"),
        (MAIN, "    assert np\n", "prints nothing"),
        (MAIN, MAIN + "    open('a', 'w').close()\n", "writes ['a']"),
    ],
)
def test_a_fault_in_a_demo_is_found(old, new, complaint, tmp_path, monkeypatch):
    monkeypatch.setattr(ledger, "STEPS", tmp_path)
    (tmp_path / "step14.py").write_text(planted(old, new), encoding="utf-8")
    run = run_demo(14, tmp_path / "folder")
    found = "\n".join(rules.demo_is_right(planted(old, new), *run))
    assert complaint in found and bool(complaint) == bool(found)


def test_a_test_on_another_step_passes_fails_or_does_not_run():
    results = run_pairs([(1, 2), (2, 1), (1, 99), (2, 3)])
    assert [status for status, _ in results.values()] == [0, 1, 4, 0]


def test_names_that_the_demo_takes_from_the_framework_are_found():
    assert list(rules.demo_is_apart(GOOD, {"doubled"}))
    assert list(rules.demo_is_apart(planted(MAIN, "    sin = 1\n" + MAIN), {"sin"}))
