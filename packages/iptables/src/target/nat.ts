// SNAT, DNAT, MASQUERADE, REDIRECT, NETMAP: read and kept, so that a file goes through unchanged.
import { applyMask, formatAddress, prefixLength, takeAddress } from "../address.js";
import { target } from "../extension.js";
import { fail, type Word } from "../failure.js";
import { looseNetwork } from "../match/conntrack.js";
import { numberPrefix, parseNumber, U16 } from "../number.js";
import { type Context, flag, join, option } from "../option.js";
import type { Family, MasqueradeTarget, NatTarget, NetmapTarget, Range, RedirectTarget } from "../ruleset.js";
import { servicePort } from "../services.js";

/** Protocols that have ports to translate, or the ids of ICMP (not those of ICMPv6). */
const WITH_PORTS = [1, 6, 17, 33, 132];

function needPorts(word: Word, { protocol }: Context): void {
  if (!WITH_PORTS.includes(protocol))
    fail(word, "ports need a protocol that has some: -p tcp, -p udp, -p sctp or -p dccp");
}

/** PORT, SERVICE, or FIRST-LAST[/BASE] in numbers. SNAT takes a base and forgets it. */
function takePorts(word: Word): { ports: Range; base: number | null } {
  const wanted = "wanted is a port of 0 to 65535, the name of a service, or FIRST-LAST in numbers";
  const port = (text: string) => parseNumber(text, 0, U16) ?? fail(word, wanted);
  const [, first = "", last, base] = /^([^-]+)-([^/]+)(?:\/(.*))?$/s.exec(word.text) ?? [];
  if (last === undefined || parseNumber(first, 0, U16) === null) {
    const one = parseNumber(word.text, 0, U16) ?? servicePort(word.text, 0) ?? fail(word, wanted);
    return { ports: { first: one, last: one }, base: null };
  }
  const ports = { first: port(first), last: port(last) };
  if (ports.first > ports.last) fail(word, "the first port is larger than the last");
  return { ports, base: base === undefined ? null : takeBase({ ...word, text: base }) };
}

/** Ports of the box itself have no base. */
function takeOwnPorts(word: Word): Range {
  const { ports, base } = takePorts(word);
  return base === null ? ports : fail(word, "a range ends with its last port here; the /BASE is for DNAT");
}

/** What stands behind the number does not count. */
function takeBase(word: Word): number {
  const { value } = numberPrefix(word.text) ?? { value: BigInt(servicePort(word.text, 0) ?? 0) };
  return value !== null && value >= 1n && value <= BigInt(U16)
    ? Number(value)
    : fail(word, "wanted is the first port of the translated range, 1 to 65535");
}

/** [ADDRESS[-ADDRESS]][:PORTS]; IPv6 with ports stands in brackets. */
function takeDestination(base: boolean) {
  return (word: Word, context: Context): Pick<NatTarget, "addresses" | "ports" | "portBase"> => {
    const { family } = context;
    let host = word.text;
    let ports: string | null = null;
    const bracket = family === 6 ? /^(\[[^\]]*\])(?::(.*))?$/s.exec(host) : null;
    if (bracket) {
      host = (bracket[1] ?? "").replace(/[[\]]/g, "");
      ports = bracket[2] ?? null;
    } else if (family === 4 ? host.includes(":") : host.startsWith(":") && !host.startsWith("::")) {
      const colon = host.indexOf(":");
      ports = host.slice(colon + 1);
      host = host.slice(0, colon);
    }
    const found =
      ports === null
        ? { ports: null, base: null }
        : takePorts({ text: ports, column: word.column + word.text.length - ports.length });
    if (found.base !== null && !base) found.base = 0;
    if (ports !== null) needPorts(word, context);
    if (host === "" && ports !== null) return { addresses: null, ports: found.ports, portBase: found.base };
    const dash = host.indexOf("-");
    const first = takeAddress({ text: dash < 0 ? host : host.slice(0, dash), column: word.column }, family);
    const last = dash < 0 ? first : takeAddress({ text: host.slice(dash + 1), column: word.column + dash + 1 }, family);
    return { addresses: { first, last }, ports: found.ports, portBase: found.base };
  };
}

