// The editor: CodeMirror, with the new lines of a step lit and the rest folded.

import { indentWithTab } from "@codemirror/commands";
import { python } from "@codemirror/lang-python";
import { codeFolding, foldEffect, indentUnit, syntaxHighlighting, unfoldAll } from "@codemirror/language";
import { Prec, RangeSetBuilder, StateEffect, StateField } from "@codemirror/state";
import { Decoration, EditorView, keymap } from "@codemirror/view";
import { classHighlighter } from "@lezer/highlight";
import { basicSetup } from "codemirror";
import { diff } from "./diff.js";

const FEWEST = 4; // lines that are worth a fold
const setLit = StateEffect.define();
const lit = StateField.define({
  create: () => Decoration.none,
  update(value, transaction) {
    for (const effect of transaction.effects) if (effect.is(setLit)) return effect.value;
    return value.map(transaction.changes);
  },
  provide: (field) => EditorView.decorations.from(field),
});
const line = Decoration.line({ class: "cm-lit" });

export class Editor {
  constructor(parent, label, { onChange, onRun, onCheck }) {
    const keys = [
      { key: "Mod-Enter", run: () => (onRun(), true) },
      { key: "Shift-Mod-Enter", run: () => (onCheck(), true) },
      indentWithTab,
    ];
    const extensions = [
      Prec.highest(keymap.of(keys)),
      basicSetup,
      python(),
      indentUnit.of("    "),
      codeFolding({ placeholderDOM: placeholder, preparePlaceholder: (state, { from, to }) => linesOf(state, from, to) }),
      syntaxHighlighting(classHighlighter),
      lit,
      EditorView.contentAttributes.of({ "aria-label": label }),
      EditorView.updateListener.of((update) => update.docChanged && !this.isSetting && onChange(this.text)),
    ];
    this.view = new EditorView({ parent, extensions });
  }

  get text() {
    return this.view.state.doc.toString();
  }

  // Shows a text, its lines that are not in `before` lit, and the others folded.
  show(text, before) {
    this.set(text);
    const isNew = newLines(before, text);
    const doc = this.view.state.doc;
    const marks = new RangeSetBuilder();
    isNew.forEach((yes, i) => yes && marks.add(doc.line(i + 1).from, doc.line(i + 1).from, line));
    const folds = runs(isNew, text).map(([a, b]) => foldEffect.of({ from: doc.line(a).from, to: doc.line(b).to }));
    this.view.dispatch({ effects: [setLit.of(marks.finish()), ...folds] });
  }

  // Puts another text in place; an undo brings the former back.
  set(text) {
    unfoldAll(this.view);
    this.isSetting = true;
    if (text !== this.text) this.view.dispatch({ changes: { from: 0, to: this.view.state.doc.length, insert: text } });
    this.isSetting = false;
  }
}

function placeholder(view, onclick, words) {
  const element = document.createElement("button");
  Object.assign(element, { type: "button", className: "cm-foldPlaceholder", onclick, textContent: words });
  element.setAttribute("aria-label", `Unfold ${words}`);
  return element;
}

const linesOf = (state, from, to) => `… ${state.doc.lineAt(to).number - state.doc.lineAt(from).number + 1} lines …`;

// For each line of the code, whether it is new; the lesson above it never is.
export function newLines(before, text) {
  const isOfLesson = lessonEnd(text);
  const rows = diff(before.split("\n").slice(lessonEnd(before)), text.split("\n").slice(isOfLesson));
  const marks = rows.filter(([mark]) => mark !== "-").map(([mark, words]) => mark === "+" && words.trim() !== "");
  return [...Array(isOfLesson).fill(false), ...marks];
}

// How many lines the docstring at the top has.
function lessonEnd(text) {
  const end = text.startsWith('"""') ? text.indexOf('"""', 3) : -1;
  return end < 0 ? 0 : text.slice(0, end).split("\n").length;
}

// [first, last] of each run of lines to fold: none is new, near a new one, above it, or in
// the function that a new one is in.
export function runs(isNew, text) {
  const lines = text.split("\n");
  const kept = isNew.map((_, i) => isNew.slice(Math.max(0, i - 2), i + 3).some(Boolean));
  isNew.forEach((yes, i) => yes && headersAbove(lines, i).forEach((place) => keep(kept, lines, place)));
  if (!isNew.some(Boolean)) return lessonEnd(text) > FEWEST ? [[1, lessonEnd(text)]] : [];
  const found = [];
  for (let start = 0; start < lines.length; ) {
    let end = start;
    while (end < lines.length && kept[end] === kept[start]) end += 1;
    if (!kept[start] && end - start >= FEWEST) found.push([start + 1, end]);
    start = end;
  }
  return found;
}

// The lines "class …:" and "def …:" that a line stands under.
function headersAbove(lines, place) {
  const found = [];
  let margin = indentation(lines[place]);
  for (let i = place - 1; i >= 0 && margin > 0; i -= 1) {
    if (!lines[i].trim() || indentation(lines[i]) >= margin) continue;
    margin = indentation(lines[i]);
    found.push(i);
  }
  return found;
}

// Keeps a line "class …:"; of a line "def …:" also all that stands under it.
function keep(kept, lines, place) {
  kept[place] = true;
  if (!lines[place].trimStart().startsWith("def ")) return;
  const margin = indentation(lines[place]);
  let end = place + 1;
  while (end < lines.length && (!lines[end].trim() || indentation(lines[end]) > margin)) kept[end++] = true;
}

const indentation = (text) => text.length - text.trimStart().length;
