// One packet's decision in steps, as plain data: what it is, what it met, what was compared with what.
import {
  type Conntrack,
  type Expectation,
  expectFlagNames,
  type Flow,
  flagNames,
  protocolName,
  SYSCTLS,
  statusNames,
  type Tuple,
} from "conntrack-wasm";
import { hasIcmpId, icmpText, type PacketView, protocolText, secondsText } from "./packet.js";
import { changeText, endpoint, infoText } from "./text.js";

/** A step has a name and lines; a line may be good or bad news. */
export interface Step {
  readonly step: string;
  readonly lines: readonly Line[];
}

export interface Line {
  readonly text: string;
  readonly verdict?: "ok" | "fails";
}

export interface Context {
  /** What rules did with it; null without rules. */
  readonly rules?: Step | null;
  readonly packet: PacketView;
  /** The engine right behind the packet. */
  readonly engine: Conntrack;
  /** Time of the first packet. */
  readonly origin: bigint;
  /** Packet that opened a connection, by its number. */
  readonly openedBy: (conn: number) => number | null;
  /** One-line description of the packet that set what this one fell foul of. */
  readonly cause: string | null;
  /** The packet that announced its connection, in a line; null when there is none, or it cannot be read again. */
  readonly announcement: string | null;
  /** What a helper would have made of it. */
  readonly foreseen: string | null;
  /** Why nothing came of what seems to announce it. */
  readonly notExpected?: readonly string[];
}

const LINKS = new Map([
  [0, "BSD loopback"],
  [1, "Ethernet"],
  [6, "IEEE 802.5"],
  [9, "PPP"],
  [10, "FDDI"],
  [12, "raw IP"],
  [14, "raw IP"],
  [50, "PPP with HDLC framing"],
  [51, "PPPoE"],
  [101, "raw IP"],
  [104, "Cisco HDLC"],
  [105, "IEEE 802.11"],
  [107, "Frame Relay"],
  [108, "OpenBSD loopback"],
  [109, "OpenBSD, behind IPsec"],
  [113, "Linux cooked"],
  [117, "OpenBSD pflog"],
  [119, "802.11 with the header of Prism"],
  [127, "802.11 with radiotap"],
  [163, "802.11 with the header of AVS"],
  [192, "802.11 with PPI"],
  [228, "IPv4"],
  [229, "IPv6"],
  [239, "NFLOG"],
  [276, "Linux cooked v2"],
]);

/** "#12 1.167076 s tcp 10.0.0.1:1025 → 10.0.0.2:80 ACK, 52 bytes: ESTABLISHED" */
export function oneLine(packet: PacketView, origin: bigint): string {
  const { trace } = packet;
  const ends = trace.src === null ? "" : ` ${endpoint(trace.src, trace.sport)} → ${endpoint(trace.dst, trace.dport)}`;
  const info = infoText(packet);
  const change = changeText(packet);
  return (
    `#${packet.frame} ${secondsText(packet.time - origin)} s ${protocolText(trace)}${ends}${info && ` ${info}`}, ${trace.length} bytes: ` +
    `${packet.state ?? "no state"}${change && ` (${change})`}`
  );
}

/** All that can be said of a packet, from the frame to the hint. */
export function explainPacket(context: Context): Step[] {
  const steps = [
    frameStep(context),
    ...networkSteps(context),
    lookupStep(context),
    trackerStep(context),
    windowStep(context),
    timerStep(context),
  ];
  steps.push(masterStep(context), expectedStep(context), {
    step: "Not expected",
    lines: lines(...(context.notExpected ?? [])),
  });
  if (context.rules) steps.push(context.rules);
  steps.push(outcomeStep(context), causeStep(context), hintStep(context));
  return steps.filter((step) => step.lines.length > 0);
}

const lines = (...texts: (string | null | false)[]): Line[] =>
  texts.filter((text) => typeof text === "string").map((text) => ({ text }));

function frameStep({ packet, origin }: Context): Step {
  const { captured, length, link } = packet;
  const kept = captured < length ? `${captured} of ${length} bytes captured` : `${length} bytes, all captured`;
  return {
    step: "Frame",
    lines: lines(
      `${kept}; ${LINKS.get(link) ?? "a link type that is not read"} (link type ${link})`,
      `${secondsText(packet.time - origin)} s after the first packet, at ${secondsText(packet.time, 9)}`,
    ),
  };
}

