// conntrack -o save: commands that make the connections again (conntrack -R).
import type { Flow, StatusName } from "../types.js";
import { compressAddress } from "./address.js";
import { dumpMessage, type Message } from "./message.js";
import { hasStatus } from "./status.js";
import { toolParts } from "./tuple-parts.js";
import { line, toolProtocol, type Word } from "./words.js";

const COMMANDS = { dump: "-A", NEW: "-A", UPDATE: "-U", DESTROY: "-D" } as const;
// The only ones the command can set, in the order of their bits.
const SAVED_STATUS: readonly StatusName[] = ["EXPECTED", "SEEN_REPLY", "ASSURED", "FIXED_TIMEOUT"];

/** A line of `conntrack -L -o save`. It keeps neither mark nor labels nor helper, as the tool does not. */
export function formatSave(flow: Flow): string {
  return formatSaveMessage(dumpMessage(flow));
}

export function formatSaveMessage(message: Message): string {
  const { flow, state } = message;
  const protocol = toolProtocol(flow);
  return line(
    COMMANDS[message.type],
    message.timeout !== null && `-t ${message.timeout}`,
    `-u ${SAVED_STATUS.filter((name) => hasStatus(flow, name)).join(",") || "UNSET"}`,
    zoneWord(flow),
    ...addressWords(flow),
    `-p ${protocol === "unknown" ? flow.l4proto : protocol}`,
    toolParts(flow.l4proto).save(flow),
    state !== null && `--state ${isNameless(flow, state) ? "(null)" : state}`,
    message.vtags && `--orig-vtag ${swapBytes(message.vtags.original)} --reply-vtag ${swapBytes(message.vtags.reply)}`,
  );
}

// The tool has no name for this state, and prints what its C library makes of none.
function isNameless({ protocol }: Flow, state: string): boolean {
  return protocol === "sctp" && state === "HEARTBEAT_SENT";
}

const ZONE_OPTIONS = { both: "-w", original: "--orig-zone", reply: "--reply-zone" } as const;

function zoneWord({ zone, zoneDirection }: Flow): Word {
  return zone !== 0 && `${ZONE_OPTIONS[zoneDirection]} ${zone}`;
}

// -g and -n say that a reply address comes from address translation; a mapping of ports alone is not told.
function addressWords(flow: Flow): Word[] {
  const { original, reply } = flow;
  const source = hasStatus(flow, "SRC_NAT") || hasStatus(flow, "SRC_NAT_DONE");
  const destination = hasStatus(flow, "DST_NAT") || hasStatus(flow, "DST_NAT_DONE");
  return [
    `-s ${compressAddress(original.src)}`,
    `-d ${compressAddress(original.dst)}`,
    `${destination && reply.src !== original.dst ? "-g" : "-r"} ${compressAddress(reply.src)}`,
    `${source && reply.dst !== original.src ? "-n" : "-q"} ${compressAddress(reply.dst)}`,
  ];
}

// The tool prints the four bytes of the wire as a number of its own, little-endian machine.
function swapBytes(value: number): number {
  return ((value << 24) | ((value & 0xff00) << 8) | ((value >>> 8) & 0xff00) | (value >>> 24)) >>> 0;
}
