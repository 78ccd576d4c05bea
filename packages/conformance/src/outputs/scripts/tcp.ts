// TCP: an entry in every state, and the ways they end.

import { type Endpoint, handshake, type Row, type Sequence, sequence, type TcpRow } from "../../sequence.js";
import { tcpOpenClose } from "../../sequences/tcp-open-close.js";
import { flush, type OutputScript, read, sendAll, waitUntil } from "../script.js";

const at = (port: number): Partial<Endpoint> => ({ port });
const OPEN = handshake({ options: "mss=1460 ws=7 sackok" });
const SYN = OPEN.slice(0, 1);
const FIN: TcpRow = [0, "->", "FA", 101, 501, 0];
const FIN_ACK: TcpRow = [0, "<-", "A", 501, 102, 0];
const FIN_BACK: TcpRow = [0, "<-", "FA", 501, 102, 0];
const LAST: TcpRow = [0, "->", "A", 102, 502, 0];
const RESET: TcpRow = [0, "<-", "RA", 501, 101, 0];
const CLOSED = [...OPEN, FIN, FIN_ACK, FIN_BACK, LAST];

const STATES: Readonly<Record<string, readonly Row[]>> = {
  SYN_SENT: SYN,
  SYN_RECV: OPEN.slice(0, 2),
  ESTABLISHED: OPEN,
  FIN_WAIT: [...OPEN, FIN],
  CLOSE_WAIT: [...OPEN, FIN, FIN_ACK],
  LAST_ACK: [...OPEN, FIN, FIN_ACK, FIN_BACK],
  TIME_WAIT: CLOSED,
  CLOSE: [...OPEN, RESET],
  SYN_SENT2: [...SYN, [0, "<-", "S", 500, 0, 0]],
  "picked up": [[0, "->", "A", 101, 501, 10]],
  unacknowledged: [...OPEN, [0, "->", "PA", 101, 501, 10]],
};

/** Entries that end while packets come: DESTROY amid other events. */
const ENDS: Readonly<Record<string, readonly Row[]>> = {
  refused: [...SYN, [0, "<-", "RA", 0, 101, 0]],
  "taken again": [...CLOSED, [0, "->", "S", 90_000, 0, 0], [0, "<-", "SA", 700, 90_001, 0]],
  "taken again after RST": [...OPEN, RESET, [0, "->", "S", 90_000, 0, 0]],
  "taken again from the other side": [...CLOSED, [0, "<-", "S", 90_000, 0, 0]],
  "RST in SYN_RECV": [...OPEN.slice(0, 2), [0, "->", "R", 101, 0, 0]],
  "RST out of window": [...OPEN, [0, "<-", "R", 900_000, 0, 0], [0, "->", "A", 101, 501, 0]],
  "challenge ACK": [...OPEN, [0, "->", "S", 900, 0, 0], [0, "<-", "A", 501, 101, 0], [0, "->", "R", 101, 0, 0]],
};

/** One connection for each. */
const each = (rows: Readonly<Record<string, readonly Row[]>>, family: 4 | 6): Sequence[] =>
  Object.entries(rows).map(([name, row], i) => sequence(name, row, { family, a: at(2000 + i) }));

/** Some of the family, from one table on: the next one finds what the last one left. */
const some = (sequences: readonly Sequence[], every: number): Sequence[] =>
  sequences.filter(({ options }, i) => i % every === 0 && Object.keys(options).length === 0);

export function tcp(): OutputScript[] {
  const full = { nf_conntrack_acct: 1, nf_conntrack_timestamp: 1 };
  return [
    { name: "nothing", steps: [read] },
    { name: "tcp: every state", steps: [sendAll(each(STATES, 4)), read] },
    { name: "tcp: every state, IPv6", steps: [sendAll(each(STATES, 6)), read, flush, read] },
    { name: "tcp: every end", steps: [sendAll(each(ENDS, 4)), read] },
    { name: "tcp: counted, every end, IPv6", steps: [sendAll(each(ENDS, 6)), read], sysctls: { nf_conntrack_acct: 1 } },
    {
      name: "tcp: counted and timed",
      steps: [
        sendAll(each(STATES, 4)),
        read,
        waitUntil(1300),
        read,
        sendAll(each(ENDS, 6), 1500),
        waitUntil(2600),
        read,
        flush,
      ],
      sysctls: full,
    },
    { name: "tcp: opened and closed in many ways", steps: [sendAll(some(tcpOpenClose(), 40)), read], sysctls: full },
  ];
}
