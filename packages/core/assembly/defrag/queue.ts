// Queues: one for each datagram of which fragments have come, found by key, ended by time, oldest first.
//
//   0      4      8        12      16      20       24         32      36       40       44     48       52       56
//   │ next │ last │ inHash │ newer │ older │ blocks │ deadline │ frame │ length │ filled │ tail │ intact │ memory │ peer │
//   60    64      68            72       76          80      81    82             88    136       392
//   │ rid │ table │ headerBlock │ header │ …         │ flags │ ecn │ nextHeader … │ key │ pages … │ header, up to 144 bytes │ 536
//
// next, last   the chain of its blocks, itself the first; blocks: how many
// inHash       next queue of the hash chain
// newer, older neighbours in the order of deadlines, per family
// deadline     ns; from the first fragment on, later ones do not renew it
// frame        number of the packet that brought the first fragment: the datagram's name for readers
// length       highest end so far; with LAST_IN the length of the datagram (without header)
// filled       bytes there; complete when equal to length and both ends are in
// tail         end of the run with the highest end
// intact       bytes from the start that the capture holds without a gap
// memory       what the kernel would account for it
// peer, rid    IPv4: its source, and that source's count of fragments when the last one of this queue came
// header       length of the first fragment's header; headerBlock: where it begins, when it does not fit in here
// ecn          one bit for each value of the ECN field that came; nextHeader: IPv6, of the first fragment
// pages        numbers of the data blocks, u16 each, of bytes 0 … 65535
// table        block with the same for 65536 … 131071, where only fragments that can never be delivered lie
import { L3_IPV4, SYSCTL_IPFRAG_MAX_DIST, TIMEOUT_FRAG4, TIMEOUT_FRAG6 } from "../abi";
import { random64 } from "../hash";
import { FRAGMENTS } from "../memory-map";
import { Packet } from "../packet";
import { setting, timeoutOf } from "../settings";
import { now } from "../timer";
import {
  blockAt, BLOCK_DATA, BLOCK_SIZE, blockBytes, BLOCKS_STATE_SIZE, checkBlocks, clearBlocks, DATA_SIZE, freeChain, loadBlocks, peerHead,
  placeBlocks, QUEUE_HEADS, queueHead, saveBlocks, takeBlock,
} from "./blocks";

@unmanaged
export class Queue {
  next: u32;
  last: u32;
  inHash: u32;
  newer: u32;
  older: u32;
  blocks: u32;
  deadline: u64;
  frame: u32;
  length: u32;
  filled: u32;
  tail: u32;
  intact: u32;
  memory: u32;
  peer: u32;
  rid: u32;
  table: u32;
  headerBlock: u32;
  header: u32;
  spare: u32;
  flags: u8;
  ecn: u8;
  nextHeader: u8;
  spare1: u8;
  spare2: u32;
}

const QUEUE_KEY: u32 = 88;
const QUEUE_PAGES: u32 = 136;
const QUEUE_HEADER: u32 = 392;
const KEY_SIZE: u32 = 48;
const PAGES: u32 = 128;

if (offsetof<Queue>() != QUEUE_KEY) ERROR("Queue: the key does not follow");
if (QUEUE_KEY + KEY_SIZE != QUEUE_PAGES || QUEUE_PAGES + 2 * PAGES != QUEUE_HEADER) ERROR("Queue: drawn otherwise");

export const FIRST_IN: u8 = 1;
export const LAST_IN: u8 = 2;

// sizeof(struct ipq) and sizeof(struct frag_queue), Linux 6.18 on x86-64 (seen)
const QUEUE_TRUESIZE4: u32 = 200;
const QUEUE_TRUESIZE6: u32 = 184;

// @ts-ignore: decorator
@inline
export function queueAt(n: u32): Queue {
  return changetype<Queue>(blockAt(n));
}

// ---- per family: the order of deadlines and what the kernel would account for

@unmanaged
export class Family {
  oldest: u32;
  newest: u32;
  memory: u32;
  queues: u32;
}

const FAMILIES: usize = memory.data(2 * 16, 8);

// @ts-ignore: decorator
@inline
export function familyOf(l3num: u32): Family {
  return changetype<Family>(FAMILIES + (l3num == L3_IPV4 ? 0 : 16));
}

// ---- keys
//
//   0     16    32   36     38      40      41        48
//   │ src │ dst │ id │ zone │ iface │ l3num │ l4proto │ 0 …
//
// l4proto is 0 for IPv6, whose fragments may disagree about what follows the fragment header. Zones are separate tables
// with overlapping addresses, and so are their datagrams.

const KEY: usize = memory.data(KEY_SIZE, 8);
const SECRET: usize = memory.data(KEY_SIZE, 8);

