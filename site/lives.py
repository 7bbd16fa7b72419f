"""The life of each definition: the steps that brought, changed and removed it."""

import functools
from collections import Counter
from dataclasses import dataclass, field

from tools import cut, ledger


@dataclass
class Life:
    """A definition's texts by the numbers of the steps that gave it a new one."""

    name: str
    texts: dict[int, str] = field(default_factory=dict)
    removed: int | None = None

    @property
    def brought(self):
        return min(self.texts)

    @property
    def changed(self):
        return [number for number in self.texts if number != self.brought]


@functools.cache
def lives():
    """The life of each definition of all steps, by its name, in order."""
    found, before = {}, {}
    for number in ledger.step_numbers():
        texts = ledger.definitions(ledger.step_source(number))
        for name, text in texts.items():
            if before.get(name) != text:
                life = found.setdefault(name, Life(name))
                life.texts[number], life.removed = text, None
        for name in before.keys() - texts.keys():
            found[name].removed = number
        before = texts
    return found


@functools.cache
def modules():
    """The module of the package that each definition of the last step is in."""
    last = ledger.step_source(ledger.step_numbers()[-1])
    found = cut.sections(ledger.Parts.of(last).body)
    of_names = {name: each.module for each in found for name in each.names}
    return {
        name: of_names[name.split(".")[0]]
        for name in ledger.definitions(last)
        if name.split(".")[0] in of_names
    }


def home(name):
    """The definition whose page tells this one's life: its class, if they are alike.

    A method that came with its class and stays as it came has no page of its own.
    """
    life, of_class = lives()[name], lives().get(ledger.owner(name))
    alike = of_class and life.brought == of_class.brought
    return of_class.name if alike and not life.changed else name


@functools.cache
def page_names():
    """The page of each definition that has one: its name, or that and -class.

    Some systems take Exp.html and exp.html for one file, so the class is Exp-class.
    """
    own = [name for name in lives() if home(name) == name]
    same = Counter(name.lower() for name in own)
    return {
        name: f"{name}-class" if same[name.lower()] > 1 and name[0].isupper() else name
        for name in own
    }


def page(name):
    """The document that tells a definition's life, from the root of the pages."""
    return f"definitions/{page_names()[home(name)]}"
