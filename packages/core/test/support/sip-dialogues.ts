// SIP, every branch of what the kernel's helper looks at: over UDP and TCP, IPv4 and IPv6.
import { packet } from "../../../conformance/src/packets.js";
import { CLIENT, CLIENT6, type Dialogue, type Line, SERVER, SERVER6, tcpDialogue, udpDialogue } from "./dialogues.js";

interface Parts {
  readonly cseq?: string;
  readonly lines?: readonly string[];
  readonly body?: string;
  /** Content-Length, when it is not that of the body. */
  readonly length?: string | null;
}

function message(start: string, { cseq = "CSeq: 1 INVITE", lines = [], body = "", length }: Parts = {}): string {
  const headers = [start, "Via: SIP/2.0/UDP 10.0.1.2:5060;branch=z9hG4bK1", "From: <sip:a@x>;tag=1", "To: <sip:b@y>"];
  if (cseq !== "") headers.push(cseq);
  headers.push(...lines);
  if (length !== null) headers.push(`Content-Length: ${length ?? body.length}`);
  return `${headers.join("\r\n")}\r\n\r\n${body}`;
}

const sdp = (address: string, ...media: string[]) =>
  [
    "v=0",
    "o=- 1 1 IN IP4 10.0.1.2",
    "s=-",
    `c=IN ${address.includes(":") ? "IP6" : "IP4"} ${address}`,
    "t=0 0",
    ...media,
    "",
  ].join("\r\n");

const AUDIO = "m=audio 4000 RTP/AVP 0";
const request = (method: string, parts: Parts = {}) =>
  message(`${method} sip:b@10.0.2.2 SIP/2.0`, { cseq: `CSeq: 1 ${method}`, ...parts });
const invite = (body: string, parts: Parts = {}) => request("INVITE", { body, ...parts });
const response = (code: string, method: string, parts: Parts = {}) =>
  message(`SIP/2.0 ${code} X`, { cseq: `CSeq: 1 ${method}`, ...parts });
const register = (contact: string, parts: Parts = {}) =>
  request("REGISTER", { ...parts, lines: [`Contact: ${contact}`, ...(parts.lines ?? [])] });

const media = (dport: number, dst = CLIENT, src = SERVER) =>
  packet({ src, dst, udp: { sport: 7000, dport, payload: 20 } });
const media6 = (dport: number) => media(dport, CLIENT6, SERVER6);

const HELPER = "sip:5060";

/** The same phone over another flow. */
const elsewhere = (payload: string, sport = 30002) =>
  packet({ src: CLIENT, dst: SERVER, udp: { sport, dport: 5060, payload: new TextEncoder().encode(payload) } });

/** A host unreachable, from the one who was meant. */
function errorAbout(who: ">" | "<", payload: string): Uint8Array {
  const [src, dst] = who === ">" ? [CLIENT, SERVER] : [SERVER, CLIENT];
  const [sport, dport] = who === ">" ? [30001, 5060] : [5060, 30001];
  const quote = packet({ src, dst, udp: { sport, dport, payload: new TextEncoder().encode(payload) } });
  return packet({ src: dst, dst: src, icmp: { type: 3, code: 1, quote } });
}

