export type { RuleError } from "./failure.js";
export { BUILT_IN_CHAINS, type Parsed, type ParseOptions, parseRuleLine, parseRuleset } from "./parse.js";
export { type FormatOptions, formatMatch, formatRule, formatRuleset, formatTarget } from "./print.js";
export type * from "./ruleset.js";
