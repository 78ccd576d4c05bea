// Rules while a table is full, live: what is refused has passed the raw table and no other; whatever has an entry, or needs none, is
// counted as ever. nf_conntrack_max and nf_conntrack_expect_max hold for the whole machine, so they are low for a moment only, and
// higher than what other tests have in a namespace.
import { Conntrack } from "conntrack-wasm";
import { describe, expect, test } from "vitest";
import { inTime, PATIENCE, whyNoGlobalLimit, withGlobalLimit } from "../../conformance/src/global-limit.js";
import { type Kernel, type TimedPacket, withKernel } from "../../conformance/src/kernel.js";
import { packet, type TcpFields } from "../../conformance/src/packets.js";
import { parseSave } from "../../conformance/src/record.js";
import { compileRules } from "../src/compile/index.js";
import { parsePlace } from "../src/compile/place.js";
import { parseRuleset } from "../src/index.js";
import { available, frameOf, ourCounters, PLACE, theirCounters, wasm } from "./duel.js";
import { counting, saveText } from "./rulesets.js";

const why = available.ok ? whyNoGlobalLimit("nf_conntrack_max") : available.reason;

const FULL = 2000;
const ROOM = 4096;
const ANNOUNCED = 300;
/** So long that nothing ends on the busiest machine. */
const LASTING = { nf_conntrack_udp_timeout: 1000, nf_conntrack_tcp_timeout_unacknowledged: 1000 };

const MATCHES = [
  ...["NEW", "ESTABLISHED", "RELATED", "INVALID"].map((state) => `-m conntrack --ctstate ${state}`),
  "-m state --state RELATED,ESTABLISHED",
  ...["NEW", "ESTABLISHED", "RELATED"].map((state) => `-m conntrack --ctstate ${state} -m helper --helper ftp`),
  "-p udp -m conntrack --ctstate NEW -m helper ! --helper ftp",
  ...["NONE", "EXPECTED", "SEEN_REPLY", "ASSURED", "CONFIRMED"].map((status) => `-m conntrack --ctstatus ${status}`),
  "-m conntrack --ctstate ESTABLISHED --ctdir REPLY",
];
const RULES =
  saveText({ name: "raw", table: "raw", rules: ["PREROUTING -p tcp -m tcp --dport 21 -j CT --helper ftp"] }) +
  saveText({ name: "mangle", table: "mangle", rules: MATCHES.map((match) => `PREROUTING ${match}`) }) +
  saveText(counting("filter", MATCHES));

type Fields = Parameters<typeof packet>[0];
const SERVER = "192.0.2.1";
const host = (n: number) => `10.0.${n >> 8}.${n & 255}`;
const range = (from: number, count: number) => Array.from({ length: count }, (_, i) => from + i);

const segment = (n: number, port: number, reply: boolean, fields: Omit<TcpFields, "sport" | "dport">): Fields =>
  reply
    ? { src: SERVER, dst: host(n), tcp: { sport: port, dport: 1024, ...fields } }
    : { src: host(n), dst: SERVER, tcp: { sport: 1024, dport: port, ...fields } };
const established = (n: number, port = 80): Fields[] => [
  segment(n, port, false, { flags: "S", seq: 1 }),
  segment(n, port, true, { flags: "SA", seq: 1, ack: 2 }),
  segment(n, port, false, { flags: "A", seq: 2, ack: 2 }),
];
/** An FTP control connection; where lines begin shows with the first one. */
const control = (n: number): Fields[] => [
  ...established(n, 21),
  segment(n, 21, false, { flags: "PA", seq: 2, ack: 2, payload: "USER a\r\n" }),
];
const announcement = (n: number): Fields =>
  segment(n, 21, false, {
    flags: "PA",
    seq: 10,
    ack: 2,
    payload: `PORT ${host(n).replaceAll(".", ",")},8,${n & 255}\r\n`,
  });
