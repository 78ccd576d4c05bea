// Every cell of the TCP transition tables through real packets: a conversation leads to the state, then one packet of
// each kind comes from each side, in window. Linux 6 first, then the table of Linux 2.4.
import { describe, expect, test } from "vitest";
import { packet } from "../../conformance/src/packets.js";
import { Conntrack, type Profile } from "../../conntrack/src/index.js";
import { START } from "./support/blocks.js";
import { BUILDS } from "./support/builds.js";

type Way = ">" | "<";

/** A packet in short: way and flags; the numbers follow from the conversation. */
class Conversation {
  readonly engine: Conntrack;
  #time = START;
  readonly #next = { ">": 100, "<": 500 };

  constructor(wasm: WebAssembly.Module, profile: Profile) {
    this.engine = Conntrack.openSync(wasm, { max: 10, seed: 1, profile });
  }

  say(text: string): ReturnType<Conntrack["track"]> {
    const way = text[0] as Way;
    const flags = text.slice(1);
    const seq = this.#next[way];
    const ack = flags.includes("A") ? this.#next[way === ">" ? "<" : ">"] : 0;
    const [src, dst, sport, dport] =
      way === ">" ? (["10.0.0.1", "10.0.0.2", 1000, 80] as const) : (["10.0.0.2", "10.0.0.1", 80, 1000] as const);
    if (/[SF]/.test(flags)) this.#next[way]++;
    this.#time += 1_000_000n;
    return this.engine.track({
      time: this.#time,
      data: packet({ src, dst, tcp: { sport, dport, flags, seq, ack, win: 8192 } }),
    });
  }

  /** What a packet does: state seen, then the state of the entry. */
  outcome(text: string): string {
    const { state, direction } = this.say(text);
    const entry = this.engine.flows()[0];
    return `${state}${direction === "reply" ? "/r" : ""} ${entry?.protocolState ?? "-"}`;
  }
}

function reach(wasm: WebAssembly.Module, profile: Profile, path: string): Conversation {
  const conversation = new Conversation(wasm, profile);
  for (const text of path.split(" ").filter((word) => word !== "")) conversation.say(text);
  return conversation;
}

/** Rows of a table: the names of the states in order, then the outcome for each. */
type Table = readonly [state: string, path: string, ...outcomes: string[]][];

const OPEN = ">S <SA >A";

// What the kernel's table says, and what becomes of it. "ig": passes, nothing changes; "iv": INVALID.
// biome-ignore format: columns
const ORIGINAL: Table = [
  // state                                   >S                     >SA                    >FA                       >A                        >R                   >
  ["NONE",        "",                        "NEW SYN_SENT",        "iv -",                "iv -",                   "NEW ESTABLISHED",        "iv -",              "iv -"],
  ["SYN_SENT",    ">S",                      "NEW SYN_SENT",        "iv SYN_SENT",         "iv SYN_SENT",            "iv SYN_SENT",            "NEW -",             "iv SYN_SENT"],
  ["SYN_RECV",    ">S <SA",                  "EST SYN_RECV",        "EST SYN_RECV",        "EST FIN_WAIT",           "EST ESTABLISHED",        "EST CLOSE",         "iv SYN_RECV"],
  ["ESTABLISHED", OPEN,                      "EST ESTABLISHED",     "iv ESTABLISHED",      "EST FIN_WAIT",           "EST ESTABLISHED",        "EST CLOSE",         "iv ESTABLISHED"],
  ["FIN_WAIT",    `${OPEN} >FA`,             "EST FIN_WAIT",        "iv FIN_WAIT",         "EST LAST_ACK",           "EST CLOSE_WAIT",         "EST CLOSE",         "iv FIN_WAIT"],
  ["CLOSE_WAIT",  `${OPEN} >FA <A`,          "EST CLOSE_WAIT",      "iv CLOSE_WAIT",       "EST LAST_ACK",           "EST CLOSE_WAIT",         "EST CLOSE",         "iv CLOSE_WAIT"],
  ["LAST_ACK",    `${OPEN} >FA <A <FA`,      "EST LAST_ACK",        "iv LAST_ACK",         "EST LAST_ACK",           "EST TIME_WAIT",          "EST CLOSE",         "iv LAST_ACK"],
  ["TIME_WAIT",   `${OPEN} >FA <A <FA >A`,   "NEW SYN_SENT",        "iv TIME_WAIT",        "EST TIME_WAIT",          "EST TIME_WAIT",          "EST CLOSE",         "iv TIME_WAIT"],
  ["CLOSE",       `${OPEN} >R`,              "NEW SYN_SENT",        "iv CLOSE",            "EST CLOSE",              "EST CLOSE",              "EST CLOSE",         "iv CLOSE"],
  ["SYN_SENT2",   ">S <S",                   "EST SYN_SENT2",       "EST SYN_RECV",        "iv SYN_SENT2",           "iv SYN_SENT2",           "EST CLOSE",         "iv SYN_SENT2"],
];

