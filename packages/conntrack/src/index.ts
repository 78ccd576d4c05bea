export {
  Conntrack,
  type Decision,
  type HelperAssignment,
  type OpenOptions,
  type PacketBlock,
  type PacketInput,
  type Profile,
} from "./engine.js";
export { ConntrackError, type ConntrackErrorCode } from "./error.js";
export type { EventRecords } from "./event-records.js";
export * from "./format/index.js";
export { HELPERS, type HelperRow } from "./helper.js";
export { type Announcement, type HelperHint, Hindsight, type NotExpected, type Opening } from "./hindsight.js";
export type { WasmSource } from "./instantiate.js";
export { ConntrackPool, type PoolOptions, type PoolPart, type PoolReport } from "./pool.js";
export { program } from "./program.js";
export { protocolName, stateName } from "./protocol.js";
export { flagNames, REASONS, type ReasonRow, reasonRow } from "./reason.js";
export { DIRECTION_NAMES, Results, STATE_NAMES } from "./results.js";
export { findSysctl, SYSCTLS, type SysctlRow } from "./sysctl.js";
export type { EntryView, PacketTrace } from "./trace.js";
export type * from "./types.js";
