// Whole files and lists of commands, and what is said of wrong ones.
import { expect, test } from "vitest";
import { formatRuleset, parseRuleLine, parseRuleset } from "../src/index.js";

const messages = (text: string) =>
  parseRuleset(text, { family: 4 }).errors.map(
    ({ line, column, word, message }) => `${line}:${column} ${word}: ${message}`,
  );
const messageOf = (rule: string) => parseRuleLine(rule).errors[0]?.message ?? "accepted";

const SAVED = `*raw
:PREROUTING ACCEPT [12:3456]
:OUTPUT ACCEPT [0:0]
-A PREROUTING -p udp -m udp --dport 69 -j CT --helper tftp
-A PREROUTING -s 10.9.0.0/16 -j NOTRACK
COMMIT
*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
:DOCKER - [0:0]
-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
-A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE
-A DOCKER ! -i docker0 -p tcp -m tcp --dport 8080 -j DNAT --to-destination 172.17.0.2:80
COMMIT
*filter
:INPUT DROP [1:40]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:ufw-user-input - [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -p tcp -m tcp --dport 22 -m conntrack --ctstate NEW -m recent --update --seconds 30 --hitcount 6 --name DEFAULT --mask 255.255.255.255 --rsource -j DROP
-A INPUT -m limit --limit 3/min --limit-burst 10 -j LOG --log-prefix "[UFW BLOCK] "
-A INPUT -j ufw-user-input
-A ufw-user-input -p udp -m multiport --dports 137,138 -m comment --comment "'dapp_Samba'" -j ACCEPT
COMMIT
`;

test("a chain is found by its name of now: renamed, deleted, made again", () => {
  const commands = `iptables -N web
iptables -A web -p tcp --dport 80 -j ACCEPT
iptables -E web www
iptables -A web -j DROP
iptables -A www -j DROP
iptables -N web
iptables -A web -j ACCEPT
iptables -X www
iptables -A www -j DROP
iptables -N www
iptables -A www -s 10.0.0.0/8,10.1.0.0/16 -m mark --mark 1 -j RETURN`;
  const { ruleset, errors } = parseRuleset(commands, { family: 4 });
  expect(errors.map(({ line, word }) => [line, word])).toEqual([
    [4, "web"],
    [9, "www"],
  ]);
  const [table] = ruleset.tables;
  const [first, second] = table?.chains.at(-1)?.rules ?? [];
  expect(first?.matches).toEqual(second?.matches);
  expect(first?.matches[0]).not.toBe(second?.matches[0]);
  expect(formatRuleset(ruleset).split("\n").slice(1, -2)).toEqual([
    ":INPUT ACCEPT [0:0]",
    ":FORWARD ACCEPT [0:0]",
    ":OUTPUT ACCEPT [0:0]",
    ":web - [0:0]",
    ":www - [0:0]",
    "-A web -j ACCEPT",
    "-A www -s 10.0.0.0/8 -m mark --mark 0x1 -j RETURN",
    "-A www -s 10.1.0.0/16 -m mark --mark 0x1 -j RETURN",
  ]);
});

test("a saved file comes out byte for byte", () => {
  const { ruleset, errors } = parseRuleset(SAVED);
  expect(errors).toEqual([]);
  expect(formatRuleset(ruleset)).toBe(SAVED.replace("\"'dapp_Samba'\"", "\"\\'dapp_Samba\\'\""));
});

test("counters of rules are kept when the file has them, and left out on demand", () => {
  const text = "*filter\n:INPUT ACCEPT [1:2]\n[18446744073709551615:7] -A INPUT -j DROP\nCOMMIT\n";
  const { ruleset } = parseRuleset(text);
  expect(formatRuleset(ruleset)).toContain("[18446744073709551615:7] -A INPUT -j DROP\n");
  expect(formatRuleset(ruleset, { counters: false })).toContain("\n-A INPUT -j DROP\n");
  expect(ruleset.tables[0]?.chains[0]?.rules[0]).toMatchObject({
    line: 3,
    counters: { packets: 2n ** 64n - 1n, bytes: 7n },
  });
});

