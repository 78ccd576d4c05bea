// `ctrack check --trace`: chains and rules in the order in which xtables-monitor --trace of Linux 6.18 (iptables-nft) named them
// for the same datagram. The ends of chains of the user (`return`) are named by ip_tables' TRACE only.
import { afterAll, expect, test } from "vitest";
import { ctrack, pcap, Scratch, udp } from "./fixture.js";

const scratch = new Scratch();
afterAll(() => scratch.remove());

// from the box itself
const datagram = scratch.write("datagram.pcap", pcap([{ at: 0, data: udp("10.9.0.1", 5000, "10.9.0.2", 53) }]));

test.each([
  ["a policy", "*filter\n:OUTPUT DROP\n-A OUTPUT -p tcp -j ACCEPT\nCOMMIT", ["filter:OUTPUT:policy"]],
  [
    "jumps and their ends",
    "*filter\n:a - [0:0]\n:b - [0:0]\n-A OUTPUT -p udp -j a\n-A OUTPUT -j ACCEPT\n-A a -s 10.9.0.1 -j b\n-A a -j DROP\n-A b -p tcp -j DROP\nCOMMIT",
    ["filter:OUTPUT:rule:1", "filter:a:rule:1", "filter:a:rule:2"],
  ],
  [
    "a goto that comes to an end",
    "*filter\n:a - [0:0]\n-A OUTPUT -g a\n-A OUTPUT -j DROP\n-A a -p tcp -j ACCEPT\nCOMMIT",
    ["filter:OUTPUT:rule:1", "filter:OUTPUT:policy"],
  ],
  [
    "RETURN",
    "*filter\n:a - [0:0]\n-A OUTPUT -j a\n-A OUTPUT -p udp -j REJECT\n-A a -p udp -j RETURN\n-A a -j DROP\nCOMMIT",
    ["filter:OUTPUT:rule:1", "filter:a:rule:1", "filter:OUTPUT:rule:2"],
  ],
  [
    "a jump behind a goto",
    "*filter\n:a - [0:0]\n:b - [0:0]\n:c - [0:0]\n-A OUTPUT -j a\n-A a -g b\n-A a -j DROP\n-A b -j c\n-A b -p udp -m udp --dport 53 -j ACCEPT\n-A c -p icmp -j DROP\nCOMMIT",
    ["filter:OUTPUT:rule:1", "filter:a:rule:1", "filter:b:rule:1", "filter:b:rule:2"],
  ],
  [
    "tables",
    "*mangle\n-A OUTPUT -j MARK --set-mark 5\n-A POSTROUTING -m mark --mark 5 -j CONNMARK --save-mark\nCOMMIT\n*filter\n-A OUTPUT -m mark --mark 5 -j ACCEPT\nCOMMIT",
    [
      "mangle:OUTPUT:rule:1",
      "mangle:OUTPUT:policy",
      "filter:OUTPUT:rule:1",
      "mangle:POSTROUTING:rule:1",
      "mangle:POSTROUTING:policy",
    ],
  ],
  [
    "what a rule changed is asked for behind it",
    "*mangle\n:m - [0:0]\n-A OUTPUT -o v0 -j m\n-A m -p udp -j TOS --set-tos 0x10\n-A m -j RETURN\nCOMMIT\n*filter\n:OUTPUT DROP\n:x - [0:0]\n-A OUTPUT -m tos --tos 0x10 -g x\n-A x -m comment --comment hi\nCOMMIT",
    [
      "mangle:OUTPUT:rule:1",
      "mangle:m:rule:1",
      "mangle:m:rule:2",
      "mangle:OUTPUT:policy",
      "filter:OUTPUT:rule:1",
      "filter:x:rule:1",
      "filter:OUTPUT:policy",
    ],
  ],
  [
    "security behind filter",
    "*security\n-A OUTPUT -p udp -j DROP\nCOMMIT\n*filter\n-A OUTPUT -p udp -j ACCEPT\nCOMMIT",
    ["filter:OUTPUT:rule:1", "security:OUTPUT:rule:1"],
  ],
])("%s", async (name, text, kernel) => {
  const rules = scratch.write(`${name}.v4`, Buffer.from(`*raw\n-A OUTPUT -j TRACE\nCOMMIT\n${text}\n`));
  const way = ["--hook", "OUTPUT", "--iface", "v0=10.9.0.1/24", "--out", "v0"];
  const { stdout, stderr } = await ctrack(["check", rules, datagram, ...way, "--trace", "1"]);
  const named = [...stdout.matchAll(/^TRACE: (\S+)/gm)].map(([, place = ""]) => place.replace(/(policy):\d+/, "$1"));
  expect(stderr).toBe("");
  expect(named.filter((place) => !/:return:/.test(place))).toEqual([
    "raw:OUTPUT:rule:1",
    "raw:OUTPUT:policy",
    ...kernel,
  ]);
});
