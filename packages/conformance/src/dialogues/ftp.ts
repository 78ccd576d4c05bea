// FTP: what the kernel's helper looks at, branch by branch, and what it does not.
import {
  CLIENT,
  CLIENT6,
  type Dialogue,
  type Line,
  SERVER,
  SERVER6,
  syn,
  tcpDialogue,
  tcpPackets,
} from "../dialogue.js";
import { packet } from "../packets.js";

const SIX = "10,0,1,2,200,10";
const SERVER_SIX = "10,0,2,2,200,10";
const PORT = 51210;

/** The first line a side says is not examined; this one takes its place. */
const HELLO: Readonly<Record<">" | "<", Line>> = { ">": [">", "USER x\r\n"], "<": ["<", "220 hi\r\n"] };
const FIRST = 8; // bytes of it

const fromServer = syn(SERVER, CLIENT, PORT);
const fromClient = syn(CLIENT, SERVER, PORT);

/** What the client says, then what the server says, as second line. */
const COMMANDS: readonly string[] = [
  `PORT ${SIX}\r\n`,
  `port ${SIX}\r\n`,
  `PoRt ${SIX}\r\n`,
  `PORTX ${SIX}\r\n`,
  `PORT${SIX}\r\n`,
  `PORT x${SIX}\r\n`,
  `PORT  ${SIX}\r\n`,
  `PORT\t${SIX}\r\n`,
  `PORT ${SIX}\n`,
  `PORT ${SIX}\r`,
  `PORT ${SIX}`,
  `PORT ${SIX} \r\n`,
  `PORT ${SIX}\r\nLIST\r\n`,
  `PORT ${SIX}\rLIST`,
  `NOOP\r\nPORT ${SIX}\r\n`,
  ` PORT ${SIX}\r\n`,
  `XPORT ${SIX}\r\n`,
  "PORT 10,0,1,2,200\r\n",
  `PORT ${SIX},1\r\n`,
  "PORT 10,0,1,9,200,10\r\n",
  "PORT 10,0,2,2,200,10\r\n",
  "PORT 0,0,0,0,200,10\r\n",
  "PORT 127,0,0,1,200,10\r\n",
  "PORT 255,255,255,255,200,10\r\n",
  "PORT 266,0,1,2,200,10\r\n",
  "PORT 10,256,1,2,200,10\r\n",
  "PORT 4294967306,0,1,2,200,10\r\n",
  "PORT 10,,1,2,200,10\r\n",
  "PORT ,0,1,2,200,10\r\n",
  "PORT 10,0,1,2,,\r\n",
  "PORT 10,0,1,2,0,0\r\n",
  "PORT 10,0,1,2,0,20\r\n",
  "PORT 10,0,1,2,0,21\r\n",
  "PORT 10,0,1,2,3,255\r\n",
  "PORT 10,0,1,2,4,0\r\n",
  "PORT 10,0,1,2,255,255\r\n",
  "PORT 10,0,1,2,256,10\r\n",
  "PORT 10,0,1,2,300,10\r\n",
  "PORT 10,0,1,2,200,266\r\n",
  "PORT 10,0,1,2,00200,0010\r\n",
  "PORT 10, 0,1,2,200,10\r\n",
  "PORT 10.0.1.2.200.10\r\n",
  "PORT +10,0,1,2,200,10\r\n",
  "PORT -1,0,1,2,200,10\r\n",
  "PORT \r\n",
  "PORT\r\n",
  "PORT ",
  "PORT",
  "POR",
  "PO",
  "P",
  "\r\n",
  "\n",
  "\0",
  "PASV\r\n",
  `EPRT |1|${CLIENT}|${PORT}|\r\n`,
  `eprt |1|${CLIENT}|${PORT}|\r\n`,
  `EPRT |1|${CLIENT}|${PORT}|`,
  `EPRT |1|${CLIENT}|${PORT}|x\r\n`,
  `EPRT |1|${CLIENT}|${PORT}\r\n`,
  `EPRT |1|${CLIENT}|${PORT}`,
  `EPRT !1!${CLIENT}!${PORT}!\r\n`,
  `EPRT ,1,${CLIENT},${PORT},\r\n`,
  `EPRT .1.${CLIENT}.${PORT}.\r\n`,
  `EPRT a1a${CLIENT}a${PORT}a\r\n`,
  `EPRT ~1~${CLIENT}~${PORT}~\r\n`,
  `EPRT \x7f1\x7f${CLIENT}\x7f${PORT}\x7f\r\n`,
  `EPRT  1 ${CLIENT} ${PORT} \r\n`,
  `EPRT 111${CLIENT}1${PORT}1\r\n`,
  `EPRT 010${CLIENT}0${PORT}0\r\n`,
  `EPRT |2|${CLIENT}|${PORT}|\r\n`,
  `EPRT |2|${CLIENT6}|${PORT}|\r\n`,
  `EPRT |3|${CLIENT}|${PORT}|\r\n`,
  `EPRT |11|${CLIENT}|${PORT}|\r\n`,
  `EPRT ||${CLIENT}|${PORT}|\r\n`,
  `EPRT |1!${CLIENT}|${PORT}|\r\n`,
  `EPRT |1|10.0.1|${PORT}|\r\n`,
  `EPRT |1|10.0.1.2.3|${PORT}|\r\n`,
  `EPRT |1|10..1.2|${PORT}|\r\n`,
  `EPRT |1|266.0.1.2|${PORT}|\r\n`,
  `EPRT |1|10.0.1.9|${PORT}|\r\n`,
  `EPRT |1|${CLIENT}||\r\n`,
  `EPRT |1|${CLIENT}|0|\r\n`,
  `EPRT |1|${CLIENT}|1|\r\n`,
  `EPRT |1|${CLIENT}|1023|\r\n`,
  `EPRT |1|${CLIENT}|65535|\r\n`,
  `EPRT |1|${CLIENT}|65536|\r\n`,
  `EPRT |1|${CLIENT}|70000|\r\n`,
  `EPRT |1|${CLIENT}|4294967297|\r\n`,
  `EPRT |1|${CLIENT}| ${PORT}|\r\n`,
  `EPRT |1|${CLIENT}|51x10|\r\n`,
  `EPRT x|1|${CLIENT}|${PORT}|\r\n`,
  "EPRT |1|\r\n",
  "EPRT |1\r\n",
  "EPRT |\r\n",
  "EPRT |1",
  "EPRT |",
  "EPRT ",
  "EPRT",
  "EPR",
  "E",
  "EPSV\r\n",
  "EPSV ALL\r\n",
  `227 Entering Passive Mode (${SIX})\r\n`,
  `229 Entering Extended Passive Mode (|||${PORT}|)\r\n`,
];

