// Python in a worker of its own: starts Pyodide, then calls browser.py for the page.
// Messages in: {call, args, steps, matplotlib}. Messages out: {loading}, {started}, {lines},
// what browser.py posts ({expected}, {passed}), and at the end {done} or {failed}.

const FOLDER = new URL("../pyodide/", import.meta.url).href;
const STEPS = new URL("../steps/", import.meta.url).href;
const TESTS = ["check", "hint", "test"]; // what needs pytest
const BURST = 500; // lines that are sent one by one; later ones in bundles
const MOST = 5000; // lines that are sent
const PAUSE = 100; // milliseconds between bundles

let loaded = 0;
let total = 0;
let python; // what start() gives
let testing;

const post = (message) => self.postMessage(message);

self.onmessage = async ({ data }) => {
  try {
    python ??= start();
    const { pyodide, files } = await python;
    await fetchSteps(pyodide, data.steps);
    if (TESTS.includes(data.call)) await (testing ??= loadTesting(pyodide, files));
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
  const names = ["pyodide.asm.wasm", "pyodide.asm.mjs", "python_stdlib.zip", "project.zip"];
  count(files, [...names, ...files.running]);
  self.fetch = counted(self.fetch.bind(self), files);
  const project = fetch(`${FOLDER}project.zip`).then((response) => response.arrayBuffer());
  const { loadPyodide } = await import(`${FOLDER}pyodide.mjs`);
  const pyodide = await loadPyodide({
    indexURL: FOLDER,
    createPyodideModule: await unpackedModule("pyodide.asm.mjs"),
    packageBaseUrl: FOLDER,
  });
  await load(pyodide, files.running);
  pyodide.unpackArchive(await project, "zip", { extractDir: "/project" });
  pyodide.runPython('import sys; sys.path[:0] = ["/project", "/project/site/workbench"]');
  return { pyodide, files };
}

// Files to come, for the line that says how much is loaded.
function count(files, names) {
  for (const name of names) total += files.sizes[`${name}.packed`];
}

// A fetch that unpacks what the site has packed, and tells how much has come.
function counted(fetch, files) {
  return async (url, options) => {
    const isPacked = `${String(url).split("/").at(-1)}.packed` in files.sizes;
    const response = await fetch(isPacked ? `${url}.packed` : url, options);
    if (!response.ok || !response.body) return response;
    let body = response.body.pipeThrough(new TransformStream({ transform: tell }));
    if (isPacked) body = body.pipeThrough(new DecompressionStream("gzip"));
    const type = String(url).endsWith(".wasm") ? "application/wasm" : response.headers.get("Content-Type");
    return new Response(body, { headers: { "Content-Type": type ?? "" } });
  };
}

function tell(chunk, controller) {
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

async function load(pyodide, names) {
  const quiet = { messageCallback: () => {}, errorCallback: (text) => post({ lines: [{ text, kind: "err" }] }) };
  await pyodide.loadPackage(names.map((name) => FOLDER + name), quiet);
}

async function loadTesting(pyodide, files) {
  count(files, files.testing);
  await load(pyodide, files.testing);
}

async function loadMatplotlib(pyodide, files) {
  const { packages } = await (await fetch(`${FOLDER}pyodide-lock.json`)).json();
  const { numpy, ...others } = packages; // numpy is here
  await pyodide.loadPackage(Object.values(others).map(({ file_name }) => files.cdn + file_name));
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
