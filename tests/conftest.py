"""How a test finds the step it is about.

tests/test_step14.py is given steps/step14.py as the fixture `step`. To try the
same test on another file: STEP_FILE=my14.py, --steps-dir my_steps, or
--on-step 36 for the same test on a later step of this repository, or --on-package
for the same test on the package that is cut from the last step.
"""

import functools
import importlib
import importlib.util
import os
import pkgutil
import re
import sys
from pathlib import Path

import first_failure
import pytest
from not_on import NOT_ON

STEPS = Path(__file__).resolve().parent.parent / "steps"
NOT_IN_A_BROWSER = {  # what a test needs: why it is skipped where that is missing
    "a deep stack": "Python in a browser has a small stack",
    "hard links": "Python in a browser gives a file one name",
    "processes": "Python in a browser starts no process",
    "sockets": "Python in a browser opens no socket",
    "threads": "Python in a browser starts no thread",
}


def pytest_addoption(parser):
    parser.addoption(
        "--steps-dir", type=Path, default=STEPS, help="where stepNN.py are"
    )
    parser.addoption("--on-step", type=int, help="test this step, not the test's own")
    parser.addoption(
        "--on-package", action="store_true", help="test framework/, not a step"
    )
    parser.addoption(
        "--first-failure", action="store_true", help="print only the first failure"
    )
    parser.addoption(
        "--triangle", action="store_true", help="run each test on all later steps, too"
    )
    parser.addoption(
        "--gpu", action="store_true", help="test_gpu.py: on a GPU, not on a stand-in"
    )


def gpu_is_there():
    """True if CuPy is installed and finds a GPU."""
    try:
        import cupy

        return cupy.cuda.is_available()
    except (ImportError, RuntimeError):
        return False


def pytest_configure(config):
    config.addinivalue_line("markers", f"needs(what): {', '.join(NOT_IN_A_BROWSER)}")
    if config.getoption("--first-failure"):
        config.option.maxfail = 1
        config.pluginmanager.set_blocked("terminalreporter")
        config.pluginmanager.register(first_failure.FirstFailure())
    if config.getoption("--gpu") and not gpu_is_there():
        pytest.exit("CuPy is missing or finds no GPU: nothing is tested.", returncode=0)


def own_step(path):
    """The number in the name of a step's test; None for other tests."""
    match = re.fullmatch(r"test_step(\d+)", path.stem)
    return int(match[1]) if match else None


def step_file(config, number):
    """The file to test: STEP_FILE, or step `number`, or the one of --on-step."""
    if config.getoption("--on-package"):
        return STEPS.parent / "framework"
    if "STEP_FILE" in os.environ:
        return Path(os.environ["STEP_FILE"]).resolve()
    number = config.getoption("--on-step") or number
    return config.getoption("--steps-dir").resolve() / f"step{number:02}.py"


@functools.cache
def load_step(path):
    """The step at this path as a module, imported once."""
    if not path.exists():
        pytest.exit(f"There is no file {path}.", returncode=4)
    name = f"step_under_test_{path.stem}_{len(sys.modules)}"
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    source = first_failure.uncatchable(path.read_text(encoding="utf-8"))
    vars(module)["Unwritten"] = first_failure.Unwritten
    exec(compile(source, path, "exec"), vars(module))
    return module


class OneModule:
    """The modules of a package as one, as they were in the step it is cut from.

    It has all their names. A name that is set, is set in each module that has it.
    """

    def __init__(self, package, path):
        found = pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
        modules = [importlib.import_module(module.name) for module in found]
        state = {
            "__name__": f"step_under_test_{package.__name__}",
            "__file__": str(path),
            "__doc__": package.__doc__,
            "_modules": [m for m in modules if not hasattr(m, "__path__")],
        }
        for name, value in state.items():
            object.__setattr__(self, name, value)

    def _having(self, name):
        """The modules that have a name."""
        return [module for module in self._modules if name in vars(module)]

    @property
    def __dict__(self):
        found = (vars(module).items() for module in self._modules)
        return {name: value for items in found for name, value in items}

    def __dir__(self):
        return sorted(vars(self))

    def __getattr__(self, name):
        for module in self._having(name):
            return getattr(module, name)
        raise AttributeError(f"the package has no {name}", name=name, obj=self)

    def __setattr__(self, name, value):
        for module in self._having(name) or self._modules[:1]:
            setattr(module, name, value)

    def __delattr__(self, name):
        for module in self._having(name):
            delattr(module, name)


@functools.cache
def load_package(number):
    """The package framework/, which is cut from step `number`, as one module."""
    return OneModule(importlib.import_module("framework"), step_path(number))


def step_path(number):
    return STEPS / f"step{number:02}.py"


def last_step():
    """The number of the step that the package is cut from."""
    return max(int(path.stem[4:]) for path in STEPS.glob("step[0-9]*.py"))


@pytest.fixture
def step(request):
    """The module of the step under test."""
    config = request.config
    if config.getoption("--on-package"):
        return load_package(last_step())
    return load_step(step_file(config, own_step(request.path)))


def number_under_test(config):
    """The number of the step that all tests are run on; None if each has its own.

    The package counts as the step behind the last: it lacks the demo of the last.
    """
    if config.getoption("--on-package"):
        return last_step() + 1
    return config.getoption("--on-step")


def pytest_collection_modifyitems(config, items):
    here = number_under_test(config)
    for item in items:
        for mark in item.iter_markers("needs"):
            reason = NOT_IN_A_BROWSER[mark.args[0]]
            missing = sys.platform == "emscripten"
            item.add_marker(pytest.mark.skipif(missing, reason=reason))
        file = item.path.stem
        names = {file, f"{file}::{item.originalname}", f"{file}::{item.name}"}
        for steps, reason, tests in NOT_ON:
            if names & {*tests} and here in steps and here > own_step(item.path):
                item.add_marker(pytest.mark.skip(reason=reason))


def is_in_demo(name, number):
    """True for a name that the demo of a step defines."""
    demo = step_path(number).read_text(encoding="utf-8").partition("\n# === demo")[2]
    return bool(re.search(rf"^(def |class )?{re.escape(name)}\b", demo, re.MULTILINE))


def pytest_assertrepr_compare(op, left, right):
    first_failure.compared = op, left, right


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Say in a few lines how a test of a step failed; --tb=short shows more.

    On a later step, a test that asks for what the demo of its own has is skipped.
    """
    report, number = (yield), own_step(item.path)
    if report.failed and number:
        missing = first_failure.missing_name(call.excinfo.value)
        later = (number_under_test(item.config) or 0) > number
        if later and missing and is_in_demo(missing, number):
            report.outcome = "skipped"
            report.longrepr = str(item.path), 0, f"{missing} is in a demo"
        elif item.config.option.tbstyle == "auto":
            path = step_file(item.config, number)
            report.longrepr = first_failure.told(item, call.excinfo, number, path)
    return report
