// IRC: DCC offers of a client.
import { CLIENT, type Dialogue, type Line, SERVER, syn, tcpDialogue, tcpPackets } from "../dialogue.js";

const OWN = (10 << 24) | (1 << 8) | 2;
const PEER = "10.0.3.3";
const offer = (command: string, rest = `${OWN} 4000\x01\r\n`) => `PRIVMSG bob :\x01DCC ${command} f ${rest}`;
const SEND = offer("SEND");
const send = (port: number) => offer("SEND", `${OWN} ${port}\x01\r\n`);

/** One segment each, from the client and from the server. */
const OFFERS: readonly string[] = [
  ...["SEND", "CHAT", "MOVE", "TSEND", "SCHAT", "RESUME", "ACCEPT", "XMIT", "send", "SEN", "SENDX"].map((command) =>
    offer(command),
  ),
  `privmsg bob :\x01DCC SEND f ${OWN} 4000\x01\r\n`,
  `PrivMsg bob :\x01DCC SEND f ${OWN} 4000\x01\r\n`,
  `NOTICE bob :\x01DCC SEND f ${OWN} 4000\x01\r\n`,
  `PRIVMSG\tbob :\x01DCC SEND f ${OWN} 4000\x01\r\n`,
  `PRIVMSG :\x01DCC SEND f ${OWN} 4000\x01\r\n`,
  `PRIVMSG  :\x01DCC SEND f ${OWN} 4000\x01\r\n`,
  `\r\n ${SEND}`,
  `   ${SEND}`,
  `x${SEND}`,
  `:nick!u@h ${SEND}`,
  `NOOP\r\n${SEND}`,
  SEND + send(4001),
  `PRIVMSG bob :hi\r\n${SEND}`,
  `PRIVMSG bob :hi \x01DCC SEND f ${OWN} 4000\x01\r\n`,
  `PRIVMSG bob : \x01DCC SEND f ${OWN} 4000\x01\r\n`,
  `PRIVMSG bob \x01DCC SEND f ${OWN} 4000\x01\r\n`,
  `PRIVMSG bob :\x01dcc SEND f ${OWN} 4000\x01\r\n`,
  `PRIVMSG bob :DCC SEND f ${OWN} 4000\x01\r\n`,
  `PRIVMSG bob :\x01DCC  SEND f ${OWN} 4000\x01\r\n`,
  `PRIVMSG bob :\x01DCC RESUME :\x01DCC SEND f ${OWN} 4000\x01\r\n`,
  `PRIVMSG bob :\x01DCC RESUME x :\x01DCC SEND f ${OWN} 4000\x01\r\n`,
  `PRIVMSG bob :\x01DCC SEND  ${OWN} 4000\x01\r\n`,
  `PRIVMSG bob :\x01DCC SEND f  ${OWN} 4000\x01\r\n`,
  `PRIVMSG bob :\x01DCC SEND f g ${OWN} 4000\x01\r\n`,
  `PRIVMSG bob :\x01DCC SEND "f g" ${OWN} 4000\x01\r\n`,
  `PRIVMSG bob :\x01DCC SEND ${"f".repeat(200)} ${OWN} 4000\x01\r\n`,
  `PRIVMSG bob :\x01DCC SEND f ${OWN}  4000\x01\r\n`,
  `PRIVMSG bob :\x01DCC SEND f ${OWN}\t4000\x01\r\n`,
  `PRIVMSG bob :\x01DCC SEND f ${OWN}x4000\x01\r\n`,
  `PRIVMSG bob :\x01DCC SEND f ${OWN}4000\x01\r\n`,
  `PRIVMSG bob :\x01DCC SEND f ${OWN} \x01\r\n`,
  `PRIVMSG bob :\x01DCC SEND f ${OWN} 4000 12345\x01\r\n`,
  `PRIVMSG bob :\x01DCC SEND f ${OWN} 4000\r\n`,
  `PRIVMSG bob :\x01DCC SEND f ${OWN} 4000\x01\n`,
  `PRIVMSG bob :\x01DCC SEND f ${OWN} 4000\x01\r`,
  `PRIVMSG bob :\x01DCC SEND f ${OWN} 4000\x01`,
  `PRIVMSG bob :\x01DCC SEND f ${OWN} 4000`,
  `PRIVMSG bob :\x01DCC SEND f ${OWN} 4`,
  `PRIVMSG bob :\x01DCC SEND f ${OWN} 4\n`,
  `PRIVMSG bob :\x01DCC SEND f ${OWN} 40\n`,
  `PRIVMSG bob :\x01DCC SEND f ${OWN}\n`,
  `PRIVMSG bob :\x01DCC SEND f\n`,
  `PRIVMSG bob :\x01DCC SEND\n`,
  "PRIVMSG bob :\x01DCC \n",
  "PRIVMSG bob :\x01DCC SEND f 10.0.1.2 4000\x01\r\n",
  "PRIVMSG bob :\x01DCC SEND f 167772425 4000\x01\r\n",
  "PRIVMSG bob :\x01DCC SEND f 0 4000\x01\r\n             ",
  "PRIVMSG bob :\x01DCC SEND f 0167772418 4000\x01\r\n",
  "PRIVMSG bob :\x01DCC SEND f 0xa000102 4000\x01\r\n",
  `PRIVMSG bob :\x01DCC SEND f ${4294967296 + OWN} 4000\x01\r\n`,
  `PRIVMSG bob :\x01DCC SEND f -${OWN} 4000\x01\r\n`,
  ...[0, 1, 80, 1023, 1024, 65535, 65536, 65537, 4294967297].map((port) => offer("SEND", `${OWN} ${port}\x01\r\n`)),
  offer("SEND", `${OWN} 004000\x01\r\n`),
  // nothing behind an offer is read, whatever came of it
  `PRIVMSG bob :\x01DCC SEND f 16777248 4006\x01\r\n${SEND}`,
  `PRIVMSG bob :\x01DCC SEND f 16777248 4006 :\x01DCC SEND f ${OWN} 4000\x01\r\n`,
  `PRIVMSG bob :\x01DCC CHAT f 16777248 4006\x01\r\n${SEND}`,
  `PRIVMSG bob :\x01DCC SEND f ${OWN} 0\x01\r\n${SEND}`,
  `PRIVMSG bob :\x01DCC SEND f :\x01DCC SEND f ${OWN} 4000\x01\r\n`,
  `PRIVMSG bob :\x01DCC RESUME x :\x01DCC SEND f 16777248 4006 :\x01DCC SEND f ${OWN} 4000\x01\r\n`,
  `PRIVMSG bob :\x01DCC SEND f 16777248 4006\x01\r\n${"x".repeat(100)} :\x01DCC SEND f ${OWN} 4000\x01\r\n`,
  "PRIVMSG",
  "PRIVMSG ",
  "\r\n",
  "P",
  `${" ".repeat(60)}`,
];

