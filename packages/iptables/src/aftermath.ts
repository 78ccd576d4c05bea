// What the deciding rule does beside its verdict: the packet REJECT sends back, the queue a packet goes to.
import type { RejectWith, Target } from "./ruleset.js";

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
