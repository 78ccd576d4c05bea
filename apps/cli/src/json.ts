// Packets as lines of JSON, straight from the engine's columns into bytes. README.md has the keys. lines.ts writes the same
// for common packets, faster, and leaves the others to what is here.
//
// A line is put together from pieces. What packets of one connection, direction and state have in common, from "protocol"
// to "conn", is kept in a cache; so is the beginning of every "before" and "after". Both lie in the same array as the
// output, since copying within one array is the cheapest way to copy something short:
//
//   buffer  │ cache: SLOTS × SLOT bytes │ pieces │ lines … │
import { type Results, stateName, statusNames } from "conntrack-wasm";
import type { Headers } from "./headers.js";
import * as raw from "./raw-trace.js";
import { RawTraces } from "./raw-trace.js";

const SLOTS = 1 << 16;
const SLOT = 320;
const PIECES = 1 << 16;
const RECENT = 256;
const LINES_AT = SLOTS * SLOT + PIECES;
/** No line is longer: its parts are bounded, the longest reason included. */
const LONGEST = 4096;

const ICMP = 1;
const TCP = 6;
const UDP = 17;
const ICMPV6 = 58;
const IPV4 = 2;
const RELATED = 3;
export const STATES = ["null", '"NEW"', '"ESTABLISHED"', '"RELATED"', '"INVALID"', '"UNTRACKED"'];
export const DIRECTIONS = ["null", '"original"', '"reply"'];
const TWO_32 = 0x1_0000_0000;

// "000" … "999"
const DIGITS = new Uint8Array(3000);
for (let i = 0; i < 1000; i++) for (let k = 0; k < 3; k++) DIGITS[3 * i + k] = String(i).padStart(3, "0").charCodeAt(k);

const ZERO = 48;
const DOT = 46;
const utf8 = new TextEncoder();
const fromUtf8 = new TextDecoder();

/** From behind the time to the number of the connection. */
export function connectionText(results: Results, i: number, conn: number | null): string {
  const { protocol, src, dst, sport, dport } = results.trace(i);
  const ends = src === null ? '"src":null,"dst":null' : `"src":"${src}","dst":"${dst}"`;
  return (
    `","protocol":${protocol === null ? null : `"${protocol}"`},${ends},"sport":${sport},"dport":${dport},` +
    `"state":${STATES[results.stateCode(i)]},"direction":${DIRECTIONS[results.directionCode(i)]},"conn":${conn}`
  );
}

/** The beginning of an entry, up to the number of its timeout. */
export function entryText(which: "before" | "after", l4proto: number, code: number, status: number): string {
  const [state, bits] = [stateName(l4proto, code), statusNames(status)];
  return `,"${which}":{"protocolState":${JSON.stringify(state)},"status":${JSON.stringify(bits)},"timeout":`;
}

/** What the lines of common packets are made of. */
export const TEXTS = {
  frame: '{"frame":',
  time: ',"time":"',
  noReason: ',"reason":null,"reasonText":null,"verdict":"ACCEPT","rule":null',
  cut: ',"cut":true',
  badChecksum: ',"checksum":"bad"',
  tcp: '","protocol":"tcp","src":"',
  udp: '","protocol":"udp","src":"',
  icmp: '","protocol":"icmp","src":"',
  icmpv6: '","protocol":"icmpv6","src":"',
  dst: '","dst":"',
  sport: '","sport":',
  dport: ',"dport":',
  noPorts: '","sport":null,"dport":null',
  type: ',"type":',
  code: ',"code":',
  id: ',"id":',
  end: "}\n",
} as const;

/** When a packet came. */
export type Moment = Pick<Headers, "seconds" | "nanoseconds">;

/** Packets `touch` looks ahead. */
export const TOUCHED = 64;

// Where the cache keeps the text of a connection and direction.
function slotOf(conn: number, kind: number): number {
  return ((conn << 1) ^ (kind >>> 8)) & (SLOTS - 1);
}

/** A stretch of the buffer. */
interface Piece {
  readonly start: number;
  readonly end: number;
}

