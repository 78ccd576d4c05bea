// A block of packets in one call: decode 64, touch what they will need, then track them one by one. An engine that is one of
// several (shard.ts) decodes its own only.
//
// wasm has no prefetch; early plain loads in tight loops of their own let the cache misses overlap. At a million
// flows that is worth a factor of four over packet by packet (docs/decisions/0003-batches.md).
import {
  FRAMING_NANOSECONDS, FRAMING_PCAP, FRAMING_SWAPPED, L3_IPV6, NOTE_BAD_CHECKSUM, NOTE_CHECKSUM_SEEN, RECORD_DROP, RECORD_HEADER, RECORD_NOTRACK, RESULT_FOREIGN, RESULT_OPENED, RESULT_SIZE,
  STAT_BAD_CHECKSUM, STAT_CHECKSUM_SEEN, TRACE_SIZE,
} from "./abi";
import { be32 } from "./bytes";
import { addr6Of, Conn, extAt, slotOf } from "./conn";
import { INPUT, INPUT_SIZE, MAX_PACKETS, PLACES, RESULTS, RULES, TRACES } from "./memory-map";
import { advanceTo, clearBefore, connNumber, copied, direction, opened, state, trackPacket, verdict } from "./conntrack";
import { decodeFast, decodeGathered, decodeRun, decodeRun6, runEnd } from "./decode/fast";
import { decode } from "./decode/index";
import { verifyBatch } from "./decode/verify";
import { filtering, rule } from "./filter/program";
import { collect, COLLECTOR_STEPS, collectorWanted, PASS } from "./early-drop";
import { attention, setAttention } from "./attention";
import { prepareCommon, skipForeign, trackCommon } from "./common";
import { hasRoomFor } from "./event";
import { frame, setFrame } from "./frame";
import { gather, GATHERED, GATHERED_SIZE, gatherEnd, gatherPlace, gatherTime, UNTOLD } from "./gather";
import { forgetAsked } from "./helper/index";
import { BATCH, KIND_ACK, KIND_FOREIGN, KIND_FRAGMENT, KIND_TCP, Packet } from "./packet";
import { timestamps, tracing, verifyChecksums } from "./settings";
import { claim, isForeign, namesHelper, NOBODY, ownerOf, setIndex, shard, shards, standsAlone } from "./shard";
import { bump } from "./stats";
import { candidateIn, groupAt, groupOf, growIfWanted, rekeyIfWanted } from "./table";
import { finishOpening, nextDue, now, renewWork, setNow, startClock, workLeft } from "./timer";
import { reason } from "./why";
import { writeTrace } from "./trace";

const LINK_ETHERNET: u32 = 1;
const PCAP_HEADER: u32 = 16;
const PACKET_SIZE: u32 = 128;
const PACKETS: usize = memory.data(BATCH * PACKET_SIZE, 64);

/** Offset in the input region where the next call goes on. */
export let consumed: u32 = 0;
/** Why the call ended before the input did. */
export let stopped: u32 = 0;
/** The results or the packets per call are used up, or nothing stopped it. */
export const STOP_NONE: u32 = 0;
/** The reader of events has to catch up, or what time brought used up the call's budget: call again. */
export const STOP_BUSY: u32 = 1;
/** The record at `consumed` does not fit the input. */
export const STOP_MALFORMED: u32 = 2;

/** Keeps the early loads alive. */
export let touched: u32 = 0;

// ---- records

let cursor: u32 = 0; // offset of the next record
let recordTime: u64 = 0;
let recordLength: u32 = 0;
let recordCaptured: u32 = 0;
let recordLink: u32 = 0;
let recordInterface: u32 = 0;
let recordFlags: u32 = 0;
let recordBytes: usize = 0;

// Reads the header at `cursor` and moves behind the record; false when it is not all there.
function nextRecord(framing: u32, link: u32, length: u32): bool {
  const at = INPUT + cursor;
  const left = length - cursor;
  if (framing & FRAMING_PCAP) {
    if (left < 16) return false;
    const swapped = (framing & FRAMING_SWAPPED) != 0;
    const seconds = <u64>(swapped ? be32(at) : load<u32>(at));
    const fraction = <u64>(swapped ? be32(at, 4) : load<u32>(at, 4));
    recordCaptured = swapped ? be32(at, 8) : load<u32>(at, 8);
    recordLength = swapped ? be32(at, 12) : load<u32>(at, 12);
    if (recordCaptured > left - 16) return false;
    recordTime = seconds * 1_000_000_000 + (framing & FRAMING_NANOSECONDS ? fraction : fraction * 1000);
    recordLink = link;
    recordInterface = 0;
    recordFlags = 0;
    recordBytes = at + 16;
    cursor += 16 + recordCaptured;
    return true;
  }
  if (left < <u32>RECORD_HEADER) return false;
  recordTime = load<u64>(at);
  recordLength = load<u32>(at, 8);
  recordCaptured = load<u32>(at, 12);
  recordLink = load<u16>(at, 16);
  recordInterface = load<u16>(at, 18);
  recordFlags = load<u32>(at, 20);
  if (recordCaptured > left - <u32>RECORD_HEADER) return false;
  recordBytes = at + RECORD_HEADER;
  cursor = min<u32>(length, (cursor + RECORD_HEADER + recordCaptured + 7) & ~7);
  return true;
}