/** Makes the key of a packet; find() and open() use it. */
export function setKey(p: Packet): void {
  memory.fill(KEY, 0, KEY_SIZE);
  const v4 = p.l3num == L3_IPV4;
  const size: usize = v4 ? 4 : 16;
  memory.copy(KEY, p.src, size);
  memory.copy(KEY + 16, p.dst, size);
  store<u32>(KEY, p.fragmentId, 32);
  store<u16>(KEY, p.zone, 36);
  if (!v4 && staysOnLink(p.dst)) store<u16>(KEY, p.iface, 38);
  store<u8>(KEY, p.l3num, 40);
  if (v4) store<u8>(KEY, p.l4proto, 41);
}

// Multicast or link-local: the same address means others on another link.
function staysOnLink(dst: usize): bool {
  return load<u8>(dst) == 0xff || (load<u8>(dst) == 0xfe && (load<u8>(dst, 1) & 0xc0) == 0x80);
}

// NH (RFC 4418 §5.2.1) with a key of its own: that of the table changes, these hashes are in use for a minute.
function hashOf(key: usize): u32 {
  let h: u64 = 0;
  for (let i: usize = 0; i < KEY_SIZE; i += 8) {
    h += <u64>(load<u32>(key + i) + load<u32>(SECRET + i)) * <u64>(load<u32>(key + i, 4) + load<u32>(SECRET + i, 4));
  }
  return <u32>(((h ^ (h >> 32)) * 0x9e3779b97f4a7c15) >> 32);
}

function sameKey(q: Queue): bool {
  const key = changetype<usize>(q) + QUEUE_KEY;
  let difference: u64 = 0;
  for (let i: usize = 0; i < KEY_SIZE; i += 8) difference |= load<u64>(key + i) ^ load<u64>(KEY + i);
  return difference == 0;
}

/** The queue with the key, or 0. */
export function find(): u32 {
  let n = load<u32>(queueHead(hashOf(KEY)));
  while (n && !sameKey(queueAt(n))) n = queueAt(n).inHash;
  return n;
}

// ---- beginning and end

/** A new queue with the key; two blocks must be free. */
export function open(p: Packet, frame: u32): u32 {
  const n = takeBlock();
  const q = queueAt(n);
  memory.copy(changetype<usize>(q) + QUEUE_KEY, KEY, KEY_SIZE);
  q.last = n;
  q.blocks = 1;
  q.memory = p.l3num == L3_IPV4 ? QUEUE_TRUESIZE4 : QUEUE_TRUESIZE6;
  const family = familyOf(p.l3num);
  family.memory += q.memory;
  ++family.queues;
  const head = queueHead(hashOf(KEY));
  q.inHash = load<u32>(head);
  store<u32>(head, n);
  begin(q, frame);
  file(n);
  if (p.l3num == L3_IPV4 && setting(SYSCTL_IPFRAG_MAX_DIST) != 0) q.peer = joinPeer(load<u32>(p.src));
  return n;
}

function begin(q: Queue, frame: u32): void {
  const timeout = timeoutOf(l3numOf(q) == L3_IPV4 ? TIMEOUT_FRAG4 : TIMEOUT_FRAG6);
  q.deadline = now + timeout;
  q.frame = frame;
  q.intact = 0xffffffff;
}

// @ts-ignore: decorator
@inline
export function l3numOf(q: Queue): u32 {
  return load<u8>(changetype<usize>(q), QUEUE_KEY + 40);
}

// From the newest backwards: nearly always the first place, other ones only after the sysctl was changed.
function file(n: u32): void {
  const q = queueAt(n);
  const family = familyOf(l3numOf(q));
  let older = family.newest;
  let newer: u32 = 0;
  while (older && queueAt(older).deadline > q.deadline) {
    newer = older;
    older = queueAt(older).older;
  }
  q.older = older;
  q.newer = newer;
  if (older) queueAt(older).newer = n;
  else family.oldest = n;
  if (newer) queueAt(newer).older = n;
  else family.newest = n;
}

function unfile(q: Queue): void {
  const family = familyOf(l3numOf(q));
  if (q.older) queueAt(q.older).newer = q.newer;
  else family.oldest = q.newer;
  if (q.newer) queueAt(q.newer).older = q.older;
  else family.newest = q.older;
}

/** Frees a queue with all it holds. */
export function close(n: u32): void {
  const q = queueAt(n);
  unfile(q);
  removeFromHash(n, q);
  if (q.peer) leavePeer(q.peer);
  const family = familyOf(l3numOf(q));
  family.memory -= q.memory;
  --family.queues;
  freeChain(n, q.last, q.blocks);
  if (familyOf(L3_IPV4).queues == 0 && familyOf(0).queues == 0) clearAll();
}

// Nothing waits any more: peers go, too, and a snapshot has nothing to store.
function clearAll(): void {
  clearBlocks();
  slabs = 0;
  freePeer = 0;
}