function networkSteps({ packet, engine }: Context): Step[] {
  const { trace } = packet;
  if (trace.l3num === 0) return [];
  const version = trace.l3num === 2 ? "IPv4" : "IPv6";
  const ip = trace.src === null ? version : `${version} ${trace.src} → ${trace.dst}, ${trace.length} bytes`;
  const fragment = trace.datagram !== null && `fragment of the datagram that began with #${trace.datagram}`;
  return [
    { step: "IP", lines: lines(ip, fragment) },
    { step: protocolText(trace).toUpperCase(), lines: lines(transportText(packet)) },
    { step: "Checksum", lines: checksumLines(packet, engine) },
  ];
}

function transportText({ trace }: PacketView): string {
  if (trace.flags !== null) {
    return (
      `port ${trace.sport} → ${trace.dport}, ${flagNames(trace.flags)}, seq ${trace.seq}, ack ${trace.ack}, window ${trace.window} (unscaled), ` +
      `${trace.payload} bytes of data`
    );
  }
  if (trace.type !== null) {
    const id = hasIcmpId(trace.protocol as string, trace.type) ? `, id ${trace.id}` : "";
    return `${icmpText(trace.protocol as string, trace.type, trace.code as number)}: type ${trace.type}, code ${trace.code}${id}`;
  }
  if (trace.sport !== null) return `port ${trace.sport} → ${trace.dport}, ${trace.payload} bytes of data`;
  return `protocol ${trace.l4proto}: no tracker of its own, told apart by addresses only`;
}

function checksumLines({ trace }: PacketView, engine: Conntrack): Line[] {
  if (trace.badChecksum) return [{ text: "wrong", verdict: "fails" }];
  if (engine.sysctl("nf_conntrack_checksum") === 0)
    return lines("not verified (net.netfilter.nf_conntrack_checksum=0)");
  return lines(trace.cut ? "not verified: the capture does not hold the whole packet" : "nothing wrong with it");
}

// ---- lookup

function tupleText({ src, dst, sport, dport, type, code, id, srckey, dstkey }: Tuple): string {
  if (sport !== undefined) return `${endpoint(src, sport)} → ${endpoint(dst, dport ?? null)}`;
  if (type !== undefined) return `${src} → ${dst}, type ${type}, code ${code}, id ${id}`;
  if (srckey !== undefined) return `${src} → ${dst}, keys 0x${srckey.toString(16)}, 0x${(dstkey ?? 0).toString(16)}`;
  return `${src} → ${dst}`;
}

/** Which way the packet runs in its connection, also when it is INVALID. */
function wayOf({ packet }: Context, flow: Flow | undefined): "original" | "reply" | null {
  if (packet.direction !== null) return packet.direction;
  const { trace } = packet;
  if (flow === undefined || trace.src === null) return null;
  return flow.original.src === trace.src && (flow.original.sport === undefined || flow.original.sport === trace.sport)
    ? "original"
    : "reply";
}

function lookupStep(context: Context): Step {
  const { packet, engine } = context;
  const { entry, trace } = packet;
  const step = "Lookup";
  if (packet.state === null) return { step, lines: [] };
  if (entry === null) {
    return {
      step,
      lines: lines(
        trace.type !== null && packet.reason?.name.startsWith("icmp-quote")
          ? "by the packet it quotes: nothing found"
          : "no entry for it",
      ),
    };
  }
  const flow = engine.flow(entry);
  const ends = `${endpoint(trace.src, trace.sport)} → ${endpoint(trace.dst, trace.dport)}`;
  const what =
    flow === undefined ? `, gone now (this packet: ${ends})` : `: ${flow.protocol} ${tupleText(flow.original)}`;
  if (trace.before === null) return { step, lines: lines(`not found: a new connection, number ${entry}${what}`) };
  const opened = context.openedBy(entry);
  const quoted = packet.state === "RELATED" && trace.type !== null ? " by the packet it quotes" : "";
  const way = wayOf(context, flow);
  return {
    step,
    lines: lines(
      `found connection ${entry}${quoted}${what}${opened === null || opened === packet.frame ? "" : `, opened by #${opened}`}`,
      way && `this packet runs in its ${way} direction`,
      `status ${statusNames(trace.before.status).join(" ")}`,
    ),
  };
}

// ---- tracker

function eventName(flags: number): string {
  if (flags & 4) return "RST";
  if (flags & 2) return flags & 16 ? "SYN/ACK" : "SYN";
  if (flags & 1) return "FIN";
  return flags & 16 ? "ACK" : "no flag that matters";
}

