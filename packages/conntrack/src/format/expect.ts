// Expectations: /proc/net/nf_conntrack_expect, conntrack -L expect, conntrack -E expect
import type { Expectation } from "../types.js";
import { compressAddress } from "./address.js";
import { expectTimestamp } from "./clock.js";
import { eventTag } from "./event.js";
import { tupleParts } from "./tuple-parts.js";
import { familyName, line, procTuple, toolTuple, wholeSeconds } from "./words.js";
import { element, leaf, protocolAttributes, when } from "./xml.js";

/** Names of the flags, in the order of their bit numbers. */
export const EXPECT_FLAGS = ["PERMANENT", "INACTIVE", "USERSPACE"] as const;

export type ExpectFlag = (typeof EXPECT_FLAGS)[number];
export type ExpectEventType = "NEW" | "DESTROY";

export interface ExpectOptions {
  /** Nanoseconds since the epoch: when it was printed. In front, in XML as `<when>`. */
  readonly timestamp?: bigint;
  /** Of `<when>`: an IANA name; default: the machine's. */
  readonly timeZone?: string;
}

export function expectFlagNames(flags: number): ExpectFlag[] {
  return EXPECT_FLAGS.filter((_, bit) => (flags >> bit) & 1);
}

/** A line of `/proc/net/nf_conntrack_expect`. */
export function formatExpectProc(expectation: Expectation): string {
  const { l3num, l4proto, timeout, helper, className } = expectation;
  return line(
    timeout === null ? "-" : `${wholeSeconds(timeout)}`,
    `l3proto = ${l3num} proto=${l4proto}`,
    procTuple(l4proto, expectation.tuple),
    expectFlagNames(expectation.flags).join(","),
    helper !== null && (className === null ? helper : `${helper}/${className}`),
  );
}

/** A line of `conntrack -L expect`. */
export function formatExpectConntrack(expectation: Expectation, { timestamp }: ExpectOptions = {}): string {
  const { l4proto, mask, master, helper } = expectation;
  const parts = tupleParts(l4proto).text;
  const text = line(
    `${wholeSeconds(expectation.timeout ?? 0n)}`,
    `proto=${l4proto}`,
    toolTuple(l4proto, expectation.tuple),
    `mask-src=${compressAddress(mask.src)} mask-dst=${compressAddress(mask.dst)}`,
    parts(mask),
    `master-src=${compressAddress(master.src)} master-dst=${compressAddress(master.dst)}`,
    tupleParts(masterProtocol(expectation)).text(master),
    expectFlagNames(expectation.flags).join(","),
    `class=${expectation.class}`,
    helper !== null && `helper=${helper}`,
  );
  return timestamp === undefined ? text : expectTimestamp(timestamp) + text;
}

/** A line of `conntrack -E expect`. */
export function formatExpectEvent(
  type: ExpectEventType,
  expectation: Expectation,
  { timestamp }: ExpectOptions = {},
): string {
  const time = timestamp === undefined ? "" : expectTimestamp(timestamp);
  return `${time}${eventTag(type)} ${formatExpectConntrack(expectation)}`;
}

/** A line of `conntrack -L expect -o xml`, or of `-E` with a type, between `beginXml("expect")` and `endXml("expect")`. */
export function formatExpectXml(
  expectation: Expectation,
  type?: ExpectEventType,
  { timestamp, timeZone }: ExpectOptions = {},
): string {
  const { l3num, l4proto, mask, master, helper } = expectation;
  const tuples = { expected: expectation.tuple, mask, master };
  const names = ["expected", "mask", "master"] as const;
  const addresses = names.map((name) =>
    element(name, "", leaf("src", compressAddress(tuples[name].src)), leaf("dst", compressAddress(tuples[name].dst))),
  );
  const parts = names.map((name) =>
    element(name, "", tupleParts(name === "master" ? masterProtocol(expectation) : l4proto).xml(tuples[name])),
  );
  return element(
    "flow",
    type === undefined ? "" : ` type="${type.toLowerCase()}"`,
    element("layer3", protocolAttributes(l3num, familyName(l3num)), ...addresses),
    element("layer4", protocolAttributes(l4proto, PROTOCOL_NAMES[l4proto] ?? "unknown"), ...parts),
    element(
      "meta",
      "",
      helper !== null && leaf("helper-name", helper),
      leaf("timeout", wholeSeconds(expectation.timeout ?? 0n)),
      leaf("class", expectation.class),
      timestamp !== undefined && when(timestamp, timeZone),
      ...expectFlagNames(expectation.flags).map((flag) => `<${flag.toLowerCase()}/>`),
    ),
  );
}

const PROTOCOL_NAMES: Readonly<Record<number, string>> = {
  1: "icmp",
  6: "tcp",
  17: "udp",
  47: "gre",
  58: "icmpv6",
  132: "sctp",
  136: "udplite",
};

// An Expectation does not name its master's protocol, which need not be its own (PPTP: TCP announces GRE). All control
// connections have ports, and those of tcp and udp are written alike.
function masterProtocol({ master, l4proto }: Expectation): number {
  return master.sport === undefined ? l4proto : 6;
}
