// Snapshots: everything an engine knows, as bytes. Only occupied slots are stored.
//
//   0          8         12         16             24
//   │ "CTWASM\0\0" │ version │ body bytes │ checksum u64 │ body …
//
// body: layout (6×u32), state block, counters, timeout policies, timer heads, heap, group tags, fragments, expectations, helpers (each bytes u32 first),
// then per occupied slot: number u32, conn, IPv6 addresses when it is IPv6, extension when it has one. Checksum: FNV-1a, 64 bits, over the body.
import * as abi from "@conntrack-wasm/core/abi";
import { ConntrackError } from "./error.js";
import type { Core } from "./instantiate.js";

export type Sizing = "power-of-two" | "exact" | "growing";
/** By the core's number. */
export const SIZINGS: readonly Sizing[] = ["power-of-two", "exact", "growing"];

export interface SnapshotLayout {
  readonly capacity: number;
  readonly sizing: Sizing;
  readonly inputSize: number;
  readonly profile: number;
  readonly trace: boolean;
  readonly listening: boolean;
}

const MAGIC = "CTWASM\0\0";
const HEADER = 24;
const LAYOUT_WORDS = 6;
const HEAP_ITEM = 16;

function checksum(bytes: Uint8Array): bigint {
  // two 32-bit halves of FNV-1a with different offsets: BigInt per byte would be a hundred times slower
  let a = 0x811c9dc5;
  let b = 0xcbf29ce4;
  for (const byte of bytes) {
    a = Math.imul(a ^ byte, 0x01000193);
    b = Math.imul(b ^ byte, 0x01000193) + 0x9e3779b9;
  }
  return (BigInt(a >>> 0) << 32n) | BigInt(b >>> 0);
}

/** The regions stored as they are, in order. */
function fixedRegions(core: Core): [at: number, size: number][] {
  return [
    [core.stateRegion() >>> 0, core.stateSize() >>> 0],
    [core.statsRegion() >>> 0, abi.STATS * 8],
    [core.policyRegion() >>> 0, (abi.POLICIES + 1) * abi.SETTINGS * 8],
    [core.headRegion() >>> 0, abi.TIMER_HEADS * 8],
    [core.groupRegion() >>> 0, (core.groupCount() >>> 0) * 16],
  ];
}

/** The regions of which only the beginning is in use, each stored behind its length. */
function growingRegions(core: Core) {
  const expectAt = core.expectRegion() >>> 0;
  const expectEnd = core.expectEventRegion() >>> 0;
  const helpAt = core.helpRegion() >>> 0;
  return [
    {
      what: "fragments",
      at: core.fragmentRegion() >>> 0,
      used: core.fragmentUsed() >>> 0,
      size: core.fragmentSize() >>> 0,
    },
    { what: "expectations", at: expectAt, used: core.expectUsed() >>> 0, size: expectEnd - expectAt },
    { what: "helpers", at: helpAt, used: core.helpUsed() >>> 0, size: core.memory.buffer.byteLength - helpAt },
  ];
}

// Size of the heap lies in the state block: behind hash and settings, 24 bytes into the timers.
const HEAP_SIZE_AT = 72 + abi.SETTINGS * 8 + 8 + 24;

function slotParts(core: Core, view: DataView, slot: number): [at: number, size: number][] {
  const conn = (core.connRegion() >>> 0) + slot * abi.CONN_SIZE;
  const parts: [number, number][] = [[conn, abi.CONN_SIZE]];
  if (view.getUint8(conn + 13) === abi.L3_IPV6) parts.push([(core.addr6Region() >>> 0) + slot * 32, 32]);
  if (view.getUint32(conn + abi.CONN_STATUS, true) & abi.STATUS_EXT) {
    parts.push([(core.extRegion() >>> 0) + slot * abi.EXT_SIZE, abi.EXT_SIZE]);
  }
  return parts;
}

function word(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return bytes;
}