function removeFromHash(n: u32, q: Queue): void {
  let link = queueHead(hashOf(changetype<usize>(q) + QUEUE_KEY));
  while (load<u32>(link) != n) link = changetype<usize>(queueAt(load<u32>(link))) + offsetof<Queue>("inHash");
  store<u32>(link, q.inHash);
}

/** Lets a queue begin anew with the packet at hand: it keeps its key, its peer and nothing else. */
export function restart(n: u32, frame: u32): void {
  const q = queueAt(n);
  unfile(q);
  if (q.next) freeChain(q.next, q.last, q.blocks - 1);
  const family = familyOf(l3numOf(q));
  family.memory -= q.memory - QUEUE_TRUESIZE4;
  q.memory = QUEUE_TRUESIZE4;
  q.next = 0;
  q.last = n;
  q.blocks = 1;
  q.length = 0;
  q.filled = 0;
  q.tail = 0;
  q.table = 0;
  q.headerBlock = 0;
  q.header = 0;
  q.flags = 0;
  q.ecn = 0;
  memory.fill(changetype<usize>(q) + QUEUE_PAGES, 0, PAGES * 2);
  begin(q, frame);
  file(n);
}

/** Ends the queues whose time is up: 50 ns each, and no more than the thresholds let in (0.25 ms for 4600, measured). */
export function expireQueues(): void {
  expire(familyOf(L3_IPV4));
  expire(familyOf(0));
}

function expire(family: Family): void {
  while (family.oldest && queueAt(family.oldest).deadline <= now) close(family.oldest);
}

/** Accounts for a fragment that stays. */
export function charge(q: Queue, bytes: u32): void {
  q.memory += bytes;
  familyOf(l3numOf(q)).memory += bytes;
}

// ---- blocks of a queue

/** Takes a block into the chain of a queue. */
export function extend(q: Queue): u32 {
  const n = takeBlock();
  store<u32>(blockAt(q.last), n);
  q.last = n;
  ++q.blocks;
  return n;
}

// Where the number of a data block stands, or 0 when the table for it is missing.
function pageSlot(q: Queue, page: u32): usize {
  assert(page < 2 * PAGES);
  if (page < PAGES) return changetype<usize>(q) + QUEUE_PAGES + (<usize>page << 1);
  return q.table ? blockAt(q.table) + BLOCK_DATA + (<usize>(page - PAGES) << 1) : 0;
}

/** The data block of bytes page × 512 …, or 0. */
export function pageOf(q: Queue, page: u32): u32 {
  const slot = pageSlot(q, page);
  return slot ? load<u16>(slot) : 0;
}

/** The same; takes it, and the table it stands in, if it is missing. */
export function getPage(q: Queue, page: u32): u32 {
  if (page >= PAGES && q.table == 0) q.table = extend(q);
  const slot = pageSlot(q, page);
  let n = <u32>load<u16>(slot);
  if (n == 0) {
    n = extend(q);
    store<u16>(slot, <u16>n);
  }
  return n;
}

/** Keeps the header of the first fragment; the blocks of a long one follow each other in the chain. */
export function keepHeader(q: Queue, from: usize, length: u32): void {
  q.header = length;
  if (length <= BLOCK_SIZE - QUEUE_HEADER) {
    memory.copy(changetype<usize>(q) + QUEUE_HEADER, from, length);
    return;
  }
  for (let done: u32 = 0; done < length; done += DATA_SIZE) {
    const n = extend(q);
    if (done == 0) q.headerBlock = n;
    memory.copy(blockAt(n) + BLOCK_DATA, from + done, min(DATA_SIZE, length - done));
  }
}

export function copyHeader(q: Queue, to: usize): void {
  if (q.headerBlock == 0) {
    memory.copy(to, changetype<usize>(q) + QUEUE_HEADER, q.header);
    return;
  }
  let n = q.headerBlock;
  for (let done: u32 = 0; done < q.header; done += DATA_SIZE) {
    memory.copy(to + done, blockAt(n) + BLOCK_DATA, min(DATA_SIZE, q.header - done));
    n = load<u32>(blockAt(n));
  }
}

// ---- peers: how many fragments an IPv4 source has sent, while any of its queues is there
//
//   0        4     8        12     16
//   │ source │ rid │ queues │ next │        next in the hash chain, or the next free one
//
// A peer is the offset of its record in the region; records come from blocks cut into 33, which stay peers'.

const PEER_SIZE: u32 = 16;

@unmanaged
class Peer {
  source: u32;
  rid: u32;
  queues: u32;
  next: u32;
}

let slabs: u32 = 0;
let freePeer: u32 = 0;

// @ts-ignore: decorator
@inline
function peerAt(offset: u32): Peer {
  return changetype<Peer>(FRAGMENTS + offset);
}