/** Conversations; most are of one flow. */
const CONVERSATIONS: Readonly<Record<string, readonly Line[]>> = {
  call: [
    [">", invite(sdp(CLIENT, AUDIO))],
    ["<", response("100", "INVITE")],
    ["<", response("180", "INVITE")],
    ["<", response("200", "INVITE", { body: sdp(SERVER, "m=audio 6000 RTP/AVP 0") })],
    [">", request("ACK", { cseq: "CSeq: 1 ACK" })],
    media(4000),
    media(4001),
    media(6000, SERVER, CLIENT),
    [">", request("BYE", { cseq: "CSeq: 2 BYE" })],
    ["<", response("200", "BYE", { cseq: "CSeq: 2 BYE" })],
  ],
  "call refused": [
    [">", invite(sdp(CLIENT, AUDIO))],
    ["<", response("486", "INVITE", { cseq: "CSeq: 9 INVITE" })],
    ["<", response("486", "INVITE")],
  ],
  "re-INVITE": [
    [">", invite(sdp(CLIENT, AUDIO))],
    [">", invite(sdp(CLIENT, "m=audio 4002 RTP/AVP 0", "m=video 4010 RTP/AVP 31"), { cseq: "CSeq: 2 INVITE" })],
    ["<", response("488", "INVITE")],
    ["<", response("488", "INVITE", { cseq: "CSeq: 2 INVITE" })],
  ],
  "INVITE again": [
    [">", invite(sdp(CLIENT, AUDIO))],
    [">", invite(sdp(CLIENT, AUDIO))],
  ],
  "UPDATE, PRACK, ACK": [
    [">", request("UPDATE", { body: sdp(CLIENT, AUDIO) })],
    ["<", response("200", "UPDATE", { body: sdp(SERVER, "m=audio 6000 RTP/AVP 0") })],
    [">", request("PRACK", { body: sdp(CLIENT, "m=audio 4002 RTP/AVP 0") })],
    ["<", response("200", "PRACK", { body: sdp(SERVER, "m=audio 6002 RTP/AVP 0") })],
    [">", request("ACK", { body: sdp(CLIENT, "m=audio 4004 RTP/AVP 0") })],
    ["<", response("200", "ACK", { body: sdp(SERVER, "m=audio 6004 RTP/AVP 0") })],
    ["<", response("481", "UPDATE")],
    ["<", response("481", "PRACK", { cseq: "CSeq: 0 PRACK" })],
    ["<", request("BYE")],
  ],
  "the same media over another flow": [
    [">", invite(sdp(CLIENT, AUDIO))],
    elsewhere(invite(sdp(CLIENT, AUDIO))),
    elsewhere(invite(sdp(CLIENT, "m=video 4000 X"))),
    elsewhere(invite(sdp(CLIENT, "m=audio 4001 X")), 30003),
    elsewhere(request("BYE")),
    media(4000),
    elsewhere(invite(sdp(CLIENT, AUDIO))),
    [">", request("BYE")],
  ],
  "the same registration over another flow": [
    [">", register(`<sip:a@${CLIENT}:5070>;expires=60`)],
    elsewhere(register(`<sip:a@${CLIENT}:5070>;expires=60`)),
    elsewhere(register(`<sip:a@${CLIENT}:5071>;expires=60`)),
  ],
  "ICMP errors about the flow": [
    [">", ""],
    ["<", ""],
    errorAbout("<", invite(sdp(SERVER, AUDIO))),
    errorAbout(">", invite(sdp(CLIENT, AUDIO))),
    [">", ""],
    [">", "x"],
    errorAbout("<", "x"),
  ],
  "ICMP errors about a call": [
    [">", invite(sdp(CLIENT, AUDIO))],
    errorAbout(">", invite(sdp(CLIENT, AUDIO))),
    errorAbout("<", response("486", "INVITE")),
    ["<", response("486", "INVITE")],
  ],
  "other methods": [
    [">", request("OPTIONS", { body: sdp(CLIENT, AUDIO) })],
    [">", request("SUBSCRIBE", { cseq: "", body: sdp(CLIENT, AUDIO) })],
    ["<", response("200", "OPTIONS", { body: sdp(SERVER, AUDIO) })],
  ],
  "lines that are none": [
    [">", "x"],
    [">", "0123456789"],
    [">", "01234567890"],
    [">", "INVITE sip:"],
    [">", "INVITE sip:b"],
    [">", "INVITE  sip:b SIP/2.0\r\n\r\n"],
    [">", "INVITEsip:b SIP/2.0\r\n\r\n"],
    [">", "invite sip:b SIP/2.0\r\n\r\n"],
    [">", "ACK *sip:b SIP/2.0\r\n\r\n"],
    [">", "SIP/2.0 200"],
    [">", "SIP/2.0 xyz\r\n"],
    [">", "sip/2.0 200 OK\r\n"],
    [">", "SIP/2.0 200 OK\r\nCSeq: 1\r\n\r\n"],
    [">", "SIP/2.0 200 OK\r\nCSeq: 1 INVITE"],
    [">", "SIP/2.0 000 OK\r\nCSeq: 1 INVITE\r\n\r\n"],
  ],
};

