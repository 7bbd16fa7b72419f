// spike
const worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
window.log = [];
worker.onmessage = (e) => { window.log.push(e.data); };
worker.onerror = (e) => { window.log.push({failed: "onerror " + e.message}); };
window.call = (m) => worker.postMessage(m);
