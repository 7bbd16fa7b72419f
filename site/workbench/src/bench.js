// The workbench of a step's page: the editor, its buttons, and what comes of them.

import { comparison } from "./compare.js";
import { button, el } from "./dom.js";
import { Output } from "./output.js";
import { loadingLine, Python, Stopped } from "./python.js";
import * as store from "./store.js";

const LAST = 60;
const two = (number) => String(number).padStart(2, "0");
const before = (number) => [number - 1, number].filter(Boolean);

export class Bench {
  constructor(element, number) {
    this.number = number;
    this.python = new Python();
    this.output = new Output();
    this.status = el("p", { className: "status", role: "status" });
    this.report = el("pre", { className: "report", hidden: true, tabIndex: 0 });
    this.place = el("div", { className: "place", hidden: true });
    this.kind = store.read(number, "kind") ?? "ours";
    const parts = [this.choices(), this.bar(), this.status, this.place, this.report, this.output.element];
    if (number > 1) parts.push(comparison(number));
    element.append(el("h2", {}, "Workbench"), ...parts);
    element.hidden = false;
    this.wake();
    for (const kind of ["ours", "mine"]) store.onChange(number, kind, (text) => this.fromOtherTab(kind, text));
  }

  // Buttons

  choices() {
    const choose = (kind) => this.open(kind);
    this.tabs = {
      ours: button(`Our step${two(this.number)}.py`, () => choose("ours")),
      mine: button("Write it yourself", () => choose("mine")),
    };
    return el("div", { className: "tabs", role: "group", ariaLabel: "What to work on" }, this.tabs.ours, this.tabs.mine);
  }

  bar() {
    const file = el("input", { type: "file", accept: ".py,text/x-python", hidden: true, onchange: () => this.upload(file) });
    this.buttons = {
      run: button("Run", () => this.run(), { title: "Ctrl-Enter", className: "first" }),
      check: button("Check", () => this.check(), { title: "Ctrl-Shift-Enter" }),
      hint: button("Hint", () => this.hint()),
      stop: button("Stop", () => this.python.stop()),
      reset: button("Reset", () => this.reset()),
      download: button("Download", () => this.download()),
      upload: button("Upload", () => file.click()),
    };
    return el("div", { className: "bar", role: "toolbar", ariaLabel: "Workbench" }, ...Object.values(this.buttons), file);
  }

  // Lets only those buttons be pressed that do something now.
  wake() {
    for (const [name, element] of Object.entries(this.buttons)) {
      element.disabled = (name === "stop") !== this.python.isBusy;
    }
    for (const [kind, element] of Object.entries(this.tabs)) {
      element.disabled = this.python.isBusy;
      element.setAttribute("aria-pressed", String(kind === this.kind));
    }
  }

  say(text, kind = "") {
    this.status.textContent = text;
    this.status.className = `status ${kind}`;
  }

  // The text

  // Loads the editor at the first press of a button; shows one of the two texts.
  async open(kind = this.kind) {
    if (this.editor && kind === this.kind) return true;
    try {
      this.ours ??= await this.source(this.number);
      this.earlier ??= this.number > 1 ? await this.source(this.number - 1) : "";
      const text = store.read(this.number, kind) ?? (kind === "ours" ? this.ours : await this.skeleton());
      if (!this.editor) await this.makeEditor();
      this.kind = kind;
      store.write(this.number, "kind", kind);
      if (kind === "mine") store.write(this.number, "mine", text);
      this.editor.show(text, this.earlier);
      this.wake();
      return true;
    } catch (error) {
      this.trouble(error);
      return false;
    }
  }

  async source(number) {
    const response = await fetch(new URL(`../steps/step${two(number)}.py`, import.meta.url));
    if (!response.ok) throw new Error(`The file of step ${number} cannot be loaded.`);
    return response.text();
  }

  async makeEditor() {
    const { Editor } = await import("./editor.js");
    this.place.hidden = false;
    const help = "Tab indents. To leave the editor, press Escape, then Tab.";
    this.place.append(el("p", { className: "help" }, help));
    this.editor = new Editor(this.place, `The text of step ${this.number}. ${help}`, {
      onChange: (text) => this.keep(text),
      onRun: () => this.python.isBusy || this.run(),
      onCheck: () => this.python.isBusy || this.check(),
    });
  }

  keep(text) {
    store.write(this.number, this.kind, this.kind === "ours" && text === this.ours ? null : text);
    if (this.kind === "mine") store.write(this.number, "passes", null);
  }

  fromOtherTab(kind, text) {
    if (this.editor && kind === this.kind && !this.python.isBusy) this.editor.set(text);
  }

