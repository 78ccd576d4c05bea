// Conn: one tracked connection, 128 bytes in two cache lines, in a fixed pool; the slot in the table is its index.
//
//   0       4       8       10      12        13      14     16       20
//   │ addrA │ addrB │ portA │ portB │ l4proto │ l3num │ zone │ status │ serial │    key: the first 16 bytes
//   24      25          26        27        28        30        32        48        64
//   │ state │ lastIndex │ lastDir │ retrans │ scale×2 │ flags×2 │ side[0] │ side[1] │
//   64        68        72        76        78          79          80         88      92     96     100
//   │ lastSeq │ lastAck │ lastEnd │ lastWin │ lastScale │ lastFlags │ deadline │ filed │ next │ prev │ mark │
//   104           116           128
//   │ counters[0] │ counters[1] │
//
// addrA, addrB    IPv4 addresses as they lie in the packet; IPv6: 64 bits of hash, the addresses are in their pool
// portA, portB    ports as they lie in the packet; ICMP: id, type and code of the request; GRE: keys; others 0
//                 A and B are the smaller and the larger side (canonical); ICMP: the asking and the asked side
// status          IPS_* bits, and STATUS_SWAPPED when the original direction runs from B to A
// serial          number in order of creation, from 1; 0 never
// state…flags     TCP (spec §3.1), SCTP: state, lastDir, flags; others unused
// side            TCP: end, maxEnd, maxWin, maxAck of the data sent in that direction. UDP: side[0] begins with the
//                 time after which the flow is a stream, u64. SCTP: vtag per direction. GRE: both timeouts, seconds
// deadline        absolute, ns since the epoch; the entry is gone when the packet clock reaches it
// filed           low 32 bits of the timer tick it is filed under; never later than its deadline's
// next, prev      neighbours in its timer list, slots or list heads; NIL while it is in the due heap
// counters        bytes u64 (top 16 bits extend packets), packets u32
import {
  CONN_COUNTERS, CONN_DEADLINE, CONN_MARK, CONN_SERIAL, CONN_SIZE, CONN_STATE, CONN_STATUS, EXT_SIZE, STATUS_ACCT,
  STATUS_EXT,
} from "./abi";
import { clear64, copy32, copy64 } from "./bytes";
import { ADDR6, CONNS, EXTS } from "./memory-map";

/** No slot. */
export const NIL: u32 = 0xffffffff;

@unmanaged
export class Conn {
  key0: u64;
  portA: u16;
  portB: u16;
  l4proto: u8;
  l3num: u8;
  zone: u16;
  status: u32;
  serial: u32;
  state: u8;
  lastIndex: u8;
  lastDir: u8;
  retrans: u8;
  scales: u16;
  flags: u16;
  sides0: u64;
  sides1: u64;
  sides2: u64;
  sides3: u64;
  lastSeq: u32;
  lastAck: u32;
  lastEnd: u32;
  lastWin: u16;
  lastScale: u8;
  lastFlags: u8;
  deadline: u64;
  filed: u32;
  next: u32;
  prev: u32;
  mark: u32;
  counterWords: u64;
  counterWords1: u64;
  counterWords2: u64;

  // @ts-ignore: decorator
  @inline
  get key1(): u64 {
    return load<u64>(changetype<usize>(this), 8);
  }
  // @ts-ignore: decorator
  @inline
  has(bits: u32): bool {
    return (this.status & bits) != 0;
  }
}

/** What one direction of a TCP connection has sent and may send. */
@unmanaged
export class Side {
  end: u32;
  maxEnd: u32;
  maxWin: u32;
  maxAck: u32;
}

// Ext: what few connections need, 64 bytes in a parallel pool; valid when STATUS_EXT is set.
//
//   0      2            4              8        9          10         12              14           16
//   │ help │ masterHelp │ masterSerial │ helper │ zoneDirs │ children │ pendingEvents │ eventMask  │
//   16           20           24               32      40          56       57             60          64
//   │ firstFrame │ stateFrame │ lastFrame ×2   │ start │ labels 16 │ policy │ masterHelper │ announced │
//
// help          its record in the pool of help.ts, masterHelp that of the conn that announced it; 0 none. A master may
//               be gone and its record another's: masterSerial tells
// masterHelper  helper of the master, which outlives it here
// announced     packet that announced it
// eventMask     what a rule of the table raw chose of its events, EVENT_* and EVENTS_* (filter/numbers.ts); 0: nobody did
@unmanaged
export class Ext {
  help: u16;
  masterHelp: u16;
  masterSerial: u32;
  helper: u8;
  zoneDirs: u8; // 0 both, 1 original only, 2 reply only
  children: u16;
  pendingEvents: u16;
  eventMask: u16;
  firstFrame: u32;
  stateFrame: u32;
  lastFrame0: u32;
  lastFrame1: u32;
  start: u64;
  labels0: u64;
  labels1: u64;
  policy: u8;
  masterHelper: u8;
  spare: u16;
  announced: u32;
}

