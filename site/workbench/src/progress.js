// The index: how far the reader is, and a mark at each step in the tables.

import { el } from "./dom.js";
import { standing } from "./store.js";

const MARKS = { passes: ["●", "passes its test"], begun: ["○", "begun"] };

export function showProgress(element) {
  const found = { passes: 0, begun: 0 };
  const seen = new Set();
  for (const link of document.querySelectorAll('article table a[href*="steps/"]')) {
    const number = +(link.getAttribute("href").match(/steps\/(\d\d)\.html/)?.[1] ?? 0);
    const mark = number && !seen.has(number) && MARKS[standing(number)];
    if (!mark) continue;
    seen.add(number);
    found[standing(number)] += 1;
    link.after(" ", el("span", { className: "mark", role: "img", title: mark[1], ariaLabel: mark[1] }, mark[0]));
  }
  if (!seen.size) return;
  const words = `You have written ${found.passes} of 60 steps (●), and begun ${found.begun} more (○).`;
  element.append(el("p", { className: "progress" }, words));
  element.hidden = false;
}
