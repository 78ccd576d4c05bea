// What the JavaScript contenders share, so that they differ only in how they find a connection: decoding, a pool of
// records in one typed array, and a simplified TCP (states, window, scale; no SACK, no retransmissions, no reasons).
//
//   record, 32 words (128 bytes)
//     0  1  2  3  │ last words of address A and B, ports, protocol: the key of IPv4, and the end of that of IPv6
//     4 … 9       │ the first three words of address A, then of B
//     10 state  11 flags  12 deadline  13 seen
//     16 … 19, 20 … 23   one side of TCP each: end, maxEnd, maxWin, scale
//     24 … 31            as doubles: packets and bytes of each direction
import { ACK, FIN, ICMP, ICMPV6, RECORD_HEADER, RST, SYN, TCP, UDP } from "../packets.js";
import { STATE_ESTABLISHED, STATE_INVALID, STATE_NEW } from "../tool.js";

export const WORDS = 32;
export const STATE = 10;
const FLAGS = 11;
const DEADLINE = 12;
const SIDE = 16;
const COUNTERS = 12; // of doubles
const END = 0;
const MAX_END = 1;
const MAX_WIN = 2;
const SCALE = 3;

/** Bits of FLAGS. */
const SWAPPED = 1;
const SEEN_REPLY = 2;
const ASSURED = 4;

const NONE = 0;
const SYN_SENT = 1;
const SYN_RECV = 2;
const OPEN = 3;
const FIN_WAIT = 4;
const CLOSE_WAIT = 5;
const LAST_ACK = 6;
const TIME_WAIT = 7;
const CLOSE = 8;
/** Seconds, in the order of the states. */
const TIMEOUTS = [0, 120, 60, 432000, 120, 60, 30, 120, 10];
const UDP_TIMEOUT = 30;
const UDP_STREAM_TIMEOUT = 120;
const ICMP_TIMEOUT = 30;

/** Decodes one record after the other; what it found stays in its fields until the next. */
export class Decoder {
  bytes: Uint8Array = new Uint8Array(0);
  #view: DataView = new DataView(this.bytes.buffer);
  #at = 0;
  second = 0;
  v6 = false;
  protocol = 0;
  /** Canonical: A is the smaller side. 1 when the packet runs from B to A. */
  swapped = 0;
  a = 0;
  b = 0;
  ports = 0;
  /** Offsets of the addresses of A and B. */
  atA = 0;
  atB = 0;
  transport = 0;
  length = 0;
  payload = 0;
  /** An echo reply or the like, which opens nothing. */
  answer = false;

  begin(records: Uint8Array): void {
    if (this.bytes.buffer !== records.buffer) this.#view = new DataView(records.buffer);
    this.bytes = records;
    this.#at = records.byteOffset;
  }

  /** Of the last words of the addresses, the ports and the protocol. */
  hash(): number {
    return hashWords(this.a, this.b, this.ports, (this.v6 ? 256 : 0) | this.protocol);
  }

  u16(at: number): number {
    return this.#view.getUint16(at);
  }
  u32(at: number): number {
    return this.#view.getInt32(at);
  }

  /** Decodes the next record; false when it has no tuple. */
  next(): boolean {
    const view = this.#view;
    const at = this.#at;
    const captured = view.getUint32(at + 8, true);
    this.second = view.getUint32(at, true);
    this.#at = at + RECORD_HEADER + captured;
    const ip = at + RECORD_HEADER + 14;
    if (captured < 42) return false;
    const type = view.getUint16(ip - 2);
    if (type === 0x0800) return this.#ip4(view, ip, this.#at);
    return type === 0x86dd && this.#ip6(view, ip, this.#at);
  }

