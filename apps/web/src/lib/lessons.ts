// Lessons of the lab: each leads to a question that is answered by sending a packet.
import type { LabResult } from "../worker/messages";
import type { ConversationId, Sent } from "./lab-bench";
import type { Guard } from "./lab-firewall";

/** What just happened; without `sent`, time passed or the firewall was set up anew. */
export interface Moment {
  readonly now: LabResult;
  readonly before: LabResult;
  readonly sent: Sent | null;
  readonly helper: boolean;
}

export interface Step {
  readonly text: string;
  readonly done: (moment: Moment) => boolean;
}

export interface Lesson {
  readonly id: string;
  readonly title: string;
  readonly text: readonly string[];
  readonly talk: ConversationId;
  readonly guard?: Guard;
  /** Room in the table. */
  readonly max?: number;
  readonly steps: readonly Step[];
  readonly question: string;
  /** True when what just happened is the answer. */
  readonly answered: (moment: Moment) => boolean;
  readonly answer: string;
}

const has = ({ records }: LabResult, status: string, protocol: string) =>
  records.some((record) => record.protocol === protocol && record.status.includes(status));
const tcpState = ({ records }: LabResult, name: string) =>
  records.some(({ protocol, state }) => protocol === "tcp" && state === name);
const became = ({ now, sent }: Moment, kind: Sent["kind"], state: string) =>
  sent?.kind === kind && now.decision?.state === state;