function trackerStep(context: Context): Step {
  const { packet, engine } = context;
  const { trace, entry } = packet;
  const step = "Tracker";
  if (trace.flags === null || packet.state === null || packet.state === "UNTRACKED")
    return { step, lines: statusLines(packet) };
  const way = trace.before === null ? "original" : wayOf(context, entry === null ? undefined : engine.flow(entry));
  const before = trace.before?.protocolState ?? "NONE";
  const cell = `${eventName(trace.flags)} in ${before}${way === null ? "" : `, ${way} direction`}`;
  if (packet.state === "INVALID") {
    const byTable = !packet.reason?.numbers?.some((name) => name === "bound" || name === "maxAck");
    return {
      step,
      lines: [
        byTable ? { text: `${cell} → INVALID`, verdict: "fails" } : { text: `${cell}: may be, if its numbers fit` },
      ],
    };
  }
  const after = trace.after === null ? "CLOSE, and the entry is removed at once" : trace.after.protocolState;
  const ignored =
    trace.before !== null &&
    packet.reason !== null &&
    /ignored|again|challenge|overshot|under/.test(packet.reason.name);
  return {
    step,
    lines: [
      { text: `${cell} → ${ignored ? `passes without effect, stays ${before}` : after}` },
      ...statusLines(packet),
    ],
  };
}

function statusLines({ trace: { before, after } }: PacketView): Line[] {
  if (after === null) return [];
  const had = before === null ? [] : statusNames(before.status);
  const gained = statusNames(after.status).filter((name) => !had.includes(name));
  return lines(gained.length > 0 && `status gains ${gained.join(" ")}`);
}

// ---- window

/** How far `a` is from `b` in sequence space. */
const distance = (a: number, b: number) => (a - b) | 0;
const MAXACKWINCONST = 66_000;

// The four bounds of the window check, from the numbers a window reason carries.
function windowStep({ packet }: Context): Step {
  const step = "Window";
  const { reason, trace } = packet;
  if (trace.flags === null || reason?.numbers?.includes("receiverMaxWin") !== true) return { step, lines: [] };
  const n = Object.fromEntries(reason.numbers.map((name, i) => [name, trace.numbers[i] ?? 0])) as Record<
    string,
    number
  >;
  const number = (name: string) => n[name] ?? 0;
  const [senderEnd, receiverEnd, end, ack] = [number("senderEnd"), number("receiverEnd"), number("end"), number("ack")];
  const ackWindow = Math.max(number("senderMaxWin"), MAXACKWINCONST);
  const bound = (name: string, value: number, sign: string, limit: number, holds: boolean, meaning: string): Line => {
    const away = Math.abs(distance(value, limit)) + (holds ? -1 : 1);
    return {
      text: `${name.padEnd(3)} ${String(value).padStart(10)} ${sign} ${String(limit).padStart(10)}   ${holds ? "ok" : "no"}, ${away} ${away === 1 ? "byte" : "bytes"} ${holds ? "to spare" : "too far"} (${meaning})`,
      verdict: holds ? "ok" : "fails",
    };
  };
  const upper = (number("senderMaxEnd") + 1) >>> 0;
  const lower = (senderEnd - number("receiverMaxWin") - 1) >>> 0;
  const ackUpper = (receiverEnd + 1) >>> 0;
  const ackLower = (receiverEnd - ackWindow - 1) >>> 0;
  const seq = number("seq");
  return {
    step,
    lines: [
      bound("seq", seq, "<", upper, distance(seq, upper) < 0, "what the receiver's window allows"),
      bound("end", end, ">", lower, distance(end, lower) > 0, "not older than the receiver's window"),
      bound("ack", ack, "<", ackUpper, distance(ack, ackUpper) < 0, "data the receiver has sent"),
      bound("ack", ack, ">", ackLower, distance(ack, ackLower) > 0, "not overly delayed"),
      {
        text:
          `sender: end ${senderEnd}, may send to ${number("senderMaxEnd")}, largest window ${number("senderMaxWin")}; ` +
          `receiver: end ${receiverEnd}, largest window ${number("receiverMaxWin")}`,
      },
    ],
  };
}

// ---- timer

/** Helpers that renew the connection they read, if only by a while of their own (a registration, a call). */
const RENEWING = ["amanda", "netbios-ns", "RAS", "sip", "snmp"];