  // The step to be written, on top of the reader's own step before if that passes.
  async skeleton() {
    const passes = store.read(this.number - 1, "passes");
    const base = passes ? store.read(this.number - 1, "mine") : null;
    const answer = await this.call("start", { base }, before(this.number));
    this.show(answer.tasks);
    this.say(answer.origin);
    return answer.text;
  }

  async reset() {
    try {
      const text = this.kind === "ours" ? await this.source(this.number) : await this.skeleton();
      this.keep(text);
      if (this.editor) this.editor.show(text, this.earlier);
      this.say("The text is as it was at first. Ctrl-Z in the editor brings yours back.");
    } catch (error) {
      this.trouble(error);
    }
  }

  async download() {
    if (!(await this.open())) return;
    const href = URL.createObjectURL(new Blob([this.editor.text], { type: "text/x-python" }));
    el("a", { href, download: `step${two(this.number)}.py` }).click();
    URL.revokeObjectURL(href);
  }

  async upload(input) {
    const [file] = input.files;
    input.value = "";
    if (!file) return;
    store.write(this.number, "mine", await file.text());
    store.write(this.number, "passes", null);
    this.kind = "";
    if (await this.open("mine")) this.say(`${file.name} is in the editor.`);
  }

  // Python

  // Calls browser.py; shows what it tells on the way.
  async call(call, args, steps, more = {}) {
    const tell = (message) => {
      if (message.loading) this.say(loadingLine(message.loading));
      if (message.started) this.begun = performance.now();
      if (message.started) this.say({ run: "Running …", check: "Testing …" }[call] ?? "Looking …");
      if (message.passed) this.say(`Testing … ${message.passed} passed so far`);
      if (message.expected) this.output.expect(message.expected);
      if (message.lines) this.output.add(message);
    };
    this.say("Starting Python …");
    const answer = this.python.call({ call, args: { number: this.number, ...args }, steps, ...more }, tell);
    this.wake();
    try {
      return await answer;
    } finally {
      this.wake();
    }
  }

  // Opens the editor, clears what came of the last press, and calls f with the text.
  async press(f) {
    if (this.python.isBusy || !(await this.open())) return;
    this.report.hidden = true;
    this.output.element.hidden = true;
    try {
      await f(this.editor.text, () => `${((performance.now() - this.begun) / 1000).toFixed(1)} s`);
    } catch (error) {
      this.trouble(error);
    }
  }

  trouble(error) {
    if (error instanceof Stopped) this.say("Stopped. The next press starts Python anew.", "bad");
    else this.say(`That did not work: ${error.message}`, "bad");
  }

  show(text) {
    this.report.textContent = text;
    this.report.hidden = false;
  }

  run(matplotlib = false) {
    return this.press(async (text, time) => {
      this.output.start();
      const answer = await this.call("run", { text }, before(this.number), { matplotlib });
      await this.output.show(answer.pictures);
      if (answer.error) {
        this.output.fail(answer.error);
        this.say(`It ended with an error, after ${time()}.`, "bad");
      } else if (this.output.beside.hidden || this.output.isAsExpected) {
        this.say(`Done in ${time()}: it prints what the lesson says.`, "good");
      } else {
        this.say(`Done in ${time()}: lines that differ from the lesson's are marked.`);
      }
      if (answer.matplotlib) this.offerMatplotlib(answer.cdn);
    });
  }

  offerMatplotlib(cdn) {
    const sentence = cdn ? "It draws with matplotlib, 7 MB from another site." : "It draws with matplotlib, which isn't in this copy of the site.";
    this.status.append(` ${sentence} `);
    if (cdn) this.status.append(button("Load it and run again", () => this.run(true)));
  }

  check() {
    return this.press(async (text, time) => {
      const answer = await this.call("check", { text }, before(this.number));
      this.show(answer.report);
      if (answer.passed) this.passed(text, time());
      else this.say(`The test fails: here is its first failure, after ${time()}.`, "bad");
    });
  }

  passed(text, time) {
    const isOwn = this.kind === "mine" && text === store.read(this.number, "mine");
    if (isOwn) store.write(this.number, "passes", "yes");
    this.say(`The test of step ${this.number} passes, in ${time}. `, "good");
    if (!isOwn) return;
    const next = el("a", { href: `${two(this.number + 1)}.html` }, `Go on with step ${this.number + 1}.`);
    this.status.append("This step is yours. ", this.number < LAST ? next : "It was the last.");
  }

  hint() {
    return this.press(async (text) => {
      const last = JSON.parse(store.read(this.number, "hint"));
      const answer = await this.call("hint", { text, last }, before(this.number));
      if (answer.last) store.write(this.number, "hint", JSON.stringify(answer.last));
      this.show(answer.lines);
      this.say(answer.title);
    });
  }
}
