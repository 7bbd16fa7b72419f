"""Cut the package framework/ out of a step, at its section markers.

    python -m tools.cut              from the last step
    python -m tools.cut 36           from step 36
    python -m tools.cut --check      only say whether framework/ is what the step gives

The line "# === functions/shape: what moves elements ===" opens a section, which
becomes framework/functions/shape.py, with the text behind the colon as its docstring.
What a module takes from NumPy, the standard library and earlier sections is imported
at its top; its code stays as it is.

Besides the sections there are: __init__.py of framework/, with the short names;
__init__.py of functions/, with all functions; utils.py and cuda.py, with names that
programs written for the book's package look for there.
"""

import argparse
import ast
import builtins
import functools
import os
import re
import shutil
import symtable
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

from tools import ledger

ROOT = Path(__file__).resolve().parent.parent
NAME = "framework"
COMPLETE = 60  # the step that has all the short names; an earlier one may lack some
WIDTH = 88  # columns
MARKER = re.compile(r"# === ([a-z]\w*(?:/[a-z]\w*)?): (\S.*) ===")
DEFINITION = re.compile(r"(?:#.*\n)*(?:@|(?:class|def|async def) )")
BUILTINS = {*dir(builtins), "__file__"}

# What `import framework` offers without the name of a module.
SHORT = """
    Config Function Parameter Variable as_array as_variable no_grad test_mode
    using_config Layer Model Sequential Dataset DataLoader SeqDataLoader
""".split()

# Functions of variables that the core needs, and functions/ offers with its own.
OF_CORE = {"functions": ["Cast", "cast"]}

# What the book's package has in a module utils, or a reader would look for there.
UTILS = """
    cache_dir get_array_module get_conv_outsize get_deconv_outsize get_dot_graph
    get_file gradient_check numerical_diff pair plot_dot_graph sum_to
""".split()
BACKEND = "backend"  # the section whose public names the book's package has in cuda
CUDA = '''

def __getattr__(name):
    """gpu_enable and cupy, which the book's package has from its import on."""
    if name == "gpu_enable":
        return gpu_is_available()
    if name == "cupy" and gpu_is_available():
        return sys.modules["cupy"]
    raise AttributeError(f"module {__name__} has no attribute {name}")
'''

TITLES = {
    "functions": f"all functions in one: import {NAME}.functions as F",
    "utils": "helpers, under the name that the book's package has for them",
    "cuda": "the backend, under the name that the book's package has for it",
}


def write(path, text):
    """Write a text to a file, whole or not at all."""
    part = path.with_name(path.name + ".part")
    part.write_text(text, encoding="utf-8", newline="\n")
    os.replace(part, path)


# Sections


@dataclass(frozen=True)
class Section:
    """What stands between two markers."""

    name: str  # "core", or "functions/shape" for a module of a package
    title: str  # what it holds, in the words of the marker
    line: int  # the number of the marker's line
    code: str

    @property
    def package(self):
        """The package that it is a module of: "functions", or "" for core."""
        return self.name.rpartition("/")[0]

    @property
    def module(self):
        """The name by which it is imported."""
        return f"{NAME}.{self.name.replace('/', '.')}"

    @property
    def padded(self):
        """The code, each line at the number that it has in the step."""
        return "\n" * self.line + self.code

    @functools.cached_property
    def names(self):
        """{name: line} of all that the section defines, in order."""
        found = {}
        for node in ast.parse(self.padded).body:
            found.setdefault(ledger.defined_name(node), node.lineno)
        return {name: line for name, line in found.items() if "." not in name}

    @functools.cached_property
    def lines(self):
        """The lines on which each name is loaded or stored, by name and context."""
        found = {}
        for node in ast.walk(ast.parse(self.padded)):
            if isinstance(node, ast.Name):
                found.setdefault((node.id, type(node.ctx)), []).append(node.lineno)
        return found

    @property
    def public(self):
        """The names that do not begin with an underscore."""
        return [name for name in self.names if not name.startswith("_")]


def sections(source):
    """The sections of a step, in order."""
    body = ledger.parsed(source).body
    lines = source[: ledger.demo_start(source)].split("\n")
    lesson = body[0].end_lineno if body and ledger.is_docstring(body[0]) else 0
    markers = [i for i in range(lesson, len(lines)) if ledger.SECTION.match(lines[i])]
    if not markers:
        raise ValueError("There is no section to cut out.")
    check_imports(body, markers[0])
    ends = [*markers[1:], len(lines)]
    found = [section(i, lines[i:j]) for i, j in zip(markers, ends)]
    check_names(found)
    return found


