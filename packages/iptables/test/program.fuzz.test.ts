// Programs that no compiler made: random bytes, and good programs with something changed. Each is refused with a reason and a
// place, or runs: a packet never traps and always comes to an end.
import { readFileSync } from "node:fs";
import { Conntrack, ConntrackError, program as P } from "conntrack-wasm";
import { describe, expect, test } from "vitest";
import { Random } from "../../core/test/support/random.js";
import { compileRules } from "../src/compile/index.js";
import { parsePlace } from "../src/compile/place.js";
import { parseRuleset, parseSets } from "../src/index.js";
import { SAMPLES, saveText } from "./rulesets.js";
import { TRAFFIC } from "./traffic.js";

const wasm = readFileSync(new URL("../../core/build/conntrack.wasm", import.meta.url));
const COUNT = Number(process.env.FUZZ_PROGRAMS ?? 1500);
const SEED = Number(process.env.FUZZ_SEED ?? 1);
const START = 1_700_000_000_000_000_000n;
const ROOM = 1 << 22;

const REMEMBERING = `*filter
:FORWARD DROP
:a -
:b -
-A FORWARD -m recent --name r --set -j a
-A FORWARD -m recent --name r --rcheck --seconds 60 --hitcount 3 --reap -j b
-A FORWARD -m hashlimit --hashlimit-upto 3/min --hashlimit-burst 2 --hashlimit-mode srcip,dstport --hashlimit-name h --hashlimit-htable-size 8 --hashlimit-htable-max 64
-A FORWARD -m connlimit --connlimit-above 1 -j DROP
-A FORWARD -m u32 --u32 "6&0xff=6,17&&0>>22&0x3c@0>>16=1024:1027" -m string --string abc --algo bm -j a
-A FORWARD -p sctp -m sctp --chunk-types any INIT:i -j a
-A a -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A a -p tcp -m multiport --dports 80,443,1000:2000 -g b
-A a -j b
-A b -m limit --limit 1/sec -j RETURN
-A b -j CONNMARK --save-mark
COMMIT
`;
/** Sets of every shape, asked and changed; with room for a few, so that they fill. */
const SETS = `create ip hash:ip timeout 1 maxelem 3
add ip 10.0.0.1
create net hash:net counters maxelem 4 forceadd
add net 10.0.0.0/8
add net 10.0.0.0/24 nomatch
create both hash:net,net skbinfo maxelem 3
add both 10.0.0.0/24,0.0.0.0/0 skbmark 0x1
create triple hash:ip,port,net maxelem 3
add triple 10.0.0.1,tcp:80,10.0.0.0/30
create iface hash:net,iface maxelem 3
add iface 10.0.0.0/8,lan
create mark hash:ip,mark maxelem 2
create mac hash:ip,mac maxelem 2
create seen bitmap:ip,mac range 10.0.0.0/29 timeout 5
add seen 10.0.0.2
create port bitmap:port range 0-31
create all list:set counters
add all ip
add all net
add all port
`;
const ASKING = `*mangle
-A FORWARD -m set --match-set net src --return-nomatch --packets-gt 2
-A FORWARD -m set --match-set all src,dst ! --update-counters
-A FORWARD -m set ! --match-set both src,dst
-A FORWARD -m set --match-set triple src,dst,dst
-A FORWARD -m set --match-set iface dst,dst
-A FORWARD -m set --match-set seen src,src
-A FORWARD -m set --match-set mac src,src
-A FORWARD -j SET --add-set all src --exist --timeout 3
-A FORWARD -j SET --add-set triple src,dst,dst --del-set net dst
-A FORWARD -j SET --add-set iface src,src
-A FORWARD -j SET --add-set net dst --del-set ip src
-A FORWARD -j SET --add-set mark src,src
-A FORWARD -j SET --add-set both src,dst --map-set both src,dst --map-mark
COMMIT
`;
const PORTS = `*filter\n${Array.from({ length: 200 }, (_, i) => `-A FORWARD -s 10.0.${i % 7}.0/24 -p ${i % 2 ? "tcp" : "udp"} --dport ${i * 3}\n`).join("")}COMMIT\n`;
/** Rules that ask for different fields: lists of both are joined for every packet of TCP. */
const MIXED = `*filter\n${Array.from({ length: 250 }, (_, i) => (i % 2 ? `-A FORWARD -s ${i}.0.0.0/7\n` : `-A FORWARD -p tcp --dport ${i * 200}:${i * 200 + 600}\n`)).join("")}COMMIT\n`;

