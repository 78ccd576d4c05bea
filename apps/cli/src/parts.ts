// What the browser app shares with the command: everything here runs without Node.
export { estimateOffload, OFFLOAD_SAMPLE, offloadRemark } from "./checksum.js";
export { UsageError } from "./exit.js";
export { explainPacket, oneLine, type Step } from "./explain.js";
export { compileFilter, compileFlowFilter } from "./filter.js";
export { Headers } from "./headers.js";
export { notExpectedText } from "./hints.js";
export { JsonLines } from "./json.js";
export { icmpText, openingOf, PacketView, protocolText, secondsText } from "./packet.js";
export * as raw from "./raw-trace.js";
export { isUndecided, place, refOf, ruleObject } from "./ruling/refs.js";
export { changeText, endpoint, infoText, whyText } from "./text.js";
