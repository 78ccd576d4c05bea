// Sequences: packets as rows of a table, the time a column of its own.
//
//   sequence("both sides close at once", [
//     // ms  dir   flags  seq  ack  len
//     [ 0,  "->", "S",    100,   0,  0, "ws=7", "NEW SYN_SENT"],
//     [ 1,  "<-", "SA",   500, 101,  0, "ws=7", "SYN_RECV"],
//     { ms: 2, dir: "<-", icmp: { type: 3, code: 3, quote: 0 }, expect: "RELATED/r" },
//   ], { sysctls: { nf_conntrack_tcp_loose: 0 } });
//
// "->" goes from A to B, "<-" from B to A: 10.0.0.1:1025 and 10.0.0.2:80, or 2001:db8::1 and 2001:db8::2. Rows behind the
// sixth column: options of the row in small letters (TCP options, `win=`, `urg=`), then what is expected, in capitals.
//
// Without `realtime` only the order of the rows counts, on both sides: times are 10 µs apart, whatever the column says.

import type { TimedPacket } from "./kernel.js";
import { SCTP_STATES, TCP_STATES } from "./names.js";
import {
  type IcmpFields,
  type PacketFields,
  packet,
  type SctpFields,
  type TcpFields,
  type UdpFields,
  type UdpLiteFields,
} from "./packets.js";
import type { RecordOptions } from "./record.js";
import type { Direction, State } from "./recording.js";

export type Arrow = "->" | "<-";

/** TCP: ms, direction, flags, seq, ack, length of the payload or the payload, then options and expectation. */
export type TcpRow =
  | readonly [ms: number, dir: Arrow, flags: string, seq: number, ack: number, payload: number | string]
  | readonly [
      ms: number,
      dir: Arrow,
      flags: string,
      seq: number,
      ack: number,
      payload: number | string,
      optionsOrExpected: string,
    ]
  | readonly [
      ms: number,
      dir: Arrow,
      flags: string,
      seq: number,
      ack: number,
      payload: number | string,
      options: string,
      expected: string,
    ];

/** `quote`: the number of an earlier row (from 0), or a packet. */
type IcmpRow = Omit<IcmpFields, "quote"> & { readonly quote?: number | Uint8Array };
type Ported<T extends { sport: number; dport: number }> = Omit<T, "sport" | "dport"> & {
  readonly sport?: number;
  readonly dport?: number;
};

/** Anything else. Addresses and ports default to those of the direction. */
export interface FreeRow extends Partial<Omit<PacketFields, "tcp" | "udp" | "udplite" | "icmp" | "icmpv6" | "sctp">> {
  readonly ms: number;
  readonly dir?: Arrow;
  readonly expect?: string;
  readonly tcp?: Ported<TcpFields>;
  readonly udp?: Ported<UdpFields>;
  readonly udplite?: Ported<UdpLiteFields>;
  readonly sctp?: Ported<SctpFields>;
  readonly icmp?: IcmpRow;
  readonly icmpv6?: IcmpRow;
  /** A finished packet, from the IP header on. */
  readonly raw?: Uint8Array;
}

export type Row = TcpRow | FreeRow;

export interface Endpoint {
  readonly address: string;
  readonly port: number;
}

export interface SequenceOptions extends RecordOptions {
  readonly a?: Partial<Endpoint>;
  readonly b?: Partial<Endpoint>;
  readonly family?: 4 | 6;
  /** What it shows. */
  readonly about?: string;
}

/** What a row says of the packet's fate; parts it does not mention are free. */
export interface Expected {
  readonly state?: State;
  readonly dir?: Direction;
  /** TCP or SCTP state of the entry afterwards. */
  readonly protocolState?: string;
  /** Whole seconds left afterwards (±1). */
  readonly timeout?: number;
  /** true: not in the table afterwards. */
  readonly gone?: boolean;
  /** true: connection tracking does not see it. */
  readonly unseen?: boolean;
}

export interface SequencePacket extends TimedPacket {
  readonly expected: Expected | null;
}

export interface Sequence {
  readonly name: string;
  readonly about: string;
  readonly options: RecordOptions;
  readonly packets: readonly SequencePacket[];
}

/** Milliseconds between packets whose times do not count. */
const STEP = 0.01;

export function sequence(name: string, rows: readonly Row[], options: SequenceOptions = {}): Sequence {
  const { a, b, family = 4, about = "", ...record } = options;
  const ends: Ends = {
    a: { address: family === 4 ? "10.0.0.1" : "2001:db8::1", port: 1025, ...a },
    b: { address: family === 4 ? "10.0.0.2" : "2001:db8::2", port: 80, ...b },
  };
  const packets: SequencePacket[] = [];
  for (const [i, row] of rows.entries()) {
    try {
      const { ms, data, expected } = build(row, ends, packets);
      packets.push({ time: options.realtime ? ms : i * STEP, data, expected });
    } catch (error) {
      throw new Error(`sequence "${name}", row ${i}: ${(error as Error).message}`);
    }
  }
  return { name, about, options: record, packets };
}

/** The same sequence over IPv4 and over IPv6 (name with `-v6`). */
export function bothFamilies(name: string, rows: readonly Row[], options: SequenceOptions = {}): [Sequence, Sequence] {
  return [sequence(name, rows, { ...options, family: 4 }), sequence(`${name}-v6`, rows, { ...options, family: 6 })];
}

/** The three rows of a handshake; `win` and options as in a row. */
export function handshake({ ms = 0, seq = 100, ack = 500, options = "" } = {}): TcpRow[] {
  return [
    [ms, "->", "S", seq, 0, 0, options],
    [ms, "<-", "SA", ack, seq + 1, 0, options],
    [ms, "->", "A", seq + 1, ack + 1, 0],
  ];
}

