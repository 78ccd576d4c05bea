// Commands as people paste them; which of them iptables 1.8.9 takes, and what it makes of them, was asked in a namespace.
import { expect, test } from "vitest";
import { formatRuleset, parseRuleset } from "../src/index.js";

const BASE = "iptables -N user\niptables -A INPUT -s 10.0.0.1 -j ACCEPT\n";

/** The rules after these lines, or the first error. */
function after(text: string): string[] | string {
  const { ruleset, errors } = parseRuleset(`${BASE}${text}`, { family: 4 });
  const [error] = errors;
  if (error) return `${error.line}:${error.column} ${error.word}`;
  return formatRuleset(ruleset, { counters: false })
    .split("\n")
    .filter((line) => line.startsWith("-A") && !line.endsWith("10.0.0.1/32 -j ACCEPT"));
}

test.each([
  ["sudo -E iptables -A INPUT -j DROP", "-A INPUT -j DROP"],
  ["$ sudo /sbin/iptables-nft -A INPUT -j DROP", "-A INPUT -j DROP"],
  ["root@router:~# iptables -A INPUT -j DROP;", "-A INPUT -j DROP"],
  ["iptables -w 5 -W 100000 -A INPUT -j DROP", "-A INPUT -j DROP"],
  ["iptables --wait=5 -A INPUT -j DROP", "-A INPUT -j DROP"],
  ["iptables -w5 -vA INPUT -j DROP", "-A INPUT -j DROP"],
  ["iptables -M /sbin/modprobe -A INPUT -j DROP -w 5", "-A INPUT -j DROP"],
  ["iptables -tnat -A POSTROUTING -j MASQUERADE", "-A POSTROUTING -j MASQUERADE"],
  ["iptables -A INPUT -m comment --comment 'a'\"b\"\\ c -j DROP", '-A INPUT -m comment --comment "ab c" -j DROP'],
  ["iptables -A INPUT '!' -s 1.2.3.4 \\\n  -p udp \\\n  -j DROP", "-A INPUT ! -s 1.2.3.4/32 -p udp -j DROP"],
])("%s", (line, rule) => {
  expect(after(line)).toEqual([rule]);
});

test.each([
  "iptables -nvL",
  "iptables -t nat -nL",
  "iptables -L INPUT 1 -n -v --line-numbers",
  "iptables -S INPUT 1",
  "iptables -Z INPUT 1",
  "iptables -V",
  "iptables -P FORWARD ACCEPT -v",
])("%s changes no rule", (line) => {
  expect(after(line)).toEqual([]);
});

test.each([
  ["iptables -A INPUT -j DROP; iptables -F", "3:26 ;"],
  ["iptables -n -A INPUT -j DROP", "3:10 -n"],
  ["iptables -6 -A INPUT -j DROP", "3:10 -6"],
  ["iptables -E user INPUT", "3:18 INPUT"],
  ["iptables -N ''", "3:13 "],
  ["iptables -A INPUT \\\n  --dport x \\\n  -j DROP", "4:3 --dport"],
])("%s is refused where it is wrong", (line, place) => {
  expect(after(line)).toBe(place);
});