/** Sysctls that may have chosen a timeout, most particular last. */
function timeoutCandidates({ trace }: PacketView): string[] {
  const state = trace.after?.protocolState?.toLowerCase() ?? "";
  const prefix = "net.netfilter.nf_conntrack_";
  switch (trace.protocol) {
    case "tcp":
      return [`tcp_timeout_${state}`, "tcp_timeout_unacknowledged", "tcp_timeout_max_retrans", "tcp_timeout_close"].map(
        (name) => prefix + name,
      );
    case "udp":
    case "udplite": {
      const stream = `${prefix}udp_timeout_stream`;
      const isStream = statusNames(trace.before?.status ?? 0).includes("ASSURED");
      return isStream ? [stream] : [`${prefix}udp_timeout`, stream];
    }
    case "sctp":
      return [`${prefix}sctp_timeout_${state}`];
    case "gre":
      return [`${prefix}gre_timeout`, `${prefix}gre_timeout_stream`];
    case "icmp":
    case "icmpv6":
      return [`${prefix}${trace.protocol}_timeout`];
    default:
      return [`${prefix}generic_timeout`];
  }
}

function timerStep({ packet, engine }: Context): Step {
  const step = "Timer";
  const { before, after } = packet.trace;
  if (before === null && after === null) return { step, lines: [] };
  if (after === null)
    return { step, lines: lines(`${secondsText(before?.timeout ?? 0n, 3)} s were left: the entry is gone`) };
  if (before !== null && before.timeout === after.timeout)
    return { step, lines: lines(`not renewed: ${secondsText(after.timeout, 3)} s left`) };
  const known = timeoutCandidates(packet).filter((name) => SYSCTLS.some((sysctl) => sysctl.name === name));
  const rule = known.find((name) => BigInt(engine.sysctl(name)) * 1_000_000_000n === after.timeout);
  const helper = packet.entry === null ? null : (engine.flow(packet.entry)?.helper ?? null);
  const chosen = rule ?? (helper !== null && RENEWING.includes(helper) ? `by its helper, ${helper}` : null);
  const from = before === null ? "set" : `${secondsText(before.timeout, 3)} s left, renewed`;
  return {
    step,
    lines: lines(`${from} to ${secondsText(after.timeout, 3)} s${chosen === null ? "" : ` (${chosen})`}`),
  };
}

// ---- who announced it

function masterStep({ packet, engine, announcement }: Context): Step {
  const { master, announced } = packet.trace;
  if (master === null) return { step: "Announced", lines: [] };
  const flow = engine.flow(master);
  const whose = flow === undefined ? "gone by now" : `${flow.helper ?? flow.protocol}, ${tupleText(flow.original)}`;
  return {
    step: "Announced",
    lines: lines(`by connection ${master} (${whose})`, announced !== null && (announcement ?? `with #${announced}`)),
  };
}

// ---- what it announces

/** "tcp 10.0.0.1 → 10.0.0.2:1720, within 240.000 s": an address without a port stands for all of its ports. */
function expectationText({ l4proto, tuple, mask, timeout, flags }: Expectation): string {
  const { src, dst, sport, dport } = tuple;
  const whose = mask.src === mask.dst ? src : `${src}/${mask.src}`;
  const from = /^[0:.]+$/.test(mask.src) ? "anyone" : endpoint(whose, mask.sport ? (sport ?? null) : null);
  const ends = dport === undefined ? tupleText(tuple) : `${from} → ${endpoint(dst, dport)}`;
  const within = timeout === null ? "" : `, within ${secondsText(timeout, 3)} s`;
  const repeated = expectFlagNames(flags).includes("PERMANENT") ? ", any number of times" : "";
  return `${protocolName(l4proto)} ${ends}${within}${repeated}`;
}

function expectedStep({ packet, engine }: Context): Step {
  const announced = engine.expectations().filter(({ frame }) => frame === packet.frame);
  return { step: "Expected", lines: lines(...announced.map(expectationText)) };
}

// ---- outcome

function outcomeStep({ packet }: Context): Step {
  const why = packet.reason === null ? "" : `: ${packet.reasonText}`;
  const text = `${packet.state ?? "no state"}${packet.verdict === "DROP" ? ", dropped" : ""}${why}`;
  const bad = packet.state === "INVALID" || packet.verdict === "DROP";
  return { step: "Outcome", lines: [{ text, ...(bad ? { verdict: "fails" as const } : {}) }] };
}

function causeStep({ packet, cause }: Context): Step {
  const frame = packet.trace.cause;
  return { step: "Set by", lines: frame === null || frame === packet.frame ? [] : lines(cause ?? `#${frame}`) };
}

function hintStep({ packet, foreseen }: Context): Step {
  const { hint } = packet.reason ?? {};
  return { step: "Hint", lines: lines(hint !== undefined && `${hint} would change this`, foreseen) };
}
