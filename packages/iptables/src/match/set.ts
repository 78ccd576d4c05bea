// Sets of ipset, by name and with a direction for each part of their elements.
import { match } from "../extension.js";
import { fail, type Word } from "../failure.js";
import { big, type Context, flag, type Given, join, not, option, text } from "../option.js";
import type { SetMatch, SetReference } from "../ruleset.js";

const SET_NAME_MAX = 31;
const DIMENSIONS_MAX = 6;
const U64 = (1n << 64n) - 1n;

/** NAME src,dst */
export function takeSet(word: Word, context: Context, next: () => Word): SetReference {
  const set = text(SET_NAME_MAX, { min: 1 })(word, context, next);
  checkSet(word, context);
  const flags = next();
  const parts = flags.text.split(",");
  if (parts.length > DIMENSIONS_MAX) fail(flags, `a set has at most ${DIMENSIONS_MAX} dimensions`);
  const dimensions = parts.map((part) =>
    part === "src" || part === "dst"
      ? part
      : fail(flags, "wanted is src or dst for each dimension of the set, with commas between"),
  );
  return { set, dimensions };
}

/** Where the sets are known, as iptables asks the kernel. */
function checkSet(word: Word, { sets, family }: Context): void {
  if (sets === null) return;
  const found = sets.get(word.text) ?? fail(word, noSuchSet(word.text));
  if (found.family !== null && found.family !== family)
    fail(word, `this set has addresses of IPv${found.family}, and these are rules of IPv${family}`);
}

export const noSuchSet = (name: string): string =>
  `there is no set ${JSON.stringify(name)}; give the file of ipset save that creates it (--ipset FILE)`;

const HOW = ["eq", "lt", "gt"] as const;
type Comparison = { how: (typeof HOW)[number]; value: bigint; invert: boolean };

const comparison = (...given: (Given<bigint> | undefined)[]): Comparison | null => {
  const i = given.findIndex(Boolean);
  const found = given[i];
  return found ? { how: HOW[i] ?? "eq", value: found.value, invert: found.invert } : null;
};

const printComparison = (name: string, test: Comparison | null) =>
  test && `${not(test)}--${name}-${test.how} ${test.value}`;

export const set = match({
  name: "set",
  options: {
    set: option("match-set set", takeSet, { invert: true, required: true }),
    returnNomatch: flag("return-nomatch", { repeat: true }),
    updateCounters: flag("update-counters", { invert: true, repeat: true }),
    updateSubcounters: flag("update-subcounters", { invert: true, repeat: true }),
    packetsEq: option("packets-eq", big(U64), { invert: true, excludes: ["packetsLt", "packetsGt"] }),
    packetsLt: option("packets-lt", big(U64), { excludes: ["packetsEq", "packetsGt"] }),
    packetsGt: option("packets-gt", big(U64), { excludes: ["packetsEq", "packetsLt"] }),
    bytesEq: option("bytes-eq", big(U64), { invert: true, excludes: ["bytesLt", "bytesGt"] }),
    bytesLt: option("bytes-lt", big(U64), { excludes: ["bytesEq", "bytesGt"] }),
    bytesGt: option("bytes-gt", big(U64), { excludes: ["bytesEq", "bytesLt"] }),
  },
  build: (given): SetMatch => ({
    name: "set",
    set: given.set?.value.set ?? "",
    dimensions: given.set?.value.dimensions ?? [],
    invert: given.set?.invert ?? false,
    returnNomatch: given.returnNomatch !== undefined,
    updateCounters: !given.updateCounters?.invert,
    updateSubcounters: !given.updateSubcounters?.invert,
    packets: comparison(given.packetsEq, given.packetsLt, given.packetsGt),
    bytes: comparison(given.bytesEq, given.bytesLt, given.bytesGt),
  }),
  print: (test: SetMatch) =>
    join(
      `${not(test)}--match-set ${test.set} ${test.dimensions.join(",")}`,
      test.returnNomatch && "--return-nomatch",
      !test.updateCounters && "! --update-counters",
      !test.updateSubcounters && "! --update-subcounters",
      printComparison("packets", test.packets),
      printComparison("bytes", test.bytes),
    ),
});