/** One datagram each, from the client. */
const GRAMMAR: Readonly<Record<string, string>> = {
  "no CSeq": invite(sdp(CLIENT, AUDIO), { cseq: "" }),
  "CSeq 0": invite(sdp(CLIENT, AUDIO), { cseq: "CSeq: 0 INVITE" }),
  "CSeq 00": invite(sdp(CLIENT, AUDIO), { cseq: "CSeq: 00 INVITE" }),
  "CSeq 2^32": invite(sdp(CLIENT, AUDIO), { cseq: "CSeq: 4294967296 INVITE" }),
  "CSeq of eleven digits": invite(sdp(CLIENT, AUDIO), { cseq: "CSeq: 00000000001 INVITE" }),
  "CSeq of twelve digits": invite(sdp(CLIENT, AUDIO), { cseq: "CSeq: 000000000001 INVITE" }),
  "CSeq that is no number": invite(sdp(CLIENT, AUDIO), { cseq: "CSeq: x INVITE" }),
  "CSeq in lower case": invite(sdp(CLIENT, AUDIO), { cseq: "cseq:1 INVITE" }),
  "CSeq continued": invite(sdp(CLIENT, AUDIO), { cseq: "CSeq :\r\n  1 INVITE" }),
  "CSeq continued in front of the colon": invite(sdp(CLIENT, AUDIO), { cseq: "CSeq\r\n : 1 INVITE" }),
  "CSeq not continued": invite(sdp(CLIENT, AUDIO), { cseq: "CSeq:\r\n1 INVITE" }),
  "CSeq in a continuation": invite(sdp(CLIENT, AUDIO), { cseq: " CSeq: 1 INVITE" }),
  "no session description": invite(""),
  "no v=": invite(sdp(CLIENT, AUDIO).replace("v=0", "x=0")),
  "v= without a number": invite(sdp(CLIENT, AUDIO).replace("v=0", "v=a")),
  "V=": invite(sdp(CLIENT, AUDIO).replace("v=0", "V=0")),
  "no c=": invite(sdp(CLIENT, AUDIO).replace(/c=.*\r\n/, "")),
  "c= behind the media line": invite(`${sdp(CLIENT, AUDIO).replace(/c=.*\r\n/, "")}c=IN IP4 ${CLIENT}\r\n`),
  "c= overridden": invite(`${sdp("10.9.9.9", AUDIO)}c=IN IP4 ${CLIENT}\r\n`),
  "c= overridden by another": invite(`${sdp(CLIENT, AUDIO)}c=IN IP4 10.9.9.9\r\n`),
  "c= behind the next media line": invite(`${sdp("10.9.9.9", AUDIO, "m=video 4010 RTP/AVP 31")}c=IN IP4 ${CLIENT}\r\n`),
  "c= of another family": invite(sdp(CLIENT, AUDIO).replace(/c=.*\r\n/, "c=IN IP6 fd01::2\r\n")),
  "c= in lower case": invite(sdp(CLIENT, AUDIO).replace("c=IN IP4", "c=in ip4")),
  "C=": invite(sdp(CLIENT, AUDIO).replace("c=IN", "C=IN")),
  "c= with text in front": invite(sdp(CLIENT, AUDIO).replace("c=IN", "c=abc IN")),
  "c= with a TTL": invite(sdp(`${CLIENT}/127`, AUDIO)),
  "c= cut": invite(sdp("10.0.1", AUDIO)),
  "c= 256": invite(sdp("10.0.1.256", AUDIO)),
  "c= followed by a letter": invite(sdp("10.0.1.2g", AUDIO)),
  "c= followed by a hexadecimal letter": invite(sdp("10.0.1.2a", AUDIO)),
  "c= followed by a dot": invite(sdp("10.0.1.2.", AUDIO)),
  "c= leading zeros": invite(sdp("010.000.001.002", AUDIO)),
  "foreign address": invite(sdp("10.0.1.9", AUDIO)),
  "address of the server": invite(sdp(SERVER, AUDIO)),
  "port 0": invite(sdp(CLIENT, "m=audio 0 RTP/AVP 0", "m=video 4010 RTP/AVP 31")),
  "port 1023": invite(sdp(CLIENT, "m=audio 1023 RTP/AVP 0")),
  "port 1024": invite(sdp(CLIENT, "m=audio 1024 RTP/AVP 0")),
  "port 65535": invite(sdp(CLIENT, "m=audio 65535 RTP/AVP 0")),
  "port 65536": invite(sdp(CLIENT, "m=audio 65536 RTP/AVP 0")),
  "port 2^32+4000": invite(sdp(CLIENT, "m=audio 4294971296 RTP/AVP 0")),
  "port of twelve digits": invite(sdp(CLIENT, "m=audio 000000004000 RTP/AVP 0")),
  "port at the very end": "INVITE sip:b SIP/2.0\r\nCSeq: 1\r\n\r\nv=0\r\nc=IN IP4 10.0.1.2\r\nm=audio 4000",
  "Contact at the very end": "REGISTER sip:b SIP/2.0\r\nCSeq: 1 X\r\nExpires: 60\r\nContact: <sip:10.0.1.2:5070",
  "address at the very end": "REGISTER sip:b SIP/2.0\r\nCSeq: 1 X\r\nExpires: 60\r\nContact: <sip:10.0.1.2",
  "bracket at the very end": "REGISTER sip:b SIP/2.0\r\nCSeq: 1 X\r\nExpires: 60\r\nContact: <sip:10.0.1.2>",
  "expires at the very end": "REGISTER sip:b SIP/2.0\r\nCSeq: 1 X\r\nContact: <sip:10.0.1.2>;expires=6",
  "expires cut": "REGISTER sip:b SIP/2.0\r\nCSeq: 1 X\r\nContact: <sip:10.0.1.2>;expires=",
  "port that is no number": invite(sdp(CLIENT, "m=audio x RTP/AVP 0")),
  "odd port": invite(sdp(CLIENT, "m=audio 4001 RTP/AVP 0")),
  "port and count": invite(sdp(CLIENT, "m=audio 4000/2 RTP/AVP 0")),
  "audio, video, image": invite(sdp(CLIENT, AUDIO, "m=video 4010 RTP/AVP 31", "m=image 4020 udptl t38")),
  "four media": invite(sdp(CLIENT, AUDIO, "m=audio 4002 X", "m=audio 4004 X", "m=audio 4006 X")),
  "image twice": invite(sdp(CLIENT, "m=image 4020 udptl t38", "m=image 4022 udptl t38")),
  "media of another type": invite(sdp(CLIENT, "m=application 4030 X", AUDIO)),
  "media in upper case": invite(sdp(CLIENT, "m=AUDIO 4000 X", "M=audio 4002 X")),
  "media type with a hyphen": invite(sdp(CLIENT, "m=x-y 4030 X", AUDIO)),
  "media type alone": invite(sdp(CLIENT, "m=audio", AUDIO)),
  "media type with two spaces": invite(sdp(CLIENT, "m=audio  4000", "m=video 4010 X")),
  "same port twice, other type": invite(sdp(CLIENT, AUDIO, "m=video 4000 X")),
  "LF only": invite(sdp(CLIENT, AUDIO)).replaceAll("\r\n", "\n"),
  "CR only": invite(sdp(CLIENT, AUDIO)).replaceAll("\r\n", "\r"),
  "cut in the media line": invite(`${sdp(CLIENT)}m=audio 40`),
  "cut in the address": invite("v=0\r\nc=IN IP4 10.0.1.2"),
  "c= at the very end": invite("v=0\r\nm=audio 4000\r\nc=IN IP4 10.0.1.2"),
  "method in mixed case": message("InViTe sip:b SIP/2.0", { body: sdp(CLIENT, AUDIO) }),
};

