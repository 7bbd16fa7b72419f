// The diff of a step against any earlier one, definition by definition.

import { diff, short } from "./diff.js";
import { el } from "./dom.js";

let steps;

async function load() {
  const response = await fetch(new URL("../steps.json", import.meta.url));
  if (!response.ok) throw new Error("The texts of the steps cannot be loaded.");
  return (await response.json()).steps;
}

// The text of each definition of a step, in the order of its file.
function definitions(number) {
  const latest = {};
  for (const step of steps.slice(0, number)) Object.assign(latest, step.texts);
  return new Map((steps[number - 1]?.names ?? []).map((name) => [name, latest[name]]));
}

// [heading, rows] for each definition that differs between two steps.
export function differences(olds, news) {
  const found = [];
  for (const [name, text] of news) {
    if (olds.get(name) === text) continue;
    const what = olds.has(name) ? "changed" : "new";
    found.push([`${name} · ${what}`, short(diff(lines(olds.get(name)), lines(text)))]);
  }
  for (const [name, text] of olds) {
    if (!news.has(name)) found.push([`${name} · removed`, diff(lines(text), [])]);
  }
  return found;
}

const lines = (text) => (text ? text.split("\n") : []);

export function comparison(number) {
  const choice = el("select", { ariaLabel: "The earlier step" });
  for (let n = number - 1; n >= 1; n -= 1) choice.append(el("option", { value: n }, `step ${n}`));
  const result = el("div", { className: "differences" });
  const label = el("label", {}, `What step ${number} has that differs from `, choice);
  const details = el("details", { className: "compare" }, el("summary", {}, "Compare with an earlier step"), label, result);
  const show = async () => {
    result.replaceChildren(el("p", {}, "Loading …"));
    try {
      steps ??= await load();
      result.replaceChildren(...shown(+choice.value, number));
    } catch (error) {
      result.replaceChildren(el("p", {}, error.message));
    }
  };
  choice.onchange = show;
  details.ontoggle = () => details.open && !result.hasChildNodes() && show();
  return details;
}

function shown(before, number) {
  const found = differences(definitions(before), definitions(number));
  if (!found.length) return [el("p", {}, `The framework is that of step ${before}.`)];
  return found.flatMap(([heading, rows]) => [el("h5", {}, heading), el("pre", {}, ...rows.map(row))]);
}

function row(pair) {
  if (pair === null) return el("span", { className: "line gap" }, "  …\n");
  const kind = { "+": "added", "-": "taken", " ": "kept" }[pair[0]];
  return el("span", { className: `line ${kind}` }, `${pair[0]} ${pair[1]}\n`);
}
