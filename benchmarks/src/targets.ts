// The targets of the full engine, each held against the saved results.

import { timeText } from "./readme.js";
import type { Saved } from "./results.js";
import type { Row } from "./row.js";

export type Results = ReadonlyMap<string, Saved>;

interface Figure {
  readonly text: string;
  readonly met: boolean;
}

interface Target {
  readonly against: string;
  readonly target: string;
  /** The question whose results it is read from. */
  readonly from: string;
  /** Null: not in the saved results. */
  measure(rows: readonly Row[], moduleSize: number): Figure[] | null;
}

/** The row of so many flows and a contender, of any question or of this one. */
function find(rows: readonly Row[], flows: number, contender: string, question?: string): Row | null {
  const same = (row: Row) => row.flows === flows && row.contender === contender;
  return rows.find((row) => same(row) && (question === undefined || row.question === question)) ?? null;
}

function all<T>(values: readonly (T | null)[]): T[] | null {
  return values.includes(null) ? null : (values as T[]);
}

/** How many times slower a contender is at these sizes. */
function slower(contender: string, bounds: readonly (readonly [flows: number, least: number])[]): Target["measure"] {
  return (rows) =>
    all(
      bounds.map(([flows, least]) => {
        const ratio = find(rows, flows, contender, "established")?.ratio;
        return ratio == null ? null : { text: `${ratio.toPrecision(3)}x`, met: ratio >= least };
      }),
    );
}

function bytes(contender: string, most: number): Target["measure"] {
  return (rows) => {
    const size = find(rows, 1_000_000, contender)?.bytesPerFlow;
    return size == null ? null : [{ text: `${size} bytes`, met: size <= most }];
  };
}

const CAPTURE_FLOWS = 100_000;

/** Packets or lines a second, in millions. */
function perSecond(contender: string, least: number): Target["measure"] {
  return (rows) => {
    const ns = find(rows, CAPTURE_FLOWS, contender)?.nsPerPacket?.p50;
    return ns == null ? null : [{ text: `${(1e3 / ns).toPrecision(3)} M/s`, met: 1e3 / ns >= least }];
  };
}

const RULES = [10, 100, 1_000, 10_000];
const ON_TOP = "rules, RELATED,ESTABLISHED on top";

