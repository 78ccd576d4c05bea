// ctnetlink messages to plain data.

import { formatAddress } from "./address.js";
import { EXPECT_FLAG_NAMES, protocolName, SCTP_STATES, statusNames, TCP_STATES } from "./names.js";
import { type ConnView, type Counted, labelBits } from "./oracle.js";

const SUBSYSTEM_EXPECT = 2;
const MESSAGE_DELETE = 2;

const NLM_F_CREATE = 0x400;

// CTA_*
const TUPLE_ORIG = 1;
const TUPLE_REPLY = 2;
const STATUS = 3;
const PROTOINFO = 4;
const HELP = 5;
const TIMEOUT = 7;
const MARK = 8;
const COUNTERS_ORIG = 9;
const COUNTERS_REPLY = 10;
const ID = 12;
const TUPLE_MASTER = 14;
const SEQ_ADJ_ORIG = 15;
const SEQ_ADJ_REPLY = 16;
const ZONE = 18;
const TUPLE_ZONE = 3;
const LABELS = 22;

// CTA_EXPECT_*
const EXPECT_MASTER = 1;
const EXPECT_TUPLE = 2;
const EXPECT_MASK = 3;
const EXPECT_TIMEOUT = 4;
const EXPECT_HELP_NAME = 6;
const EXPECT_ZONE = 7;
const EXPECT_FLAGS = 8;
const EXPECT_CLASS = 9;
const EXPECT_FN = 11;

const STATUS_CONFIRMED = 1 << 3;

type Attributes = Map<number, Buffer>;

function attributes(bytes: Buffer): Attributes {
  const found: Attributes = new Map();
  for (let at = 0; at + 4 <= bytes.length; ) {
    const length = bytes.readUInt16LE(at);
    if (length < 4) break;
    found.set(bytes.readUInt16LE(at + 2) & 0x3fff, bytes.subarray(at + 4, at + length));
    at += (length + 3) & ~3;
  }
  return found;
}

const u32 = (value: Buffer | undefined): number | undefined => value?.readUInt32BE(0);
const u16 = (value: Buffer | undefined): number | undefined => value?.readUInt16BE(0);
const text = (value: Buffer | undefined): string | undefined => value?.toString("latin1").replace(/\0.*$/s, "");
const nested = (value: Buffer | undefined): Attributes => (value ? attributes(value) : new Map());

/** `tcp 10.0.0.1>10.0.0.2 1025>80`, `icmp 10.0.0.1>10.0.0.2 type=8 code=0 id=1025`, `esp 10.0.0.1>10.0.0.2`. */
function formatTuple(bytes: Buffer): string {
  const tuple = attributes(bytes);
  const ip = nested(tuple.get(1));
  const proto = nested(tuple.get(2));
  const l4proto = proto.get(1)?.[0] ?? 0;
  const src = ip.get(1) ?? ip.get(3) ?? Buffer.alloc(4);
  const dst = ip.get(2) ?? ip.get(4) ?? Buffer.alloc(4);
  const base = `${protocolName(l4proto)} ${formatAddress(src)}>${formatAddress(dst)}`;
  if (l4proto === 1) return `${base} type=${proto.get(5)?.[0]} code=${proto.get(6)?.[0]} id=${u16(proto.get(4))}`;
  if (l4proto === 58) return `${base} type=${proto.get(8)?.[0]} code=${proto.get(9)?.[0]} id=${u16(proto.get(7))}`;
  const sport = u16(proto.get(2));
  const dport = u16(proto.get(3));
  return sport === undefined && dport === undefined ? base : `${base} ${sport ?? 0}>${dport ?? 0}`;
}

/** The zone of this direction, where it is not that of both. */
const tupleZone = (tuple: Buffer | undefined): number | undefined => u16(nested(tuple).get(TUPLE_ZONE));

/** An event of the table or of the expectations; `id` is the kernel's number of the conn. */
export interface RawEvent {
  readonly type: "NEW" | "UPDATE" | "DESTROY" | "EXP_NEW" | "EXP_DESTROY";
  readonly id: number | null;
  readonly fields: Record<string, unknown>;
}

