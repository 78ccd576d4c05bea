// The state machines as drawings: where the states stand, and which transitions a capture took.
import { type Columns, NOTE, PROTOCOL_STATES } from "../worker/columns";
import { statusState } from "./lifeline";

export interface Machine {
  readonly name: string;
  readonly l4protos: readonly number[];
  readonly places: Readonly<Record<string, readonly [x: number, y: number]>>;
  /** What usually happens, drawn faintly also where the capture has none of it. */
  readonly usual: readonly string[];
  readonly height: number;
}

export const ABSENT = "no entry";
const DATAGRAM = { [ABSENT]: [90, 60], UNREPLIED: [320, 60], REPLIED: [320, 180], ASSURED: [560, 180] } as const;
const STATUS_USUAL = [`${ABSENT}>UNREPLIED`, "UNREPLIED>REPLIED", "REPLIED>ASSURED"];

export const MACHINES: readonly Machine[] = [
  {
    name: "TCP",
    l4protos: [6],
    height: 470,
    places: {
      [ABSENT]: [330, 34],
      SYN_SENT: [330, 110],
      SYN_SENT2: [560, 110],
      SYN_RECV: [330, 190],
      ESTABLISHED: [330, 270],
      FIN_WAIT: [150, 270],
      CLOSE_WAIT: [150, 350],
      LAST_ACK: [330, 350],
      TIME_WAIT: [330, 432],
      CLOSE: [560, 350],
    },
    usual: [
      `${ABSENT}>SYN_SENT`,
      "SYN_SENT>SYN_RECV",
      "SYN_SENT>SYN_SENT2",
      "SYN_SENT2>SYN_RECV",
      "SYN_RECV>ESTABLISHED",
      "ESTABLISHED>FIN_WAIT",
      "FIN_WAIT>CLOSE_WAIT",
      "CLOSE_WAIT>LAST_ACK",
      "LAST_ACK>TIME_WAIT",
      "ESTABLISHED>CLOSE",
    ],
  },
  { name: "UDP", l4protos: [17, 136], height: 230, places: DATAGRAM, usual: STATUS_USUAL },
  {
    name: "ICMP",
    l4protos: [1, 58],
    height: 230,
    places: { [ABSENT]: [90, 60], UNREPLIED: [320, 60], REPLIED: [320, 180] },
    usual: STATUS_USUAL.slice(0, 2),
  },
  {
    name: "SCTP",
    l4protos: [132],
    height: 400,
    places: {
      [ABSENT]: [330, 34],
      CLOSED: [120, 34],
      COOKIE_WAIT: [330, 120],
      COOKIE_ECHOED: [330, 200],
      HEARTBEAT_SENT: [560, 200],
      ESTABLISHED: [330, 280],
      SHUTDOWN_SENT: [120, 280],
      SHUTDOWN_RECD: [560, 280],
      SHUTDOWN_ACK_SENT: [330, 366],
    },
    usual: [`${ABSENT}>COOKIE_WAIT`, "COOKIE_WAIT>COOKIE_ECHOED", "COOKIE_ECHOED>ESTABLISHED"],
  },
];

export interface Transitions {
  /** "FROM>TO" and how many packets took it. */
  readonly counts: ReadonlyMap<string, number>;
  /** The transition of one packet. */
  readonly here: string | null;
}

/** The transitions a capture took in a machine, and that of packet `frame`. */
export function transitionsOf({ data, count }: Columns, machine: Machine, frame: number): Transitions {
  const counts = new Map<string, number>();
  const named = machine.name === "TCP" || machine.name === "SCTP";
  const lastOf = new Map<number, string>();
  let here: string | null = null;
  for (let i = 0; i < count; i++) {
    const state = (data.decision[i] as number) & 255;
    if (!machine.l4protos.includes(data.l4proto[i] as number) || state === 0 || state >= 4) continue;
    // an ICMP error is about another connection
    if (machine.name === "ICMP" && state === 3) continue;
    const notes = data.notes[i] as number;
    const conn = data.conn[i] as number;
    const before = notes & NOTE.before;
    const after = notes & NOTE.after;
    let from = ABSENT;
    let to = ABSENT;
    if (named) {
      if (before) from = PROTOCOL_STATES[data.before[i] as number] || ABSENT;
      if (after) to = PROTOCOL_STATES[data.after[i] as number] || ABSENT;
    } else {
      if (before) from = lastOf.get(conn) ?? "UNREPLIED";
      if (after) to = statusState(data.status[i] as number);
      lastOf.set(conn, to);
    }
    const key = `${from}>${to}`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
    if (i + 1 === frame) here = key;
  }
  return { counts, here };
}
