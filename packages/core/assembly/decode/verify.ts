// Checksums of what the fast decoder took: TCP and UDP whose bytes are all there. In a loop of its own, because a call in the
// loop that decodes costs every packet its registers (docs/decisions/0010-hot-path.md). The exact decoder sums by itself.
import { IPPROTO_TCP, IPPROTO_UDP, L3_IPV4, NOTE_BAD_CHECKSUM, NOTE_CHECKSUM_SEEN, REASON_CHECKSUM } from "../abi";
import { be16 } from "../bytes";
import { foldsToOnes, pseudoSum, sumBytes } from "../checksum";
import { KIND_ACK, KIND_TCP, KIND_TRACK, Packet } from "../packet";

/** Verifies what is to be verified among the packets from `at` to `end`. */
export function verifyBatch(at: usize, end: usize): void {
  for (; at < end; at += offsetof<Packet>()) verify(changetype<Packet>(at));
}

function verify(p: Packet): void {
  if (p.l4Captured != p.l4Length || p.notes & NOTE_CHECKSUM_SEEN) return;
  const kind = p.kind;
  if (kind == KIND_ACK || kind == KIND_TCP) {
    // a bad one is found again, and named, by completeTcp()
    if (sums(p, IPPROTO_TCP)) p.notes |= <u8>NOTE_CHECKSUM_SEEN;
    else p.kind = KIND_TCP;
  } else if (kind == KIND_TRACK && p.l4proto == <u8>IPPROTO_UDP && p.reason == 0 && load<u16>(p.l4, 6) != 0) {
    p.notes |= <u8>NOTE_CHECKSUM_SEEN;
    if (sums(p, IPPROTO_UDP)) return;
    p.notes |= <u8>NOTE_BAD_CHECKSUM;
    p.reason = <u8>REASON_CHECKSUM;
    p.datum = be16(p.l4, 6);
  }
}

// @ts-ignore: decorator
@inline
function sums(p: Packet, proto: u32): bool {
  return foldsToOnes(sumBytes(p.l4, p.l4Length) + pseudoSum(p.src, p.dst, p.l3num == L3_IPV4 ? 4 : 16, proto, p.l4Length));
}