// biome-ignore format: columns
const REPLY: Table = [
  // state                                   <S                     <SA                    <FA                       <A                        <R                   <
  ["SYN_SENT",    ">S",                      "EST/r SYN_SENT2",     "EST/r SYN_RECV",      "iv SYN_SENT",            "EST/r SYN_SENT",         "EST/r -",           "iv SYN_SENT"],
  ["SYN_RECV",    ">S <SA",                  "iv SYN_RECV",         "EST/r SYN_RECV",      "EST/r FIN_WAIT",         "EST/r SYN_RECV",         "EST/r CLOSE",       "iv SYN_RECV"],
  ["ESTABLISHED", OPEN,                      "iv ESTABLISHED",      "EST/r ESTABLISHED",   "EST/r FIN_WAIT",         "EST/r ESTABLISHED",      "EST/r CLOSE",       "iv ESTABLISHED"],
  ["FIN_WAIT",    `${OPEN} >FA`,             "iv FIN_WAIT",         "EST/r FIN_WAIT",      "EST/r LAST_ACK",         "EST/r CLOSE_WAIT",       "EST/r CLOSE",       "iv FIN_WAIT"],
  ["CLOSE_WAIT",  `${OPEN} >FA <A`,          "iv CLOSE_WAIT",       "EST/r CLOSE_WAIT",    "EST/r LAST_ACK",         "EST/r CLOSE_WAIT",       "EST/r CLOSE",       "iv CLOSE_WAIT"],
  ["LAST_ACK",    `${OPEN} >FA <A <FA`,      "iv LAST_ACK",         "EST/r LAST_ACK",      "EST/r LAST_ACK",         "EST/r TIME_WAIT",        "EST/r CLOSE",       "iv LAST_ACK"],
  ["TIME_WAIT",   `${OPEN} >FA <A <FA >A`,   "NEW SYN_SENT",        "EST/r TIME_WAIT",     "EST/r TIME_WAIT",        "EST/r TIME_WAIT",        "EST/r CLOSE",       "iv TIME_WAIT"],
  ["CLOSE",       `${OPEN} >R`,              "iv CLOSE",            "EST/r CLOSE",         "EST/r CLOSE",            "EST/r CLOSE",            "EST/r CLOSE",       "iv CLOSE"],
  ["SYN_SENT2",   ">S <S",                   "EST/r SYN_SENT2",     "EST/r SYN_RECV",      "iv SYN_SENT2",           "EST/r SYN_SENT2",        "EST/r CLOSE",       "iv SYN_SENT2"],
];

// Linux 2.4 looks at neither windows nor flag combinations. LAST_ACK and LISTEN stand in its table but nothing leads there.
// biome-ignore format: columns
const ORIGINAL_24: Table = [
  // state                                   >S                     >SA                    >FA                       >A                        >R                   >
  ["NONE",        "",                        "NEW SYN_SENT",        "NEW SYN_SENT",        "NEW TIME_WAIT",          "NEW ESTABLISHED",        "NEW CLOSE",         "iv -"],
  ["SYN_SENT",    ">S",                      "NEW SYN_SENT",        "NEW SYN_SENT",        "NEW SYN_SENT",           "NEW SYN_SENT",           "NEW -",             "iv SYN_SENT"],
  ["SYN_RECV",    ">S <SA",                  "EST SYN_RECV",        "EST SYN_RECV",        "EST TIME_WAIT",          "EST ESTABLISHED",        "EST CLOSE",         "iv SYN_RECV"],
  ["ESTABLISHED", OPEN,                      "EST ESTABLISHED",     "EST ESTABLISHED",     "EST FIN_WAIT",           "EST ESTABLISHED",        "EST CLOSE",         "iv ESTABLISHED"],
  ["FIN_WAIT",    `${OPEN} >FA`,             "EST SYN_SENT",        "EST SYN_SENT",        "EST FIN_WAIT",           "EST FIN_WAIT",           "EST CLOSE",         "iv FIN_WAIT"],
  ["CLOSE_WAIT",  `${OPEN} <FA`,             "EST SYN_SENT",        "EST SYN_SENT",        "EST TIME_WAIT",          "EST CLOSE_WAIT",         "EST CLOSE",         "iv CLOSE_WAIT"],
  ["TIME_WAIT",   `${OPEN} >FA <FA`,         "EST SYN_SENT",        "EST SYN_SENT",        "EST TIME_WAIT",          "EST TIME_WAIT",          "EST TIME_WAIT",     "iv TIME_WAIT"],
  ["CLOSE",       `${OPEN} >R`,              "EST SYN_SENT",        "EST SYN_SENT",        "EST CLOSE",              "EST CLOSE",              "EST CLOSE",         "iv CLOSE"],
];

