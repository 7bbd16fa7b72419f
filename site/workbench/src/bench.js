// The workbench of a step's page: the editor, its buttons, and what comes of them.

import { comparison } from "./compare.js";
import { button, el } from "./dom.js";
import { Output } from "./output.js";
import { importPacked } from "./packed.js";
import { standingLine } from "./progress.js";
import { loadingLine, Python, STARTING, Stopped } from "./python.js";
import * as store from "./store.js";

const LAST = 60;
const two = (number) => String(number).padStart(2, "0");
const before = (number) => [number - 1, number].filter(Boolean);
const USE =
  "Run shows what the code prints, Check tests it by the step's own test, Hint helps where the test fails. " +
  "Reset puts the first text back and keeps yours. " +
  "“Write it yourself” gives you the step with its new code left out.";
const MOST = 3; // texts that are kept when others take their place
const TIPS = {
  run: "Run the program (Ctrl-Enter)",
  check: "Test the code by the step's own test (Ctrl-Shift-Enter)",
  hint: "Where to look; pressed again, what to write; then our code",
  stop: "End what runs, at once",
  reset: "Put the first text back; yours is kept",
  back: "Bring back what Reset or Upload has replaced; pressed again, what was there before",
  download: "Save the text as a file",
  upload: "Go on with a file of yours",
};

export class Bench {
  constructor(element, number) {
    this.number = number;
    this.python = new Python();
    this.output = new Output();
    this.status = el("p", { className: "status", role: "status" });
    this.report = el("pre", { className: "report", hidden: true, tabIndex: 0 });
    this.tasks = el("pre", { className: "tasks", hidden: true });
    this.standing = el("p", { className: "standing" });
    this.place = el("div", { className: "place" });
    this.results = el("div", { className: "results" }, this.status, this.report, this.output.element);
    this.kind = store.read(number, "kind") === "mine" && store.read(number, "mine") ? "mine" : "ours";
    const use = el("p", { className: "use" }, USE);
    const parts = [this.standing, use, this.choices(), this.tasks, this.place, this.bar(), this.results];
    if (number > 1) parts.push(comparison(number));
    element.append(el("h2", {}, "Workbench"), ...parts);
    element.hidden = false;
    this.wake();
    whenInView(this.place, () => this.open());
    addEventListener("standing", () => this.wake());
    for (const kind of ["ours", "mine"]) store.onChange(number, kind, (text) => this.fromOtherTab(kind, text));
  }

  // Buttons

  choices() {
    const choose = async (kind) => (await this.open(kind)) && this.editor.focus();
    this.tabs = {
      ours: button("", () => choose("ours")),
      mine: button("Write it yourself", () => choose("mine")),
    };
    return el("div", { className: "tabs", role: "group", ariaLabel: "What to work on" }, this.tabs.ours, this.tabs.mine);
  }

  bar() {
    const file = el("input", { type: "file", accept: ".py,text/x-python", hidden: true, onchange: () => this.upload(file) });
    this.buttons = {
      run: button("Run", () => this.run(), { className: "first" }),
      check: button("Check", () => this.check()),
      hint: button("Hint", () => this.hint()),
      stop: button("Stop", () => this.python.stop()),
      reset: button("Reset", () => this.reset()),
      back: button("Bring mine back", () => this.bringBack()),
      download: button("Download", () => this.download()),
      upload: button("Upload", () => file.click()),
    };
    for (const [name, element] of Object.entries(this.buttons)) element.title = TIPS[name];
    return el("div", { className: "bar", role: "toolbar", ariaLabel: "Workbench" }, ...Object.values(this.buttons), file);
  }

  // Lets only those buttons be pressed that do something now; says how things stand.
  wake() {
    const { isBusy } = this.python;
    const hadFocus = document.activeElement;
    for (const [name, element] of Object.entries(this.buttons)) {
      element.disabled = (name === "stop") !== isBusy;
    }
    for (const [kind, element] of Object.entries(this.tabs)) {
      element.disabled = isBusy;
      element.setAttribute("aria-pressed", String(kind === this.kind));
    }
    if (hadFocus?.disabled && isBusy) this.buttons.stop.focus({ preventScroll: true });
    this.buttons.back.hidden = !this.replaced(this.kind).length;
    const edited = store.read(this.number, "ours") === null ? "" : ", edited by you";
    this.tabs.ours.textContent = `Our step${two(this.number)}.py${edited}`;
    this.tasks.textContent = store.read(this.number, "tasks") ?? "";
    this.tasks.hidden = this.kind !== "mine" || !this.tasks.textContent;
    this.standing.textContent = standingLine(this.number);
  }

  say(text, kind = "") {
    this.status.textContent = text;
    this.status.className = `status ${kind}`;
  }

