// NetBIOS name service and SNMP ask a whole network: a program on the box sends real broadcasts, the kernel's helpers expect the answers,
// and so does a firewall that knows its place.
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FORMATS } from "conntrack-wasm";
import { expect, test } from "vitest";
import { kernelAvailable } from "../../conformance/src/kernel.js";
import { packet } from "../../conformance/src/packets.js";
import { Firewall } from "../src/index.js";

/** Source, its port, destination, its port. */
type Datagram = readonly [string, number, string, number];

const BOX = "192.168.77.1";
const SECOND = "10.9.0.1";
const PEER = "192.168.77.7";

// biome-ignore format: a table
const QUESTIONS: readonly Datagram[] = [
  [BOX, 40001, "192.168.77.255", 137],
  [BOX, 40002, "192.168.77.255", 161],
  [SECOND, 40003, "10.9.255.255", 137],
  [SECOND, 40004, "192.168.77.255", 137], // from an address of the other network
  [BOX, 40005, PEER, 137], // to one host
  [BOX, 40006, "255.255.255.255", 137],
  [BOX, 40007, "192.168.77.255", 138], // no helper
  [BOX, 40001, "192.168.77.255", 137],
];
// biome-ignore format: a table
const ANSWERS: readonly Datagram[] = [
  [PEER, 137, BOX, 40001],
  [PEER, 138, BOX, 40001],
  [PEER, 161, BOX, 40001],
  [PEER, 161, BOX, 40002],
  [PEER, 137, SECOND, 40004],
  [PEER, 137, SECOND, 40003],
  [PEER, 137, BOX, 40001],
];

interface Seen {
  /** Lines of `/proc/net/nf_conntrack_expect` after each question. */
  readonly expected: readonly (readonly string[])[];
  /** How many answers are RELATED, and how many connections were announced. */
  readonly related: number;
}

const lines = (text: string) =>
  text
    .split("\n")
    .filter((line) => line !== "")
    .sort();
const withoutTime = (line: string) => line.replace(/^\d+ +/, "");

/** When its input ends, sends datagrams one after the other; after each prints what is expected, behind what it was told. */
const SENDER = `
const { createSocket } = require("node:dgram");
const { readFileSync } = require("node:fs");
const say = () => console.log(JSON.stringify(readFileSync("/proc/self/net/nf_conntrack_expect", "utf8")));
const send = ([from, sport, to, dport]) => new Promise((done, fail) => {
  const socket = createSocket({ type: "udp4", reuseAddr: true });
  socket.bind(sport, from, () => {
    socket.setBroadcast(true);
    socket.send("question", dport, to, (error) => { socket.close(); error ? fail(error) : done(); });
  });
});
process.stdin.pipe(process.stdout, { end: false });
process.stdin.on("end", async () => { for (const datagram of JSON.parse(process.argv[2])) { await send(datagram); say(); } });
`;

function askKernel(): Seen {
  const [box, peer] = [`bcb${process.pid}`, `bcp${process.pid}`];
  const directory = mkdtempSync(join(tmpdir(), "broadcast-"));
  const sender = join(directory, "sender.cjs");
  writeFileSync(sender, SENDER);
  const run = (command: string, input = "") => {
    const { status, stdout, stderr } = spawnSync("sh", ["-ec", command], { input, encoding: "utf8", timeout: 20_000 });
    if (status !== 0) throw new Error(`${command}: ${stderr}`);
    return stdout;
  };
  const sending = (where: string, datagrams: readonly Datagram[]) =>
    `ip netns exec ${where} '${process.execPath}' '${sender}' '${JSON.stringify(datagrams)}'`;
  try {
    run(`ip netns add ${box}; ip netns add ${peer}
      ip -n ${box} link add e0 type veth peer name e0 netns ${peer}
      ip -n ${box} addr add ${BOX}/24 brd + dev e0; ip -n ${box} addr add ${SECOND}/16 brd + dev e0
      ip -n ${peer} addr add ${PEER}/24 brd + dev e0
      ip -n ${box} link set e0 up; ip -n ${peer} link set e0 up; ip -n ${peer} route add 10.9.0.0/16 dev e0`);
    run(
      `ip netns exec ${box} nft -f -`,
      `table ip t {
        ct helper name { type "netbios-ns" protocol udp; }
        ct helper manager { type "snmp" protocol udp; }
        chain out { type filter hook output priority -150; udp dport 137 ct helper set "name"; udp dport 161 ct helper set "manager"; }
        chain in { type filter hook input priority 0; meta l4proto udp ct state related counter; }
      }`,
    );
    // both programs start at once: NetBIOS waits three seconds for an answer
    const said = run(`${sending(box, QUESTIONS)} </dev/null | ${sending(peer, ANSWERS)}`)
      .trim()
      .split("\n");
    const expected = said.slice(0, QUESTIONS.length).map((line) => lines(JSON.parse(line) as string));
    const [, related = "-1"] = /counter packets (\d+)/.exec(run(`ip netns exec ${box} nft list chain ip t in`)) ?? [];
    return { expected, related: Number(related) };
  } finally {
    for (const name of [box, peer]) spawnSync("ip", ["netns", "del", name]);
    rmSync(directory, { recursive: true });
  }
}

