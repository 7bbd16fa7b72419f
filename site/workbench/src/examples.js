// The examples of a column: a button to run each, beside what the text says it prints.

import { button, el } from "./dom.js";
import { Output } from "./output.js";
import { loadingLine, Python, Stopped } from "./python.js";

export function makeRunnable() {
  const python = new Python();
  for (const block of document.querySelectorAll("div.highlight-python")) {
    const next = block.nextElementSibling;
    const expected = next?.matches("div.highlight-text") ? next.textContent : "";
    block.after(example(python, block.textContent, expected));
  }
}

function example(python, text, expected) {
  const output = new Output();
  const status = el("span", { className: "status", role: "status" });
  const run = button("Run", () => (python.isBusy ? python.stop() : start()));
  const tell = (message) => {
    if (message.loading) status.textContent = loadingLine(message.loading);
    if (message.started) status.textContent = "Running …";
    if (message.lines) output.add(message);
  };
  async function start() {
    run.textContent = "Stop";
    output.start(expected);
    try {
      const steps = [...text.matchAll(/from step(\d\d) import/g)].map((match) => +match[1]);
      const answer = await python.call({ call: "example", args: { text }, steps }, tell);
      output.flush();
      if (answer.error) output.fail(answer.error);
      status.textContent = answer.error ? "It ended with an error." : "Done.";
    } catch (error) {
      status.textContent = error instanceof Stopped ? "Stopped." : `That did not work: ${error.message}`;
    }
    run.textContent = "Run";
  }
  return el("div", { className: "workbench example" }, el("div", { className: "bar" }, run, status), output.element);
}
