// Sets of ipset, changed by packets; or what a set says of a packet, given to it.
import { target } from "../extension.js";
import { fail } from "../failure.js";
import { takeSet } from "../match/set.js";
import { flag, join, number, option } from "../option.js";
import type { SetReference, SetTarget } from "../ruleset.js";

const TIMEOUT_MAX = 4_294_967_294;
/** What routes and queues a packet is decided there, or was before. */
const TOO_EARLY = ["PREROUTING", "INPUT"];

const print = (how: string, { set, dimensions }: SetReference) => `--${how}-set ${set} ${dimensions.join(",")}`;

export const setTarget = target({
  name: "SET",
  options: {
    // iptables reads a ! in front of these, and forgets it
    add: option("add-set", takeSet, { invert: true }),
    del: option("del-set", takeSet, { invert: true }),
    map: option("map-set", takeSet, { invert: true }),
    timeout: option("timeout", number(0, TIMEOUT_MAX), { needs: ["add"], repeat: true }),
    exist: flag("exist", { needs: ["add"], repeat: true }),
    mapMark: flag("map-mark", { needs: ["map"], repeat: true }),
    mapPrio: flag("map-prio", { needs: ["map"], repeat: true }),
    mapQueue: flag("map-queue", { needs: ["map"], repeat: true }),
  },
  build(given, { word, table, chain }): SetTarget {
    const { add, del, map, timeout, exist, mapMark, mapPrio, mapQueue } = given;
    if (!add && !del && !map) fail(word, "SET wants --add-set, --del-set or --map-set");
    if (map && !mapMark && !mapPrio && !mapQueue)
      fail(map.word, "--map-set wants --map-mark, --map-prio or --map-queue");
    if (map && table !== "mangle") fail(map.word, "--map-set is for the table mangle only");
    const late = mapPrio ?? mapQueue;
    if (late && TOO_EARLY.includes(chain)) fail(late.word, "this is for FORWARD, OUTPUT and POSTROUTING only");
    return {
      kind: "SET",
      add: add ? { ...add.value, exist: exist !== undefined, timeout: timeout?.value ?? null } : null,
      del: del?.value ?? null,
      map: map
        ? { ...map.value, mark: mapMark !== undefined, prio: mapPrio !== undefined, queue: mapQueue !== undefined }
        : null,
    };
  },
  print: ({ add, del, map }: SetTarget) =>
    join(
      add && print("add", add),
      add?.exist && "--exist",
      add && add.timeout !== null && `--timeout ${add.timeout}`,
      del && print("del", del),
      map && print("map", map),
      map?.mark && "--map-mark",
      map?.prio && "--map-prio",
      map?.queue && "--map-queue",
    ),
});
