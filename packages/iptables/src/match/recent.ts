import { addressBits, formatAddress, prefixMask, resolveAddress } from "../address.js";
import { match } from "../extension.js";
import { fail, type Word } from "../failure.js";
import { U32 } from "../number.js";
import { flag, join, not, number, option } from "../option.js";
import type { Address, Family, RecentMatch } from "../ruleset.js";
import { isFileName } from "../words.js";

const ACTIONS = ["set", "rcheck", "update", "remove"] as const;
const others = (action: string) => ACTIONS.filter((name) => name !== action);
const HITCOUNT_MAX = 65_535;
const NAME_MAX = 199;

const takeName = (word: Word): string => {
  const name = word.text;
  if (!isFileName(name)) fail(word, "the name of a list is wanted, without a slash");
  return name.slice(0, NAME_MAX);
};

/** `--mask 24` is 0.0.0.24, as the C library reads an address of one number. */
const takeNetmask = (word: Word, family: Family): Address => resolveAddress(word, family);

export const recent = match({
  name: "recent",
  options: {
    set: flag("set", { invert: true, excludes: [...others("set"), "rttl"] }),
    rcheck: flag("rcheck", { invert: true, excludes: others("rcheck") }),
    update: flag("update", { invert: true, excludes: others("update") }),
    remove: flag("remove", { invert: true, excludes: [...others("remove"), "rttl"] }),
    seconds: option("seconds", number(1, U32)),
    reap: flag("reap", { needs: ["seconds"] }),
    hitcount: option("hitcount", number(0, HITCOUNT_MAX)),
    rttl: flag("rttl", { excludes: ["set", "remove"] }),
    list: option("name", takeName),
    rsource: flag("rsource"),
    rdest: flag("rdest"),
    mask: option("mask", (word, { family }) => takeNetmask(word, family)),
  },
  build(given, { family, word }): RecentMatch {
    const action =
      ACTIONS.find((name) => given[name]) ?? fail(word, "recent wants one of --set, --rcheck, --update, --remove");
    const checks = action === "rcheck" || action === "update";
    for (const limit of [given.seconds, given.hitcount])
      if (limit && !checks && limit.value !== 0)
        fail(limit.word, "--seconds and --hitcount go with --rcheck and --update only");
    return {
      name: "recent",
      action,
      invert: given[action]?.invert ?? false,
      seconds: given.seconds?.value ?? null,
      reap: given.reap !== undefined,
      hitcount: given.hitcount?.value || null,
      rttl: given.rttl !== undefined,
      list: given.list?.value ?? "DEFAULT",
      mask: given.mask?.value ?? prefixMask(addressBits(family), family),
      side: given.rdest ? "rdest" : "rsource",
    };
  },
  print: (test: RecentMatch) =>
    join(
      `${not(test)}--${test.action}`,
      test.seconds !== null && `--seconds ${test.seconds | 0}`,
      test.reap && "--reap",
      test.hitcount !== null && `--hitcount ${test.hitcount}`,
      test.rttl && "--rttl",
      `--name ${test.list}`,
      `--mask ${formatAddress(test.mask)}`,
      `--${test.side}`,
    ),
});
