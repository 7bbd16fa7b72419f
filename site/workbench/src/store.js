// What a reader writes, and how far they are, in the browser's own storage.

const name = (number, what) => `sixty-steps:${number}:${what}`;
const memory = new Map(); // what the browser has no place for

export function read(number, what) {
  if (memory.has(name(number, what))) return memory.get(name(number, what));
  try {
    return localStorage.getItem(name(number, what));
  } catch {
    return null;
  }
}

export function write(number, what, text) {
  const before = standing(number);
  try {
    if (text === null) localStorage.removeItem(name(number, what));
    else localStorage.setItem(name(number, what), text);
    memory.delete(name(number, what));
  } catch {
    memory.set(name(number, what), text);
  }
  if (standing(number) !== before) dispatchEvent(new Event("standing"));
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
