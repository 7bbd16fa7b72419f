// The page's side of Python: starts the worker at the first call, and ends it.

export class Stopped extends Error {}

export class Python {
  #worker = null;
  #reject = null;

  get isBusy() {
    return this.#reject !== null;
  }

  // What browser.py answers; `tell` gets each message that comes before.
  async call(message, tell) {
    try {
      return await new Promise((resolve, reject) => {
        this.#reject = reject;
        offlineIsReady().then(() => this.#reject === reject && this.#send(message, tell, resolve));
      });
    } catch (error) {
      this.#end(); // what failed may have left Python broken
      throw error;
    } finally {
      this.#reject = null;
    }
  }

  #send(message, tell, resolve) {
    this.#worker ??= new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
    this.#worker.onmessage = ({ data }) => {
      if (data.done) resolve(data.done);
      else if (data.failed) this.#reject(new Error(data.failed));
      else tell(data);
    };
    this.#worker.onerror = (event) => this.#reject(new Error(event.message || "the worker cannot be loaded"));
    this.#worker.postMessage(message);
  }

  stop() {
    this.#reject?.(new Stopped("stopped"));
    this.#end();
  }

  #end() {
    this.#worker?.terminate();
    this.#worker = null;
  }
}

// Python's files are kept for offline if the service worker is there to see them.
function offlineIsReady() {
  return Promise.race([navigator.serviceWorker?.ready, new Promise((resolve) => setTimeout(resolve, 1000))]);
}

// A line on what is loading, and how much of it is here.
export function loadingLine({ loaded, total }) {
  const mb = (bytes) => (bytes / 1e6).toFixed(1);
  if (loaded >= total) return "Starting Python …";
  return `Loading Python, NumPy and the steps: ${mb(loaded)} of ${mb(total)} MB …`;
}
