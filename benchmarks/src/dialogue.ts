// Control channels that announce connections again and again: FTP's passive mode over TCP, SIP's calls over UDP. A flow is
// its number, as in packets.ts; round after round each flow has a question and an answer.
import {
  ACK,
  addressFrame,
  type Frame,
  identify,
  newFrame,
  newIdentity,
  OPTIONS_NONE,
  PSH,
  SYN,
  TCP,
  UDP,
  writeRecord,
} from "./packets.js";

/** What one packet takes at most. */
export const MAX_DIALOGUE_RECORD = 1024;

export interface Dialogue {
  readonly helper: "ftp" | "sip";
  /** Writes the packets that open the channel of a flow, and returns the offset behind them. */
  open(view: DataView, at: number, flow: number): number;
  /** Writes a question and its answer. */
  round(view: DataView, at: number, flow: number, round: number): number;
}

const ascii = new TextEncoder();
const id = newIdentity();
const frame = newFrame();

function send(view: DataView, at: number, flow: number, reply: boolean, packet: Partial<Frame>, text = ""): number {
  identify(flow, id);
  const bytes = ascii.encode(text);
  Object.assign(frame, { second: 2, options: OPTIONS_NONE, window: 64240 }, packet);
  id.serverPort = packet.protocol === UDP ? SIP_PORT : FTP_PORT;
  addressFrame(frame, id, reply);
  frame.text = bytes;
  frame.payload = bytes.length;
  return writeRecord(view, at, frame);
}

function numbers(address: number): number[] {
  return [address >>> 24, (address >>> 16) & 255, (address >>> 8) & 255, address & 255];
}

/** A port for the data of a round: each announcement is another connection. */
function dataPort(round: number): number {
  return 20_000 + 2 * (round % 20_000);
}

// ---- FTP: PASV, 227 Entering Passive Mode

const FTP_PORT = 21;
const PASV = "PASV\r\n";
/** Every answer is as long as the others, so that sequence numbers follow from the round. */
const ANSWER = 64;

function passiveAnswer(round: number): string {
  const port = dataPort(round);
  const place = [...numbers(id.server), port >>> 8, port & 255].join(",");
  return `${`227 Entering Passive Mode (${place}).`.padEnd(ANSWER - 2)}\r\n`;
}

export const ftp: Dialogue = {
  helper: "ftp",
  open(view, at, flow) {
    identify(flow, id);
    const { clientSeq, serverSeq } = id;
    const syn = { protocol: TCP, flags: SYN, seq: clientSeq, ack: 0 };
    const synAck = { protocol: TCP, flags: SYN | ACK, seq: serverSeq, ack: clientSeq + 1 };
    const ack = { protocol: TCP, flags: ACK, seq: clientSeq + 1, ack: serverSeq + 1 };
    let end = send(view, at, flow, false, syn);
    end = send(view, end, flow, true, synAck);
    end = send(view, end, flow, false, ack);
    // the helper reads text behind a line end it has seen
    const greeting = { protocol: TCP, flags: ACK | PSH, seq: serverSeq + 1, ack: clientSeq + 1 };
    return send(view, end, flow, true, greeting, `${"220 ready".padEnd(ANSWER - 2)}\r\n`);
  },
  round(view, at, flow, round) {
    identify(flow, id);
    const asked = id.clientSeq + 1 + round * PASV.length;
    const answered = id.serverSeq + 1 + (round + 1) * ANSWER;
    const flags = ACK | PSH;
    const answer = passiveAnswer(round);
    const end = send(view, at, flow, false, { protocol: TCP, flags, seq: asked, ack: answered }, PASV);
    return send(view, end, flow, true, { protocol: TCP, flags, seq: answered, ack: asked + PASV.length }, answer);
  },
};

// ---- SIP: INVITE with the caller's place for audio, 200 OK with the other's

const SIP_PORT = 5060;

function message(start: string, flow: number, round: number, owner: number): string {
  const [client, server, own] = [id.client, id.server, owner].map((address) => numbers(address).join("."));
  const body =
    `v=0\r\no=- ${flow} ${round} IN IP4 ${own}\r\ns=-\r\nc=IN IP4 ${own}\r\nt=0 0\r\n` +
    `m=audio ${dataPort(round)} RTP/AVP 0\r\na=sendrecv\r\n`;
  return (
    `${start}\r\nVia: SIP/2.0/UDP ${client}:${id.clientPort};branch=z9hG4bK${flow}.${round}\r\n` +
    `From: <sip:a@${client}>;tag=1\r\nTo: <sip:b@${server}>\r\nCall-ID: ${flow}@${client}\r\nCSeq: ${round + 1} INVITE\r\n` +
    `Contact: <sip:${own}:${SIP_PORT}>\r\nContent-Type: application/sdp\r\nContent-Length: ${body.length}\r\n\r\n${body}`
  );
}

export const sip: Dialogue = {
  helper: "sip",
  open: (_view, at) => at,
  round(view, at, flow, round) {
    identify(flow, id);
    const invite = message(`INVITE sip:b@${numbers(id.server).join(".")} SIP/2.0`, flow, round, id.client);
    const ok = message("SIP/2.0 200 OK", flow, round, id.server);
    const end = send(view, at, flow, false, { protocol: UDP }, invite);
    return send(view, end, flow, true, { protocol: UDP }, ok);
  },
};
