// Rulesets against the live kernel: the same packets through its router and through ours, counter by counter.
import { type Duel, duels } from "./duel.js";
import { PROGRAMS } from "./programs.js";
import { SAMPLES } from "./rulesets.js";
import { REFUSED, TRAFFIC } from "./traffic.js";

/** A helper comes behind all rules: they count what it drops. */
const DROPPED_BY_HELPER: Duel = {
  name: "FTP with its helper: what it drops has been counted",
  raw: ["PREROUTING -p tcp -m tcp --dport 21 -j CT --helper ftp"],
  rules: [
    "FORWARD -m helper --helper ftp -m conntrack --ctstate ESTABLISHED",
    "FORWARD -p tcp -m tcp --dport 21",
    "FORWARD -m conntrack --ctstate RELATED -m helper --helper ftp -j ACCEPT",
    "FORWARD -j ACCEPT",
  ],
  packets: REFUSED,
};

await duels("rules in the kernel", [
  ...SAMPLES.map((sample) => ({ ...sample, packets: TRAFFIC })),
  DROPPED_BY_HELPER,
  ...PROGRAMS,
]);
