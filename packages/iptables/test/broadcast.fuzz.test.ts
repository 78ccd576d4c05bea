// Questions to whole networks as nobody asks them: NetBIOS name service and SNMP, whose helpers go by addresses and interfaces.
// The debug build traps on a broken promise. FUZZ=1000000 for a million of each.
import { readFileSync } from "node:fs";
import { Conntrack } from "conntrack-wasm";
import { expect, test } from "vitest";
import { Random } from "../../conformance/src/dice.js";
import { packet } from "../../conformance/src/packets.js";
import { compileRules } from "../src/compile/index.js";
import { parsePlace } from "../src/compile/place.js";

const wasm = readFileSync(new URL("../../core/build/conntrack.debug.wasm", import.meta.url));
const INPUTS = Number(process.env.FUZZ ?? 100_000);
const PLACE = parsePlace(["eth0=192.168.77.1/24", "eth1=10.9.0.1/16,192.168.77.2/25", "eth2"]);
const HOSTS = ["192.168.77.1", "192.168.77.2", "192.168.77.7", "10.9.0.1", "10.9.3.3", "172.16.0.1", "0.0.0.0"];
const TARGETS = [...HOSTS, "192.168.77.255", "192.168.77.127", "10.9.255.255", "255.255.255.255", "224.0.0.1"];

test.each([
  ["netbios-ns", 137],
  ["snmp", 161],
])(`%s: ${INPUTS} inputs`, { timeout: 600_000 }, (helper, port) => {
  const program = compileRules([], { place: PLACE });
  const engine = Conntrack.openSync(wasm, {
    seed: 1,
    max: 2000,
    programSize: program.bytes.length,
    helpers: [{ name: helper }],
    sysctl: {
      nf_conntrack_checksum: 0,
      "capture.offload": 1,
      nf_conntrack_udp_timeout: 2,
      nf_conntrack_udp_timeout_stream: 2,
    },
  });
  engine.loadProgram(program.bytes);
  const random = new Random(port);
  let time = 1_700_000_000_000_000_000n;
  let related = 0;
  for (let i = 0; i < INPUTS; i++) {
    const [src, dst] = [random.pick(HOSTS), random.pick(TARGETS)];
    const [sport, dport] = random.chance(0.5) ? [40_000 + random.below(4), port] : [port, 40_000 + random.below(4)];
    const data = packet({ src, dst, udp: { sport, dport, payload: random.below(20) } });
    if (random.chance(0.1)) data[random.below(data.length)] = random.below(256);
    time += BigInt(random.below(20_000_000));
    const cut = random.chance(0.05) ? data.subarray(0, random.below(data.length + 1)) : data;
    if (engine.track({ time, data: cut, length: data.length }).state === "RELATED") related++;
  }
  expect(engine.stats().expect_create).toBeGreaterThan(INPUTS / 1000);
  expect(related).toBeGreaterThan(100);
  expect(engine.expectations().length).toBeLessThan(100);
});
