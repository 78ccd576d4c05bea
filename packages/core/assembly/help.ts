// Help: what a conn with a helper has beside its record: its expectations and the helper's memory. 64 bytes in a pool of
// its own, since few conns have one; Ext.help is the number, from 1.
//
//   0      4       8           12 13      16          64
//   │ slot │ first │ counts ×4 │ helper │ data 48   │
//
// slot    the conn's slot, kept up to date when conns move; in a free record the next free one
// first   newest of its expectations, the others behind it; 0 none
// counts  expectations of each class
// data    the helper's own, zero at first
import { HELPER_NONE, STATUS_HELPED } from "./abi";
import { Conn, connAt, extOf, slotOf } from "./conn";
import { HELPS, HELP_CAPACITY, HELP_SIZE, SLOTS } from "./memory-map";

@unmanaged
export class Help {
  slot: u32;
  first: u32;
  counts: u32;
  helper: u8;
  spare0: u8;
  spare1: u16;
}

const DATA: usize = 16;

/** Records used so far, the highest number of them; those in between are in the free list. */
let high: u32 = 0;
let free: u32 = 0;

// @ts-ignore: decorator
@inline
export function helpAt(n: u32): Help {
  assert(n != 0 && n <= high);
  return changetype<Help>(HELPS + <usize>n * HELP_SIZE);
}

/** The record of a conn that has STATUS_HELPED. */
// @ts-ignore: decorator
@inline
export function helpOf(c: Conn): Help {
  return helpAt(extOf(c).help);
}

/** 48 bytes for the helper to remember things in, zero at first, copied with snapshots. */
// @ts-ignore: decorator
@inline
export function helperData(c: Conn): usize {
  return changetype<usize>(helpOf(c)) + DATA;
}

/** The helper that reads a conn's packets, HELPER_*. */
// @ts-ignore: decorator
@inline
export function helperOf(c: Conn): u32 {
  return c.has(STATUS_HELPED) ? extOf(c).helper : HELPER_NONE;
}

/** Gives a conn its helper, before it is confirmed; false when there are as many as can be. */
export function attachHelper(c: Conn, helper: u32): bool {
  let n = free;
  if (n) free = changetype<Help>(HELPS + <usize>n * HELP_SIZE).slot;
  else if (high == HELP_CAPACITY) return false;
  else n = ++high;
  const help = helpAt(n);
  memory.fill(changetype<usize>(help), 0, HELP_SIZE);
  help.slot = slotOf(c);
  help.helper = <u8>helper;
  const ext = extOf(c);
  ext.help = <u16>n;
  ext.helper = <u8>helper;
  c.status |= STATUS_HELPED;
  return true;
}

/** Gives the record back; its expectations have been removed. The conn still shows its helper. */
export function detachHelper(c: Conn): void {
  const ext = extOf(c);
  const n = <u32>ext.help;
  const help = helpAt(n);
  assert(help.first == 0);
  help.helper = <u8>HELPER_NONE;
  help.slot = free;
  free = n;
  ext.help = 0;
  c.status &= ~STATUS_HELPED;
}

/** The conn moved to another slot. */
// @ts-ignore: decorator
@inline
export function followHelp(c: Conn): void {
  if (c.has(STATUS_HELPED)) helpOf(c).slot = slotOf(c);
}

/** All conns may have moved. */
export function followHelps(): void {
  if (high == 0) return;
  for (let slot: u32 = 0; slot < SLOTS; ++slot) {
    const c = connAt(slot);
    if (c.serial != 0) followHelp(c);
  }
}

/** The conn of a record. */
// @ts-ignore: decorator
@inline
export function connOfHelp(n: u32): Conn {
  return connAt(helpAt(n).slot);
}

/** The conn in record `n` if it is still the one with this number. */
export function masterIfThere(n: u32, serial: u32): Conn {
  if (n == 0 || n > high || helpAt(n).helper == HELPER_NONE) return changetype<Conn>(0);
  const c = connOfHelp(n);
  return c.serial == serial ? c : changetype<Conn>(0);
}

export function clearHelps(): void {
  high = 0;
  free = 0;
}

/** Bytes of the pool that hold anything. */
export function helpBytes(): u32 {
  return high == 0 ? 0 : (high + 1) * HELP_SIZE;
}

export const HELP_STATE_SIZE: u32 = 8;

export function saveHelps(at: usize): void {
  store<u32>(at, high);
  store<u32>(at, free, 4);
}

export function loadHelps(at: usize): void {
  high = load<u32>(at);
  free = load<u32>(at, 4);
}
