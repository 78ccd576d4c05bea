// The reasons the engine can give for a packet that is INVALID, unseen, without effect or worth a word: a story that
// ends in it, with its numbers, and the setting that changes the outcome where the reason names one.
// (Fragments: defrag.test.ts. The seams of rules and helpers: their own tests.)
import { describe, expect, test } from "vitest";
import { packet, patch, sctpInit } from "../../conformance/src/packets.js";
import { Conntrack, type OpenOptions, type PacketInput, REASONS } from "../../conntrack/src/index.js";
import { START } from "./support/blocks.js";
import { BUILDS } from "./support/builds.js";

const A = "10.0.0.1";
const B = "10.0.0.2";
const A6 = "2001:db8::1";
const B6 = "2001:db8::2";

type Step = Uint8Array | Partial<PacketInput>;

interface Story {
  readonly reason: string;
  readonly steps: readonly Step[];
  readonly state: string | null;
  readonly numbers?: Readonly<Record<string, number>>;
  readonly options?: OpenOptions;
  /** Frame that made the entry what it was. */
  readonly cause?: number;
}

const tcp = (back: boolean, flags: string, seq: number, ack: number, payload = 0, more: object = {}) => {
  const [src, dst, sport, dport] = back ? ([B, A, 80, 1025] as const) : ([A, B, 1025, 80] as const);
  return packet({ src, dst, tcp: { sport, dport, flags, seq, ack, win: 8192, payload, ...more } });
};
const SYN = tcp(false, "S", 100, 0);
const SYN_ACK = tcp(true, "SA", 300, 101);
const OPEN = [SYN, SYN_ACK, tcp(false, "A", 101, 301)];
const QUERY = packet({ src: A, dst: B, udp: { sport: 1, dport: 2, payload: 30 } });
const icmp = (fields: object) => packet({ src: B, dst: A, icmp: { type: 3, code: 3, ...fields } });
const sctp = (back: boolean, vtag: number, ...chunks: { type: number; body?: Uint8Array; length?: number }[]) => {
  const [src, dst, sport, dport] = back ? ([B, A, 80, 1025] as const) : ([A, B, 1025, 80] as const);
  return packet({ src, dst, sctp: { sport, dport, vtag, chunks } });
};
const INIT = { type: 1, body: sctpInit(5) };

