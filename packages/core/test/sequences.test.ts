// Conversations against what the kernel decided about them: sequences/tcp.ts, sequences/other.ts. V90 to be exact.
import { describe, expect, test } from "vitest";
import { packet } from "../../conformance/src/packets.js";
import { Conntrack, type Flow, type Tuple } from "../../conntrack/src/index.js";
import { OTHER_SEQUENCES, type Sequence, type Step } from "./sequences/other.js";
import { TCP_SEQUENCES, type TcpStep } from "./sequences/tcp.js";
import { NS, START } from "./support/blocks.js";
import { BUILDS } from "./support/builds.js";

const MS = 1_000_000n;
const HOSTS = new Map([
  ["10.0.1.2", "A"],
  ["10.0.2.2", "B"],
]);
const SEEN_REPLY = 2;
const ASSURED = 4;

function side({ src, dst, sport, dport }: Tuple): string {
  const port = (value: number | undefined) => (value === undefined ? "" : `:${value}`);
  return `${HOSTS.get(src) ?? src}${port(sport)}>${HOSTS.get(dst) ?? dst}${port(dport)}`;
}

/**
 * An entry in the words of the tables. A timer that was set this very moment is compared exactly; one that had been
 * running may have been read a second earlier or later.
 */
function entry(
  { protocol, protocolState, timeout, status, original }: Flow,
  expected: string,
  running: boolean,
): string {
  let seconds = timeout / NS;
  const wanted = BigInt(/\d+/.exec(expected)?.[0] ?? -1);
  if ((running || timeout % NS !== 0n) && (seconds - wanted) ** 2n <= 1n) seconds = wanted;
  const words = protocol === "tcp" ? [seconds, protocolState] : [protocol, seconds, side(original)];
  if (!(status & SEEN_REPLY)) words.push("unreplied");
  if (status & ASSURED) words.push("assured");
  if (protocol === "tcp" && HOSTS.get(original.src) === "B") words.push("from B");
  return words.join(" ");
}

function tableText(engine: Conntrack, expected: string, running: boolean): string {
  const wanted = expected.split("; ");
  return (
    engine
      .flows()
      .map((flow, i) => entry(flow, wanted[i] ?? "", running))
      .join("; ") || "-"
  );
}

/** Rows of TCP in the form of the others. */
function tcpStep(step: TcpStep): Step {
  if (step[1] === null) return [step[0], null, "", step[2]];
  const [ms, way, letters, seq, ack, payload, text, state, table] = step;
  const [src, dst, sport, dport] =
    way === "->" ? (["10.0.1.2", "10.0.2.2", 1000, 80] as const) : (["10.0.2.2", "10.0.1.2", 80, 1000] as const);
  const win = Number(/win=(\d+)/.exec(text)?.[1] ?? 8192);
  const options = text.replace(/win=\d+/, "").trim();
  const flags = letters === "-" ? "" : letters;
  return [ms, packet({ src, dst, tcp: { sport, dport, flags, seq, ack, win, payload, options } }), state, table];
}

const SEQUENCES: readonly Sequence[] = [
  ...TCP_SEQUENCES.map(([name, steps, sysctls]): Sequence => [name, steps.map(tcpStep), sysctls ?? {}]),
  ...OTHER_SEQUENCES,
];

describe.each(BUILDS)("$name build", ({ wasm }) => {
  test.each(SEQUENCES)("%s", (_, steps, sysctl = {}) => {
    const engine = Conntrack.openSync(wasm, { max: 10, seed: 1, sysctl });
    const [expected, actual]: [unknown[], unknown[]] = [[], []];
    for (const [i, [ms, data, state, table]] of steps.entries()) {
      const time = START + BigInt(ms) * MS;
      let seen = "";
      if (data === null) engine.advance(time);
      else {
        const decision = engine.track({ time, data });
        seen = `${decision.state ?? ""}${decision.direction === "reply" ? "/r" : ""}`;
      }
      expected.push([i, state, table]);
      actual.push([i, seen, tableText(engine, table, data === null)]);
    }
    expect(actual).toEqual(expected);
  });
});

test("all of V01 to V90", () => {
  const numbers = SEQUENCES.map(([name]) => Number(/^V(\d+) /.exec(name)?.[1]));
  expect(numbers).toEqual(Array.from({ length: 90 }, (_, i) => i + 1));
});
