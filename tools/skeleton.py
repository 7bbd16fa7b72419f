"""A step to be written: its lesson, demo and given parts, the rest as stubs."""

import ast
import itertools
import re
import textwrap

from tools import ledger
from tools.show import kind, whole_text


def changes_of(number):
    """What a step changes over the one before."""
    return ledger.changes(ledger.step_source(number - 1), ledger.step_source(number))


def given(number):
    """The new names of a step that nobody is asked to write."""
    return ledger.given(ledger.lesson(ledger.step_source(number)))


def writable(number):
    """The names that a reader writes or changes in a step, members included."""
    changes, kept = changes_of(number), given(number)
    source = ledger.step_source(number)
    new = {name for name in nodes(source) if ledger.among(name, changes.new)}
    wanted = {name for name in new if not ledger.among(name, kept)} | {*changes.changed}
    return [name for name in ledger.definitions(source) if name in wanted]


def skeleton(number, base):
    """The text of a step to be written, on top of the text of the step before.

    What is new has a signature, a docstring and a body that raises. What is changed
    is as it was, with its new docstring and a comment. What is given, the imports and
    the demo are complete.
    """
    ours, before = ledger.step_source(number), ledger.step_source(number - 1)
    news, old = ledger.definitions(ours), ledger.definitions(before)
    so_far = {name: ledger.definitions(base).get(name, old[name]) for name in old}
    texts = {name: so_far[name] for name in news if name in old}
    changed = changes_of(number).changed
    for name in changed:
        texts[name] = to_change(name, so_far[name], news[name], number)
    for name in set(writable(number)) - {*changed}:
        sentence = f"step {number}: {name} is yours to write"
        texts[name] = stub(ours, name, f'raise NotImplementedError("{sentence}")')
    add_own(texts, base, news, without=old)
    return with_imports(put(ours, texts), base, before)


def nodes(source):
    """The nodes of each function and method by its name; several of a property."""
    found = {}
    for statement in ledger.framework(source):
        for name, node in ledger.named_parts(statement):
            if ledger.is_function(node):
                found.setdefault(name, []).append(node)
    return found


def stub(source, name, last=None):
    """A function with signature and docstring, and a last line in place of its body.

    Only functions can be stubs. A new constant or operator has no body to be written,
    so a skeleton has it as it is.
    """
    lines, parts = source.split("\n"), []
    for node in nodes(source)[name]:
        start, first = ledger.line_range(node, lines).start, node.body[0]
        is_told = ledger.is_docstring(first)
        end = first.end_lineno if is_told else first.lineno - 1
        body = [" " * first.col_offset + last] if last else []
        parts.append("\n".join([*lines[start:end], *body]))
    return "\n\n".join(parts)


def to_change(name, text, ours, number):
    """A definition as it was, with the docstring of ours, and a comment inside.

    The comment also says the new arguments. Where one of the two has no inside, as a
    constant, the comment is above.
    """
    comment = f"# step {number} changes this"
    if {kind(name, text), kind(name, ours)} & {"constant", "operator"}:
        return f"{comment}\n{text}"
    (node, told), (new, contract) = first_of(text), first_of(ours)
    if ledger.is_function(new) and ast.unparse(node.args) != ast.unparse(new.args):
        comment += f"; its arguments: ({ast.unparse(new.args)})"
    lines, margin = text.split("\n"), re.match(" *", text)[0] + " " * 4
    inside = textwrap.wrap(comment, 88 - len(margin), subsequent_indent="# ")
    start = told.start if contract else told.stop
    lines[start : told.stop] = [
        *ours.split("\n")[contract.start : contract.stop],
        *(margin + line for line in inside),
    ]
    return "\n".join(lines)


def first_of(text):
    """The function or class in a text, and the range of lines of its docstring.

    The range is empty, and where a docstring would be, if there is none.
    """
    never_empty = f"{textwrap.dedent(text)}\n    ..."
    node = ast.parse(never_empty).body[0]
    lines = ledger.line_range(node.body[0], never_empty.split("\n"))
    is_told = ledger.is_docstring(node.body[0])
    return node, lines if is_told else range(lines.start, lines.start)


def add_own(texts, base, ours, without):
    """Put what only the reader's own file has behind what it stands behind there."""
    behind, own = {}, ledger.definitions(base)
    for name, text in own.items():
        owner = ledger.owner(name) if text.startswith(" ") else ""
        if name in ours:
            behind[owner] = name
        elif name not in without and (not owner or owner in ours):
            place = last_of(behind.get(owner, owner) or next(iter(ours)), ours)
            more = f"\n\n{text}" if owner else f"\n\n\n{whole_text(name, own)}"
            texts[place] = texts.get(place, ours[place]) + more


def last_of(name, definitions):
    """The name itself, or the last method of the class of this name."""
    names = [n for n, text in definitions.items() if text.startswith(" ")]
    return [name, *(n for n in names if ledger.owner(n) == name)][-1]


def put(source, texts):
    """The source with these texts in place of the definitions of these names."""
    found, done = [], set()
    pairs = zip(ledger.owners(source), source.split("\n"))
    for name, run in itertools.groupby(pairs, key=lambda pair: pair[0]):
        lines = [line for _, line in run]
        if name in texts:
            blank = itertools.takewhile(lambda line: not line, reversed(lines))
            lines = [*([] if name in done else [texts[name]]), *blank]
            done.add(name)
        found += lines
    return "\n".join(found)


def with_imports(source, base, before):
    """The source with the imports that the reader's own file has beside ours."""
    known = {*imports(source), *imports(before)}
    own = [line for line in imports(base) if line not in known]
    parts = ledger.Parts.of(source)
    more = "".join(f"{line}\n" for line in own)
    return f"{parts.lesson}{parts.imports}{more}{parts.body}{parts.demo}"


def imports(source):
    """The imports of a step, as lines."""
    return [ast.unparse(s) for s in ledger.parsed(source).body if ledger.is_import(s)]