const REPLIES: readonly string[] = [
  `227 Entering Passive Mode (${SERVER_SIX}).\r\n`,
  `227 Entering Passive Mode (${SERVER_SIX})`,
  `227 Entering Passive Mode ${SERVER_SIX}\r\n`,
  `227 Entering Passive Mode ${SERVER_SIX} \r\n`,
  `227 =${SERVER_SIX}x\r\n`,
  `227 ${SERVER_SIX}\r\n`,
  `227 ${SERVER_SIX},1\r\n`,
  `227 ${SERVER_SIX}`,
  `227 Entering v2 (${SERVER_SIX})\r\n`,
  "227 Entering (10,0,2,9,200,10)\r\n",
  "227 Entering (10,0,1,2,200,10)\r\n",
  "227 Entering (10,0,2,2,0,0)\r\n",
  "227 Entering (10,0,2,2,0,80)\r\n",
  "227 Entering (10,0,2,2,200)\r\n",
  "227 Entering (10,0,2,2\r\n",
  "227 Entering Passive Mode\r\n",
  "227 Entering Passive Mode",
  "227 \r\n",
  "227 ",
  `227-Entering (${SERVER_SIX})\r\n`,
  `227\t(${SERVER_SIX})\r\n`,
  "227",
  "22",
  "2",
  `228 Entering (${SERVER_SIX})\r\n`,
  `200 ok\r\n227 Entering (${SERVER_SIX})\r\n`,
  `229 Entering Extended Passive Mode (|||${PORT}|)\r\n`,
  `229 (|||${PORT}|)\r\n`,
  `229 (|||${PORT}|`,
  `229 (!!!${PORT}!)\r\n`,
  `229 (aaa${PORT}a)\r\n`,
  `229 (111${PORT}1)\r\n`,
  `229 (   ${PORT} )\r\n`,
  `229 Entering |||${PORT}|\r\n`,
  `229 ((|||${PORT}|)\r\n`,
  `229 (x) (|||${PORT}|)\r\n`,
  `229 (||||${PORT}|)\r\n`,
  `229 (||${PORT}|)\r\n`,
  `229 (|!|${PORT}|)\r\n`,
  `229 (|1|10.0.2.2|${PORT}|)\r\n`,
  `229 (|||${PORT})\r\n`,
  "229 (|||0|)\r\n",
  "229 (||||)\r\n",
  "229 (|||21|)\r\n",
  "229 (|||65536|)\r\n",
  "229 (|||65537|)\r\n",
  "229 (|||x|)\r\n",
  "229 (|||\r\n",
  "229 (||",
  "229 (",
  "229 Entering\r\n",
  "229 ",
  `PORT ${SERVER_SIX}\r\n`,
  `EPRT |1|${SERVER}|${PORT}|\r\n`,
];

