// What each helper is attached to by custom, and how many expectations of each class it may have, for how long.
import {
  HELPERS, HELPER_IRC, HELPER_IRC_DCC_TIMEOUT, HELPER_IRC_MAX_DCC, HELPER_NETBIOS, HELPER_NETBIOS_TIMEOUT, HELPER_SNMP, HELPER_SNMP_TIMEOUT, IPPROTO_TCP,
  IPPROTO_UDP,
} from "../abi";
import { setting, timeoutOf } from "../settings";

const TCP: u16 = <u16>IPPROTO_TCP;
const UDP: u16 = <u16>IPPROTO_UDP;
const BOTH: u16 = 0; // TCP and UDP

/** Row: L4 protocol, port, then (most, seconds) of classes 0 to 3; most 0: there is no such class. */
const POLICIES: usize = memory.data<u16>([
  /* none       */ 0,    0,     0, 0,    0, 0,   0, 0,   0, 0,
  /* ftp        */ TCP,  21,    1, 300,  0, 0,   0, 0,   0, 0,
  /* irc        */ TCP,  6667,  8, 300,  0, 0,   0, 0,   0, 0,
  /* tftp       */ UDP,  69,    1, 300,  0, 0,   0, 0,   0, 0,
  /* sip        */ BOTH, 5060,  1, 180,  4, 180, 4, 180, 2, 180,
  /* pptp       */ TCP,  1723,  2, 300,  0, 0,   0, 0,   0, 0,
  /* amanda     */ UDP,  10080, 4, 180,  0, 0,   0, 0,   0, 0,
  /* sane       */ TCP,  6566,  1, 300,  0, 0,   0, 0,   0, 0,
  /* netbios-ns */ UDP,  137,   1, 3,    0, 0,   0, 0,   0, 0,
  /* snmp       */ UDP,  161,   1, 30,   0, 0,   0, 0,   0, 0,
  /* RAS        */ UDP,  1719,  32, 240, 0, 0,   0, 0,   0, 0,
  /* Q.931      */ TCP,  1720,  20, 240,  0, 0,   0, 0,   0, 0,
  /* H.245      */ TCP,  0,     18, 240, 0, 0,   0, 0,   0, 0,
]);

// @ts-ignore: decorator
@inline
function column(helper: u32, i: u32): u32 {
  assert(helper < <u32>HELPERS);
  return load<u16>(POLICIES + <usize>((helper * 10 + i) << 1));
}

/** Expectations of a class one conn may have at a time. */
export function classMost(helper: u32, klass: u32): u32 {
  return helper == HELPER_IRC ? <u32>setting(HELPER_IRC_MAX_DCC) : column(helper, 2 + 2 * klass);
}

/** How long an expectation of a class lasts, ns. */
export function classTimeout(helper: u32, klass: u32): u64 {
  switch (helper) {
    case HELPER_IRC:
      return timeoutOf(HELPER_IRC_DCC_TIMEOUT);
    case HELPER_NETBIOS:
      return timeoutOf(HELPER_NETBIOS_TIMEOUT);
    case HELPER_SNMP:
      return timeoutOf(HELPER_SNMP_TIMEOUT);
    default:
      return <u64>column(helper, 3 + 2 * klass) * 1_000_000_000;
  }
}

/** True if the helper reads this protocol at all. */
export function speaks(helper: u32, l4proto: u32): bool {
  const proto = column(helper, 0);
  return proto == l4proto || (proto == BOTH && (l4proto == IPPROTO_TCP || l4proto == IPPROTO_UDP));
}

/** The port a helper is attached to by custom, host order. */
export function usualPort(helper: u32): u32 {
  return column(helper, 1);
}

/** The helper whose usual port this is (host order), for assignment without being told; 0 none. */
export function usualHelper(l4proto: u32, port: u32): u32 {
  for (let helper: u32 = 1; helper < <u32>HELPERS; ++helper) {
    if (column(helper, 1) == port && port != 0 && speaks(helper, l4proto)) return helper;
  }
  return 0;
}