// @ts-ignore: decorator
@inline
function packetAt(i: u32): Packet {
  return changetype<Packet>(PACKETS + <usize>i * PACKET_SIZE);
}

// ---- the call

/**
 * Tracks the records from `start` to `length` in the input region (packet records: `start` is a multiple of 8). Returns
 * the number of packets done; `consumed` and `stopped` say where to go on, and why.
 */
export function track(framing: u32, link: u32, length: u32, start: u32): u32 {
  cursor = start;
  consumed = start;
  stopped = STOP_NONE;
  if (length > INPUT_SIZE) length = INPUT_SIZE;
  renewWork();
  rekeyIfWanted();
  growIfWanted();
  placed = shards > 1 && !tracing && standsAlone();
  if (placed) return trackOwn(framing, link, length);
  const common = prepareCommon();
  let done: u32 = 0;
  while (cursor < length && done < MAX_PACKETS) {
    const most = min<u32>(BATCH, MAX_PACKETS - done);
    const n = framing == FRAMING_PCAP && link == LINK_ETHERNET ? decodePcap(length, most) : decodeBatch(framing, link, length, most);
    if (shards > 1) for (let k: u32 = 0; k < n; ++k) claim(packetAt(k));
    if (verifyChecksums) verifyBatch(PACKETS, PACKETS + <usize>n * PACKET_SIZE);
    touchBatch(n);
    // two calls of trackCommon() so that it stays a function of its own (docs/decisions/0010-hot-path.md)
    let i: u32 = common ? trackCommon(PACKETS, 0, n, done) : 0;
    while (i < n) {
      const p = packetAt(i);
      if (p.time < nextDue && !attention) {
        if (p.time > now) setNow(p.time);
      } else if (!prepareTime(p.time)) {
        consumed = p.frame - <u32>INPUT - (framing & FRAMING_PCAP ? PCAP_HEADER : RECORD_HEADER);
        stopped = STOP_BUSY;
        return done + i;
      }
      if (p.kind == KIND_FOREIGN) skipForeign(done + i);
      else trackOne(p, done + i);
      ++i;
      if (common) i = trackCommon(PACKETS, i, n, done + i);
    }
    done += n;
    consumed = cursor;
    if (stopped == STOP_MALFORMED) break;
  }
  return done;
}

function decodeBatch(framing: u32, link: u32, length: u32, most: u32): u32 {
  let n: u32 = 0;
  while (n < most && cursor < length) {
    if (!nextRecord(framing, link, length)) {
      stopped = STOP_MALFORMED;
      break;
    }
    decodeRecord(packetAt(n));
    ++n;
  }
  return n;
}

// The record nextRecord() has read.
function decodeRecord(p: Packet): void {
  p.time = recordTime;
  p.link = <u16>recordLink;
  p.frame = <u32>recordBytes;
  store<u32>(changetype<usize>(p), (recordFlags >> 16) | (recordInterface << 16), offsetof<Packet>("zone"));
  store<u32>(changetype<usize>(p), (recordFlags & 0xff) | ((recordFlags & 0xff00) << 8), offsetof<Packet>("record"));
  if (recordLink != LINK_ETHERNET || !decodeFast(p, recordBytes, recordCaptured, recordLength, <u32>p.zone)) {
    decode(p, recordLink, recordBytes, recordCaptured, recordLength);
  }
  if (p.kind == KIND_ACK && <u32>p.record & (RECORD_NOTRACK | RECORD_DROP)) p.kind = KIND_TCP;
}

