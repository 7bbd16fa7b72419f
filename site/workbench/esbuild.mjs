// Bundles src/ with esbuild: node esbuild.mjs SITE BUILD (BUILD names what is in the site).
// The editor is by far the largest, so it is packed for servers that compress nothing.
import { writeFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const [site, name] = process.argv.slice(2);
const common = { bundle: true, minify: true, format: "esm", target: "es2022", logLevel: "warning" };

await build({
  ...common,
  entryPoints: ["src/main.js", "src/worker.js", "src/workbench.css"],
  splitting: true,
  outdir: `${site}/_static/workbench`,
});
const { outputFiles } = await build({ ...common, entryPoints: ["src/editor.js"], write: false });
writeFileSync(`${site}/_static/workbench/editor.js.packed`, gzipSync(outputFiles[0].contents, { level: 9 }));
await build({
  ...common,
  entryPoints: ["src/sw.js"],
  define: { BUILD: JSON.stringify(name) },
  outfile: `${site}/sw.js`,
});
