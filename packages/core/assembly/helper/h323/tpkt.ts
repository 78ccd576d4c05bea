// TPKT (RFC 1006): each message on a TCP connection has a header of four bytes. Messages have to lie in a segment whole; the header may
// be a segment of its own, and the message the whole next one of the same direction.
//
//   0   1   2        4
//   │ 3 │ 0 │ length │ message      the length counts the header
import { IPPROTO_TCP, REASON_H323_FRAMING } from "../../abi";
import { be16 } from "../../bytes";
import { Conn } from "../../conn";
import { Packet } from "../../packet";
import { because } from "../../why";
import { data, hasPayload, length } from "../payload";
import { H323Data, rememberedBy } from "./state";

const HEADER: u32 = 4;
const VERSION: u32 = 0x0300;

/** The message at hand. */
export let message: usize = 0;
export let size: u32 = 0;

let end: usize = 0;
let kept: usize = 0; // where this direction's announced length stands

/** Goes to the first message of a segment; false when there is none. */
export function firstMessage(c: Conn, dir: u32, p: Packet): bool {
  assert(<u32>c.l4proto == IPPROTO_TCP);
  kept = changetype<usize>(rememberedBy(c)) + offsetof<H323Data>("length0") + (<usize>dir << 1);
  const announced = <u32>load<u16>(kept);
  if (p.l4Length <= <u32>p.doff) return nothing();
  if (!hasPayload(p)) return false;
  end = data + length;
  if (length >= HEADER && be16(data) == VERSION) return header(data, length == HEADER);
  if (announced == 0) {
    because(REASON_H323_FRAMING, length);
    return false;
  }
  store<u16>(kept, 0);
  if (announced > length) return nothing();
  message = data;
  size = announced;
  return true;
}

/** Goes to the message behind the one at hand. */
export function nextMessage(): bool {
  const at = message + size;
  if (end - at <= HEADER) return nothing();
  return be16(at) == VERSION ? header(at, false) : nothing();
}

function header(at: usize, alone: bool): bool {
  const whole = be16(at, 2);
  if (whole < HEADER) return nothing();
  if (whole > <u32>(end - at)) {
    if (!alone) return nothing();
    store<u16>(kept, <u16>(whole - HEADER));
    return false;
  }
  store<u16>(kept, 0);
  message = at + HEADER;
  size = whole - HEADER;
  return true;
}

function nothing(): bool {
  store<u16>(kept, 0);
  return false;
}
