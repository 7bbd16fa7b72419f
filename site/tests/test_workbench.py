"""The workbench in Chromium: read, run, break, check, mend, hint, reset, reload."""

import pytest
from browsing import SITE, Bench, served, source

FAULTS = {  # a step: what is broken in it, by what, and what its test says of it
    2: ("return x**2", "return x**3", "should be"),
    7: ("            func.input.backward()", "            pass", "should"),
    9: ("return Square()(x)", "return Exp()(x)", "should"),
    14: ("gx if x.grad is None else x.grad + gx", "gx", "so x.grad must be 2"),
    16: ("func.generation + 1", "1", "should"),
    20: ("Variable.__mul__ = mul", "Variable.__mul__ = add", "should"),
    22: ("return -gy", "return gy", "should"),
    27: ("gy * np.cos(x)", "gy * np.sin(x)", "should"),
    41: ("gy @ swap_last_axes(W)", "2.0 * gy @ swap_last_axes(W)", "should"),
    47: ("        return gx - y * gx.sum", "        return gx + y * gx.sum", "should"),
}
READING = 400_000  # bytes of a page that is read
FIRST = 11_000_000  # bytes of the first visit, the test of the step included


def test_the_first_visit_is_small(context):
    """What a server sends that compresses nothing."""
    with served() as (root, server):
        step = Bench(context.new_page(), root, 14)
        step.page.wait_for_load_state("networkidle")
        assert server.sent <= READING
        assert not any("/pyodide/" in path for path in server.asked)
        step.press("Run", "prints what the lesson says")
        step.press("Check", "The test of step 14 passes")
        assert server.sent <= FIRST


@pytest.mark.parametrize("number", FAULTS)
def test_a_step_is_read_run_broken_mended_and_kept(bench, number):
    ours, (old, new, said) = source(number), FAULTS[number]
    step = bench(number)
    assert f"Step {number} ·" in step.page.locator("h1").text_content()
    step.press("Run", "prints what the lesson says")

    step.press("Write it yourself", "It goes on from our step")
    assert "Write:" in step.report or "Change:" in step.report
    step.press("Check", "The test fails")
    step.press("Hint", "hint 1 of 3")
    step.press("Hint", "hint 2 of 3")

    assert old in ours
    step.upload(ours.replace(old, new))
    step.press("Check", "The test fails")
    assert said in step.report and f"tests/test_step{number:02}.py" in step.report
    assert step.stored("passes") is None
    step.upload(ours)
    step.press("Check", "This step is yours")

    step.page.reload()
    step.press("Run", "prints what the lesson says")
    assert step.stored() == ours and step.stored("passes")
    step.press("Reset", "as it was at first")
    assert step.stored() != ours and not step.stored("passes")


def test_a_function_to_be_changed_is_shown_whole(bench):
    step = bench(14)
    step.press("Write it yourself", "It goes on from our step")
    shown = step.page.locator(".cm-content").inner_text()
    assert "x.grad = as_array(gx)" in shown and "class Square" not in shown


def test_a_hint_is_on_the_changed_definition_that_fails(bench):
    step = bench(14)
    step.upload(source(14).replace("gx if x.grad is None else x.grad + gx", "gx"))
    step.press("Hint", "Variable.backward, hint 1 of 3")
    step.press("Hint", "Variable.backward, hint 2 of 3")
    step.press("Hint", "Variable.backward, hint 3 of 3")


def test_what_differs_from_the_lesson_is_marked(bench):
    step = bench(14)
    step.press("Run", "prints what the lesson says")
    step.upload(source(14).replace("gx if x.grad is None else x.grad + gx", "gx"))
    step.press("Run", "lines that differ")
    assert step.page.locator(".printed .differs").count() == 4


def test_an_error_is_shown_with_the_reader_s_own_lines(bench):
    step = bench(1)
    step.upload("print(1)\n1 / 0\n")
    step.press("Run", "ended with an error")
    assert step.printed.startswith("1\n")
    assert 'File "my/step01.py", line 2' in step.printed
    assert "ZeroDivisionError" in step.printed and "runpy" not in step.printed


def test_the_graph_of_step_26_is_drawn(bench):
    step = bench(26)
    step.press("Run", "prints what the lesson says")
    image = step.page.locator(".pictures img")
    assert image.count() == 1
    assert image.evaluate("image => image.decode().then(() => image.naturalWidth)") > 99


def test_stop_ends_an_endless_loop(bench):
    step = bench(1)
    step.upload("print('begun')\nwhile True:\n    pass\n")
    step.press("Run", "Running")
    step.page.locator(".printed", has_text="begun").wait_for()
    step.press("Stop", "Stopped")
    step.upload("print('again')\n")
    step.press("Run", "Done")
    assert step.printed == "again\n"


