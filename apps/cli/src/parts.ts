// What the browser app shares with the command: everything here runs without Node.
export { estimateOffload, OFFLOAD_SAMPLE, offloadRemark } from "./checksum.js";
export { UsageError } from "./exit.js";
export { explainPacket, oneLine, type Step } from "./explain.js";
export { compileFilter, compileFlowFilter } from "./filter.js";
export { Headers, singles } from "./headers.js";
export { notExpectedText } from "./hints.js";
export { interfaceNames, numberInterfaces } from "./interfaces.js";
export { JsonLines } from "./json.js";
export { LIKE_RULES } from "./like-rules.js";
export { icmpText, openingOf, PacketView, protocolText, secondsText } from "./packet.js";
export * as raw from "./raw-trace.js";
export { packetJson, rulesStep } from "./ruling/lines.js";
export { Passage } from "./ruling/passage.js";
export { place, refOf } from "./ruling/refs.js";
export { changeText, endpoint, infoText, whyText } from "./text.js";
