// TFTP and Amanda, whose helpers read datagrams; SANE, whose reads two messages of fixed form.
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
} from "../dialogue.js";
import { type Payload, packet } from "../packets.js";

const V6 = { client: CLIENT6, server: SERVER6 };
const bytes = (...values: number[]) => new Uint8Array(values);

// ---- TFTP

const READ = "\0\x01f\0octet\0";
const answer = datagram(SERVER, CLIENT, 30001);
const request = (sport: number, dst = SERVER) => packet({ src: CLIENT, dst, udp: { sport, dport: 69, payload: READ } });

const TFTP: Readonly<Record<string, readonly Line[]>> = {
  read: [[">", READ], answer, datagram(CLIENT, SERVER, 3000, 30001), answer],
  write: [[">", "\0\x02f\0octet\0"], answer],
  data: [[">", "\0\x03\0\x01x"], answer],
  acknowledgement: [[">", "\0\x04\0\x01"], answer],
  error: [[">", "\0\x05\0\x01x\0"], answer],
  "opcode 0": [[">", "\0\0f\0"], answer],
  "opcode 256": [[">", "\x01\0f\0"], answer],
  "opcode 257": [[">", "\x01\x01f\0"], answer],
  "opcode alone": [[">", "\0\x01"], answer],
  "one byte": [[">", "\0"], answer],
  "no byte": [[">", ""], answer],
  "request again": [[">", READ], [">", READ], answer, [">", READ], datagram(SERVER, CLIENT, 30001, 3001)],
  "two requests": [[">", READ], request(30002), answer, datagram(SERVER, CLIENT, 30002)],
  "requests to two servers": [[">", READ], request(30001, "10.0.2.3"), answer, datagram("10.0.2.3", CLIENT, 30001)],
  "answer of another host": [[">", READ], datagram("10.0.2.3", CLIENT, 30001), answer],
  "answer to another port": [[">", READ], datagram(SERVER, CLIENT, 30002), answer],
  "answer by TCP": [[">", READ], syn(SERVER, CLIENT, 30001), answer],
  "answer from port 69": [[">", READ], ["<", "\0\x03"], answer],
  "request of the server": [[">", READ], ["<", READ], answer, datagram(CLIENT, SERVER, 69, 30005)],
  "request of the server alone": [[">", "\0\x03"], ["<", READ], datagram(CLIENT, SERVER, 69, 30005), answer],
  "answer with a request in it": [
    [">", READ],
    datagram(SERVER, CLIENT, 30001, 3000, READ),
    datagram(CLIENT, SERVER, 3000, 30005),
  ],
  "an ICMP error about the request": [
    [">", READ],
    packet({ src: SERVER, dst: CLIENT, icmp: { type: 3, code: 3, quote: request(30001) } }),
    answer,
  ],
  "an ICMP error about the answer": [
    [">", READ],
    answer,
    packet({ src: CLIENT, dst: SERVER, icmp: { type: 3, code: 3, quote: answer } }),
  ],
  "an ICMP error of the client about a packet of the server": [
    [">", READ],
    ["<", "x"],
    packet({
      src: CLIENT,
      dst: SERVER,
      icmp: {
        type: 3,
        code: 3,
        quote: packet({ src: SERVER, dst: CLIENT, udp: { sport: 69, dport: 30001, payload: READ } }),
      },
    }),
    answer,
  ],
  "checksum wrong": [
    packet({ src: CLIENT, dst: SERVER, udp: { sport: 30001, dport: 69, payload: READ, checksum: "bad" } }),
    answer,
  ],
  "no checksum": [
    packet({ src: CLIENT, dst: SERVER, udp: { sport: 30001, dport: 69, payload: READ, checksum: 0 } }),
    answer,
  ],
};

const tftp = (name: string, lines: readonly Line[], ends = {}, helpers = "tftp:69"): Dialogue =>
  udpDialogue(`tftp: ${name}`, helpers, lines, { dport: 69, ...ends });

export const TFTP_DIALOGUES: readonly Dialogue[] = [
  ...Object.entries(TFTP).map(([name, lines]) => tftp(name, lines)),
  tftp("IPv6", [[">", READ], datagram(SERVER6, CLIENT6, 30001)], V6),
  tftp("port 6969", [[">", READ], answer], { dport: 6969 }, "tftp:69,tftp:6969"),
  tftp("a port without a helper", [[">", READ], answer], { dport: 6970 }, "tftp:69,tftp:6969"),
];

// ---- Amanda

