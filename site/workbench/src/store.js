// What a reader writes, and how far they are, in the browser's own storage.

const name = (number, what) => `sixty-steps:${number}:${what}`;
const memory = new Map(); // where the browser keeps nothing

export function read(number, what) {
  try {
    return localStorage.getItem(name(number, what));
  } catch {
    return memory.get(name(number, what)) ?? null;
  }
}

export function write(number, what, text) {
  try {
    if (text === null) localStorage.removeItem(name(number, what));
    else localStorage.setItem(name(number, what), text);
  } catch {
    memory.set(name(number, what), text);
  }
}

// "passes", "begun" or "" for a step that the reader writes.
export function standing(number) {
  if (read(number, "passes")) return "passes";
  return read(number, "mine") === null ? "" : "begun";
}

// Calls f(text) when another tab has written this.
export function onChange(number, what, f) {
  addEventListener("storage", (event) => {
    if (event.key === name(number, what) && event.newValue !== null) f(event.newValue);
  });
}