def section(i, lines):
    """The section that these lines of a step are; i is the index of the first."""
    match = MARKER.fullmatch(lines[0])
    if not match:
        raise ValueError(
            f"Line {i + 1} opens no section: that would read "
            f"'# === name: what it holds ===', not {lines[0]!r}."
        )
    return Section(match[1], match[2], i + 1, "\n".join(lines[1:]))


def check_imports(body, marker):
    """A ValueError unless imports stand above the first marker, and nothing else."""
    for node in body:
        is_above = node.lineno <= marker
        if is_above != is_import(node) and not ledger.is_docstring(node):
            what = "is not in" if is_above else "imports in"
            where = "any section" if is_above else "a section, not at the top"
            raise ValueError(f"Line {node.lineno} {what} {where}.")


def is_import(node):
    return isinstance(node, ast.Import | ast.ImportFrom)


def check_names(found):
    """A ValueError if two sections have one name, or define one name."""
    packages, modules, homes = {s.package for s in found}, set(), {}
    for each in found:
        if each.name in modules | packages | {"utils", "cuda"}:
            raise ValueError(f"Line {each.line}: the name {each.name} is taken.")
        modules.add(each.name)
        for name, line in each.names.items():
            if name in homes:
                raise ValueError(
                    f"Line {line} defines {name}, which section {homes[name]} "
                    "has defined before."
                )
            homes[name] = each.name


# What a section needs


def scopes(table):
    """A symbol table, and those of all scopes in it."""
    yield table
    for child in table.get_children():
        yield from scopes(child)


def symbols(section):
    """(symbol, the table of its scope) for each symbol of each scope of a section."""
    for table in scopes(symtable.symtable(section.padded, section.name, "exec")):
        for symbol in table.get_symbols():
            yield symbol, table


def line_of(symbol, table, section, context=ast.Load):
    """The line on which a scope first loads a name, or stores it."""
    lines = section.lines.get((symbol.get_name(), context), [])
    start = table.get_lineno()
    return min((line for line in lines if line >= start), default=start)


def outer_names(section):
    """{name: line} for what a section's code looks up in its module."""
    found = {}
    for symbol, table in symbols(section):
        is_outer = symbol.is_global()
        if table.get_type() == "module":  # what a comprehension sets may be "global"
            is_outer = not symbol.is_assigned()
        if symbol.is_referenced() and is_outer:
            name, line = symbol.get_name(), line_of(symbol, table, section)
            found[name] = min(line, found.get(name, line))
    return found


def rebound(section):
    """{name: line} for what functions of a section set by a global statement."""
    return {
        symbol.get_name(): line_of(symbol, table, section, ast.Store)
        for symbol, table in symbols(section)
        if symbol.is_declared_global() and symbol.is_assigned()
    }


def check_classes(section, homes):
    """A ValueError if a class has a name of its own that might be another section's."""
    for symbol, table in symbols(section):
        home = homes.get(symbol.get_name(), section)
        both = symbol.is_assigned() and symbol.is_referenced()
        if table.get_type() == "class" and both and home != section:
            raise ValueError(
                f"Line {line_of(symbol, table, section)}: the class sets and uses "
                f"{symbol.get_name()}, which is a name of section {home.name}, too."
            )


def needs(section, found, top):
    """(module, name, other name) for all that a section must import."""
    homes = {name: each for each in found for name in each.names}
    check_classes(section, homes)
    imports = []
    for name, line in outer_names(section).items():
        home = homes.get(name)
        if home and found.index(home) > found.index(section):
            raise ValueError(
                f"Line {line}, in section {section.name}, uses {name}, "
                f"which is defined only in the later section {home.name}."
            )
        if home and home != section:
            imports.append((home.module, name, None))
        if not home and name not in top and name not in BUILTINS:
            raise ValueError(
                f"Line {line}, in section {section.name}, uses {name}, "
                "which is neither defined nor imported."
            )
        imports += [] if home else top.get(name, [])
    return imports


def top_imports(source):
    """{name: its imports} for the names that a step's imports bind."""
    found = {}
    for node in filter(is_import, ledger.parsed(source).body):
        for alias in node.names:
            bound = alias.asname or alias.name.partition(".")[0]
            one = (alias.name, None, alias.asname)
            if isinstance(node, ast.ImportFrom):
                one = (node.module, alias.name, alias.asname)
            found.setdefault(bound, []).append(one)
    return found


