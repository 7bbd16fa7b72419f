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
from lives import lives, page  # noqa: E402

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
    for way in ("prev", "next"):
        neighbour = context.get(way)
        number = re.search(r"(\d\d)\.html$", (neighbour or {}).get("link", ""))
        if folder in ("steps", "columns") and number:
            line = one_line(readme.rows()[int(number[1])].line)
            neighbour["title"] += f'<span class="line">{line}</span>'


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
    app.connect("html-page-context", complete_page, priority=400)  # before furo
