// Each format against lines the kernel and the tools printed.
import { describe, expect, test } from "vitest";
import { formatConntrack, formatProc, formatSave, formatXmlFlow } from "../../src/format/index.js";
import { LABELS } from "./flow.js";
import { REAL_FLOWS } from "./real-flows.js";

const UTC = { timeZone: "UTC", ktimestamp: true, labels: LABELS };

describe.each(REAL_FLOWS)("$title", ({ flow, conntrack, full, proc, xml, save }) => {
  test("/proc/net/nf_conntrack", () => expect(formatProc(flow)).toBe(proc));
  test("conntrack -L -o extended,id,ktimestamp,labels", () => {
    expect(formatConntrack(flow, { ...UTC, extended: true, id: true })).toBe(full);
  });
  test("conntrack -L -o save", () => expect(formatSave(flow)).toBe(save));
  if (conntrack) test("conntrack -L", () => expect(formatConntrack(flow)).toBe(conntrack));
  if (xml) test("conntrack -L -o xml,ktimestamp,labels", () => expect(formatXmlFlow(flow, UTC)).toBe(xml));
});
