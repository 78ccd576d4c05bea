// PPTP (RFC 2637): control messages built from their fields, and the GRE packets of the calls.
import { packet } from "../../../conformance/src/packets.js";
import { CLIENT, type Dialogue, type Line, SERVER, tcpDialogue } from "./dialogues.js";

/** Length of the body behind the control header, by message type. */
const BODY = [0, 144, 144, 4, 4, 4, 8, 156, 20, 208, 12, 16, 4, 136, 28, 12];

interface Fields {
  /** First word of the body. */
  readonly a?: number;
  /** Second word. */
  readonly b?: number;
  /** The byte at 4 of the body. */
  readonly result?: number;
  readonly packetType?: number;
  readonly magic?: number;
  /** Body length, when not that of the type. */
  readonly body?: number;
}

export function message(type: number, fields: Fields = {}): Uint8Array {
  const { a = 0, b = 0, result = 0, packetType = 1, magic = 0x1a2b3c4d, body = BODY[type] ?? 4 } = fields;
  const bytes = new Uint8Array(12 + Math.max(body, 8));
  const view = new DataView(bytes.buffer);
  view.setUint16(0, 12 + body);
  view.setUint16(2, packetType);
  view.setUint32(4, magic);
  view.setUint16(8, type);
  view.setUint16(12, a);
  view.setUint16(14, b);
  view.setUint8(16, result);
  return bytes.slice(0, 12 + body);
}

const gre = (from: "client" | "server", callId: number) =>
  from === "client"
    ? packet({ src: CLIENT, dst: SERVER, gre: { version: 1, callId, seq: 1, payload: 8 } })
    : packet({ src: SERVER, dst: CLIENT, gre: { version: 1, callId, seq: 1, payload: 8 } });

const PNS = 11;
const PAC = 22;
const START: readonly Line[] = [
  [">", message(1)],
  ["<", startReply(1)],
];

// result is the byte at 2 of a Start-Reply
function startReply(result: number): Uint8Array {
  return message(2, { a: 0x100, b: result << 8 });
}

const out = (pns = PNS): Line => [">", message(7, { a: pns })];
const outReply = (pac = PAC, pns = PNS, result = 1): Line => ["<", message(8, { a: pac, b: pns, result })];
const incoming = (pac = PAC): Line => ["<", message(9, { a: pac })];
const incomingReply = (pns = PNS, pac = PAC, result = 1): Line => [">", message(10, { a: pns, b: pac, result })];
const connected = (pns = PNS): Line => ["<", message(11, { a: pns })];
const clear = (pns = PNS): Line => [">", message(12, { a: pns })];
const disconnect = (pac = PAC): Line => ["<", message(13, { a: pac })];
const stop = (who: ">" | "<", type = 3, a = 0x100): Line => [who, message(type, { a })];
const CALL = [...START, out(), outReply()];