/** How an address may be written. */
const WRITTEN6: readonly string[] = [
  ..."fd01::000002 fd01::0000000000002 fd01::12345 fd01::01234 0fd01::2 00000fd01::2 fd01::0.0.0.02 fd01::0.0.0.002".split(
    " ",
  ),
  ..."fd01::0.0.0.0002 fd01::00.0.0.2 fd01::000.0.0.2 fd01::0000.0.0.2 fd01::00000.0.0.2 fd01:0:0:0:0:0:0.0.0.2".split(
    " ",
  ),
  ..."fd01:0:0:0:0:0:0:0.0.0.2 fd01:0:0:0:0:0.0.0.2 fd01::0:0.0.0.2 fd01:0:0:0:0::0.0.0.2 fd01:0:0:0:0:0::2".split(" "),
  ..."fd01:0:0:0:0:0:0::2 fd01:0:0:0:0:0:0:: fd01:0:0:0:0:0:0:0:: ::fd01 ::: :fd01::2 fd01:: fd01::: fd01::2:".split(
    " ",
  ),
  ..."::10.0.1.2 10.0.1.2 ::ffff:10.0.1.2 fd01::1.2.3.4.5 fd01::1.2.3 fd01::1.2.3.256 fd01::1.2.3.4x fd01::a.2.3.4".split(
    " ",
  ),
  ..."fd01::1..3.4 fd01::.2.3.4 fd01:0:0:0:0:0::0.0.0.2 fd01:0:0:0::0:0:0.0.0.2 fd01::2.3.4.5: fd01::1.2.3.4::".split(
    " ",
  ),
  ..."fd01:0:0:0:0:0:0:2: fd01:0:0:0:0:0:0 ::0:0:0:0:0:0:0:2 0:0:0:0:0:0:0:: fd01::10000 fd01::0g fd01:0: : g".split(
    " ",
  ),
];

