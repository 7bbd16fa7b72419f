"""The virtual environment .venv: made when first needed, with requirements.txt in it.

Only the standard library is used here, for nothing else is there yet.
"""

import importlib.util
import os
import re
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
STAMP = "installed.txt"  # in .venv: the requirements.txt that it was made from
WINDOWS = os.name == "nt"


def venv_python(venv):
    """The path of the interpreter in a virtual environment."""
    return venv / ("Scripts/python.exe" if WINDOWS else "bin/python")


def version(text):
    """The numbers that a version starts with: (2, 4) for "2.4.1"."""
    return tuple(int(part) for part in re.findall(r"\d+", text)[:2])


def satisfied(requirement):
    """True if this Python has a package like "numpy>=2.0"."""
    name, _, least = requirement.partition(">=")
    try:
        return version(metadata.version(name.strip())) >= version(least)
    except metadata.PackageNotFoundError:
        return False


def in_virtual_environment():
    return sys.prefix != sys.base_prefix


def is_ready(venv, requirements):
    """True if venv works and was made from these very requirements."""
    stamp = venv / STAMP
    return (
        venv_python(venv).exists()
        and stamp.exists()
        and stamp.read_text(encoding="utf-8") == requirements
    )


def python(venv=VENV, run=subprocess.run):
    """The interpreter to run steps and tests with.

    It is the one of .venv, which is made or brought up to date first, unless we
    are in another virtual environment that has all that requirements.txt names.
    """
    requirements = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    if in_virtual_environment() and Path(sys.prefix).resolve() != venv.resolve():
        if all(map(satisfied, requirements.split())):
            return sys.executable
    if not is_ready(venv, requirements):
        set_up(venv, requirements, run)
    return str(venv_python(venv))


def set_up(venv, requirements, run):
    """Make venv, where there is none that works, and install what its lines name."""
    names = ", ".join(requirements.split())
    print(f"Setting up {venv.name} with {names} …", file=sys.stderr)
    if not venv_python(venv).exists():
        command = [sys.executable, "-m", "venv", "--clear", venv]
        call(
            command,
            "Python could not make a virtual environment. "
            "On Debian and Ubuntu: sudo apt install python3-venv.",
            run,
        )
    install(venv_python(venv), requirements.split(), run)
    (venv / STAMP).write_text(requirements, encoding="utf-8")


def install(interpreter, what, run=subprocess.run):
    """Install packages with the pip of an interpreter."""
    command = [interpreter, "-m", "pip", "install", "-q", *what]
    call(
        [*command, "--disable-pip-version-check"],
        f"pip could not install {' '.join(map(str, what))}; "
        "this needs the network, once.",
        run,
    )


def call(command, sentence, run):
    """Run a command; if it fails, show what it printed, and end with the sentence."""
    result = run(list(map(str, command)), capture_output=True, text=True)
    if result.returncode:
        sys.exit(f"{result.stdout}{result.stderr}{sentence}")


def groups():
    """The optional groups of pyproject.toml: their requirements by their names."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return project["project"]["optional-dependencies"]


def optional(package):
    """What an optional group of pyproject.toml asks of a package: "ruff>=0.14"."""
    for group in groups().values():
        for requirement in group:
            if re.split(r"[<>=~ ]", requirement)[0] == package:
                return requirement
    raise ValueError(f"No optional group of pyproject.toml has {package}.")


def provide(interpreter, package):
    """Install a package of an optional group, where the interpreter lacks it."""
    code = f"import importlib.util as u, sys; sys.exit(not u.find_spec({package!r}))"
    if subprocess.run([interpreter, "-c", code]).returncode:
        print(f"Installing {package}, this once …", file=sys.stderr)
        install(interpreter, [optional(package)])


def ruff(*words, folder=ROOT):
    """Run ruff, which is installed first where it is missing; what came of it."""
    if not importlib.util.find_spec("ruff"):
        provide(sys.executable, "ruff")
    command = [sys.executable, "-m", "ruff", *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)
