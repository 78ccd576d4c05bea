// Getting the module running. The only file that knows @assemblyscript/loader.
import { instantiateSync } from "@assemblyscript/loader";
import { ConntrackError } from "./error.js";

/** The core's exports; numbers only. */
export interface Core {
  readonly memory: WebAssembly.Memory;
  create(
    capacity: number,
    sizing: number,
    inputSize: number,
    maxPackets: number,
    eventCapacity: number,
    fragmentsSize: number,
    programSize: number,
    seedLow: number,
    seedHigh: number,
  ): number;
  track(framing: number, link: number, length: number, start: number): number;
  consumedBytes(): number;
  stopReason(): number;
  advance(seconds: number, nanoseconds: number): number;
  setSetting(index: number, value: number): void;
  getSetting(index: number): number;
  setSwitches(trace: boolean, listen: boolean, profile: number): void;
  inputRegion(): number;
  resultRegion(): number;
  traceRegion(): number;
  eventRegion(): number;
  statsRegion(): number;
  groupRegion(): number;
  groupCount(): number;
  setGroupCount(groups: number): number;
  connRegion(): number;
  slotCount(): number;
  addr6Region(): number;
  extRegion(): number;
  headRegion(): number;
  heapRegion(): number;
  fragmentRegion(): number;
  fragmentUsed(): number;
  fragmentSize(): number;
  programRegion(): number;
  loadProgram(size: number): number;
  programFault(): number;
  programFaultAt(): number;
  ruleRegion(): number;
  traceRules(on: boolean): void;
  ruleTraceRegion(): number;
  ruleTraceLength(): number;
  ruleWay(): number;
  memoryTop(): number;
  entries(): number;
  idOf(serial: number): number;
  nowSeconds(): number;
  nowNanoseconds(): number;
  frames(): number;
  slotOfConn(conn: number): number;
  removeSlot(slot: number): number;
  setMark(slot: number, mark: number): void;
  setLabels(slot: number, w0: number, w1: number, w2: number, w3: number): void;
  setPolicyTimeout(policy: number, index: number, seconds: number): void;
  policyRegion(): number;
  setShard(index: number, count: number): void;
  ownResults(): number;
  placeRegion(): number;
  copies(): number;
  setFastPath(on: boolean): void;
  assignPort(l4proto: number, port: number, helper: number): number;
  expectRecordRegion(): number;
  expectRecords(): number;
  slotOfHelp(n: number): number;
  expectRegion(): number;
  expectUsed(): number;
  helpRegion(): number;
  helpUsed(): number;
  expectEventRegion(): number;
  expectEventCount(): number;
  eventCount(): number;
  dropEvents(): void;
  stateRegion(): number;
  stateSize(): number;
  saveState(): void;
  loadState(): void;
}

/** Where the module may come from: a URL, its bytes, a response under way, or compiled already. */
export type WasmSource = URL | string | BufferSource | WebAssembly.Module | Response | PromiseLike<Response>;

/** Of several engines: whether a packet opens a connection in the engine of `owner`; waits until that one knows. */
export type AskOwner = (index: number, frame: number, owner: number) => boolean;

const imports = (opens: AskOwner) => ({
  env: {
    opens: (index: number, frame: number, owner: number): boolean => opens(index >>> 0, frame >>> 0, owner >>> 0),
    abort(_message: number, file: number, line: number, column: number): never {
      throw new Error(`assertion failed in the core (file ${file >>> 0}, line ${line}, column ${column})`);
    },
  },
});

const nobody: AskOwner = () => {
  throw new Error("this engine is alone");
};

let shared: Promise<WebAssembly.Module> | undefined;

/** Compiles the module; the default one once per process. */
export function compile(source?: WasmSource): Promise<WebAssembly.Module> {
  if (source !== undefined) return compileFrom(source);
  shared ??= compileFrom(new URL("./conntrack.wasm", import.meta.url)).catch((error) => {
    shared = undefined;
    throw error;
  });
  return shared;
}

async function compileFrom(source: WasmSource): Promise<WebAssembly.Module> {
  try {
    if (source instanceof WebAssembly.Module) return source;
    if (source instanceof ArrayBuffer || ArrayBuffer.isView(source))
      return await WebAssembly.compile(source as BufferSource);
    if (typeof source === "string" || source instanceof URL) return await compileUrl(source);
    return await compileResponse(await source);
  } catch (error) {
    if (error instanceof ConntrackError) throw error;
    const name = source instanceof URL || typeof source === "string" ? ` from ${source}` : "";
    throw new ConntrackError(
      "no-wasm",
      `cannot load the engine${name}: ${(error as Error).message}; pass { wasm: bytes or module }`,
      {
        cause: error,
      },
    );
  }
}

async function compileUrl(source: URL | string): Promise<WebAssembly.Module> {
  const url = new URL(source, import.meta.url);
  if (url.protocol === "file:") {
    // a computed name keeps bundlers for the browser from following it
    const fs = "node:fs/promises";
    const { readFile } = (await import(/* @vite-ignore */ fs)) as typeof import("node:fs/promises");
    return WebAssembly.compile(await readFile(url));
  }
  return compileResponse(await fetch(url));
}

async function compileResponse(response: Response): Promise<WebAssembly.Module> {
  if (!response.ok) throw new Error(`HTTP status ${response.status}`);
  // streaming needs the media type; servers that do not know it still work
  if (response.headers.get("content-type")?.startsWith("application/wasm"))
    return WebAssembly.compileStreaming(response);
  return WebAssembly.compile(await response.arrayBuffer());
}

/** A fresh instance with its own memory. The plain exports: the loader's wrappers cost 10 ns a call. */
export function instantiate(module: WebAssembly.Module, opens: AskOwner = nobody): Core {
  const { instance } = instantiateSync<Record<string, unknown>>(module, imports(opens));
  return instance.exports as unknown as Core;
}