const REGISTRATIONS: Readonly<Record<string, readonly Line[]>> = {
  accepted: [
    [">", register(`<sip:a@${CLIENT}:5070>;expires=60`)],
    ["<", response("100", "REGISTER")],
    ["<", response("200", "REGISTER", { lines: [`Contact: <sip:a@${CLIENT}:5070>;expires=50`] })],
    packet({
      src: SERVER,
      dst: CLIENT,
      udp: { sport: 5060, dport: 5070, payload: request("INVITE", { body: sdp(SERVER, "m=audio 6000 X") }) },
    }),
    packet({
      src: CLIENT,
      dst: SERVER,
      udp: { sport: 5070, dport: 5060, payload: response("200", "INVITE", { body: sdp(CLIENT, AUDIO) }) },
    }),
    packet({
      src: SERVER,
      dst: CLIENT,
      udp: { sport: 5060, dport: 5070, payload: register(`<sip:a@${SERVER}>;expires=9`) },
    }),
    [">", register(`<sip:a@${CLIENT}:5070>;expires=0`, { cseq: "CSeq: 2 REGISTER" })],
    ["<", response("200", "REGISTER", { cseq: "CSeq: 2 REGISTER" })],
  ],
  "still inactive": [[">", register(`<sip:a@${CLIENT}>;expires=60`)], media(5060)],
  "Expires header": [
    [">", register(`<sip:a@${CLIENT}>`, { lines: ["Expires: 100"] })],
    ["<", response("200", "REGISTER", { lines: [`Contact: <sip:a@${CLIENT}>`, "Expires: 90"] })],
  ],
  "no expiry": [
    [">", register(`<sip:a@${CLIENT}>`)],
    ["<", response("200", "REGISTER", { lines: [`Contact: <sip:a@${CLIENT}>`] })],
  ],
  refused: [
    [">", register(`<sip:a@${CLIENT}>;expires=60`)],
    ["<", response("403", "REGISTER")],
  ],
  "other CSeq": [
    [">", register(`<sip:a@${CLIENT}>;expires=60`)],
    ["<", response("200", "REGISTER", { cseq: "CSeq: 5 REGISTER" })],
  ],
  "expiry 0 in the answer": [
    [">", register(`<sip:a@${CLIENT}>;expires=60`)],
    ["<", response("200", "REGISTER", { lines: [`Contact: <sip:a@${CLIENT}>;expires=0`] })],
  ],
  "second Contact": [
    [">", register(`<sip:a@${CLIENT}>;expires=60`)],
    [
      "<",
      response("200", "REGISTER", { lines: [`Contact: <sip:z@10.9.9.9>;expires=8, <sip:a@${CLIENT}>;expires=30`] }),
    ],
  ],
  "Contact in a header of its own": [
    [">", register(`<sip:a@${CLIENT}>;expires=60`)],
    [
      "<",
      response("200", "REGISTER", {
        lines: ["Contact: <sip:z@10.9.9.9>;expires=8", `Contact: <sip:a@${CLIENT}>;expires=30`],
      }),
    ],
  ],
  "Contacts that cannot be read": [
    [">", register(`<sip:a@${CLIENT}>;expires=60`)],
    ["<", response("200", "REGISTER", { lines: ["Contact: <sip:z@host>", `Contact: <sip:a@${CLIENT}>;expires=30`] })],
  ],
  "Contact with a bad port in the answer": [
    [">", register(`<sip:a@${CLIENT}>;expires=60`)],
    ["<", response("200", "REGISTER", { lines: [`Contact: <sip:a@${CLIENT}:99>;expires=30`] })],
  ],
  twice: [
    [">", register(`<sip:a@${CLIENT}>;expires=60`)],
    [">", register(`<sip:a@${CLIENT}:5070>;expires=60`, { cseq: "CSeq: 2 REGISTER" })],
  ],
};

