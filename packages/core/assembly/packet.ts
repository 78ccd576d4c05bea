// Packet: what decoding says of one packet, 128 bytes. A batch of them is decoded before the first is tracked;
// nothing in here depends on the table.
//
//   0      16     24       28   32   36      40      44        48     56     57     58      59        60       61
//   │ key  │ hash │ ip     │ l4 │ l4Length │ l4Captured │ ipLength │ candidate │ time │ kind │ swapped │ l3num │ l4proto │ reason │ notes
//
// key, hash   canonical key of the packet's tuple; of an ICMP error: of the packet it quotes
// ip, l4      addresses of the network and the transport header in the input
// l4Length    bytes of IP payload from the transport header on, by the IP header; l4Captured: how many are there
// ipLength    length of the IP packet, for accounting
// candidate   address of the conn most likely to have the key
// kind        what to do with it, KIND_*
// swapped     the tuple is the swapped form of the key; SELF when both sides are equal
// reason      first failed check: before the tuple (KIND_NONE, KIND_INVALID), or of the transport header (KIND_TRACK)
// a6, b6      IPv6 addresses of side A and B
// src, dst    the packet's own addresses
// datum       a number that goes with the reason
// seq … doff  TCP, in host order
// link, frame LINKTYPE_ number and address of the frame it came in
// foreign     another shard's (shard.ts)
// zoneDirs    directions its zone holds for; 0 both
// record      RECORD_NOTRACK, RECORD_DROP; policy: number of the timeout policy for a new conn
@unmanaged
export class Packet {
  key0: u64;
  key1: u64;
  hash: u64;
  ip: u32;
  l4: u32;
  l4Length: u32;
  l4Captured: u32;
  ipLength: u32;
  candidate: u32;
  time: u64;
  kind: u8;
  swapped: u8;
  l3num: u8;
  l4proto: u8;
  reason: u8;
  notes: u8;
  link: u16;
  a6: u32;
  b6: u32;
  src: u32;
  dst: u32;
  datum: u32;
  seq: u32;
  ack: u32;
  window: u16;
  flags: u8;
  doff: u8;
  fragmentId: u32;
  fragmentOffset: u32;
  length: u32;
  zone: u16;
  iface: u16;
  record: u16;
  policy: u16;
  frame: u32;
  foreign: u8;
  zoneDirs: u8;
  spare2: u16;
  spare3: u32;
}

/** Packets that are decoded in a row, before the first of them is tracked. */
export const BATCH: u32 = 64;

/** The IP layer or the capture keeps it from connection tracking. */
export const KIND_NONE: u8 = 0;
/** Has the tuple of a TCP packet, its header is still to be read: completeTcp(). */
export const KIND_TCP: u8 = 7;
/** The same of an ACK as proto/tcp-fast.ts takes it: its flags, its options and the length of its header fit. */
export const KIND_ACK: u8 = 9;
/** Has a tuple; `reason` may say that its transport header is bad. */
export const KIND_TRACK: u8 = 1;
/** An ICMP error with a quoted tuple. */
export const KIND_ERROR: u8 = 2;
/** INVALID before the table is asked. */
export const KIND_INVALID: u8 = 3;
/** INVALID by the ICMP checks, which count elsewhere. */
export const KIND_ICMP_INVALID: u8 = 4;
export const KIND_UNTRACKED: u8 = 5;
export const KIND_FRAGMENT: u8 = 6;

/** Belongs to another shard, and nothing about it matters to this one. */
export const KIND_FOREIGN: u8 = 8;
/** In `record`, above what a record says: belongs to another shard and may matter all the same. */
export const RECORD_FOREIGN: u32 = 1 << 8;

/** `swapped` of a tuple that equals its own inverse. */
export const SELF: u8 = 2;

if (offsetof<Packet>() != 128) ERROR("Packet is not 128 bytes");
