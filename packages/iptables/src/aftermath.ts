// What rules do beside giving a verdict: the packet REJECT sends back, the queue a packet goes to, marks, log entries, new TTLs.
import { formatTarget } from "./print.js";
import type { Family, RejectWith, Target } from "./ruleset.js";

/** The packet REJECT sends to the source: a reset, or an ICMP error by the numbers of the packet's family. */
export type RejectReply =
  | { readonly protocol: "tcp"; readonly flags: "RST" }
  | { readonly protocol: "icmp" | "icmpv6"; readonly type: number; readonly code: number };

export interface Aftermath {
  readonly reply: RejectReply | null;
  /** First and last of the queues that share the packets. */
  readonly queue: { readonly first: number; readonly last: number } | null;
}

const icmp = (code: number): RejectReply => ({ protocol: "icmp", type: 3, code });
const icmp6 = (code: number): RejectReply => ({ protocol: "icmpv6", type: 1, code });

const REPLIES: Readonly<Record<RejectWith, RejectReply>> = {
  "icmp-net-unreachable": icmp(0),
  "icmp-host-unreachable": icmp(1),
  "icmp-proto-unreachable": icmp(2),
  "icmp-port-unreachable": icmp(3),
  "icmp-net-prohibited": icmp(9),
  "icmp-host-prohibited": icmp(10),
  "icmp-admin-prohibited": icmp(13),
  "icmp6-no-route": icmp6(0),
  "icmp6-adm-prohibited": icmp6(1),
  "icmp6-addr-unreachable": icmp6(3),
  "icmp6-port-unreachable": icmp6(4),
  "icmp6-policy-fail": icmp6(5),
  "icmp6-reject-route": icmp6(6),
  "tcp-reset": { protocol: "tcp", flags: "RST" },
};

/** For the target of the rule that decided; nothing is sent about a reset or an ICMP error, which is the caller's to see. */
export function aftermathOf(target: Target | null): Aftermath {
  return {
    reply: target?.kind === "REJECT" ? REPLIES[target.with] : null,
    queue:
      target?.kind === "QUEUE"
        ? { first: 0, last: 0 }
        : target?.kind === "NFQUEUE"
          ? { first: target.first, last: target.last }
          : null,
  };
}

/**
 * What a rule did to a packet it counted, or said of it. `target` is the name behind `-j`. Numbers are those of the options:
 *
 * - MARK, CONNMARK (set), TOS: the new value is (old & ~mask) ^ value; CONNMARK's `how` says between what it copies;
 * - TTL and HL: `how` and `value`; DSCP: the code point; TCPMSS: the new maximum, null is the path's;
 * - LOG: prefix and level (0 emerg … 7 debug); NFLOG: prefix and group; CLASSIFY: major and minor; AUDIT: type;
 * - REJECT: the packet that goes back; NFQUEUE, QUEUE: first and last queue, and whether the packet passes when nobody listens;
 * - CT: its options as text; any other target that is no verdict and no jump: likewise.
 */
export type Effect =
  | { readonly target: "LOG"; readonly prefix: string; readonly level: number }
  | { readonly target: "NFLOG"; readonly prefix: string; readonly group: number }
  | { readonly target: "MARK" | "TOS"; readonly value: number; readonly mask: number }
  | {
      readonly target: "CONNMARK";
      readonly how: "set" | "save" | "restore";
      readonly value: number | null;
      readonly mask: number;
    }
  | { readonly target: "TTL" | "HL"; readonly how: "set" | "inc" | "dec"; readonly value: number }
  | { readonly target: "DSCP"; readonly dscp: number }
  | { readonly target: "TCPMSS"; readonly mss: number | null }
  | { readonly target: "CLASSIFY"; readonly major: number; readonly minor: number }
  | { readonly target: "AUDIT"; readonly type: "accept" | "drop" | "reject" }
  | { readonly target: "TRACE" | "NOTRACK" }
  | { readonly target: "REJECT"; readonly with: RejectWith; readonly reply: RejectReply }
  | { readonly target: "NFQUEUE" | "QUEUE"; readonly first: number; readonly last: number; readonly bypass: boolean }
  | {
      readonly target: Exclude<Target["kind"], Described | "ACCEPT" | "DROP" | "RETURN" | "jump" | "goto">;
      readonly options: string;
    };

type Described =
  | "LOG"
  | "NFLOG"
  | "MARK"
  | "TOS"
  | "CONNMARK"
  | "TTL"
  | "HL"
  | "DSCP"
  | "TCPMSS"
  | "CLASSIFY"
  | "AUDIT"
  | "TRACE"
  | "NOTRACK"
  | "REJECT"
  | "NFQUEUE"
  | "QUEUE";

/** What a rule with this target does to the packets it counts; null for verdicts and jumps alone. */
export function effectOf(target: Target, family: Family): Effect | null {
  switch (target.kind) {
    case "ACCEPT":
    case "DROP":
    case "RETURN":
    case "jump":
    case "goto":
      return null;
    case "LOG":
      return { target: "LOG", prefix: target.prefix, level: target.level };
    case "NFLOG":
      return { target: "NFLOG", prefix: target.prefix, group: target.group };
    case "MARK":
    case "TOS":
      return { target: target.kind, value: target.xor, mask: target.clear };
    case "CONNMARK":
      return target.mode === "set"
        ? { target: "CONNMARK", how: "set", value: target.xor, mask: target.clear }
        : { target: "CONNMARK", how: target.mode, value: null, mask: target.nfMask };
    case "TTL":
    case "HL":
      return { target: target.kind, how: target.how, value: target.value };
    case "DSCP":
      return { target: "DSCP", dscp: target.dscp };
    case "TCPMSS":
      return { target: "TCPMSS", mss: target.mss };
    case "CLASSIFY":
      return { target: "CLASSIFY", major: target.major, minor: target.minor };
    case "AUDIT":
      return { target: "AUDIT", type: target.type };
    case "TRACE":
    case "NOTRACK":
      return { target: target.kind };
    case "REJECT":
      return { target: "REJECT", with: target.with, reply: REPLIES[target.with] };
    case "QUEUE":
      return { target: "QUEUE", first: 0, last: 0, bypass: false };
    case "NFQUEUE":
      return { target: "NFQUEUE", first: target.first, last: target.last, bypass: target.bypass };
    default:
      return { target: target.kind, options: formatTarget(target, family).replace(/^-j \S+ ?/, "") };
  }
}
