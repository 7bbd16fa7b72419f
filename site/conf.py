"""Sphinx's settings for the site: furo, MyST, and docstrings that are plain text.

The sources of the pages are written anew at each start, from the steps as they are.
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "site")]

import files  # noqa: E402
import pages  # noqa: E402
import readme  # noqa: E402
from lives import lives, page, page_names  # noqa: E402

project = "A deep-learning framework in sixty steps"
html_title = "Sixty steps"
html_theme = "furo"
extensions = ["myst_parser", "sphinx.ext.autodoc"]
myst_enable_extensions = ["attrs_block"]
myst_ref_domains = ["std"]  # to look into others takes a fifth of the time
source_suffix = {".md": "markdown"}
html_static_path = [str(ROOT / "site" / "static"), str(ROOT / "out" / "site-static")]
html_favicon = "static/icon.svg"
html_css_files = ["site.css"]
html_js_files = [("sidebar.js", {"defer": "defer"})]
html_copy_source = False
html_show_sphinx = False
html_show_copyright = False
smartquotes = False
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
add_module_names = False
html_theme_options = {"navigation_with_keys": False}
WITH_WORKBENCH = (ROOT / "site" / "workbench" / "package.json").exists()


def plain_docstring(app, what, name, obj, options, lines):
    """A docstring of plain text as reStructuredText, with the steps it comes from."""
    text = []
    for part in "\n".join(lines).strip().split("\n\n"):
        if part.startswith("    "):
            text += ["::", "", *part.split("\n"), ""]
        else:
            text += [*re.sub(r"([\\*`|_])", r"\\\1", part).split("\n"), ""]
    lines[:] = text + came_from(name)


def came_from(name):
    """A line with links for a definition of the steps."""
    name = re.sub(r"^framework(\.functions)?\.[a-z]+\.", "", name)
    life = lives().get(name)
    if not life:
        return []
    steps = ", ".join(map(str, life.changed))
    changed = f"; changed in {steps}" if steps else ""
    return [f"`Step {life.brought}{changed} <../{page(name)}.html>`__", ""]


def complete_page(app, pagename, templatename, context, doctree):
    """The workbench where a page has one; a line of each step before and behind."""
    folder = pagename.partition("/")[0]
    if folder == "definitions" and pagename != "definitions/index":
        tree = context["toctree"]  # the same for each of these pages
        context["toctree"] = lambda **options: same_tree(tree, options)
    if WITH_WORKBENCH and folder in ("index", "steps", "columns"):
        app.add_css_file("workbench/workbench.css")
        app.add_js_file("workbench/main.js", type="module")
    if folder == "steps":
        context["toc"] = context["toc"].replace(OUTPUT, OUTPUT + TO_WORKBENCH)
    if pagename.endswith("-file"):
        context |= other_files(int(pagename[-7:-5]))
    for way in ("prev", "next"):
        neighbour = context.get(way)
        number = re.search(r"(\d\d)\.html$", (neighbour or {}).get("link", ""))
        if folder in ("steps", "columns") and number:
            line = one_line(readme.rows()[int(number[1])].line)
            neighbour["title"] += f'<span class="line">{line}</span>'


OUTPUT = '<li><a class="reference internal" href="#output">Output</a></li>'
TO_WORKBENCH = OUTPUT.replace("<li>", '<li class="to-workbench">').replace(
    '#output">Output', '#workbench">Workbench'
)


def other_files(number):
    """The files before and behind the file of a step, as links of its page."""
    numbers = {"prev": number - 1, "next": number + 1}
    return {
        way: {"link": f"{n:02}-file.html", "title": f"step{n:02}.py"}
        for way, n in numbers.items()
        if n in readme.rows()
    }


def bring_to_front(app):
    """Let a search for a definition find the step that brings it first."""
    entries = {}
    for name in page_names():
        step = f"steps/{lives()[name].brought:02}"
        entries.setdefault(step, []).append((name, "", "main"))
    app.builder.indexer._index_entries = (
        entries  # pages not built anew have lost theirs
    )
    return ()


def same_tree(tree, options, made=[]):  # noqa: B006
    """The tree of all pages for a page that is not in it, made once."""
    if not made:
        made.append(tree(**options))
    return made[0]


def one_line(text):
    """A line of the README's table in HTML."""
    return re.sub(r"`(.+?)`", r"<code>\1</code>", text)


def setup(app):
    pages.write_all()
    files.write_all()
    app.connect("autodoc-process-docstring", plain_docstring)
    app.connect("html-collect-pages", bring_to_front)
    app.connect("html-page-context", complete_page, priority=400)  # before furo
