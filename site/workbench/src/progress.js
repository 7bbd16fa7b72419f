// How far the reader is: a mark at each step in the tables and in the sidebar.

import { el } from "./dom.js";
import { standing } from "./store.js";

const MARKS = { passes: ["●", "written by you: its test passes"], begun: ["○", "begun by you"] };
const TABLES = "article table", SIDEBAR = ".sidebar-tree";

// The index: a sentence, and marks in its tables.
export function showProgress(element) {
  const found = mark(TABLES);
  if (!found.length) return;
  const count = (kind) => found.filter((one) => one === kind).length;
  const words = `You have written ${count("passes")} of 60 steps (●), and begun ${count("begun")} more (○).`;
  element.append(el("p", { className: "progress" }, words));
  element.hidden = false;
}

// The sidebar of each page: marks, which change with what the reader does, and a legend.
export function markSidebar() {
  const legend = el("p", { className: "legend" }, "● written by you · ○ begun");
  document.querySelector(SIDEBAR)?.prepend(legend);
  const show = () => (legend.hidden = !mark(SIDEBAR).length);
  addEventListener("standing", show);
  addEventListener("storage", show);
  show();
}

// Marks the first link to each step, in what a selector finds; gives the kinds of marks.
function mark(selector) {
  document.querySelectorAll(`${selector} .mark`).forEach((old) => old.remove());
  const seen = new Set();
  const found = [];
  for (const link of document.querySelectorAll(`${selector} a`)) {
    const number = +(link.pathname.match(/\/steps\/(\d\d)\.html$/)?.[1] ?? 0);
    const kind = number && !seen.has(number) && standing(number);
    if (!kind) continue;
    seen.add(number);
    found.push(kind);
    const [sign, words] = MARKS[kind];
    link.after(el("span", { className: "mark", role: "img", title: words, ariaLabel: words }, ` ${sign}`));
  }
  return found;
}

// What is said of a step in its workbench.
export function standingLine(number) {
  return {
    passes: "● You have written this step: its test passes.",
    begun: "○ You have begun to write this step.",
    "": "",
  }[standing(number)];
}
