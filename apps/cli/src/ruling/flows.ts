// Packets of both directions of a conversation as one line.
import type { Program, RuleRef } from "conntrack-iptables";
import { type PacketView, protocolText } from "../packet.js";
import { endpoint } from "../text.js";
import { place, refOf, ruleObject } from "./refs.js";

/** Both directions of a conversation have one name. */
export function flowName({ trace }: PacketView): string {
  const ends = [endpoint(trace.src, trace.sport), endpoint(trace.dst, trace.dport)].sort();
  const id = trace.id === null ? "" : ` id ${trace.id}`;
  return `${protocolText(trace)} ${ends.join(" ⇄ ")}${id}`;
}

class Flow {
  packets = 0;
  bytes = 0;
  readonly states = new Map<string, number>();
  readonly verdicts = new Map<string, number>();
  readonly rules = new Map<RuleRef, number>();
  private readonly head: string;
  /** Of its first packet. */
  private readonly first: Readonly<Record<string, string | number | null>>;

  constructor({ trace, frame }: PacketView) {
    const { protocol, src, dst, sport, dport } = trace;
    const ends = src === null ? "" : ` ${endpoint(src, sport)} > ${endpoint(dst, dport)}`;
    this.head = `${protocolText(trace)}${ends}`;
    this.first = { frame, protocol, src, dst, sport, dport };
  }

  add(packet: PacketView, ref: RuleRef | null): void {
    this.packets++;
    this.bytes += packet.trace.protocol === null ? packet.length : packet.trace.length;
    count(this.states, packet.state ?? "-");
    if (ref === null) return;
    count(this.verdicts, packet.verdict);
    count(this.rules, ref);
  }

  text(): string {
    const rules = [...this.rules].map(([ref, n]) => `${n} × ${place(ref)}`);
    const verdicts = [...this.verdicts].map(([verdict, n]) => `${n} ${verdict}`);
    return [
      this.head,
      `${this.packets} packet${this.packets === 1 ? "" : "s"}, ${this.bytes} bytes`,
      [...this.states.keys()].join(", "),
      verdicts.length > 0 ? verdicts.join(", ") : "no rule was asked",
      rules.length > 0 ? `by ${rules.join(", ")}` : "",
    ]
      .filter((cell) => cell !== "")
      .join("  ");
  }

  json(): string {
    return JSON.stringify({
      ...this.first,
      packets: this.packets,
      bytes: this.bytes,
      states: Object.fromEntries(this.states),
      verdicts: Object.fromEntries(this.verdicts),
      rules: [...this.rules].map(([ref, packets]) => ({ ...ruleObject(ref), packets })),
    });
  }
}

const count = <K>(map: Map<K, number>, key: K): void => void map.set(key, (map.get(key) ?? 0) + 1);

export class FlowTally {
  readonly #flows = new Map<string, Flow>();

  constructor(private readonly program: Program) {}

  add(packet: PacketView, rule: number): void {
    const name = flowName(packet);
    let flow = this.#flows.get(name);
    if (flow === undefined) {
      flow = new Flow(packet);
      this.#flows.set(name, flow);
    }
    flow.add(packet, refOf(this.program, rule));
  }

  /** In the order of their first packets. */
  all(): Iterable<Flow> {
    return this.#flows.values();
  }
}