const CONTACTS: Readonly<Record<string, string>> = {
  "port 99": `<sip:a@${CLIENT}:99>;expires=60`,
  "port 65536": `<sip:a@${CLIENT}:65536>;expires=60`,
  "port of six digits": `<sip:a@${CLIENT}:005070>;expires=60`,
  "port empty": `<sip:a@${CLIENT}:>;expires=60`,
  "port with a letter": `<sip:a@${CLIENT}:5070x>;expires=60`,
  "no user": `<sip:${CLIENT}:5070>;expires=60`,
  "no scheme": `<a@${CLIENT}>;expires=60`,
  "scheme in upper case": `<SIP:a@${CLIENT}>;expires=60`,
  sips: `<sips:a@${CLIENT}>;expires=60`,
  "host name": "<sip:a@example.org>;expires=60",
  "foreign address": "<sip:a@10.9.9.9>;expires=60",
  "transport UDP": `<sip:a@${CLIENT};transport=UDP>;expires=60`,
  "transport tcp": `<sip:a@${CLIENT};transport=tcp>;expires=60`,
  "transport tls": `<sip:a@${CLIENT};transport=tls>;expires=60`,
  "expires hexadecimal": `<sip:a@${CLIENT}>;expires=0x3c`,
  "expires octal": `<sip:a@${CLIENT}>;expires=010`,
  "expires of twelve digits": `<sip:a@${CLIENT}>;expires=000000000060`,
  "expires 2^32": `<sip:a@${CLIENT}>;expires=4294967296`,
  "expires signed": `<sip:a@${CLIENT}>;expires=+5`,
  "expires with a letter": `<sip:a@${CLIENT}>;expires=60x`,
  "expires empty": `<sip:a@${CLIENT}>;expires=`,
  "expires that is no number": `<sip:a@${CLIENT}>;expires=x`,
  "expires of the next Contact": `<sip:a@${CLIENT}>, <sip:b@${CLIENT}>;expires=60`,
  continued: `\r\n <sip:a@${CLIENT}>;\r\n expires=60`,
};