def check_copies(imports, found):
    """A ValueError if a name is imported that a function sets anew later on."""
    homes = {name: each for each in found for name in each.names}
    for each in found:
        for name, line in rebound(each).items():
            if homes.get(name, each) != each or (each.module, name, None) in imports:
                raise ValueError(
                    f"Line {line} sets {name}, but another module has a copy of it, "
                    "which would stay as it was."
                )


# How ruff would write it


def natural(name):
    """A key to sort names by, with 9 before 10."""
    parts = re.split(r"(\d+)", name.lower())
    return [int(part) if part.isdigit() else part for part in parts], name


def member_order(name):
    """A key to sort the names of one import by: CONSTANTS, Classes, functions."""
    is_constant = len(name) > 1 and name.isupper()
    return 0 if is_constant else 1 if name[0].isupper() else 2, natural(name)


def fitted(line, start, items, end):
    """The line, if it fits; else the items on a line each between start and end."""
    if len(line) <= WIDTH:
        return line
    return "\n".join([start, *(f"    {item}," for item in items), end])


def from_import(module, names):
    """The statement that imports these names from a module."""
    start = f"from {module} import "
    return fitted(start + ", ".join(names), f"{start}(", names, ")")


def import_lines(imports):
    """The statements for (module, name, as), in groups parted by blank lines."""
    groups, members = [[], [], []], {}
    for module, name, other in dict.fromkeys(imports):
        suffix = f" as {other}" if other else ""
        if name is None:
            key = False, natural(module), suffix
            groups[group(module)].append((key, f"import {module}{suffix}"))
        else:
            members.setdefault((module, suffix), []).append(name)
    for (module, suffix), names in members.items():
        names.sort(key=member_order)
        key = True, natural(module), member_order(names[0])
        statement = from_import(module, [name + suffix for name in names])
        groups[group(module)].append((key, statement))
    texts = ["\n".join(text for _, text in sorted(some)) for some in groups if some]
    return "\n\n".join(texts)


def group(module):
    """0 for the standard library, 1 for other packages, 2 for our own."""
    first = module.partition(".")[0]
    return 2 if first == NAME else 0 if first in sys.stdlib_module_names else 1


def sentence(title):
    return f"{title[0].upper()}{title[1:]}{'' if title.endswith('.') else '.'}"


def file_text(title, imports, code, step):
    """The text of a module."""
    note = f'# Cut from {step} by "make framework": edit the step, not this file.'
    head = f'{note}\n"""{sentence(title)}"""'
    blank = "\n\n\n" if DEFINITION.match(code) else "\n\n"
    lines = import_lines(imports)
    return "\n\n".join([head, lines] if lines else [head]) + f"{blank}{code}\n"


# The package


def homes_of(names, found):
    """(module, name, None) for each of the names that a section defines."""
    homes = {name: each.module for each in found for name in each.names}
    return [(homes[name], name, None) for name in names if name in homes]


def all_of(imports):
    """The statement that sets __all__ to what is imported."""
    names = sorted((name for _, name, _ in imports), key=member_order)
    names = [f'"{name}"' for name in names]
    return fitted(f"__all__ = [{', '.join(names)}]", "__all__ = [", names, "]")


def collection(name, imports, step):
    """The text of a module that only gathers names of others."""
    title = TITLES.get(name, f"all that the modules of {name} hold")
    code, names = all_of(imports), [name for _, name, _ in imports]
    if "gpu_is_available" in names:
        imports, code = [("sys", None, None), *imports], f"{code}\n{CUDA.rstrip()}"
    return file_text(title, imports, code, step)


def collections(found):
    """{name: imports} of the modules that only gather names of others."""
    gathered = {}
    for package in {each.package: None for each in found if each.package}:
        own = [n for each in found if each.package == package for n in each.public]
        names = dict.fromkeys([*OF_CORE.get(package, []), *own])
        gathered[package] = homes_of(names, found)
    gathered["utils"] = homes_of(UTILS, found)
    backend = [name for each in found if each.name == BACKEND for name in each.public]
    gathered["cuda"] = homes_of(backend, found)
    return {name: imports for name, imports in gathered.items() if imports}


