// Which helper a new conn gets: the one its first packet names, one assigned to its destination port, or, when told so
// (`nf_conntrack_helper`, before Linux 6.0), the one whose usual port it is.
import { DIR_ORIGINAL, HELPERS, HELPER_NONE, L3_IPV4, HELPER_IRC, HELPER_NETBIOS, HELPER_PPTP, HELPER_SNMP, RECORD_HELPER_SHIFT, STATUS_HELPER, SYSCTL_AUTO_HELPER } from "../abi";
import { Conn, destinationPort } from "../conn";
import { attachHelper } from "../help";
import { Packet } from "../packet";
import { setting } from "../settings";
import { speaks, usualHelper } from "./policy";

const MOST: u32 = 64;
// l4proto u16 │ port u16 │ helper u32
const ASSIGNMENTS: usize = memory.data(MOST * 8, 8);
let assignments: u32 = 0;

/** New conns of the protocol to the port (host order) get the helper, as a CT target would give it. False: no more. */
export function assignPort(l4proto: u32, port: u32, helper: u32): bool {
  if (assignments == MOST || helper == HELPER_NONE || helper >= <u32>HELPERS || !speaks(helper, l4proto)) return false;
  const at = ASSIGNMENTS + (<usize>assignments << 3);
  store<u16>(at, <u16>l4proto);
  store<u16>(at, <u16>port, 2);
  store<u32>(at, helper, 4);
  ++assignments;
  return true;
}

/** Gives a conn that nobody announced its helper, if it is to have one. */
// @ts-ignore: decorator
@inline
export function assignHelper(c: Conn, p: Packet): void {
  const named = (<u32>p.record >> RECORD_HELPER_SHIFT) & 15;
  if (named | assignments | <u32>setting(SYSCTL_AUTO_HELPER)) chooseHelper(c, named);
}

function chooseHelper(c: Conn, named: u32): void {
  const port = destinationPort(c, DIR_ORIGINAL);
  if (named == HELPER_NONE) named = assigned(c.l4proto, port);
  if (named != HELPER_NONE) {
    if (fits(named, c) && attachHelper(c, named)) c.status |= STATUS_HELPER;
    return;
  }
  if (setting(SYSCTL_AUTO_HELPER) == 0) return;
  const usual = usualHelper(c.l4proto, port);
  if (usual != HELPER_NONE && fits(usual, c)) attachHelper(c, usual);
}

// ---- for engines that share the work (shard.ts)

/** True if any connection may get a helper by its port. */
export function helpersAssigned(): bool {
  return assignments != 0 || setting(SYSCTL_AUTO_HELPER) != 0;
}

/** True if a connection of the protocol to the port (host order) may get one. */
export function mayRead(l4proto: u32, port: u32): bool {
  if (assigned(l4proto, port) != HELPER_NONE) return true;
  return setting(SYSCTL_AUTO_HELPER) != 0 && usualHelper(l4proto, port) != HELPER_NONE;
}

/** True if a PPTP control connection may have its helper. */
export function mayReadGre(): bool {
  if (setting(SYSCTL_AUTO_HELPER) != 0) return true;
  for (let i: u32 = 0; i < assignments; ++i) if (load<u32>(ASSIGNMENTS + (<usize>i << 3), 4) == HELPER_PPTP) return true;
  return false;
}

function assigned(l4proto: u32, port: u32): u32 {
  for (let i: u32 = 0; i < assignments; ++i) {
    const at = ASSIGNMENTS + (<usize>i << 3);
    if (load<u16>(at) == l4proto && load<u16>(at, 2) == port) return load<u32>(at, 4);
  }
  return HELPER_NONE;
}

/** A helper for the conn's protocols; four know IPv4 only. */
export function fits(helper: u32, c: Conn): bool {
  if (helper >= <u32>HELPERS || !speaks(helper, c.l4proto)) return false;
  if (c.l3num == L3_IPV4) return true;
  return helper != HELPER_IRC && helper != HELPER_PPTP && helper != HELPER_NETBIOS && helper != HELPER_SNMP;
}

export const ASSIGN_STATE_SIZE: u32 = MOST * 8 + 8;

export function saveAssignments(at: usize): void {
  store<u32>(at, assignments);
  memory.copy(at + 8, ASSIGNMENTS, MOST * 8);
}

export function loadAssignments(at: usize): void {
  assignments = load<u32>(at);
  memory.copy(ASSIGNMENTS, at + 8, MOST * 8);
}
