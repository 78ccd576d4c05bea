export { type Aftermath, aftermathOf, type Effect, effectOf, type RejectReply } from "./aftermath.js";
export { type RulePlace, type ShadowedRule, shadowedRules } from "./analysis/shadow.js";
export {
  type Assume,
  CompileError,
  type CompileOptions,
  compileRules,
  type Program,
  type RuleRef,
  readCounters,
  setsOf,
  withCounters,
} from "./compile/index.js";
export { loadRules } from "./compile/load.js";
export { type Hook, PlaceError, type PlaceInterface, type PlaceNetwork, parsePlace } from "./compile/place.js";
export type { RuleError } from "./failure.js";
export { Firewall, type FirewallOptions, type Verdict, type Way } from "./firewall.js";
export { formatSets } from "./ipset/format.js";
export { type ParsedSets, parseSets } from "./ipset/parse.js";
export { type IpSet, SET_TYPES, type SetEntry, type SetNetwork, type SetOptions, type SetType } from "./ipset/types.js";
export { BUILT_IN_CHAINS, type Parsed, type ParseOptions, parseRuleLine, parseRuleset } from "./parse.js";
export { type FormatOptions, formatMatch, formatRule, formatRuleset, formatTarget } from "./print.js";
export type * from "./ruleset.js";
export { type ParsedTimeoutPolicies, parseTimeoutPolicies } from "./timeout/parse.js";
export type { TimeoutPolicy } from "./timeout/policy.js";
export { type Vocabulary, vocabulary } from "./vocabulary.js";
