// The helpers at their grammar: the tables of observed cases (spec §6.4 to §6.10), limits, ends, and garbage.
import { REASON_EXPECT_MADE, STATE_ESTABLISHED, STATE_NEW } from "@conntrack-wasm/core/abi";
import { describe, expect, test } from "vitest";
import { packet } from "../../conformance/src/packets.js";
import { formatExpectProc, type OpenOptions } from "../../conntrack/src/index.js";
import { recordBlock, START, type TimedPacket } from "./support/blocks.js";
import { BUILDS, debug, inspect, selfcheck } from "./support/builds.js";
import { Random } from "./support/random.js";

const A = "10.0.1.2";
const B = "10.0.2.2";
type Way = "->" | "<-";

/** A TCP control connection, step by step. */
class Control {
  readonly #seq = { "->": 1001, "<-": 5001 };
  #time = START;
  readonly engine;
  readonly core;

  constructor(
    wasm: WebAssembly.Module,
    readonly port: number,
    helper: string,
    options: Omit<OpenOptions, "wasm"> = {},
    readonly sport = 30_001,
  ) {
    const inspected = inspect(wasm, { seed: 1, max: 100, events: true, helpers: [{ name: helper, port }], ...options });
    this.engine = inspected.engine;
    this.core = inspected.core;
    this.open();
  }

  open(): void {
    this.#send("->", "S", 1000, 0, "");
    this.#send("<-", "SA", 5000, 1001, "");
    this.#send("->", "A", 1001, 5001, "");
  }