const ASK = "Amanda 2.4 REQ HANDLE 1 SEQ 1\nSERVICE sendbackup\n";
const CONNECT = "CONNECT DATA 5001 MESG 5002 INDEX 5003\n";
const stream = (port: number) => syn(CLIENT, SERVER, port, 999);

const ANSWERS: readonly string[] = [
  CONNECT,
  `Amanda 2.4 REP HANDLE 1 SEQ 1\n${CONNECT}OPTIONS ;\n`,
  "CONNECT INDEX 5003 MESG 5002 DATA 5001\n",
  "CONNECT DATA 5001\n",
  "CONNECT DATA 5001",
  "CONNECT DATA 5001 MESG 5002 INDEX 5003 STATE 5004\n",
  "CONNECT STATE 5004\n",
  "CONNECT DATA 5001 DATA 5002\n",
  "CONNECT DATA 5001 MESG 5001\n",
  "CONNECT DATA 0 MESG 5002 INDEX 5003\n",
  "CONNECT DATA x MESG 5002 INDEX 5003\n",
  "CONNECT DATA 5001 MESG 0 INDEX 5003\n",
  "CONNECT DATA -1 MESG 5002\n",
  "CONNECT DATA 65535\n",
  "CONNECT DATA 65536 MESG 5002\n",
  "CONNECT DATA 70000\n",
  "CONNECT DATA 99999\n",
  "CONNECT DATA 123456 MESG 5002\n",
  "CONNECT DATA 05001\n",
  "CONNECT DATA 005001\n",
  "CONNECT DATA 80\n",
  "CONNECT DATA  5001\n",
  "CONNECT DATA 5001MESG 5002\n",
  "CONNECT data 5001\n",
  "connect DATA 5001\n",
  "CONNECT\nDATA 5001\n",
  "CONNECT \nDATA 5001\n",
  "DATA 5001\n",
  "CONNECTDATA 5001\n",
  "XCONNECT DATA 5001\n",
  "CONNECT X\nCONNECT DATA 5001\n",
  "CONNECT MESG 5002\nDATA 5001\n",
  "CONNECT DATA",
  "CONNECT DATA \n",
  "CONNECT ",
  "CONNECT",
  "\n",
  "",
  "CONNECT DATA 5001\r\n",
  "CONNECT DATA 50\x0001\n",
];

const amanda = (name: string, lines: readonly Line[], ends = {}): Dialogue =>
  udpDialogue(`amanda: ${name}`, "amanda:10080", lines, { dport: 10080, ...ends });

export const AMANDA_DIALOGUES: readonly Dialogue[] = [
  ...ANSWERS.map((text) =>
    amanda(`answer ${JSON.stringify(text)}`, [[">", ASK], ["<", text], stream(5001), stream(5002), stream(5003)]),
  ),
  amanda("answer of the client", [[">", CONNECT], stream(5001)]),
  amanda("answer again", [
    [">", ASK],
    ["<", CONNECT],
    ["<", CONNECT],
    stream(5001),
    stream(5001),
    ["<", CONNECT],
    stream(5001),
  ]),
  amanda("ports of a second answer", [
    [">", ASK],
    ["<", CONNECT],
    ["<", "CONNECT DATA 6001 MESG 6002 INDEX 6003\n"],
  ]),
  amanda("streams from elsewhere", [
    [">", ASK],
    ["<", CONNECT],
    syn(SERVER, CLIENT, 5001),
    syn("10.0.1.3", SERVER, 5001),
  ]),
  amanda("preparing", [
    [">", ASK],
    ["<", "x"],
    ["<", ""],
    [">", "y"],
    ["<", CONNECT],
  ]),
  amanda("IPv6", [[">", ASK], ["<", CONNECT], syn(CLIENT6, SERVER6, 5001)], V6),
  amanda("long", [
    [">", ASK],
    ["<", `${"x".repeat(1400)}${CONNECT}`],
    ["<", `CONNECT ${" ".repeat(1400)}DATA 5001\n`],
  ]),
  amanda("garbage", [
    [">", ASK],
    ["<", new Uint8Array(600).fill(0xff)],
    ["<", `${"CONNECT ".repeat(100)}\n`],
    ["<", "\n".repeat(9)],
  ]),
];

// ---- SANE

const START = bytes(0, 0, 0, 7, 0, 0, 0, 0);
const port = (high: number, low: number, ...rest: number[]) => bytes(0, 0, 0, 0, 0, 0, high, low, ...rest);
const OPENED = port(0x12, 0x34);
const scan = syn(CLIENT, SERVER, 0x1234, 999);

