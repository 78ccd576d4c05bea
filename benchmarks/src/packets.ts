// Inputs: Ethernet frames in pcap records, cut behind their headers, and the workloads made of them.
//
//   record   0        4         8         12      16
//            │ second │ micros  │ captured │ length │ frame
//
// A flow is its number: addresses, ports and initial sequence numbers come from splitmix64 of it.
import { high, low, mix } from "./splitmix.js";

export const RECORD_HEADER = 16;
export const TCP = 6;
export const UDP = 17;
export const ICMP = 1;
export const ICMPV6 = 58;
export const FIN = 1;
export const SYN = 2;
export const RST = 4;
export const PSH = 8;
export const ACK = 16;

/** TCP options: none, those of a SYN (MSS, SACK permitted, window scale 7), a timestamp. */
export const OPTIONS_NONE = 0;
export const OPTIONS_SYN = 1;
export const OPTIONS_TIMESTAMP = 2;

/** One frame to be written; made once and filled again for each. */
export interface Frame {
  second: number;
  micros: number;
  v6: boolean;
  protocol: number;
  /** An IPv4 address, or the last word of an IPv6 one. */
  src: number;
  dst: number;
  /** Third word group of the IPv6 prefix: 1 on the original side, 2 on the reply side. */
  srcNet: number;
  dstNet: number;
  /** Ports; ICMP: type << 8 | code, and the id. */
  sport: number;
  dport: number;
  seq: number;
  ack: number;
  flags: number;
  window: number;
  options: number;
  /** Bytes behind the transport header, on the wire only; they count as zeros. */
  payload: number;
  /** Bytes behind the transport header that are captured; their number is `payload`. */
  text: Uint8Array | null;
  /** Whether the transport checksum is right, or 0. */
  checksum: boolean;
}

export function newFrame(): Frame {
  return {
    second: 1,
    micros: 0,
    v6: false,
    protocol: TCP,
    src: 0,
    dst: 0,
    srcNet: 1,
    dstNet: 2,
    sport: 0,
    dport: 0,
    seq: 0,
    ack: 0,
    flags: 0,
    window: 0,
    options: OPTIONS_NONE,
    payload: 0,
    text: null,
    checksum: false,
  };
}

const TRANSPORT_SIZE = [20, 32, 32];

function transportSize(f: Frame): number {
  return f.protocol === TCP ? (TRANSPORT_SIZE[f.options] as number) : 8;
}

/** Writes a frame as a pcap record and returns the offset behind it. */
export function writeRecord(view: DataView, at: number, f: Frame): number {
  const headers = 14 + (f.v6 ? 40 : 20) + transportSize(f);
  const captured = headers + (f.text?.length ?? 0);
  view.setUint32(at, f.second, true);
  view.setUint32(at + 4, f.micros, true);
  view.setUint32(at + 8, captured, true);
  view.setUint32(at + 12, headers + f.payload, true);
  const frame = at + RECORD_HEADER;
  view.setUint32(frame, 0x02000000);
  view.setUint32(frame + 4, 0x00000200);
  view.setUint32(frame + 8, 0);
  view.setUint16(frame + 12, f.v6 ? 0x86dd : 0x0800);
  const ip = frame + 14;
  const transport = f.v6 ? writeIp6(view, ip, f) : writeIp4(view, ip, f);
  if (f.protocol === TCP) writeTcp(view, transport, f);
  else if (f.protocol === UDP) writeUdp(view, transport, f);
  else writeEcho(view, transport, f);
  if (f.checksum) writeChecksum(view, ip, transport, frame + headers, f);
  if (f.text !== null) new Uint8Array(view.buffer, view.byteOffset).set(f.text, frame + headers);
  return frame + captured;
}

const CHECKSUM_AT = new Map([
  [TCP, 16],
  [UDP, 6],
  [ICMP, 2],
  [ICMPV6, 2],
]);

function writeChecksum(view: DataView, ip: number, transport: number, end: number, f: Frame): void {
  let sum = 0;
  for (let at = transport; at < end; at += 2) sum += view.getUint16(at);
  if (f.protocol !== ICMP) {
    sum += f.protocol + end - transport + f.payload;
    for (let at = ip + (f.v6 ? 8 : 12); at < transport; at += 2) sum += view.getUint16(at);
  }
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  view.setUint16(transport + (CHECKSUM_AT.get(f.protocol) as number), ~sum & 0xffff || 0xffff);
}