def init_text(imports, version, step):
    """The text of framework/__init__.py."""
    title = f"A deep-learning framework, cut from {step} by make {NAME}."
    doc = f'"""{title}\n\nEdit the step, not this.\n"""'
    number = f'__version__ = "{version}"'
    return f"{doc}\n\n{import_lines(imports)}\n\n{number}\n\n{all_of(imports)}\n"


def check_complete(found):
    """A ValueError if a short name is missing."""
    missing = {*SHORT} - {name for each in found for name in each.names}
    if missing:
        names = ", ".join(sorted(missing))
        raise ValueError(f"{NAME}/ is to offer {names}, but no section defines that.")


def files(source, step, version, complete):
    """The text of each file of the package, by its path in framework/."""
    found, top = sections(source), top_imports(source)
    if complete:
        check_complete(found)
    needed = {each: needs(each, found, top) for each in found}
    gathered = collections(found)
    modules = [*(each.name for each in found if not each.package), *gathered]
    short = [*((NAME, name, None) for name in modules), *homes_of(SHORT, found)]
    check_copies({*sum([*needed.values(), *gathered.values(), short], [])}, found)
    texts = {"__init__.py": init_text(short, version, step)}
    for each in found:
        code = each.code.strip("\n")
        texts[f"{each.name}.py"] = file_text(each.title, needed[each], code, step)
    for name, imports in gathered.items():
        is_package = any(each.package == name for each in found)
        path = f"{name}/__init__.py" if is_package else f"{name}.py"
        texts[path] = collection(name, imports, step)
    return texts


def package(source, number, version):
    """The text of each file of the package, by its path in framework/."""
    step = f"steps/step{number:02}.py"
    try:
        return files(source, step, version, complete=number >= COMPLETE)
    except SyntaxError as error:
        where = f"{step}, line {error.lineno}"
        raise ValueError(f"{where}, is not Python: {error.msg}.") from error
    except ValueError as error:
        raise ValueError(f"{step}: {error}") from error


# Files


def project_version():
    """The version that pyproject.toml has."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return project["project"]["version"]


def differing(texts, folder):
    """The paths of the files in the folder that are not as in texts, or not there."""
    there = {path.relative_to(folder).as_posix() for path in folder.rglob("*.py")}
    same = {
        name
        for name in there & {*texts}
        if (folder / name).read_bytes() == texts[name].encode()
    }
    return sorted((there | {*texts}) - same)


def put(texts, folder):
    """Make the modules in the folder those in texts; returns which have changed."""
    changed = differing(texts, folder)
    for name in changed:
        path = folder / name
        if name in texts:
            path.parent.mkdir(parents=True, exist_ok=True)
            write(path, texts[name])
        else:
            remove(path)
    return changed


def remove(path):
    """Remove a module, and its folder if no other is left there."""
    path.unlink()
    if {left.name for left in path.parent.iterdir()} <= {"__pycache__"}:
        shutil.rmtree(path.parent)


def cut(number):
    """Cut framework/ from a step, and say which of its files have changed."""
    texts = package(ledger.step_source(number), number, project_version())
    changed = ", ".join(put(texts, ROOT / NAME)) or "nothing"
    print(f"{NAME}/ is cut from step {number}; what has changed: {changed}.")
    return 0


def check(number):
    """Say whether framework/ is what a step gives; returns 1 if not."""
    texts = package(ledger.step_source(number), number, project_version())
    changed = differing(texts, ROOT / NAME)
    if not changed:
        print(f"{NAME}/ is what step {number} gives.")
        return 0
    names = ", ".join(changed) if (ROOT / NAME).exists() else "all"
    print(
        f"{NAME}/ is not what step {number} gives. These files differ: {names}. "
        f"Cut it again with: make {NAME}",
        file=sys.stderr,
    )
    return 1


def run(number, only_check):
    """Cut or check the package; returns 1 if it cannot be cut, or is not as it was."""
    try:
        return (check if only_check else cut)(number)
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1


def main(words=None):
    parser = argparse.ArgumentParser(
        prog="python -m tools.cut", description=__doc__.split("\n")[0]
    )
    last = ledger.step_numbers()[-1]
    parser.add_argument("step", nargs="?", type=int, default=last)
    parser.add_argument("--check", action="store_true", help="write nothing")
    options = parser.parse_args(words)
    return run(options.step, options.check)


if __name__ == "__main__":
    sys.exit(main())
