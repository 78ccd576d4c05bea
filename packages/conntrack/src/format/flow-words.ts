// Words of a connection that several text formats share.
import type { Direction, Flow } from "../types.js";
import { hasStatus } from "./status.js";
import type { Word } from "./words.js";

/**
 * Both directions, each with its zone and counters, and `[UNREPLIED]` between them. `showsZone0`: also where the zone for one
 * direction is 0, as `/proc` does.
 */
export function directionWords(
  flow: Flow,
  tuple: (direction: Direction) => string,
  counted: Flow["counters"],
  showsZone0 = false,
): Word[] {
  const words = (direction: Direction): Word[] => [
    tuple(direction),
    flow.zoneDirection === direction &&
      (flow.zone !== 0 || showsZone0) &&
      `zone-${direction === "original" ? "orig" : "reply"}=${flow.zone}`,
    counted && `packets=${counted[direction].packets} bytes=${counted[direction].bytes}`,
  ];
  return [...words("original"), !hasStatus(flow, "SEEN_REPLY") && "[UNREPLIED]", ...words("reply")];
}

/** The first that applies: a connection handed to hardware or to a flow table is not said to be assured. */
export function assuranceWord(flow: Flow): Word {
  const status = (["HW_OFFLOAD", "OFFLOAD", "ASSURED"] as const).find((name) => hasStatus(flow, name));
  return status && `[${status}]`;
}

/** The packets of an offloaded connection pass by the tracker: its timeout and protocol state mean nothing. */
export function isOffloaded(flow: Flow): boolean {
  return hasStatus(flow, "OFFLOAD") || hasStatus(flow, "HW_OFFLOAD");
}

/** `timeout=30, stream_timeout=180`, in the kernel's own files only. */
export function greWord({ greTimeouts }: Flow): Word {
  return greTimeouts && `timeout=${greTimeouts.unreplied}, stream_timeout=${greTimeouts.stream}`;
}
