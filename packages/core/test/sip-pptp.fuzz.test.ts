// A million payloads per helper: support/helper-fuzz.ts.
import { test } from "vitest";
import { fuzzHelper } from "./support/helper-fuzz.js";
import { PPTP_DIALOGUES } from "./support/pptp-dialogues.js";
import { SIP_DIALOGUES } from "./support/sip-dialogues.js";

const INPUTS = 1_000_000;

const SUITES = [
  {
    name: "sip over UDP",
    l4proto: 17,
    port: 5060,
    helper: 4,
    dialogues: SIP_DIALOGUES.filter(({ helpers }) => !helpers.endsWith("tcp")),
  },
  {
    name: "sip over TCP",
    l4proto: 6,
    port: 5060,
    helper: 4,
    dialogues: SIP_DIALOGUES.filter(({ helpers }) => helpers.endsWith("tcp")),
  },
  { name: "pptp", l4proto: 6, port: 1723, helper: 5, dialogues: PPTP_DIALOGUES },
];

test.each(SUITES)("$name: a million inputs", { timeout: 120_000 }, (suite) => fuzzHelper(suite, INPUTS));