function writeIp4(view: DataView, ip: number, f: Frame): number {
  const total = 20 + transportSize(f) + f.payload;
  view.setUint32(ip, 0x45000000 | total);
  view.setUint32(ip + 4, 0);
  view.setUint32(ip + 8, 0x40000000 | (f.protocol << 16));
  view.setUint32(ip + 12, f.src);
  view.setUint32(ip + 16, f.dst);
  let sum =
    0x4500 + total + (0x4000 | f.protocol) + (f.src >>> 16) + (f.src & 0xffff) + (f.dst >>> 16) + (f.dst & 0xffff);
  sum = (sum & 0xffff) + (sum >>> 16);
  sum = (sum & 0xffff) + (sum >>> 16);
  view.setUint16(ip + 10, ~sum);
  return ip + 20;
}

function writeIp6(view: DataView, ip: number, f: Frame): number {
  view.setUint32(ip, 0x60000000);
  view.setUint32(ip + 4, ((transportSize(f) + f.payload) << 16) | (f.protocol << 8) | 64);
  writeIp6Address(view, ip + 8, f.srcNet, f.src);
  writeIp6Address(view, ip + 24, f.dstNet, f.dst);
  return ip + 40;
}

function writeIp6Address(view: DataView, at: number, net: number, host: number): void {
  view.setUint32(at, 0x20010db8);
  view.setUint32(at + 4, net);
  view.setUint32(at + 8, 0);
  view.setUint32(at + 12, host);
}

function writeTcp(view: DataView, at: number, f: Frame): void {
  view.setUint16(at, f.sport);
  view.setUint16(at + 2, f.dport);
  view.setUint32(at + 4, f.seq);
  view.setUint32(at + 8, f.ack);
  view.setUint16(at + 12, ((TRANSPORT_SIZE[f.options] as number) << 10) | f.flags);
  view.setUint16(at + 14, f.window);
  view.setUint32(at + 16, 0);
  if (f.options === OPTIONS_SYN) {
    view.setUint32(at + 20, 0x020405b4); // MSS 1460
    view.setUint32(at + 24, 0x01030307); // no-op, window scale 7
    view.setUint32(at + 28, 0x04020101); // SACK permitted, two no-ops
  } else if (f.options === OPTIONS_TIMESTAMP) {
    view.setUint32(at + 20, 0x0101080a);
    view.setUint32(at + 24, 0);
    view.setUint32(at + 28, 0);
  }
}

function writeUdp(view: DataView, at: number, f: Frame): void {
  view.setUint16(at, f.sport);
  view.setUint16(at + 2, f.dport);
  view.setUint16(at + 4, 8 + f.payload);
  view.setUint16(at + 6, 0);
}

function writeEcho(view: DataView, at: number, f: Frame): void {
  view.setUint16(at, f.sport);
  view.setUint16(at + 2, 0);
  view.setUint16(at + 4, f.dport);
  view.setUint16(at + 6, f.seq);
}

/** Who talks to whom in a flow, and from which sequence numbers on. */
export interface FlowIdentity {
  client: number;
  server: number;
  clientPort: number;
  serverPort: number;
  clientSeq: number;
  serverSeq: number;
}

export function newIdentity(): FlowIdentity {
  return { client: 0, server: 0, clientPort: 0, serverPort: 0, clientSeq: 0, serverSeq: 0 };
}

/** Fills in the identity of a flow. */
export function identify(flow: number, id: FlowIdentity): void {
  mix(2 * flow + 1);
  id.client = 0x0a000000 | (low & 0xffffff);
  id.server = (0xac100000 | (((low >>> 24) | (high << 8)) & 0xfffff)) >>> 0;
  id.serverSeq = (high ^ 0x5bd1e995) >>> 0;
  mix(2 * flow + 2);
  id.clientPort = 1024 + ((low & 0xffff) % 64512);
  id.serverPort = (low >>> 16) & 1 ? 443 : 80 + ((low >>> 17) & 0xff);
  id.clientSeq = high;
}