const formatPorts = ({ first, last }: Range) => (first === last ? String(first) : `${first}-${last}`);

function printDestination({ addresses, ports, portBase }: NatTarget, family: Family): string {
  const bracket = family === 6 && ports !== null;
  const host = addresses
    ? [addresses.first, ...(String(addresses.last) === String(addresses.first) ? [] : [addresses.last])]
        .map(formatAddress)
        .join("-")
    : "";
  return join(
    (bracket && host !== "" ? `[${host}]` : host) +
      (ports ? `:${formatPorts(ports)}${portBase === null ? "" : `/${portBase}`}` : ""),
  );
}

const natTarget = (kind: "SNAT" | "DNAT", chains: readonly string[], name: string) =>
  target({
    name: kind,
    tables: ["nat"],
    chains,
    options: {
      to: option(name, takeDestination(kind === "DNAT"), { required: true }),
      random: flag("random"),
      ...(kind === "SNAT" ? { randomFully: flag("random-fully") } : {}),
      persistent: flag("persistent"),
    },
    build: ({ to, random, randomFully, persistent }): NatTarget => ({
      kind,
      addresses: to?.value.addresses ?? null,
      ports: to?.value.ports ?? null,
      portBase: to?.value.portBase ?? null,
      random: random !== undefined,
      randomFully: randomFully !== undefined,
      persistent: persistent !== undefined,
    }),
    print: (test: NatTarget, family) =>
      join(
        `--${name} ${printDestination(test, family)}`,
        test.random && "--random",
        test.randomFully && "--random-fully",
        test.persistent && "--persistent",
      ),
  });

export const snat = natTarget("SNAT", ["POSTROUTING", "INPUT"], "to-source");
export const dnat = natTarget("DNAT", ["PREROUTING", "OUTPUT"], "to-destination");

export const masquerade = target({
  name: "MASQUERADE",
  tables: ["nat"],
  chains: ["POSTROUTING"],
  options: {
    ports: option("to-ports", (word, context) => {
      needPorts(word, context);
      return takeOwnPorts(word);
    }),
    random: flag("random"),
    randomFully: flag("random-fully"),
  },
  build: ({ ports, random, randomFully }): MasqueradeTarget => ({
    kind: "MASQUERADE",
    ports: ports?.value ?? null,
    random: random !== undefined,
    randomFully: randomFully !== undefined,
  }),
  print: ({ ports, random, randomFully }: MasqueradeTarget) =>
    join(ports && `--to-ports ${formatPorts(ports)}`, random && "--random", randomFully && "--random-fully"),
});

export const redirect = target({
  name: "REDIRECT",
  tables: ["nat"],
  chains: ["PREROUTING", "OUTPUT"],
  options: {
    ports: option("to-ports", (word, context) => {
      needPorts(word, context);
      return takeOwnPorts(word);
    }),
    random: flag("random"),
  },
  build: ({ ports, random }): RedirectTarget => ({
    kind: "REDIRECT",
    ports: ports?.value ?? null,
    random: random !== undefined,
  }),
  print: ({ ports, random }: RedirectTarget) => join(ports && `--to-ports ${formatPorts(ports)}`, random && "--random"),
});

export const netmap = target({
  name: "NETMAP",
  tables: ["nat"],
  options: {
    to: option("to", looseNetwork, { required: true }),
  },
  build: ({ to }): NetmapTarget => ({
    kind: "NETMAP",
    address: applyMask(to?.value.address ?? [], to?.value.mask ?? []),
    mask: to?.value.mask ?? [],
  }),
  print({ address, mask }: NetmapTarget) {
    return `--to ${formatAddress(address)}/${prefixLength(mask)}`;
  },
});