interface Ends {
  readonly a: Endpoint;
  readonly b: Endpoint;
}

function build(
  row: Row,
  ends: Ends,
  earlier: readonly TimedPacket[],
): { ms: number; data: Uint8Array; expected: Expected | null } {
  const free = isFree(row) ? row : freeRow(row);
  const { ms, dir = "->", expect, raw, tcp, udp, udplite, sctp, icmp, icmpv6, ...network } = free;
  const [from, to] = dir === "->" ? [ends.a, ends.b] : [ends.b, ends.a];
  const ports = { sport: from.port, dport: to.port };
  const quoted = (fields: IcmpRow): IcmpFields => {
    const { quote, ...rest } = fields;
    if (quote === undefined) return rest;
    if (typeof quote !== "number") return { ...rest, quote };
    const packetQuoted = earlier[quote];
    if (!packetQuoted) throw new Error(`there is no earlier row ${quote}`);
    return { ...rest, quote: packetQuoted.data };
  };
  const v6 = from.address.includes(":");
  const query = icmp ?? icmpv6;
  const data =
    raw ??
    packet({
      src: from.address,
      dst: to.address,
      ...network,
      ...(tcp ? { tcp: { ...ports, ...tcp } } : {}),
      ...(udp ? { udp: { ...ports, ...udp } } : {}),
      ...(udplite ? { udplite: { ...ports, ...udplite } } : {}),
      ...(sctp ? { sctp: { ...ports, ...sctp } } : {}),
      ...(query ? (icmpv6 || v6 ? { icmpv6: quoted(query) } : { icmp: quoted(query) }) : {}),
    });
  return {
    ms,
    data,
    expected: expect === undefined ? null : parseExpected(expect, tcp !== undefined || sctp !== undefined),
  };
}

const isFree = (row: Row): row is FreeRow => !Array.isArray(row);

function freeRow([ms, dir, flags, seq, ack, payload, ...rest]: TcpRow): FreeRow {
  const expect = rest.find(isExpectation);
  const words = rest
    .filter((text) => !isExpectation(text))
    .join(" ")
    .split(/\s+/);
  const number = (name: string) => {
    const word = words.find((candidate) => candidate.startsWith(`${name}=`));
    return word === undefined ? undefined : Number(word.slice(name.length + 1));
  };
  const [win, urgent] = [number("win"), number("urg")];
  const options = words.filter((word) => word !== "" && !/^(win|urg)=/.test(word)).join(" ");
  return {
    ms,
    dir,
    ...(expect === undefined ? {} : { expect }),
    tcp: {
      flags,
      seq: seq >>> 0,
      ack: ack >>> 0,
      payload,
      ...(options === "" ? {} : { options }),
      ...(win === undefined ? {} : { win }),
      ...(urgent === undefined ? {} : { urgent }),
    },
  };
}

const isExpectation = (text: string): boolean => /^(-|\d|[A-Z])/.test(text);

const STATES = ["NEW", "ESTABLISHED", "RELATED", "INVALID", "UNTRACKED"] as const;
const PROTOCOL_STATES: readonly string[] = [...TCP_STATES, ...SCTP_STATES];

/**
 * Words in any order: a state with or without `/r` (reply direction), a protocol state, seconds left, `-` (not in the
 * table afterwards), UNSEEN. Of TCP and SCTP packets the last protocol state is the entry's, so ESTABLISHED alone is
 * that of the entry, and in `ESTABLISHED FIN_WAIT` that of the packet.
 */
export function parseExpected(text: string, stateful: boolean): Expected {
  const expected: { -readonly [K in keyof Expected]: Expected[K] } = {};
  const words = text.split(/\s+/).filter((word) => word !== "");
  const protocolAt = stateful ? words.findLastIndex((word) => PROTOCOL_STATES.includes(word)) : -1;
  for (const [i, word] of words.entries()) {
    const [name = "", suffix] = word.split("/");
    const state = STATES.find((candidate) => candidate === name);
    if (word === "-") expected.gone = true;
    else if (word === "UNSEEN") expected.unseen = true;
    else if (/^\d+$/.test(word)) expected.timeout = Number(word);
    else if (i === protocolAt) expected.protocolState = word;
    else if (state) {
      expected.state = state;
      if (suffix === "r") expected.dir = "reply";
      else if (suffix === "o") expected.dir = "original";
    } else throw new Error(`not an expectation: ${word}`);
  }
  return expected;
}

/** A decision, of the kernel or of the engine. */
export interface Decided {
  readonly seen?: boolean;
  readonly state: string | null;
  readonly dir: string | null;
  readonly after?: { readonly timeout?: number; readonly tcp?: string; readonly sctp?: string } | null;
}

/** What of the expectation does not hold; "" when all does. */
export function unmet(expected: Expected, { seen = true, state, dir, after }: Decided): string {
  const entry = after ? (after.tcp ?? after.sctp ?? "entry") : "no entry";
  const actual = `${seen ? (state ?? "no state") : "unseen"}${dir === "reply" ? "/r" : ""} ${entry}${after ? ` ${after.timeout}` : ""}`;
  const holds =
    (expected.unseen === undefined || seen !== expected.unseen) &&
    (expected.state === undefined || state === expected.state) &&
    (expected.dir === undefined || dir === expected.dir) &&
    (expected.protocolState === undefined || (after?.tcp ?? after?.sctp) === expected.protocolState) &&
    (expected.timeout === undefined ||
      (after?.timeout !== undefined && Math.abs(after.timeout - expected.timeout) <= 1)) &&
    (expected.gone === undefined || !after);
  return holds ? "" : `expected ${JSON.stringify(expected)}, got ${actual}`;
}
