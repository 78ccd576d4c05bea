// The Contender interface: an implementation of connection tracking that a question is put to.

/** An implementation of connection tracking. */
export interface Contender {
  readonly name: string;
  /** The most flows it is asked to hold. */
  readonly maxFlows: number;
  /** A variant of the engine, not another implementation; see Row. */
  readonly variant?: boolean;
  open(capacity: number): Promise<Tracker>;
}

/** One table of a contender. */
export interface Tracker {
  /** Tracks a chunk of pcap records (Ethernet, microseconds). */
  track(records: Uint8Array, packets: number): void;
  /** What it said of a packet of the last chunk, STATE_*. */
  stateOf(packet: number): number;
  /** Lets time pass: what is due ends. Seconds since the epoch. */
  advance(second: number): void;
  readonly entries: number;
  /** Empties the table. */
  reset(): void;
}

export const STATE_NONE = 0;
export const STATE_NEW = 1;
export const STATE_ESTABLISHED = 2;
export const STATE_INVALID = 4;

/** How often a tracker said what about its last chunk. */
export function tally(tracker: Tracker, packets: number): number[] {
  const counts = [0, 0, 0, 0, 0, 0];
  for (let i = 0; i < packets; i++) counts[tracker.stateOf(i)]!++;
  return counts;
}