test("the data is what the kernel compares", () => {
  const { rules } = parseRuleLine(
    "-A INPUT -s 10.1.2.3/8 -i eth+ -p tcp ! --dport http:https -m mark --mark 1/0xff -j LOG",
  );
  expect(rules).toEqual([
    {
      line: 1,
      counters: null,
      source: { address: [10, 0, 0, 0], mask: [255, 0, 0, 0], invert: false },
      destination: null,
      in: { name: "eth", prefix: true, invert: false },
      out: null,
      protocol: { number: 6, invert: false },
      fragment: null,
      matches: [
        { name: "tcp", sport: null, dport: { first: 80, last: 443, invert: true }, flags: null, option: null },
        { name: "mark", value: 1, mask: 255, invert: false },
      ],
      target: { kind: "LOG", prefix: "", level: 4, flags: 0 },
    },
  ]);
  expect(structuredClone(rules)).toEqual(rules);
});

test("commands change the ruleset as they would change the kernel's", () => {
  const { ruleset, errors } = parseRuleset(`
    iptables -N web
    iptables -A web -s 10.0.0.1 -j ACCEPT
    iptables -A web -s 10.0.0.2 -j ACCEPT
    iptables -I web -s 10.0.0.0 -j DROP
    iptables -D web 2
    iptables -D web -s 10.0.0.2/32 -j ACCEPT
    iptables -A web -s 10.0.0.3 -j ACCEPT
    iptables -R web 2 -s 10.0.0.4 -j ACCEPT
    iptables -E web www
    iptables -A OUTPUT -j DROP
    iptables -F OUTPUT
    iptables -P FORWARD DROP
  `);
  expect(errors).toEqual([]);
  expect(formatRuleset(ruleset)).toBe(
    "*filter\n:INPUT ACCEPT [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT ACCEPT [0:0]\n:www - [0:0]\n" +
      "-A www -s 10.0.0.0/32 -j DROP\n-A www -s 10.0.0.4/32 -j ACCEPT\nCOMMIT\n",
  );
});

test("what iptables asks of the ruleset is asked here: a rule for -C, a chain for -L; -I of several addresses ends with the first", () => {
  const { ruleset, errors } = parseRuleset(`
    iptables -AINPUT -s 10.0.0.9 -j DROP
    iptables -I INPUT -s 10.0.0.1,10.0.0.2 -j ACCEPT
    iptables -C INPUT -s 10.0.0.9/32 -j DROP
    iptables -C INPUT -s 10.0.0.9 -j ACCEPT
    iptables -D INPUT -s 10.0.0.9,10.0.0.2 -j DROP
    iptables -L nosuch
    iptables -A input -j DROP
    iptables -N "a b"
  `);
  expect(errors.map(({ line, message }) => `${line}: ${message}`)).toEqual([
    "5: there is no such rule in INPUT: -s 10.0.0.9/32 -j ACCEPT",
    "6: there is no such rule in INPUT: -s 10.0.0.2/32 -j DROP",
    expect.stringContaining("7: there is no chain nosuch"),
    "8: there is no chain input; its name is written INPUT",
    "9: the name of a chain has no blanks",
  ]);
  expect(formatRuleset(ruleset)).toContain(
    "-A INPUT -s 10.0.0.2/32 -j ACCEPT\n-A INPUT -s 10.0.0.1/32 -j ACCEPT\nCOMMIT",
  );
});

test("what is wrong with a file is said line by line, and the rest is read", () => {
  expect(
    messages(
      "-A INPUT -j ACCEPT\n*filtre\n*filter\n:x\n:INPUT REJECT [0:0]\n[5] -A INPUT\n-t nat -A INPUT\n-A PREROUTING -j ACCEPT\n-A INPUT\nhello\n*nat\n",
    ),
  ).toEqual([
    "2:2 filtre: there is no table filtre; wanted is raw, mangle, nat, filter or security",
    "4:4 : a policy is wanted: ACCEPT, DROP, or - for a chain of the user",
    "5:8 REJECT: a policy is ACCEPT or DROP",
    "6:1 [5]: wanted is [PACKETS:BYTES]",
    "7:1 -t: the table is said by *filter; -t has no place in such a file",
    "8:4 PREROUTING: there is no PREROUTING in the table filter; it is in raw, mangle or nat",
    "10:1 hello: a command is wanted: -A CHAIN, -I CHAIN, -N CHAIN, -P CHAIN POLICY",
    "11:1 *nat: COMMIT is wanted first: the table filter is still open",
    "12:1 : COMMIT is wanted at the end of the table filter, which begins in line 3",
  ]);
});