const COMMANDS6: readonly string[] = [
  ...WRITTEN6.map((address) => `EPRT |2|${address}|${PORT}|\r\n`),
  `EPRT |2|${CLIENT6}|${PORT}|\r\n`,
  `EPRT |2|fd01:0:0:0:0:0:0:2|${PORT}|\r\n`,
  `EPRT |2|FD01::2|${PORT}|\r\n`,
  `EPRT |2|fd01::0.0.0.2|${PORT}|\r\n`,
  `EPRT |2|fd01::9|${PORT}|\r\n`,
  `EPRT |2|fd01::00002|${PORT}|\r\n`,
  `EPRT |2|fd01:::2|${PORT}|\r\n`,
  `EPRT |2|fd01::2::|${PORT}|\r\n`,
  `EPRT |2|fd01::2%eth0|${PORT}|\r\n`,
  `EPRT |2|[fd01::2]|${PORT}|\r\n`,
  `EPRT |2||${PORT}|\r\n`,
  `EPRT |2|::|${PORT}|\r\n`,
  `EPRT |2|fd01::2\r\n`,
  `EPRT |2|fd01::2`,
  `EPRT |2|fd01::2|0|\r\n`,
  `EPRT |2|fd01::2|443|\r\n`,
  `EPRT |2|fd01:0:0:0:0:0:0:0:2|${PORT}|\r\n`,
  `EPRT |1|${CLIENT6}|${PORT}|\r\n`,
  `EPRT |1|${CLIENT}|${PORT}|\r\n`,
  `EPRT :2:fd01::2:${PORT}:\r\n`,
  `EPRT !2!fd01::2!${PORT}!\r\n`,
  `EPRT a2afd01::2a${PORT}a\r\n`,
  `PORT ${SIX}\r\n`,
  "PORT 0,0,0,2,200,10\r\n",
];

const REPLIES6: readonly string[] = [
  `229 (|||${PORT}|)\r\n`,
  `229 (|||0|)\r\n`,
  `227 (${SERVER_SIX})\r\n`,
  `229 (|2|${SERVER6}|${PORT}|)\r\n`,
];

const PORT_LINE = `PORT ${SIX}\r\n`;
const PASSIVE_LINE = `227 Entering (${SERVER_SIX})\r\n`;
const EPRT_LINE = `EPRT |1|${CLIENT}|${PORT}|\r\n`;
const port = (n: number) => `PORT 10,0,1,2,${n >> 8},${n & 255}\r\n`;

/** A packet of the control connection, for errors to quote. */
const told = (who: ">" | "<", payload: string) =>
  who === ">"
    ? packet({ src: CLIENT, dst: SERVER, tcp: { sport: 30001, dport: 21, flags: "PA", seq: 1009, ack: 5001, payload } })
    : packet({
        src: SERVER,
        dst: CLIENT,
        tcp: { sport: 21, dport: 30001, flags: "PA", seq: 5001, ack: 1009, payload },
      });