  #ip4(view: DataView, ip: number, end: number): boolean {
    const first = view.getUint32(ip);
    const header = ((first >>> 24) & 15) << 2;
    if (first >>> 28 !== 4 || (view.getUint16(ip + 6) & 0x3fff) !== 0) return false;
    this.v6 = false;
    this.length = first & 0xffff;
    this.protocol = view.getUint8(ip + 9);
    return this.#tuple(view, ip + 12, ip + 16, ip + header, this.length - header, end, 0);
  }

  #ip6(view: DataView, ip: number, end: number): boolean {
    if (end < ip + 48) return false;
    this.v6 = true;
    const length = view.getUint16(ip + 4);
    this.length = 40 + length;
    this.protocol = view.getUint8(ip + 6);
    return this.#tuple(view, ip + 8, ip + 24, ip + 40, length, end, 12);
  }

  // `last` is the offset of an address's last word.
  #tuple(
    view: DataView,
    src: number,
    dst: number,
    transport: number,
    length: number,
    end: number,
    last: number,
  ): boolean {
    this.transport = transport;
    this.answer = false;
    let sport: number;
    let dport: number;
    if (this.protocol === TCP) {
      if (end < transport + 20) return false;
      sport = view.getUint16(transport);
      dport = view.getUint16(transport + 2);
      this.payload = length - ((view.getUint8(transport + 12) >> 4) << 2);
    } else if (this.protocol === UDP) {
      sport = view.getUint16(transport);
      dport = view.getUint16(transport + 2);
    } else if (this.protocol === ICMP || this.protocol === ICMPV6) {
      const icmp = view.getUint8(transport);
      this.answer = icmp === 0 || icmp === 129;
      if (!this.answer && icmp !== 8 && icmp !== 128) return false;
      sport = view.getUint16(transport + 4);
      dport = sport;
    } else return false;
    const from = view.getInt32(src + last);
    const to = view.getInt32(dst + last);
    if (from < to || (from === to && sport <= dport)) {
      this.swapped = 0;
      this.a = from;
      this.b = to;
      this.atA = src;
      this.atB = dst;
      this.ports = (sport << 16) | dport;
    } else {
      this.swapped = 1;
      this.a = to;
      this.b = from;
      this.atA = dst;
      this.atB = src;
      this.ports = (dport << 16) | sport;
    }
    return true;
  }
}

// Mixes the four words of a key (the rounds of MurmurHash3).
function hashWords(a: number, b: number, ports: number, protocol: number): number {
  let h = round(round(round(a ^ protocol, a), b), ports);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}

function round(h: number, word: number): number {
  const k = Math.imul(word, 0xcc9e2d51);
  const mixed = h ^ Math.imul((k << 15) | (k >>> 17), 0x1b873593);
  return (Math.imul((mixed << 13) | (mixed >>> 19), 5) + 0xe6546b64) | 0;
}

/** The records of all connections, and what a packet does to one. */
export class Pool {
  readonly words: Int32Array;
  readonly #doubles: Float64Array;
  readonly capacity: number;
  readonly #free: Int32Array;
  #freeCount: number;
  #hand = 0;

  constructor(capacity: number) {
    this.capacity = capacity;
    const buffer = new ArrayBuffer(capacity * WORDS * 4);
    this.words = new Int32Array(buffer);
    this.#doubles = new Float64Array(buffer);
    this.#free = new Int32Array(capacity);
    this.#freeCount = 0;
    this.reset();
  }

  reset(): void {
    this.#freeCount = this.capacity;
    for (let i = 0; i < this.capacity; i++) {
      this.#free[i] = this.capacity - 1 - i;
      this.words[i * WORDS + FLAGS] = 0;
      this.words[i * WORDS + DEADLINE] = 0;
    }
  }

  get entries(): number {
    return this.capacity - this.#freeCount;
  }

  /** A free slot, or -1: evict first. */
  alloc(): number {
    return this.#freeCount > 0 ? (this.#free[--this.#freeCount] as number) : -1;
  }

  free(slot: number): void {
    this.words[slot * WORDS + DEADLINE] = 0;
    this.#free[this.#freeCount++] = slot;
  }