export class JsonLines {
  #buffer = new Uint8Array(LINES_AT + (1 << 20));
  #at = LINES_AT;
  #piecesEnd = SLOTS * SLOT;
  // what each slot of the cache holds: connection, direction and state, and the length of its text
  readonly #slotConn = new Uint32Array(SLOTS);
  readonly #slotKind = new Uint16Array(SLOTS);
  readonly #slotLength = new Uint16Array(SLOTS);
  /** By "before" or "after", protocol, state and status of an entry. */
  readonly #entries = new Map<number, Piece>();
  // those asked for last, by the low bits of their key
  readonly #recentKey = new Float64Array(RECENT);
  readonly #recent = new Array<Piece>(RECENT).fill({ start: 0, end: 0 });
  #second = -1;
  #secondPiece: Piece = { start: 0, end: 0 };
  readonly #frame = this.#piece(TEXTS.frame);
  readonly #time = this.#piece(TEXTS.time);
  readonly #noReason = this.#piece(TEXTS.noReason);
  readonly #cut = this.#piece(TEXTS.cut);
  readonly #badChecksum = this.#piece(TEXTS.badChecksum);
  readonly #tcp = this.#piece(TEXTS.tcp);
  readonly #udp = this.#piece(TEXTS.udp);
  readonly #dst = this.#piece(TEXTS.dst);
  readonly #sport = this.#piece(TEXTS.sport);
  readonly #dport = this.#piece(TEXTS.dport);
  readonly #type = this.#piece(TEXTS.type);
  readonly #code = this.#piece(TEXTS.code);
  readonly #id = this.#piece(TEXTS.id);
  readonly #end = this.#piece(TEXTS.end);
  #traces: RawTraces | null = null;
  // biome-ignore lint/correctness/noUnusedPrivateClassMembers: written so that the early reads have a use
  #touched = 0;

  /** The lines added since the last `clear`; valid until then. */
  get lines(): Uint8Array {
    return this.#buffer.subarray(LINES_AT, this.#at);
  }

  clear(): void {
    this.#at = LINES_AT;
  }

