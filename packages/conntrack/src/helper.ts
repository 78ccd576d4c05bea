// The helpers by number (core/assembly/abi.ts), with what they speak and the port they are used to.
import * as abi from "@conntrack-wasm/core/abi";
import { ConntrackError } from "./error.js";

export interface HelperRow {
  readonly name: string;
  readonly number: number;
  /** L4 protocols it reads. */
  readonly l4protos: readonly number[];
  /** Its usual port, 0 for none: H.245 has none of its own. */
  readonly port: number;
  /** Names of its classes of expectations, where they have any. */
  readonly classes: readonly string[];
}

const row = (
  number: number,
  name: string,
  l4protos: readonly number[],
  port: number,
  classes: readonly string[] = [],
): HelperRow => ({ number, name, l4protos, port, classes });
const { IPPROTO_TCP: TCP, IPPROTO_UDP: UDP } = abi;

export const HELPERS: readonly HelperRow[] = [
  row(abi.HELPER_FTP, "ftp", [TCP], 21),
  row(abi.HELPER_IRC, "irc", [TCP], 6667),
  row(abi.HELPER_TFTP, "tftp", [UDP], 69),
  row(abi.HELPER_SIP, "sip", [UDP, TCP], 5060, ["signalling", "audio", "video", "image"]),
  row(abi.HELPER_PPTP, "pptp", [TCP], 1723),
  row(abi.HELPER_AMANDA, "amanda", [UDP], 10080),
  row(abi.HELPER_SANE, "sane", [TCP], 6566),
  row(abi.HELPER_NETBIOS, "netbios-ns", [UDP], 137),
  row(abi.HELPER_SNMP, "snmp", [UDP], 161),
  row(abi.HELPER_RAS, "RAS", [UDP], 1719),
  row(abi.HELPER_Q931, "Q.931", [TCP], 1720),
  row(abi.HELPER_H245, "H.245", [TCP], 0),
];

const byNumber: (HelperRow | undefined)[] = [];
for (const helper of HELPERS) byNumber[helper.number] = helper;

export const helperByNumber = (number: number): HelperRow | undefined => byNumber[number];

/** The helper of this name; throws `unknown-helper`. */
export function getHelper(name: string): HelperRow {
  const helper = HELPERS.find((row) => row.name === name);
  if (helper !== undefined) return helper;
  const names = HELPERS.map((row) => row.name).join(", ");
  throw new ConntrackError("unknown-helper", `there is no helper "${name}"; there are ${names}`);
}
