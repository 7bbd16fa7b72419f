"""Write the sources of the site's pages, for Sphinx, into out/site-pages.

What they say is taken from the steps, the columns, the README and the texts beside
this file. A page that is as it was is not touched, so Sphinx need not read it again.
"""

import re
from pathlib import PurePosixPath

import prose
import readme
from lives import Life, lives, modules, page, page_names
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from tools import cut, environment, ledger, show, workshop

ROOT = environment.ROOT
PAGES = ROOT / "out" / "site-pages"
TEXTS = ("glossary", "differences", "package")  # written by hand, beside this file
EMPTY = "No definition of the framework is new or changed."
FIRST, LAST = ledger.step_numbers()[0], ledger.step_numbers()[-1]


def link(name):
    """A link to the life of a definition."""
    return f"[`{name}`](/{page(name)}.md)"


def links(names):
    return ", ".join(map(link, names)) or "nothing"


def step_link(number):
    return f"[{number}](/steps/{number:02}.md)"


def matter(**values):
    """What a page says of itself at its top: orphan, nosearch."""
    return ["---", *(f"{key}: {value}" for key, value in values.items()), "---", ""]


def fold(summary, lines):
    """Lines that a click unfolds, without JavaScript."""
    return ["", f"<details><summary>{summary}</summary>", "", *lines, "", "</details>"]


def html(text):
    return ["", "`````{raw} html", text, "`````"]


# A step


def step_page(number):
    """A step's lesson with its code, demo, output, answers, and what it changes."""
    old, new = ledger.step_source(number - 1), ledger.step_source(number)
    lesson, row = ledger.lesson(new), readme.rows()[number]
    story = dict(lesson.sections)
    output, answers = story.pop("Output", []), story.pop("Answers", [])
    yield f"# Step {lesson.number} · {lesson.title}"
    yield from html(titles(row))
    for title, lines in story.items():
        yield from ["", f"## {title}", *told(lines, number, old, new)]
        if title == "In the code" and not ledger.pointers(lesson):
            yield from new_code(number, old, new)
    demo = ledger.Parts.of(new).demo.partition("\n")[2].strip("\n")
    yield from ["", "## Demo", "", *prose.code(demo.split("\n"), "python")]
    yield from ["", "## Output", "", *prose.code(dedented(output))]
    yield from html(f'<div class="workbench" data-step="{number}"></div>')
    if answers:
        lines = told(answers, number, old, new)
        yield from ["", "## Answers", *fold("Show the answers", lines)]
    yield from ["", "## The whole step", "", whole_step(number)]
    yield from changes(number, old, new)


def titles(row):
    """The title in Japanese and Korean."""
    return (
        f'<p class="titles"><span lang="ja">{row.japanese}</span>'
        f'<span lang="ko">{row.korean}</span></p>'
    )


def whole_step(number):
    name = f"step{number:02}.py"
    return (
        f"[The whole file {name}]({number:02}-file.md), its new lines lit · "
        f"<a download href='../_static/steps/{name}'>download it</a>"
    )


def told(lines, number, old, new):
    """The lines of a lesson's section, as Markdown."""

    def block(lines):
        names = [ledger.POINTER.fullmatch(f"    {line}") for line in lines]
        if all(names) and all(n[1] in ledger.definitions(new) for n in names):
            return [s for n in names for s in definition(n[1], number, old, new)]
        return list(prose.code(lines))

    text, stated = split_ledger(lines)
    yield from prose.markdown(text, block)
    if stated:
        yield from ledger_lines(number, old, new)


def split_ledger(lines):
    """The lines of a section, and those of the lists New:, Changed: … at its end."""
    starts = [i for i, line in enumerate(lines) if line.startswith("New:")]
    return (lines[: starts[0]], lines[starts[0] :]) if starts else (lines, [])


