// Guided lessons for the lab. Each ends in a question that is answered by sending a packet.
import type { LabResult } from "../worker/messages";

export interface Lesson {
  readonly id: string;
  readonly title: string;
  readonly text: readonly string[];
  readonly question: string;
  /** True when what just happened is the answer. */
  readonly answered: (now: LabResult, before: LabResult) => boolean;
  readonly answer: string;
  /** Room in the table. */
  readonly max?: number;
}

const has = (result: LabResult, status: string) => result.records.some((record) => record.status.includes(status));

export const LESSONS: readonly Lesson[] = [
  {
    id: "handshake",
    title: "The handshake",
    text: [
      "Send a SYN from the client, then SYN/ACK from the server, then ACK from the client, and watch the record.",
      "The first packet is NEW. Every packet after the first reply is ESTABLISHED for a rule, even while TCP's own state is still SYN_RECV.",
    ],
    question: "Bring the record to TCP's own ESTABLISHED.",
    answered: ({ records }) => records.some(({ state }) => state === "ESTABLISHED"),
    answer:
      "The third packet of the handshake did it. Two words that look alike: ctstate ESTABLISHED means “a reply was seen”, the tracker's ESTABLISHED means “the handshake is over”.",
  },
  {
    id: "assured",
    title: "What ASSURED means",
    text: [
      "When the table is full, Linux throws out connections to make room, but never one that is ASSURED.",
      "A TCP connection becomes ASSURED when its handshake is over; a UDP stream when it goes on for a while with replies.",
    ],
    question: "Make a connection ASSURED.",
    answered: (now, before) => has(now, "ASSURED") && !has(before, "ASSURED"),
    answer: "From now on it can only end by its timer, by a FIN or RST, or by hand.",
  },
  {
    id: "udp",
    title: "UDP has states, too",
    text: [
      "UDP knows no connections, but Linux does: the first datagram is NEW and its entry UNREPLIED for 30 seconds.",
      "An answer makes it ESTABLISHED. A silent peer loses the entry.",
    ],
    question: "Send a datagram, and wait until its entry is gone: how long must you wait?",
    answered: (now, before) => before.records.some(({ protocol }) => protocol === "udp") && now.records.length === 0,
    answer:
      "nf_conntrack_udp_timeout: 30 seconds. An answer now would be NEW, from the wrong side, and a firewall would drop it.",
  },
  {
    id: "ping",
    title: "Ping",
    text: [
      "An echo request opens an entry that is told apart by its id, for want of ports. The reply with the same id is ESTABLISHED.",
    ],
    question: "Get a pong that is ESTABLISHED.",
    answered: ({ decision, records }) =>
      decision?.state === "ESTABLISHED" &&
      decision.direction === "reply" &&
      records.some(({ protocol }) => protocol === "icmp"),
    answer: "A reply nobody asked for would have been INVALID: try it after starting afresh.",
  },
  {
    id: "related",
    title: "ICMP errors are RELATED",
    text: [
      "An ICMP error quotes the packet it is about. Linux looks the quoted packet up: when it belongs to a connection, the error is RELATED to it, and a firewall can let it pass.",
      "“Unreachable” below quotes the last packet that was sent.",
    ],
    question: "Send a datagram, and answer it by an error that is RELATED.",
    answered: ({ decision }) => decision?.state === "RELATED",
    answer: "It opened no entry of its own, and did not renew the timer of the one it is about.",
  },
  {
    id: "invalid",
    title: "INVALID",
    text: [
      "INVALID is what fits nothing: an answer to a question never asked, a segment far outside the window, a reset that cannot be right.",
      "Scanners send such packets: a SYN/ACK out of the blue, for one.",
    ],
    question: "Make the firewall say INVALID.",
    answered: ({ decision }) => decision?.state === "INVALID",
    answer: "The reason is in the log. An INVALID packet changes no entry, and opens none.",
  },
  {
    id: "full",
    title: "The table is full",
    text: [
      "This table holds two entries. Change the client's port for each new connection and send datagrams or SYNs.",
      "When it is full, an entry that is not ASSURED makes room. If all are, the new packet is dropped.",
    ],
    question: "Open a third connection: does the table still hold the first?",
    answered: (now, before) =>
      now.decision?.verdict === "DROP" ||
      (before.records.length >= 2 && now.records.some(({ conn }) => !before.records.some((old) => old.conn === conn))),
    answer: "Raise nf_conntrack_max before this happens to a real firewall.",
    max: 2,
  },
];