  // Takes away what came of the last press.
  clear() {
    this.say("");
    this.report.hidden = true;
    this.output.element.hidden = true;
    this.editor?.fail(null);
  }

  // The text

  // Loads the editor when it is first needed; shows one of the two texts. One after the other.
  open(kind = null) {
    const opened = (this.opening ?? Promise.resolve()).then(() => this.show(kind ?? this.kind));
    this.opening = opened;
    return opened;
  }

  async show(kind) {
    if (this.isShown && kind === this.kind) return true;
    try {
      this.ours ??= await this.source(this.number);
      this.earlier ??= this.number > 1 ? await this.source(this.number - 1) : "";
      this.editor ??= await this.makeEditor();
      const kept = store.read(this.number, kind);
      if (kind === "mine" && kept === null) {
        if (!this.isShown) this.load("ours", store.read(this.number, "ours") ?? this.ours);
        await this.begin();
      } else {
        this.load(kind, kept ?? this.ours);
        if (kept !== null) this.say("This is your text, as you left it.");
      }
      return true;
    } catch (error) {
      this.trouble(error);
      return false;
    }
  }

  // Puts a text into the editor, where no undo goes before it.
  load(kind, text) {
    this.clear();
    this.isShown = true;
    this.kind = kind;
    store.write(this.number, "kind", kind);
    this.editor.show(text, this.earlier);
    this.wake();
  }

  async source(number) {
    const response = await fetch(new URL(`../steps/step${two(number)}.py`, import.meta.url));
    if (!response.ok) throw new Error(`The file of step ${number} cannot be loaded.`);
    return response.text();
  }

  async makeEditor() {
    const { Editor } = await importPacked(new URL("./editor.js.packed", import.meta.url));
    const help = "Tab indents. To leave the editor, press Escape, then Tab.";
    this.place.replaceChildren(el("p", { className: "help" }, help));
    return new Editor(this.place, `The text of step ${this.number}. ${help}`, {
      onChange: (text) => this.keep(text),
      onRun: () => this.python.isBusy || this.run(),
      onCheck: () => this.python.isBusy || this.check(),
    });
  }

  // Keeps a text that the reader has changed, but no empty one in place of it.
  keep(text) {
    if (!text.trim()) {
      this.say("The editor is empty. What you had before is still kept: Ctrl-Z, or load the page again.");
      return;
    }
    store.write(this.number, this.kind, this.kind === "ours" && text === this.ours ? null : text);
    if (this.kind === "mine") store.write(this.number, "passes", null);
    this.wake();
  }

  fromOtherTab(kind, text) {
    if (this.editor && kind === this.kind && !this.python.isBusy) this.load(kind, text);
  }

  // Begins the step to be written, on top of the reader's own step before if that passes.
  async begin() {
    const passes = store.read(this.number - 1, "passes");
    const base = passes ? store.read(this.number - 1, "mine") : null;
    const answer = await this.call("start", { base }, before(this.number));
    store.write(this.number, "tasks", answer.tasks);
    store.write(this.number, "first", digest(answer.text));
    store.write(this.number, "mine", answer.text);
    store.write(this.number, "passes", null);
    this.load("mine", answer.text);
    this.say(answer.origin);
  }

  async reset() {
    try {
      if (!(await this.open())) return;
      const { kind } = this;
      const isKept = this.setAside(kind, this.editor.text);
      if (kind === "ours") {
        store.write(this.number, "ours", null);
        this.load("ours", this.ours);
      } else await this.begin();
      this.say(`The text is as it was at first.${isKept ? " “Bring mine back” gives you yours again." : ""}`);
      this.editor.focus();
    } catch (error) {
      this.trouble(error);
    }
  }

  // The texts of the reader that others have replaced, the latest first.
  replaced(kind) {
    return JSON.parse(store.read(this.number, `${kind}:replaced`) ?? "[]");
  }

  // Keeps a text that another has replaced; true unless nothing of it is the reader's.
  setAside(kind, text) {
    if (!this.isOwn(kind, text)) return false;
    const others = this.replaced(kind).filter((other) => other !== text);
    store.write(this.number, `${kind}:replaced`, JSON.stringify([text, ...others].slice(0, MOST)));
    this.wake();
    return true;
  }

  // Whether a text is another than the one that the reader began with.
  isOwn(kind, text) {
    return text.trim() !== "" && (kind === "ours" ? text !== this.ours : digest(text) !== store.read(this.number, "first"));
  }