export function writeSnapshot(core: Core, layout: SnapshotLayout): Uint8Array {
  core.saveState();
  const memory = new Uint8Array(core.memory.buffer);
  const view = new DataView(core.memory.buffer);
  const heapItems = view.getUint32((core.stateRegion() >>> 0) + HEAP_SIZE_AT, true);
  const parts: Uint8Array[] = [];
  const header = new Uint8Array(LAYOUT_WORDS * 4);
  const words = new DataView(header.buffer);
  // of a growing table the groups in use, never fewer than two
  const sizing = layout.sizing === "growing" ? core.groupCount() >>> 0 : SIZINGS.indexOf(layout.sizing);
  [layout.capacity, sizing, layout.inputSize, layout.profile, +layout.trace, +layout.listening].forEach((value, i) => {
    words.setUint32(i * 4, value, true);
  });
  parts.push(header);
  for (const [at, size] of fixedRegions(core)) parts.push(memory.subarray(at, at + size));
  const heap = core.heapRegion() >>> 0;
  parts.push(memory.subarray(heap, heap + heapItems * HEAP_ITEM));
  for (const { at, used } of growingRegions(core)) parts.push(word(used), memory.subarray(at, at + used));
  const groups = core.groupRegion() >>> 0;
  for (let group = 0; group < core.groupCount() >>> 0; group++) {
    for (let i = 0; i < 15; i++) {
      if (memory[groups + group * 16 + i] === 0) continue;
      const slot = group * 15 + i;
      parts.push(word(slot));
      for (const [at, size] of slotParts(core, view, slot)) parts.push(memory.subarray(at, at + size));
    }
  }
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const out = new Uint8Array(HEADER + length);
  let at = HEADER;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  for (let i = 0; i < 8; i++) out[i] = MAGIC.charCodeAt(i);
  const outView = new DataView(out.buffer);
  outView.setUint32(8, abi.ABI_VERSION, true);
  outView.setUint32(12, length, true);
  outView.setBigUint64(16, checksum(out.subarray(HEADER)), true);
  return out;
}

function bad(why: string): never {
  throw new ConntrackError("bad-snapshot", `not a usable snapshot: ${why}; take a new one with this version`);
}

/** Checks a snapshot; `load` fills a fresh engine of the same layout. */
export function readSnapshot(snapshot: Uint8Array): { layout: SnapshotLayout; load: (core: Core) => void } {
  const view = new DataView(snapshot.buffer, snapshot.byteOffset, snapshot.byteLength);
  if (snapshot.length < HEADER + LAYOUT_WORDS * 4) bad(`${snapshot.length} bytes are too few`);
  for (let i = 0; i < 8; i++) if (snapshot[i] !== MAGIC.charCodeAt(i)) bad("it does not begin with CTWASM");
  const version = view.getUint32(8, true);
  if (version !== abi.ABI_VERSION) bad(`version ${version}, this engine reads ${abi.ABI_VERSION}`);
  const body = snapshot.subarray(HEADER);
  if (view.getUint32(12, true) !== body.length) bad(`${body.length} bytes instead of ${view.getUint32(12, true)}`);
  if (view.getBigUint64(16, true) !== checksum(body)) bad("the checksum does not fit");
  const word = (i: number) => view.getUint32(HEADER + 4 * i, true);
  const layout = {
    capacity: word(0),
    sizing: SIZINGS[Math.min(word(1), SIZINGS.length - 1)] as Sizing,
    inputSize: word(2),
    profile: word(3),
    trace: word(4) !== 0,
    listening: word(5) !== 0,
  };
  const load = (core: Core) => {
    if (layout.sizing === "growing" && !core.setGroupCount(word(1))) bad(`${word(1)} groups`);
    fill(core, snapshot, HEADER + LAYOUT_WORDS * 4);
  };
  return { layout, load };
}

function fill(core: Core, snapshot: Uint8Array, from: number): void {
  const memory = new Uint8Array(core.memory.buffer);
  const view = new DataView(core.memory.buffer);
  let at = from;
  const take = (to: number, size: number) => {
    if (at + size > snapshot.length) bad("it ends too early");
    memory.set(snapshot.subarray(at, at + size), to);
    at += size;
  };
  for (const [to, size] of fixedRegions(core)) take(to, size);
  take(core.heapRegion() >>> 0, view.getUint32((core.stateRegion() >>> 0) + HEAP_SIZE_AT, true) * HEAP_ITEM);
  const numbers = new DataView(snapshot.buffer, snapshot.byteOffset, snapshot.byteLength);
  for (const region of growingRegions(core)) {
    if (at + 4 > snapshot.length) bad("it ends too early");
    const used = numbers.getUint32(at, true);
    if (used > region.size) bad(`${used} bytes of ${region.what}`);
    at += 4;
    take(region.at, used);
  }
  const slots = core.slotCount() >>> 0;
  while (at < snapshot.length) {
    const slot = numbers.getUint32(at, true);
    at += 4;
    if (slot >= slots) bad(`slot ${slot} of ${slots}`);
    take((core.connRegion() >>> 0) + slot * abi.CONN_SIZE, abi.CONN_SIZE);
    for (const [to, size] of slotParts(core, view, slot).slice(1)) take(to, size);
  }
  core.loadState();
}
