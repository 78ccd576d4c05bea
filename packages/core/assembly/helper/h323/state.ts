// What the H.323 helpers remember of a connection.
import { Conn } from "../../conn";
import { helperData } from "../../help";

@unmanaged
export class H323Data {
  /** TPKT lengths announced by a header on its own, by direction. */
  length0: u16;
  length1: u16;
  /** RAS: the port calls are expected at, by direction of who registered it. */
  signal0: u16;
  signal1: u16;
  /** RAS: seconds a registration lasts; 0: nobody said. */
  timeToLive: u32;
}

// @ts-ignore: decorator
@inline
export function rememberedBy(c: Conn): H323Data {
  return changetype<H323Data>(helperData(c));
}

export function signalPort(c: Conn, dir: u32): u32 {
  return load<u16>(changetype<usize>(rememberedBy(c)) + (<usize>dir << 1), offsetof<H323Data>("signal0"));
}

export function setSignalPort(c: Conn, dir: u32, port: u32): void {
  store<u16>(changetype<usize>(rememberedBy(c)) + (<usize>dir << 1), <u16>port, offsetof<H323Data>("signal0"));
}