export const LESSONS: readonly Lesson[] = [
  {
    id: "handshake",
    title: "The handshake",
    text: [
      "Three packets open a TCP connection. Send them one by one and watch the record in the firewall's table.",
      "The word a rule sees (ctstate) and the word the tracker keeps (its TCP state) are two different things.",
    ],
    talk: "web",
    steps: [
      {
        text: "The client sends a SYN: NEW. The record says SYN_SENT and UNREPLIED.",
        done: (m) => became(m, "syn", "NEW"),
      },
      {
        text: "The server answers with SYN/ACK: for a rule the connection is ESTABLISHED from here on, for the tracker only SYN_RECV.",
        done: (m) => became(m, "synack", "ESTABLISHED"),
      },
    ],
    question: "Which packet brings the record to TCP's own ESTABLISHED, with five days on its timer? Send it.",
    answered: ({ now }) => tcpState(now, "ESTABLISHED"),
    answer:
      "The third packet of the handshake did it. ctstate ESTABLISHED means “a reply was seen”, the tracker's ESTABLISHED means “the handshake is over”.",
  },
  {
    id: "assured",
    title: "What ASSURED means",
    text: [
      "When the table is full, Linux throws out entries to make room, but never one that is ASSURED.",
      "A TCP connection becomes ASSURED when its handshake is over, a UDP conversation when it goes on for more than two seconds.",
    ],
    talk: "web",
    steps: [
      {
        text: "Make a TCP connection ASSURED: “Handshake” sends all three packets.",
        done: ({ now }) => has(now, "ASSURED", "tcp"),
      },
      {
        text: "Choose DNS, let the client send UDP and the server answer: ESTABLISHED, but not ASSURED.",
        done: ({ now }) => has(now, "SEEN_REPLY", "udp") && !has(now, "ASSURED", "udp"),
      },
      {
        text: "Let three seconds pass.",
        done: ({ now, before, sent }) => sent === null && now.seconds - before.seconds > 2,
      },
    ],
    question: "Time alone changed nothing. Which packet makes the UDP entry ASSURED? Send it.",
    answered: ({ now, before, sent }) => sent !== null && has(now, "ASSURED", "udp") && !has(before, "ASSURED", "udp"),
    answer:
      "Any datagram, as long as the conversation is older than two seconds and was answered. Its timer is 120 s now instead of 30.",
  },
  {
    id: "udp",
    title: "UDP has states, too",
    text: [
      "UDP knows no connections, but Linux does: the first datagram is NEW, and its entry waits 30 seconds for an answer.",
    ],
    talk: "dns",
    guard: "answers",
    steps: [
      { text: "The client sends a datagram: NEW.", done: (m) => became(m, "udp", "NEW") },
      { text: "The server answers: ESTABLISHED, and it may come in.", done: (m) => became(m, "udp", "ESTABLISHED") },
      {
        text: "Let time pass until the entry is gone.",
        done: ({ now, before }) => before.records.length > 0 && now.records.length === 0,
      },
    ],
    question: "The server sends one more answer, late. What is it to the firewall now? Send it.",
    answered: ({ now, sent }) => sent?.from === "server" && sent.kind === "udp" && now.decision?.state === "NEW",
    answer:
      "NEW, from the wrong side: it is dropped. Silent conversations need keep-alives, or a larger nf_conntrack_udp_timeout.",
  },
  {
    id: "ping",
    title: "Ping",
    text: ["An echo request has no ports. Its id takes their place: the reply with the same id belongs to it."],
    talk: "web",
    steps: [
      { text: "The client pings: NEW.", done: (m) => became(m, "ping", "NEW") },
      { text: "The server's pong is ESTABLISHED.", done: (m) => became(m, "pong", "ESTABLISHED") },
    ],
    question: "The id is the client's port number here. Send a pong that nobody asked for. What will it be?",
    answered: (m) => became(m, "pong", "INVALID"),
    answer: "INVALID: an echo reply never opens an entry, so one that answers nothing fits nothing.",
  },
  {
    id: "related",
    title: "ICMP errors are RELATED",
    text: [
      "An ICMP error quotes the packet it is about. Linux looks the quoted packet up: when that belongs to a connection, the error is RELATED to it, and a firewall lets it pass.",
    ],
    talk: "dns",
    guard: "answers",
    steps: [{ text: "The client sends a datagram.", done: (m) => became(m, "udp", "NEW") }],
    question: "The server has no such service. Which packet from the server is RELATED? Send it.",
    answered: ({ now, sent }) => sent?.from === "server" && now.decision?.state === "RELATED",
    answer: "The error opened no entry of its own, and did not renew the timer of the one it is about.",
  },
  {
    id: "ftp-active",
    title: "FTP, active",
    text: [
      "In active FTP the client says where it listens (PORT), and the server connects to it: a new connection from outside, which this firewall does not let in.",
      "The helper reads along, and expects what was announced. It reads a line only where it saw the end of the one before it.",
    ],
    talk: "ftp",
    guard: "answers",
    steps: [
      { text: "Open the control connection: “Handshake”.", done: ({ now }) => tcpState(now, "ESTABLISHED") },
      { text: "The client logs in with USER, and sends PORT.", done: ({ sent }) => sent?.kind === "port" },
      {
        text: "Choose “FTP data, active”: the server sends a SYN. It is NEW, and dropped.",
        done: (m) => m.sent?.from === "server" && became(m, "syn", "NEW") && m.now.decision?.verdict === "DROP",
      },
      { text: "Switch the helper on. That starts the connections afresh.", done: ({ helper }) => helper },
      {
        text: "Handshake, USER and PORT once more, on the control connection: now something is expected.",
        done: ({ now }) => now.expected.length > 0,
      },
    ],
    question: "Which packet is RELATED now? Send it.",
    answered: (m) => m.sent?.from === "server" && became(m, "syn", "RELATED"),
    answer:
      "The server's SYN was announced, so the rule for RELATED lets it in. What follows on that connection is ESTABLISHED.",
  },
  {
    id: "ftp-passive",
    title: "FTP, passive",
    text: [
      "In passive FTP the server says where it listens (227), and the client connects again. A firewall before the client lets that out anyway; this one stands before the server, and knows of port 21 only.",
    ],
    talk: "ftp",
    guard: "ftp",
    steps: [
      { text: "Open the control connection: “Handshake”.", done: ({ now }) => tcpState(now, "ESTABLISHED") },
      { text: "The server greets with 220, and sends 227.", done: ({ sent }) => sent?.kind === "227" },
      {
        text: "Choose “FTP data, passive”: the client's SYN is NEW, and dropped.",
        done: (m) => m.sent?.from === "client" && became(m, "syn", "NEW") && m.now.decision?.verdict === "DROP",
      },
      {
        text: "Switch the helper on; handshake, 220 and 227 once more: now something is expected.",
        done: ({ now }) => now.expected.length > 0,
      },
    ],
    question: "Which packet is RELATED now? Send it.",
    answered: (m) => m.sent?.from === "client" && became(m, "syn", "RELATED"),
    answer: "One rule for port 21 and one for RELATED are enough; the ports of data connections need not be open.",
  },
  {
    id: "invalid",
    title: "Scans, and INVALID",
    text: [
      "INVALID is what fits nothing: an answer to a question never asked, flags no TCP sends, a segment far outside the window.",
      "Scanners send such packets to see what comes back. An INVALID packet opens no entry, and changes none.",
    ],
    talk: "scan",
    steps: [
      { text: "The stranger sends a packet without flags: INVALID.", done: (m) => became(m, "null", "INVALID") },
      { text: "A SYN/ACK out of the blue: INVALID.", done: (m) => became(m, "synack", "INVALID") },
    ],
    question:
      "One packet that answers nothing either is taken for NEW all the same, though it is no SYN. Which? Send it.",
    answered: ({ now, sent }) =>
      sent?.from === "stranger" &&
      sent.kind !== "syn" &&
      sent.kind !== "udp" &&
      sent.kind !== "ping" &&
      now.decision?.state === "NEW",
    answer:
      "An ACK: Linux takes it for the middle of a connection that is older than the firewall. With nf_conntrack_tcp_loose=0 it would be INVALID.",
  },
  {
    id: "full",
    title: "The table is full",
    text: [
      "This table holds two entries. “Next port” takes another port of the client, and with that another connection.",
      "When the table is full, an entry that is not ASSURED makes room; if all are, the new packet is dropped.",
    ],
    talk: "web",
    max: 2,
    steps: [
      { text: "Open a connection with “Handshake”: it is ASSURED.", done: ({ now }) => has(now, "ASSURED", "tcp") },
      {
        text: "Take the next port and send a SYN only. The table is full.",
        done: ({ now }) => now.records.length === 2,
      },
    ],
    question: "Which of the two has to go for a third? Take the next port, send a SYN, and see.",
    answered: ({ now, before, sent }) =>
      sent?.kind === "syn" &&
      before.records.length === 2 &&
      (now.decision?.verdict === "DROP" ||
        now.records.some(({ conn }) => !before.records.some((record) => record.conn === conn))),
    answer:
      "The one that is not ASSURED went. Had both been ASSURED, the new packet would have been dropped: “table full, dropping packet”.",
  },
];
