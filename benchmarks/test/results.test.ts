// What is kept of a run: the public JSON lines, the files, the tables, and the comparison.
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, expect, test } from "vitest";
import { busyOf, ownOf } from "../src/machine.js";
import { resultsText, tableOf, timeText, withTables } from "../src/readme.js";
import { comparable, losses } from "../src/regression.js";
import { readResults, saveResults } from "../src/results.js";
import { type Row, toJson } from "../src/row.js";
import { TARGETS, targetTable } from "../src/targets.js";

const directory = mkdtempSync(join(tmpdir(), "bench-results-"));
afterAll(() => rmSync(directory, { recursive: true }));

function row(contender: string, ratio: number | null, more: Partial<Row> = {}): Row {
  return {
    question: "established",
    contender,
    flows: 1000,
    nsPerPacket: { p10: 30.123, p50: 31.04, p90: 47 },
    bytesPerFlow: null,
    runtime: "node 20.1.0",
    per: "packet",
    ratio,
    variant: false,
    ...more,
  };
}

const conditions = {
  date: "2026-01-02",
  commit: "abc1234",
  machine: "a processor",
  others: 0.02,
  state: "quiet",
  form: "short",
} as const;

test("a JSON line has the public keys and no others", () => {
  expect(toJson(row("engine", 1))).toBe(
    '{"question":"established","contender":"engine","flows":1000,"nsPerPacket":{"p10":30.1,"p50":31,"p90":47},"bytesPerFlow":null,"runtime":"node 20.1.0"}',
  );
  expect(JSON.parse(toJson(row("engine", null, { nsPerPacket: null, bytesPerFlow: 150 })))).toMatchObject({
    nsPerPacket: null,
    bytesPerFlow: 150,
  });
});

test("a question saved again replaces its own file and leaves the others", () => {
  const url = pathToFileURL(`${directory}/`);
  saveResults("established", { ...conditions, rows: [row("engine", 1), row("typed arrays", 1.9)] }, url);
  saveResults("rules", { ...conditions, rows: [row("rules", 1.23456)] }, url);
  saveResults("established", { ...conditions, commit: "def5678", rows: [row("engine", 1)] }, url);
  expect(readdirSync(directory).sort()).toEqual(["established.jsonl", "rules.jsonl"]);
  const saved = readResults(url);
  expect(saved.get("established")).toMatchObject({
    commit: "def5678",
    state: "quiet",
    rows: [{ contender: "engine" }],
  });
  expect(saved.get("rules")?.rows[0]?.ratio).toBe(1.235);
});

test("a rival that comes closer and a variant that falls behind are losses of more than 15 %", () => {
  const before = [row("typed arrays", 2), row("events", 1.2, { variant: true })];
  const at = (rival: number, variant: number) =>
    losses(before, [row("typed arrays", rival), row("events", variant, { variant: true })]);
  expect(at(2, 1.2)).toEqual([]);
  expect(at(1.71, 1.4)).toEqual([]);
  expect(at(3, 0.8)).toEqual([]);
  expect(at(1.6, 1.2)).toEqual(["established, 1000 flows: typed arrays took x2.00, now x1.60 (-20 %)"]);
  expect(at(2, 1.6)).toEqual(["established, 1000 flows: events took x1.20, now x1.60 (-25 %)"]);
});

test("only rows of the same question, contender, flows and runtime are compared, whatever its version", () => {
  const before = [row("typed arrays", 2)];
  const others = [
    row("typed arrays", 1, { flows: 1 }),
    row("typed arrays", 1, { question: "mix" }),
    row("typed arrays", 1, { runtime: "bun 1.2" }),
    row("Map", 1),
    row("typed arrays", null),
  ];
  expect(losses(before, others)).toEqual([]);
  expect(comparable(before, others)).toBe(0);
  const newer = [row("typed arrays", 1, { runtime: "node 24.0.0" })];
  expect(losses(before, newer)).toHaveLength(1);
  expect(comparable(before, newer)).toBe(1);
});

test("contenders that answer several questions stand side by side", () => {
  const rows = [
    row("engine", 1),
    row("typed arrays", 1.9),
    row("engine", 1, { flows: 100_000, nsPerPacket: { p10: 12_345, p50: 13_000, p90: 14_000 } }),
  ];
  expect(tableOf({ rows })).toBe(
    [
      "| question | flows | engine | typed arrays |",
      "| --- | --- | --- | --- |",
      "| established | 1,000 | 30 | 30 (x1.90) |",
      "| established | 100,000 | 12.3 µs |  |",
    ].join("\n"),
  );
});

