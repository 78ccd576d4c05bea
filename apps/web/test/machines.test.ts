// Transitions counted and found: those of the packets, one by one.
import { expect, test } from "vitest";
import { ABSENT, countTransitions, MACHINES, machineOf, nextTaking, transitionAt } from "../src/lib/machines.js";
import { Columns, emptyColumns, NOTE, PROTOCOL_STATES } from "../src/worker/columns.js";

interface Packet {
  readonly l4proto: number;
  readonly conn: number;
  /** State code; 4 is INVALID. */
  readonly state: number;
  readonly before?: string;
  readonly after?: string;
  readonly status?: number;
}

const SEEN_REPLY = 2;
const ASSURED = 4;

function columnsOf(packets: readonly Packet[]): Columns {
  const data = emptyColumns(packets.length);
  for (const [i, { l4proto, conn, state, before, after, status }] of packets.entries()) {
    data.l4proto[i] = l4proto;
    data.conn[i] = conn;
    data.decision[i] = state;
    data.notes[i] = (before === undefined ? 0 : NOTE.before) | (after === undefined ? 0 : NOTE.after);
    data.before[i] = Math.max(0, PROTOCOL_STATES.indexOf(before ?? ""));
    data.after[i] = Math.max(0, PROTOCOL_STATES.indexOf(after ?? ""));
    data.status[i] = status ?? 0;
  }
  const columns = new Columns();
  columns.append({ count: packets.length, columns: data, addresses: [], numbers: new Uint32Array() });
  return columns;
}

test("of TCP: states of the tracker, without INVALID packets", () => {
  const columns = columnsOf([
    { l4proto: 6, conn: 1, state: 1, after: "SYN_SENT" },
    { l4proto: 6, conn: 1, state: 4, before: "SYN_SENT", after: "SYN_SENT" },
    { l4proto: 17, conn: 2, state: 1, after: "" },
    { l4proto: 6, conn: 1, state: 2, before: "SYN_SENT" },
    { l4proto: 6, conn: 3, state: 1, after: "SYN_SENT" },
  ]);
  const tcp = machineOf(6);
  if (tcp === undefined) throw new Error("TCP is drawn");
  expect([...countTransitions(columns, tcp)]).toEqual([
    [`${ABSENT}>SYN_SENT`, 2],
    [`SYN_SENT>${ABSENT}`, 1],
  ]);
  expect(transitionAt(columns, tcp, 2)).toBe(null);
  expect(transitionAt(columns, tcp, 3)).toBe(null);
  expect(nextTaking(columns, tcp, `${ABSENT}>SYN_SENT`, 1)).toBe(5);
  expect(nextTaking(columns, tcp, `${ABSENT}>SYN_SENT`, 5)).toBe(1);
  expect(nextTaking(columns, tcp, "SYN_RECV>ESTABLISHED", 1)).toBe(0);
});

test("of UDP and ICMP: the entry's status, from packet to packet of one connection", () => {
  const columns = columnsOf([
    { l4proto: 17, conn: 1, state: 1, after: "" },
    { l4proto: 17, conn: 2, state: 1, after: "" },
    { l4proto: 17, conn: 1, state: 2, before: "", after: "", status: SEEN_REPLY },
    { l4proto: 17, conn: 1, state: 2, before: "", after: "", status: SEEN_REPLY | ASSURED },
    { l4proto: 1, conn: 1, state: 3, before: "", after: "" },
    { l4proto: 1, conn: 3, state: 1, after: "" },
  ]);
  const [, udp, icmp] = MACHINES;
  if (udp === undefined || icmp === undefined) throw new Error("UDP and ICMP are drawn");
  expect(Object.fromEntries(countTransitions(columns, udp))).toEqual({
    [`${ABSENT}>UNREPLIED`]: 2,
    "UNREPLIED>REPLIED": 1,
    "REPLIED>ASSURED": 1,
  });
  expect(transitionAt(columns, udp, 4)).toBe("REPLIED>ASSURED");
  // an error is RELATED to a connection of UDP, and moves nothing
  expect(Object.fromEntries(countTransitions(columns, icmp))).toEqual({ [`${ABSENT}>UNREPLIED`]: 1 });
});
