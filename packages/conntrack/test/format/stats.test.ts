// Counters, as /proc and `conntrack -S` showed them on one machine.
import { expect, test } from "vitest";
import { formatConntrackStats, formatProcStats, statsToJson } from "../../src/format/index.js";
import type { Stats } from "../../src/types.js";

const none: Stats = {
  entries: 0,
  clashres: 0,
  found: 0,
  new: 0,
  invalid: 0,
  ignore: 0,
  delete: 0,
  chainlength: 0,
  insert: 0,
  insert_failed: 0,
  drop: 0,
  early_drop: 0,
  icmp_error: 0,
  expect_new: 0,
  expect_create: 0,
  expect_delete: 0,
  search_restart: 0,
};
const HEADER =
  "entries  clashres found new invalid ignore delete chainlength insert insert_failed drop early_drop icmp_error  expect_new expect_create expect_delete search_restart\n";

const recorded: Stats = { ...none, entries: 27, insert: 26, icmp_error: 4, expect_create: 3, expect_delete: 1 };

test("/proc/net/stat/nf_conntrack", () => {
  expect(formatProcStats(recorded)).toBe(
    `${HEADER}0000001b  00000000 00000000 00000000 00000000 00000000 00000000 00000000 0000001a 00000000 00000000 00000000 00000004  00000000 00000003 00000001 00000000\n`,
  );
});

test("conntrack -S", () => {
  expect(formatConntrackStats(recorded)).toBe(
    "cpu=0   \tfound=0 invalid=0 insert=26 insert_failed=0 drop=0 early_drop=0 error=4 search_restart=0 clash_resolve=0 chaintoolong=0 ",
  );
});

const distinct = Object.fromEntries(Object.keys(none).map((name, i) => [name, i + 1])) as unknown as Stats;

test("every counter in its column", () => {
  expect(formatProcStats(distinct).split("\n")[1]?.split(/ +/)).toEqual(
    Array.from({ length: 17 }, (_, i) => (i + 1).toString(16).padStart(8, "0")),
  );
  expect(formatConntrackStats(distinct)).toBe(
    "cpu=0   \tfound=3 invalid=5 insert=9 insert_failed=10 drop=11 early_drop=12 error=13 search_restart=17 clash_resolve=2 chaintoolong=8 ",
  );
});

test("the kernel's counters have 32 bits", () => {
  expect(formatProcStats({ ...none, invalid: 2 ** 32 + 255 })).toContain(" 000000ff ");
});

test("JSON keeps the names", () => {
  expect(statsToJson(recorded)).toEqual({ version: 1, kind: "stats", ...recorded });
});