test("those of one question stand below each other", () => {
  const rows = [row("engine", 1), row("memory only", null, { nsPerPacket: null, bytesPerFlow: 150 })];
  expect(tableOf({ rows })).toBe(
    [
      "| question | flows | contender | p10 | p50 | p90 | ratio | bytes a flow |",
      "| --- | --- | --- | --- | --- | --- | --- | --- |",
      "| established | 1,000 | engine | 30 | 31 | 47 | 1.00 |  |",
      "| established | 1,000 | memory only |  |  |  |  | 150 |",
    ].join("\n"),
  );
});

test("runtimes stand side by side, a line for each contender", () => {
  const rows = ["node 20.1.0", "bun 1.2.3"].flatMap((runtime) => [
    row("engine", 1, { runtime }),
    row("typed arrays", 1.9, { runtime }),
  ]);
  expect(tableOf({ rows })).toBe(
    [
      "| question | flows | contender | node 20.1.0 | bun 1.2.3 |",
      "| --- | --- | --- | --- | --- |",
      "| established | 1,000 | engine | 30 | 30 |",
      "| established | 1,000 | typed arrays | 30 (x1.90) | 30 (x1.90) |",
    ].join("\n"),
  );
});

test("tables are written where their place is, and nothing else changes", () => {
  const text = "a\n<!-- results: established -->\nold\n<!-- end -->\nb\n<!-- results: rules -->\nkept\n<!-- end -->\n";
  const tables = new Map([["established", resultsText({ ...conditions, rows: [row("engine", 1)] })]]);
  const written = withTables(text, tables);
  expect(written).toContain("| established | 1,000 | engine | 30 | 31 | 47 | 1.00 |");
  expect(written).toContain("2026-01-02, commit abc1234, a processor; quiet: others used 0.02 processors.");
  expect(written).not.toContain("old");
  expect(written).toContain("<!-- results: rules -->\nkept\n<!-- end -->");
  expect(withTables(written, tables)).toBe(written);
});

test("a target is met, or not, or not measured yet", () => {
  const at = (ratios: readonly number[]) =>
    new Map([
      [
        "established",
        {
          ...conditions,
          rows: [1_000, 100_000, 1_000_000].map((flows, i) => row("typed arrays", ratios[i] as number, { flows })),
        },
      ],
    ]);
  const lines = (ratios: readonly number[]) => targetTable(at(ratios), 200_000).split("\n").slice(2);
  expect(lines([2, 4, 5])[0]).toBe(
    "| typed arrays, 1k / 100k / 1M flows | ≥ 1.9x / 3.5x / 4.5x | 2.00x / 4.00x / 5.00x | yes | 2026-01-02, abc1234, quiet |",
  );
  expect(lines([2, 3.4, 5])[0]).toContain("| 2.00x / 3.40x / 5.00x | **no** |");
  expect(lines([2, 4, 5])).toHaveLength(TARGETS.length);
  expect(lines([2, 4, 5])[1]).toContain("| not saved |");
});

test("rules are sublinear when ten times as many do not cost ten times as much", () => {
  const measured = (ratios: readonly number[]) => {
    const sizes = [10, 100, 1_000, 10_000];
    const rows = ratios.map((ratio, i) =>
      row("rules", ratio, { flows: 10_000, question: `${sizes[i]} rules, new flows` }),
    );
    const table = targetTable(new Map([["rules", { ...conditions, rows }]]), 0);
    return table.split("\n").find((line) => line.includes("sublinear"));
  };
  expect(measured([1.1, 1.3, 1.6, 2])).toContain("| yes |");
  expect(measured([1.1, 2, 11, 101])).toContain("| **no** |");
});

test("times have about three figures", () => {
  expect([3.06, 47.2, 1234.5, 56_789, 12_345_678].map(timeText)).toEqual(["3.1", "47", "1235", "56.8 µs", "12.3 ms"]);
});

test("ticks of the machine and of this process", () => {
  expect(busyOf("cpu  100 20 30 4000 50 6 7 8 0 0\ncpu0 1 1 1 1\n")).toBe(171);
  expect(busyOf("no such line")).toBeNull();
  expect(ownOf("42 (a (b) c) S 1 42 42 0 -1 4194560 100 0 0 0 11 22 33 44 20 0")).toBe(110);
  expect(ownOf("")).toBeNull();
});
