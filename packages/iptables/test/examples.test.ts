// The firewall in front of a user-space stack: exactly the code of the README, with Ethernet frames through it.
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { packet } from "../../conformance/src/packets.js";
import { Firewall, formatRuleset } from "../src/index.js";
import { frame, tcp } from "./ethernet.js";

const here = (path: string) => fileURLToPath(new URL(`../${path}`, import.meta.url));
const README = readFileSync(here("README.md"), "utf8");
const SECTION = README.slice(README.indexOf("## In front of a user-space network stack"));
const [, CODE = ""] = /```js\n(.*?)```/s.exec(SECTION) ?? [];
const [, SHOWN = ""] = /\$ node examples\/wire\.mjs\n(.*?)```/s.exec(SECTION) ?? [];

interface End {
  receive(frame: Uint8Array): boolean;
  send?(frame: Uint8Array): boolean;
}
type Guard = (rules: string, guest: End, world: End) => Promise<Firewall>;

const guard = new Function(
  "Firewall",
  CODE.replace(/^import .*\n/, "").replace("export async function guard", "return async function guard"),
)(Firewall) as Guard;

const ARP = new Uint8Array(60).fill(0);
ARP.set([255, 255, 255, 255, 255, 255, 2, 0, 0, 0, 0, 1, 8, 6, 0, 1, 8, 0, 6, 4, 0, 1]);

describe("the code of the README", async () => {
  const [, RULES = ""] = /const RULES = `(.*?)`;/s.exec(readFileSync(here("examples/wire.mjs"), "utf8")) ?? [];
  const end = (): End & { got: Uint8Array[] } => {
    const got: Uint8Array[] = [];
    return { got, receive: (bytes) => got.push(bytes) > 0 };
  };
  const [guest, world] = [end(), end()];
  const firewall = await guard(RULES, guest, world);
  const passes = (from: End, bytes: Uint8Array) => from.send?.(bytes);

  test("is that of the example", () => {
    expect(CODE).toBe(readFileSync(here("examples/guard.mjs"), "utf8"));
  });

  test("denies inwards by default: a SYN, a stray ACK, a datagram, an ICMP error about nothing", () => {
    for (const bytes of [
      tcp("198.51.100.7", 40_000, "192.168.1.5", 22, "S", 1, 0),
      tcp("198.51.100.7", 80, "192.168.1.5", 1025, "A", 1, 1),
      frame({ src: "198.51.100.7", dst: "192.168.1.5", udp: { sport: 53, dport: 1025, payload: 8 } }),
      frame({
        src: "198.51.100.7",
        dst: "192.168.1.5",
        icmp: {
          type: 3,
          code: 1,
          quote: packet({ src: "192.168.1.5", dst: "198.51.100.9", udp: { sport: 1, dport: 2, payload: 8 } }),
        },
      }),
    ])
      expect(passes(world, bytes)).toBe(false);
    expect([guest.got.length, firewall.engine.entries]).toEqual([0, 0]);
  });

  test("lets out what the guest begins, and the answers in, byte for byte", () => {
    const talk: [End, Uint8Array][] = [
      [guest, tcp("192.168.1.5", 1025, "198.51.100.7", 80, "S", 100, 0)],
      [world, tcp("198.51.100.7", 80, "192.168.1.5", 1025, "SA", 500, 101)],
      [guest, tcp("192.168.1.5", 1025, "198.51.100.7", 80, "A", 101, 501)],
    ];
    expect(talk.map(([from, bytes]) => passes(from, bytes))).toEqual([true, true, true]);
    expect(guest.got).toEqual([talk[1]?.[1]]);
    expect(world.got).toEqual([talk[0]?.[1], talk[2]?.[1]]);
    // an error about this connection belongs to it
    const quote = packet({
      src: "192.168.1.5",
      dst: "198.51.100.7",
      tcp: { sport: 1025, dport: 80, flags: "A", seq: 101, ack: 501 },
    });
    expect(passes(world, frame({ src: "203.0.113.9", dst: "192.168.1.5", icmp: { type: 11, code: 0, quote } }))).toBe(
      true,
    );
    expect(passes(world, tcp("198.51.100.8", 80, "192.168.1.5", 1025, "SA", 500, 101))).toBe(false);
  });

  test("blocks private ranges from inside, and lets ARP pass", () => {
    for (const dst of ["10.0.0.1", "172.31.255.255", "192.168.0.1"])
      expect(passes(guest, tcp("192.168.1.5", 2000, dst, 80, "S", 1, 0))).toBe(false);
    expect(passes(guest, tcp("192.168.1.5", 2000, "172.32.0.1", 80, "S", 1, 0))).toBe(true);
    expect(passes(guest, ARP)).toBe(true);
    const counted = firewall
      .counted()
      .map((ruleset) => formatRuleset(ruleset))
      .join("");
    expect(counted).toContain("[1:40] -A FORWARD -d 172.16.0.0/12 -j REJECT --reject-with icmp-port-unreachable");
  });
});

const built = existsSync(here("dist/index.js"));
test.skipIf(!built)(
  `examples/wire.mjs prints what the README shows${built ? "" : " (the package is not built)"}`,
  () => {
    expect(execFileSync(process.execPath, [here("examples/wire.mjs")], { encoding: "utf8" })).toBe(SHOWN);
  },
);

test("effects: what rules did to a packet on its way, asked for once", async () => {
  const rules =
    '*filter\n:FORWARD ACCEPT [0:0]\n-A FORWARD -p tcp -j LOG --log-prefix "in "\n-A FORWARD -j AUDIT --type drop\nCOMMIT\n';
  const syn = tcp("192.168.1.5", 1025, "198.51.100.7", 80, "S", 100, 0);
  const silent = await Firewall.open({ rules });
  expect(silent.packet(syn).effects).toEqual([]);
  const telling = await Firewall.open({ rules, effects: true });
  const told = telling.packet(syn).effects;
  expect(told.map(({ effect }) => effect)).toEqual([
    { target: "LOG", prefix: "in ", level: 4 },
    { target: "AUDIT", type: "drop" },
  ]);
  expect(told.map(({ rule }) => rule.position)).toEqual([1, 2]);
});