// The same for the commonest file: pcap in our byte order, microseconds, Ethernet. What lives in locals need not be
// written to globals and read back: 4 ns a packet (docs/decisions/0010-hot-path.md).
function decodePcap(length: u32, most: u32): u32 {
  const end = INPUT + length;
  let at = INPUT + cursor;
  let n: u32 = 0;
  for (;;) {
    n += decodeRun(PACKETS + <usize>n * PACKET_SIZE, PACKETS + <usize>most * PACKET_SIZE, at, end);
    at = runEnd;
    if (n >= most || at >= end) break;
    n += decodeRun6(PACKETS + <usize>n * PACKET_SIZE, PACKETS + <usize>most * PACKET_SIZE, at, end);
    at = runEnd;
    if (n >= most || at >= end) break;
    const left = <u32>(end - at);
    const captured: u32 = left < 16 ? 0 : load<u32>(at, 8);
    if (left < 16 || captured > left - 16) {
      stopped = STOP_MALFORMED;
      break;
    }
    const p = packetAt(n);
    const onWire = load<u32>(at, 12);
    p.time = <u64>load<u32>(at) * 1_000_000_000 + <u64>load<u32>(at, 4) * 1000;
    p.frame = <u32>at + 16;
    store<u64>(changetype<usize>(p), 0, offsetof<Packet>("zone")); // and interface, record, policy
    if (!decodeFast(p, at + 16, captured, onWire, 0)) {
      p.link = <u16>LINK_ETHERNET;
      decode(p, LINK_ETHERNET, at + 16, captured, onWire);
    }
    at += 16 + captured;
    ++n;
    if (n >= most || at >= end) break;
  }
  cursor = <u32>(at - INPUT);
  return n;
}

// ---- one of several engines
//
// A record of another shard costs a look at its addresses, and its time: the clock stands where it would have, when the
// next packet of this shard comes. Results lie one behind the other; PLACES has the record of each.

/** The results of the last call are those of this shard's packets alone. */
export let placed: bool = false;
/** How many. */
export let ownResults: u32 = 0;
/** The latest time of a record that was skipped. */
let skippedTime: u64 = 0;
/** Records of the call so far. */
let records: u32 = 0;

function trackOwn(framing: u32, link: u32, length: u32): u32 {
  const common = prepareCommon();
  const before = frame;
  records = 0;
  ownResults = 0;
  while (cursor < length && ownResults < MAX_PACKETS && stopped == STOP_NONE) {
    const most = min<u32>(BATCH, MAX_PACKETS - ownResults);
    const n = framing == FRAMING_PCAP && link == LINK_ETHERNET ? decodeOwnPcap(length, most) : decodeOwn(framing, link, length, most);
    if (verifyChecksums) verifyBatch(PACKETS, PACKETS + <usize>n * PACKET_SIZE);
    touchBatch(n);
    let i: u32 = common ? trackCommon(PACKETS, 0, n, ownResults) : 0;
    while (i < n) {
      const p = packetAt(i);
      const place = load<u32>(PLACES + (<usize>(ownResults + i) << 2));
      setFrame(before + place);
      if (p.time < nextDue && !attention) {
        if (p.time > now) setNow(p.time);
      } else if (!prepareTime(p.time)) {
        consumed = p.frame - <u32>INPUT - (framing & FRAMING_PCAP ? PCAP_HEADER : RECORD_HEADER);
        stopped = STOP_BUSY;
        skippedTime = p.time;
        ownResults += i;
        return place;
      }
      trackOne(p, ownResults + i);
      ++i;
      if (common) i = trackCommon(PACKETS, i, n, ownResults + i);
    }
    ownResults += n;
    consumed = cursor;
  }
  setFrame(before + records);
  // what is due and does not fit the call's budget waits for the next packet, or for advance()
  if (skippedTime > now) prepareTime(skippedTime);
  return records;
}

// As decodeBatch(), but for what is not this shard's. A record that names a helper ends the call, and being alone.
function decodeOwn(framing: u32, link: u32, length: u32, most: u32): u32 {
  let n: u32 = 0;
  while (n < most && cursor < length) {
    const at = cursor;
    if (!nextRecord(framing, link, length)) {
      stopped = STOP_MALFORMED;
      break;
    }
    if (namesHelper(recordFlags)) {
      cursor = at;
      stopped = STOP_BUSY;
      break;
    }
    const owner = recordLink == LINK_ETHERNET ? ownerOf(recordBytes, recordCaptured) : NOBODY;
    if (owner == NOBODY || owner == shard) {
      const p = packetAt(n);
      decodeRecord(p);
      if (keep(p, owner)) {
        store<u32>(PLACES + (<usize>(ownResults + n) << 2), records);
        ++n;
      }
    } else if (recordTime > skippedTime) skippedTime = recordTime;
    ++records;
  }
  return n;
}

// The same of the commonest file: those of this shard are gathered first, and then decoded.
function decodeOwnPcap(length: u32, most: u32): u32 {
  const end = INPUT + length;
  const until = GATHERED + <usize>(gather(INPUT + cursor, end, most, records, skippedTime) * GATHERED_SIZE);
  let n: u32 = 0;
  for (let from = GATHERED; from < until; ) {
    const k = decodeGathered(PACKETS + <usize>n * PACKET_SIZE, from, until, PLACES + (<usize>(ownResults + n) << 2));
    n += k;
    from += <usize>(k * GATHERED_SIZE);
    if (from >= until) break;
    if (decodeUncommon(packetAt(n), from)) {
      store<u32>(PLACES + (<usize>(ownResults + n) << 2), load<u32>(from, 4) & ~UNTOLD);
      ++n;
    }
    from += GATHERED_SIZE;
  }
  cursor = <u32>(gatherEnd - INPUT);
  records = gatherPlace;
  skippedTime = gatherTime;
  if (gatherEnd < end && until < GATHERED + <usize>(most * GATHERED_SIZE)) stopped = STOP_MALFORMED;
  return n;
}