  #send(way: Way, flags: string, seq: number, ack: number, payload: string | Uint8Array) {
    this.#time += 1_000_000n;
    const [src, dst, sport, dport] = way === "->" ? [A, B, this.sport, this.port] : [B, A, this.port, this.sport];
    const data = packet({ src, dst, tcp: { sport, dport, flags, seq, ack, payload } });
    return this.engine.track({ time: this.#time, data });
  }

  /** The next data of a side; a dropped segment does not arrive, so the next one has its number. */
  say(way: Way, text: string | Uint8Array) {
    const decision = this.#send(way, "PA", this.#seq[way], this.#seq[way === "->" ? "<-" : "->"], text);
    if (decision.verdict === "ACCEPT") this.#seq[way] += text.length;
    return decision;
  }

  /** Destination ports expected, newest last. */
  get ports(): (number | undefined)[] {
    return this.engine.expectations().map(({ tuple }) => tuple.dport);
  }
}

/** What follows the first line, which no helper examines. */
function ftp(wasm: WebAssembly.Module, way: Way, text: string, options: Omit<OpenOptions, "wasm"> = {}) {
  const control = new Control(wasm, 21, "ftp", options);
  control.say(way, way === "->" ? "USER x\r\n" : "220 hi\r\n");
  const { verdict, reason } = control.say(way, text);
  return { verdict, reason, ports: control.ports, control };
}

const SIX = "10,0,1,2,200,10";

/** TFTP: asks for a file, which announces the answer to `sport`. */
const readRequest = (sport: number) =>
  packet({ src: A, dst: B, udp: { sport, dport: 69, payload: "\0\x01f\0octet\0" } });

describe.each(BUILDS)("ftp, $name build", ({ wasm }) => {
  test.each<[string, Way, string, "ACCEPT" | "DROP", number[]]>([
    ["PORT", "->", `PORT ${SIX}\r\n`, "ACCEPT", [51210]],
    ["lower case", "->", `port ${SIX}\r\n`, "ACCEPT", [51210]],
    ["PORTX", "->", `PORTX ${SIX}\r\n`, "ACCEPT", [51210]],
    ["LIST behind it", "->", `PORT ${SIX}\r\nLIST\r\n`, "ACCEPT", [51210]],
    ["NOOP before it", "->", `NOOP\r\nPORT ${SIX}\r\n`, "ACCEPT", []],
    ["another's address", "->", "PORT 10,0,1,9,200,10\r\n", "ACCEPT", []],
    ["port byte 300", "->", "PORT 10,0,1,2,300,10\r\n", "ACCEPT", [11274]],
    ["port byte 256", "->", "PORT 10,0,1,2,256,10\r\n", "ACCEPT", [10]],
    ["address byte that wraps", "->", "PORT 266,0,1,2,200,10\r\n", "ACCEPT", [51210]],
    ["empty field", "->", "PORT 10,,1,2,200,10\r\n", "ACCEPT", [51210]],
    ["port 0", "->", "PORT 10,0,1,2,0,0\r\n", "ACCEPT", [0]],
    ["no CR", "->", `PORT ${SIX}\n`, "DROP", []],
    ["trailing space", "->", `PORT ${SIX} \r\n`, "DROP", []],
    ["two spaces", "->", `PORT  ${SIX}\r\n`, "DROP", []],
    ["five numbers", "->", "PORT 10,0,1,2,200\r\n", "DROP", []],
    ["seven numbers", "->", `PORT ${SIX},1\r\n`, "DROP", []],
    ["cut short", "->", "PORT 10,0,1", "DROP", []],
    ["P", "->", "P", "DROP", []],
    ["PO", "->", "PO", "DROP", []],
    ["E", "->", "E", "DROP", []],
    ["EPRT", "->", `EPRT |1|${A}|51210|\r\n`, "ACCEPT", [51210]],
    ["EPRT with another delimiter", "->", `EPRT !1!${A}!51210!\r\n`, "ACCEPT", [51210]],
    ["EPRT of the other family", "->", `EPRT |2|${A}|51210|\r\n`, "DROP", []],
    ["EPRT with a digit as delimiter", "->", `EPRT 111${A}151210|\r\n`, "DROP", []],
    ["EPRT without its last delimiter", "->", `EPRT |1|${A}|51210\r\n`, "DROP", []],
    ["EPRT port 0", "->", `EPRT |1|${A}|0|\r\n`, "DROP", []],
    ["EPRT port 70000", "->", `EPRT |1|${A}|70000|\r\n`, "ACCEPT", [4464]],
    ["EPRT of another's address", "->", "EPRT |1|10.0.1.9|51210|\r\n", "ACCEPT", []],
    ["227", "<-", "227 Entering Passive Mode (10,0,2,2,200,10).\r\n", "ACCEPT", [51210]],
    ["227 without parentheses", "<-", "227 Entering 10,0,2,2,200,10\r\n", "ACCEPT", [51210]],
    ["227 with a digit before", "<-", "227 Entering v2 (10,0,2,2,200,10)\r\n", "DROP", []],
    ["227 of another's address", "<-", "227 Entering (10,0,2,9,200,10)\r\n", "ACCEPT", []],
    ["227-", "<-", "227-Entering (10,0,2,2,200,10)\r\n", "ACCEPT", []],
    ["227 ending with its number", "<-", "227 Entering (10,0,2,2,200,10", "DROP", []],
    ["227 of a client", "->", "227 Entering (10,0,2,2,200,10)\r\n", "ACCEPT", []],
    ["PORT of a server", "<-", "PORT 10,0,2,2,200,10\r\n", "ACCEPT", []],
    ["229", "<-", "229 Entering Extended Passive Mode (|||51210|)\r\n", "ACCEPT", [51210]],
    ["229 without parenthesis", "<-", "229 Entering |||51210|\r\n", "DROP", []],
    ["229 with an address", "<-", "229 Entering (|1|10.0.2.2|51210|)\r\n", "DROP", []],
    ["22", "<-", "22", "DROP", []],
  ])("%s", (_, way, text, verdict, ports) => {
    const result = ftp(wasm, way, text);
    expect({ verdict: result.verdict, ports: result.ports }).toEqual({ verdict, ports });
    if (verdict === "DROP") expect(result.reason).toBe("helper-partial");
    expect(selfcheck(result.control.core)).toBe(0);
  });

  test("the first line is not examined, and says so", () => {
    const control = new Control(wasm, 21, "ftp");
    expect(control.say("->", `PORT ${SIX}\r\n`).reason).toBe("helper-out-of-sequence");
    expect(control.ports).toEqual([]);
  });

  test("a second announcement takes the place of the first", () => {
    const { control } = ftp(wasm, "->", `PORT ${SIX}\r\n`);
    expect(control.say("->", "PORT 10,0,1,2,200,11\r\n").reason).toBe("expectation-made");
    expect(control.ports).toEqual([51211]);
    expect(control.engine.takeExpectEvents().map(({ type }) => type)).toEqual(["NEW", "DESTROY", "NEW"]);
  });

  test("loose: another's address is expected as announced", () => {
    const { control } = ftp(wasm, "->", "PORT 10,0,1,9,200,10\r\n", { sysctl: { "nf_conntrack_ftp.loose": 1 } });
    expect(control.engine.expectations().map(formatExpectProc)).toEqual([
      `300 l3proto = 2 proto=6 src=${B} dst=10.0.1.9 sport=0 dport=51210 ftp`,
    ]);
  });

  test("what was announced is RELATED once, with its master and the packet that announced it", () => {
    const { control } = ftp(wasm, "->", `PORT ${SIX}\r\n`);
    const { engine } = control;
    const syn = (sport: number) =>
      engine.track({
        time: engine.now,
        data: packet({ src: B, dst: A, tcp: { sport, dport: 51210, flags: "S", seq: 1 } }),
      });
    expect(syn(20)).toMatchObject({ state: "RELATED", reason: "expected" });
    expect(syn(21)).toMatchObject({ state: "NEW", reason: null });
    const [master, data] = engine.flows();
    expect(data).toMatchObject({ master: master?.conn, announced: 5 });
    expect(master).toMatchObject({ helper: "ftp", use: 2 });
  });

  test("it ends after its time, with its master, and at nf_conntrack_expect_max there is no more", () => {
    const timed = ftp(wasm, "->", `PORT ${SIX}\r\n`).control;
    timed.engine.advance(timed.engine.now + 299_999_999_999n);
    expect(timed.ports).toEqual([51210]);
    timed.engine.advance(timed.engine.now + 1n);
    expect(timed.ports).toEqual([]);
    const ended = ftp(wasm, "->", `PORT ${SIX}\r\n`).control;
    ended.engine.flush();
    expect(ended.engine.takeExpectEvents().map(({ type }) => type)).toEqual(["NEW", "DESTROY"]);
    expect(selfcheck(ended.core)).toBe(0);
    const helpers = [{ name: "ftp" }, { name: "tftp" }];
    const full = new Control(wasm, 21, "ftp", { helpers, sysctl: { nf_conntrack_expect_max: 1 } });
    full.engine.track({ time: START, data: readRequest(2000) });
    full.say("->", "USER x\r\n");
    expect(full.say("->", `PORT ${SIX}\r\n`)).toMatchObject({ verdict: "DROP", reason: "expectation-table-full" });
    expect(full.ports).toEqual([2000]);
  });

  test("without an assignment there is no helper; by its usual port when told so", () => {
    const none = ftp(wasm, "->", `PORT ${SIX}\r\n`, { helpers: [] });
    expect(none.ports).toEqual([]);
    const auto = ftp(wasm, "->", `PORT ${SIX}\r\n`, { helpers: [], sysctl: { nf_conntrack_helper: 1 } });
    expect(auto.ports).toEqual([51210]);
  });
});

describe.each(BUILDS)("irc, $name build", ({ wasm }) => {
  const ADDRESS = (10 << 24) | (1 << 8) | 2;
  test.each<[string, Way, string, number[]]>([
    ["SEND", "->", `PRIVMSG bob :\x01DCC SEND f ${ADDRESS} 4000\x01\r\n`, [4000]],
    ["CHAT", "->", `privmsg bob :\x01DCC CHAT chat ${ADDRESS} 4000\x01\r\n`, [4000]],
    ["TSEND, line ends before", "->", `\r\n PRIVMSG bob :\x01DCC TSEND f ${ADDRESS} 4000\x01\r\n`, [4000]],
    ["another's address", "->", "PRIVMSG bob :\x01DCC SEND f 167772425 4000\x01\r\n", []],
    ["port 0", "->", `PRIVMSG bob :\x01DCC SEND f ${ADDRESS} 0\x01\r\n`, []],
    ["NOTICE", "->", `NOTICE bob :\x01DCC SEND f ${ADDRESS} 4000\x01\r\n`, []],
    ["RESUME", "->", `PRIVMSG bob :\x01DCC RESUME f ${ADDRESS} 4000\x01\r\n`, []],
    ["dcc", "->", `PRIVMSG bob :\x01dcc SEND f ${ADDRESS} 4000\x01\r\n`, []],
    ["text before", "->", `PRIVMSG bob :hi \x01DCC SEND f ${ADDRESS} 4000\x01\r\n`, []],
    ["no newline", "->", `PRIVMSG bob :\x01DCC SEND f ${ADDRESS} 4000\x01`, []],
    ["dotted address", "->", "PRIVMSG bob :\x01DCC SEND f 10.0.1.2 4000\x01\r\n", []],
    ["file name with a space", "->", `PRIVMSG bob :\x01DCC SEND f g ${ADDRESS} 4000\x01\r\n`, []],
    ["of a server", "<-", `PRIVMSG bob :\x01DCC SEND f ${ADDRESS} 4000\x01\r\n`, []],
  ])("%s", (_, way, text, ports) => {
    const control = new Control(wasm, 6667, "irc");
    expect(control.say(way, text).verdict).toBe("ACCEPT");
    expect(control.ports).toEqual(ports);
  });

  test("of ten offers the two oldest are gone", () => {
    const control = new Control(wasm, 6667, "irc");
    for (let port = 4000; port < 4010; port++)
      control.say("->", `PRIVMSG bob :\x01DCC SEND f ${ADDRESS} ${port}\x01\r\n`);
    expect(control.ports).toEqual([4002, 4003, 4004, 4005, 4006, 4007, 4008, 4009]);
    expect(selfcheck(control.core)).toBe(0);
  });
});

test.each(BUILDS)("tftp: a request announces the answer, repeated it begins anew, $name build", ({ wasm }) => {
  const { engine, core } = inspect(wasm, { seed: 1, max: 100, helpers: [{ name: "tftp" }] });
  const send = (src: string, dst: string, sport: number, dport: number, payload: string) =>
    engine.track({ time: START, data: packet({ src, dst, udp: { sport, dport, payload } }) });
  expect(send(A, B, 2000, 69, "\0\x03f\0octet\0")).toMatchObject({ state: "NEW", reason: null });
  expect(send(A, B, 2000, 69, "\0\x01f\0octet\0")).toMatchObject({ state: "NEW", reason: "expectation-made" });
  send(A, B, 2000, 69, "\0\x01f\0octet\0");
  expect(engine.expectations().map(formatExpectProc)).toEqual([
    `300 l3proto = 2 proto=17 src=${B} dst=${A} sport=0 dport=2000 tftp`,
  ]);
  expect(send(B, A, 3000, 2000, "\0\x03")).toMatchObject({ state: "RELATED" });
  expect(selfcheck(core)).toBe(0);
});

test.each(BUILDS)(
  "a first packet that is refused leaves neither connection nor expectation, $name build",
  ({ wasm }) => {
    const { engine, core } = inspect(wasm, {
      seed: 1,
      max: 100,
      helpers: [{ name: "tftp" }],
      sysctl: { nf_conntrack_expect_max: 1 },
    });
    engine.track({ time: START, data: readRequest(2000) });
    const refused = engine.track({ time: START, data: readRequest(2001) });
    expect(refused).toMatchObject({ state: "NEW", verdict: "DROP", conn: null });
    expect([engine.entries, engine.expectations().length, selfcheck(core)]).toEqual([1, 1, 0]);
  },
);

test("a payload cut by the capture is not guessed at", () => {
  const control = new Control(debug, 6667, "irc");
  const data = packet({
    src: A,
    dst: B,
    tcp: { sport: 30_001, dport: 6667, flags: "PA", seq: 1001, ack: 5001, payload: "PRIVMSG bob :\x01DCC SEND f" },
  });
  const decision = control.engine.track({ time: START + 10_000_000n, data: data.subarray(0, 60), length: data.length });
  expect(decision).toMatchObject({ state: "ESTABLISHED", verdict: "ACCEPT", reason: "helper-cut-by-snaplen" });
});

test("a snapshot goes on with helpers and expectations", async () => {
  const { control } = ftp(debug, "->", `PORT ${SIX}\r\n`);
  const { Conntrack } = await import("../../conntrack/src/index.js");
  const copy = await Conntrack.restore(control.engine.snapshot(), { wasm: debug });
  expect(copy.expectations()).toEqual(control.engine.expectations());
  const data = packet({ src: B, dst: A, tcp: { sport: 20, dport: 51210, flags: "S", seq: 1 } });
  expect(copy.track({ time: copy.now, data }).state).toBe("RELATED");
});

test("expectations follow their connections to other slots", () => {
  const { control } = ftp(debug, "->", `PORT ${SIX}\r\n`);
  control.core.rekey();
  expect(selfcheck(control.core)).toBe(0);
  expect(control.say("->", "PORT 10,0,1,2,200,11\r\n").reason).toBe("expectation-made");
  expect(control.ports).toEqual([51211]);
});

// ---- garbage

const NOISE = ["1", ",", "|", ":", " ", "\0", "\xff", "\r\n", "\n", "2001:db8::", "99999999999"];
/** What each helper looks for, whole and in parts. */
const WORDS: Readonly<Record<string, readonly string[]>> = {
  ftp: ["PORT ", "EPRT ", "227 ", "229 (", `PORT ${SIX}\r`, "227 (10,0,2,2,", "200,10)", `|1|${A}|`, "|||512|"],
  irc: [
    "PRIVMSG b :\x01DCC SEND f 167772418 4000\r\n",
    "PRIVMSG b :\x01DCC SEND f ",
    "PRIVMSG b",
    " :\x01DCC CHAT ",
    "167772418 4000",
    "167772418",
    "\x01\r\n",
  ],
  sane: ["\0\0\0\x07\0\0\0\0", "\0\0\0\0\0\0\x12\x34", "\0\0\0\0", "\0\0\0\x07"],
  tftp: ["\0\x01", "\0\x02", "\0\x03", "\0"],
  amanda: ["CONNECT DATA 5001 ", "CONNECT ", "INDEX 99", "MESG ", "DATA 5001 ", "STATE 7\n"],
};

function garbage(helper: string, random: Random): string {
  const words = WORDS[helper] ?? [];
  let text = "";
  for (let n = 1 + random.below(5); n > 0; n--) {
    const word = random.pick(random.chance(0.7) ? words : NOISE);
    text += random.chance(0.1) ? word.slice(0, random.below(word.length + 1)) : word;
  }
  // a line end would be remembered, and what begins at the same number would not be examined any more
  return helper === "ftp" ? text.replace(/\n$/, "\n ") : text;
}

/** A block of a thousand packets of either direction, alike but for their payloads. */
function garbageBlock(helper: string, likes: readonly Uint8Array[], header: number, random: Random, time: bigint) {
  const packets: TimedPacket[] = [];
  for (let i = 0; i < 1000; i++) {
    const text = garbage(helper, random);
    const data = new Uint8Array(header + text.length);
    data.set(random.pick(likes).subarray(0, header));
    for (let k = 0; k < text.length; k++) data[header + k] = text.charCodeAt(k);
    data[2] = data.length >> 8;
    data[3] = data.length & 255;
    packets.push({ time: time + BigInt(i), data });
  }
  return recordBlock(packets);
}

/** `FUZZ=1000000` asks each helper a million times. */
const INPUTS = Number(process.env.FUZZ ?? 100_000);

describe("garbage neither breaks a helper nor its expectations, debug build", () => {
  const tcp = (port: number, way: Way, text: string) =>
    way === "->"
      ? packet({
          src: A,
          dst: B,
          tcp: { sport: 30_001, dport: port, flags: "PA", seq: 1003, ack: 5003, payload: text },
        })
      : packet({
          src: B,
          dst: A,
          tcp: { sport: port, dport: 30_001, flags: "PA", seq: 5003, ack: 1003, payload: text },
        });
  const udp = (port: number, way: Way) =>
    way === "->"
      ? packet({ src: A, dst: B, udp: { sport: 30_001, dport: port, payload: "" } })
      : packet({ src: B, dst: A, udp: { sport: port, dport: 30_001, payload: "" } });
  test.each<[string, number, number]>([
    ["ftp", 21, 40],
    ["irc", 6667, 40],
    ["sane", 6566, 40],
    ["tftp", 69, 28],
    ["amanda", 10080, 28],
  ])("%s", (helper, port, header) => {
    const options = { sysctl: { nf_conntrack_checksum: 0, "capture.offload": 1 }, events: false };
    const { engine, core } =
      header === 40
        ? new Control(debug, port, helper, options)
        : inspect(debug, { seed: 1, max: 100, helpers: [{ name: helper }], ...options });
    const random = new Random(port);
    const likes = (["->", "<-"] as const).map((way) => (header === 40 ? tcp(port, way, "") : udp(port, way)));
    if (header === 28) engine.track({ time: START + 1_000_000_000n, data: likes[0] as Uint8Array });
    else {
      for (const [src, dst, sport, dport, seq, ack] of [
        [A, B, 30_001, port, 1001, 5001],
        [B, A, port, 30_001, 5001, 1003],
      ] as const)
        engine.track({
          time: START + 1_000_000_000n,
          data: packet({ src, dst, tcp: { sport, dport, flags: "PA", seq, ack, payload: "x\n" } }),
        });
    }
    let made = 0;
    for (let done = 0; done < INPUTS; done += 1000) {
      const time = START + 2_000_000_000n + BigInt(done) * 1_000_000n;
      for (const results of engine.trackBlock(garbageBlock(helper, likes, header, random, time))) {
        for (let i = 0; i < results.count; i++) {
          const state = results.stateCode(i);
          if (state !== STATE_NEW && state !== STATE_ESTABLISHED)
            expect.fail(`packet ${results.firstFrame + i}: ${state}`);
          if (results.reasonCode(i) === REASON_EXPECT_MADE) made++;
        }
      }
      expect(selfcheck(core)).toBe(0);
    }
    expect(made).toBeGreaterThan(INPUTS / 1000);
    expect(engine.expectations().length).toBeLessThanOrEqual(8);
  });
});