def test_a_flood_of_lines_does_not_stop_the_page(bench):
    step = bench(1)
    step.upload("i = 0\nwhile True:\n    print(i)\n    i += 1\n")
    step.press("Run", "Running")
    step.page.wait_for_function(
        "document.querySelector('.printed').dataset.more?.includes('lines more')"
    )
    step.press("Stop", "Stopped")


def test_two_tabs_do_not_disturb_each_other(bench):
    one, other = bench(1), bench(2)
    one.upload("while True:\n    pass\n")
    one.press("Run", "Running")
    other.press("Run", "prints what the lesson says")
    assert one.status == "Running …"
    one.press("Stop", "Stopped")

    same = bench(1)
    same.press("Run", "Running")
    same.press("Stop", "Stopped")
    one.upload("print('from the first tab')\n")
    same.press("Run", "Done")
    assert same.printed == "from the first tab\n"


def test_a_page_works_without_a_network(context):
    with served() as (root, _):
        step = Bench(context.new_page(), root, 3)
        step.press("Run", "prints what the lesson says")
        step.press("Check", "The test of step 3 passes")
    context.set_offline(True)
    step.page.reload()
    step.press("Run", "prints what the lesson says")
    step.press("Check", "The test of step 3 passes")


def test_the_whole_site_is_kept_for_offline(context):
    with served() as (root, _):
        page = context.new_page()
        page.goto(f"{root}index.html")
        page.get_by_role("button", name="Keep the whole site").click()
        page.get_by_text("All of it is kept").wait_for()
    context.set_offline(True)
    step = Bench(page, root, 26)
    step.press("Run", "prints what the lesson says")
    assert step.page.locator(".pictures img").count() == 1


def test_a_step_goes_on_from_the_reader_s_own_one(bench):
    step = bench(1)
    step.upload(source(1) + "\n# of the reader's own\n")
    step.press("Check", "This step is yours")
    after = bench(2)
    after.press("Write it yourself", "It goes on from your step 1")


def test_a_text_is_downloaded(bench):
    step = bench(14)
    step.upload("# mine\n")
    with step.page.expect_download() as download:
        step.press("Download")
    assert download.value.suggested_filename == "step14.py"
    assert download.value.path().read_text() == "# mine\n"


def test_matplotlib_is_asked_for_and_not_loaded(bench):
    step = bench(28)
    step.upload("try:\n    import matplotlib\nexcept ImportError:\n    print('none')\n")
    step.press("Run", "which isn't in this copy of the site")


def test_a_step_is_compared_with_an_earlier_one(bench):
    step = bench(14)
    step.page.get_by_text("Compare with an earlier step").click()
    step.page.locator(".compare h5", has_text="Variable.cleargrad · new").wait_for()
    step.page.locator(".compare select").select_option("6")
    step.page.get_by_role("heading", name="Add · new", exact=True).wait_for()


def test_an_example_of_a_column_runs(context, root):
    page = context.new_page()
    page.goto(f"{root}columns/1.html")
    first = page.locator(".workbench.example").first
    first.get_by_role("button", name="Run").click()
    first.locator(".status", has_text="Done").wait_for()
    assert "backward()    error below" in first.locator(".printed").text_content()
    assert first.locator(".differs").count() == 0


def test_the_index_shows_progress(context, bench, root):
    step = bench(1)
    step.upload(source(1))
    step.press("Check", "This step is yours")
    page = context.new_page()
    page.goto(f"{root}index.html")
    assert "You have written 1 of 60" in page.locator(".progress").text_content()
    assert page.get_by_label("passes its test").count() == 1


def test_without_javascript_a_page_is_complete(browser, root):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{root}steps/14.html")
    assert "x.grad = 2.0" in page.inner_text("article")
    assert not page.locator(".workbench").is_visible()
    context.close()


@pytest.mark.parametrize("width", [380, 800, 1400])
@pytest.mark.parametrize(
    "name",
    ["index", "steps/14", "steps/57", "columns/1", "definitions/index"],
)
def test_a_page_fits_its_width(context, root, name, width):
    page = context.new_page()
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(f"{root}{name}.html")
    if name.startswith("steps"):
        page.get_by_role("button", name="Our step", exact=False).click()
        page.locator(".cm-editor").wait_for()
        page.locator(".workbench").scroll_into_view_if_needed()
    shots = SITE.parent / "site-screens"
    page.screenshot(path=shots / f"{name.replace('/', '-')}-{width}.png")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
