// What a program prints, line by line, beside what the lesson says; and its pictures.

import { el } from "./dom.js";

export class Output {
  constructor() {
    this.printed = el("pre", { className: "printed", tabIndex: 0 });
    this.expected = el("pre", { className: "expected", tabIndex: 0 });
    this.beside = el("section", {}, el("h4", {}, "The lesson says"), this.expected);
    this.pictures = el("div", { className: "pictures" });
    const left = el("section", {}, el("h4", {}, "It prints"), this.printed);
    this.columns = el("div", { className: "columns" }, left, this.beside);
    this.element = el("div", { className: "output", hidden: true }, this.columns, this.pictures);
  }

  start(expected = "") {
    this.element.hidden = false;
    this.printed.replaceChildren();
    this.pictures.replaceChildren();
    this.found = [];
    this.waiting = [];
    this.more = 0;
    clearTimeout(this.timer);
    this.timer = null;
    this.expect(expected);
  }

  // Shows the lesson's lines. They are lit once a printed line differs from them.
  expect(text) {
    this.lines = text.split("\n");
    if (this.lines.at(-1) === "") this.lines.pop();
    this.beside.hidden = !text;
    this.expected.replaceChildren(...this.lines.map((line) => el("span", { className: "line" }, `${line}\n`)));
  }

  // Lines are shown some at a time, so that many of them do not stop the page.
  add({ lines, more }) {
    this.waiting.push(...lines);
    this.more = more;
    this.timer ??= setTimeout(() => this.flush(), 30);
  }

  flush() {
    clearTimeout(this.timer);
    this.timer = null;
    for (const { text, kind } of this.waiting.splice(0)) {
      const row = el("span", { className: "line" }, `${text}\n`);
      if (kind === "err") row.classList.add("err");
      else this.compare(row, text);
      this.printed.append(row);
    }
    if (this.more) this.printed.dataset.more = `and ${this.more} lines more`;
    else delete this.printed.dataset.more;
    this.printed.scrollTop = this.printed.scrollHeight;
  }

  compare(row, text) {
    const place = this.found.push(text) - 1;
    const differs = !this.beside.hidden && this.lines[place] !== text;
    row.classList.toggle("differs", differs);
    this.expected.children[place]?.classList.toggle("differs", differs);
  }

  get isAsExpected() {
    this.flush();
    if (this.more) return false;
    return this.found.length === this.lines.length && this.found.every((line, i) => line === this.lines[i]);
  }

  fail(text) {
    this.flush();
    this.printed.append(el("span", { className: "line err" }, text));
    this.printed.scrollTop = this.printed.scrollHeight;
  }

  async show(pictures) {
    for (const { name, kind, data } of pictures) {
      const picture = kind === "dot" ? await drawn(data) : `data:${kind};base64,${data}`;
      const image = el("img", { src: picture, alt: `The picture ${name}` });
      const shown = name.replace(/dot$/, "svg");
      const link = el("a", { href: picture, download: shown.split("/").at(-1) }, shown);
      this.pictures.append(el("figure", {}, image, el("figcaption", {}, link)));
    }
  }
}

async function drawn(data) {
  const { draw } = await import("./graph.js");
  const text = new TextDecoder().decode(Uint8Array.from(atob(data), (c) => c.charCodeAt(0)));
  return `data:image/svg+xml,${encodeURIComponent(await draw(text))}`;
}
