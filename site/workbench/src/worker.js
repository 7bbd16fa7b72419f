// Python in a worker of its own: starts Pyodide, then calls browser.py for the page.
// Messages in: {call, args, steps}. Messages out: {loading}, {line}, {note}, {done}, {failed}.

const FOLDER = new URL("../pyodide/", import.meta.url).href;
const STEPS = new URL("../steps/", import.meta.url).href;
const TESTS = ["check", "hint", "test"]; // what needs pytest
const BURST = 500; // lines that are sent one by one; later ones in bundles
const MOST = 5000; // lines that are sent
const PAUSE = 100; // milliseconds between bundles

let loaded = 0;
let total = 0;
let python;

const post = (message) => self.postMessage(message);

self.onmessage = async ({ data }) => {
  try {
    python ??= start();
    const { pyodide, files } = await python;
    await fetchSteps(pyodide, data.steps);
    if (TESTS.includes(data.call)) await load(pyodide, files, files.testing);
    if (data.matplotlib) await loadMatplotlib(pyodide, files);
    post({ started: true });
    const print = printer();
    pyodide.setStdout({ batched: (text) => print(text, "out") });
    pyodide.setStderr({ batched: (text) => print(text, "err") });
    const answer = pyodide.pyimport("browser").answer(data.call, JSON.stringify(data.args), post_json);
    print.flush();
    post({ done: { ...JSON.parse(answer), cdn: files.cdn } });
  } catch (error) {
    post({ failed: String(error?.message ?? error) });
  }
};

const post_json = (text) => post(JSON.parse(text));

// Start

async function start() {
  const files = await (await fetch(`${FOLDER}files.json`)).json();
  const names = ["pyodide.asm.wasm.packed", "pyodide.asm.mjs.packed", "python_stdlib.zip", "project.zip"];
  for (const name of [...names, ...files.running]) total += files.sizes[name] ?? 0;
  self.fetch = counted(self.fetch.bind(self));
  const { loadPyodide } = await import(`${FOLDER}pyodide.mjs`);
  const pyodide = await loadPyodide({
    indexURL: FOLDER,
    createPyodideModule: await unpackedModule("pyodide.asm.mjs"),
    packageBaseUrl: FOLDER,
  });
  await load(pyodide, files, files.running);
  const project = await (await fetch(new URL("../project.zip", import.meta.url))).arrayBuffer();
  pyodide.unpackArchive(project, "zip", { extractDir: "/project" });
  pyodide.runPython('import sys; sys.path[:0] = ["/project", "/project/site/workbench"]');
  return { pyodide, files };
}

// A fetch that unpacks what the site has packed, and tells how much has come.
function counted(fetch) {
  return async (url, options) => {
    const isPacked = String(url).endsWith("/pyodide.asm.wasm") || String(url).endsWith("/pyodide.asm.mjs");
    const response = await fetch(isPacked ? `${url}.packed` : url, options);
    if (!response.ok || !response.body) return response;
    let body = response.body.pipeThrough(new TransformStream({ transform: count }));
    if (isPacked) body = body.pipeThrough(new DecompressionStream("gzip"));
    const type = String(url).endsWith(".wasm") ? "application/wasm" : response.headers.get("Content-Type");
    return new Response(body, { headers: { "Content-Type": type ?? "" } });
  };
}

function count(chunk, controller) {
  loaded += chunk.byteLength;
  post({ loading: { loaded, total: Math.max(total, loaded) } });
  controller.enqueue(chunk);
}

async function unpackedModule(name) {
  const source = await (await fetch(`${FOLDER}${name}`)).blob();
  const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
  const module = await import(url);
  URL.revokeObjectURL(url);
  return module.default;
}

async function load(pyodide, files, names) {
  const missing = names.filter((name) => !load.done.has(name));
  for (const name of missing) load.done.add(name);
  if (names === files.testing) for (const name of missing) total += files.sizes[name];
  if (missing.length) await pyodide.loadPackage(missing.map((name) => FOLDER + name), quiet);
}
load.done = new Set();
const quiet = { messageCallback: () => {}, errorCallback: (text) => post({ line: text, kind: "err" }) };

async function loadMatplotlib(pyodide, files) {
  const lock = await (await fetch(`${FOLDER}pyodide-lock.json`)).json();
  const wanted = new Set();
  const add = (name) => {
    if (name === "numpy" || wanted.has(name)) return;
    wanted.add(name);
    lock.packages[name].depends.forEach(add);
  };
  add("matplotlib");
  const urls = [...wanted].map((name) => files.cdn + lock.packages[name].file_name);
  await pyodide.loadPackage(urls, quiet);
}

async function fetchSteps(pyodide, numbers) {
  for (const number of numbers) {
    const name = `step${String(number).padStart(2, "0")}.py`;
    const path = `/project/steps/${name}`;
    if (pyodide.FS.analyzePath(path).exists) continue;
    pyodide.FS.mkdirTree("/project/steps");
    pyodide.FS.writeFile(path, await (await fetch(STEPS + name)).text());
  }
}

// Lines go to the page as they are printed; a flood of them in bundles, up to MOST.
function printer() {
  let sent = 0;
  let held = [];
  let more = 0;
  let last = 0;
  const print = (text, kind) => {
    if (sent + held.length < MOST) held.push({ text, kind });
    else more += 1;
    if (sent < BURST || performance.now() - last > PAUSE) print.flush();
  };
  print.flush = () => {
    if (held.length || more) post({ lines: held, more });
    sent += held.length;
    held = [];
    last = performance.now();
  };
  return print;
}
