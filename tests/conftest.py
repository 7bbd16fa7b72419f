"""How a test finds the step it is about.

tests/test_step14.py is given steps/step14.py as the fixture `step`. To try the
same test on another file: STEP_FILE=my14.py, --steps-dir my_steps, or
--on-step 36 for the same test on a later step of this repository.
"""

import functools
import importlib.util
import os
import re
import sys
from pathlib import Path

import pytest

STEPS = Path(__file__).resolve().parent.parent / "steps"


def pytest_addoption(parser):
    parser.addoption(
        "--steps-dir", type=Path, default=STEPS, help="where stepNN.py are"
    )
    parser.addoption("--on-step", type=int, help="test this step, not the test's own")
    parser.addoption(
        "--triangle", action="store_true", help="run each test on all later steps, too"
    )


def pytest_configure(config):
    config.addinivalue_line(
        "markers",
        "not_on(steps, reason): the test does not apply to these later steps",
    )


def own_step(path):
    """The number in the name of a step's test; None for other tests."""
    match = re.fullmatch(r"test_step(\d+)", path.stem)
    return int(match[1]) if match else None


def step_file(config, number):
    """The file to test: STEP_FILE, or step `number` of the folder of steps."""
    if "STEP_FILE" in os.environ:
        return Path(os.environ["STEP_FILE"]).resolve()
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
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def step(request):
    """The module of the step under test."""
    number = own_step(request.path)
    return load_step(
        step_file(request.config, request.config.getoption("--on-step") or number)
    )


def pytest_collection_modifyitems(config, items):
    later = config.getoption("--on-step")
    for item in items:
        for marker in item.iter_markers("not_on"):
            steps, reason = marker.args
            if later in steps:
                item.add_marker(pytest.mark.skip(reason=reason))


def missing_name(error):
    """The name that an AttributeError asked a step for; None if it is not about one."""
    owner = getattr(error, "obj", None)
    if getattr(owner, "__name__", "").startswith("step_under_test_"):
        return error.name
    kind = owner if isinstance(owner, type) else type(owner)
    if kind.__module__.startswith("step_under_test_"):
        return f"{kind.__name__}.{error.name}"
    return None


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    try:
        return (yield)
    except AttributeError as error:
        name = missing_name(error)
        if name is None:
            raise
        pytest.fail(f"step {own_step(item.path)} asks for {name}", pytrace=False)
