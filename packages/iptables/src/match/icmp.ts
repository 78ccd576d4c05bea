// icmp, icmp6, mh: types by number or by a name, which may be abbreviated.
import { match } from "../extension.js";
import { fail, type Word } from "../failure.js";
import { parseNumber, U8 } from "../number.js";
import { formatRange, type Given, inverted, not, option } from "../option.js";
import type { Icmp6Match, IcmpMatch, IcmpTypeTest, MhMatch, Range } from "../ruleset.js";

const ANY = 255;

/** type[/code] name ... */
const ICMP = `
255 any
0 echo-reply pong
3 destination-unreachable
3/0 network-unreachable
3/1 host-unreachable
3/2 protocol-unreachable
3/3 port-unreachable
3/4 fragmentation-needed
3/5 source-route-failed
3/6 network-unknown
3/7 host-unknown
3/9 network-prohibited
3/10 host-prohibited
3/11 TOS-network-unreachable
3/12 TOS-host-unreachable
3/13 communication-prohibited
3/14 host-precedence-violation
3/15 precedence-cutoff
4 source-quench
5 redirect
5/0 network-redirect
5/1 host-redirect
5/2 TOS-network-redirect
5/3 TOS-host-redirect
8 echo-request ping
9 router-advertisement
10 router-solicitation
11 time-exceeded ttl-exceeded
11/0 ttl-zero-during-transit
11/1 ttl-zero-during-reassembly
12 parameter-problem
12/0 ip-header-bad
12/1 required-option-missing
13 timestamp-request
14 timestamp-reply
17 address-mask-request
18 address-mask-reply
`;

const ICMP6 = `
1 destination-unreachable
1/0 no-route
1/1 communication-prohibited
1/2 beyond-scope
1/3 address-unreachable
1/4 port-unreachable
1/5 failed-policy
1/6 reject-route
2 packet-too-big
3 time-exceeded ttl-exceeded
3/0 ttl-zero-during-transit
3/1 ttl-zero-during-reassembly
4 parameter-problem
4/0 bad-header
4/1 unknown-header-type
4/2 unknown-option
128 echo-request ping
129 echo-reply pong
133 router-solicitation
134 router-advertisement
135 neighbour-solicitation neighbor-solicitation
136 neighbour-advertisement neighbor-advertisement
137 redirect
`;

const MH = `
0 binding-refresh-request brr
1 home-test-init hoti
2 careof-test-init coti
3 home-test hot
4 careof-test cot
5 binding-update bu
6 binding-acknowledgement ba
7 binding-error be
`;

type Named = readonly [name: string, value: string];

const table = (text: string): Named[] =>
  text
    .trim()
    .split("\n")
    .flatMap((line) => {
      const [value = "", ...names] = line.split(" ");
      return names.map((name) => [name, value] as const);
    });

/** Names of types and codes, `TYPE` or `TYPE/CODE`; of several for one, the first is printed. */
export const ICMP_NAMES: Readonly<Record<4 | 6, readonly Named[]>> = { 4: table(ICMP), 6: table(ICMP6) };

/** A name in any case, or the beginning of just one. */
function byName(word: Word, names: readonly Named[], what: string): string | null {
  const wanted = word.text.toLowerCase();
  const exact = names.find(([name]) => name.toLowerCase() === wanted);
  if (exact) return exact[1];
  const found = names.filter(([name]) => name.toLowerCase().startsWith(wanted));
  if (found.length > 1) fail(word, `ambiguous: ${found.map(([name]) => name).join(", ")} begin with it`);
  return (
    found[0]?.[1] ??
    (/^\d/.test(word.text)
      ? null
      : fail(
          word,
          `not ${what}; wanted is one of ${names.map(([name]) => name).join(", ")}, or numbers as TYPE or TYPE/CODE`,
        ))
  );
}

const takeType =
  (names: readonly Named[], what: string) =>
  (word: Word): { type: number; code: Range } => {
    const text = byName(word, names, what) ?? word.text;
    const [, type = "", code] =
      /^([^/:]*)(?:\/([^/:,]+)(?::[^/]*)?)?$/.exec(text) ?? fail(word, "wanted is TYPE or TYPE/CODE");
    const number = (part: string) =>
      parseNumber(part, 0, U8) ?? fail(word, "wanted is TYPE or TYPE/CODE, each a number of 0 to 255");
    const first = code === undefined ? null : number(code);
    return { type: number(type), code: first === null ? { first: 0, last: U8 } : { first, last: first } };
  };

const typeTest = (given: Given<{ type: number; code: Range }> | undefined): IcmpTypeTest | null => inverted(given);

const printType = ({ type, code }: IcmpTypeTest): string =>
  code.first === 0 && code.last === U8 ? String(type) : `${type}/${code.first}`;

export const icmp = match({
  name: "icmp",
  family: 4,
  protocols: [1],
  options: { type: option("icmp-type", takeType(ICMP_NAMES[4], "a type of ICMP"), { invert: true, required: true }) },
  build: ({ type }): IcmpMatch => ({ name: "icmp", type: typeTest(type) }),
  print: ({ type }: IcmpMatch) =>
    type ? `${not(type)}--icmp-type ${type.type === ANY ? "any" : printType(type)}` : "",
});

export const icmp6 = match({
  name: "icmp6",
  family: 6,
  protocols: [58],
  options: {
    type: option("icmpv6-type", takeType(ICMP_NAMES[6], "a type of ICMPv6"), { invert: true, required: true }),
  },
  build: ({ type }): Icmp6Match => ({ name: "icmp6", type: typeTest(type) }),
  print: ({ type }: Icmp6Match) => (type ? `${not(type)}--icmpv6-type ${printType(type)}` : ""),
});

const MH_NAMES = table(MH);

export const mh = match({
  name: "mh",
  family: 6,
  protocols: [135],
  options: {
    type: option(
      "mh-type",
      (word): Range => {
        const parts = word.text.split(":").map((text) => {
          const here = { text, column: word.column };
          return (
            parseNumber(byName(here, MH_NAMES, "a type of mobility header") ?? text, 0, U8) ??
            fail(word, "wanted is a type of mobility header, or FIRST:LAST")
          );
        });
        const [first = 0, last = first] = parts;
        if (first > last) fail(word, "the first type is larger than the last");
        return { first, last };
      },
      { invert: true },
    ),
  },
  build: ({ type }): MhMatch => ({ name: "mh", type: inverted(type) }),
  print: ({ type }: MhMatch) => (type ? `${not(type)}--mh-type ${formatRange(type)}` : ""),
});
