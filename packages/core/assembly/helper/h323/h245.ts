// H.245: logical channels. The one who opens a channel says where it wants the other's RTCP, or T.120; who acknowledges one, where the
// media go. All else in the protocol is passed over.
import { REASON_H323_UNREADABLE, VERDICT_ACCEPT, VERDICT_DROP } from "../../abi";
import { Conn } from "../../conn";
import { Packet } from "../../packet";
import { because } from "../../why";
import { expectData, expectMedia, pass, speakFor } from "./announce";
import {
  CHANNEL_ACK_MEDIA_CHANNEL, CHANNEL_ACK_MEDIA_CONTROL_CHANNEL, CHANNEL_MEDIA_CHANNEL, CHANNEL_MEDIA_CONTROL_CHANNEL, CONTROL, CONTROL_REQUEST,
  CONTROL_REQUEST_OPEN_LOGICAL_CHANNEL, CONTROL_RESPONSE, CONTROL_RESPONSE_OPEN_LOGICAL_CHANNEL_ACK, CONTROL_WORDS, DATA_APPLICATION_CAPABILITY_APPLICATION,
  DATA_APPLICATION_CAPABILITY_APPLICATION_T120, DATA_TYPE_DATA, OPEN_CHANNEL, OPEN_CHANNEL_ACK_FORWARD_MULTIPLEX_ACK, OPEN_CHANNEL_ACK_FORWARD_MULTIPLEX_ACK_H2250,
  OPEN_CHANNEL_ACK_REVERSE, OPEN_CHANNEL_ACK_REVERSE_MULTIPLEX_PARAMETERS, OPEN_CHANNEL_ACK_REVERSE_MULTIPLEX_PARAMETERS_H2250, OPEN_CHANNEL_ACK_SEPARATE_STACK,
  OPEN_CHANNEL_FORWARD, OPEN_CHANNEL_FORWARD_DATA_TYPE, OPEN_CHANNEL_FORWARD_MULTIPLEX_PARAMETERS, OPEN_CHANNEL_FORWARD_MULTIPLEX_PARAMETERS_H2250,
  OPEN_CHANNEL_REVERSE, OPEN_CHANNEL_REVERSE_MULTIPLEX_PARAMETERS, OPEN_CHANNEL_REVERSE_MULTIPLEX_PARAMETERS_H2250, OPEN_CHANNEL_SEPARATE_STACK,
  OPEN_CHANNEL_WORDS, SEPARATE_STACK_NETWORK_ADDRESS, SEPARATE_STACK_NETWORK_ADDRESS_LOCAL_AREA_ADDRESS,
} from "./grammar";
import { decode, decodeItem, readable } from "./per";
import { firstMessage, message, nextMessage, size } from "./tpkt";

// Paths to what is wanted of a message.
const FORWARD_CHANNEL: usize = OPEN_CHANNEL_FORWARD + OPEN_CHANNEL_FORWARD_MULTIPLEX_PARAMETERS + OPEN_CHANNEL_FORWARD_MULTIPLEX_PARAMETERS_H2250;
const REVERSE_CHANNEL: usize = OPEN_CHANNEL_REVERSE + OPEN_CHANNEL_REVERSE_MULTIPLEX_PARAMETERS + OPEN_CHANNEL_REVERSE_MULTIPLEX_PARAMETERS_H2250;
const ACK_REVERSE_CHANNEL: usize =
  OPEN_CHANNEL_ACK_REVERSE + OPEN_CHANNEL_ACK_REVERSE_MULTIPLEX_PARAMETERS + OPEN_CHANNEL_ACK_REVERSE_MULTIPLEX_PARAMETERS_H2250;
const ACK_CHANNEL: usize = OPEN_CHANNEL_ACK_FORWARD_MULTIPLEX_ACK + OPEN_CHANNEL_ACK_FORWARD_MULTIPLEX_ACK_H2250;
const LOCAL_AREA: usize = SEPARATE_STACK_NETWORK_ADDRESS + SEPARATE_STACK_NETWORK_ADDRESS_LOCAL_AREA_ADDRESS;
const T120: usize = OPEN_CHANNEL_FORWARD + OPEN_CHANNEL_FORWARD_DATA_TYPE + DATA_TYPE_DATA + DATA_APPLICATION_CAPABILITY_APPLICATION + DATA_APPLICATION_CAPABILITY_APPLICATION_T120;

