"""Pages in Chromium, each with what it asked for and what its console said."""

import pytest
from browsing import Bench, chromium, served
from playwright.sync_api import sync_playwright


@pytest.fixture(scope="session")
def browser():
    with sync_playwright() as playwright:
        browser = chromium(playwright)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def root():
    with served() as (root, _):
        yield root


@pytest.fixture
def context(browser):
    """A browser that has seen nothing; no error, and no request goes elsewhere."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(120_000)
    asked, errors = [], []
    context.on("request", lambda request: asked.append(request.url))
    context.on("weberror", lambda error: errors.append(str(error.error)))
    context.on("console", lambda m: errors.append(m.text) if m.type == "error" else 0)
    yield context
    context.close()
    assert not errors
    own = ("http://127.0.0.1:", "data:", "blob:http://127.0.0.1:")
    assert [url for url in asked if not url.startswith(own)] == []


@pytest.fixture
def bench(context, root):
    """Opens the page of a step in a tab of its own, and gives its workbench."""
    return lambda number: Bench(context.new_page(), root, number)
