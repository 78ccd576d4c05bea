// The debug build: everything the release exports, and what only tests ask for.
export * from "./index";
export { rekey } from "./table";
export { selfcheck } from "./selfcheck";
export { checkQueues } from "./defrag/queue";
