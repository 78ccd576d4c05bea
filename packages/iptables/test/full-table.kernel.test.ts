// Rules and a table that is full: what connection tracking refuses no rule behind it counts, what was there before goes on, and
// so do helpers. nf_conntrack_max is low for a moment for that; conformance/src/global-limit.ts says how.
import { Conntrack } from "conntrack-wasm";
import { expect, test } from "vitest";
import { LimitEnded, whyNoGlobalLimit, withGlobalLimit } from "../../conformance/src/global-limit.js";
import { Kernel } from "../../conformance/src/kernel.js";
import { packet, type TcpFields } from "../../conformance/src/packets.js";
import { parseSave } from "../../conformance/src/record.js";
import { compileRules } from "../src/compile/index.js";
import { parsePlace } from "../src/compile/place.js";
import { parseRuleset } from "../src/index.js";
import { available, frameOf, ourCounters, PLACE, theirCounters, wasm } from "./duel.js";
import { saveText } from "./rulesets.js";

const why = available.ok ? whyNoGlobalLimit("nf_conntrack_max") : available.reason;

/** More connections than other tests have in a namespace: they do not notice. */
const FULL = 2000;
const TRIES = 3;
const CLIENT = "10.0.0.1";
const SERVER = "192.0.2.1";

const TEXT = saveText({
  name: "",
  raw: ["PREROUTING -p tcp -m tcp --dport 21 -j CT --helper ftp", "PREROUTING -p udp"],
  rules: [
    "FORWARD -m conntrack --ctstate NEW",
    "FORWARD -m conntrack --ctstate ESTABLISHED",
    "FORWARD -m conntrack --ctstate RELATED",
    "FORWARD -m conntrack --ctstate INVALID",
    "FORWARD -m helper --helper ftp",
    "FORWARD -m conntrack --ctstate RELATED -m helper --helper ftp",
    "FORWARD -m conntrack --ctstatus ASSURED",
    "FORWARD -m conntrack --ctstatus EXPECTED",
    "FORWARD -j ACCEPT",
  ],
});

const tcp = (sport: number, dport: number, reply: boolean, fields: Omit<TcpFields, "sport" | "dport">) =>
  packet(
    reply
      ? { src: SERVER, dst: CLIENT, tcp: { sport: dport, dport: sport, ...fields } }
      : { src: CLIENT, dst: SERVER, tcp: { sport, dport, ...fields } },
  );
const open = (sport: number, dport: number) => [
  tcp(sport, dport, false, { flags: "S", seq: 1 }),
  tcp(sport, dport, true, { flags: "SA", seq: 1, ack: 2 }),
  tcp(sport, dport, false, { flags: "A", seq: 2, ack: 2 }),
];
/** The server opens the connection a PORT command asked for. */
const data = (port: number) =>
  packet({ src: SERVER, dst: CLIENT, tcp: { sport: 20, dport: port, flags: "S", seq: 7 } });
const said = (seq: number, payload: string) => tcp(1024, 21, false, { flags: "PA", seq, ack: 2, payload });
const query = (sport: number) => packet({ src: CLIENT, dst: SERVER, udp: { sport, dport: 53, payload: 8 } });

const USER = "USER a\r\n";
const port = (number: number) => `PORT 10,0,0,1,${number >> 8},${number & 255}\r\n`;

/** One less than fit: the connection announced first is the last one. */
const BEFORE = [
  ...open(1024, 21),
  said(2, USER),
  said(2 + USER.length, port(5001)),
  ...Array.from({ length: FULL - 2 }, (_, i) => open(2000 + i, 80)).flat(),
  data(5001),
  packet({ src: CLIENT, dst: SERVER, tcp: { sport: 5001, dport: 20, flags: "SA", seq: 1, ack: 8 } }),
  packet({ src: SERVER, dst: CLIENT, tcp: { sport: 20, dport: 5001, flags: "A", seq: 8, ack: 2 } }),
];
const UNDER = [
  query(1),
  ...open(60_000, 80),
  said(2 + USER.length + port(5001).length, port(5002)),
  data(5002),
  tcp(2000, 80, true, { flags: "PA", seq: 2, ack: 2, payload: "hello" }),
  tcp(2000, 80, true, { flags: "PA", seq: 900_000_000, ack: 2, payload: "hello" }),
  packet({ src: SERVER, dst: CLIENT, icmp: { type: 3, code: 1, quote: open(2001, 80)[0] as Uint8Array } }),
  packet({ src: SERVER, dst: CLIENT, icmp: { type: 3, code: 1, quote: query(1) } }),
  packet({ src: CLIENT, dst: SERVER, icmp: { type: 8, id: 5, payload: 8 } }),
  query(1),
];
/** There is room again. */
const AFTER = [query(2), data(5002)];

interface Seen {
  readonly counters: readonly string[];
  readonly verdicts: readonly string[];
}

async function theirs(tries = TRIES): Promise<Seen> {
  const kernel = await Kernel.open({ mode: "route", iptables: TEXT });
  try {
    const timed = (packets: readonly Uint8Array[]) => packets.map((bytes) => ({ time: 0, data: bytes }));
    const decisions = await kernel.track(timed(BEFORE));
    const limited = () => kernel.track(timed(UNDER), { realtime: true }, BEFORE.length);
    decisions.push(...(await withGlobalLimit("nf_conntrack_max", FULL, limited)));
    decisions.push(...(await kernel.track(timed(AFTER), {}, decisions.length)));
    const counters = parseSave(await kernel.oracle.script("iptables-nft-save -c"), "ipv4");
    return { counters: theirCounters(counters), verdicts: decisions.map(({ verdict }) => verdict) };
  } catch (error) {
    if (!(error instanceof LimitEnded) || tries === 1) throw error;
  } finally {
    await kernel.close();
  }
  return theirs(tries - 1);
}

function ours(): Seen {
  const { ruleset, errors } = parseRuleset(TEXT, { family: 4 });
  expect(errors).toEqual([]);
  const program = compileRules(ruleset, { place: parsePlace(PLACE), in: "orc-in", out: "orc-out" });
  const engine = Conntrack.openSync(wasm, { seed: 1, max: 2 * FULL, programSize: program.bytes.length });
  engine.loadProgram(program.bytes);
  let time = 1_700_000_000_000_000_000n;
  const play = (packets: readonly Uint8Array[]) =>
    packets.map((bytes) => engine.track({ time: time++, data: frameOf(bytes), link: 1 }).verdict.toLowerCase());
  const verdicts = play(BEFORE);
  engine.setSysctl("nf_conntrack_max", FULL);
  verdicts.push(...play(UNDER));
  engine.setSysctl("nf_conntrack_max", 2 * FULL);
  verdicts.push(...play(AFTER));
  return { counters: ourCounters(program, engine), verdicts };
}

test.skipIf(why !== "")(
  `rules count what a full table lets through${why && ` (${why})`}`,
  { timeout: 240_000 },
  async () => {
    const kernel = await theirs();
    expect(ours()).toEqual(kernel);
    const dropped = kernel.verdicts
      .slice(BEFORE.length, BEFORE.length + UNDER.length)
      .filter((verdict) => verdict === "drop");
    expect(dropped.length).toBeGreaterThan(3);
    const counted = (rule: string) => kernel.counters.find((line) => line.includes(rule));
    expect(counted("RELATED -m helper --helper ftp")).toMatch(/ [1-9]\d*:\d+$/);
  },
);