  // Puts the latest replaced text into the editor; what was there becomes the last of them.
  async bringBack() {
    if (!(await this.open())) return;
    const { kind } = this;
    const [text, ...others] = this.replaced(kind);
    if (this.isOwn(kind, this.editor.text)) others.push(this.editor.text);
    store.write(this.number, `${kind}:replaced`, JSON.stringify(others));
    this.load(kind, text);
    this.keep(text);
    this.say("Your text is back. " + (others.length ? "Press again for another one." : ""));
    this.editor.focus();
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
    const former = store.read(this.number, "mine");
    const text = await file.text();
    if (!(await this.open())) return;
    if (former && former !== text) this.setAside("mine", former);
    store.write(this.number, "mine", text);
    store.write(this.number, "passes", null);
    this.load("mine", text);
    this.say(`${file.name} is in the editor.`);
    this.editor.focus();
  }

  // Python

  // Calls browser.py; shows what it tells on the way, and the seconds.
  async call(call, args, steps, more = {}) {
    const pressed = performance.now();
    this.begun = null;
    const clock = el("span", { ariaHidden: "true" });
    const tick = () => (clock.textContent = ` ${Math.floor((performance.now() - (this.begun ?? pressed)) / 1000)} s`);
    const say = (text) => {
      this.say(text);
      this.status.append(clock);
    };
    const tell = (message) => {
      if (message.loading) say(loadingLine(message.loading));
      if (message.started) {
        this.begun = performance.now();
        this.startSeconds = (this.begun - pressed) / 1000;
        say({ run: "Running …", check: "Testing …" }[call] ?? "Looking …");
        tick();
      }
      if (message.passed) say(`Testing … ${message.passed} passed so far`);
      if (message.expected) this.output.expect(message.expected);
      if (message.lines) this.output.add(message);
    };
    say(STARTING);
    const timer = setInterval(tick, 1000);
    const answer = this.python.call({ call, args: { number: this.number, ...args }, steps, ...more }, tell);
    this.wake();
    this.inView();
    try {
      return await answer;
    } finally {
      clearInterval(timer);
      this.wake();
    }
  }

  // The seconds of the last call, and those that Python took to start if it did.
  time() {
    const seconds = (number) => `${number.toFixed(1)} s`;
    const start = this.startSeconds > 1 ? `, with ${seconds(this.startSeconds)} to start Python` : "";
    return `${seconds((performance.now() - this.begun) / 1000)}${start}`;
  }

  // Scrolls as little as shows what came of a press.
  inView() {
    this.results.scrollIntoView({ block: "nearest" });
  }

  // Opens the editor, clears what came of the last press, and calls f with the text.
  // The focus goes to the result, or stays in the editor.
  async press(f) {
    if (this.python.isBusy || !(await this.open())) return;
    this.clear();
    try {
      await f(this.editor.text);
    } catch (error) {
      this.trouble(error);
    }
    this.inView();
    const focused = document.activeElement;
    if (focused !== document.body && !focused.disabled) return;
    const result = this.report.hidden ? this.output.printed : this.report;
    result.focus({ preventScroll: true });
  }

  trouble(error) {
    if (error instanceof Stopped) this.say("Stopped. The next press starts Python anew.", "bad");
    else this.say(`That did not work: ${error.message}`, "bad");
  }

  tell(text) {
    this.report.textContent = text;
    this.report.hidden = false;
    this.markLine(text);
  }

  // Marks the last line of the editor's text that a report or a traceback names.
  markLine(text) {
    const found = [...text.matchAll(new RegExp(`(?<!test_)step${two(this.number)}\\.py"?, line (\\d+)`, "g"))].at(-1);
    this.editor.fail(found ? +found[1] : null);
  }

  run(matplotlib = false) {
    return this.press(async (text) => {
      this.output.start();
      const answer = await this.call("run", { text }, before(this.number), { matplotlib });
      await this.output.show(answer.pictures);
      if (answer.error) {
        this.output.fail(answer.error);
        this.markLine(answer.error);
        this.say(`It ended with an error, after ${this.time()}.`, "bad");
      } else if (this.output.beside.hidden || this.output.isAsExpected) {
        this.say(`Done in ${this.time()}: it prints what the lesson says.`, "good");
      } else {
        this.say(`Done in ${this.time()}: lines that differ from the lesson's are marked.`);
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
    return this.press(async (text) => {
      const answer = await this.call("check", { text }, before(this.number));
      this.tell(answer.report);
      if (answer.passed) this.passed(text, this.time());
      else this.say(`The test fails: here is its first failure, after ${this.time()}.`, "bad");
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
      this.tell(answer.lines);
      this.say(answer.title);
    });
  }
}

// A short name for a text.
function digest(text) {
  let sum = 0;
  for (let i = 0; i < text.length; i += 1) sum = (sum * 31 + text.charCodeAt(i)) | 0;
  return `${text.length}:${sum}`;
}

// Calls f once, when an element comes into view or is near it.
function whenInView(element, f) {
  const observer = new IntersectionObserver(
    (entries) => {
      if (!entries.some((entry) => entry.isIntersecting)) return;
      observer.disconnect();
      f();
    },
    { rootMargin: "300px" },
  );
  observer.observe(element);
}
