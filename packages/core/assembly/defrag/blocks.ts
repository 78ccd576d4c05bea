// The memory of defragmentation: a pool of equal blocks in the region FRAGMENTS, behind two hash tables. What a
// datagram needs (its queue, its bytes, a long header) is a chain of blocks, freed as a whole in one step.
//
//   │ queue heads │ peer heads │ block 1 │ block 2 │ …                              │ datagram │
//
//   0      4   8         16       24                                               536
//   │ next │ … │ covered │ starts │ 512 bytes of a datagram, at a multiple of 512  │              a block of data
//
// next     the next block of its chain, or the next free one
// covered  one bit for each 8 bytes: they have come
// starts   one bit for each 8 bytes: a run begins here (runs.ts)
//
// Blocks are numbered from 1; 0 means none. Numbers have 16 bits, which limits the pool to 35 MB.
import { FRAGMENTS, FRAGMENTS_SIZE } from "../memory-map";

export const BLOCK_SIZE: u32 = 536;
export const BLOCK_DATA: u32 = 24;
export const DATA_SIZE: u32 = 512;
const MOST_BLOCKS: u32 = 0xffff;

export const QUEUE_HEADS: u32 = 2048;
export const PEER_HEADS: u32 = 1024;
const TABLES_SIZE: u32 = (QUEUE_HEADS + PEER_HEADS) * 4;
/** The datagram being put together: an IPv6 header and 65535 bytes, with some to spare. */
const DATAGRAM_SIZE: u32 = 0x10080;

let blockCount: u32 = 0;
let used: u32 = 0; // blocks 1 … used have been handed out at some time
let firstFree: u32 = 0;
/** Blocks that can be taken. */
export let freeBlocks: u32 = 0;

/** Divides the region. One that is too small holds no blocks at all. */
export function placeBlocks(): void {
  const fixed = TABLES_SIZE + DATAGRAM_SIZE;
  blockCount = FRAGMENTS_SIZE > fixed ? min<u32>((FRAGMENTS_SIZE - fixed) / BLOCK_SIZE, MOST_BLOCKS) : 0;
  clearBlocks();
}

/** All blocks are free; nobody may hold one. */
export function clearBlocks(): void {
  used = 0;
  firstFree = 0;
  freeBlocks = blockCount;
}

// @ts-ignore: decorator
@inline
export function queueHead(hash: u32): usize {
  return FRAGMENTS + (<usize>(hash & (QUEUE_HEADS - 1)) << 2);
}

// @ts-ignore: decorator
@inline
export function peerHead(hash: u32): usize {
  return FRAGMENTS + (<usize>(QUEUE_HEADS + (hash & (PEER_HEADS - 1))) << 2);
}

// @ts-ignore: decorator
@inline
export function blockAt(n: u32): usize {
  assert(n != 0 && n <= used);
  return FRAGMENTS + TABLES_SIZE + <usize>(n - 1) * BLOCK_SIZE;
}

/** Where a complete datagram is laid out; valid until the next one. */
export function datagramBuffer(): usize {
  return FRAGMENTS + ((FRAGMENTS_SIZE - DATAGRAM_SIZE) & ~15);
}

/** A block of zeros. The caller has looked at freeBlocks. */
export function takeBlock(): u32 {
  assert(freeBlocks > 0);
  --freeBlocks;
  let n = firstFree;
  if (n) firstFree = load<u32>(blockAt(n));
  else n = ++used;
  memory.fill(blockAt(n), 0, BLOCK_SIZE);
  return n;
}

/** Gives back a chain of `count` blocks. */
export function freeChain(first: u32, last: u32, count: u32): void {
  store<u32>(blockAt(last), firstFree);
  firstFree = first;
  freeBlocks += count;
}

/** Bytes from the start of the region that hold anything. */
export function blockBytes(): u32 {
  return TABLES_SIZE + used * BLOCK_SIZE;
}

export const BLOCKS_STATE_SIZE: u32 = 16;

export function saveBlocks(at: usize): void {
  store<u32>(at, used);
  store<u32>(at, firstFree, 4);
  store<u32>(at, freeBlocks, 8);
}

export function loadBlocks(at: usize): void {
  used = min(load<u32>(at), blockCount);
  firstFree = load<u32>(at, 4);
  freeBlocks = load<u32>(at, 8);
}

/** For tests: true if the free blocks and the `held` ones are all there are. */
export function checkBlocks(held: u32): bool {
  let free: u32 = blockCount - used;
  for (let n = firstFree; n; n = load<u32>(blockAt(n))) if (++free > blockCount) return false;
  return free == freeBlocks && free + held == blockCount;
}