const engine = Conntrack.openSync(wasm, { seed: 1, max: 500, programSize: ROOM });

function traverse(): void {
  for (const [i, data] of TRAFFIC.entries())
    engine.track({ time: START + BigInt(i) * 1000n, data, link: 101, interface: i % 4 });
}

/** As they come from the compiler, and as they are behind some packets. */
const GOOD: readonly Uint8Array[] = [REMEMBERING, ASKING, PORTS, MIXED, ...SAMPLES.slice(0, 12).map(saveText)].flatMap(
  (text, i) => {
    const { sets } = parseSets(SETS);
    const { ruleset } = parseRuleset(text, { family: 4, sets });
    const options = i % 2 ? { place: parsePlace(["lan=10.0.0.99/24", "wan"]) } : { hook: "FORWARD" as const };
    const { bytes } = compileRules(ruleset, { ...options, sets });
    engine.loadProgram(bytes);
    traverse();
    return [bytes, engine.programBytes.slice(0, bytes.length)];
  },
);

function changed(random: Random, program: Uint8Array): Uint8Array {
  const bytes = program.slice();
  const view = new DataView(bytes.buffer);
  const words = bytes.length >> 2;
  // the tables of what is remembered are large and the rest is small
  const rules = Math.min(words, view.getUint32(4 * P.PROGRAM_COUNTERS, true) >> 2);
  for (let n = 1 + random.below(3); n > 0; n--) {
    const at = 4 * random.below(random.pick([P.PROGRAM_HEADER, rules, rules, rules, words]));
    const other = view.getUint32(4 * random.below(rules), true);
    const value = view.getUint32(at, true);
    const next = random.pick([
      other,
      value + 4,
      value - 4,
      value ^ (1 << random.below(32)),
      random.below(words) * 4 + random.below(4),
      0,
      random.u32(),
    ]);
    view.setUint32(at, next >>> 0, true);
  }
  if (random.chance(0.05)) return bytes.subarray(0, random.below(bytes.length));
  return bytes;
}

/** True when it was accepted; then packets were run through it. */
function tried(bytes: Uint8Array): boolean {
  try {
    engine.loadProgram(bytes);
  } catch (error) {
    expect(error).toBeInstanceOf(ConntrackError);
    expect((error as Error).message).toMatch(/^not a rule program: [a-z, ]+, at byte \d+$/);
    return false;
  }
  traverse();
  return true;
}

describe("programs from outside", () => {
  test("good ones are accepted, also with what they remember", () => {
    for (const bytes of GOOD) expect(tried(bytes)).toBe(true);
  });

  test("random bytes are refused", () => {
    const random = new Random(SEED);
    for (let i = 0; i < 300; i++) {
      const bytes = Uint8Array.from({ length: 4 * (1 + random.below(200)) }, () => random.below(256));
      if (random.chance(0.5)) new DataView(bytes.buffer).setUint32(0, P.PROGRAM_MAGIC, true);
      if (random.chance(0.5) && bytes.length >= 8) new DataView(bytes.buffer).setUint32(4, bytes.length, true);
      expect(tried(bytes)).toBe(false);
    }
  });

  test("changed ones are refused, or run and end", () => {
    const random = new Random(SEED + 1);
    let accepted = 0;
    for (let i = 0; i < COUNT; i++) if (tried(changed(random, random.pick(GOOD)))) accepted++;
    // a counter, a mask or an address may be any
    expect(accepted).toBeGreaterThan(COUNT / 20);
    expect(accepted).toBeLessThan(COUNT);
  });

  test("chains that call one another twice each are refused where it takes too long", () => {
    const nested = (depth: number) => {
      const names = Array.from({ length: depth }, (_, i) => `c${i}`);
      const rules = names.flatMap((name, i) => (i ? [`-A ${name} -j c${i - 1}`, `-A ${name} -j c${i - 1}`] : []));
      const text = [
        "*filter",
        ...names.map((name) => `:${name} -`),
        ...rules,
        `-A FORWARD -j c${depth - 1}`,
        "COMMIT",
        "",
      ].join("\n");
      return compileRules(parseRuleset(text, { family: 4 }).ruleset, { hook: "FORWARD" }).bytes;
    };
    expect(tried(nested(10))).toBe(true);
    expect(() => engine.loadProgram(nested(40))).toThrow("its chains call one another too often");
  });
});