  /** The next slot in turn whose connection may make room: one that is not assured; -1 when all are. */
  victim(): number {
    for (let k = 0; k < this.capacity; k++) {
      const slot = this.#hand;
      this.#hand = slot + 1 === this.capacity ? 0 : slot + 1;
      if (((this.words[slot * WORDS + FLAGS] as number) & ASSURED) === 0) return slot;
    }
    return -1;
  }

  isDue(slot: number, second: number): boolean {
    const deadline = this.words[slot * WORDS + DEADLINE] as number;
    return deadline !== 0 && deadline <= second;
  }

  /** Begins a record: its key, nothing seen yet. */
  begin(slot: number, p: Decoder): void {
    const { words } = this;
    const r = slot * WORDS;
    words.fill(0, r + STATE, r + WORDS);
    words[r] = p.a;
    words[r + 1] = p.b;
    words[r + 2] = p.ports;
    words[r + 3] = (p.v6 ? 256 : 0) | p.protocol;
    if (p.v6) {
      for (let i = 0; i < 3; i++) {
        words[r + 4 + i] = p.u32(p.atA + 4 * i);
        words[r + 7 + i] = p.u32(p.atB + 4 * i);
      }
    }
    words[r + FLAGS] = p.swapped ? SWAPPED : 0;
  }

  /** The hash of a record's key, as of the packet it came from. */
  hashAt(slot: number): number {
    const r = slot * WORDS;
    const { words } = this;
    return hashWords(words[r] as number, words[r + 1] as number, words[r + 2] as number, words[r + 3] as number);
  }

  /** True when the record has the key of the packet. */
  isOf(slot: number, p: Decoder): boolean {
    const { words } = this;
    const r = slot * WORDS;
    if (words[r] !== p.a || words[r + 1] !== p.b || words[r + 2] !== p.ports) return false;
    if (words[r + 3] !== ((p.v6 ? 256 : 0) | p.protocol)) return false;
    if (!p.v6) return true;
    for (let i = 0; i < 3; i++) {
      if (words[r + 4 + i] !== p.u32(p.atA + 4 * i) || words[r + 7 + i] !== p.u32(p.atB + 4 * i)) return false;
    }
    return true;
  }

