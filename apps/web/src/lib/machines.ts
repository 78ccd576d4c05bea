// The state machines as drawings: where the states stand, and which transitions a capture took.
import { type Columns, NOTE, PROTOCOL_STATES } from "../worker/columns";
import { statusState } from "./lifeline";

export interface Machine {
  readonly name: string;
  readonly l4protos: readonly number[];
  /** Its tracker has no states of its own: those of the entry's status are drawn. */
  readonly byStatus: boolean;
  readonly width: number;
  readonly height: number;
  /** Width of a state's box; its height is the same in all. */
  readonly box: number;
  readonly places: Readonly<Record<string, readonly [x: number, y: number]>>;
  /** What usually happens, drawn faintly also where the capture has none of it. */
  readonly usual: readonly string[];
}

export const ABSENT = "no entry";
const DATAGRAM = {
  [ABSENT]: [75, 42],
  UNREPLIED: [300, 42],
  REPLIED: [300, 142],
  ASSURED: [75, 142],
} as const;
const STATUS_USUAL = [`${ABSENT}>UNREPLIED`, "UNREPLIED>REPLIED", "REPLIED>ASSURED"];
const BY_STATUS = { byStatus: true, width: 400, height: 180, box: 104 } as const;

export const MACHINES: readonly Machine[] = [
  {
    name: "TCP",
    l4protos: [6],
    byStatus: false,
    width: 480,
    height: 452,
    box: 104,
    places: {
      [ABSENT]: [228, 28],
      SYN_SENT: [228, 104],
      SYN_SENT2: [392, 104],
      SYN_RECV: [228, 180],
      ESTABLISHED: [228, 256],
      FIN_WAIT: [64, 256],
      CLOSE_WAIT: [64, 338],
      LAST_ACK: [228, 338],
      TIME_WAIT: [228, 420],
      CLOSE: [392, 338],
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
  { name: "UDP", l4protos: [17, 136], ...BY_STATUS, places: DATAGRAM, usual: STATUS_USUAL },
  {
    name: "ICMP",
    l4protos: [1, 58],
    ...BY_STATUS,
    places: { [ABSENT]: DATAGRAM[ABSENT], UNREPLIED: DATAGRAM.UNREPLIED, REPLIED: DATAGRAM.REPLIED },
    usual: STATUS_USUAL.slice(0, 2),
  },
  {
    name: "SCTP",
    l4protos: [132],
    byStatus: false,
    width: 560,
    height: 400,
    box: 146,
    places: {
      [ABSENT]: [270, 28],
      CLOSED: [82, 364],
      COOKIE_WAIT: [270, 112],
      COOKIE_ECHOED: [270, 196],
      HEARTBEAT_SENT: [458, 112],
      ESTABLISHED: [270, 280],
      SHUTDOWN_SENT: [82, 280],
      SHUTDOWN_RECD: [458, 280],
      SHUTDOWN_ACK_SENT: [270, 364],
    },
    usual: [
      `${ABSENT}>COOKIE_WAIT`,
      "COOKIE_WAIT>COOKIE_ECHOED",
      "COOKIE_ECHOED>ESTABLISHED",
      "ESTABLISHED>SHUTDOWN_SENT",
      "ESTABLISHED>SHUTDOWN_RECD",
      "SHUTDOWN_SENT>SHUTDOWN_ACK_SENT",
      "SHUTDOWN_RECD>SHUTDOWN_ACK_SENT",
      "SHUTDOWN_ACK_SENT>CLOSED",
    ],
  },
];

/** The machine a packet runs through; undefined for protocols that are not drawn. */
export const machineOf = (l4proto: number): Machine | undefined =>
  MACHINES.find(({ l4protos }) => l4protos.includes(l4proto));

const STATUS_STATES = ["UNREPLIED", "REPLIED", "ASSURED"];
const INVALID = 4;
const RELATED = 3;

/** Does packet `i` move the machine? Not an INVALID one, and an ICMP error is about another connection. */
function moves({ data }: Columns, { l4protos, name }: Machine, i: number): boolean {
  const state = (data.decision[i] as number) & 255;
  if (state === 0 || state >= INVALID || !l4protos.includes(data.l4proto[i] as number)) return false;
  return name !== "ICMP" || state !== RELATED;
}

// States as numbers while they are counted: 0 for no entry, else from 1 on.
const nameOf = ({ byStatus }: Machine, code: number): string =>
  code === 0 ? ABSENT : ((byStatus ? STATUS_STATES[code - 1] : PROTOCOL_STATES[code]) ?? ABSENT);

function codeBehind({ data }: Columns, { byStatus }: Machine, i: number): number {
  if (((data.notes[i] as number) & NOTE.after) === 0) return 0;
  return byStatus ? STATUS_STATES.indexOf(statusState(data.status[i] as number)) + 1 : (data.after[i] as number);
}

const STRIDE = 32;

/** "FROM>TO" and how many packets of the capture took it. */
export function countTransitions(columns: Columns, machine: Machine): Map<string, number> {
  const { data, count } = columns;
  const counts = new Uint32Array(STRIDE * STRIDE);
  const lastOf = new Map<number, number>();
  for (let i = 0; i < count; i++) {
    if (!moves(columns, machine, i)) continue;
    const to = codeBehind(columns, machine, i);
    let from = 0;
    if ((data.notes[i] as number) & NOTE.before)
      from = machine.byStatus ? (lastOf.get(data.conn[i] as number) ?? 1) : (data.before[i] as number);
    if (machine.byStatus) lastOf.set(data.conn[i] as number, to);
    const place = from * STRIDE + to;
    counts[place] = (counts[place] as number) + 1;
  }
  const found = new Map<string, number>();
  for (const [place, taken] of counts.entries())
    if (taken > 0)
      found.set(`${nameOf(machine, Math.floor(place / STRIDE))}>${nameOf(machine, place % STRIDE)}`, taken);
  return found;
}

/** The transition packet `frame` took; null when it took none in this machine. */
export function transitionAt(columns: Columns, machine: Machine, frame: number): string | null {
  const { data } = columns;
  const i = frame - 1;
  if (frame === 0 || !moves(columns, machine, i)) return null;
  let from = 0;
  if ((data.notes[i] as number) & NOTE.before)
    from = machine.byStatus ? statusBefore(columns, machine, i) : (data.before[i] as number);
  return `${nameOf(machine, from)}>${nameOf(machine, codeBehind(columns, machine, i))}`;
}

/** The state the packet before it in its connection left. */
function statusBefore(columns: Columns, machine: Machine, index: number): number {
  const { conn } = columns.data;
  for (let i = index - 1; i >= 0; i--)
    if (conn[i] === conn[index] && moves(columns, machine, i)) return codeBehind(columns, machine, i);
  return 1;
}

/** The next packet that takes a transition, from `frame` on and around; 0 when none does. */
export function nextTaking(columns: Columns, machine: Machine, key: string, frame: number): number {
  for (let step = 1; step <= columns.count; step++) {
    const next = ((frame - 1 + step) % columns.count) + 1;
    if (moves(columns, machine, next - 1) && transitionAt(columns, machine, next) === key) return next;
  }
  return 0;
}
