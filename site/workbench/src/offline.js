// Reading without a network: the service worker keeps what was loaded, or all of the site.

import { button, el } from "./dom.js";

const ROOT = new URL("../../", import.meta.url);

export async function keepForOffline() {
  if (!navigator.serviceWorker) return;
  try {
    await navigator.serviceWorker.register(new URL("sw.js", ROOT));
    const { active } = await navigator.serviceWorker.ready;
    const loaded = performance.getEntriesByType("resource").map((entry) => entry.name);
    const own = loaded.filter((url) => url.startsWith(location.origin));
    active.postMessage({ keep: [location.href.split("#")[0], ...own] });
  } catch {
    // A browser that forbids it reads and runs all the same, but not offline.
  }
}

// A button that loads all files of the site, for the service worker to keep them.
export async function offerWhole(element) {
  if (!navigator.serviceWorker) return;
  await navigator.serviceWorker.ready;
  const response = await fetch(new URL("_static/workbench/all.json", ROOT));
  const { files, size } = await response.json();
  const status = el("span", { className: "status", role: "status" });
  const words = `Keep the whole site for reading offline, ${Math.round(size / 1e6)} MB`;
  const start = button(words, async () => {
    start.disabled = true;
    try {
      for (const [i, file] of files.entries()) {
        await (await fetch(new URL(file, ROOT))).arrayBuffer();
        status.textContent = `${i + 1} of ${files.length} files`;
      }
      status.textContent = "All of it is kept in this browser.";
    } catch {
      status.textContent = "The network broke off. Press again to go on.";
      start.disabled = false;
    }
  });
  element.append(el("div", { className: "bar" }, start, status));
  element.hidden = false;
}