const datagram = ([src, sport, dst, dport]: Datagram) => packet({ src, dst, udp: { sport, dport, payload: 8 } });
const INTERFACES = [`e0=${BOX}/24`, `e0=${SECOND}/16`];
const HELPERS = [{ name: "netbios-ns" }, { name: "snmp" }];
const NS = 1_000_000_000n;

const expectedBy = ({ engine }: Firewall) =>
  engine
    .expectations()
    .map((expectation) => FORMATS.proc.expectation?.(expectation) ?? "")
    .sort();

async function askEngine(): Promise<Seen> {
  const firewall = await Firewall.open({ interfaces: INTERFACES, helpers: HELPERS });
  let time = 1_700_000_000n * NS;
  const track = (asked: Datagram) => {
    time += 1_000_000n;
    return firewall.packet(datagram(asked), { time, link: 101 });
  };
  const expected = QUESTIONS.map((question) => {
    track(question);
    return expectedBy(firewall);
  });
  return { expected, related: ANSWERS.map(track).filter(({ state }) => state === "RELATED").length };
}

test("answers to a broadcast of the box are expected from its whole network", async () => {
  const { expected, related } = await askEngine();
  expect(expected.at(-1)?.map(withoutTime).sort()).toEqual([
    "l3proto = 2 proto=17 src=10.9.255.255 dst=10.9.0.1 sport=137 dport=40003 PERMANENT netbios-ns",
    "l3proto = 2 proto=17 src=192.168.77.255 dst=10.9.0.1 sport=137 dport=40004 PERMANENT netbios-ns",
    "l3proto = 2 proto=17 src=192.168.77.255 dst=192.168.77.1 sport=137 dport=40001 PERMANENT netbios-ns",
    "l3proto = 2 proto=17 src=192.168.77.255 dst=192.168.77.1 sport=161 dport=40002 PERMANENT snmp",
  ]);
  expect(related).toBe(4);
});

test("the expectation and its connection last as long as the module says", async () => {
  const sysctl = { "nf_conntrack_netbios_ns.timeout": 7, "nf_conntrack_snmp.timeout": 70 };
  const firewall = await Firewall.open({ interfaces: INTERFACES, helpers: HELPERS, sysctl });
  const time = 1_700_000_000n * NS;
  for (const question of QUESTIONS.slice(0, 2)) firewall.packet(datagram(question), { time, link: 101 });
  expect(expectedBy(firewall).map((line) => line.split(" ")[0])).toEqual(["7", "70"]);
  expect([...firewall.engine.flows()].map(({ timeout }) => timeout).sort()).toEqual([7n * NS, 70n * NS]);
});

test("a broadcast of another host, or without a place, is none of the box's own", async () => {
  const firewall = await Firewall.open({ interfaces: INTERFACES, helpers: HELPERS });
  const foreign = firewall.packet(datagram([PEER, 40001, "192.168.77.255", 137]), { link: 101 });
  const nowhere = await Firewall.open({ helpers: HELPERS });
  const unplaced = nowhere.packet(datagram([BOX, 40001, "192.168.77.255", 137]), { link: 101 });
  expect([foreign.reason, unplaced.reason]).toEqual(["helper-not-own-broadcast", "helper-not-own-broadcast"]);
  expect([firewall, nowhere].flatMap(({ engine }) => [...engine.expectations()])).toEqual([]);
});

const available = kernelAvailable();
test.skipIf(!available.ok)(
  `as the kernel here expects them${available.ok ? "" : ` (${available.reason})`}`,
  async () => {
    const kernel = askKernel();
    const engine = await askEngine();
    const timeless = ({ expected }: Seen) => expected.map((all) => all.map(withoutTime).sort());
    expect(timeless(engine)).toEqual(timeless(kernel));
    expect(engine.related).toBe(kernel.related);
  },
);
