// Where a fragment belongs among those that came before it. The kernel keeps runs: a fragment that continues the run
// with the highest end is appended to it, any other one is a run of its own, even where two runs touch. What lies
// within one run is a duplicate, what overlaps in any other way spoils the datagram (RFC 5722, for IPv4 as well).
//
// Here a run is a row of covered units of 8 bytes, its first one marked as a start: offsets are multiples of 8, and so
// is every end but that of the datagram, so that units tell as much as bytes. A fragment costs a step per 512 bytes,
// however many runs there are.
import { blockAt, BLOCK_DATA, DATA_SIZE } from "./blocks";
import { getPage, pageOf, Queue } from "./queue";

export const PLACED: u32 = 0;
export const DUPLICATE: u32 = 1;
export const OVERLAP: u32 = 2;

const COVERED: usize = 8;
const STARTS: usize = 16;
const UNITS: u32 = 64; // of 8 bytes in a data block

// Bits of the units first … last that lie in a page.
// @ts-ignore: decorator
@inline
function unitsOf(page: u32, first: u32, last: u32): u64 {
  const base = page * UNITS;
  const low = first > base ? first - base : 0;
  const high = min(last - base, UNITS - 1);
  return (~(<u64>0) >> (63 - (high - low))) << low;
}

/** Puts bytes [offset, end) into a queue, of which `captured` at `data` are there; the blocks must be free. */
export function place(q: Queue, offset: u32, end: u32, data: usize, captured: u32): u32 {
  assert(end > offset && (offset & 7) == 0);
  const first = offset >> 3;
  const last = (end - 1) >> 3;
  const found = compare(q, first, last);
  if (found != PLACED) return found;
  const continues = q.filled != 0 && offset == q.tail;
  for (let page = first / UNITS; page <= last / UNITS; ++page) {
    const block = blockAt(getPage(q, page));
    store<u64>(block, load<u64>(block, COVERED) | unitsOf(page, first, last), COVERED);
    if (page == first / UNITS && !continues) store<u64>(block, load<u64>(block, STARTS) | ((<u64>1) << (first % UNITS)), STARTS);
  }
  write(q, offset, min(end - offset, captured), data);
  q.filled += end - offset;
  if (end > q.tail) q.tail = end;
  return PLACED;
}

function compare(q: Queue, first: u32, last: u32): u32 {
  let any = false;
  let all = true;
  let inner = false; // a run begins behind the first unit
  for (let page = first / UNITS; page <= last / UNITS; ++page) {
    const n = pageOf(q, page);
    if (n == 0) {
      all = false;
      continue;
    }
    const units = unitsOf(page, first, last);
    const covered = load<u64>(blockAt(n), COVERED) & units;
    let starts = load<u64>(blockAt(n), STARTS) & units;
    if (page == first / UNITS) starts &= ~((<u64>1) << (first % UNITS));
    if (covered) any = true;
    if (covered != units) all = false;
    if (starts) inner = true;
  }
  if (!any) return PLACED;
  return all && !inner ? DUPLICATE : OVERLAP;
}

// Blocks begin as zeros, and so stays what the capture does not hold.
function write(q: Queue, offset: u32, length: u32, data: usize): void {
  const end = offset + length;
  while (offset < end) {
    const within = offset % DATA_SIZE;
    const n = min(DATA_SIZE - within, end - offset);
    memory.copy(blockAt(pageOf(q, offset / DATA_SIZE)) + BLOCK_DATA + within, data, n);
    offset += n;
    data += n;
  }
}

/** Copies the first `length` bytes, all of which have come. */
export function read(q: Queue, length: u32, to: usize): void {
  for (let offset: u32 = 0; offset < length; offset += DATA_SIZE) {
    memory.copy(to + offset, blockAt(pageOf(q, offset / DATA_SIZE)) + BLOCK_DATA, min(DATA_SIZE, length - offset));
  }
}
