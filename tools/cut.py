"""Cut the package framework/ out of a step, at its section markers.

    python -m tools.cut              from the last step
    python -m tools.cut 36           from step 36
    python -m tools.cut FILE FOLDER  from a file like a step, to FOLDER/framework/

The line "# === functions/shape: what moves elements ===" opens a section, which
becomes framework/functions/shape.py, with the text behind the colon as its docstring.
Each module imports all that the step imports and all that the other sections define;
then ruff takes away what the module does not use, and sorts and formats the rest.

Besides the sections there are: __init__.py of framework/, with the short names;
__init__.py of functions/, with all functions; utils.py and cuda.py, with names that
programs written for the book's package look for there.
"""

import ast
import re
import shutil
import sys
import tempfile
import tomllib
from dataclasses import dataclass
from pathlib import Path

from tools import environment, ledger
from tools.show import shown_path

ROOT = Path(__file__).resolve().parent.parent
NAME = "framework"
MARKER = re.compile(r"^# === ([a-z]\w*(?:/[a-z]\w*)?): (\S.*) ===$", re.MULTILINE)

# What `import framework` offers without the name of a module.
SHORT = """
    Config Function Parameter Variable as_array as_variable no_grad test_mode
    using_config Layer Model Sequential Dataset DataLoader SeqDataLoader
""".split()

# Functions of variables that the core needs, and functions/ offers with its own.
OF_CORE = ["Cast", "cast"]

# What the functions are made of: it stays in its module, and functions/ does not
# offer it. The same goes for constants, and for names that end as these do.
HELPERS = """
    as_float as_targets blocks check_channels check_ids check_labels comparison
    conv_outsizes get_conv_outsize get_deconv_outsize iterate kept_shape
    lstm_gates one_tuple padded pair python_number rdiv rmatmul rpow rsub standardized
    swap_last_axes unbroadcast unpadded windows
""".split()
HELPER_ENDINGS = ("_array",)

# What the book's package has in a module utils, or a reader would look for there.
UTILS = """
    cache_dir get_array_module get_conv_outsize get_deconv_outsize get_dot_graph
    get_file gradient_check numerical_diff pair plot_dot_graph sum_to
""".split()
# In turn: drop what is not used and see that all else is there; sort; format.
RUFF = [
    "check -q --no-cache --fix --output-format concise --isolated --select F401,F821",
    "check -q --no-cache --fix --isolated --select I",
    "format -q --no-cache --isolated",
]
BACKEND = "backend"  # the section whose names the book's package has in cuda
CUDA = '''
def __getattr__(name):
    """gpu_enable and cupy, which the book's package has from its import on."""
    if name == "gpu_enable":
        return gpu_is_available()
    if name == "cupy" and gpu_is_available():
        return sys.modules["cupy"]
    raise AttributeError(f"module {__name__} has no attribute {name}")
'''


# Sections


@dataclass(frozen=True)
class Section:
    """What stands between two markers."""

    name: str  # "core", or "functions/shape" for a module of a package
    title: str  # what it holds, in the words of the marker
    code: str

    @property
    def module(self):
        """The name by which it is imported."""
        return f"{NAME}.{self.name.replace('/', '.')}"

    @property
    def names(self):
        """All names that it defines, in order."""
        found = map(ledger.defined_name, ast.parse(self.code).body)
        return [name for name in dict.fromkeys(found) if "." not in name]

    @property
    def offered(self):
        """The names that are for users."""
        return [name for name in self.names if not is_helper(name)]


def is_helper(name):
    """True for a constant, and for what functions are made of and no user calls."""
    of_functions = name in HELPERS or name.endswith(HELPER_ENDINGS)
    return of_functions or name.isupper() or name.startswith("_")


def sections(body):
    """The sections of a step's framework code, in order."""
    before, *rest = MARKER.split(body)
    if not rest:
        raise ValueError("there is no section to cut out; steps have them from 23 on.")
    found = [Section(*part) for part in zip(rest[::3], rest[1::3], rest[2::3])]
    for text in [before, *(each.code for each in found)]:
        if wrong := ledger.SECTION.search(text):
            raise ValueError(
                f"{wrong[0]!r} opens no section; '# === name: what it holds ===' would."
            )
    if before.strip():
        raise ValueError(f"this is not in any section: {before.strip()}")
    return found


# The texts of the modules


def import_all(names, found):
    """The statements that import these names from the sections that define them."""
    taken = [(each.module, [n for n in each.names if n in names]) for each in found]
    return "".join(
        f"from {module} import {', '.join(some)}\n" for module, some in taken if some
    )


def module_text(step, title, imports, code):
    """The text of a module."""
    note = f'# Cut from {step} by "make framework": edit the step, not this file.'
    title = f"{title[0].upper()}{title[1:]}{'' if title.endswith('.') else '.'}"
    return f'{note}\n"""{title}"""\n\n{imports}\n{code}'


