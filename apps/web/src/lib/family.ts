// Connections that belong together: one announces others, which may announce more.
import type { Conn } from "./conns";

export interface Relative {
  readonly conn: Conn;
  /** Steps from the connection nobody announced. */
  readonly depth: number;
}

/** All connections, each right behind the one that announced it; otherwise in the order given. */
export function asTree(conns: readonly Conn[]): Relative[] {
  const present = new Set(conns.map(({ conn }) => conn));
  const children = new Map<number, Conn[]>();
  const roots: Conn[] = [];
  for (const conn of conns) {
    // one that is filtered away, or a packet of it is, cannot be a parent
    if (conn.master === null || !present.has(conn.master) || conn.master === conn.conn) roots.push(conn);
    else children.set(conn.master, [...(children.get(conn.master) ?? []), conn]);
  }
  const tree: Relative[] = [];
  const add = (conn: Conn, depth: number) => {
    tree.push({ conn, depth });
    for (const child of children.get(conn.conn) ?? []) add(child, depth + 1);
  };
  for (const root of roots) add(root, 0);
  return tree;
}

/** The tree a connection stands in: itself alone when nothing is related to it. */
export function familyOf(conn: Conn, conns: readonly Conn[]): Relative[] {
  const byNumber = new Map(conns.map((each) => [each.conn, each]));
  let root = conn;
  for (let up = 0; up < 16; up++) {
    const parent = root.master === null ? undefined : byNumber.get(root.master);
    if (parent === undefined) break;
    root = parent;
  }
  const tree = asTree(conns);
  const from = tree.findIndex(({ conn: { conn: number } }) => number === root.conn);
  const end = tree.findIndex(({ depth }, i) => i > from && depth === 0);
  return tree.slice(from, end < 0 ? undefined : end);
}