  /** Tracks a packet on its connection and returns its state. */
  track(slot: number, p: Decoder): number {
    const { words } = this;
    const r = slot * WORDS;
    const flags = words[r + FLAGS] as number;
    const reply = (flags & SWAPPED) ^ p.swapped;
    const state = reply || flags & SEEN_REPLY ? STATE_ESTABLISHED : STATE_NEW;
    if (p.protocol === TCP) {
      if (!this.#tcp(r, reply, p)) return STATE_INVALID;
    } else if (p.protocol === UDP) {
      words[r + DEADLINE] = p.second + (flags & SEEN_REPLY ? UDP_STREAM_TIMEOUT : UDP_TIMEOUT);
      if (flags & SEEN_REPLY) words[r + FLAGS] = flags | ASSURED;
    } else words[r + DEADLINE] = p.second + ICMP_TIMEOUT;
    if (reply) words[r + FLAGS] = (words[r + FLAGS] as number) | SEEN_REPLY;
    const counter = (slot * WORDS) / 2 + COUNTERS + 2 * reply;
    const doubles = this.#doubles;
    doubles[counter] = (doubles[counter] as number) + 1;
    doubles[counter + 1] = (doubles[counter + 1] as number) + p.length;
    return state;
  }

  #tcp(r: number, reply: number, p: Decoder): boolean {
    const { words } = this;
    const t = p.transport;
    const flags = p.u16(t + 12) & 0x3f;
    const old = words[r + STATE] as number;
    const next = nextState(old, flags, reply);
    if (next < 0) return false;
    const s = r + SIDE + 4 * reply;
    const o = r + SIDE + 4 - 4 * reply;
    const seq = p.u32(t + 4);
    const ack = flags & ACK ? p.u32(t + 8) : (words[o + END] as number);
    const syn = flags & SYN;
    const end = (seq + p.payload + (syn ? 1 : 0) + (flags & FIN ? 1 : 0)) | 0;
    const window = p.u16(t + 14);
    if (syn && (words[s + MAX_WIN] === 0 || old <= SYN_RECV)) {
      words[s + END] = end;
      words[s + MAX_END] = end;
      words[s + MAX_WIN] = window || 1;
      words[s + SCALE] = scaleOf(p);
      if (reply && (words[s + SCALE] === 0 || words[o + SCALE] === 0)) {
        words[s + SCALE] = 0;
        words[o + SCALE] = 0;
      }
    } else {
      const maxEnd = words[s + MAX_END] as number;
      const otherEnd = words[o + END] as number;
      const otherWin = words[o + MAX_WIN] as number;
      const acks = Math.max(words[s + MAX_WIN] as number, 66000);
      if (
        (seq - maxEnd) >> 0 > 0 ||
        (end - (words[s + END] as number) + otherWin) >> 0 < 0 ||
        (ack - otherEnd) >> 0 > 0 ||
        (ack - otherEnd + acks) >> 0 < 0
      )
        return false;
      const scaled = syn ? window : window << (words[s + SCALE] as number);
      if (scaled > (words[s + MAX_WIN] as number)) words[s + MAX_WIN] = scaled;
      if ((end - (words[s + END] as number)) >> 0 > 0) words[s + END] = end;
      if ((end - maxEnd) >> 0 > 0) words[o + MAX_WIN] = otherWin + ((end - maxEnd) >> 0);
      if ((ack + scaled - (words[o + MAX_END] as number)) >> 0 > 0) words[o + MAX_END] = (ack + (scaled || 1)) | 0;
    }
    if (reply && words[o + MAX_END] === words[o + END]) words[o + MAX_END] = (ack + window) | 0;
    words[r + STATE] = next;
    if (next === OPEN && old === SYN_RECV) words[r + FLAGS] = (words[r + FLAGS] as number) | ASSURED;
    words[r + DEADLINE] = p.second + (TIMEOUTS[next] as number);
    return true;
  }
}

// The next state, or -1 when the packet has no place in this one.
function nextState(state: number, flags: number, reply: number): number {
  if (flags & RST) return state === NONE ? -1 : CLOSE;
  if (flags & SYN) {
    if (flags & ACK) return !reply ? -1 : state === SYN_SENT || state === SYN_RECV ? SYN_RECV : state;
    if (reply) return -1;
    return state === NONE || state === TIME_WAIT || state === CLOSE ? SYN_SENT : state;
  }
  if (flags & FIN) {
    if (state === NONE || state === SYN_SENT) return -1;
    return state <= OPEN ? FIN_WAIT : state === FIN_WAIT || state === CLOSE_WAIT ? LAST_ACK : state;
  }
  if ((flags & ACK) === 0) return -1;
  switch (state) {
    case NONE:
    case SYN_RECV:
      return OPEN;
    case FIN_WAIT:
      return CLOSE_WAIT;
    case LAST_ACK:
      return TIME_WAIT;
    default:
      return state;
  }
}

function scaleOf(p: Decoder): number {
  const { bytes } = p;
  const base = p.transport - bytes.byteOffset;
  const end = base + (((bytes[base + 12] as number) >> 4) << 2);
  for (let at = base + 20; at < end; ) {
    const kind = bytes[at] as number;
    if (kind === 0) break;
    if (kind === 1) {
      at++;
      continue;
    }
    if (kind === 3) return Math.min(bytes[at + 2] as number, 14);
    const size = bytes[at + 1] as number;
    if (size < 2) break;
    at += size;
  }
  return 0;
}

/** State codes of the packets of one chunk. */
export class States {
  #codes = new Uint8Array(4096);
  set(packet: number, code: number): void {
    this.#codes[packet] = code;
  }
  get(packet: number): number {
    return this.#codes[packet] as number;
  }
}