export function readEvent(message: Buffer): RawEvent {
  const kind = message.readUInt16LE(4);
  const created = (message.readUInt16LE(6) & NLM_F_CREATE) !== 0;
  const found = attributes(message.subarray(20));
  if (kind >> 8 === SUBSYSTEM_EXPECT) {
    return { type: (kind & 255) === MESSAGE_DELETE ? "EXP_DESTROY" : "EXP_NEW", id: null, fields: expectation(found) };
  }
  const type = (kind & 255) === MESSAGE_DELETE ? "DESTROY" : created ? "NEW" : "UPDATE";
  return { type, id: u32(found.get(ID)) ?? null, fields: conn(found) };
}

function conn(found: Attributes): Record<string, unknown> {
  const fields: Record<string, unknown> = {};
  const put = (name: string, value: unknown) => {
    if (value !== undefined) fields[name] = value;
  };
  const orig = found.get(TUPLE_ORIG);
  const reply = found.get(TUPLE_REPLY);
  if (orig) fields.orig = formatTuple(orig);
  if (reply) fields.reply = formatTuple(reply);
  fields.status = statusNames((u32(found.get(STATUS)) ?? 0) & ~STATUS_CONFIRMED);
  put("timeout", u32(found.get(TIMEOUT)));
  const info = nested(found.get(PROTOINFO));
  const tcp = info.get(1);
  const sctp = info.get(3);
  if (tcp) fields.tcp = TCP_STATES[attributes(tcp).get(1)?.[0] ?? 0];
  if (sctp) fields.sctp = SCTP_STATES[attributes(sctp).get(1)?.[0] ?? 0];
  put("helper", text(nested(found.get(HELP)).get(1)));
  const master = found.get(TUPLE_MASTER);
  if (master) fields.master = formatTuple(master);
  put("zone", u16(found.get(ZONE)));
  put("zoneOrig", tupleZone(orig));
  put("zoneReply", tupleZone(reply));
  put("mark", u32(found.get(MARK)));
  const labels = found.get(LABELS);
  if (labels) fields.labels = labelBits((i) => labels[i] ?? 0);
  const counted = counters(found);
  if (counted) {
    fields.packets = counted.map(({ packets }) => packets);
    fields.bytes = counted.map(({ bytes }) => bytes);
  }
  return fields;
}

function counters(found: Attributes): [Counted, Counted] | null {
  const read = (type: number): Counted | null => {
    const value = found.get(type);
    if (!value) return null;
    const parts = attributes(value);
    const number = (part: number) => Number(parts.get(part)?.readBigUInt64BE(0) ?? 0n);
    return { packets: number(1), bytes: number(2) };
  };
  const [original, reply] = [read(COUNTERS_ORIG), read(COUNTERS_REPLY)];
  return original && reply && [original, reply];
}

/** A conn of a dump. */
export interface DumpedFlow {
  readonly l4proto: number;
  readonly original: Readonly<Record<string, string | number>>;
  readonly reply: Readonly<Record<string, string | number>>;
  readonly entry: Omit<ConnView, "id" | "use">;
}