  /** Adds the line of packet `i` of a part; the headers stand at it. */
  add(results: Results, headers: Moment, i: number): void {
    // several engines have several memories for results, in turns
    if (this.#traces?.source !== results) this.#traces = new RawTraces(results);
    if (this.#at + LONGEST > this.#buffer.length) this.#grow();
    const { bytes, words, base, results: columns } = this.#traces;
    const t = base + i * raw.TRACE_SIZE;
    const decision = words[(columns >>> 2) + 2 * i] as number;
    const reason = (decision >>> 16) & 255;

    this.#copy(this.#frame);
    this.#integer(results.firstFrame + i);
    this.#addTime(headers.seconds, headers.nanoseconds);
    this.#addConnection(results, i, t, decision & 0xffff, words[(columns >>> 2) + 2 * i + 1] as number);
    if (reason === 0 && decision >>> 24 === 0) this.#copy(this.#noReason);
    else this.#addReason(results, i);
    const l4proto = bytes[t + raw.L4PROTO];
    if ((l4proto === ICMP || l4proto === ICMPV6) && (bytes[t + raw.NOTES] as number) & raw.NOTE_TRANSPORT)
      this.#addIcmp(t);
    if (bytes[t + raw.BEFORE + raw.ENTRY_PRESENT] !== 0) this.#addEntry(t + raw.BEFORE, "before");
    if (bytes[t + raw.AFTER + raw.ENTRY_PRESENT] !== 0) this.#addEntry(t + raw.AFTER, "after");
    if (words[(t + raw.MASTER) >>> 2] !== 0)
      this.#text(`,"master":${words[(t + raw.MASTER) >>> 2]},"announced":${words[(t + raw.ANNOUNCED) >>> 2]}`);
    if (words[(t + raw.DATAGRAM) >>> 2] !== 0) this.#text(`,"datagram":${words[(t + raw.DATAGRAM) >>> 2]}`);
    if (reason !== 0) this.#addWhy(results, i, t);
    const notes = bytes[t + raw.NOTES] as number;
    if (notes & raw.NOTE_CUT) this.#copy(this.#cut);
    if (notes & raw.NOTE_BAD_CHECKSUM) this.#copy(this.#badChecksum);
    this.#copy(this.#end);
  }

  /** Adds members, as `,"name":value…`, to the line added last. */
  extend(members: string): void {
    if (members === "") return;
    this.#at -= 2;
    while (this.#at + 3 * members.length + 2 > this.#buffer.length) this.#grow();
    this.#text(members);
    this.#copy(this.#end);
  }

  /**
   * Reads what the next packets will need of the cache, so that the misses overlap, as the engine does it
   * (docs/decisions/0003-batches.md).
   */
  touch(results: Results, first: number): void {
    const { words } = results;
    const end = Math.min(results.count, first + TOUCHED);
    let sum = 0;
    for (let i = first; i < end; i++) {
      const at = slotOf(words[2 * i + 1] as number, (words[2 * i] as number) & 0xffff) * SLOT;
      sum += (this.#buffer[at] as number) + (this.#buffer[at + 64] as number) + (this.#buffer[at + 128] as number);
    }
    this.#touched = sum;
  }

  /** The line of one packet, without the line feed. */
  line(results: Results, headers: Moment, i: number): string {
    const start = this.#at;
    this.add(results, headers, i);
    return fromUtf8.decode(this.#buffer.subarray(start, this.#at - 1));
  }

  // ---- parts of a line

  #addTime(seconds: number, nanoseconds: number): void {
    if (seconds === this.#second) this.#copy(this.#secondPiece);
    else {
      // the cache of one second is the line it was last written in, as long as that line is there
      this.#second = seconds;
      const start = this.#at;
      this.#copy(this.#time);
      this.#integer(seconds);
      const buffer = this.#buffer;
      buffer[this.#at++] = DOT;
      const size = this.#at - start;
      if (this.#secondPiece.end === 0) this.#secondPiece = this.#room(64);
      const piece = { start: this.#secondPiece.start, end: this.#secondPiece.start + size };
      buffer.copyWithin(piece.start, start, this.#at);
      this.#secondPiece = piece;
    }
    this.#three(Math.floor(nanoseconds / 1e6));
    this.#three(Math.floor(nanoseconds / 1e3) % 1e3);
    this.#three(nanoseconds % 1e3);
  }

  // From "protocol" to "conn". An ICMP error is RELATED to the connection it is about, but has addresses of its own; a new
  // connection that rules drop is none (0).
  #addConnection(results: Results, i: number, t: number, kind: number, conn: number): void {
    const { bytes } = this.#trace();
    const l4proto = bytes[t + raw.L4PROTO] as number;
    if (conn === 0 || kind >>> 8 === 0 || ((kind & 255) === RELATED && (l4proto === ICMP || l4proto === ICMPV6))) {
      this.#text(connectionText(results, i, kind >>> 8 === 0 || conn === 0 ? null : conn));
      return;
    }
    const slot = slotOf(conn, kind);
    const at = slot * SLOT;
    if (this.#slotConn[slot] !== conn || this.#slotKind[slot] !== kind) {
      const start = this.#at;
      const plain = bytes[t + raw.L3NUM] === IPV4 && (l4proto === TCP || l4proto === UDP);
      if (plain) this.#addPlain(t, l4proto === TCP ? this.#tcp : this.#udp, kind, conn);
      else this.#text(connectionText(results, i, conn));
      this.#buffer.copyWithin(at, start, this.#at);
      this.#slotConn[slot] = conn;
      this.#slotKind[slot] = kind;
      this.#slotLength[slot] = this.#at - start;
      return;
    }
    const length = this.#slotLength[slot] as number;
    this.#buffer.copyWithin(this.#at, at, at + length);
    this.#at += length;
  }

  // The same as connectionText() for TCP and UDP over IPv4.
  #addPlain(t: number, protocol: Piece, kind: number, conn: number): void {
    this.#copy(protocol);
    this.#addIpv4(t + raw.SRC);
    this.#copy(this.#dst);
    this.#addIpv4(t + raw.DST);
    this.#copy(this.#sport);
    this.#addU16(t + raw.SPORT);
    this.#copy(this.#dport);
    this.#addU16(t + raw.DPORT);
    this.#text(`,"state":${STATES[kind & 255]},"direction":${DIRECTIONS[kind >>> 8]},"conn":`);
    this.#integer(conn);
  }

  #addIpv4(at: number): void {
    const { bytes } = this.#trace();
    for (let k = 0; k < 4; k++) {
      if (k > 0) this.#buffer[this.#at++] = DOT;
      this.#integer(bytes[at + k] as number);
    }
  }

  #addU16(at: number): void {
    const { bytes } = this.#trace();
    this.#integer((bytes[at] as number) | ((bytes[at + 1] as number) << 8));
  }

  #addIcmp(t: number): void {
    const { bytes } = this.#trace();
    this.#copy(this.#type);
    this.#integer(bytes[t + raw.ICMP_TYPE] as number);
    this.#copy(this.#code);
    this.#integer(bytes[t + raw.ICMP_CODE] as number);
    this.#copy(this.#id);
    this.#addU16(t + raw.ICMP_ID);
  }

  #addEntry(e: number, which: "before" | "after"): void {
    const { bytes, words } = this.#trace();
    const status = (words[(e + raw.ENTRY_STATUS) >>> 2] as number) & 0xffff;
    const code = bytes[e + raw.ENTRY_STATE] as number;
    const l4proto = bytes[e + raw.ENTRY_L4PROTO] as number;
    const key = ((status << 5) | (code << 1) | (which === "before" ? 0 : 1)) * 256 + l4proto;
    const place = (key ^ (key >>> 8) ^ (key >>> 16)) & (RECENT - 1);
    if (this.#recentKey[place] !== key) {
      this.#recentKey[place] = key;
      this.#recent[place] = this.#entryPiece(key, which, status, code, l4proto);
    }
    this.#copy(this.#recent[place] as Piece);
    this.#addSeconds(words[e >>> 2] as number, words[(e >>> 2) + 1] as number);
    this.#buffer[this.#at++] = 125; // }
  }

  #entryPiece(key: number, which: "before" | "after", status: number, code: number, l4proto: number): Piece {
    let piece = this.#entries.get(key);
    if (piece === undefined) {
      piece = this.#piece(entryText(which, l4proto, code, status));
      this.#entries.set(key, piece);
    }
    return piece;
  }

  // 64 bits of nanoseconds as seconds, without zeros at the end; see headers.ts for the division.
  #addSeconds(low: number, high: number): void {
    let seconds = Math.floor((high * TWO_32 + low) / 1e9);
    let rest = (low - Math.imul(seconds, 1e9)) | 0;
    if (rest < 0) {
      seconds--;
      rest += 1e9;
    } else if (rest >= 1e9) {
      seconds++;
      rest -= 1e9;
    }
    this.#integer(seconds);
    if (rest === 0) return;
    const buffer = this.#buffer;
    buffer[this.#at++] = DOT;
    this.#three(Math.floor(rest / 1e6));
    const micros = rest % 1e6;
    if (micros !== 0) {
      this.#three(Math.floor(micros / 1e3));
      if (micros % 1e3 !== 0) this.#three(micros % 1e3);
    }
    while (buffer[this.#at - 1] === ZERO) this.#at--;
  }

  #addReason(results: Results, i: number): void {
    const verdict = `,"verdict":"${results.verdict(i)}","rule":null`;
    if (results.reasonCode(i) === 0) {
      this.#text(`,"reason":null,"reasonText":null${verdict}`);
      return;
    }
    const { name, text } = results.reason(i);
    const { numbers, l4proto } = results.trace(i);
    this.#text(`,"reason":"${name}","reasonText":${JSON.stringify(text(numbers, l4proto))}${verdict}`);
  }

  #addWhy(results: Results, i: number, t: number): void {
    const { words } = this.#trace();
    const cause = words[(t + raw.CAUSE) >>> 2] as number;
    const { hint, numbers } = results.reason(i);
    let text = cause === 0 ? "" : `,"cause":${cause}`;
    if (hint !== undefined) text += `,"hint":${JSON.stringify(hint)}`;
    if (numbers !== undefined) {
      const at = (t + raw.NUMBERS) >>> 2;
      text += ',"numbers":{';
      for (let k = 0; k < numbers.length; k++) text += `${k > 0 ? "," : ""}"${numbers[k]}":${words[at + k]}`;
      text += "}";
    }
    this.#text(text);
  }

  // ---- writing

  #trace(): RawTraces {
    return this.#traces as RawTraces;
  }

  #copy(piece: Piece): void {
    const buffer = this.#buffer;
    const { start, end } = piece;
    const at = this.#at;
    if (end - start > 16) buffer.copyWithin(at, start, end);
    else for (let k = start; k < end; k++) buffer[at + k - start] = buffer[k] as number;
    this.#at = at + end - start;
  }