if (offsetof<Conn>() != CONN_SIZE) ERROR("abi.ts: CONN_SIZE");
if (offsetof<Conn>("status") != CONN_STATUS) ERROR("abi.ts: CONN_STATUS");
if (offsetof<Conn>("serial") != CONN_SERIAL) ERROR("abi.ts: CONN_SERIAL");
if (offsetof<Conn>("state") != CONN_STATE) ERROR("abi.ts: CONN_STATE");
if (offsetof<Conn>("deadline") != CONN_DEADLINE) ERROR("abi.ts: CONN_DEADLINE");
if (offsetof<Conn>("mark") != CONN_MARK) ERROR("abi.ts: CONN_MARK");
if (offsetof<Conn>("counterWords") != CONN_COUNTERS) ERROR("abi.ts: CONN_COUNTERS");
if (offsetof<Ext>() != EXT_SIZE) ERROR("abi.ts: EXT_SIZE");

// @ts-ignore: decorator
@inline
export function connAt(slot: u32): Conn {
  return changetype<Conn>(CONNS + (<usize>slot << 7));
}

// @ts-ignore: decorator
@inline
export function slotOf(c: Conn): u32 {
  return <u32>((changetype<usize>(c) - CONNS) >> 7);
}

/** The 32 bytes of IPv6 addresses of a slot: side A, then side B. */
// @ts-ignore: decorator
@inline
export function addr6At(slot: u32): usize {
  return ADDR6 + (<usize>slot << 5);
}

/** The same of a conn. */
// @ts-ignore: decorator
@inline
export function addr6Of(c: Conn): usize {
  return ADDR6 + ((changetype<usize>(c) - CONNS) >> 2);
}

// @ts-ignore: decorator
@inline
export function sideOf(c: Conn, dir: u32): Side {
  return changetype<Side>(changetype<usize>(c) + 32 + (<usize>dir << 4));
}

// @ts-ignore: decorator
@inline
export function scaleOf(c: Conn, dir: u32): u32 {
  return load<u8>(changetype<usize>(c) + dir, 28);
}

// @ts-ignore: decorator
@inline
export function setScale(c: Conn, dir: u32, scale: u32): void {
  store<u8>(changetype<usize>(c) + dir, <u8>scale, 28);
}

// @ts-ignore: decorator
@inline
export function flagsOf(c: Conn, dir: u32): u32 {
  return load<u8>(changetype<usize>(c) + dir, 30);
}

// @ts-ignore: decorator
@inline
export function setFlags(c: Conn, dir: u32, flags: u32): void {
  store<u8>(changetype<usize>(c) + dir, <u8>flags, 30);
}

/** 1 when the original direction runs from B to A. */
// @ts-ignore: decorator
@inline
export function orientation(c: Conn): u32 {
  return (c.status >> 16) & 1;
}

/** Source address of a direction's tuple, 4 or 16 bytes in network order. */
// @ts-ignore: decorator
@inline
export function sourceOf(c: Conn, dir: u32): usize {
  const side = orientation(c) ^ dir;
  return c.l3num == 10 ? addr6At(slotOf(c)) + (<usize>side << 4) : changetype<usize>(c) + (<usize>side << 2);
}

// @ts-ignore: decorator
@inline
export function destinationOf(c: Conn, dir: u32): usize {
  return sourceOf(c, 1 - dir);
}

/** Source port or key of a direction's tuple, host order. */
// @ts-ignore: decorator
@inline
export function sourcePort(c: Conn, dir: u32): u32 {
  const side = orientation(c) ^ dir;
  return <u32>bswap<u16>(load<u16>(changetype<usize>(c) + (<usize>side << 1), 8));
}

// @ts-ignore: decorator
@inline
export function destinationPort(c: Conn, dir: u32): u32 {
  return sourcePort(c, 1 - dir);
}

/** Where the extension record of a slot is, valid or not. */
// @ts-ignore: decorator
@inline
export function extAt(slot: u32): usize {
  return EXTS + (<usize>slot << 6);
}

function beginExt(c: Conn, at: usize): void {
  clear64(at);
  c.status |= STATUS_EXT;
}

/** The extension record of a conn, made on first use. */
export function extOf(c: Conn): Ext {
  const at = extAt(slotOf(c));
  if (!c.has(STATUS_EXT)) beginExt(c, at);
  return changetype<Ext>(at);
}

/** Adds one packet to the counters of a direction, if the conn has them. */
// @ts-ignore: decorator
@inline
export function count(c: Conn, dir: u32, bytes: u32): void {
  if (c.has(STATUS_ACCT)) addToCounters(c, dir, bytes);
}

// @ts-ignore: decorator
@inline
export function addToCounters(c: Conn, dir: u32, bytes: u32): void {
  const at = changetype<usize>(c) + CONN_COUNTERS + dir * 12;
  const packets = load<u32>(at, 8) + 1;
  store<u32>(at, packets, 8);
  // 2^48 bytes and 2^48 packets per direction fit; a carry of packets goes to the top of the byte word
  store<u64>(at, load<u64>(at) + <u64>bytes + (<u64>(packets == 0) << 48));
}

/** Copies a conn with its addresses and extension into another slot. */
export function copyConn(to: u32, from: u32): void {
  copy64(CONNS + (<usize>to << 7), CONNS + (<usize>from << 7));
  copy64(CONNS + (<usize>to << 7) + 64, CONNS + (<usize>from << 7) + 64);
  const c = connAt(from);
  if (c.l3num == 10) copy32(addr6At(to), addr6At(from));
  if (c.has(STATUS_EXT)) copy64(extAt(to), extAt(from));
}
