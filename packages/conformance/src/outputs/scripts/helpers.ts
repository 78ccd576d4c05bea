// Expectations: made by the kernel's own helpers, kept, timed out, gone with the connection that announced them.

import {
  CLIENT,
  CLIENT6,
  type Dialogue,
  datagram,
  type Line,
  SERVER,
  SERVER6,
  syn,
  tcpDialogue,
  udpDialogue,
} from "../../dialogue.js";
import { packet } from "../../packets.js";
import { flush, type OutputScript, read, send, waitUntil } from "../script.js";

const PROTOCOLS: Readonly<Record<string, "tcp" | "udp">> = {
  ftp: "tcp",
  irc: "tcp",
  sane: "tcp",
  pptp: "tcp",
  "Q.931": "tcp",
  tftp: "udp",
  amanda: "udp",
  sip: "udp",
  RAS: "udp",
};
/** The kernel has these for IPv4 only. */
const IPV4_ONLY = ["irc", "pptp"];

/** `-j CT --helper` for the helper's port. */
function helperRules(helpers: string): Pick<OutputScript, "iptables" | "ip6tables"> {
  const [name = "", port] = helpers.split(":");
  const rule = `-A PREROUTING -p ${PROTOCOLS[name]} --dport ${port} -j CT --helper ${name}`;
  const text = `*raw\n:PREROUTING ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n${rule}\nCOMMIT\n`;
  return { iptables: text, ...(!IPV4_ONLY.includes(name) && { ip6tables: text }) };
}

const FULL = { nf_conntrack_acct: 1, nf_conntrack_timestamp: 1 };

/** Announced, looked at, and kept; then everything is flushed. */
function played(name: string, dialogues: readonly Dialogue[], kept: readonly Uint8Array[], sysctls = {}): OutputScript {
  const packets = dialogues.flatMap((dialogue) => dialogue.packets);
  return {
    name,
    steps: [send(packets), read, ...(kept.length > 0 ? [send(kept, 1), read] : []), flush, read],
    sysctls,
    ...helperRules(dialogues[0]?.helpers ?? ""),
  };
}

// ---- what is said

const sdp = (address: string, audio: number) =>
  `v=0\r\no=- 1 1 IN IP4 ${address}\r\ns=-\r\nc=IN IP4 ${address}\r\nt=0 0\r\nm=audio ${audio} RTP/AVP 0\r\n`;

const sipMessage = (start: string, method: string, body: string, more: readonly string[] = []) =>
  [
    start,
    "Via: SIP/2.0/UDP 10.0.1.2:5060;branch=z9hG4bK1",
    "From: <sip:a@x>;tag=1",
    "To: <sip:b@y>",
    `CSeq: 1 ${method}`,
    ...more,
    `Content-Length: ${body.length}`,
    "",
    body,
  ].join("\r\n");

/** A call, and a registration: signalling expectations are permanent or inactive for a while. */
const SIP: readonly Line[] = [
  [">", sipMessage("INVITE sip:b@10.0.2.2 SIP/2.0", "INVITE", sdp(CLIENT, 4000))],
  ["<", sipMessage("SIP/2.0 200 OK", "INVITE", sdp(SERVER, 6000))],
  [
    ">",
    sipMessage("REGISTER sip:b@10.0.2.2 SIP/2.0", "REGISTER", "", ["Contact: <sip:a@10.0.1.2:5062>", "Expires: 600"]),
  ],
];
const SIP_REGISTERED: Line = [
  "<",
  sipMessage("SIP/2.0 200 OK", "REGISTER", "", ["Contact: <sip:a@10.0.1.2:5062>;expires=600"]),
];

/** A control message of PPTP (RFC 2637): its type and the 16-bit words of its body. */
function pptpMessage(type: number, length: number, ...words: number[]): Uint8Array {
  const bytes = new Uint8Array(12 + length);
  const view = new DataView(bytes.buffer);
  [12 + length, 1, 0x1a2b, 0x3c4d, type, 0, ...words].forEach((word, i) => {
    view.setUint16(2 * i, word);
  });
  return bytes;
}

/** A session, a call, and one more that the kernel has no room for. */
const PPTP: readonly Line[] = [
  [">", pptpMessage(1, 144)],
  ["<", pptpMessage(2, 144, 0x100, 0x100)],
  [">", pptpMessage(7, 156, 11)],
  ["<", pptpMessage(8, 20, 22, 11, 0x100)],
  [">", pptpMessage(7, 156, 33)],
  ["<", pptpMessage(8, 20, 44, 33, 0x100)],
];

const fromHex = (text: string) => Uint8Array.from(Buffer.from(text, "hex"));