const SANE: Readonly<Record<string, readonly Line[]>> = {
  "start and answer": [[">", START], ["<", OPENED], scan, scan],
  "answer without start": [["<", OPENED], scan],
  "start of the server": [["<", START], [">", OPENED], scan],
  "start again": [[">", START], [">", START], ["<", OPENED], ["<", port(0x12, 0x35)], scan],
  "another call between": [[">", START], [">", bytes(0, 0, 0, 6, 0, 0, 0, 0)], ["<", OPENED], scan],
  "something else between": [[">", START], [">", bytes(1, 2, 3)], ["<", OPENED], scan],
  "start with a handle": [[">", bytes(0, 0, 0, 7, 0, 0, 0, 9)], ["<", OPENED], scan],
  "start too short": [[">", START.slice(0, 7)], ["<", OPENED], scan],
  "start too long": [[">", bytes(...START, 0)], ["<", OPENED], scan],
  "start with a call behind it": [[">", bytes(...START, ...START)], ["<", OPENED], scan],
  "start split": [[">", START.slice(0, 4)], [">", START.slice(4)], ["<", OPENED], scan],
  "start retransmitted": [[">", START], ["<", OPENED], [">", START, 0], ["<", OPENED], scan],
  "answer retransmitted": [[">", START], ["<", OPENED], scan, ["<", OPENED, 0], scan],
  "status not 0": [[">", START], ["<", bytes(0, 0, 0, 1, 0, 0, 0x12, 0x34)], ["<", OPENED], scan],
  "zero not 0": [[">", START], ["<", bytes(0, 0, 0, 0, 0, 1, 0x12, 0x34)], ["<", OPENED], scan],
  "answer too short": [[">", START], ["<", OPENED.slice(0, 7)], ["<", OPENED], scan],
  "answer longer": [[">", START], ["<", port(0x12, 0x34, 1, 2, 3, 4)], scan],
  "answer split": [[">", START], ["<", OPENED.slice(0, 4)], ["<", OPENED.slice(4)], scan],
  "port 0": [[">", START], ["<", port(0, 0)], syn(CLIENT, SERVER, 0, 999)],
  "port 80": [[">", START], ["<", port(0, 80)], syn(CLIENT, SERVER, 80, 999)],
  "port 65535": [[">", START], ["<", port(255, 255)], syn(CLIENT, SERVER, 65535, 999)],
  "two scans": [
    [">", START],
    ["<", OPENED],
    [">", START],
    ["<", port(0x12, 0x35)],
    scan,
    syn(CLIENT, SERVER, 0x1235, 999),
  ],
  "from the other side": [[">", START], ["<", OPENED], syn(SERVER, CLIENT, 0x1234), scan],
  "control connection reset": [[">", START], ["<", OPENED], ["<", "", "R"], scan],
  garbage: [
    [">", 500],
    ["<", 500],
    [">", START],
    ["<", new Uint8Array(8).fill(0xff)],
    [">", START],
    ["<", new Uint8Array(500)],
  ],
};

const sane = (name: string, lines: readonly Line[], ends = {}): Dialogue =>
  tcpDialogue(`sane: ${name}`, "sane:6566", lines, { dport: 6566, ...ends });

export const SANE_DIALOGUES: readonly Dialogue[] = [
  ...Object.entries(SANE).map(([name, lines]) => sane(name, lines)),
  sane("IPv6", [[">", START], ["<", OPENED], syn(CLIENT6, SERVER6, 0x1234, 999)], V6),
];

// ---- time

/** Datagrams at their times, in milliseconds; about the end see ftp.ts. */
const slow = (dialogue: Dialogue, times: readonly number[]): Dialogue => ({
  ...dialogue,
  realtime: true,
  packets: dialogue.packets.map((packet, i) => ({ ...packet, time: times[i] as number })),
});

export const SLOW_DATAGRAMS: readonly Dialogue[] = [
  slow(tftp("gone after 300 s", [[">", READ], [">", "x"], [">", "x"], answer]), [0, 20_000, 297_000, 330_000]),
  slow(amanda("gone after 180 s", [[">", ASK], ["<", CONNECT], stream(5001), stream(5002)]), [0, 1, 177_000, 210_000]),
  slow(
    amanda("the request waits for 300 s", [
      [">", ASK],
      ["<", "x" as Payload],
      ["<", "x"],
      ["<", "x"],
    ]),
    [0, 1, 297_000, 600_500],
  ),
];
