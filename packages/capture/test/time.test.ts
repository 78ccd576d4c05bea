import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Time } from "../src/time.js";

const u32 = fc.integer({ min: 0, max: 0xffff_ffff });

describe("64-bit time in two halves is what BigInt says", () => {
  test("for seconds and nanoseconds, and for fractions that are none", () => {
    fc.assert(
      fc.property(u32, fc.integer({ min: 0, max: 0xffff_ffff * 1000 }), (seconds, nanoseconds) => {
        const time = new Time();
        time.setSeconds(seconds, nanoseconds);
        expect(time.big).toBe(BigInt(seconds) * 1_000_000_000n + BigInt(nanoseconds));
      }),
      { examples: [[0xffff_ffff, 0xffff_ffff * 1000]] },
    );
  });

  test("for ticks of a nanosecond or a microsecond, modulo 2^64", () => {
    fc.assert(
      fc.property(u32, u32, fc.constantFrom(1, 1000), (high, low, unit) => {
        const time = new Time();
        time.setTicks(high, low, unit);
        expect(time.big).toBe(BigInt.asUintN(64, ((BigInt(high) << 32n) | BigInt(low)) * BigInt(unit)));
      }),
    );
  });

  test("for anything else, to the nearest that fits", () => {
    const time = new Time();
    for (const [value, nearest] of [
      [-1n, 0n],
      [5n, 5n],
      [1n << 70n, (1n << 64n) - 1n],
    ] as const) {
      time.setBig(value);
      expect(time.big).toBe(nearest);
    }
  });
});