const TCP: Readonly<Record<string, readonly Line[]>> = {
  call: [
    [">", invite(sdp(CLIENT, AUDIO))],
    ["<", response("200", "INVITE", { body: sdp(SERVER, "m=audio 6000 X") })],
    media(4000),
    [">", request("BYE")],
  ],
  "two messages": [[">", invite(sdp(CLIENT, AUDIO)) + request("UPDATE", { body: sdp(CLIENT, "m=video 4010 X") })]],
  "second message cut": [
    [">", (invite(sdp(CLIENT, AUDIO)) + request("UPDATE", { body: sdp(CLIENT, "m=video 4010 X") })).slice(0, -3)],
  ],
  split: [
    [">", invite(sdp(CLIENT, AUDIO)).slice(0, 150)],
    [">", invite(sdp(CLIENT, AUDIO)).slice(150)],
  ],
  "no Content-Length": [[">", invite(sdp(CLIENT, AUDIO), { length: null })]],
  "compact Content-Length": [[">", invite(sdp(CLIENT, AUDIO)).replace("Content-Length", "l")]],
  "compact name followed by a letter": [[">", invite(sdp(CLIENT, AUDIO)).replace("Content-Length", "lx")]],
  "Content-Length too long": [[">", invite(sdp(CLIENT, AUDIO), { length: "9999" })]],
  "Content-Length 2^32": [[">", invite(sdp(CLIENT, AUDIO), { length: "4294967296" })]],
  "Content-Length 2^32-1": [[">", invite(sdp(CLIENT, AUDIO), { length: "4294967295" })]],
  "Content-Length that is none": [[">", invite(sdp(CLIENT, AUDIO), { length: "x" })]],
  "Content-Length too short": [[">", invite(sdp(CLIENT, AUDIO), { length: "80" })]],
  "Content-Length not last": [[">", invite(sdp(CLIENT, AUDIO)).replace(/(Content-Length: \d+)/, "$1\r\nSubject: x")]],
  "no CSeq": [[">", invite(sdp(CLIENT, AUDIO), { cseq: "" })]],
  register: [
    [">", register(`<sip:a@${CLIENT}:5070>;expires=60`)],
    ["<", response("200", "REGISTER", { lines: [`Contact: <sip:a@${CLIENT}:5070>;expires=50`] })],
    packet({ src: SERVER, dst: CLIENT, tcp: { sport: 7000, dport: 5070, flags: "S", seq: 1 } }),
    [">", request("OPTIONS")],
    ["<", ""],
  ],
  garbage: [
    [">", 60],
    ["<", "\r\n\r\n"],
    [">", "Content-Length: 5\r\n\r\n"],
  ],
};

