"""Runs all demos and tests in Chromium, and prints a table.

python site/tests/all_steps.py          all steps
python site/tests/all_steps.py 14 26    these
"""

import re
import sys
import time

from browsing import ROOT, Python, chromium, served
from playwright.sync_api import sync_playwright


def printed(messages):
    """The lines that a demo printed on stdout."""
    lines = [line for m in messages for line in m.get("lines", [])]
    return "".join(f"{line['text']}\n" for line in lines if line["kind"] == "out")


def verdict(messages):
    """What came of a demo, in a word or a sentence."""
    if messages is None:
        return "no end"
    last = messages[-1]
    if "failed" in last:
        return f"failed: {last['failed'].strip().splitlines()[-1]}"
    if last["done"]["error"]:
        return last["done"]["error"].strip().splitlines()[-1]
    expected = next(m["expected"] for m in messages if "expected" in m)
    return "ok" if expected == printed(messages) else "prints something else"


def tested(messages):
    """What came of a test: its last line, and all of it if it failed."""
    if messages is None:
        return False, "no end"
    last = messages[-1]
    if "failed" in last:
        return False, f"failed: {last['failed']}"
    report = last["done"]["report"].strip()
    lines = report.splitlines()
    words = re.sub(r" in [\d.]+s.*", "", lines[-1].strip("= "))
    return last["done"]["passed"], words if last["done"]["passed"] else report


def row(python, number):
    """Run a demo and a test; prints their line, and returns whether each is right."""
    path = ROOT / "steps" / f"step{number:02}.py"
    text, begin = path.read_text(encoding="utf-8"), time.monotonic()
    demo = verdict(python.call("run", number, text))
    middle = time.monotonic()
    passed, report = tested(python.call("test", number, text))
    end = time.monotonic()
    words = report.splitlines()[-1]
    print(
        f"| {number:02} | {demo} | {middle - begin:.1f} s "
        f"| {words if passed else 'FAILED: ' + words} | {end - middle:.1f} s |",
        flush=True,
    )
    if not passed:
        print(report, file=sys.stderr, flush=True)
    if demo != "ok" or not passed:
        python.again()
    return demo == "ok", passed


def main(words):
    numbers = list(map(int, words)) or range(1, 61)
    print("| Step | Demo | | Test | |", "|---|---|---|---|---|", sep="\n")
    with served() as (root, _), sync_playwright() as playwright:
        browser = chromium(playwright)
        page = browser.new_page()
        page.goto(f"{root}_static/pyodide/files.json")
        python = Python(page, root)
        rows = [row(python, number) for number in numbers]
        browser.close()
    demos, tests = (sum(column) for column in zip(*rows))
    print(f"\nDemos {demos} of {len(rows)}, test files {tests} of {len(rows)}.")
    return demos < len(rows) or tests < len(rows)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
