// The sysctls, by number, and the packet-independent switches of an engine.
import { CAPTURE_OFFLOAD, POLICIES, SETTINGS, STATUS_POLICY, SYSCTL_ACCT, SYSCTL_CHECKSUM, SYSCTL_EVENTS, SYSCTL_MAX, SYSCTL_TCP_BE_LIBERAL, SYSCTL_TIMESTAMP } from "./abi";
import { Conn, extOf } from "./conn";

const VALUES: usize = memory.data(SETTINGS * 8, 8); // u64 as set
const NANOSECONDS: usize = memory.data(SETTINGS * 8, 8); // times 10^9, for the timeouts

/** Hot ones, also as globals. */
export let maxEntries: u32 = 0;
export let verifyChecksums: bool = true;
/** Lengths and checksums of IP headers may be wanting: the packet was captured before the card filled them in. */
export let offloaded: bool = false;
export let accounting: bool = false;
export let timestamps: bool = false;
export let eventsMode: u32 = 2;
export let beLiberal: u32 = 0;
export let tracing: bool = false;
export let listening: bool = false;
export let profile: u32 = 0;

export function setSetting(index: u32, value: f64): void {
  if (index >= <u32>SETTINGS) return;
  const v = <u64>value;
  store<u64>(VALUES + (<usize>index << 3), v);
  store<u64>(NANOSECONDS + (<usize>index << 3), v * 1_000_000_000);
  refresh();
}

export function getSetting(index: u32): f64 {
  return index < <u32>SETTINGS ? <f64>load<u64>(VALUES + (<usize>index << 3)) : -1;
}

function refresh(): void {
  maxEntries = <u32>setting(SYSCTL_MAX);
  verifyChecksums = setting(SYSCTL_CHECKSUM) != 0;
  offloaded = setting(CAPTURE_OFFLOAD) != 0;
  accounting = setting(SYSCTL_ACCT) != 0;
  timestamps = setting(SYSCTL_TIMESTAMP) != 0;
  eventsMode = <u32>setting(SYSCTL_EVENTS);
  beLiberal = <u32>(setting(SYSCTL_TCP_BE_LIBERAL) != 0);
}

// @ts-ignore: decorator
@inline
export function setting(index: u32): u64 {
  return load<u64>(VALUES + (<usize>index << 3));
}

/** A timeout in nanoseconds. */
// @ts-ignore: decorator
@inline
export function timeoutOf(index: u32): u64 {
  return load<u64>(NANOSECONDS + (<usize>index << 3));
}

// One set of timeouts a policy, laid out like NANOSECONDS.
const POLICY_NANOSECONDS: usize = memory.data((POLICIES + 1) * SETTINGS * 8, 8);

/** Sets a timeout of a policy, in seconds. What is not set stays 0: set all of a protocol. */
export function setPolicy(policy: u32, index: u32, seconds: f64): void {
  if (policy == 0 || policy > <u32>POLICIES || index >= <u32>SETTINGS) return;
  store<u64>(POLICY_NANOSECONDS + <usize>((policy * SETTINGS + index) << 3), <u64>seconds * 1_000_000_000);
}

/** A timeout for a conn, in nanoseconds: from its policy (`nfct timeout`), or the sysctl. */
// @ts-ignore: decorator
@inline
export function timeoutFor(c: Conn, index: u32): u64 {
  return c.has(STATUS_POLICY) ? policyTimeout(c, index) : timeoutOf(index);
}

function policyTimeout(c: Conn, index: u32): u64 {
  return load<u64>(POLICY_NANOSECONDS + <usize>((<u32>extOf(c).policy * SETTINGS + index) << 3));
}

/** Whether to write traces, whether somebody reads events, and the profile. */
export function setSwitches(trace: bool, listen: bool, profileNumber: u32): void {
  tracing = trace;
  listening = listen;
  profile = profileNumber;
}

export const SETTINGS_STATE_SIZE: u32 = SETTINGS * 8 + 8;

/** Where the policies lie, for snapshots. */
export function policyRegionAt(): usize {
  return POLICY_NANOSECONDS;
}

export function saveSettings(at: usize): void {
  memory.copy(at, VALUES, SETTINGS * 8);
  store<u32>(at, profile, SETTINGS * 8);
  store<u8>(at, <u8>tracing, SETTINGS * 8 + 4);
  store<u8>(at, <u8>listening, SETTINGS * 8 + 5);
}

export function loadSettings(at: usize): void {
  for (let i: u32 = 0; i < <u32>SETTINGS; ++i) setSetting(i, <f64>load<u64>(at + (<usize>i << 3)));
  setSwitches(load<u8>(at, SETTINGS * 8 + 4) != 0, load<u8>(at, SETTINGS * 8 + 5) != 0, load<u32>(at, SETTINGS * 8));
}
