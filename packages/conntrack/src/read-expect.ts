// From an expectation in linear memory, or its copy in an event, to plain data.
import * as abi from "@conntrack-wasm/core/abi";
import { ipv4Text, ipv6Text } from "./address.js";
import { helperByNumber } from "./helper.js";
import type { Expectation, Tuple } from "./types.js";

/** Where the parts lie, and the moment of reading. */
export interface ExpectSource {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly at: number;
  readonly time: bigint;
  /** Original tuple and number of the connection that announced it. */
  readonly master: Tuple;
  readonly masterConn: number;
}

export function readExpectation({ bytes, view, at, time, master, masterConn }: ExpectSource): Expectation {
  const l4proto = bytes[at + abi.EXPECT_L4PROTO] ?? 0;
  const isV4 = bytes[at + abi.EXPECT_L3NUM] === abi.L3_IPV4;
  const address = (from: number) => (isV4 ? ipv4Text(bytes, from) : ipv6Text(bytes, from));
  const port = (i: number) => view.getUint16(at + abi.EXPECT_PORTS + 2 * i);
  const parts = (from: number, to: number) =>
    l4proto === abi.IPPROTO_GRE ? { srckey: from, dstkey: to } : { sport: from, dport: to };
  const helper = helperByNumber(bytes[at + abi.EXPECT_MASTER_HELPER] ?? 0);
  const number = bytes[at + abi.EXPECT_CLASS] ?? 0;
  return Object.freeze({
    l3num: isV4 ? 2 : 10,
    l4proto,
    tuple: { src: address(at), dst: address(at + 16), ...parts(port(0), port(1)) },
    mask: {
      src: address(at + abi.EXPECT_MASK),
      dst: isV4 ? "255.255.255.255" : "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
      ...parts(port(2), 0xffff),
    },
    timeout: view.getBigUint64(at + abi.EXPECT_DEADLINE, true) - time,
    flags: bytes[at + abi.EXPECT_FLAGS] ?? 0,
    class: number,
    className: helper?.classes[number] ?? null,
    helper: helper?.name ?? null,
    master,
    masterConn,
    zone: view.getUint16(at + abi.EXPECT_ZONE, true),
    frame: view.getUint32(at + abi.EXPECT_FRAME, true),
  });
}