def ledger_lines(number, old, new):
    """What a step changes, each name a link to the definition's life."""
    lesson = ledger.lesson(new)
    stated, given = ledger.stated_changes(lesson), ledger.given(lesson)
    rows = {"New": stated.new, "Changed": stated.changed, "Removed": stated.removed}
    rows |= {"Given": given} if given else {}
    yield from ["", "| | |", "|---|---|"]
    yield from (f"| **{title}** | {links(names)} |" for title, names in rows.items())


def new_code(number, old, new):
    """All definitions that are new or changed, for a lesson that points to none."""
    changes = ledger.changes(old, new)
    names = [n for n in ledger.definitions(new) if n in changes.new + changes.changed]
    for name in names:
        yield from definition(name, number, old, new)
    if not names:
        yield from ["", EMPTY]


def definition(name, number, old, new):
    """A definition under its name and its place, with its new and changed lines lit."""
    olds, news = ledger.definitions(old), ledger.definitions(new)
    is_new = name in ledger.changes(old, new).new
    text = show.whole_text(name, news) if is_new else news[name]
    line = ledger.owners(new).index(name) + 1
    what = "new" if is_new else "changed" if olds.get(name) != text else "as before"
    place = f'<a href="{number:02}-file.html#line-{line}">line {line}</a>'
    yield from ["", "{.place}", f"{link(name)} · {what} · {place}", ""]
    yield from lit_code(olds.get(name, ""), text)


def lit_code(old, new):
    """A definition's text; its lines that are not in its old text are lit."""
    before = dedented(old.split("\n")) if old else []
    after = dedented(new.split("\n"))
    lit = [i for i, (_, is_lit) in enumerate(show.lit(before, after), 1) if is_lit]
    return prose.code(after, "python", lit)


def dedented(lines):
    return show.textwrap.dedent("\n".join(lines)).split("\n")


def changes(number, old, new):
    """The diff to the step before, folded."""
    path = f"steps/step{number:02}.py"
    found = list(show.differences(old, new, path))
    if not found:
        return
    lines = []
    for title, diff in found:
        lines += ["", "{.place}", f"`{title.replace('  ', ' ')}`", ""]
        lines += prose.code([s or " " for s in diff], "diff")
    before = f"step {number - 1}" if number > FIRST else "an empty file"
    yield from fold(f"What differs from {before}", lines)


def file_page(number):
    """The whole file of a step, with numbers of lines, its new lines lit."""
    source, title = ledger.step_source(number), f"step{number:02}.py"
    old = ledger.step_source(number - 1)
    style = {"linenos": "inline", "lineanchors": "line", "anchorlinenos": True}
    formatter = HtmlFormatter(hl_lines=lit_lines(old, source), **style)
    yield from matter(orphan="true", nosearch="true")
    yield from [f"# {title}", "", f"[Step {number}]({number:02}.md): its lesson"]
    yield from html(highlight(source, PythonLexer(), formatter))


def lit_lines(old, new):
    """The numbers of the lines of a step's code that are new or changed in it."""
    olds, lines, lit = ledger.definitions(old), new.split("\n"), []
    known = {*ledger.Parts.of(old).imports.split("\n")} if old else set()
    parts = ledger.Parts.of(new)
    start = parts.lesson.count("\n")
    for i, line in enumerate(parts.imports.split("\n"), start + 1):
        lit += [i] if line and line not in known else []
    places = {}
    for i, name in enumerate(ledger.owners(new)):
        if name:
            places.setdefault(name, []).append(i)
    for name, numbers in places.items():
        before, after = olds.get(name, "").split("\n"), [lines[i] for i in numbers]
        marks = show.lit(before, after)
        lit += [i + 1 for i, (line, is_lit) in zip(numbers, marks) if is_lit and line]
    return sorted(lit)


# Definitions


