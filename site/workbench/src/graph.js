// Draws a graph, given in the DOT language, as SVG.

import { instance } from "@viz-js/viz";

const viz = instance();

export async function draw(dot) {
  return (await viz).renderString(dot, { format: "svg" });
}