/** H.323, from the answering side: the address of its H.245 connection, and a T.120 channel, which is permanent. */
const Q931: readonly Line[] = [
  [
    "<",
    fromHex("03000034080212340704038893a57e0023050240060008914a0004000a0002021389020007070707070707070707070707070707"),
  ],
  [
    "<",
    fromHex(
      "0300004d080212340704038893a57e002c050280060008914a000402000707070707070707070707070707070708101d011b80006410183000401838800401000180010942000a00020205df00",
    ),
  ],
];

/** A registration at a gatekeeper, and its answer. */
const RAS: readonly Line[] = [
  [">", fromHex("0c800029060008914a00048001000a00010206b801000a0001027be702000101807a44000900003d")],
  ["<", fromHex("10000029060008914a000401000a00020206b8100034003700310031005f0065006e00640070")],
];

const AMANDA: readonly Line[] = [
  [">", "Amanda 2.4 REQ HANDLE 000-00 SEQ 1\nSERVICE sendbackup\n"],
  ["<", "Amanda 2.4 REP HANDLE 000-00 SEQ 1\nCONNECT DATA 51210 MESG 51211 INDEX 51212\n"],
];

/** The scanner is opened, and its answer has the port of the data connection. */
const SANE: readonly Line[] = [
  [">", fromHex("0000000700000000")],
  ["<", fromHex("0000000000001234")],
];

const gre = (src: string, dst: string, callId: number) =>
  packet({ src, dst, gre: { version: 1, callId, seq: 1, payload: 8 } });

const ftp = (name: string, lines: readonly Line[], ends = {}) =>
  tcpDialogue(name, "ftp:21", [[">", "USER x\r\n"], ["<", "220 hi\r\n"], ...lines], { dport: 21, ...ends });

export function helpers(): OutputScript[] {
  const active = ftp("active", [[">", "PORT 10,0,1,2,200,10\r\n"]]);
  const passive = ftp("passive", [["<", "227 Entering Passive Mode (10,0,2,2,200,10)\r\n"]], { sport: 30002 });
  const six = { client: CLIENT6, server: SERVER6 };
  const active6 = ftp("active", [[">", `EPRT |2|${CLIENT6}|51210|\r\n`]], six);
  const passive6 = ftp("passive", [["<", "229 Extended Passive Mode OK (|||51210|)\r\n"]], { ...six, sport: 30002 });
  const irc = tcpDialogue("irc", "irc:6667", [[">", "PRIVMSG a :\x01DCC SEND f 167772418 51210 9\x01\r\n"]], {
    dport: 6667,
  });
  const sane = (ends = {}) => tcpDialogue("sane", "sane:6566", SANE, { dport: 6566, ...ends });
  const tftp = udpDialogue("tftp", "tftp:69", [[">", "\0\x01file\0octet\0"]], { dport: 69 });
  return [
    played("ftp", [active, passive], [syn(SERVER, CLIENT, 51210), syn(CLIENT, SERVER, 51210)]),
    played("ftp, IPv6, counted and timed", [active6, passive6], [syn(SERVER6, CLIENT6, 51210)], FULL),
    played("irc", [irc], [syn(SERVER, CLIENT, 51210)]),
    played("sane", [sane(), sane(six)], [syn(CLIENT, SERVER, 0x1234), syn(CLIENT6, SERVER6, 0x1234)], FULL),
    played("tftp", [tftp], [datagram(SERVER, CLIENT, 30001, 4000)], FULL),
    played("amanda", [udpDialogue("amanda", "amanda:10080", AMANDA, { dport: 10080 })], [syn(CLIENT, SERVER, 51210)]),
    played(
      "sip",
      [udpDialogue("sip", "sip:5060", [...SIP, SIP_REGISTERED], { dport: 5060 })],
      [datagram(SERVER, CLIENT, 4000), datagram(SERVER, CLIENT, 5062)],
    ),
    played("sip, a registration nobody answers", [udpDialogue("sip", "sip:5060", SIP, { dport: 5060 })], [], FULL),
    played(
      "pptp: a call",
      [tcpDialogue("pptp", "pptp:1723", PPTP.slice(0, 4), { dport: 1723 })],
      [gre(CLIENT, SERVER, 22), gre(SERVER, CLIENT, 11)],
      FULL,
    ),
    played(
      "pptp: a second call",
      [tcpDialogue("pptp", "pptp:1723", PPTP, { dport: 1723 })],
      [gre(CLIENT, SERVER, 22), gre(SERVER, CLIENT, 11), gre(CLIENT, SERVER, 44)],
    ),
    played("h323: a call", [tcpDialogue("q931", "Q.931:1720", Q931, { dport: 1720 })], [syn(CLIENT, SERVER, 5001)]),
    played("h323: a registration", [udpDialogue("ras", "RAS:1719", RAS, { dport: 1719 })], [], FULL),
    {
      ...played("expectations, as their time runs", [active], []),
      steps: [send(active.packets), read, waitUntil(1400), read, waitUntil(2200), read],
    },
  ];
}