const CONVERSATIONS: Readonly<Record<string, readonly Line[]>> = {
  "the first line": [[">", PORT_LINE], fromServer, ["<", PASSIVE_LINE], fromClient],
  "the first line again": [
    [">", PORT_LINE],
    [">", PORT_LINE, 0],
    [">", PORT_LINE],
  ],
  "announced once, taken once": [HELLO[">"], [">", PORT_LINE], fromServer, fromServer, syn(SERVER, CLIENT, PORT, 21)],
  "taken from the wrong side": [HELLO[">"], [">", PORT_LINE], fromClient, syn(CLIENT, SERVER, 20, PORT), fromServer],
  "taken by another host": [HELLO[">"], [">", PORT_LINE], syn("10.0.2.3", CLIENT, PORT), syn(SERVER, "10.0.1.3", PORT)],
  "taken by UDP": [
    HELLO[">"],
    [">", PORT_LINE],
    packet({ src: SERVER, dst: CLIENT, udp: { sport: 20, dport: PORT, payload: 4 } }),
    fromServer,
  ],
  "taken from the middle": [
    HELLO[">"],
    [">", PORT_LINE],
    packet({ src: SERVER, dst: CLIENT, tcp: { sport: 20, dport: PORT, flags: "A", seq: 7, ack: 9 } }),
  ],
  "taken by what is no opening": [
    HELLO[">"],
    [">", PORT_LINE],
    packet({ src: SERVER, dst: CLIENT, tcp: { sport: 20, dport: PORT, flags: "R", seq: 7 } }),
    packet({ src: SERVER, dst: CLIENT, tcp: { sport: 20, dport: PORT, flags: "SA", seq: 7, ack: 9 } }),
    fromServer,
  ],
  "opened before it was announced": [
    fromServer,
    HELLO[">"],
    [">", PORT_LINE],
    fromServer,
    syn(SERVER, CLIENT, PORT, 9),
  ],
  "two announcements": [HELLO[">"], [">", PORT_LINE], [">", port(51211)], fromServer, syn(SERVER, CLIENT, 51211)],
  "announcement again": [HELLO[">"], [">", PORT_LINE], [">", PORT_LINE], fromServer, [">", PORT_LINE], fromServer],
  "announcements of both sides": [
    HELLO[">"],
    HELLO["<"],
    [">", PORT_LINE],
    ["<", PASSIVE_LINE],
    fromServer,
    fromClient,
    [">", PORT_LINE],
  ],
  "two lines in one segment": [HELLO[">"], [">", PORT_LINE + port(51211)], [">", port(51212)]],
  "retransmitted announcement": [
    HELLO[">"],
    [">", PORT_LINE],
    [">", PORT_LINE, FIRST],
    fromServer,
    [">", PORT_LINE, FIRST],
  ],
  "retransmitted with other words": [HELLO[">"], [">", PORT_LINE], [">", port(51211), FIRST]],
  "retransmitted first line": [HELLO[">"], [">", "USER x\r\n", 0], [">", PORT_LINE]],
  "retransmitted longer": [HELLO[">"], [">", "NOOP\r\n"], [">", `NOOP\r\n${PORT_LINE}`, FIRST], [">", PORT_LINE]],
  "a line too early": [
    HELLO[">"],
    [">", PORT_LINE, FIRST + 6],
    [">", "NOOP\r\n", FIRST],
    [">", PORT_LINE, FIRST + 6],
    [">", port(51211)],
  ],
  "two lines the wrong way round": [
    HELLO[">"],
    [">", port(51211), FIRST + PORT_LINE.length],
    [">", PORT_LINE, FIRST],
    [">", port(51211), FIRST + PORT_LINE.length],
  ],
  "a gap": [HELLO[">"], [">", PORT_LINE, FIRST + 100], [">", PORT_LINE]],
  "three line ends remembered": [
    HELLO[">"],
    [">", "NOOP\r\n"],
    [">", "NOOP\r\n"],
    [">", PORT_LINE, FIRST],
    [">", PORT_LINE, FIRST + 6],
    [">", PORT_LINE, 0],
  ],
  "far outside the window": [HELLO[">"], [">", PORT_LINE, 2_000_000], [">", PORT_LINE]],
  "split, the rest behind it": [
    HELLO[">"],
    [">", "PORT 10,0,"],
    [">", "1,2,200,10\r\n", FIRST + 10],
    [">", PORT_LINE, FIRST],
  ],
  "split behind the number": [HELLO[">"], [">", "NOOP"], [">", "\r\n"], [">", PORT_LINE]],
  "line end of its own": [
    HELLO[">"],
    [">", `PORT ${SIX}`],
    [">", `PORT ${SIX}\r`, FIRST],
    [">", "\n"],
    [">", PORT_LINE],
  ],
  "with the FIN": [HELLO[">"], [">", PORT_LINE, "FPA"], fromServer],
  "with the PUSH alone": [HELLO[">"], [">", PORT_LINE, "P"], [">", PORT_LINE, FIRST]],
  "behind a FIN of the server": [HELLO[">"], ["<", "", "FA"], [">", PORT_LINE], fromServer],
  "control connection reset": [HELLO[">"], [">", PORT_LINE], ["<", "", "R"], fromServer],
  "control connection closed": [
    HELLO[">"],
    [">", PORT_LINE],
    [">", "", "FA"],
    ["<", "", "FA"],
    [">", "", "A"],
    fromServer,
    syn(SERVER, CLIENT, PORT, 21),
  ],
  "port of an announcement used up": [
    HELLO[">"],
    [">", port(20)],
    syn(SERVER, CLIENT, 20),
    [">", port(21)],
    syn(SERVER, CLIENT, 21),
    [">", port(0)],
    syn(SERVER, CLIENT, 0),
  ],
  "an ICMP error about the data connection": [
    HELLO[">"],
    [">", PORT_LINE],
    fromServer,
    packet({ src: CLIENT, dst: SERVER, icmp: { type: 3, code: 3, quote: fromServer } }),
  ],
  "ICMP errors about the control connection": [
    HELLO[">"],
    [">", PORT_LINE],
    packet({ src: SERVER, dst: CLIENT, icmp: { type: 3, code: 1, quote: told(">", port(51211)) } }),
    packet({ src: CLIENT, dst: SERVER, icmp: { type: 3, code: 1, quote: told("<", PASSIVE_LINE) } }),
    fromServer,
  ],
  "another's address, then its own": [
    HELLO[">"],
    [">", "PORT 10,0,1,9,200,10\r\n"],
    syn(SERVER, "10.0.1.9", PORT),
    [">", PORT_LINE],
  ],
  garbage: [
    HELLO[">"],
    [">", "\0\xff\x80PORT"],
    [">", new Uint8Array(300).fill(0xff)],
    [">", "\n"],
    [">", "1".repeat(1400)],
    [">", "\n"],
    [">", `PORT ${"9".repeat(1000)},0,1,2,200,10\r\n`],
    [">", `PORT ${",".repeat(20)}\r\n`],
    [">", "EPRT ||||||||||\r\n"],
    ["<", "\n"],
    ["<", `227 ${" ".repeat(1000)}${SERVER_SIX}\r\n`],
    ["<", `229 ${"(".repeat(10)}|||${PORT}|)\r\n`],
  ],
};

