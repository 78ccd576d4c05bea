export type * from "./ruleset.js";
