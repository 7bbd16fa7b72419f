"""Test the site in Chromium, or run all demos and tests of the steps there.

    python site/check.py          what the Makefile calls "make check-site"
    python site/check.py all      "make check-site-all": a table of the sixty steps

The site is built first. Playwright goes into a virtual environment of its own,
out/site-check-venv; Debian's chromium is installed where it is missing.
"""

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT)]

from tools import environment  # noqa: E402

VENV, TESTS = ROOT / "out" / "site-check-venv", ROOT / "site" / "tests"
CHROMIUM = Path("/usr/bin/chromium")


def python():
    """The interpreter that has Playwright."""
    text = "\n".join(environment.groups()["site-check"])
    if not environment.is_ready(VENV, text):
        environment.set_up(VENV, text, subprocess.run)
    return str(environment.venv_python(VENV))


def provide_chromium():
    """Install Debian's Chromium where it is missing; a sentence if that fails."""
    if CHROMIUM.exists():
        return None
    if shutil.which("apt-get"):
        print("Installing chromium, this once …", flush=True)
        for words in (["update", "-q"], ["install", "-y", "-q", "chromium"]):
            subprocess.run(["apt-get", *words], stdout=subprocess.DEVNULL)
    if not CHROMIUM.exists():
        return f"There is no {CHROMIUM}. On Debian: sudo apt-get install chromium"


def main(words):
    if sentence := provide_chromium():
        return sentence
    build = subprocess.run([sys.executable, ROOT / "site" / "build.py"])
    if build.returncode:
        return build.returncode
    program = ["-m", "pytest", "-q", TESTS]
    if words[:1] == ["all"]:
        program = [TESTS / "all_steps.py", *words[1:]]
    return subprocess.run([python(), *program], cwd=ROOT).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
