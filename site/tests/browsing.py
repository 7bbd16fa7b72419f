"""What the tests of the site share: a static server, Chromium, Python in a worker."""

import contextlib
import functools
import http.server
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
SITE = ROOT / "out" / "site"
CHROMIUM = "/usr/bin/chromium"
OPTIONS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update"),
    "--disable-sync",
)
WORKER = """
root => {
    window.told = [];
    window.worker = new Worker(`${root}_static/workbench/worker.js`, {type: "module"});
    worker.onmessage = ({data}) => { if (!data.loading) told.push(data); };
    worker.onerror = event => told.push({failed: event.message});
}
"""


class Handler(http.server.SimpleHTTPRequestHandler):
    """Serves the site under /sub/, as a project's page on a public server is."""

    def translate_path(self, path):
        return super().translate_path(path.removeprefix("/sub"))

    def send_header(self, name, value):
        """Count what is sent, and the files asked for."""
        if name == "Content-Length":
            self.server.sent += int(value)
            self.server.asked.append(self.path)
        super().send_header(name, value)

    def log_message(self, *words):
        """Say nothing."""


@contextlib.contextmanager
def served(folder=SITE):
    """The address of a static server for a folder, and the server."""
    handler = functools.partial(Handler, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.sent, server.asked = 0, []
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/sub/", server
    finally:
        server.shutdown()
        server.server_close()


def chromium(playwright):
    return playwright.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)


class Python:
    """Python in a worker of a page, called as the workbench calls it."""

    def __init__(self, page, root):
        self.page, self.root = page, root
        self.start()

    def start(self):
        self.page.evaluate(WORKER, self.root)

    def call(self, call, number, text, seconds=180):
        """What came of it, as the worker's messages; None after so many seconds."""
        message = {
            "call": call,
            "args": {"number": number, "text": text},
            "steps": [n for n in (number - 1, number) if n],
        }
        self.page.evaluate("m => { told = []; worker.postMessage(m); }", message)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.page.evaluate("told.some(m => m.done || m.failed)"):
                return self.page.evaluate("told")
            time.sleep(0.1)

    def again(self):
        """End the worker, and start another."""
        self.page.evaluate("worker.terminate()")
        self.start()


def source(number):
    """The text of a step."""
    return (ROOT / "steps" / f"step{number:02}.py").read_text(encoding="utf-8")


class Bench:
    """The workbench on the page of a step, as a reader uses it."""

    def __init__(self, page, root, number):
        self.page, self.number = page, number
        page.goto(f"{root}steps/{number:02}.html")

    def press(self, name, status=None):
        """Press a button; wait until the line of the status holds some words."""
        self.page.get_by_role("button", name=name, exact=True).click()
        if status:
            self.wait(status)

    def wait(self, words):
        """Wait until the line of the status holds these words, or says of trouble."""
        self.page.wait_for_function(
            "words => [words, 'did not work'].some("
            "w => document.querySelector('.status').textContent.includes(w))",
            arg=words,
        )
        assert words in self.status, self.status

    @property
    def status(self):
        return self.page.locator(".workbench .status").first.text_content()

    @property
    def report(self):
        return self.page.locator(".workbench .report").text_content()

    @property
    def printed(self):
        return self.page.locator(".workbench .printed").text_content()

    def upload(self, text):
        """Put a text into the editor, as the file that the reader chose."""
        file = {"name": "a.py", "mimeType": "text/x-python", "buffer": text.encode()}
        self.page.set_input_files(".workbench input[type=file]", file)
        self.wait("a.py is in the editor")

    def stored(self, what="mine"):
        """What the browser keeps of this step."""
        key = f"sixty-steps:{self.number}:{what}"
        return self.page.evaluate("key => localStorage.getItem(key)", key)
