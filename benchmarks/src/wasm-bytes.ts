// The module's bytes, from the installed package or, in a page, from beside the script.

export async function wasmBytes(): Promise<Uint8Array<ArrayBuffer>> {
  if (globalThis.process?.versions?.node === undefined)
    return new Uint8Array(await (await fetch("./conntrack.wasm")).arrayBuffer());
  const { readFile } = await import("node:fs/promises");
  return new Uint8Array(await readFile(new URL(import.meta.resolve("conntrack-wasm/conntrack.wasm"))));
}
