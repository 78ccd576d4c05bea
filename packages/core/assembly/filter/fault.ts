// What is wrong with a program, and where.
export const FAULT_NONE: u32 = 0;
/** The header: size, magic, or parts that do not follow one another. */
export const FAULT_HEADER: u32 = 1;
export const FAULT_PLACE: u32 = 2;
export const FAULT_RULE: u32 = 3;
export const FAULT_MATCH: u32 = 4;
export const FAULT_TARGET: u32 = 5;
export const FAULT_CHAIN: u32 = 6;
export const FAULT_ENTRY: u32 = 7;
export const FAULT_TREE: u32 = 8;
export const FAULT_TABLE: u32 = 9;
/** A packet could be asked more rules, or be in more chains at once, than is allowed. */
export const FAULT_WORK: u32 = 10;
export const FAULT_SET: u32 = 11;

export let fault: u32 = 0;
/** Position of it, bytes from the start of the program. */
export let faultAt: u32 = 0;

export function clearFault(): void {
  fault = FAULT_NONE;
  faultAt = 0;
}

/** Notes the first fault; false, for the caller to return. */
export function wrong(what: u32, at: u32): bool {
  if (fault == FAULT_NONE) {
    fault = what;
    faultAt = at;
  }
  return false;
}