const DIALOGUES: Readonly<Record<string, readonly Line[]>> = {
  "outgoing call": [
    ...CALL,
    gre("client", PAC),
    gre("server", PNS),
    gre("client", PAC),
    clear(),
    disconnect(),
    gre("client", PAC),
  ],
  "server speaks first": [...CALL, gre("server", PNS), gre("client", PAC), disconnect()],
  "GRE of another call": [...CALL, gre("client", PAC + 1), gre("server", PNS + 1), gre("client", PAC)],
  "GRE before the call": [gre("client", PAC), ...CALL, gre("client", PAC), gre("server", PNS)],
  "incoming call": [
    ...START,
    incoming(),
    incomingReply(),
    connected(),
    gre("server", PNS),
    gre("client", PAC),
    disconnect(),
  ],
  "incoming call connected twice": [...START, incoming(), incomingReply(), connected(), connected()],
  "incoming call refused": [...START, incoming(), incomingReply(PNS, PAC, 2), connected()],
  "incoming call, wrong ids": [
    ...START,
    incoming(),
    incomingReply(PNS, PAC + 1),
    connected(),
    incomingReply(),
    connected(PNS + 1),
    connected(),
  ],
  "call refused": [...START, out(), outReply(PAC, PNS, 2), outReply()],
  "wrong call id": [...START, out(), outReply(PAC, PNS + 1), outReply()],
  "no session": [out(), outReply(), ["<", startReply(1)], out(), outReply()],
  "session refused": [
    [">", message(1)],
    ["<", startReply(2)],
    out(),
    outReply(),
    [">", message(1)],
    ["<", startReply(1)],
    out(),
    outReply(),
  ],
  "reply again": [...CALL, outReply(), gre("client", PAC), outReply(), outReply()],
  "second call": [...CALL, gre("client", PAC), out(33), outReply(44, 33), gre("client", 44), disconnect(44)],
  "second call before GRE": [...CALL, out(33), outReply(44, 33), gre("client", PAC)],
  "second call after the first": [
    ...CALL,
    gre("client", PAC),
    disconnect(),
    out(33),
    outReply(44, 33),
    gre("client", 44),
    gre("server", 33),
  ],
  "other answer": [...CALL, outReply(PAC + 1), gre("client", PAC + 1), gre("client", PAC)],
  "disconnect before GRE": [...CALL, disconnect(), gre("client", PAC)],
  "disconnect without a call": [...START, disconnect(), out(), outReply()],
  stop: [
    ...CALL,
    stop(">"),
    stop("<", 4),
    out(),
    outReply(),
    [">", message(1)],
    ["<", startReply(1)],
    out(),
    outReply(),
  ],
  "stop refused": [...CALL, stop(">"), stop("<", 4, 0x200), [">", message(1)]],
  "stop reply alone": [...START, stop("<", 4), out(), outReply()],
  "control connection reset": [...CALL, gre("client", PAC), gre("server", PNS), ["<", ""], gre("client", PAC)],
  "echo and others": [
    ...CALL,
    [">", message(5)],
    ["<", message(6)],
    ["<", message(14)],
    [">", message(15)],
    [">", message(16)],
    [">", message(0)],
  ],
  "messages of the other side": [
    ["<", message(1)],
    [">", startReply(1)],
    ...START,
    ["<", message(7, { a: PNS })],
    [">", message(8, { a: PAC, b: PNS, result: 1 })],
    out(),
    outReply(),
  ],
  "not a control message": [
    ...START,
    out(),
    ["<", message(8, { a: PAC, b: PNS, result: 1, packetType: 2 })],
    ["<", message(8, { a: PAC, b: PNS, result: 1, magic: 1 })],
  ],
  "short messages": [
    [">", message(1).slice(0, 155)],
    [">", message(1).slice(0, 7)],
    [">", message(1).slice(0, 11)],
    ...START,
    [">", message(7, { a: PNS }).slice(0, 167)],
    out(),
    ["<", message(8, { a: PAC, b: PNS, result: 1 }).slice(0, 31)],
    outReply(),
  ],
  "two messages in one segment": [
    ...START,
    [">", new Uint8Array([...message(5), ...message(7, { a: PNS })])],
    outReply(),
  ],
  split: [...START, [">", message(7, { a: PNS }).slice(0, 20)], [">", message(7, { a: PNS }).slice(20)], outReply()],
  "call ids 0": [...START, out(0), outReply(0, 0), gre("client", 0), gre("server", 0)],
  "equal call ids": [...START, out(7), outReply(7, 7), gre("client", 7), gre("server", 7)],
  "ICMP error about a call": [
    ...CALL,
    gre("client", PAC),
    packet({ src: SERVER, dst: CLIENT, icmp: { type: 3, code: 2, quote: gre("client", PAC) } }),
    packet({ src: CLIENT, dst: SERVER, icmp: { type: 3, code: 2, quote: gre("server", PNS) } }),
  ],
  "PAC id 0": [...START, out(PNS), outReply(0, PNS), gre("client", 0), gre("server", PNS), disconnect()],
  "clear twice": [...CALL, clear(), outReply(), clear(), disconnect(), disconnect()],
};

export const PPTP_DIALOGUES: readonly Dialogue[] = Object.entries(DIALOGUES).map(([name, lines]) =>
  tcpDialogue(`pptp: ${name}`, "pptp:1723", lines, { dport: 1723 }),
);
