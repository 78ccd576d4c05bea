// /proc/net/nf_conntrack
import type { Flow } from "../types.js";
import { assuranceWord, directionWords, greWord, isOffloaded } from "./flow-words.js";
import { family, line, nameAndNumber, procTuple, wholeSeconds } from "./words.js";

/**
 * A line of `/proc/net/nf_conntrack`. The reader of that file holds one reference more than the reader of a dump does,
 * so an idle connection shows `use=2`.
 */
export function formatProc(flow: Flow): string {
  const until = flow.stop ?? flow.time;
  return line(
    family(flow),
    nameAndNumber(flow.protocol, flow.l4proto),
    !isOffloaded(flow) && line(`${wholeSeconds(flow.timeout)}`, greWord(flow) || flow.protocolState),
    ...directionWords(flow, (direction) => procTuple(flow.l4proto, flow[direction]), flow.counters, true),
    assuranceWord(flow),
    `mark=${flow.mark}`,
    flow.zoneDirection === "both" && `zone=${flow.zone}`,
    flow.start !== null && until !== undefined && `delta-time=${wholeSeconds(until - flow.start)}`,
    `use=${flow.use + 1}`,
  );
}