  #text(text: string): void {
    if (text === "") return;
    this.#at += utf8.encodeInto(text, this.#buffer.subarray(this.#at)).written;
  }

  #integer(value: number): void {
    const buffer = this.#buffer;
    if (value >= 1e9) {
      this.#integer(Math.floor(value / 1e9));
      this.#three(Math.floor((value % 1e9) / 1e6));
      this.#three(Math.floor(value / 1e3) % 1e3);
      this.#three(value % 1e3);
      return;
    }
    let rest = value | 0;
    let at =
      this.#at +
      (rest < 1e3
        ? rest < 10
          ? 1
          : rest < 100
            ? 2
            : 3
        : rest < 1e6
          ? rest < 1e4
            ? 4
            : rest < 1e5
              ? 5
              : 6
          : rest < 1e7
            ? 7
            : rest < 1e8
              ? 8
              : 9);
    this.#at = at;
    do {
      const tenth = (rest / 10) | 0;
      buffer[--at] = ZERO + rest - tenth * 10;
      rest = tenth;
    } while (rest > 0);
  }

  /** Three digits of a number below 1000. */
  #three(value: number): void {
    const buffer = this.#buffer;
    const at = this.#at;
    const from = 3 * value;
    buffer[at] = DIGITS[from] as number;
    buffer[at + 1] = DIGITS[from + 1] as number;
    buffer[at + 2] = DIGITS[from + 2] as number;
    this.#at = at + 3;
  }

  /** Keeps a text for #copy. */
  #piece(text: string): Piece {
    const bytes = utf8.encode(text);
    const { start } = this.#room(bytes.length);
    this.#buffer.set(bytes, start);
    return { start, end: start + bytes.length };
  }

  #room(size: number): Piece {
    const start = this.#piecesEnd;
    if (start + size > LINES_AT) throw new RangeError("PIECES is too small");
    this.#piecesEnd = start + size;
    return { start, end: start + size };
  }

  #grow(): void {
    const larger = new Uint8Array(this.#buffer.length * 2);
    larger.set(this.#buffer.subarray(0, this.#at));
    this.#buffer = larger;
  }
}
