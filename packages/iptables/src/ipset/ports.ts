// `tcp:80`, `80-90`, `icmp:echo-request`, `icmpv6:128/0`, `gre:0`: the port of an element, with its protocol.
import { fail, type Word } from "../failure.js";
import { ICMP_NAMES } from "../match/icmp.js";
import { parseNumber, U8, U16 } from "../number.js";
import { protocolName, protocolNumber } from "../protocols.js";
import type { Family } from "../ruleset.js";
import { servicePort } from "../services.js";
import type { SetEntry } from "./types.js";
import { halves } from "./words.js";

const [ICMP, TCP, UDP, ICMPV6, SCTP, UDPLITE] = [1, 6, 17, 58, 132, 136];
const WITH_PORTS = [TCP, UDP, SCTP, UDPLITE];

type Port = NonNullable<SetEntry["port"]>;

/** Codes ipset has no name for, though ip6tables does. */
const NAMELESS = ["1/2", "1/5", "1/6"];

/** Names by type << 8 | code. A type that has names for its codes has none of its own here. */
const icmpNames = (family: Family): [name: string, number: number][] =>
  ICMP_NAMES[family].flatMap(([name, value]) => {
    const [type = 0, code] = value.split("/").map(Number);
    const coded = ICMP_NAMES[family].some(([, other]) => other.startsWith(`${type}/`));
    if (name === "any" || (code === undefined && coded) || (family === 6 && NAMELESS.includes(value))) return [];
    return [[name, (type << 8) | (code ?? 0)]];
  });
const NAMES: Readonly<Record<Family, readonly [string, number][]>> = { 4: icmpNames(4), 6: icmpNames(6) };

function takePort(word: Word, protocol: number): number {
  return (
    parseNumber(word.text, 0, U16) ??
    servicePort(word.text, protocol) ??
    fail(word, "wanted is a port of 0 to 65535, the name of a service, or FIRST-LAST")
  );
}

function* range(word: Word, protocol: number): Generator<number> {
  const dash = servicePort(word.text, protocol) === undefined ? halves(word, "-") : null;
  const [a, b] = (dash ?? [word, word]).map((end) => takePort(end, protocol)) as [number, number];
  for (let port = Math.min(a, b); port <= Math.max(a, b); port++) yield port;
}

function takeProtocol(word: Word, family: Family): number {
  const found =
    parseNumber(word.text, 0, U8) ??
    protocolNumber(word.text.toLowerCase()) ??
    fail(word, "wanted is a protocol: tcp, udp, sctp, udplite, icmp, icmpv6, or another one with port 0");
  if (found === 0) fail(word, "wanted is a protocol of 1 to 255 or its name");
  if (found === ICMP && family === 6) fail(word, "the set is one of IPv6, where icmpv6 is wanted");
  if (found === ICMPV6 && family === 4) fail(word, "the set is one of IPv4, where icmp is wanted");
  return found;
}

function takeIcmp(word: Word, family: Family): number {
  const [, type, code] = /^(\d+)\/(\d+)$/.exec(word.text) ?? [];
  if (type !== undefined && Number(type) <= U8 && Number(code) <= U8) return (Number(type) << 8) | Number(code);
  return (
    NAMES[family].find(([name]) => name === word.text)?.[1] ??
    fail(word, "wanted is TYPE/CODE, or a name like echo-request")
  );
}

export function* takePorts(word: Word, family: Family): Generator<Port> {
  const colon = halves(word, ":");
  const [name, port] = colon ?? [null, word];
  const protocol = name === null ? TCP : takeProtocol(name, family);
  if (WITH_PORTS.includes(protocol)) for (const one of range(port, protocol)) yield { protocol, port: one };
  else if (protocol === ICMP || protocol === ICMPV6) yield { protocol, port: takeIcmp(port, family) };
  else if (port.text === "0") yield { protocol, port: 0 };
  else fail(port, "this protocol has no ports: 0 is wanted behind it");
}

/** Those of bitmap:port, which asks for no protocol: one may be written. */
export function* takeBarePorts(word: Word): Generator<Port> {
  const colon = halves(word, ":");
  const [name, port] = colon ?? [null, word];
  const protocol = name === null ? TCP : takeProtocol(name, 4);
  if (protocol !== TCP && protocol !== UDP) fail(name ?? word, "wanted is tcp or udp, or the port alone");
  for (const one of range(port, protocol)) yield { protocol: 0, port: one };
}

export function formatPort({ protocol, port }: Port, family: Family): string {
  if (protocol === 0) return String(port);
  if (protocol !== ICMP && protocol !== ICMPV6) return `${protocolName(protocol)}:${port}`;
  return `${protocolName(protocol)}:${NAMES[family].find(([, number]) => number === port)?.[0] ?? `${port >> 8}/${port & U8}`}`;
}