const STORIES: readonly Story[] = [
  // never seen
  { reason: "not-ip", steps: [{ link: 1, data: new Uint8Array(60) }], state: null },
  { reason: "link-type-unknown", steps: [{ link: 147, data: SYN }], state: null },
  { reason: "link-header-short", steps: [{ link: 1, data: new Uint8Array(9) }], state: null },
  { reason: "cut-by-snaplen", steps: [{ data: SYN.subarray(0, 21), length: 40 }], state: null },
  { reason: "ip-version", steps: [{ data: patch(SYN, 0, 0x55) }], state: null },
  { reason: "ip-header-short", steps: [SYN.subarray(0, 12)], state: null },
  {
    reason: "ip-header-length",
    steps: [packet({ src: A, dst: B, headerLength: 4, payload: 8, protocol: 99 })],
    state: null,
  },
  {
    reason: "ip-checksum",
    steps: [packet({ src: A, dst: B, ipChecksum: "bad", payload: 8, protocol: 99 })],
    state: null,
  },
  { reason: "ip-total-length", steps: [packet({ src: A, dst: B, length: 90, payload: 8, protocol: 99 })], state: null },
  {
    reason: "table-full",
    steps: [...OPEN, tcp(true, "PA", 301, 101, 5), QUERY],
    state: null,
    numbers: { entries: 1 },
    options: { max: 1 },
  },
  {
    reason: "ip6-hop-by-hop",
    steps: [packet({ src: A6, dst: B6, extensions: [{ type: 0, length: 200 }], udp: { sport: 1, dport: 2 } })],
    state: null,
  },
  // INVALID
  {
    reason: "ip6-extension-header",
    steps: [packet({ src: A6, dst: B6, protocol: 59, payload: 0 })],
    state: "INVALID",
  },
  { reason: "wrong-icmp-family", steps: [packet({ src: A, dst: B, protocol: 58, payload: 8 })], state: "INVALID" },
  {
    reason: "header-short",
    steps: [packet({ src: A, dst: B, protocol: 6, payload: 12 })],
    state: "INVALID",
    numbers: { length: 12 },
  },
  { reason: "bad-checksum", steps: [tcp(false, "S", 1, 0, 0, { checksum: "bad" })], state: "INVALID" },
  { reason: "icmp-type", steps: [icmp({ type: 40 })], state: "INVALID", numbers: { type: 40 } },
  { reason: "icmp-quote-short", steps: [QUERY, icmp({ quote: QUERY, quoteLength: 18 })], state: "INVALID" },
  {
    reason: "icmp-quote-fragment",
    steps: [
      icmp({ quote: packet({ src: A, dst: B, fragment: { offset: 64, more: false }, protocol: 17, payload: 16 }) }),
    ],
    state: "INVALID",
  },
  {
    reason: "icmp-quote-no-tuple",
    steps: [icmp({ quote: packet({ src: A, dst: B, icmp: { type: 3, payload: 8 } }) })],
    state: "INVALID",
  },
  { reason: "icmp-quote-unknown", steps: [icmp({ quote: QUERY })], state: "INVALID" },
  {
    reason: "icmp-outer-address",
    steps: [QUERY, packet({ src: B, dst: "10.0.0.9", icmp: { type: 3, code: 3, quote: QUERY } })],
    state: "INVALID",
  },
  { reason: "icmp-not-a-query", steps: [icmp({ type: 0, code: 0, id: 7 })], state: "INVALID", numbers: { type: 0 } },
  {
    reason: "icmpv6-redirect",
    steps: [packet({ src: A6, dst: B6, icmpv6: { type: 137, payload: 32 } })],
    state: "INVALID",
  },
  {
    reason: "udp-length",
    steps: [packet({ src: A, dst: B, udp: { sport: 1, dport: 2, payload: 4, length: 99 } })],
    state: "INVALID",
    numbers: { length: 99 },
  },
  {
    reason: "udplite-coverage",
    steps: [packet({ src: A, dst: B, udplite: { sport: 1, dport: 2, payload: 4, coverage: 5 } })],
    state: "INVALID",
    numbers: { coverage: 5 },
  },
  {
    reason: "udplite-checksum-missing",
    steps: [packet({ src: A, dst: B, udplite: { sport: 1, dport: 2, payload: 4, checksum: 0 } })],
    state: "INVALID",
  },
  {
    reason: "gre-protocol",
    steps: [packet({ src: A, dst: B, gre: { version: 1, protocol: 0x0800, callId: 1 } })],
    state: "INVALID",
    numbers: { protocol: 0x0800 },
  },
  { reason: "tcp-data-offset", steps: [tcp(false, "S", 1, 0, 0, { offset: 9 })], state: "INVALID" },
  { reason: "tcp-flags", steps: [tcp(false, "SF", 1, 0)], state: "INVALID", numbers: { flags: 3 } },
  { reason: "tcp-invalid-new", steps: [SYN_ACK], state: "INVALID", numbers: { event: 1 } },
  {
    reason: "tcp-not-loose",
    steps: [tcp(false, "A", 1, 1)],
    state: "INVALID",
    options: { sysctl: { nf_conntrack_tcp_loose: 0 } },
  },
  {
    reason: "tcp-invalid-state",
    steps: [SYN, tcp(false, "A", 101, 301)],
    state: "INVALID",
    numbers: { event: 3, direction: 0, state: 1 },
    cause: 1,
  },
  {
    reason: "tcp-rst-below-ack",
    steps: [...OPEN, tcp(false, "PA", 101, 301, 10), tcp(true, "A", 301, 111), tcp(false, "R", 105, 0)],
    state: "INVALID",
    numbers: { seq: 105, maxAck: 111 },
  },
  {
    reason: "tcp-seq-over-upper-bound",
    steps: [...OPEN, tcp(false, "A", 90_000, 301, 5)],
    state: "INVALID",
    numbers: { seq: 90_000, ack: 301, end: 90_005, window: 8192 },
    cause: 2,
  },
  {
    reason: "tcp-ack-over-upper-bound",
    steps: [...OPEN, tcp(false, "A", 101, 9301)],
    state: "INVALID",
    numbers: { bound: 302, ack: 9301 },
  },
  { reason: "sctp-chunks", steps: [sctp(false, 0, INIT, { type: 14 })], state: "INVALID" },
  { reason: "sctp-invalid-new", steps: [sctp(false, 5, { type: 11 })], state: "INVALID" },
  {
    reason: "sctp-verification-tag",
    steps: [sctp(false, 0, INIT), sctp(true, 99, { type: 3, body: new Uint8Array(12) })],
    state: "INVALID",
    numbers: { tag: 99, expected: 5, direction: 1 },
  },
  {
    reason: "sctp-invalid-state",
    steps: [sctp(false, 7, { type: 4 }), sctp(true, 0, INIT)],
    state: "INVALID",
  },
  // passes without effect
  {
    reason: "tcp-ignored",
    steps: [...OPEN, tcp(true, "SA", 300, 101)],
    state: "ESTABLISHED",
    numbers: { event: 1, direction: 1, state: 3 },
  },
  { reason: "tcp-syn-again", steps: [SYN, SYN], state: "NEW" },
  {
    reason: "tcp-challenge-ack",
    steps: [
      ...OPEN,
      tcp(false, "FA", 101, 301),
      tcp(true, "FA", 301, 102),
      tcp(false, "S", 7000, 0),
      tcp(true, "A", 302, 102),
    ],
    state: "ESTABLISHED",
  },
  {
    reason: "tcp-overshot",
    steps: [...OPEN, tcp(false, "A", 101 + 8193, 301, 10)],
    state: "ESTABLISHED",
  },
  {
    reason: "tcp-seq-under-lower-bound",
    steps: [...OPEN, tcp(false, "A", 101 - 70_000 + 2 ** 32, 301)],
    state: "ESTABLISHED",
  },
  {
    reason: "tcp-ack-under-lower-bound",
    steps: [...OPEN, tcp(false, "A", 101, 301 - 70_000 + 2 ** 32)],
    state: "ESTABLISHED",
  },
  {
    reason: "sctp-ignored",
    steps: [sctp(false, 0, INIT), sctp(true, 5, { type: 6 }), sctp(false, 0, INIT)],
    state: "ESTABLISHED",
  },
  // worth a word
  {
    reason: "tcp-liberal",
    steps: [...OPEN, tcp(false, "A", 90_000, 301, 5)],
    state: "ESTABLISHED",
    options: { sysctl: { nf_conntrack_tcp_be_liberal: 1 } },
  },
  { reason: "tcp-rst-not-exact", steps: [...OPEN, tcp(true, "R", 305, 0)], state: "ESTABLISHED" },
  {
    reason: "tcp-resync",
    steps: [...OPEN, tcp(false, "S", 7000, 0), tcp(true, "SA", 900, 7001)],
    state: "ESTABLISHED",
  },
  { reason: "tcp-picked-up", steps: [tcp(false, "A", 1, 1)], state: "NEW" },
  {
    reason: "icmpv6-untracked",
    steps: [packet({ src: A6, dst: B6, ttl: 255, icmpv6: { type: 135, payload: 16 } })],
    state: "UNTRACKED",
    numbers: { type: 135 },
  },
  { reason: "notrack", steps: [{ data: QUERY, notrack: true }], state: "UNTRACKED" },
];

