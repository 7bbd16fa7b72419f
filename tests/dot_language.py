"""What the tests of pictures share: a reader of DOT text, and machines without dot.

parse_dot() knows just the part of the language that the steps write: one
digraph, a line for each node or edge, attributes in brackets.
"""

import os
import re
import sys
import types

import pytest

TOKEN = re.compile(
    r'\s*(?:(->|[{}\[\]=,;]|\Z)|(\w+)|"((?:[^"\\]|\\.)*)")\s*', re.DOTALL
)
SHOWN = {'"': '"', "\\": "\\", "n": "\n"}


def tokens(text):
    """The words of DOT text: (sign, None), (None, name) or (None, quoted text)."""
    place, sign = 0, None
    while sign != "":
        match = TOKEN.match(text, place)
        assert match, f"this is not DOT: {text[place : place + 40]!r}"
        sign, name, quoted = match.groups()
        yield sign, name if quoted is None else shown(quoted)
        place = match.end()


def shown(quoted):
    """What dot shows for the inside of a pair of quotes."""
    return re.sub(r"\\(.)", lambda match: SHOWN[match[1]], quoted, flags=re.DOTALL)


def parse_dot(text):
    """The nodes {name: attributes} and the edges [(start, end)] of DOT text."""
    words, nodes, edges = list(tokens(text))[::-1], {}, []

    def take(sign):
        found = words.pop()
        assert found[0] == sign, f"{sign or 'a name'} expected, not {found}"
        return found[1]

    def attributes():
        found = {}
        take("[")
        while words[-1][0] != "]":
            name = take(None)
            take("=")
            found[name] = take(None)
            if words[-1][0] != "]":
                take(",")
        take("]")
        return found

    assert take(None) == "digraph"
    take(None)
    take("{")
    while words[-1][0] != "}":
        name = take(None)
        if words[-1][0] == "->":
            take("->")
            edges.append((name, take(None)))
        elif words[-1][0] == "=":
            take("=")
            take(None)
        else:
            assert name not in nodes, f"two lines for the node {name}"
            nodes[name] = attributes()
        if words[-1][0] == ";":
            take(";")
    take("}")
    take("")
    strangers = {name for edge in edges for name in edge} - set(nodes)
    assert not strangers, f"edges of {strangers}, but no node of this name"
    return nodes, edges


def hide_dot(monkeypatch, tmp_path):
    """From here on there is no dot program and no pygraphviz."""
    empty = tmp_path / "no programs"
    empty.mkdir(exist_ok=True)
    monkeypatch.setenv("PATH", str(empty))
    monkeypatch.setitem(sys.modules, "pygraphviz", None)


def bring_dot(monkeypatch, tmp_path, status=0):
    """A dot program that gives its arguments and what it was to draw."""
    if os.name == "nt":
        pytest.skip("needs a program without an .exe")
    hide_dot(monkeypatch, tmp_path)
    program = tmp_path / "no programs" / "dot"
    program.write_text(
        f"#!{sys.executable} -S\n"
        "import sys\n"
        "text = ' '.join(sys.argv[1:]) + ' drew ' + sys.stdin.buffer.read().decode()\n"
        "sys.stdout.buffer.write(text.encode())\n"
        f"sys.exit({status})\n",
        encoding="utf-8",
    )
    program.chmod(0o755)


def bring_pygraphviz(monkeypatch, tmp_path):
    """No dot program, but a pygraphviz that gives what it was to draw."""
    hide_dot(monkeypatch, tmp_path)

    class AGraph:
        def __init__(self, string):
            self.string = string

        def draw(self, format, prog):  # noqa: A002
            return f"{prog} -T{format} drew {self.string}".encode()

    module = types.SimpleNamespace(AGraph=AGraph)
    monkeypatch.setitem(sys.modules, "pygraphviz", module)