function peerHash(source: u32): u32 {
  return <u32>((<u64>(source + load<u32>(SECRET)) * <u64>(load<u32>(SECRET, 4) | 1)) >> 32);
}

function joinPeer(source: u32): u32 {
  const head = peerHead(peerHash(source));
  let peer = load<u32>(head);
  while (peer && peerAt(peer).source != source) peer = peerAt(peer).next;
  if (peer == 0) {
    if (freePeer == 0) cutSlab();
    peer = freePeer;
    const p = peerAt(peer);
    freePeer = p.next;
    p.source = source;
    p.rid = 0;
    p.queues = 0;
    p.next = load<u32>(head);
    store<u32>(head, peer);
  }
  ++peerAt(peer).queues;
  return peer;
}

function cutSlab(): void {
  const first = <u32>(blockAt(takeBlock()) - FRAGMENTS);
  ++slabs;
  for (let at: u32 = 0; at + PEER_SIZE <= BLOCK_SIZE; at += PEER_SIZE) {
    peerAt(first + at).next = freePeer;
    freePeer = first + at;
  }
}

function leavePeer(peer: u32): void {
  const p = peerAt(peer);
  if (--p.queues) return;
  let link = peerHead(peerHash(p.source));
  while (load<u32>(link) != peer) link = changetype<usize>(peerAt(load<u32>(link))) + offsetof<Peer>("next");
  store<u32>(link, p.next);
  p.next = freePeer;
  freePeer = peer;
}

/**
 * Counts a fragment of the queue's source. True if more than ipfrag_max_dist of them have come since the last one of
 * this queue: the identification may have wrapped around, and what is there belong to another datagram.
 */
export function tooFar(q: Queue): bool {
  const most = setting(SYSCTL_IPFRAG_MAX_DIST);
  if (q.peer == 0 || most == 0) return false;
  const rid = ++peerAt(q.peer).rid;
  const distance = rid - q.rid;
  q.rid = rid;
  return q.filled != 0 && <u64>distance > most;
}

// ---- creation and snapshots

/** Prepares the region; once, after the hash was seeded. */
export function placeQueues(): void {
  placeBlocks();
  for (let i: usize = 0; i < KEY_SIZE; i += 8) store<u64>(SECRET + i, random64());
}

export const QUEUES_STATE_SIZE: u32 = BLOCKS_STATE_SIZE + 32 + KEY_SIZE + 8;

export function saveQueues(at: usize): void {
  expireQueues();
  saveBlocks(at);
  at += BLOCKS_STATE_SIZE;
  memory.copy(at, FAMILIES, 32);
  memory.copy(at + 32, SECRET, KEY_SIZE);
  at += 32 + KEY_SIZE;
  store<u32>(at, slabs);
  store<u32>(at, freePeer, 4);
}

export function loadQueues(at: usize): void {
  loadBlocks(at);
  at += BLOCKS_STATE_SIZE;
  memory.copy(FAMILIES, at, 32);
  memory.copy(SECRET, at + 32, KEY_SIZE);
  at += 32 + KEY_SIZE;
  slabs = load<u32>(at);
  freePeer = load<u32>(at, 4);
}

/** Bytes of the region a snapshot stores: none when nothing waits. */
export function queueBytes(): u32 {
  return familyOf(L3_IPV4).queues + familyOf(0).queues ? blockBytes() : 0;
}

/** For tests: 0, or the number of the first broken promise. */
export function checkQueues(): u32 {
  let blocks: u32 = slabs;
  for (let f: u32 = 0; f < 2; ++f) {
    const family = familyOf(f == 0 ? L3_IPV4 : 0);
    let count: u32 = 0;
    let bytes: u32 = 0;
    let time: u64 = 0;
    let older: u32 = 0;
    for (let n = family.oldest; n; n = queueAt(n).newer) {
      const q = queueAt(n);
      if (++count > family.queues) return 1;
      if (q.older != older || q.deadline < time) return 2;
      let held: u32 = 1;
      let last = n;
      for (let b = q.next; held < q.blocks; b = load<u32>(blockAt(b))) {
        last = b;
        ++held;
      }
      if (last != q.last) return 3;
      blocks += held;
      bytes += q.memory;
      time = q.deadline;
      older = n;
    }
    if (count != family.queues || bytes != family.memory || older != family.newest) return 4;
  }
  if (!checkBlocks(blocks)) return 5;
  let hashed: u32 = 0;
  for (let h: u32 = 0; h < QUEUE_HEADS; ++h) {
    for (let n = load<u32>(queueHead(h)); n; n = queueAt(n).inHash) ++hashed;
  }
  return hashed == familyOf(L3_IPV4).queues + familyOf(0).queues ? 0 : 6;
}
