// H.323 messages as nobody sends them: support/helper-fuzz.ts. FUZZ=1000000 for a million of each kind.
import * as abi from "@conntrack-wasm/core/abi";
import { expect, test } from "vitest";
import { type Line, tcpDialogue } from "./support/dialogues.js";
import { CALL_TALKS, CONTROL_MESSAGES, RAS_TALKS } from "./support/h323-dialogues.js";
import { fuzzHelper } from "./support/helper-fuzz.js";

const INPUTS = Number(process.env.FUZZ ?? 250_000);
const CONTROL_PORT = 5001;

const controls = Array.from({ length: 30 }, (_, i): Line => {
  const message = CONTROL_MESSAGES[i % CONTROL_MESSAGES.length]?.(i) as Uint8Array;
  return [i % 2 ? ">" : "<", message];
});

const SUITES = [
  { name: "RAS", l4proto: abi.IPPROTO_UDP, port: 1719, helper: abi.HELPER_RAS, dialogues: RAS_TALKS },
  { name: "Q.931", l4proto: abi.IPPROTO_TCP, port: 1720, helper: abi.HELPER_Q931, dialogues: CALL_TALKS },
  {
    name: "H.245",
    l4proto: abi.IPPROTO_TCP,
    port: CONTROL_PORT,
    helper: abi.HELPER_H245,
    dialogues: [tcpDialogue("H.245", "", controls, { dport: CONTROL_PORT })],
  },
];

test.each(SUITES)(`$name: ${INPUTS} inputs`, { timeout: 600_000 }, (suite) => {
  expect(suite.dialogues.length).toBeGreaterThan(0);
  fuzzHelper(suite, INPUTS);
});