const V6: Readonly<Record<string, readonly Line[]>> = {
  call: [
    [">", invite(sdp(CLIENT6, AUDIO))],
    ["<", response("200", "INVITE", { body: sdp(SERVER6, "m=audio 6000 X") })],
    media6(4000),
  ],
  "long form": [[">", invite(sdp("fd01:0:0:0:0:0:0:2", AUDIO))]],
  "embedded IPv4": [[">", invite(sdp("fd01::0.0.0.2", AUDIO))]],
  "too many groups": [[">", invite(sdp("fd01:0:0:0:0:0:0:0:2", AUDIO))]],
  "two gaps": [[">", invite(sdp("fd01::0::2", AUDIO))]],
  "five digits": [[">", invite(sdp("fd01::00002", AUDIO))]],
  register: [[">", register(`<sip:a@[${CLIENT6}]:5070>;expires=60`)]],
  "register without brackets": [[">", register(`<sip:a@${CLIENT6}>;expires=60`)]],
  "IPv4 in IPv6": [[">", invite(sdp(CLIENT, AUDIO))]],
};

const each = <T>(cases: Readonly<Record<string, T>>, build: (name: string, value: T) => Dialogue) =>
  Object.entries(cases).map(([name, value]) => build(name, value));

export const SIP_DIALOGUES: readonly Dialogue[] = [
  ...each(CONVERSATIONS, (name, lines) => udpDialogue(`sip: ${name}`, HELPER, lines, { dport: 5060 })),
  ...each(GRAMMAR, (name, text) => udpDialogue(`sip: ${name}`, HELPER, [[">", text]], { dport: 5060 })),
  ...each(REGISTRATIONS, (name, lines) => udpDialogue(`sip REGISTER: ${name}`, HELPER, lines, { dport: 5060 })),
  ...each(CONTACTS, (name, contact) =>
    udpDialogue(`sip Contact: ${name}`, HELPER, [[">", register(contact)]], { dport: 5060 }),
  ),
  ...each(TCP, (name, lines) => tcpDialogue(`sip tcp: ${name}`, "sip:5060/tcp", lines, { dport: 5060 })),
  ...each(V6, (name, lines) =>
    udpDialogue(`sip IPv6: ${name}`, HELPER, lines, { dport: 5060, client: CLIENT6, server: SERVER6 }),
  ),
];