/** Addresses and ports of a packet of the flow. */
export function addressFrame(frame: Frame, id: FlowIdentity, reply: boolean): void {
  frame.src = reply ? id.server : id.client;
  frame.dst = reply ? id.client : id.server;
  frame.srcNet = reply ? 2 : 1;
  frame.dstNet = reply ? 1 : 2;
  frame.sport = reply ? id.serverPort : id.clientPort;
  frame.dport = reply ? id.clientPort : id.serverPort;
}

/** Steps of a TCP flow that writeStep() knows. */
export const STEP_SYN = 0;
export const STEP_SYN_ACK = 1;
export const STEP_ACK = 2;
export const STEP_DATA = 3;
export const STEP_DATA_REPLY = 4;
/** What one packet of 100 bytes takes, at most. */
export const MAX_RECORD = RECORD_HEADER + 14 + 40 + 32;

const STEP_FLAGS = [SYN, SYN | ACK, ACK, PSH | ACK, PSH | ACK];
const id = newIdentity();
const frame = newFrame();

/** Writes one step of a flow: the handshake, then 100 bytes of data either way that are the same again and again. */
export function writeStep(view: DataView, at: number, flow: number, step: number, v6: boolean, second: number): number {
  identify(flow, id);
  const reply = step === STEP_SYN_ACK || step === STEP_DATA_REPLY;
  frame.second = second;
  frame.v6 = v6;
  addressFrame(frame, id, reply);
  frame.seq = reply ? id.serverSeq + (step === STEP_DATA_REPLY ? 1 : 0) : id.clientSeq + (step >= STEP_ACK ? 1 : 0);
  frame.ack = step === STEP_SYN ? 0 : (reply ? id.clientSeq : id.serverSeq) + 1;
  frame.flags = STEP_FLAGS[step] as number;
  frame.window = step < STEP_ACK ? 64240 : 501;
  frame.options = step < STEP_ACK ? OPTIONS_SYN : OPTIONS_TIMESTAMP;
  frame.payload = step >= STEP_DATA ? 100 : 0;
  return writeRecord(view, at, frame);
}

/** A chunk of pcap records: a view of a buffer that is filled again and again. */
export interface Chunk {
  readonly bytes: Uint8Array;
  readonly packets: number;
}

export type Spread = "uniform" | "zipf";

/** The workload `established(flows)`: set up by handshakes, then data of flows chosen at random, either way. */
export class Established {
  readonly flows: number;
  readonly #v6: boolean;
  readonly #spread: Spread;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #drawn = 0;

  constructor(flows: number, v6: boolean, spread: Spread, chunk: number) {
    this.flows = flows;
    this.#v6 = v6;
    this.#spread = spread;
    this.#bytes = new Uint8Array(chunk * MAX_RECORD);
    this.#view = new DataView(this.#bytes.buffer);
  }

  /** The three steps of the handshakes of all flows, chunk by chunk. */
  *setup(chunk: number): Generator<Chunk, void, undefined> {
    for (let first = 0; first < this.flows; first += chunk) {
      const packets = Math.min(chunk, this.flows - first);
      for (let step = STEP_SYN; step <= STEP_ACK; step++) {
        let at = 0;
        for (let i = 0; i < packets; i++) at = writeStep(this.#view, at, first + i, step, this.#v6, 1);
        yield { bytes: this.#bytes.subarray(0, at), packets };
      }
    }
  }

  /** The next packets of the endless rest, written into `bytes`. */
  fill(bytes: Uint8Array, packets: number, second = 2): Chunk {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    let at = 0;
    for (let i = 0; i < packets; i++) {
      mix(0x1234567 + this.#drawn++);
      const step = low & 1 ? STEP_DATA_REPLY : STEP_DATA;
      at = writeStep(view, at, this.#choose(high / 0x1_0000_0000), step, this.#v6, second);
    }
    return { bytes: bytes.subarray(0, at), packets };
  }

  // Zipf with exponent 1, by its continuous inverse: the k-th flow is chosen about as often as 1/k.
  #choose(unit: number): number {
    if (this.#spread === "uniform") return Math.floor(unit * this.flows);
    return Math.floor((this.flows + 1) ** unit) - 1;
  }
}

/** First packets of flows that were never seen, `packets` of them from number `first` on. */
export function fillSyns(bytes: Uint8Array, first: number, packets: number, second: number): Chunk {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  for (let i = 0; i < packets; i++) at = writeStep(view, at, first + i, STEP_SYN, false, second);
  return { bytes: bytes.subarray(0, at), packets };
}