def section_text(step, section, imports, found):
    """The text of the module that a section becomes."""
    others = [each for each in found if each is not section]
    names = {name for each in others for name in each.names}
    all_imports = imports + import_all(names, others)
    return module_text(step, section.title, all_imports, section.code)


def gathered(names, found, modules=()):
    """Code that imports names and modules, and offers them as its own."""
    there = [n for each in found for n in each.names if n in names] + [*modules]
    return f"{import_all(names, found)}\n__all__ = {sorted(there)}\n"


def collections(found):
    """{path: (title, code)} of the modules that only gather names of others."""
    functions = [each for each in found if each.name.startswith("functions/")]
    offered = OF_CORE + [name for each in functions for name in each.offered]
    backend = [name for each in found if each.name == BACKEND for name in each.offered]
    title = "{}, under the name that the book's package has for {}"
    return {
        "functions/__init__.py": (
            f"all functions in one: import {NAME}.functions as F",
            gathered(offered, found) if functions else "",
        ),
        "utils.py": (title.format("helpers", "them"), gathered(UTILS, found)),
        "cuda.py": (
            title.format("the backend", "it"),
            f"import sys\n{gathered(backend, found)}{CUDA}" if backend else "",
        ),
    }


def init_text(step, modules, found):
    """The text of framework/__init__.py."""
    pyproject = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    version = tomllib.loads(pyproject)["project"]["version"]
    title = f"A deep-learning framework, cut from {step} by make {NAME}."
    return (
        f'"""{title}\n\nEdit the step, not this.\n"""\n\n'
        f"from {NAME} import {', '.join(modules)}\n"
        f'{gathered(SHORT, found, modules)}\n__version__ = "{version}"\n'
    )


def untidy(found, imports, step):
    """The texts of all modules by their paths, with more imports than they need."""
    texts = {
        f"{each.name}.py": section_text(step, each, imports, found) for each in found
    }
    for path, (title, code) in collections(found).items():
        if code:
            texts[path] = module_text(step, title, "", code)
    names = [path.removesuffix("/__init__.py").removesuffix(".py") for path in texts]
    modules = [name for name in names if "/" not in name]
    return {**texts, "__init__.py": init_text(step, modules, found)}


def tidy(texts):
    """The texts as ruff leaves them, less the imports that are not used."""
    with tempfile.TemporaryDirectory() as folder:
        package = Path(folder) / NAME
        put(texts, package)
        for words in RUFF:
            run = environment.ruff(*words.split(), NAME, folder=folder)
            if run.returncode:
                raise ValueError(f"ruff says of what is cut:\n{run.stdout}{run.stderr}")
        return {path: (package / path).read_text(encoding="utf-8") for path in texts}


def check_order(texts, found):
    """A ValueError if a module imports from a section that comes later."""
    for i, section in enumerate(found):
        for later in found[i + 1 :]:
            start = rf"^from {later.module} import \(?\s*(\w+)"
            name = re.search(start, texts[f"{section.name}.py"], re.MULTILINE)
            if name:
                raise ValueError(
                    f"section {section.name} uses {name[1]}, which is defined only "
                    f"in the later section {later.name}."
                )


def package(number):
    """The text of each file of the package, by its path in framework/."""
    step = f"steps/{ledger.step_path(number).name}"
    return package_of(ledger.step_source(number), step)


def package_of(source, step):
    """The same for the text of any file like a step, which is called by this name."""
    try:
        ledger.definitions(source)  # what is none is named with its line in the step
        parts = ledger.Parts.of(source)
        found = sections(parts.body)
        texts = tidy(untidy(found, parts.imports, step))
        check_order(texts, found)
    except SyntaxError as error:
        where = f"{step}, line {error.lineno}"
        raise ValueError(f"{where}, is not Python: {error.msg}.") from error
    except ValueError as error:
        raise ValueError(f"{step}: {error}") from error
    return texts


# Files


def put(texts, package):
    """Write the modules of a package into a folder."""
    for path, text in texts.items():
        (package / path).parent.mkdir(parents=True, exist_ok=True)
        (package / path).write_text(text, encoding="utf-8", newline="\n")


def cut(number):
    """Cut framework/ from a step."""
    replace(package(number), ROOT / NAME)
    print(f"{NAME}/ is cut from step {number}.")


def cut_file(path, folder):
    """Cut framework/ from any file like a step, into a folder."""
    name = shown_path(path)
    replace(package_of(path.read_text(encoding="utf-8"), name), folder / NAME)
    print(f"{shown_path(folder / NAME)}/ is cut from {name}.")


def replace(texts, package):
    """Write the modules of a package in place of those that are there."""
    shutil.rmtree(package, ignore_errors=True)
    put(texts, package)


def main(words):
    try:
        if len(words) == 2:
            cut_file(*map(Path, words))
        else:
            cut(int(words[0]) if words else ledger.step_numbers()[-1])
    except ValueError as error:
        return str(error)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
