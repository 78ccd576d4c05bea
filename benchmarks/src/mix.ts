// A capture as a busy link gives one: many short conversations, few long ones that carry most packets (Pareto), TCP
// with handshake, data, acknowledgements and end, UDP and ICMP questions and answers, IPv4 and IPv6.
//
// `concurrent` conversations run at a time. One of them, drawn at random, has its turn: a packet, or a burst when it is
// long, so that even the longest one ends. Then its place goes to the next conversation.
import {
  ACK,
  addressFrame,
  FIN,
  type FlowIdentity,
  type Frame,
  ICMP,
  ICMPV6,
  identify,
  MAX_RECORD,
  newFrame,
  newIdentity,
  OPTIONS_NONE,
  OPTIONS_SYN,
  OPTIONS_TIMESTAMP,
  PSH,
  SYN,
  TCP,
  UDP,
  writeRecord,
} from "./packets.js";
import { Random } from "./splitmix.js";

export interface Mix {
  readonly flows: number;
  /** Packets in all, about. */
  readonly packets: number;
  readonly seed: number;
}

const CONCURRENT = 10_000;
const ALPHA = 1.2;
const SEGMENT = 1448;
/** Turns a conversation takes at most; longer ones send in bursts. */
const TURNS = 400;
/** A handshake and an end: no TCP conversation is shorter. */
const SHORTEST = 7;
const MICROS_PER_PACKET = 12;

/** One conversation under way. */
interface Conversation {
  readonly id: FlowIdentity;
  protocol: number;
  v6: boolean;
  /** Most of the data comes from the server. */
  download: boolean;
  /** Packets in all, and how many of them are out. */
  size: number;
  sent: number;
  clientSeq: number;
  serverSeq: number;
}

/** How long each conversation is: Pareto distributed, together about what the mix asks for. */
function sizesOf({ flows, packets }: Mix, random: Random): Uint32Array {
  const raw = Float64Array.from({ length: flows }, () => Math.min(random.pareto(1, ALPHA), flows / 10));
  const scale = packets / raw.reduce((sum, size) => sum + size, 0);
  return Uint32Array.from(raw, (size) => Math.max(1, Math.round(size * scale)));
}

/** Writes the packets of a mix as pcap records, chunk by chunk; a chunk is valid until the next one. */
export function* mixChunks(mix: Mix, chunkPackets: number): Generator<{ bytes: Uint8Array; packets: number }, void> {
  const random = new Random(mix.seed);
  const sizes = sizesOf(mix, random);
  const bytes = new Uint8Array(chunkPackets * MAX_RECORD);
  const view = new DataView(bytes.buffer);
  const frame = { ...newFrame(), checksum: true };
  let micros = 0;
  let begun = 0;
  const begin = (conversation: Conversation): Conversation => {
    open(conversation, begun, sizes[begun] as number, random);
    begun++;
    return conversation;
  };
  const running: Conversation[] = [];
  while (running.length < Math.min(CONCURRENT, mix.flows)) running.push(begin(newConversation()));
  let at = 0;
  let packets = 0;
  while (running.length > 0) {
    const place = random.below(running.length);
    const conversation = running[place] as Conversation;
    for (let left = 1 + Math.floor(conversation.size / TURNS); left > 0; left--) {
      micros += random.below(2 * MICROS_PER_PACKET);
      frame.second = 1_700_000_000 + Math.floor(micros / 1e6);
      frame.micros = micros % 1e6;
      step(conversation, frame);
      at = writeRecord(view, at, frame);
      if (++packets === chunkPackets) {
        yield { bytes: bytes.subarray(0, at), packets };
        at = 0;
        packets = 0;
      }
      if (conversation.sent === conversation.size) break;
    }
    if (conversation.sent < conversation.size) continue;
    if (begun < mix.flows) begin(conversation);
    else {
      running[place] = running[running.length - 1] as Conversation;
      running.pop();
    }
  }
  if (packets > 0) yield { bytes: bytes.subarray(0, at), packets };
}

function newConversation(): Conversation {
  return {
    id: newIdentity(),
    protocol: TCP,
    v6: false,
    download: true,
    size: 0,
    sent: 0,
    clientSeq: 0,
    serverSeq: 0,
  };
}

// Of ten conversations one is ICMP, three are UDP, six TCP; one in four is IPv6.
function open(conversation: Conversation, flow: number, size: number, random: Random): void {
  identify(flow, conversation.id);
  const kind = random.below(10);
  conversation.v6 = random.below(4) === 0;
  conversation.protocol = kind > 3 ? TCP : kind > 0 ? UDP : conversation.v6 ? ICMPV6 : ICMP;
  conversation.download = random.below(10) < 8;
  conversation.size = conversation.protocol === TCP ? Math.max(size, SHORTEST) : size;
  conversation.sent = 0;
  conversation.clientSeq = conversation.id.clientSeq;
  conversation.serverSeq = conversation.id.serverSeq;
}

/** Fills in the next packet of a conversation. */
function step(conversation: Conversation, frame: Frame): void {
  const number = conversation.sent++;
  if (conversation.protocol === TCP) {
    tcpStep(conversation, number, frame);
    return;
  }
  // question and answer in turn
  const reply = number % 2 === 1;
  address(conversation, reply, frame);
  frame.payload = 64;
  if (conversation.protocol === UDP) return;
  const [request, answer] = conversation.v6 ? [128, 129] : [8, 0];
  frame.sport = (reply ? answer : request) << 8;
  frame.dport = conversation.id.clientPort;
  frame.seq = (number >> 1) & 0xffff;
}

function address({ id, protocol, v6 }: Conversation, reply: boolean, frame: Frame): void {
  frame.v6 = v6;
  frame.protocol = protocol;
  addressFrame(frame, id, reply);
}

// SYN, SYN/ACK, ACK; two segments and an acknowledgement, again and again; FIN, FIN, ACK.
function tcpStep(conversation: Conversation, number: number, frame: Frame): void {
  const left = conversation.size - number;
  const opening = number < 3;
  const closing = left <= 3;
  const isAck = opening || closing ? false : (number - 3) % 3 === 2;
  const bySender = conversation.download !== isAck;
  const reply = opening ? number === 1 : closing ? left === 2 : bySender;
  address(conversation, reply, frame);
  frame.seq = reply ? conversation.serverSeq : conversation.clientSeq;
  frame.ack = number === 0 ? 0 : reply ? conversation.clientSeq : conversation.serverSeq;
  frame.window = number < 2 ? 64240 : 1024;
  frame.options = number < 2 ? OPTIONS_SYN : closing ? OPTIONS_NONE : OPTIONS_TIMESTAMP;
  frame.payload = opening || closing || isAck ? 0 : SEGMENT;
  frame.flags = number < 2 ? SYN | (number === 1 ? ACK : 0) : closing && left > 1 ? FIN | ACK : ACK;
  if (frame.payload > 0) frame.flags |= PSH;
  const length = frame.payload + (frame.flags & (SYN | FIN) ? 1 : 0);
  if (reply) conversation.serverSeq = (conversation.serverSeq + length) >>> 0;
  else conversation.clientSeq = (conversation.clientSeq + length) >>> 0;
}
