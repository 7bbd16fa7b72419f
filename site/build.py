"""Build the site into out/site, or serve it on this machine.

    python site/build.py          what the Makefile calls "make site"
    python site/build.py serve    "make site-serve"

Sphinx and its theme go into a virtual environment of their own, out/site-venv.
"""

import functools
import http.server
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT)]

from tools import environment  # noqa: E402

OUT = ROOT / "out"
SITE, VENV = OUT / "site", OUT / "site-venv"
WORKBENCH = ROOT / "site" / "workbench" / "build.py"
ADDRESS = "localhost", 8000


def python():
    """The interpreter that Sphinx runs in, and autodoc with it."""
    needed = (ROOT / "requirements.txt").read_text(encoding="utf-8").split()
    text = "\n".join([*needed, *environment.groups()["site"]])
    if not environment.is_ready(VENV, text):
        OUT.mkdir(exist_ok=True)
        environment.set_up(VENV, text, subprocess.run)
    return str(environment.venv_python(VENV))


def sphinx():
    """The words that follow "python -m" to build the pages; warnings are errors."""
    words = "sphinx --quiet --fail-on-warning --keep-going --jobs auto --builder html"
    places = ["--conf-dir", ROOT / "site", "--doctree-dir", OUT / "site-doctrees"]
    return [*words.split(), *places, OUT / "site-pages", SITE]


def build():
    """Build all; a sentence that says what failed, or None."""
    interpreter, start = python(), time.monotonic()
    (OUT / "site-pages").mkdir(exist_ok=True)
    parts = {"Pages, about a minute": [interpreter, "-m", *sphinx()]}
    if WORKBENCH.exists():
        parts["Workbench"] = [sys.executable, WORKBENCH, SITE]
    for title, command in parts.items():
        begun = time.monotonic()
        print(f"{title} …", end=" ", flush=True)
        if subprocess.run(list(map(str, command)), cwd=ROOT).returncode:
            return f"{title.split(',')[0]} could not be made; the lines above say why."
        print(f"{time.monotonic() - begun:.0f} s", flush=True)
    seconds = time.monotonic() - start
    print(f"The site is in out/site, after {seconds:.0f} s. See it: make site-serve")


def serve():
    """Serve the site on this machine until Ctrl-C."""
    if not (SITE / "index.html").exists() and (sentence := build()):
        return sentence
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=SITE)
    try:
        with http.server.ThreadingHTTPServer(ADDRESS, handler) as server:
            print(f"http://{ADDRESS[0]}:{ADDRESS[1]} shows the site; Ctrl-C ends this.")
            server.serve_forever()
    except OSError as error:
        return f"Port {ADDRESS[1]} cannot be used: {error.strerror}."
    except KeyboardInterrupt:
        print()


if __name__ == "__main__":
    sys.exit(serve() if sys.argv[1:] == ["serve"] else build())
