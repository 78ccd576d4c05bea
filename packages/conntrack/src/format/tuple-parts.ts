// What a tuple holds besides its addresses, by protocol, and how text, XML and `-o save` write it.
import type { Flow, Tuple } from "../types.js";

interface TupleParts {
  readonly text: (tuple: Tuple) => string;
  readonly xml: (tuple: Tuple) => string;
  readonly save: (flow: Pick<Flow, "original" | "reply">) => string;
}

const hex = (value = 0) => `0x${value.toString(16)}`;

const ports: TupleParts = {
  text: ({ sport = 0, dport = 0 }) => `sport=${sport} dport=${dport}`,
  xml: ({ sport = 0, dport = 0 }) => `<sport>${sport}</sport><dport>${dport}</dport>`,
  save: ({ original, reply }) =>
    `--sport ${original.sport ?? 0} --dport ${original.dport ?? 0} ` +
    `--reply-port-src ${reply.sport ?? 0} --reply-port-dst ${reply.dport ?? 0}`,
};

const keys: TupleParts = {
  text: ({ srckey, dstkey }) => `srckey=${hex(srckey)} dstkey=${hex(dstkey)}`,
  xml: ({ srckey, dstkey }) => `<srckey>${hex(srckey)}</srckey><dstkey>${hex(dstkey)}</dstkey>`,
  save: ({ original, reply }) =>
    `--srckey ${original.srckey ?? 0} --dstkey ${original.dstkey ?? 0} ` +
    `--reply-key-src ${reply.srckey ?? 0} --reply-key-dst ${reply.dstkey ?? 0}`,
};

const query = (option: string): TupleParts => ({
  text: ({ type = 0, code = 0, id = 0 }) => `type=${type} code=${code} id=${id}`,
  // conntrack-tools has no XML for these
  xml: () => "",
  save: ({ original: { type = 0, code = 0, id = 0 } }) =>
    `--${option}-type ${type} --${option}-code ${code} --${option}-id ${id}`,
});

const none: TupleParts = { text: () => "", xml: () => "", save: () => "" };

const PARTS: Readonly<Record<number, TupleParts>> = {
  1: query("icmp"),
  6: ports,
  17: ports,
  47: keys,
  58: query("icmpv6"),
  132: ports,
  136: ports,
};

export function tupleParts(l4proto: number): TupleParts {
  return PARTS[l4proto] ?? none;
}

/** conntrack-tools still knows DCCP, which Linux (6.18) no longer tracks by port: it prints zeros. */
export const DCCP = 33;

/** The same as conntrack-tools writes them. */
export function toolParts(l4proto: number): TupleParts {
  return l4proto === DCCP ? { ...ports, save: none.save } : tupleParts(l4proto);
}