export function readDumped(message: Buffer): DumpedFlow {
  const found = attributes(message.subarray(20));
  const info = nested(found.get(PROTOINFO));
  const tcp = nested(info.get(1));
  const sctp = nested(info.get(3));
  const byte = (from: Attributes, type: number) => from.get(type)?.[0] ?? 0;
  const labels = found.get(LABELS);
  return {
    l4proto: nested(nested(found.get(TUPLE_ORIG)).get(2)).get(1)?.[0] ?? 0,
    original: tupleFields(found.get(TUPLE_ORIG)),
    reply: tupleFields(found.get(TUPLE_REPLY)),
    entry: {
      status: u32(found.get(STATUS)) ?? 0,
      timeout: u32(found.get(TIMEOUT)) ?? 0,
      mark: u32(found.get(MARK)) ?? 0,
      zone: u16(found.get(ZONE)) ?? 0,
      zoneOrig: tupleZone(found.get(TUPLE_ORIG)) ?? 0,
      zoneReply: tupleZone(found.get(TUPLE_REPLY)) ?? 0,
      tracker: info.has(1) ? 6 : info.has(3) ? 132 : 0,
      state: byte(tcp, 1) || byte(sctp, 1),
      scale: [byte(tcp, 2), byte(tcp, 3)],
      flags: [byte(tcp, 4), byte(tcp, 5)],
      vtag: [u32(sctp.get(2)) ?? 0, u32(sctp.get(3)) ?? 0],
      counters: counters(found),
      labels: labels ? labelBits((i) => labels[i] ?? 0) : [],
    },
  };
}

/** As `/proc` names the parts. */
function tupleFields(value: Buffer | undefined): Record<string, string | number> {
  const tuple = nested(value);
  const [ip, proto] = [nested(tuple.get(1)), nested(tuple.get(2))];
  const l4proto = proto.get(1)?.[0] ?? 0;
  const address = (v4: number) => formatAddress(ip.get(v4) ?? ip.get(v4 + 2) ?? Buffer.alloc(4));
  const fields: Record<string, string | number> = { src: address(1), dst: address(2) };
  const [from, to] = l4proto === 47 ? ["srckey", "dstkey"] : ["sport", "dport"];
  const parts = [
    [2, from],
    [3, to],
    [4, "id"],
    [5, "type"],
    [6, "code"],
    [7, "id"],
    [8, "type"],
    [9, "code"],
  ] as const;
  for (const [type, name] of parts) {
    const part = proto.get(type);
    if (part && name) fields[name] = part.length === 1 ? (part[0] as number) : part.readUInt16BE(0);
  }
  return fields;
}

function expectation(found: Attributes): Record<string, unknown> {
  const tuple = (type: number) => {
    const value = found.get(type);
    return value && formatTuple(value);
  };
  const flags = u32(found.get(EXPECT_FLAGS)) ?? 0;
  const fields: Record<string, unknown> = {
    master: tuple(EXPECT_MASTER),
    tuple: tuple(EXPECT_TUPLE),
    mask: tuple(EXPECT_MASK),
    timeout: u32(found.get(EXPECT_TIMEOUT)),
    helper: text(found.get(EXPECT_HELP_NAME)),
    flags: EXPECT_FLAG_NAMES.filter((_, bit) => flags & (1 << bit)),
    class: u32(found.get(EXPECT_CLASS)) ?? 0,
  };
  const zone = u16(found.get(EXPECT_ZONE));
  const fn = text(found.get(EXPECT_FN));
  if (zone) fields.zone = zone;
  if (fn) fields.fn = fn;
  return fields;
}

export interface SequenceAdjustment {
  readonly pos: number;
  readonly before: number;
  readonly after: number;
}

/** What a conn has beyond the common fields. */
export function readUnusual(bytes: Buffer): {
  helper?: string;
  seqadj?: [SequenceAdjustment, SequenceAdjustment];
  master?: string;
} {
  const found = attributes(bytes);
  const helper = text(nested(found.get(HELP)).get(1));
  const adjust = (type: number): SequenceAdjustment | undefined => {
    const value = found.get(type);
    if (!value) return undefined;
    const parts = attributes(value);
    return { pos: u32(parts.get(1)) ?? 0, before: signed(parts.get(2)), after: signed(parts.get(3)) };
  };
  const original = adjust(SEQ_ADJ_ORIG);
  const reply = adjust(SEQ_ADJ_REPLY);
  const master = found.get(TUPLE_MASTER);
  return {
    ...(helper === undefined ? {} : { helper }),
    ...(original && reply ? { seqadj: [original, reply] } : {}),
    ...(master === undefined ? {} : { master: formatTuple(master) }),
  };
}

const signed = (value: Buffer | undefined): number => (value ? value.readInt32BE(0) : 0);
