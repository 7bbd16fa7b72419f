// Loads a module that the site has packed: the same size on a server that compresses nothing.

export async function importPacked(url) {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url} cannot be loaded.`);
  const source = await new Response(response.body.pipeThrough(new DecompressionStream("gzip"))).blob();
  const place = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
  try {
    return await import(place);
  } finally {
    URL.revokeObjectURL(place);
  }
}
