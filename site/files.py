"""Write what the workbench reads.

Beside the pages, in out/site-static:
steps.json     the steps: titles, changes, texts of what is new or changed, output
steps/         the file of each step, to read, to run and to download

For site/workbench/build.py, which compresses it as a whole:
out/project.zip  the project's own files, as Python in the browser needs them
"""

import json
import shutil
import zipfile
from pathlib import Path

import readme
from lives import lives, modules, page

from tools import environment, ledger

ROOT = environment.ROOT
STATIC = ROOT / "out" / "site-static"
FOLDERS = ("tests", "tools", "data")
BROWSER = ROOT / "site" / "workbench" / "browser.py"
KINDS = (".py", ".json", ".npz", ".md", ".toml")
A_DATE = (2000, 1, 1, 0, 0, 0)  # of all files, so that equal contents give equal zips


def step_entry(number):
    """What steps.json says of a step."""
    source = ledger.step_source(number)
    lesson, row = ledger.lesson(source), readme.rows()[number]
    stated = ledger.stated_changes(lesson)
    found = ledger.definitions(source)
    return {
        "number": number,
        "title": {"en": lesson.title, "ja": row.japanese, "ko": row.korean},
        "new": stated.new,
        "changed": stated.changed,
        "removed": stated.removed,
        "given": ledger.given(lesson),
        "names": list(found),
        "texts": {n: t for n, t in found.items() if number in lives()[n].texts},
        "output": ledger.expected_output(lesson),
    }


def life_entry(life):
    """What steps.json says of a definition."""
    return {
        "page": f"{page(life.name)}.html",
        "brought": life.brought,
        "changed": life.changed,
        "removed": life.removed,
        "module": modules().get(life.name),
    }


def write_json(folder):
    content = {
        "steps": [step_entry(number) for number in ledger.step_numbers()],
        "definitions": {name: life_entry(life) for name, life in lives().items()},
    }
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    (folder / "steps.json").write_text(text, encoding="utf-8")


def project_files():
    """The files that go into project.zip, in order."""
    found = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*")]
    found = sorted(path for path in found if path.suffix in KINDS)
    return [ROOT / "pyproject.toml", *found, BROWSER]


def write_zip(target):
    with zipfile.ZipFile(target, "w") as archive:
        for path in project_files():
            name = path.relative_to(ROOT).as_posix()
            info = zipfile.ZipInfo(name, A_DATE)
            info.external_attr = 0o644 << 16
            archive.writestr(info, path.read_bytes())


def write_steps(folder):
    (folder / "steps").mkdir(exist_ok=True)
    for number in ledger.step_numbers():
        shutil.copy(ledger.step_path(number), folder / "steps")


def write_all(folder: Path = STATIC):
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder)
    write_zip(folder.parent / "project.zip")
    write_steps(folder)