const hintOf = (reason: string) => REASONS.find(({ name }) => name === reason)?.hint ?? "";

describe.each(BUILDS)("$name build", ({ wasm }) => {
  function tell({ steps, options }: Story, sysctl: Readonly<Record<string, number>> = {}) {
    const engine = Conntrack.openSync(wasm, {
      max: 100,
      seed: 1,
      trace: true,
      ...options,
      sysctl: { ...options?.sysctl, ...sysctl },
    });
    const decisions = steps.map((step, i) => {
      const time = START + BigInt(i) * 1_000_000n;
      return engine.track(step instanceof Uint8Array ? { time, data: step } : { time, data: SYN, ...step });
    });
    return decisions[decisions.length - 1];
  }

  test.each(STORIES)("$reason", (story) => {
    const { reason, state, numbers = {}, cause } = story;
    const decision = tell(story);
    expect({ reason: decision?.reason, state: decision?.state }).toEqual({ reason, state });
    expect(decision?.reasonText).toMatch(/\w/);
    const names = REASONS.find(({ name }) => name === reason)?.numbers ?? [];
    const given = Object.fromEntries(names.map((name, i) => [name, decision?.trace?.numbers[i]]));
    expect(given).toMatchObject(numbers);
    if (cause !== undefined) expect(decision?.trace?.cause).toBe(cause);
  });

  test("a packet whose addresses are not there has none, not those of the one decoded before it", () => {
    const engine = Conntrack.openSync(wasm, { max: 100, seed: 1, trace: true });
    expect(engine.track({ time: START, data: SYN }).trace?.src).toBe(A);
    expect(engine.track({ time: START, data: SYN.subarray(0, 14) }).trace?.src).not.toBe(A);
  });

  const settable = STORIES.flatMap((story) => {
    const [, name, value] = /^net\.netfilter\.(\w+)=(\d+)/.exec(hintOf(story.reason)) ?? [];
    return name === undefined ? [] : [{ ...story, name, value: Number(value) }];
  });
  test.each(settable)("$reason: $name=$value changes the outcome", (story) => {
    expect(tell(story, { [story.name]: story.value })?.reason).not.toBe(story.reason);
  });
});

test("more than fifty reasons are told, each once", () => {
  const told = new Set(STORIES.map(({ reason }) => reason));
  expect(told.size).toBe(STORIES.length);
  expect(told.size).toBeGreaterThan(50);
});

test.each(BUILDS)(
  "SCTP cut by the capture: unknown without the first initiate tag, else decided, $name build",
  ({ wasm }) => {
    const data = packet({ src: A, dst: B, sctp: { sport: 2000, dport: 3868, vtag: 0, chunks: [INIT] } });
    const kept = (bytes: number) => {
      const engine = Conntrack.openSync(wasm, { seed: 1, max: 16 });
      const { state, reason } = engine.track({ time: START, data: data.subarray(0, bytes), length: data.length });
      return [state, reason, engine.flows()[0]?.vtags];
    };
    const unknown = [null, "cut-by-snaplen", undefined];
    expect([31, 32, 36, 39].map(kept)).toEqual([unknown, unknown, unknown, unknown]);
    for (const bytes of [40, 47, data.length]) expect(kept(bytes)).toEqual(["NEW", null, { original: 0, reply: 5 }]);
  },
);
