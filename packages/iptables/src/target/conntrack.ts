// CT and NOTRACK: what connection tracking is told before it sees the packet.
import { target } from "../extension.js";
import { fail, type Word } from "../failure.js";
import { choices, flag, join, option } from "../option.js";
import type { CtEvent, CtTarget, Target } from "../ruleset.js";
import { checkPolicy } from "../timeout/policy.js";
import { takeZone } from "./change.js";

/** In the order of their bits (`IPCT_*`). */
export const CT_EVENTS: readonly CtEvent[] = [
  "new",
  "related",
  "destroy",
  "reply",
  "assured",
  "protoinfo",
  "helper",
  "mark",
  "natseqinfo",
  "secmark",
];

const HELPER_MAX = 15;
const POLICY_MAX = 31;
const takeName =
  (max: number) =>
  (word: Word): string =>
    word.text.slice(0, max);
const takeZoneOrMark = (word: Word): number | "mark" => (word.text === "mark" ? "mark" : takeZone(word));

const TCP = 6;
const UDP = 17;
/** The protocols of the kernel's helpers; H.245 is registered under UDP, though its control channel is TCP. */
const HELPERS: Readonly<Record<string, readonly number[]>> = {
  amanda: [UDP],
  ftp: [TCP],
  "H.245": [UDP],
  irc: [TCP],
  "netbios-ns": [UDP],
  pptp: [TCP],
  "Q.931": [TCP],
  RAS: [UDP],
  sane: [TCP],
  sip: [TCP, UDP],
  snmp: [UDP],
  tftp: [UDP],
};
const IPV4_HELPERS = ["irc", "netbios-ns", "pptp", "snmp"];

type ZoneOption = { readonly word: Word; readonly value: number | "mark" } | undefined;

/** The three options are one number, the last; `mark` outweighs any, and both directions by name are as none. */
function zoneOf({ zone, zoneOrig, zoneReply }: Readonly<Record<"zone" | "zoneOrig" | "zoneReply", ZoneOption>>) {
  const given = [zone, zoneOrig, zoneReply]
    .filter((one) => one !== undefined)
    .sort((a, b) => a.word.column - b.word.column);
  const id = given.some(({ value }) => value === "mark") ? "mark" : (given.at(-1)?.value ?? 0);
  const direction: Direction = !zoneOrig === !zoneReply ? "both" : zoneOrig ? "original" : "reply";
  return id === 0 ? null : { id, direction };
}
type Direction = NonNullable<CtTarget["zone"]>["direction"];

export const ct = target({
  name: "CT",
  tables: ["raw"],
  options: {
    notrack: flag("notrack"),
    helper: option("helper", takeName(HELPER_MAX)),
    timeout: option("timeout", takeName(POLICY_MAX)),
    events: option("ctevents", choices(CT_EVENTS)),
    expEvents: option("expevents", choices(["new"])),
    zone: option("zone", takeZoneOrMark),
    zoneOrig: option("zone-orig", takeZoneOrMark),
    zoneReply: option("zone-reply", takeZoneOrMark),
  },
  build(given, { family, protocol, protocolInvert, timeoutPolicies }): CtTarget {
    const { helper, timeout } = given;
    if (helper && helper.value !== "" && !given.notrack) {
      const protocols = HELPERS[helper.value];
      if (!protocols) fail(helper.word, `not a helper; wanted is one of ${Object.keys(HELPERS).join(", ")}`);
      if (family === 6 && IPV4_HELPERS.includes(helper.value)) fail(helper.word, "this helper is for IPv4 only");
      if (protocolInvert || !protocols.includes(protocol))
        fail(
          helper.word,
          `this helper needs ${protocols.map((number) => (number === TCP ? "-p tcp" : "-p udp")).join(" or ")}`,
        );
    }
    if (timeout && timeout.value !== "" && !given.notrack && timeoutPolicies)
      checkPolicy(timeout.word, timeoutPolicies, { family, protocol, protocolInvert });
    return {
      kind: "CT",
      notrack: given.notrack !== undefined,
      helper: helper?.value || null,
      timeout: timeout?.value || null,
      events: given.events?.value ?? null,
      expEvents: given.expEvents?.value ?? null,
      zone: zoneOf(given),
    };
  },
  print: ({ notrack, helper, timeout, events, expEvents, zone }: CtTarget) =>
    join(
      notrack && "--notrack",
      helper !== null && `--helper ${helper}`,
      timeout !== null && `--timeout ${timeout}`,
      events && `--ctevents ${events.join(",")}`,
      expEvents && `--expevents ${expEvents.join(",")}`,
      zone && `--zone${zone.direction === "both" ? "" : zone.direction === "original" ? "-orig" : "-reply"} ${zone.id}`,
    ),
});

export const notrack = target({
  name: "NOTRACK",
  tables: ["raw"],
  options: {},
  build: (): Target => ({ kind: "NOTRACK" }),
  print: () => "",
});
