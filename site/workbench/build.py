"""Puts the workbench into a built site: JavaScript, and Python for the browser.

    python site/workbench/build.py out/site

SITE_WHEELS=folder takes NumPy's wheel for the browser from there, not from Pyodide's
CDN. SITE_CDN=1 lets the pages load matplotlib from that CDN when a demo asks for it.
"""

import gzip
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import urllib.request
import zipfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
KEPT = ROOT / "out" / "site-wheels"  # what was downloaded, for the next build
PYODIDE = HERE / "node_modules" / "pyodide"
TESTING = ("iniconfig", "packaging", "pluggy", "pygments", "pytest")
PACKED = ("pyodide.asm.wasm", "pyodide.asm.mjs")
PLAIN = ("pyodide.mjs", "pyodide-lock.json")
# What nothing here asks for: headers, types, manuals, Fortran, and of pygments all
# languages but those that pytest shows.
LEFT_OUT = re.compile(
    r".+\.(pyi|h|pxd|a|pc)|numpy/f2py/.+|pydoc_data/.+|"
    r"pygments/lexers/(?!(__init__|_mapping|diff|python)\.py).+"
)


def build(site):
    """Write all that the workbench needs into the folder of a built site."""
    static = site / "_static"
    packages()
    static.mkdir(parents=True, exist_ok=True)
    python(static / "pyodide")
    javascript(site)


def call(words, sentence):
    """Run a program; where it fails, show what it printed and end with the sentence."""
    try:
        run = subprocess.run(words, cwd=HERE, capture_output=True, text=True)
    except FileNotFoundError:
        sys.exit(f"{words[0]} is not installed. {sentence}")
    if run.returncode:
        sys.exit(f"{run.stdout}{run.stderr}{sentence}")


# JavaScript


def packages():
    """Install the npm packages of package-lock.json, unless they are there."""
    lock, stamp = HERE / "package-lock.json", HERE / "node_modules" / "installed.json"
    if not stamp.exists() or stamp.read_bytes() != lock.read_bytes():
        print("Installing the npm packages of the workbench, this once …", flush=True)
        npm = "npm.cmd" if os.name == "nt" else "npm"
        words = [npm, "ci", "--no-audit", "--no-fund"]
        call(words, "The site needs Node 20 or newer with npm, and the network, once.")
        shutil.copy(lock, stamp)


def javascript(site):
    """Bundle the modules in src/; the service worker goes to the site's root."""
    words = ["node", "esbuild.mjs", str(site), digest(site)]
    call(words, "esbuild could not bundle the workbench.")


def digest(site):
    """A short name for what is in the site; another one after each change."""
    found = hashlib.sha256()
    for path in sorted(site.rglob("*")):
        if path.is_file() and path.name != "sw.js":
            found.update(path.read_bytes())
    return found.hexdigest()[:12]


# Python


def python(folder):
    """Copy Pyodide, NumPy and the pure wheels, and list them with their sizes.

    The two large files are packed here and unpacked in the browser, so that they are
    small on each server, also on one that doesn't compress what it sends.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name in PLAIN:
        shutil.copy(PYODIDE / name, folder)
    for name in PACKED:
        data = gzip.compress((PYODIDE / name).read_bytes(), 9, mtime=0)
        (folder / f"{name}.packed").write_bytes(data)
    wheels = {path.name.split("-")[0]: path for path in [numpy(), *pure_wheels()]}
    for path in [PYODIDE / "python_stdlib.zip", *wheels.values()]:
        slim(path, folder / path.name)
    testing = [wheels[name].name for name in TESTING]
    running = [path.name for path in wheels.values() if path.name not in testing]
    files = [*folder.iterdir(), folder.parent / "project.zip"]
    sizes = {path.name: path.stat().st_size for path in files}
    cdn = f"https://cdn.jsdelivr.net/pyodide/v{version()}/full/"
    note = {
        "running": running,
        "testing": testing,
        "sizes": sizes,
        "cdn": cdn if os.environ.get("SITE_CDN") else None,
    }
    (folder / "files.json").write_text(json.dumps(note), encoding="utf-8")


def version():
    """The version of Pyodide."""
    return json.loads((PYODIDE / "package.json").read_text(encoding="utf-8"))["version"]


def numpy():
    """The path of NumPy's wheel for the browser."""
    given = os.environ.get("SITE_WHEELS")
    if given:
        found = sorted(Path(given).glob("numpy-*wasm32.whl"))
        if not found:
            sys.exit(f"SITE_WHEELS is {given}, where there is no numpy-*wasm32.whl.")
        return found[-1].resolve()
    lock = json.loads((PYODIDE / "pyodide-lock.json").read_text(encoding="utf-8"))
    package = lock["packages"]["numpy"]
    path = KEPT / package["file_name"]
    if not path.exists() or sha256(path) != package["sha256"]:
        download(f"v{version()}/full/{package['file_name']}", path, package["sha256"])
    return path


def download(name, path, digest):
    """Get a file from Pyodide's CDN, and keep it if its SHA-256 is the right one."""
    url = f"https://cdn.jsdelivr.net/pyodide/{name}"
    print(f"Downloading {url} …", flush=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    try:
        with urllib.request.urlopen(url, timeout=60) as response:
            part.write_bytes(response.read())
    except OSError as error:
        sys.exit(
            f"{url} could not be downloaded: {error}. Without that network, set "
            "SITE_WHEELS to a folder that holds NumPy's wheel for Pyodide."
        )
    if sha256(part) != digest:
        part.unlink()
        sys.exit(f"What came from {url} has another SHA-256 than {digest}.")
    part.replace(path)


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def pure_wheels():
    """The paths of the wheels of wheels.txt, which pip downloads and checks once."""
    wanted = HERE / "wheels.txt"
    stamp = KEPT / wanted.name
    if not stamp.exists() or stamp.read_bytes() != wanted.read_bytes():
        shutil.rmtree(KEPT, ignore_errors=True)
        words = [sys.executable, "-m", "pip", "download", "-q", "--no-deps"]
        words += ["--require-hashes", "--only-binary=:all:", "-d", KEPT, "-r", wanted]
        call(list(map(str, words)), "The pure wheels for the browser are on PyPI.")
        shutil.copy(wanted, stamp)
    return sorted(KEPT.glob("*-none-any.whl"))


def slim(source, target):
    """Copy a wheel or a zip, packed tightly, without what nothing here asks for."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for item in old.infolist():
            if not LEFT_OUT.fullmatch(item.filename):
                new.writestr(item, old.read(item), zipfile.ZIP_DEFLATED, 9)


if __name__ == "__main__":
    build(Path(sys.argv[1]).resolve())
