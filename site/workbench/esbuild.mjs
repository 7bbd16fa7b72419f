// Bundles src/ with esbuild: node esbuild.mjs SITE BUILD (BUILD names what is in the site).
import { build } from "esbuild";

const [site, name] = process.argv.slice(2);
const common = { bundle: true, minify: true, format: "esm", target: "es2022", logLevel: "warning" };

await build({
  ...common,
  entryPoints: ["src/main.js", "src/worker.js", "src/workbench.css"],
  splitting: true,
  outdir: `${site}/_static/workbench`,
});
await build({
  ...common,
  entryPoints: ["src/sw.js"],
  define: { BUILD: JSON.stringify(name) },
  outfile: `${site}/sw.js`,
});