export const TARGETS: readonly Target[] = [
  {
    against: "typed arrays, 1k / 100k / 1M flows",
    target: "≥ 1.9x / 3.5x / 4.5x",
    from: "established",
    measure: slower("typed arrays", [
      [1_000, 1.9],
      [100_000, 3.5],
      [1_000_000, 4.5],
    ]),
  },
  {
    against: "Map with string key, 1k / 100k / 1M flows",
    target: "≥ 24x",
    from: "established",
    measure: slower("Map, string key", [
      [1_000, 24],
      [100_000, 24],
      [1_000_000, 24],
    ]),
  },
  {
    against: "native C of the same design, 1k / 100k / 1M flows",
    target: "≤ 1.2x its time",
    from: "native",
    measure: (rows) =>
      all(
        [1_000, 100_000, 1_000_000].map((flows) => {
          const ratio = find(rows, flows, "native C")?.ratio;
          return ratio == null ? null : { text: `${(1 / ratio).toPrecision(3)}x`, met: 1 / ratio <= 1.2 };
        }),
      ),
  },
  {
    against: "memory per flow, exact fit, events on, 1M flows",
    target: "≤ 150 bytes",
    from: "memory",
    measure: bytes("engine, exact fit, events", 150),
  },
  {
    against: "memory per flow, power of two",
    target: "≤ 280 bytes",
    from: "memory",
    measure: bytes("engine, power of two, events", 280),
  },
  {
    against: "10M flows in one engine (ns a packet)",
    target: "tracked",
    from: "established",
    measure: (rows) => {
      const ns = find(rows, 10_000_000, "engine")?.nsPerPacket;
      return ns == null ? null : [{ text: `${timeText(ns.p10)} ns`, met: true }];
    },
  },
  {
    against: "`ctrack track -o none` from a file",
    target: "≥ 8 M packets/s",
    from: "capture",
    measure: perSecond("ctrack -o none", 8),
  },
  {
    against: "the same against `tshark -z conv,tcp`",
    target: "≥ 150x",
    from: "capture",
    measure: (rows) => {
      const ratio = find(rows, CAPTURE_FLOWS, "tshark -z conv,tcp")?.ratio;
      return ratio == null ? null : [{ text: `${ratio.toPrecision(3)}x`, met: ratio >= 150 }];
    },
  },
  {
    against: "the same, resident",
    target: "≤ 100 MB",
    from: "capture",
    measure: (rows) => {
      const size = find(rows, CAPTURE_FLOWS, "ctrack -o none")?.bytesPerFlow;
      const megabytes = ((size ?? 0) * CAPTURE_FLOWS) / 1e6;
      return size == null ? null : [{ text: `${megabytes.toFixed(0)} MB`, met: megabytes <= 100 }];
    },
  },
  {
    against: "`ctrack track -o json` from a file",
    target: "≥ 1 M lines/s",
    from: "capture",
    measure: perSecond("ctrack -o json", 1),
  },
  {
    against: "1,000 rules, `RELATED,ESTABLISHED` on top, established traffic, against none",
    target: "≤ 1.25x",
    from: "rules",
    measure: (rows) => {
      const ratio = find(rows, 10_000, ON_TOP, "1000 rules, established")?.ratio;
      return ratio == null ? null : [{ text: `${ratio.toPrecision(3)}x`, met: ratio <= 1.25 }];
    },
  },
  {
    against: "new flows with 10 / 100 / 1,000 / 10,000 rules, against none",
    target: "sublinear",
    from: "rules",
    measure: (rows) => {
      const ratios = all(RULES.map((size) => find(rows, 10_000, "rules", `${size} rules, new flows`)?.ratio ?? null));
      return (
        ratios?.map((ratio, i) => {
          const before = ratios[i - 1];
          // ten times the rules may not cost ten times as much more than none
          return {
            text: `${ratio.toPrecision(3)}x`,
            met: before === undefined || ratio - 1 < 8 * Math.max(before - 1, 0.1),
          };
        }) ?? null
      );
    },
  },
  {
    against: "two workers against one, 100k flows",
    target: "≥ 1.8x",
    from: "workers",
    measure: (rows) => {
      const [one, two] = ["1 worker", "2 workers"].map((name) => find(rows, 100_000, name)?.ratio ?? null);
      return one == null || two == null ? null : [{ text: `${(one / two).toPrecision(3)}x`, met: one / two >= 1.8 }];
    },
  },
  {
    against: "module with all helpers, rules and NAT",
    target: "≤ 128 KB",
    from: "start-up",
    measure: (_, size) => [{ text: `${(size / 1024).toFixed(0)} KB`, met: size <= 128 * 1024 }],
  },
  {
    against: "ready in Node (262,144 connections)",
    target: "< 5 ms",
    from: "start-up",
    measure: (rows) => {
      const ns = find(rows, 0, "compile and open, 262144")?.nsPerPacket?.p10;
      return ns == null ? null : [{ text: `${(ns / 1e6).toPrecision(2)} ms`, met: ns < 5e6 }];
    },
  },
];

/** The table of targets, as Markdown. */
export function targetTable(results: Results, moduleSize: number): string {
  const rows = TARGETS.map(({ against, target, from, measure }) => {
    const saved = results.get(from);
    const figures = saved === undefined ? null : measure(saved.rows, moduleSize);
    if (saved === undefined || figures === null) return [against, target, "not saved", "", ""];
    const { date, commit, state } = saved;
    const met = figures.every((figure) => figure.met);
    return [
      against,
      target,
      figures.map(({ text }) => text).join(" / "),
      met ? "yes" : "**no**",
      `${date}, ${commit}, ${state}`,
    ];
  });
  return [["against", "target", "measured", "met", "when"], ["---", "---", "---", "---", "---"], ...rows]
    .map((cells) => `| ${cells.join(" | ")} |`)
    .join("\n");
}
