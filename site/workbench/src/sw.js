// The service worker: keeps what was loaded once, so that a page works offline.
// A new build has another name in BUILD, and takes the place of what an old one kept.

const KEPT = `sixty-steps-${BUILD}`;

self.addEventListener("install", () => self.skipWaiting());

self.addEventListener("activate", (event) => {
  event.waitUntil(dropOthers().then(() => self.clients.claim()));
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method !== "GET" || !request.url.startsWith(self.registration.scope)) return;
  event.respondWith(request.url.includes("/_static/") ? kept(request) : fresh(request));
});

// A page tells what it had loaded before this worker was there.
self.addEventListener("message", (event) => {
  event.waitUntil(keepAll(event.data.keep));
});

async function dropOthers() {
  for (const name of await caches.keys()) {
    if (name.startsWith("sixty-steps-") && name !== KEPT) await caches.delete(name);
  }
}

// What is in _static belongs to the build: it is taken from what is kept.
async function kept(request) {
  const cache = await caches.open(KEPT);
  const found = await cache.match(request, { ignoreSearch: true });
  return found ?? save(cache, request, await fetch(request));
}

// A page comes from the network, and from what is kept where there is none.
async function fresh(request) {
  const cache = await caches.open(KEPT);
  try {
    return await save(cache, request, await fetch(request));
  } catch (error) {
    const found = await cache.match(request, { ignoreSearch: true });
    if (found) return found;
    throw error;
  }
}

async function save(cache, request, response) {
  if (response.status === 200 && response.type === "basic") {
    await cache.put(request, response.clone());
  }
  return response;
}

async function keepAll(urls) {
  const cache = await caches.open(KEPT);
  for (const url of urls) {
    const isKept = await cache.match(url, { ignoreSearch: true });
    if (!isKept) await cache.add(url).catch(() => {});
  }
}
