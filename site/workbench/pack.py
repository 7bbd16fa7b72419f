"""Makes a wheel or a zip of Python ready to start from: compiled, and without ballast.

It runs in the Python of the browser, for only that one compiles what it can load.
"""

import ast
import importlib.util
import io
import marshal
import re
import zipfile

LEFT_OUT = re.compile(  # what nothing here asks for
    r".+\.(pyi|h|pxd|a|pc)|.+/licenses/.+|numpy/(f2py/|linalg/lapack_lite).+|"
    r"(multiprocessing|pydoc_data|wsgiref|xmlrpc)/.+|"
    r"_pyrepl/(?!(__init__|pager|trace|types|utils)\.py).+|"
    r"(asyncio/(win|proac)|http/cookie|logging/[ch]|unittest/mock|xml/[ds]).+|"
    r"(imaplib|mailbox|optparse|pickletools|plistlib|poplib|smtplib|ftplib)\.py|"
    r"(_pyio|_pydatetime|_pydecimal|profile|cProfile|pstats|modulefinder|wave)\.py|"
    r"encodings/(big5|cp(?!437)|euc|gb|hp|hz|iso|johab|koi|kz|mac|palm|ptcp|shift|tis).+|"
    r"packaging/(direct|depend|licen|meta|pylock|tags|_elf|_many|_musl).+|"
    r"pygments/lexers/(?!(__init__|_mapping|diff|python)\.py).+|"
    r"pygments/(styles|formatters)/(?!(__init__|_mapping|default|terminal)\.py).+"
)
# numpy.ma makes docstrings of its own out of these.
WITH_DOCSTRINGS = re.compile(r"numpy/_core/(from)?numeric\.py")
UNCHECKED = (1).to_bytes(4, "little")  # Python takes it without a look at the source


def packed(data):
    """The zip, its modules compiled; not compressed, for the whole will be."""
    found = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(found, "w") as new:
        for name in filter(lambda name: not LEFT_OUT.fullmatch(name), old.namelist()):
            content = old.read(name)
            if name.endswith(".py"):
                name, content = f"{name}c", compiled(content, name)
            new.writestr(zipfile.ZipInfo(name), content)
    return found.getvalue()


def compiled(source, name):
    """The content of a .pyc file, without docstrings that nothing asks for."""
    tree = ast.parse(source)
    for node in [] if WITH_DOCSTRINGS.fullmatch(name) else ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)):
            if ast.get_docstring(node, clean=False) is not None:
                node.body[0].value.value = ""
    code = compile(tree, name, "exec", dont_inherit=True)
    head = importlib.util.MAGIC_NUMBER + UNCHECKED
    return head + importlib.util.source_hash(source) + marshal.dumps(code)