const taken = syn(PEER, CLIENT, 4000, 999);

const LONG = `${"PRIVMSG bob :\x01DCC RESUME "}${" :\x01DCC RESUME x".repeat(80)}`;

const CONVERSATIONS: Readonly<Record<string, readonly Line[]>> = {
  "taken by anybody, once": [[">", SEND], taken, syn(SERVER, CLIENT, 4000, 998)],
  "taken by another host's client": [[">", SEND], syn(PEER, "10.0.1.3", 4000)],
  "offered again": [[">", SEND], [">", SEND], taken, [">", SEND], syn(PEER, CLIENT, 4000, 998)],
  retransmitted: [[">", SEND], [">", SEND, 0], taken],
  "out of order": [[">", SEND, 100], [">", 100, 0], taken],
  "ten offers": Array.from({ length: 10 }, (_, i): Line => [">", send(4000 + i)]),
  "ten offers, the fourth taken": [
    ...Array.from({ length: 8 }, (_, i): Line => [">", send(4000 + i)]),
    syn(PEER, CLIENT, 4003),
    [">", send(4008)],
    [">", send(4009)],
  ],
  "ten offers, the first repeated": [
    ...Array.from({ length: 8 }, (_, i): Line => [">", send(4000 + i)]),
    [">", send(4000)],
    [">", send(4008)],
    [">", send(4009)],
  ],
  "the same offer over another connection": [
    [">", SEND],
    ...tcpPackets([[">", SEND]], { dport: 6667, sport: 30002 }),
    taken,
    ...tcpPackets([[">", SEND]], { dport: 6667, sport: 30003 }),
  ],
  "control connection reset": [[">", SEND], ["<", "", "R"], taken],
  "with the FIN": [[">", SEND, "FPA"], taken],
  long: [
    [">", LONG],
    [">", `${LONG}${SEND.slice(12)}`],
  ],
  "behind the 4096th byte": [
    [">", `PRIVMSG bob :\x01DCC RESUME ${"x".repeat(4100)} :\x01DCC SEND f ${OWN} 4000\x01\r\n`],
  ],
  "around the 4095th byte": [
    [">", `PRIVMSG bob :\x01DCC RESUME ${"x".repeat(4030)} :\x01DCC SEND f ${OWN} 4000\x01\r\n`],
    [">", `PRIVMSG bob :\x01DCC RESUME ${"x".repeat(4025)} :\x01DCC SEND f ${OWN} 4000\x01\r\n`],
    [">", `PRIVMSG bob :\x01DCC RESUME ${"x".repeat(4000)} :\x01DCC SEND f ${OWN} 4000\x01\r\n`],
  ],
  garbage: [
    [">", new Uint8Array(500).fill(32)],
    [">", "PRIVMSG \0\0\0\0 :\x01DCC SEND \0 167772418 4000\n"],
    [">", new Uint8Array(1400).fill(0xff)],
    [">", `PRIVMSG ${" :".repeat(400)}`],
    [">", `PRIVMSG ${" :\x01DCC ".repeat(100)}\n`],
  ],
};

const irc = (name: string, lines: readonly Line[], ends = {}, helpers = "irc:6667"): Dialogue =>
  tcpDialogue(`irc: ${name}`, helpers, lines, { dport: 6667, ...ends });

export const IRC_DIALOGUES: readonly Dialogue[] = [
  ...OFFERS.map((text) => irc(`client ${JSON.stringify(text)}`, [[">", text], taken])),
  irc("offer of the server", [["<", SEND], taken]),
  ...Object.entries(CONVERSATIONS).map(([name, lines]) => irc(name, lines)),
  ...Array.from(SEND, (_, at) =>
    irc(`cut at ${at + 1}`, [[">", SEND.slice(0, at + 1)], [">", SEND.slice(at + 1)], taken]),
  ),
  { ...irc("ten offers, room for five", CONVERSATIONS["ten offers"] as readonly Line[]), expectMax: 5 },
  irc("port 7000", [[">", SEND], taken], { dport: 7000 }, "irc:6667,irc:7000"),
  irc("a port without a helper", [[">", SEND], taken], { dport: 7001 }, "irc:6667,irc:7000"),
];
