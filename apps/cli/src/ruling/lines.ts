// A packet and what rules made of it, in a line for people or programs.
import type { Effect, Program, RuleRef } from "conntrack-iptables";
import type { Step } from "../explain.js";
import { type PacketView, protocolText, secondsText } from "../packet.js";
import { endpoint, infoText } from "../text.js";
import type { Asked, Passage } from "./passage.js";
import { isUndecided, place, refOf, ruleObject } from "./refs.js";

/** `ip6 FORWARD:3 (line 7)` where rules of both families run. */
export const placeOf = (ref: RuleRef, bothFamilies: boolean): string =>
  `${bothFamilies && ref.family === 6 ? "ip6 " : ""}${place(ref)}`;

/** The places of rules in the order of the file; three and more that follow each other as one: `FORWARD:3 to 9 (lines 7 to 13)`. */
export function placesOf(refs: readonly RuleRef[], bothFamilies: boolean): string[] {
  const runs: RuleRef[][] = [];
  for (const ref of refs) {
    const run = runs.at(-1);
    const last = run?.at(-1);
    if (last?.chain === ref.chain && last.position + 1 === ref.position) run?.push(ref);
    else runs.push([ref]);
  }
  return runs.flatMap((run) => {
    const [first, last] = [run[0], run.at(-1)];
    if (run.length < 3 || !first?.rule || !last?.rule) return run.map((ref) => placeOf(ref, bothFamilies));
    const begin = placeOf(first, bothFamilies).split(" (")[0];
    return [`${begin} to ${last.position} (lines ${first.rule.line} to ${last.rule.line})`];
  });
}

export function packetText(
  packet: PacketView,
  origin: bigint,
  ref: RuleRef | null,
  rule: number,
  passage: Passage,
  bothFamilies: boolean,
): string {
  const { trace } = packet;
  const open = isUndecided(rule) ? passage.open() : [];
  const cells = [
    `#${packet.frame}`,
    secondsText(packet.time - origin),
    protocolText(trace),
    trace.src === null ? "" : `${endpoint(trace.src, trace.sport)} > ${endpoint(trace.dst, trace.dport)}`,
    infoText(packet),
    packet.state ?? "-",
    ref === null ? (packet.reasonText ?? "") : `${packet.verdict} by ${placeOf(ref, bothFamilies)}`,
    ref === null
      ? ""
      : passage
          .effects()
          .map(({ effect }) => effectText(effect))
          .join(", "),
    open.length === 0
      ? ""
      : `undecided: ${open.map((one) => `${one.matches.join(", ")} in ${placeOf(one.ref, bothFamilies)}`).join("; ")}`,
  ];
  return cells.filter((cell) => cell !== "").join("  ");
}

const hex = (value: number) => `0x${(value >>> 0).toString(16)}`;

/** As the option of the target says it. */
export function effectText(effect: Effect): string {
  switch (effect.target) {
    case "LOG":
      return `LOG ${JSON.stringify(effect.prefix)}`;
    case "NFLOG":
      return `NFLOG ${JSON.stringify(effect.prefix)} group ${effect.group}`;
    case "MARK":
    case "TOS":
      return `${effect.target} ${hex(effect.value)}/${hex(effect.mask)}`;
    case "CONNMARK":
      return effect.value === null ? `CONNMARK ${effect.how}` : `CONNMARK ${hex(effect.value)}/${hex(effect.mask)}`;
    case "TTL":
    case "HL":
      return `${effect.target} ${effect.how} ${effect.value}`;
    case "DSCP":
      return `DSCP ${hex(effect.dscp)}`;
    case "TCPMSS":
      return `TCPMSS ${effect.mss ?? "of the path"}`;
    case "CLASSIFY":
      return `CLASSIFY ${effect.major.toString(16)}:${effect.minor.toString(16)}`;
    case "AUDIT":
      return `AUDIT ${effect.type}`;
    case "TRACE":
    case "NOTRACK":
      return effect.target;
    case "REJECT":
      return `REJECT with ${effect.with}`;
    case "NFQUEUE":
    case "QUEUE":
      return `${effect.target} ${effect.first}${effect.last > effect.first ? `:${effect.last}` : ""}`;
    default:
      return `${effect.target} ${effect.options}`.trimEnd();
  }
}

const position = (ref: RuleRef) => ({
  family: ref.family,
  table: ref.table,
  chain: ref.chain.name,
  position: ref.rule === null ? null : ref.position,
  line: ref.rule?.line ?? null,
});

/** The object of `ctrack track` with the rule in its place, and behind it what rules add. */
export function packetJson(line: string, program: Program, rule: number, passage: Passage, traced = false): string {
  const ref = refOf(program, rule);
  if (ref === null) return line;
  const open = isUndecided(rule) ? passage.open() : [];
  const more = {
    ...passage.way,
    effects: passage.effects().map(({ effect, ref: at }) => ({ ...effect, rule: position(at) })),
    ...(isUndecided(rule) && {
      undecided: true,
      undecidedMatches: open.map(({ ref: at, matches }) => ({ rule: position(at), matches })),
    }),
    ...(traced && { trace: passage.asked.map(askedObject) }),
  };
  const named = line.replace('"rule":null', () => `"rule":${JSON.stringify(ruleObject(ref))}`);
  return `${named.slice(0, -1)},${JSON.stringify(more).slice(1)}`;
}

const askedObject = ({ ref, table, chain, position: at, matched, undecided }: Asked) => ({
  table,
  chain,
  type: ref === null ? "return" : ref.rule === null ? "policy" : "rule",
  position: at,
  line: ref?.rule?.line ?? null,
  matched,
  undecided,
});

/** The step of `ctrack explain`: the way, what rules did, what was left open, who decided. */
export function rulesStep(program: Program, rule: number, passage: Passage, bothFamilies: boolean): Step | null {
  const ref = refOf(program, rule);
  if (ref === null) return program.refs.length > 1 ? { step: "Rules", lines: [{ text: "no rule was asked" }] } : null;
  const { hook, in: inside, out: outside } = passage.way;
  const way = [
    hook,
    ...(inside === null ? [] : [`in by ${inside}`]),
    ...(outside === null ? [] : [`out by ${outside}`]),
  ];
  const events = passage.events().map(({ ref: at, effect, open }) => {
    const what =
      effect !== null
        ? effectText(effect)
        : open !== null
          ? `${open.join(", ")} cannot be decided from packets`
          : ruleObject(at).text;
    return { text: `${placeOf(at, bothFamilies)}: ${what}` };
  });
  return {
    step: "Rules",
    lines: [
      { text: way.join(", ") },
      ...events,
      { text: `decided by ${placeOf(ref, bothFamilies)}: ${ruleObject(ref).text}` },
    ],
  };
}
