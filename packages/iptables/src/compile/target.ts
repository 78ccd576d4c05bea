// Targets into operations of the program, and whether a packet can get past them.
import { HELPERS, program as P } from "conntrack-wasm";
import type { CtTarget, Target } from "../ruleset.js";
import { CT_EVENTS } from "../target/conntrack.js";

/** Operation and its arguments; jumps get theirs when the chains have places. */
export interface Operation {
  readonly op: number;
  readonly args: readonly number[];
  /** Chain to go to. */
  readonly chain?: string;
}

const operation = (op: number, ...args: number[]): Operation => ({ op, args });

/** Counts, and nothing more. */
export const NOTHING: Operation = operation(P.TARGET_NONE);

/** Number of a helper for the engine; 0 for none, and for one it does not have. */
const helperNumber = (wanted: string | null) => HELPERS.find(({ name }) => name === wanted)?.number ?? 0;

/** The mask of events a connection has; 0: nobody chose. */
function eventMask({ events, expEvents }: CtTarget): number {
  if (events === null && expEvents === null) return 0;
  const chosen = (events ?? []).reduce((mask, name) => mask | (1 << CT_EVENTS.indexOf(name)), 0);
  return P.EVENTS_CHOSEN | chosen | (expEvents ? P.EVENTS_EXPECT : 0);
}

function ct(target: CtTarget, policy: number): Operation {
  const { notrack, zone, helper } = target;
  const flags =
    (notrack ? P.CT_NOTRACK : 0) |
    (zone ? P.CT_ZONE : 0) |
    (zone?.id === "mark" ? P.CT_ZONE_FROM_MARK : 0) |
    (zone?.direction === "original" ? P.CT_ZONE_ORIGINAL : zone?.direction === "reply" ? P.CT_ZONE_REPLY : 0) |
    (eventMask(target) << P.CT_EVENTS_SHIFT);
  return operation(P.TARGET_CT, flags, typeof zone?.id === "number" ? zone.id : 0, policy, helperNumber(helper));
}

const TTL_WAYS = { set: P.TTL_SET, inc: P.TTL_INCREASE, dec: P.TTL_DECREASE } as const;

/** What the kernel does with a packet for a queue when nobody listens: it drops it, unless told to go on. */
const queue = (bypass: boolean) => operation(bypass ? P.TARGET_ACCEPT : P.TARGET_DROP);

/** `policyOf`: number of a timeout policy by its name. */
export function targetOperation(target: Target | null, policyOf: (name: string) => number): Operation {
  if (target === null) return NOTHING;
  switch (target.kind) {
    case "ACCEPT":
      return operation(P.TARGET_ACCEPT);
    case "DROP":
    case "REJECT":
      return operation(P.TARGET_DROP);
    case "RETURN":
      return operation(P.TARGET_RETURN);
    case "QUEUE":
      return queue(false);
    case "NFQUEUE":
      return queue(target.bypass);
    case "jump":
      return { ...operation(P.TARGET_JUMP), chain: target.chain };
    case "goto":
      return { ...operation(P.TARGET_GOTO), chain: target.chain };
    case "MARK":
      return operation(P.TARGET_MARK, target.clear, target.xor);
    case "CONNMARK":
      if (target.mode === "set") return operation(P.TARGET_CONNMARK_SET, target.clear, target.xor, target.shift >>> 0);
      return operation(
        target.mode === "save" ? P.TARGET_CONNMARK_SAVE : P.TARGET_CONNMARK_RESTORE,
        target.ctMask,
        target.nfMask,
        target.shift >>> 0,
      );
    case "NOTRACK":
      return operation(P.TARGET_CT, P.CT_NOTRACK, 0, 0, 0);
    case "CT":
      return ct(target, target.timeout === null ? 0 : policyOf(target.timeout));
    case "TTL":
    case "HL":
      return operation(P.TARGET_TTL, TTL_WAYS[target.how], target.value);
    case "TOS":
      return operation(P.TARGET_TOS, target.clear, target.xor);
    case "TCPMSS":
      return operation(P.TARGET_TCPMSS);
    case "DSCP":
      return operation(P.TARGET_TOS, 0xfc, target.dscp << 2);
    default:
      // LOG, TRACE, CLASSIFY, …: the packet goes on; what they do to it or say of it changes no verdict here
      return NOTHING;
  }
}