def life_page(life):
    """A definition from the step that brought it, with the reason of each change."""
    name = life.name
    title = prose.escaped(name)
    yield from [*matter(orphan="true"), f"# {title}", "", summary(life)]
    members = [other for other in page_names() if ledger.owner(other) == name]
    if members:
        yield from ["", f"Members that came later or changed: {links(members)}"]
    before = ""
    for number, text in life.texts.items():
        title = ledger.lesson(ledger.step_source(number)).title
        yield from ["", f"## Step {number} · {prose.escaped(title)}"]
        yield from prose.markdown(reason(number, name), prose.code)
        whole = text if before else whole_text(name, number)
        yield from ["", *lit_code(before, whole)]
        yield from ["", f"[Read step {number}](/steps/{number:02}.md)"]
        before = text
    if life.removed:
        title = ledger.lesson(ledger.step_source(life.removed)).title
        yield from ["", f"## Step {life.removed} · {prose.escaped(title)}", ""]
        yield f"Removed. [Read step {life.removed}](/steps/{life.removed:02}.md)"


def whole_text(name, number):
    """The text of a definition in a step, with its methods if it is a class."""
    return show.whole_text(name, ledger.definitions(ledger.step_source(number)))


def summary(life):
    """What it is, where it is in the package, and where all definitions are."""
    number, text = list(life.texts.items())[-1]
    module = modules().get(life.name)
    place = f"in [`{module}`](/{api_page(module)}.md)" if module else "gone at the end"
    kind = show.kind(life.name, text).capitalize()
    return f"{kind}, {place} · [all definitions](/definitions/index.md)"


def reason(number, name):
    """The paragraph of a step's lesson that leads to a definition, or to its class."""
    shown = ledger.pointers(ledger.lesson(ledger.step_source(number)))
    known = [n for n in (name, ledger.owner(name)) if n in shown]
    lines = workshop.paragraph(number, known[0] if known else name)
    return [] if any(ledger.POINTER.fullmatch(line) for line in lines) else lines


def definitions_page():
    """Every definition, the steps that brought and changed it, and its module."""
    yield from ["# All definitions", ""]
    yield "Each name leads to its life: every version, and the reason for it."
    yield from ["", "| Definition | Brought by step | Changed in | Module |"]
    yield "|---|---|---|---|"
    for name in sorted(lives(), key=str.lower):
        yield definition_row(lives()[name])


def definition_row(life: Life):
    changed = ", ".join(map(step_link, life.changed))
    module = modules().get(life.name, "")
    place = f"[{module.removeprefix('framework.')}](/{api_page(module)}.md)"
    gone = f"removed in step {step_link(life.removed)}" if life.removed else ""
    cells = [link(life.name), step_link(life.brought), changed]
    return f"| {' | '.join([*cells, place if module else gone])} |"


# The package


def api_page(module):
    return f"api/{module}"


def api_modules():
    """The modules of the package that are cut from sections, in their order."""
    found = cut.sections(ledger.Parts.of(ledger.step_source(LAST)).body)
    return {each.module: each.title for each in found}


def api_index():
    yield from ["# The package, module by module", ""]
    yield "From the docstrings of [the package](/package.md) `framework`."
    yield from ["", "```{toctree}", ":hidden:", ""]
    yield from [*api_modules(), "```", "", "| Module | What it holds |", "|---|---|"]
    for module, title in api_modules().items():
        yield f"| [`{module}`](/{api_page(module)}.md) | {prose.escaped(title)} |"


def module_page(module):
    yield from [f"# {module}", "", "```{eval-rst}", f".. automodule:: {module}"]
    yield from ["   :members:", "   :undoc-members:", "   :show-inheritance:", "```"]


# Texts written by hand


def text_page(path):
    """A Markdown file of the project, its links turned to pages of the site."""
    text = path.read_text(encoding="utf-8")
    folder = PurePosixPath(path.relative_to(ROOT).parent.as_posix())
    yield re.sub(
        r"\]\((?!https?:|#)(.+?)\)", lambda m: f"]({turned(m[1], folder)})", text
    )


def turned(target, folder):
    """The page, from the root of the pages, for a file of the project."""
    parts = []
    for part in (folder / target).parts:
        parts = parts[:-1] if part == ".." else [*parts, part]
    path = "/".join(parts)
    for pattern, document in PLACES.items():
        if match := re.fullmatch(pattern, path):
            return f"/{match.expand(document)}.md"
    raise ValueError(f"The site has no page for {path}, to which a text links.")