// biome-ignore format: columns
const REPLY_24: Table = [
  // state                                   <S                     <SA                    <FA                       <A                        <R                   <
  ["SYN_SENT",    ">S",                      "EST/r SYN_RECV",      "EST/r SYN_RECV",      "EST/r SYN_SENT",         "EST/r SYN_SENT",         "EST/r -",           "iv SYN_SENT"],
  ["SYN_RECV",    ">S <SA",                  "EST/r SYN_RECV",      "EST/r SYN_RECV",      "EST/r TIME_WAIT",        "EST/r SYN_RECV",         "EST/r CLOSE",       "iv SYN_RECV"],
  ["ESTABLISHED", OPEN,                      "EST/r ESTABLISHED",   "EST/r ESTABLISHED",   "EST/r CLOSE_WAIT",       "EST/r ESTABLISHED",      "EST/r CLOSE",       "iv ESTABLISHED"],
  ["FIN_WAIT",    `${OPEN} >FA`,             "EST/r SYN_RECV",      "EST/r SYN_RECV",      "EST/r TIME_WAIT",        "EST/r FIN_WAIT",         "EST/r CLOSE",       "iv FIN_WAIT"],
  ["CLOSE_WAIT",  `${OPEN} <FA`,             "EST/r SYN_RECV",      "EST/r SYN_RECV",      "EST/r CLOSE_WAIT",       "EST/r CLOSE_WAIT",       "EST/r CLOSE",       "iv CLOSE_WAIT"],
  ["TIME_WAIT",   `${OPEN} >FA <FA`,         "EST/r SYN_RECV",      "EST/r SYN_RECV",      "EST/r TIME_WAIT",        "EST/r TIME_WAIT",        "EST/r CLOSE",       "iv TIME_WAIT"],
  ["CLOSE",       `${OPEN} >R`,              "EST/r SYN_RECV",      "EST/r SYN_RECV",      "EST/r CLOSE",            "EST/r CLOSE",            "EST/r CLOSE",       "iv CLOSE"],
];

const KINDS = ["S", "SA", "FA", "A", "R", ""];
const inFull = (text: string) => text.replace(/^iv/, "INVALID").replace(/^EST(?=[ /])/, "ESTABLISHED");

const TABLES = [
  { profile: "linux-6", way: ">", table: ORIGINAL },
  { profile: "linux-6", way: "<", table: REPLY },
  { profile: "linux-2.4", way: ">", table: ORIGINAL_24 },
  { profile: "linux-2.4", way: "<", table: REPLY_24 },
] as const;
const ROWS = TABLES.flatMap(({ profile, way, table }) =>
  table.map(([state, path, ...outcomes]) => ({ profile, way, state, path, outcomes })),
);

describe.each(BUILDS)("$name build", ({ wasm }) => {
  test.each(ROWS)("$profile, $way in $state", ({ profile, way, state, path, outcomes }) => {
    const start = reach(wasm, profile, path).engine.flows()[0];
    expect(start?.protocolState ?? "NONE").toBe(state);
    const actual = KINDS.map((flags) => `${way}${flags}: ${reach(wasm, profile, path).outcome(way + flags)}`);
    expect(actual).toEqual(KINDS.map((flags, i) => `${way}${flags}: ${inFull(outcomes[i] as string)}`));
  });

  test("ignored packets say so and renew nothing", () => {
    for (const [path, ignored] of [
      [">S <SA", ">S"],
      [OPEN, ">S"],
      [OPEN, "<SA"],
      [`${OPEN} >FA`, "<SA"],
      [">S", "<A"],
    ] as const) {
      const conversation = reach(wasm, "linux-6", path);
      const before = conversation.engine.flows()[0];
      expect(conversation.say(ignored)).toMatchObject({ state: "ESTABLISHED", reason: "tcp-ignored" });
      expect(conversation.engine.flows()[0]?.timeout).toBe((before?.timeout ?? 0n) - 1_000_000n);
    }
  });
});
