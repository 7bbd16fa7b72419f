"""The pages in out/site, as `make site` builds them."""

import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from tools import ledger

ROOT = Path(__file__).resolve().parent.parent.parent
SITE = ROOT / "out" / "site"
NUMBERS = ledger.step_numbers()
READING = 400_000  # bytes that a reader who runs nothing gets at most


class Page(HTMLParser):
    """The links, the ids and the words of a page, numbers of lines left out."""

    def __init__(self, text):
        super().__init__()
        self.links, self.files, self.ids = [], [], set()
        self.words, self.opened, self.workbench = [], [], []
        self.in_number = False
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.opened.append(tag)
        self.in_number = attributes.get("class") == "linenos"
        if attributes.get("id"):
            self.ids.add(attributes["id"])
        if tag in ("a", "link") and "href" in attributes:
            self.links.append(attributes["href"])
        if tag in ("script", "img"):
            self.files += [attributes["src"]] if "src" in attributes else []
        if tag == "link" and attributes.get("rel") == "stylesheet":
            self.files.append(attributes["href"])
        if attributes.get("class") == "workbench":
            self.workbench.append(attributes)

    def handle_endtag(self, tag):
        self.in_number = False

    def handle_data(self, data):
        if not self.in_number:
            self.words.append(data)

    @property
    def text(self):
        return "".join(self.words)


@pytest.fixture(scope="session")
def pages():
    """All pages by their paths."""
    assert (SITE / "index.html").exists(), "make site builds what is tested here."
    paths = [p for p in SITE.rglob("*.html") if "_static" not in p.parts]
    return {path: Page(path.read_text(encoding="utf-8")) for path in paths}


def letters(text):
    """The letters and digits of a text alone: how it is set does not matter."""
    return "".join(re.findall(r"\w+", text))


def test_there_is_a_page_for_each_step_and_its_file(pages):
    for number in NUMBERS:
        assert SITE / "steps" / f"{number:02}.html" in pages
        assert SITE / "steps" / f"{number:02}-file.html" in pages


@pytest.mark.parametrize("number", NUMBERS)
def test_a_page_holds_the_lesson_and_each_definition(pages, number):
    source = ledger.step_source(number)
    page = pages[SITE / "steps" / f"{number:02}.html"]
    text, lesson = letters(page.text), ledger.lesson(source)
    for heading, lines in lesson.sections.items():
        story = "\n".join(lines).partition("\nNew: ")[0].split("\n")
        for line in (line for line in story if not ledger.POINTER.fullmatch(line)):
            words = re.sub(r"^\d+\. ", "", line)  # the list counts by itself
            assert letters(words) in text, (heading, line)
    stated = ledger.stated_changes(lesson)
    for name in stated.new + stated.changed:
        for line in ledger.definitions(source)[name].split("\n"):
            assert letters(line) in text, (name, line)
    assert page.workbench == [{"class": "workbench", "data-step": str(number)}]
    assert page.opened.count("details") >= ("Answers" in lesson.sections)


@pytest.mark.parametrize("number", NUMBERS)
def test_the_page_of_a_file_holds_it_whole(pages, number):
    page = pages[SITE / "steps" / f"{number:02}-file.html"]
    assert f"line-{ledger.step_source(number).count(chr(10))}" in page.ids
    assert letters(ledger.step_source(number)) in letters(page.text)


def test_each_definition_has_a_page_that_the_index_leads_to(pages):
    import lives

    index = pages[SITE / "definitions" / "index.html"]
    for name in lives.lives():
        page = pages[SITE / f"{lives.page(name)}.html"]
        assert lives.home(name) in page.text and name.rpartition(".")[2] in page.text
        assert f"{lives.page(name).removeprefix('definitions/')}.html" in index.links
    names = [path.name.lower() for path in pages if path.parent.name == "definitions"]
    assert len(names) == len({*names}), "Some systems take Exp.html for exp.html."


def test_a_life_has_each_version_and_its_step(pages):
    page = pages[SITE / "definitions" / "Variable.backward.html"]
    for number in (7, 8, 13, 14, 16, 32):
        assert f"../steps/{number:02}.html" in page.links
    assert "The first gradient that arrives at a variable is kept as it is" in page.text


def test_no_link_inside_the_site_is_dead(pages):
    dead = []
    for path, page in pages.items():
        for link in page.links + page.files:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc or link.startswith("data:"):
                continue
            target = (path.parent / unquote(parts.path)).resolve()
            target = path if not parts.path else target
            target = target / "index.html" if target.is_dir() else target
            if not target.exists():
                dead.append((path.name, link))
            elif parts.fragment and target in pages:
                if unquote(parts.fragment) not in pages[target].ids:
                    dead.append((path.name, link))
    assert not dead


def test_the_site_works_from_a_sub_path_and_loads_nothing_from_elsewhere(pages):
    for path, page in pages.items():
        for link in page.files:
            assert not urlsplit(link).netloc and not link.startswith("/"), path


def test_neighbours_are_linked_with_a_line(pages):
    text = (SITE / "steps" / "14.html").read_text(encoding="utf-8")
    related = text[text.index("related-pages") :]
    assert 'href="15.html"' in related and 'href="13.html"' in related
    assert "theory: a wrong 96, a right 64" in related


def test_titles_stand_in_three_languages(pages):
    text = pages[SITE / "steps" / "14.html"].text
    assert "One variable used twice" in text
    assert "変数を二度使う" in text and "변수를 두 번 쓰기" in text


def test_a_page_alone_is_small(pages):
    import gzip

    page = pages[SITE / "steps" / "60.html"]
    paths = [SITE / "steps" / "60.html"]
    paths += [SITE / "steps" / urlsplit(file).path for file in page.files]
    sizes = [len(gzip.compress(path.read_bytes())) for path in paths]
    assert sum(sizes) < READING


def test_the_search_finds_the_words_of_lessons(pages):
    index = (SITE / "searchindex.js").read_text(encoding="utf-8")
    assert '"steps/14"' in index and "zero_grad" in index
