// Connections in the tree of who announced whom, and a connection's states along its packets.
import { expect, test } from "vitest";
import type { Conn } from "../src/lib/conns.js";
import { asTree, familyOf } from "../src/lib/family.js";
import { spansOf } from "../src/lib/lifeline.js";
import { Columns, emptyColumns, NOTE, PROTOCOL_STATES } from "../src/worker/columns.js";

const conn = (number: number, master: number | null = null) => ({ conn: number, master }) as Conn;

test("children stand behind the one that announced them, at every depth", () => {
  const conns = [conn(1), conn(2), conn(3, 1), conn(4, 3), conn(5, 1), conn(6, 99)];
  const tree = asTree(conns).map(({ conn: { conn: number }, depth }) => [number, depth]);
  expect(tree).toEqual([
    [1, 0],
    [3, 1],
    [4, 2],
    [5, 1],
    [2, 0],
    [6, 0],
  ]);
  const family = (number: number) =>
    familyOf(conns.find((each) => each.conn === number) as Conn, conns).map((each) => each.conn.conn);
  expect(family(4)).toEqual([1, 3, 4, 5]);
  expect(family(2)).toEqual([2]);
  expect(family(6)).toEqual([6]);
});

test("states of a connection: what packets bring, what others leave alone, and its end", () => {
  const columns = new Columns();
  const data = emptyColumns(6);
  const at = (name: string) => PROTOCOL_STATES.indexOf(name);
  const states = ["SYN_SENT", "SYN_RECV", "ESTABLISHED", "", "ESTABLISHED", ""];
  for (const [i, state] of states.entries()) {
    data.decision[i] = i === 3 ? 4 : 2;
    data.notes[i] = (i > 0 ? NOTE.before : 0) | (state ? NOTE.after : 0);
    data.after[i] = state ? at(state) : 0;
  }
  columns.append({ count: 6, columns: data, addresses: [], numbers: new Uint32Array() });
  expect(spansOf(columns, [0, null, 1, 2, 3, 4, 5])).toEqual([
    { state: "SYN_SENT", from: 0, to: 2 },
    { state: "SYN_RECV", from: 2, to: 3 },
    { state: "ESTABLISHED", from: 3, to: 6 },
    { state: "gone", from: 6, to: 7 },
  ]);
});
