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
    await Promise.race([navigator.serviceWorker?.ready, new Promise((f) => setTimeout(f, 1000))]);
    this.#worker ??= new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
    const worker = this.#worker;
    try {
      return await new Promise((resolve, reject) => {
        this.#reject = reject;
        worker.onmessage = ({ data }) => {
          if (data.done) resolve(data.done);
          else if (data.failed) reject(new Error(data.failed));
          else tell(data);
        };
        worker.onerror = (event) => reject(new Error(event.message || "the worker cannot be loaded"));
        worker.postMessage(message);
      });
    } catch (error) {
      this.#end(); // what failed may have left Python broken
      throw error;
    } finally {
      this.#reject = null;
    }
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

// A line on what is loading, and how much of it is here.
export function loadingLine({ loaded, total }) {
  const mb = (bytes) => (bytes / 1e6).toFixed(1);
  if (loaded >= total) return "Starting Python …";
  return `Loading Python, NumPy and the steps: ${mb(loaded)} of ${mb(total)} MB …`;
}
