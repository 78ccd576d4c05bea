// Random traffic that a seed repeats: sessions that behave, woven together, and a network that does not: packets lost,
// doubled, late, changed; errors about any of them; tuples used again.

import { Random } from "./dice.js";
import { damage, errorAbout, mutate } from "./faults.js";
import { fragments, type PacketFields, packet } from "./packets.js";
import { RULED, tosFor } from "./ruled.js";
import type { Sequence } from "./sequence.js";
import { SESSIONS, type Session } from "./sessions.js";

export type Episode = Pick<Sequence, "name" | "packets" | "options">;

export interface EpisodeOptions {
  /** Rules that act on connections hold: ruled.ts. */
  readonly ruled?: boolean;
}

interface WeaveOptions extends EpisodeOptions {
  readonly hosts: readonly string[];
  /** Of the first datagram that is sent in fragments; the next ones count on. */
  readonly identification: number;
}

/** Sessions at a time. */
const WOVEN = 4;

/** A few hosts, their sessions and what the network makes of them: an endless source of packets. */
export class Weave {
  readonly #random: Random;
  readonly #dice: Random;
  readonly #options: WeaveOptions;
  #identification: number;
  readonly #sessions: { readonly steps: Session; readonly tos: number }[] = [];
  readonly #sent: { readonly data: Uint8Array; readonly fields: PacketFields }[] = [];
  readonly #late: PacketFields[] = [];
  #out: Uint8Array[] = [];

  /** `dice` are those of the rules: the same `random` gives the same sessions with and without them. */
  constructor(random: Random, dice: Random, options: WeaveOptions) {
    this.#random = random;
    this.#dice = dice;
    this.#options = options;
    this.#identification = options.identification;
  }

  /** The next `count` packets, or a few more. */
  take(count: number): Uint8Array[] {
    while (this.#out.length < count) this.#step();
    return this.#out.splice(0);
  }

  #step(): void {
    const random = this.#random;
    const sessions = this.#sessions;
    while (sessions.length < WOVEN) sessions.push(this.#begin());
    const at = random.below(sessions.length);
    const { steps, tos } = sessions[at] as (typeof sessions)[number];
    const step = steps.next();
    if (step.done) {
      sessions.splice(at, 1);
      return;
    }
    const fields = this.#options.ruled ? { ...step.value, tos: this.#steered(tos) } : step.value;
    const fate = random.below(100);
    if (fate < 4) return; // lost
    if (fate < 8) this.#late.push(fields);
    else if (fate < 16) this.#send(mutate(random, fields));
    else this.#send(fields);
    if (fate > 95) this.#send(fields); // doubled
    if (random.chance(0.05) && this.#late.length > 0) this.#send(this.#late.shift() as PacketFields);
    if (random.chance(0.04) && this.#sent.length > 0) this.#complain();
    if (random.chance(0.005)) sessions.splice(random.below(sessions.length), 1); // it falls silent
  }

  #begin(): { steps: Session; tos: number } {
    const { hosts, ruled } = this.#options;
    const random = this.#random;
    const src = random.pick(hosts);
    const dst = random.pick(hosts.filter((host) => host !== src));
    const ends = { src, dst, sport: 1024 + random.below(6), dport: 80 + random.below(2) };
    const dice = this.#dice;
    return { steps: random.pick(SESSIONS)(random, ends), tos: ruled && dice.chance(0.35) ? tosFor(dice) : 0 };
  }

  #steered(tos: number): number {
    return this.#dice.chance(0.1) ? tosFor(this.#dice) : tos;
  }

  #send(fields: PacketFields): void {
    const random = this.#random;
    let data = packet(fields);
    if (random.chance(0.01)) data = damage(random, data);
    if (random.chance(0.01) && data.length > 80) this.#sendInFragments(data);
    else this.#out.push(data);
    this.#sent.push({ data, fields });
  }

  #sendInFragments(data: Uint8Array): void {
    const random = this.#random;
    const parts = fragments(data, [24], this.#identification++ & 0xffff);
    const fate = random.below(10);
    if (fate === 0) parts.reverse();
    else if (fate === 1)
      parts.pop(); // the rest waits for it
    else if (fate === 2) parts.push(parts[0] as Uint8Array);
    this.#out.push(...parts);
  }

  #complain(): void {
    const sent = this.#sent;
    const about = sent[Math.max(0, sent.length - 1 - this.#random.below(10))] as (typeof sent)[number];
    this.#out.push(errorAbout(this.#random, about.data, about.fields, this.#options.hosts));
  }
}

/** Settings that are not as they come. */
export function randomSysctls(random: Random, dice: Random): Record<string, number> {
  const sysctls: Record<string, number> = {};
  if (dice.chance(0.3)) sysctls.nf_conntrack_acct = 1;
  if (dice.chance(0.1)) sysctls.nf_conntrack_timestamp = 1;
  if (random.chance(0.15)) sysctls.nf_conntrack_tcp_loose = 0;
  if (random.chance(0.15)) sysctls.nf_conntrack_tcp_be_liberal = 1;
  if (random.chance(0.1)) sysctls.nf_conntrack_checksum = 0;
  if (random.chance(0.1)) sysctls.nf_conntrack_tcp_ignore_invalid_rst = 1;
  if (random.chance(0.1)) sysctls.nf_conntrack_tcp_max_retrans = random.below(3);
  return sysctls;
}

/** Milliseconds between packets; only their order counts. */
const STEP = 0.01;
/** Datagrams in fragments an episode may have: those that wait must not meet those of the next episode. */
const DATAGRAMS = 16;

/** An episode of about `length` packets, from an empty table. */
export function episode(seed: number, length: number, { ruled = false }: EpisodeOptions = {}): Episode {
  const random = new Random(seed);
  const dice = new Random(~seed);
  const family = random.chance(0.7) ? "10.0.0." : "2001:db8::";
  const hosts = [1, 2, 3, 4].map((host) => `${family}${host}`);
  const weave = new Weave(random, dice, { hosts, ruled, identification: seed * DATAGRAMS });
  const packets = weave.take(length).map((data, i) => ({ time: i * STEP, data, expected: null }));
  const sysctls = randomSysctls(random, dice);
  const changes = dice.chance(0.2) ? [{ before: dice.below(packets.length), sysctls: randomSysctls(dice, dice) }] : [];
  const options = { sysctls, ...(changes.length > 0 ? { changes } : {}) };
  return { name: `random ${seed}`, packets, options: ruled ? { ...RULED, ...options } : options };
}