PLACES = {
    r"steps/step(\d\d)\.py": r"steps/\1",
    r"steps/column(\d)\.md": r"columns/\1",
    r"examples/(\w+)\.py": r"examples/\1",
    r"site/(\w+)\.md": r"\1",
    r"framework": "api/index",
    r"data/README\.md": "data",
    r"README\.md": "index",
    r"LICENSE": "licence",
}


def index_page():
    """The README, and the order of all pages."""
    (text,) = text_page(ROOT / "README.md")
    picture = re.search(r'<img src="docs/(.+?)" alt="(.+?)".*?>', text)
    shown = f"```{{image}} {picture[1]}\n:alt: {picture[2]}\n:align: right\n```"
    text = re.sub(r"(?m)^\| \[(\d\d)\]\((.+?)\) \| (.+?) \|", TITLE_TOO, text)
    yield text.replace(picture[0], shown).rstrip("\n")
    yield from html('<div class="workbench" data-index></div>')
    for stage in readme.stages():
        pages = [f"steps/{row.number:02}" for row in stage.rows]
        pages += [f"columns/{stage.column}"] if stage.column else []
        yield from toctree(stage.title, pages)
    yield from toctree("Reference", [*REFERENCE, *TEXTS, "examples/index"])


TITLE_TOO = r"| [\1](\2) | [\3](\2) |"  # the title of a step is a link, as its number
REFERENCE = ("definitions/index", "api/index")


def toctree(caption, pages):
    yield from [
        "",
        "```{toctree}",
        ":hidden:",
        f":caption: {caption}",
        "",
        *pages,
        "```",
    ]


def column_page(number):
    yield from text_page(ROOT / "steps" / f"column{number}.md")
    yield from html(f'<div class="workbench" data-column="{number}"></div>')


def example_names():
    folder = ROOT / "examples"
    return sorted(path.stem for path in folder.glob("*.py") if path.stem != "__init__")


def examples_index():
    yield from ["# Examples", "", "Programs written with [the package](/package.md)."]
    yield from ["", "```{toctree}", "", *example_names(), "```"]


def example_page(name):
    text = (ROOT / "examples" / f"{name}.py").read_text(encoding="utf-8")
    yield from [f"# {prose.escaped(name)}.py", ""]
    yield from prose.code(text.rstrip("\n").split("\n"), "python")


def licence_page():
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    yield from [*matter(orphan="true"), "# Licence", "", *prose.code(text.split("\n"))]


def data_page():
    yield from [*matter(orphan="true"), *text_page(ROOT / "data" / "README.md")]


# All of them


def all_pages():
    """The lines of each page by its name."""
    pages = {"index": index_page(), "licence": licence_page(), "data": data_page()}
    for number in ledger.step_numbers():
        pages[f"steps/{number:02}"] = step_page(number)
        pages[f"steps/{number:02}-file"] = file_page(number)
    for stage in readme.stages():
        pages[f"columns/{stage.column}"] = column_page(stage.column)
    pages["definitions/index"] = definitions_page()
    pages |= {page(name): life_page(lives()[name]) for name in page_names()}
    pages["api/index"] = api_index()
    pages |= {api_page(module): module_page(module) for module in api_modules()}
    pages["examples/index"] = examples_index()
    pages |= {f"examples/{name}": example_page(name) for name in example_names()}
    pages |= {name: text_page(ROOT / "site" / f"{name}.md") for name in TEXTS}
    return pages


def write_all(folder=PAGES):
    """Write all pages; take away those that are no more."""
    wanted = {}
    for name, lines in all_pages().items():
        path = folder / f"{name}.md"
        wanted[path] = "\n".join(lines) + "\n"
    for path in set(folder.rglob("*.md")) - wanted.keys():
        path.unlink()
    for path, text in wanted.items():
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="\n")
    picture = (ROOT / "docs" / "graph.svg").read_bytes()
    (folder / "graph.svg").write_bytes(picture)
