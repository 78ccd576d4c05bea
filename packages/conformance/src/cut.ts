// Of a packet the capture cut, the kernel gets one filled up with zeros. Where it would read them as something they were not
// (options, chunks, what a datagram is put together from), there is nothing to compare.

import { ETHERTYPE_IPV6 } from "./link-layers.js";

const TCP = 6;
const SCTP = 132;
const FRAGMENT = 44;
const AUTHENTICATION = 51;
/** Hop-by-hop, routing, destination options, mobility, HIP, shim6. */
const EXTENSIONS: readonly number[] = [0, 43, 60, 135, 139, 140];
const INIT_CHUNKS: readonly number[] = [1, 2];

/** Why the kernel would read what the capture does not have; null if it would not. `kept` ends where the capture does. */
export function whyUntellable(kept: Uint8Array, etherType: number): string | null {
  const found = etherType === ETHERTYPE_IPV6 ? behindIpv6(kept) : behindIpv4(kept);
  if (found === null) return null;
  const { protocol, at, isFragment } = found;
  const end = etherType === ETHERTYPE_IPV6 ? 40 + u16(kept, 4) : u16(kept, 2);
  if (isFragment) return "a fragment of which a part was captured (snaplen)";
  if (protocol === TCP && at + ((kept[at + 12] ?? 0) >> 4) * 4 > kept.length)
    return "cut within its TCP options (snaplen)";
  if (protocol === SCTP && !hasChunks(kept, at, end)) return "cut within a chunk that is read (snaplen)";
  return null;
}

interface Transport {
  readonly protocol: number;
  readonly at: number;
  readonly isFragment: boolean;
}

const u16 = (bytes: Uint8Array, at: number): number => ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);

const behindIpv4 = (kept: Uint8Array): Transport => ({
  protocol: kept[9] ?? 0,
  at: ((kept[0] ?? 0) & 15) * 4,
  isFragment: (u16(kept, 6) & 0x3fff) !== 0,
});

/** null if it is not among what was captured. */
function behindIpv6(kept: Uint8Array): Transport | null {
  let isFragment = false;
  let protocol = kept[6] ?? 0;
  for (let at = 40; at + 8 <= kept.length; ) {
    if (protocol === FRAGMENT) isFragment ||= (u16(kept, at + 2) & 0xfff9) !== 0;
    else if (protocol !== AUTHENTICATION && !EXTENSIONS.includes(protocol)) return { protocol, at, isFragment };
    const length = kept[at + 1] as number;
    const size = protocol === FRAGMENT ? 8 : protocol === AUTHENTICATION ? (length + 2) * 4 : (length + 1) * 8;
    protocol = kept[at] as number;
    at += size;
  }
  return isFragment ? { protocol, at: kept.length, isFragment } : null;
}

/** The head of every chunk, and the initiate tag of those that have one. */
function hasChunks(kept: Uint8Array, start: number, end: number): boolean {
  for (let at = start + 12; at + 4 <= end; at += (u16(kept, at + 2) + 3) & ~3) {
    const isInit = INIT_CHUNKS.includes(kept[at] ?? 0);
    if (at + (isInit ? 8 : 4) > kept.length) return false;
    if (u16(kept, at + 2) === 0) return true;
  }
  return true;
}
