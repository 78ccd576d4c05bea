// The module's bytes: the build puts it beside the script.

const FILE = new URL("./conntrack.wasm", import.meta.url);

export async function wasmBytes(): Promise<Uint8Array<ArrayBuffer>> {
  if (FILE.protocol !== "file:") return new Uint8Array(await (await fetch(FILE)).arrayBuffer());
  const { readFile } = await import("node:fs/promises");
  return new Uint8Array(await readFile(FILE));
}