const announced = (n: number): Fields => ({
  src: SERVER,
  dst: host(n),
  tcp: { sport: 20, dport: 2048 + (n & 255), flags: "S", seq: 7 },
});
const accepted = (n: number): Fields => ({
  src: host(n),
  dst: SERVER,
  tcp: { sport: 2048 + (n & 255), dport: 20, flags: "SA", seq: 70, ack: 8 },
});
const query = (n: number): Fields => ({ src: host(n), dst: SERVER, udp: { sport: 1024, dport: 53, payload: 8 } });
const answer = (n: number): Fields => ({ src: SERVER, dst: host(n), udp: { sport: 53, dport: 1024, payload: 8 } });

interface Counted {
  /** State (null: refused before it had one) and verdict of each packet. */
  readonly packets: readonly string[];
  /** Of each rule and policy, `table chain rule packets:bytes`. */
  readonly lines: readonly string[];
}

interface Limit {
  readonly name: "nf_conntrack_max" | "nf_conntrack_expect_max";
  readonly value: number;
  readonly otherwise: number;
}

/** `before`, then `under` while the limit holds, then `after`, through both routers. */
async function both(
  { name, value, otherwise }: Limit,
  before: readonly Fields[],
  under: readonly Fields[],
  after: readonly Fields[],
): Promise<{ kernel: Counted; engine: Counted }> {
  const timed = (fields: readonly Fields[], first: number) =>
    fields.map((one, i): TimedPacket => ({ time: (first + i) * 0.01, data: packet(one) }));
  const parts = [timed(before, 0), timed(under, before.length), timed(after, before.length + under.length)] as const;
  let times: number[] = [];
  const askKernel = async (open: Kernel): Promise<Counted> => {
    // "realtime" without waits: with priority, for the limit holds for others, too
    const track = (i: 0 | 1 | 2, first: number) => open.track(parts[i], { realtime: true, after: false }, first);
    const seen = await track(0, 0);
    seen.push(...(await withGlobalLimit(name, value, () => track(1, before.length))));
    seen.push(...(await track(2, before.length + under.length)));
    times = seen.map(({ t = 0 }) => t);
    return {
      packets: seen.map(({ state, verdict }) => `${state} ${verdict}`),
      lines: theirCounters(parseSave(await open.oracle.script("iptables-nft-save -c"), "ipv4")),
    };
  };
  const kernel = await inTime(() => withKernel({ mode: "route", iptables: RULES, sysctls: LASTING }, askKernel));

  const { ruleset, errors } = parseRuleset(RULES, { family: 4 });
  expect(errors).toEqual([]);
  const program = compileRules(ruleset, { place: parsePlace(PLACE), in: "orc-in", out: "orc-out" });
  const engine = Conntrack.openSync(wasm, { seed: 1, max: ROOM, programSize: program.bytes.length });
  engine.loadProgram(program.bytes);
  for (const [sysctl, seconds] of Object.entries(LASTING)) engine.setSysctl(sysctl, seconds);
  engine.setSysctl(name, otherwise);
  const packets = parts.flat().map(({ data }, i) => {
    if (i === before.length) engine.setSysctl(name, value);
    if (i === before.length + under.length) engine.setSysctl(name, otherwise);
    const time = 1_700_000_000_000_000_000n + BigInt(Math.round((times[i] as number) * 1e9));
    const { state, verdict } = engine.track({ time, data: frameOf(data), link: 1 });
    return `${state} ${verdict.toLowerCase()}`;
  });
  return { kernel, engine: { packets, lines: ourCounters(program, engine) } };
}

/** How often a rule's match held. */
function hits(lines: readonly string[], rule: string): number {
  const counted = lines.map((line) => (line.startsWith(rule) ? /^ (\d+):\d+$/.exec(line.slice(rule.length)) : null));
  const [, count] = counted.find((found) => found !== null) ?? [];
  if (count === undefined) throw new Error(`no rule ${rule}`);
  return Number(count);
}

/** Packets `-m helper --helper ftp` matched: NEW, RELATED, ESTABLISHED. */
const helped = (lines: readonly string[]): number[] =>
  ["NEW", "RELATED", "ESTABLISHED"].map((state) =>
    hits(lines, `filter FORWARD -m conntrack --ctstate ${state} -m helper --helper ftp`),
  );