test.each([
  ["-A INPUT -p tcp --dport 25 ,80 -j ACCEPT", "a list is written without blanks: 25,80,443"],
  [
    "-A INPUT -p tcp --dport 25,80",
    "several ports need -m multiport --dports or --sports; here wanted is a port of 0 to 65535 or the name of a service",
  ],
  ["-A INPUT -p tcp --dport 80-90", "a range of ports is written FIRST:LAST, with a colon"],
  ["-A INPUT -s ! 10.0.0.1", "not an address; wanted is one like 10.0.0.1 (names of hosts are not looked up)"],
  [
    "-A INPUT -p tcp --dport ! 80",
    "the ! stands in front of the option; here wanted is a port of 0 to 65535 or the name of a service",
  ],
  ["-A INPUT -m sate --state NEW", "there is no match sate; did you mean state?"],
  ["-A INPUT -p tcp -dport 22", "a long option begins with two dashes: --dport"],
  ["-A INPUT -jDROP", "-j and its argument are two words: -j DROP"],
  ["-A INPUT -p tcp \u2013dport 22", "this dash is another character; options begin with - or --"],
  ["-A INPUT --ctstate NEW", "--ctstate wants -m conntrack in front of it"],
  ["-A INPUT -p tcp --dprot 80", "there is no option --dprot; did you mean --dport?"],
  ["-A INPUT -o eth0", "packets in INPUT have no interface to go out by yet; -i is there"],
  ["-A INPUT -g ACCEPT", "accepted"],
  ["-A INPUT -j MASQUERADE", "MASQUERADE works in the table nat only, not in filter"],
  ["-A INPUT -j REJECT --reject-with tcp-reset", "tcp-reset needs -p tcp"],
  ["-A INPUT -s ::1", "this is an address of IPv6, and these are rules of iptables; wanted is one like 10.0.0.1"],
  [
    "-A INPUT -p tcp -m multiport --dports 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16",
    "too many ports: at most 15, and a range counts as two; write a second rule",
  ],
  ["-A INPUT -p tcp -m state", "state wants --state"],
  ["-A INPUT -m limit --limit 5/fortnight", "wanted is a rate like 5/second, 10/minute, 3/hour or 1/day"],
  ["-A INPUT -p tcp --syn --tcp-flags ALL NONE", "--tcp-flags cannot stand beside --syn"],
  ["iptables -A INPUT -s $HOST", "variables are not known here; their value is wanted"],
])("%s", (rule, message) => {
  expect(messageOf(rule)).toBe(message);
});

test("no input makes the parser throw", () => {
  const words = [
    "-A",
    "INPUT",
    "-m",
    "tcp",
    "-p",
    "--dport",
    "!",
    '"',
    "[",
    ":",
    "*filter",
    "COMMIT",
    "-j",
    "u32",
    "--u32",
    "6=",
    "string",
    "--hex-string",
    "|",
    "time",
    "--monthdays",
    ",",
    "\\",
    "\u0000",
    "set",
    "--match-set",
    "-c",
    "9".repeat(40),
    "::",
    "sctp",
    "--chunk-types",
  ];
  let seed = 7;
  const next = (below: number) => {
    seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
    return (seed >>> 8) % below;
  };
  for (let i = 0; i < 5000; i++) {
    const line = Array.from({ length: next(9) }, () => words[next(words.length)]).join(next(8) === 0 ? "" : " ");
    const { errors, ruleset } = parseRuleset(`*filter\n${line}\n${line}\nCOMMIT\n`);
    expect(errors.every((error) => error.line > 0 && error.column > 0 && error.message !== "")).toBe(true);
    formatRuleset(ruleset);
  }
});
