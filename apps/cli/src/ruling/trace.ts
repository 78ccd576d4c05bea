// The lines the kernel's TRACE target logs of a packet: `TRACE: filter:FORWARD:rule:3 IN=eth0 OUT=eth1 SRC=… DST=…`.
import { formatRule } from "conntrack-iptables";
import type { PacketView } from "../packet.js";
import type { Asked, Passage } from "./passage.js";

const FLAGS = ["CWR", "ECE", "URG", "ACK", "PSH", "RST", "SYN", "FIN"];

/** The rules that matched, one line each and the rule below it; with `all`, also those that did not. */
export function traceLines(passage: Passage, packet: PacketView, frame: Uint8Array, all: boolean): string[] {
  const about = describe(packet, frame);
  return passage.asked.flatMap((asked) => {
    const { ref } = asked;
    const rule = ref?.rule ? `-A ${ref.chain.name} ${formatRule(ref.rule, ref.family)}`.trimEnd() : null;
    const line = ref?.rule ? `line ${ref.rule.line}: ` : "";
    const doubt = asked.undecided ? " (cannot be decided from packets)" : "";
    if (!asked.matched) return all ? [`       no match${doubt}: ${line}${rule}`] : [];
    const { in: inside, out: outside } = passage.way;
    const [i, o] = isBeforeRouting(asked) ? [inside, null] : [inside, outside];
    const head = `TRACE: ${asked.table}:${asked.chain}:${kindOf(asked)}:${asked.position}`;
    return [
      `${head} IN=${i ?? ""} OUT=${o ?? ""} ${about}`,
      ...(rule === null ? [] : [`       ${line}${rule}${doubt}`]),
    ];
  });
}

const kindOf = ({ ref }: Asked): string => (ref === null ? "return" : ref.rule === null ? "policy" : "rule");

/** Nobody knows yet where the packet will go. User chains show the way of their packet. */
const isBeforeRouting = ({ chain }: Asked): boolean => chain === "PREROUTING";

const hex = (value: number, digits: number): string => `0x${value.toString(16).toUpperCase().padStart(digits, "0")}`;

// What nf_log writes of a packet, from its bytes.
function describe({ trace }: PacketView, frame: Uint8Array): string {
  const start = networkHeader(frame, trace.src, trace.dst);
  if (start < 0) return `SRC=${trace.src ?? ""} DST=${trace.dst ?? ""} LEN=${trace.length}`;
  const view = new DataView(frame.buffer, frame.byteOffset + start, frame.byteLength - start);
  const u8 = (at: number) => (at < view.byteLength ? view.getUint8(at) : 0);
  const u16 = (at: number) => (u8(at) << 8) | u8(at + 1);
  const words = [`SRC=${trace.src}`, `DST=${trace.dst}`];
  if (u8(0) >> 4 === 4) {
    words.push(
      `LEN=${u16(2)}`,
      `TOS=${hex(u8(1) & 0x1e, 2)}`,
      `PREC=${hex(u8(1) & 0xe0, 2)}`,
      `TTL=${u8(8)}`,
      `ID=${u16(4)}`,
    );
    if (u16(6) & 0x8000) words.push("CE");
    if (u16(6) & 0x4000) words.push("DF");
    if (u16(6) & 0x2000) words.push("MF");
    if (u16(6) & 0x1fff) words.push(`FRAG:${u16(6) & 0x1fff}`);
  } else {
    const flow = ((u8(1) & 0xf) << 16) | u16(2);
    words.push(`LEN=${u16(4) + 40}`, `TC=${((u16(0) >> 4) & 0xff).toString()}`, `HOPLIMIT=${u8(7)}`, `FLOWLBL=${flow}`);
  }
  const name = { 6: "TCP", 17: "UDP", 1: "ICMP", 58: "ICMPv6", 132: "SCTP", 136: "UDPLITE", 50: "ESP", 51: "AH" }[
    trace.l4proto
  ];
  words.push(`PROTO=${name ?? trace.l4proto}`);
  if (trace.sport !== null) words.push(`SPT=${trace.sport}`, `DPT=${trace.dport}`);
  if (trace.flags !== null) {
    words.push(`SEQ=${trace.seq}`, `ACK=${trace.ack}`, `WINDOW=${trace.window}`, "RES=0x00");
    words.push(...FLAGS.filter((_, i) => ((trace.flags as number) >> (7 - i)) & 1), "URGP=0");
  }
  if (trace.type !== null) {
    words.push(`TYPE=${trace.type}`, `CODE=${trace.code}`);
    if (trace.id !== null) words.push(`ID=${trace.id}`);
  }
  return words.join(" ");
}

// Where the IP header begins: where the addresses stand that the engine read, behind whatever the link has in front.
function networkHeader(frame: Uint8Array, src: string | null, dst: string | null): number {
  if (src === null || dst === null) return -1;
  const wanted = Uint8Array.from([...bytesOf(src), ...bytesOf(dst)]);
  const [version, at] = wanted.length === 8 ? [4, 12] : [6, 8];
  for (let start = 0; start + at + wanted.length <= frame.length; start++) {
    if ((frame[start] as number) >> 4 !== version) continue;
    if (wanted.every((byte, i) => frame[start + at + i] === byte)) return start;
  }
  return -1;
}

function bytesOf(address: string): number[] {
  if (!address.includes(":")) return address.split(".").map(Number);
  const dotted = address.replace(
    /(\d+)\.(\d+)\.(\d+)\.(\d+)$/,
    (_, a, b, c, d) => `${((+a << 8) | +b).toString(16)}:${((+c << 8) | +d).toString(16)}`,
  );
  const [left = "", right = ""] = dotted.split("::");
  const groups = (half: string) => (half === "" ? [] : half.split(":").map((group) => Number.parseInt(group, 16)));
  const [head, tail] = [groups(left), groups(right)];
  const all = [...head, ...Array<number>(Math.max(0, 8 - head.length - tail.length)).fill(0), ...tail];
  return all.flatMap((group) => [group >> 8, group & 0xff]);
}
