// A diff of two lists of lines: [mark, line] with the mark " ", "+" or "-".

export function diff(old, now) {
  let start = 0;
  while (start < old.length && start < now.length && old[start] === now[start]) start += 1;
  let end = 0;
  const most = Math.min(old.length, now.length) - start;
  while (end < most && old.at(-1 - end) === now.at(-1 - end)) end += 1;
  const kept = (lines) => lines.map((line) => [" ", line]);
  const middle = between(old.slice(start, old.length - end), now.slice(start, now.length - end));
  return [...kept(now.slice(0, start)), ...middle, ...kept(now.slice(now.length - end))];
}

// By the longest common subsequence; after Myers, the shortest edit first.
function between(old, now) {
  const reach = { 1: 0 };
  const steps = [];
  for (let d = 0; d <= old.length + now.length; d += 1) {
    steps.push({ ...reach });
    for (let k = -d; k <= d; k += 2) {
      let x = isDown(reach, k, d) ? reach[k + 1] : reach[k - 1] + 1;
      while (x < old.length && x - k < now.length && old[x] === now[x - k]) x += 1;
      reach[k] = x;
      if (x >= old.length && x - k >= now.length) return walkedBack(old, now, steps);
    }
  }
  return [];
}

const isDown = (reach, k, d) => k === -d || (k !== d && reach[k - 1] < reach[k + 1]);

function walkedBack(old, now, steps) {
  const found = [];
  let x = old.length;
  let y = now.length;
  for (let d = steps.length - 1; d >= 0; d -= 1) {
    const k = x - y;
    const before = isDown(steps[d], k, d) ? k + 1 : k - 1;
    const fromX = d ? steps[d][before] : 0;
    const fromY = d ? fromX - before : 0;
    while (x > fromX && y > fromY) {
      x -= 1;
      y -= 1;
      found.push([" ", old[x]]);
    }
    if (d && x === fromX) found.push(["+", now[(y -= 1)]]);
    else if (d) found.push(["-", old[(x -= 1)]]);
  }
  return found.reverse();
}

// The same with three lines around each change, and null for a gap.
export function short(rows, around = 3) {
  const near = rows.map((_, i) => rows.slice(Math.max(0, i - around), i + around + 1).some(([m]) => m !== " "));
  const found = [];
  rows.forEach((row, i) => {
    if (near[i]) found.push(row);
    else if (i > 0 && near[i - 1]) found.push(null);
  });
  if (found.at(-1) === null) found.pop();
  return found;
}