// A gathered record; false when it is another shard's after all.
function decodeUncommon(p: Packet, gathered: usize): bool {
  const at = <usize>load<u32>(gathered);
  const captured = load<u32>(at, 8);
  const onWire = load<u32>(at, 12);
  p.time = load<u64>(gathered, 8);
  p.frame = <u32>at + 16;
  store<u64>(changetype<usize>(p), 0, offsetof<Packet>("zone")); // and interface, record, policy
  if (!decodeFast(p, at + 16, captured, onWire, 0)) {
    p.link = <u16>LINK_ETHERNET;
    decode(p, LINK_ETHERNET, at + 16, captured, onWire);
  }
  p.foreign = <u8>((load<u32>(gathered, 4) & UNTOLD) != 0 && isForeign(p));
  return !p.foreign || p.kind == KIND_FRAGMENT;
}

// Whether a packet that is decoded stays: this shard's, or a fragment, which every engine puts together.
function keep(p: Packet, owner: u32): bool {
  p.foreign = <u8>(owner == NOBODY && isForeign(p));
  if (p.foreign && p.kind != KIND_FRAGMENT) {
    if (p.time > skippedTime) skippedTime = p.time;
    return false;
  }
  if (p.time < skippedTime) p.time = skippedTime;
  return true;
}

function touchBatch(n: u32): void {
  const end = PACKETS + <usize>n * PACKET_SIZE;
  let sum: u32 = 0;
  for (let at = PACKETS; at < end; at += PACKET_SIZE) {
    const p = changetype<Packet>(at);
    const group = groupAt(groupOf(p.hash));
    p.candidate = <u32>group;
    sum += load<u32>(group);
  }
  for (let at = PACKETS; at < end; at += PACKET_SIZE) {
    const p = changetype<Packet>(at);
    p.candidate = candidateIn(p.candidate, p.hash);
  }
  for (let at = PACKETS; at < end; at += PACKET_SIZE) {
    const p = changetype<Packet>(at);
    const line = <usize>p.candidate;
    sum += load<u32>(line) + load<u32>(line, 64);
    if (p.l3num == L3_IPV6) sum += load<u32>(addr6Of(changetype<Conn>(line)));
  }
  if (tracing || timestamps) {
    for (let at = PACKETS; at < end; at += PACKET_SIZE) {
      const p = changetype<Packet>(at);
      if (tracing || p.kind != KIND_ACK) sum += load<u32>(extAt(slotOf(changetype<Conn>(p.candidate))));
    }
  }
  touched += sum;
}

// Ends what is due and lets the collector run. False when the packet has to wait for another call.
function prepareTime(time: u64): bool {
  startClock(time);
  if (collectorWanted()) {
    if (!hasRoomFor(PASS) || !finishOpening() || workLeft < COLLECTOR_STEPS) return false;
    collect();
  }
  if (!advanceTo(time) || !hasRoomFor(0)) return false;
  setAttention(false);
  return true;
}

function trackOne(p: Packet, index: u32): void {
  setIndex(index);
  trackPacket(p);
  if (p.foreign) {
    clearBefore();
    forgetAsked();
    store<u64>(RESULTS + <usize>index * RESULT_SIZE, <u64>RESULT_FOREIGN | (<u64>copied << 32));
    return;
  }
  if (p.notes & NOTE_CHECKSUM_SEEN) {
    bump(STAT_CHECKSUM_SEEN);
    if (p.notes & NOTE_BAD_CHECKSUM) bump(STAT_BAD_CHECKSUM);
  }
  store<u64>(
    RESULTS + <usize>index * RESULT_SIZE,
    <u64>(state | (direction << 8) | (reason << 16) | (verdict << 24)) | (<u64>connNumber << 32),
  );
  if (shards > 1 && opened) store<u8>(RESULTS + <usize>index * RESULT_SIZE, <u8>(direction | RESULT_OPENED), 1);
  if (filtering) store<u32>(RULES + (<usize>index << 2), rule);
  if (tracing) writeTrace(TRACES + <usize>index * TRACE_SIZE, p);
}

/** Lets time pass without a packet; false when there is more to do: call again. */
export function advance(time: u64): bool {
  startClock(time);
  renewWork();
  if (time < skippedTime) time = skippedTime;
  return advanceTo(time > now ? time : now);
}
