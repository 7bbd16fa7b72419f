// Starts the service worker, and tells it what this page has loaded without it.

export async function keepForOffline() {
  if (!navigator.serviceWorker) return;
  try {
    await navigator.serviceWorker.register(new URL("../../sw.js", import.meta.url));
    const { active } = await navigator.serviceWorker.ready;
    const loaded = performance.getEntriesByType("resource").map((entry) => entry.name);
    const own = loaded.filter((url) => url.startsWith(location.origin));
    active.postMessage({ keep: [location.href.split("#")[0], ...own] });
  } catch {
    // A browser that forbids it reads and runs all the same, but not offline.
  }
}