// Choices.
const REQUEST: u32 = 0;
const RESPONSE: u32 = 1;
const OPEN_LOGICAL_CHANNEL: u32 = 3;
const OPEN_LOGICAL_CHANNEL_ACK: u32 = 5;
const SEPARATE_LAN_STACK: u32 = 10;

const KEPT: usize = memory.data(128, 8);
if (CONTROL_WORDS > 32 || OPEN_CHANNEL_WORDS > 32) ERROR("h245.ts: KEPT");

export function helpH245(c: Conn, dir: u32, p: Packet, established: bool): u32 {
  if (!established) return VERDICT_ACCEPT;
  speakFor(c, dir);
  for (let more = firstMessage(c, dir, p); more; more = nextMessage()) {
    if (!decode(CONTROL, message, size, KEPT, CONTROL_WORDS)) {
      pass(REASON_H323_UNREADABLE, readable);
      break;
    }
    if (control() == VERDICT_DROP) return VERDICT_DROP;
  }
  return VERDICT_ACCEPT;
}

/** A message that Q.931 carries, item `i` of `list`. */
export function tunnelled(list: usize, i: u32): u32 {
  decodeItem(CONTROL, list, i, KEPT, CONTROL_WORDS);
  return control();
}

/** A channel that the setup of a call opens along with it. */
export function fastStart(list: usize, i: u32): u32 {
  decodeItem(OPEN_CHANNEL, list, i, KEPT, OPEN_CHANNEL_WORDS);
  return openChannel(KEPT);
}

function control(): u32 {
  const kind = load<u32>(KEPT + (load<u32>(KEPT) == REQUEST ? CONTROL_REQUEST : CONTROL_RESPONSE));
  if (load<u32>(KEPT) == REQUEST && kind == OPEN_LOGICAL_CHANNEL) return openChannel(KEPT + CONTROL_REQUEST + CONTROL_REQUEST_OPEN_LOGICAL_CHANNEL);
  if (load<u32>(KEPT) == RESPONSE && kind == OPEN_LOGICAL_CHANNEL_ACK)
    return acknowledgedChannel(KEPT + CONTROL_RESPONSE + CONTROL_RESPONSE_OPEN_LOGICAL_CHANNEL_ACK);
  return VERDICT_ACCEPT;
}

function channel(at: usize): u32 {
  if (expectMedia(at + CHANNEL_MEDIA_CHANNEL) == VERDICT_DROP) return VERDICT_DROP;
  return expectMedia(at + CHANNEL_MEDIA_CONTROL_CHANNEL);
}

function openChannel(at: usize): u32 {
  if (channel(at + FORWARD_CHANNEL) == VERDICT_DROP || channel(at + REVERSE_CHANNEL) == VERDICT_DROP) return VERDICT_DROP;
  if (load<u32>(at + T120) != SEPARATE_LAN_STACK) return VERDICT_ACCEPT;
  return expectData(at + OPEN_CHANNEL_SEPARATE_STACK + LOCAL_AREA);
}

function acknowledgedChannel(at: usize): u32 {
  if (channel(at + ACK_REVERSE_CHANNEL) == VERDICT_DROP) return VERDICT_DROP;
  if (expectMedia(at + ACK_CHANNEL + CHANNEL_ACK_MEDIA_CHANNEL) == VERDICT_DROP) return VERDICT_DROP;
  if (expectMedia(at + ACK_CHANNEL + CHANNEL_ACK_MEDIA_CONTROL_CHANNEL) == VERDICT_DROP) return VERDICT_DROP;
  return expectData(at + OPEN_CHANNEL_ACK_SEPARATE_STACK + LOCAL_AREA);
}
