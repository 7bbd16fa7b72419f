"""Puts the workbench into a built site: JavaScript, and Python for the browser.

    python site/workbench/build.py out/site

SITE_WHEELS=folder takes NumPy's wheel for the browser from there, not from Pyodide's
CDN. SITE_CDN=1 lets the pages load matplotlib from that CDN when a demo asks for it.
"""

import gzip
import hashlib
import json
import os
import shutil
import subprocess
import sys
import urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
KEPT = ROOT / "out" / "site-wheels"  # what was downloaded, for the next build
PYODIDE = HERE / "node_modules" / "pyodide"
TESTING = ("iniconfig", "packaging", "pluggy", "pygments", "pytest")
CORE = ("pyodide.asm.wasm", "pyodide.asm.mjs")


def build(site):
    """Write all that the workbench needs into the folder of a built site."""
    static = site / "_static"
    packages()
    static.mkdir(parents=True, exist_ok=True)
    python(static / "pyodide")
    javascript(site)
    list_files(site)


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
    shutil.rmtree(site / "_static" / "workbench", ignore_errors=True)
    words = ["node", "esbuild.mjs", str(site), digest(site)]
    call(words, "esbuild could not bundle the workbench.")


def digest(site):
    """A short name for what is in the site; another one after each change."""
    found = hashlib.sha256()
    for path in sorted(site.rglob("*")):
        if path.is_file() and path.name != "sw.js":
            found.update(path.read_bytes())
    return found.hexdigest()[:12]


def list_files(site):
    """List all files with their size, for a reader who keeps the whole site."""
    paths = [path for path in sorted(site.rglob("*")) if path.is_file()]
    paths = [path for path in paths if path.suffix != ".map" and path.name != "sw.js"]
    note = {
        "files": [path.relative_to(site).as_posix() for path in paths],
        "size": sum(path.stat().st_size for path in paths),
    }
    target = site / "_static" / "workbench" / "all.json"
    target.write_text(json.dumps(note), encoding="utf-8")


# Python


def python(folder):
    """Copy Pyodide and its packed files, and list them with their sizes.

    They are packed here and unpacked in the browser, so that they are small on each
    server, also on one that doesn't compress what it sends.
    """
    wheels = {path.name.split("-")[0]: path for path in [numpy(), *pure_wheels()]}
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(packed(wheels.values()), folder)
    shutil.copy(PYODIDE / "pyodide.mjs", folder)
    for path in [*(PYODIDE / name for name in CORE), ROOT / "out" / "project.zip"]:
        data = gzip.compress(path.read_bytes(), 9, mtime=0)
        (folder / f"{path.name}.packed").write_bytes(data)
    (folder / "pyodide-lock.json").write_text(json.dumps(lock()), encoding="utf-8")
    testing = [wheels[name].name for name in TESTING]
    running = [path.name for path in wheels.values() if path.name not in testing]
    sizes = {path.name: path.stat().st_size for path in folder.iterdir()}
    cdn = f"https://cdn.jsdelivr.net/pyodide/v{version()}/full/"
    note = {
        "running": running,
        "testing": testing,
        "sizes": sizes,
        "cdn": cdn if os.environ.get("SITE_CDN") else None,
    }
    (folder / "files.json").write_text(json.dumps(note), encoding="utf-8")


def packed(wheels):
    """The folder of the packed standard library and wheels, which is made once."""
    folder, paths = KEPT / "packed", [PYODIDE / "python_stdlib.zip", *wheels]
    names = [HERE / "pack.py", HERE / "pack.mjs", *paths]
    stamp, made_of = KEPT / "packed.txt", "\n".join(map(sha256, names))
    if not stamp.exists() or stamp.read_text(encoding="utf-8") != made_of:
        print("Compiling Python's modules for the browser, this once …", flush=True)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        words = ["node", "pack.mjs", *map(str, [folder, *paths])]
        call(words, "Python's modules could not be compiled.")
        stamp.write_text(made_of, encoding="utf-8")
    return folder


def lock():
    """Pyodide's list of packages, of which only what matplotlib needs is asked for."""
    found = json.loads((PYODIDE / "pyodide-lock.json").read_text(encoding="utf-8"))
    wanted = ["matplotlib"]
    for name in wanted:  # which grows meanwhile
        wanted += [n for n in found["packages"][name]["depends"] if n not in wanted]
    found["packages"] = {name: found["packages"][name] for name in wanted}
    return found


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


if __name__ == "__main__":
    build(Path(sys.argv[1]).resolve())
