// What rules see of the packet at hand beside its bytes: its connection, its way through the box, and its mark.
import { Conn } from "../conn";

/** Null when the packet is INVALID, UNTRACKED, or not asked about yet. */
export let conn: Conn = changetype<Conn>(0);
export let ctDirection: u32 = 0;
/** Bit STATE_*; before connection tracking: INVALID, as for any packet without an entry. */
export let stateBit: u32 = 0;
export let inInterface: u32 = 0;
export let outInterface: u32 = 0;
/** The packet's own mark. */
export let mark: u32 = 0;

/** What routing took off the TTL: rules of FORWARD and POSTROUTING see it counted down already. */
export let hopsTaken: u32 = 0;

// @ts-ignore: decorator
@inline
export function setHopsTaken(hops: u32): void {
  hopsTaken = hops;
}

export function setConn(c: Conn, dir: u32, state: u32): void {
  conn = c;
  ctDirection = dir;
  stateBit = 1 << state;
}

// @ts-ignore: decorator
@inline
export function setInterfaces(inside: u32, outside: u32): void {
  inInterface = inside;
  outInterface = outside;
}

// @ts-ignore: decorator
@inline
export function setPacketMark(value: u32): void {
  mark = value;
}
