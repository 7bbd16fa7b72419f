// Packs zips of Python by pack.py and gzip: node pack.mjs FOLDER ZIP…
import { readFileSync, writeFileSync } from "node:fs";
import { basename } from "node:path";
import { gzipSync } from "node:zlib";
import { loadPyodide } from "pyodide";

const [folder, ...paths] = process.argv.slice(2);
const pyodide = await loadPyodide();
pyodide.runPython(readFileSync("pack.py", "utf8"));
for (const path of paths) {
  pyodide.FS.writeFile("/old", new Uint8Array(readFileSync(path)));
  pyodide.runPython('open("/new", "wb").write(packed(open("/old", "rb").read()))');
  writeFileSync(`${folder}/${basename(path)}.packed`, gzipSync(pyodide.FS.readFile("/new"), { level: 9 }));
}