/** Another control connection of the client, with its own announcement. */
const other = (line: string, ends = {}) => tcpPackets([HELLO[">"], [">", line]], { dport: 21, sport: 30002, ...ends });

const MASTERS: Readonly<Record<string, readonly Line[]>> = {
  "the same port over another connection": [
    HELLO[">"],
    [">", PORT_LINE],
    ...other(PORT_LINE),
    fromServer,
    ...other(PORT_LINE, { sport: 30003 }),
    fromServer,
  ],
  "the same port of another server": [
    HELLO[">"],
    [">", PORT_LINE],
    ...other(PORT_LINE, { server: "10.0.2.3" }),
    fromServer,
    syn("10.0.2.3", CLIENT, PORT),
  ],
  "another port over another connection": [
    HELLO[">"],
    [">", PORT_LINE],
    ...other(port(51211)),
    fromServer,
    syn(SERVER, CLIENT, 51211),
  ],
};

/** A line cut at each byte: a part, the rest, the whole line again. */
const splits = (who: ">" | "<", line: string, at: number): readonly Line[] => [
  HELLO[who],
  [who, line.slice(0, at)],
  [who, line.slice(at), FIRST + at],
  [who, line, FIRST],
  who === ">" ? fromServer : fromClient,
];

const each = (lines: readonly string[], who: ">" | "<", what: string, ends = {}) =>
  lines.map((line) => {
    const six = "client" in ends;
    const probes = six ? [syn(SERVER6, CLIENT6, PORT), syn(CLIENT6, SERVER6, PORT)] : [fromServer, fromClient];
    return ftp(`${what} ${JSON.stringify(line)}`, [HELLO[who], [who, line], ...probes, [who, "NOOP\r\n"]], ends);
  });

const ftp = (name: string, lines: readonly Line[], ends = {}, helpers = "ftp:21"): Dialogue =>
  tcpDialogue(`ftp: ${name}`, helpers, lines, { dport: 21, ...ends });

const V6 = { client: CLIENT6, server: SERVER6 };

const EVERYWHERE = "10,0,1,9,200,10";
const LOOSE: Readonly<Record<string, readonly Line[]>> = {
  "loose, another's address": [HELLO[">"], [">", `PORT ${EVERYWHERE}\r\n`], syn(SERVER, "10.0.1.9", PORT), fromServer],
  "loose, its own address": [HELLO[">"], [">", PORT_LINE], fromServer],
  "loose, 227 of another's address": [HELLO["<"], ["<", "227 (10,0,2,9,200,10)\r\n"], syn(CLIENT, "10.0.2.9", PORT)],
  "loose, EPRT of another's address": [
    HELLO[">"],
    [">", `EPRT |1|10.0.1.9|${PORT}|\r\n`],
    syn(SERVER, "10.0.1.9", PORT),
  ],
};

