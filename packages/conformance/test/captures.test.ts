// Captures: where the IP packet of a frame begins, and the agreement as it is written down.

import { expect, test } from "vitest";
import { agreementText } from "../src/agreement.js";
import { ipOffset } from "../src/captures.js";

const frame = (at: number, version: 4 | 6, ...head: number[]): Uint8Array => {
  const bytes = new Uint8Array(at + 20);
  bytes.set(head);
  bytes[at] = (version << 4) | 5;
  return bytes;
};
const macs = Array.from({ length: 12 }, () => 2);

test("link layers", () => {
  expect(ipOffset(1, frame(14, 4, ...macs, 8, 0))).toBe(14);
  expect(ipOffset(1, frame(14, 6, ...macs, 0x86, 0xdd))).toBe(14);
  expect(ipOffset(1, frame(22, 4, ...macs, 0x88, 0xa8, 0, 1, 0x81, 0, 0, 2, 8, 0))).toBe(22);
  expect(ipOffset(1, frame(14, 4, ...macs, 8, 6))).toBeNull(); // ARP
  expect(ipOffset(1, frame(14, 6, ...macs, 8, 0))).toBeNull(); // not what it says
  expect(ipOffset(101, frame(0, 6))).toBe(0);
  expect(ipOffset(276, frame(20, 4, 8, 0))).toBe(20);
  expect(ipOffset(105, frame(0, 4))).toBeNull(); // 802.11 is not taken apart here
});

test("the figure is never rounded up", () => {
  const text = agreementText("6.18.0", "2026-01-01", [
    { what: "a", packets: 10_000_000, wrong: 1 },
    { what: "b", packets: 5, wrong: 0 },
  ]);
  expect(text).toContain("| a | 10,000,000 | 1 | 99.99999 % |");
  expect(text).toContain("| b | 5 | 0 | 100 % |");
});
