// The status bits (IPS_*) by name.
import type { StatusName } from "../types.js";

/** Names of the status bits, in the order of their bit numbers. */
export const STATUS_NAMES: readonly StatusName[] = [
  "EXPECTED",
  "SEEN_REPLY",
  "ASSURED",
  "CONFIRMED",
  "SRC_NAT",
  "DST_NAT",
  "SEQ_ADJUST",
  "SRC_NAT_DONE",
  "DST_NAT_DONE",
  "DYING",
  "FIXED_TIMEOUT",
  "TEMPLATE",
  "NAT_CLASH",
  "HELPER",
  "OFFLOAD",
  "HW_OFFLOAD",
];

export function hasStatus(flow: { readonly status: number }, name: StatusName): boolean {
  return ((flow.status >> STATUS_NAMES.indexOf(name)) & 1) === 1;
}

export function statusNames(status: number): StatusName[] {
  return STATUS_NAMES.filter((_, bit) => (status >> bit) & 1);
}
