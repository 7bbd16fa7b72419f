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

    def log_message(self, *words):
        """Say nothing."""


@contextlib.contextmanager
def served(folder=SITE):
    """The address of a static server for a folder, and the server."""
    handler = functools.partial(Handler, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
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