describe.skipIf(why !== "")(`rules while a table is full${why && ` (${why})`}`, () => {
  test("of ASSURED entries: what is refused reaches the raw table only", { timeout: PATIENCE }, async () => {
    const controls = range(0, 20);
    const before = [...controls.flatMap(control), ...range(20, FULL - 20).flatMap((n) => established(n))];
    const under = [
      ...controls.map(announcement), // needs no entry
      ...controls.map(announced), // would be RELATED
      ...range(FULL, 30).map(query),
      segment(FULL, 21, false, { flags: "S", seq: 1 }),
      ...range(20, 30).map((n) => segment(n, 80, true, { flags: "PA", seq: 2, ack: 2, payload: 5 })),
      { src: SERVER, dst: host(0), icmp: { type: 3, code: 3, quote: packet(announcement(0)) } },
      { src: host(1), dst: SERVER, icmp: { type: 8, id: 5, payload: 8, checksum: "bad" as const } },
      segment(50, 80, false, { flags: "A", seq: 900_000, ack: 2 }),
    ];
    const after = [
      ...controls.flatMap((n) => [announced(n), accepted(n)]),
      ...range(FULL, 3).map(query),
      ...control(FULL),
    ];
    const { kernel, engine } = await both(
      { name: "nf_conntrack_max", value: FULL, otherwise: ROOM },
      before,
      under,
      after,
    );
    expect(engine).toEqual(kernel);
    const all = before.length + under.length + after.length;
    const states = MATCHES.slice(0, 4).map((match) => hits(kernel.lines, `filter FORWARD ${match}`));
    expect(states.reduce((sum, count) => sum + count)).toBe(all - 51);
    // -m helper asks whom a connection was announced by: data connections, not the control connection, nor an error about it
    expect(helped(kernel.lines)).toEqual([0, 20, 20]);
    expect(hits(kernel.lines, "raw PREROUTING policy")).toBe(all);
  });

  // Which entry makes room is chance in the kernel (docs/conformance.md), so each is held against its own decisions.
  test("of unreplied entries: rules count what came of each packet", { timeout: PATIENCE }, async () => {
    const before = range(0, FULL).map(query);
    const under = [...range(FULL, 400).map(query), ...range(0, 200).map(answer), ...range(0, 200).map(query)];
    const { kernel, engine } = await both(
      { name: "nf_conntrack_max", value: FULL, otherwise: ROOM },
      before,
      under,
      range(0, 50).map(answer),
    );
    for (const { packets, lines } of [kernel, engine]) {
      const of = (text: string) => packets.filter((one) => one === text).length;
      expect(of("NEW accept") + of("ESTABLISHED accept") + of("null drop")).toBe(packets.length);
      expect(of("NEW accept")).toBeGreaterThan(FULL); // room was made
      for (const chain of ["mangle PREROUTING", "filter FORWARD"]) {
        expect(hits(lines, `${chain} -m conntrack --ctstate NEW`)).toBe(of("NEW accept"));
        expect(hits(lines, `${chain} -m conntrack --ctstate ESTABLISHED`)).toBe(of("ESTABLISHED accept"));
      }
      expect(hits(lines, "raw PREROUTING policy")).toBe(packets.length);
    }
  });

  test("of expectations: the packet its helper drops is counted before", { timeout: PATIENCE }, async () => {
    const late = range(ANNOUNCED, 3);
    const before = range(0, ANNOUNCED).flatMap((n) => [...control(n), announcement(n)]);
    const under = late.flatMap((n) => [...control(n), announcement(n)]);
    const after = [...range(0, 10), ...late].flatMap((n) => [announced(n), accepted(n)]);
    const { kernel, engine } = await both(
      { name: "nf_conntrack_expect_max", value: ANNOUNCED, otherwise: 4096 },
      before,
      under,
      after,
    );
    expect(engine).toEqual(kernel);
    expect(kernel.packets.filter((one) => one === "ESTABLISHED drop")).toHaveLength(3);
    expect(helped(kernel.lines)).toEqual([0, 10, 10]);
  });
});