/** `nf_conntrack_expect_max` counts the expectations of a namespace; the one that makes room for its like is not counted. */
const FULL: readonly (readonly [name: string, expectMax: number, lines: readonly Line[]])[] = [
  ["one, and another of the same connection", 1, [HELLO[">"], [">", PORT_LINE], [">", port(51211)], fromServer]],
  ["one, again", 1, [HELLO[">"], [">", PORT_LINE], [">", PORT_LINE], fromServer, [">", PORT_LINE]]],
  ["one, and one of another connection", 1, [HELLO[">"], [">", PORT_LINE], ...other(port(51211)), fromServer]],
  [
    "one, taken, and one of another connection",
    1,
    [HELLO[">"], [">", PORT_LINE], fromServer, ...other(port(51211)), syn(SERVER, CLIENT, 51211)],
  ],
  [
    "two, and a third connection",
    2,
    [HELLO[">"], [">", PORT_LINE], ...other(port(51211)), ...other(port(51212), { sport: 30003 })],
  ],
];

/**
 * What was announced is there until its last second. How long afterwards depends on the kernel's timer wheel: at 300 s its
 * teeth are 4096 ticks apart (16.4 s at HZ=250), so it is asked again 30 s later.
 */
const slow = (name: string, lines: readonly Line[], times: readonly number[]): Dialogue => {
  const { packets, ...dialogue } = ftp(name, lines);
  return {
    ...dialogue,
    realtime: true,
    packets: packets.map((packet, i) => ({ ...packet, time: times[i] as number })),
  };
};

export const FTP_DIALOGUES: readonly Dialogue[] = [
  ...each(COMMANDS, ">", "client"),
  ...each(REPLIES, "<", "server"),
  ...each(COMMANDS6, ">", "client, IPv6", V6),
  ...each(REPLIES6, "<", "server, IPv6", V6),
  ...Object.entries({ ...CONVERSATIONS, ...MASTERS }).map(([name, lines]) => ftp(name, lines)),
  ...Object.entries(CONVERSATIONS)
    .slice(0, 12)
    .map(([name, lines]) => ftp(`${name}, numbers that wrap`, lines, { isn: 0xfffffff4 })),
  ...[PORT_LINE, EPRT_LINE].flatMap((line) =>
    Array.from(line, (_, at) => ftp(`${line.slice(0, 4)} cut at ${at + 1}`, splits(">", line, at + 1))).slice(0, -1),
  ),
  ...[PASSIVE_LINE, `229 (|||${PORT}|)\r\n`].flatMap((line) =>
    Array.from(line, (_, at) => ftp(`${line.slice(0, 3)} cut at ${at + 1}`, splits("<", line, at + 1))).slice(0, -1),
  ),
  ftp("port 2121", [HELLO[">"], [">", PORT_LINE], fromServer], { dport: 2121 }, "ftp:21,ftp:2121"),
  ftp("port 21 of two", [HELLO[">"], [">", PORT_LINE], fromServer], { dport: 21 }, "ftp:21,ftp:2121"),
  ftp("a port without a helper", [HELLO[">"], [">", PORT_LINE], fromServer], { dport: 2122 }, "ftp:21,ftp:2121"),
  ...Object.entries(LOOSE).map(([name, lines]) => ({ ...ftp(name, lines), loose: true })),
  ...FULL.map(([name, expectMax, lines]) => ({ ...ftp(`room for ${name}`, lines), expectMax })),
  slow(
    "gone after 300 s",
    [HELLO[">"], [">", PORT_LINE], [">", "NOOP\r\n"], fromServer],
    [0, 1, 2, 3, 4, 297_000, 330_000],
  ),
  slow("taken in the last seconds", [HELLO[">"], [">", PORT_LINE], fromServer], [0, 1, 2, 3, 4, 297_000]),
  slow(
    "renewed by the same words",
    [HELLO[">"], [">", PORT_LINE], [">", PORT_LINE], fromServer],
    [0, 1, 2, 3, 4, 100_000, 303_000],
  ),
];
