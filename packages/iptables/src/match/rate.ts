// limit and hashlimit: rates, kept as the kernel has them (time for one packet) and printed back from that.
import { addressBits, prefixLength } from "../address.js";
import { match } from "../extension.js";
import { fail, type Word } from "../failure.js";
import { numberPrefix, U32 } from "../number.js";
import { type Context, flag, join, number, option, takeMaskLength, u32 } from "../option.js";
import type { HashlimitMatch, LimitMatch } from "../ruleset.js";
import { isFileName } from "../words.js";

const S64_MAX = (1n << 63n) - 1n;
const U64_BIG = (1n << 64n) - 1n;
const U32_BIG = BigInt(U32);

const LIMIT_SCALE = 10_000n;
const HASHLIMIT_SCALE = 1_000_000n;

/** From the longest: name in print, seconds. */
const UNITS = [
  ["day", 86_400n],
  ["hour", 3_600n],
  ["min", 60n],
  ["sec", 1n],
] as const;
const UNIT_WORDS = [
  ["second", 1n],
  ["minute", 60n],
  ["hour", 3_600n],
  ["day", 86_400n],
] as const;

const RATE = "wanted is a rate like 5/second, 10/minute, 3/hour or 1/day";

/** The number a text begins with, as C's atoll reads it. */
const leadingNumber = (text: string): bigint => {
  const value = BigInt(/^[ \t]*\+?(\d+)/.exec(text)?.[1] ?? 0);
  return value < S64_MAX ? value : S64_MAX;
};

/** NUMBER[/UNIT] → time for one packet, in parts of a second; the unit may be abbreviated. `max`: bits the number is cut to. */
function takeRate(word: Word, scale: bigint, max = U64_BIG): { avg: bigint; count: bigint; seconds: bigint } {
  const slash = word.text.indexOf("/");
  const unit = slash < 0 ? "second" : word.text.slice(slash + 1).toLowerCase();
  const seconds = UNIT_WORDS.find(([name]) => unit !== "" && name.startsWith(unit))?.[1] ?? fail(word, RATE);
  const count = (/^-\d/.test(word.text) ? max : leadingNumber(word.text)) & max;
  if (count === 0n) fail(word, RATE);
  const avg = (scale * seconds) / count;
  if (avg === 0n) fail(word, `too fast: at most ${scale} a second`);
  return { avg, count, seconds };
}

/** The rate in the shortest unit that gives it well, and that unit. */
function printRate(avg: bigint, scale: bigint): { text: string; seconds: bigint } {
  let found: (typeof UNITS)[number] = UNITS[0];
  for (const unit of UNITS.slice(1)) {
    const period = unit[1] * scale;
    if (avg > period || period / avg < period % avg) break;
    found = unit;
  }
  return { text: `${(found[1] * scale) / avg}/${found[0]}`, seconds: found[1] };
}

const LIMIT_BURST = 5;
const LIMIT_AVG = (LIMIT_SCALE * 3_600n) / 3n;

export const limit = match({
  name: "limit",
  options: {
    rate: option("limit", (word) => Number(takeRate(word, LIMIT_SCALE, U32_BIG).avg)),
    burst: option("limit-burst", number(0, 10_000)),
  },
  build: ({ rate, burst }): LimitMatch => ({
    name: "limit",
    avg: rate?.value ?? Number(LIMIT_AVG),
    burst: burst?.value || LIMIT_BURST,
  }),
  print: ({ avg, burst }: LimitMatch) =>
    join(`--limit ${printRate(BigInt(avg), LIMIT_SCALE).text}`, burst !== LIMIT_BURST && `--limit-burst ${burst}`),
});

// ---- hashlimit ------------------------------------------------------------------------------------------------------

const BURST_MAX = 1_000_000n;
/** The kernel counts bytes in sixteens. */
const BYTE_SHIFT = 4n;
const KB = 1024n;
const MB = KB * KB;

type Rate =
  | { unit: "packets"; avg: bigint; count: bigint; seconds: bigint }
  | { unit: "bytes"; perSecond: bigint; seconds: bigint };

function takeHashlimitRate(word: Word): Rate {
  const unit = word.text.indexOf("b/s");
  if (unit < 0) return { unit: "packets", ...takeRate(word, HASHLIMIT_SCALE) };
  const count = leadingNumber(word.text);
  if (count === 0n) fail(word, "wanted is a rate like 512kb/s or 5/second");
  // iptables looks at the letter before the unit only, and counts sixteens of bytes in 32 bits
  const bytes = BigInt.asUintN(64, count * unitOf(word.text[unit - 1]));
  const cost = U32_BIG / (BigInt.asUintN(32, bytes >> BYTE_SHIFT) + 1n);
  if (cost < 2n) fail(word, "too fast: wanted is a rate of less than 32767mb/s");
  return { unit: "bytes", perSecond: (U32_BIG / cost - 1n) << BYTE_SHIFT, seconds: 1n };
}

const unitOf = (letter: string | undefined): bigint => (letter === "k" ? KB : letter === "m" ? MB : 1n);

/** In the larger unit where little is lost by that: one part in `precision`. */
function printBytes(bytes: bigint, precision: { mb: bigint; kb: bigint } = { mb: 1_000n, kb: 10_000n }): string {
  if (bytes >= MB && bytes <= U32_BIG && (bytes % MB) * precision.mb < bytes) return `${bytes / MB}mb`;
  if (bytes >= KB && bytes <= U32_BIG && (bytes % KB) * precision.kb < bytes) return `${bytes / KB}kb`;
  return `${bytes}b`;
}
const BURST_PRECISION = { mb: 100n, kb: 100n };

/** Of what stands behind the number only a first k or m counts. */
function takeBurst(word: Word): bigint {
  const wanted = `wanted is a burst of 1 to ${BURST_MAX} packets, or of bytes like 20kb`;
  const { value, rest } = numberPrefix(word.text) ?? fail(word, wanted);
  return value === null || value === 0n || /^\s*-/.test(word.text) ? fail(word, wanted) : value * unitOf(rest[0]);
}

/** Seconds, as atoi reads them. */
function takeInterval(word: Word): number {
  const seconds = Number(leadingNumber(word.text));
  return seconds >= 1 && seconds <= INTERVAL_MAX ? seconds : fail(word, `wanted is a number of 1 to ${INTERVAL_MAX}`);
}
const INTERVAL_MAX = 0x7fffffff;

/** The kernel counts in credits of 64 bits, at 250 ticks a second or 1000; a burst that wraps around is refused. */
const CREDITS_PER_SECOND = 250n << 39n;
const credits = (time: bigint): bigint => BigInt.asUintN(64, (time * CREDITS_PER_SECOND) / HASHLIMIT_SCALE);

/** A burst of bytes is kept as seconds at the full rate. */
const wholeSeconds = (bytes: bigint, perSecond: bigint): bigint => ((bytes + perSecond - 1n) / perSecond) * perSecond;

const SIZE_MAX = 1_048_576;
const MODES = ["srcip", "srcport", "dstip", "dstport"] as const;
const PRINTED_MODES = ["srcip", "srcport", "dstip", "dstport"] as const;

function takeMode(word: Word): HashlimitMatch["mode"] {
  const words = word.text.split(",").filter((name, i, all) => name !== "" || i < all.length - 1);
  for (const name of words)
    if (!MODES.some((mode) => mode === name)) fail(word, `wanted are ${MODES.join(", ")}, with commas between`);
  return PRINTED_MODES.filter((mode) => words.includes(mode));
}

const takeTableName = (word: Word): string =>
  isFileName(word.text) ? word.text.slice(0, 254) : fail(word, "the name of a table is wanted, without a slash");

const U = { invert: true } as const;
const maskLength = (word: Word, context: Context): number =>
  prefixLength(takeMaskLength(word, context)) ?? fail(word, "wanted is a length, or a mask without gaps");

export const hashlimit = match({
  name: "hashlimit",
  options: {
    upto: option("hashlimit-upto hashlimit", takeHashlimitRate, { ...U, excludes: ["above"] }),
    above: option("hashlimit-above", takeHashlimitRate, { ...U, excludes: ["upto"] }),
    burst: option("hashlimit-burst", takeBurst),
    mode: option("hashlimit-mode", takeMode),
    srcMask: option("hashlimit-srcmask", maskLength),
    dstMask: option("hashlimit-dstmask", maskLength),
    table: option("hashlimit-name", takeTableName, { required: true }),
    size: option("hashlimit-htable-size", (word, context, next) => Math.min(u32(word, context, next), SIZE_MAX)),
    max: option("hashlimit-htable-max", u32),
    gcInterval: option("hashlimit-htable-gcinterval", number(1, U32)),
    expire: option("hashlimit-htable-expire", number(1, U32)),
    rateMatch: flag("hashlimit-rate-match"),
    rateInterval: option("hashlimit-rate-interval", takeInterval),
  },
  build(given, { family, word }): HashlimitMatch {
    const rate = given.above ?? given.upto ?? fail(word, "hashlimit wants --hashlimit-upto or --hashlimit-above");
    const burst = given.burst;
    if (burst && rate.value.unit === "packets" && burst.value > BURST_MAX)
      fail(burst.word, `wanted is a burst of 1 to ${BURST_MAX} packets`);
    if (burst && rate.value.unit === "bytes" && burst.value < rate.value.perSecond)
      fail(burst.word, `the burst cannot be smaller than the rate, ${rate.value.perSecond} bytes`);
    if (rate.value.unit === "packets" && credits(rate.value.avg * (burst?.value ?? 5n)) < credits(rate.value.avg))
      fail(rate.word, "the kernel cannot count this rate with this burst; a smaller burst or a faster rate is wanted");
    const bits = addressBits(family);
    for (const mask of [given.srcMask, given.dstMask])
      if (mask && mask.value > bits) fail(mask.word, `wanted is a length of 0 to ${bits}`);
    return {
      name: "hashlimit",
      table: given.table?.value ?? "",
      above: (rate === given.above) !== rate.invert,
      rate:
        rate.value.unit === "bytes"
          ? {
              unit: "bytes",
              perSecond: rate.value.perSecond,
              burst: burst ? wholeSeconds(burst.value, rate.value.perSecond) : null,
            }
          : {
              unit: "packets",
              // With --hashlimit-rate-match the unit of time does not count.
              avg: given.rateMatch ? HASHLIMIT_SCALE / rate.value.count : rate.value.avg,
              burst: Number(burst?.value ?? 5n),
            },
      mode: given.mode?.value ?? [],
      srcMask: given.srcMask?.value ?? bits,
      dstMask: given.dstMask?.value ?? bits,
      size: given.size?.value ?? 0,
      max: given.max?.value ?? 0,
      gcInterval: given.gcInterval?.value ?? 1000,
      expire: given.expire?.value ?? Number(rate.value.seconds) * 1000,
      rateInterval: given.rateMatch ? (given.rateInterval?.value ?? Number(rate.value.seconds)) : null,
    };
  },
  print(test: HashlimitMatch, family) {
    const { rate } = test;
    const bits = addressBits(family);
    const printed =
      rate.unit === "bytes"
        ? { text: `${printBytes(rate.perSecond)}/s`, seconds: 1n }
        : test.rateInterval === null
          ? printRate(rate.avg, HASHLIMIT_SCALE)
          : { text: `${HASHLIMIT_SCALE / rate.avg}/sec`, seconds: 1n };
    const burst = rate.unit === "bytes" ? rate.burst && printBytes(rate.burst, BURST_PRECISION) : rate.burst;
    return join(
      `--hashlimit-${test.above ? "above" : "upto"} ${printed.text}`,
      burst !== null && `--hashlimit-burst ${burst}`,
      test.mode.length > 0 && `--hashlimit-mode ${test.mode.join(",")}`,
      `--hashlimit-name ${test.table}`,
      test.size !== 0 && `--hashlimit-htable-size ${test.size}`,
      test.max !== 0 && `--hashlimit-htable-max ${test.max}`,
      test.gcInterval !== 1000 && `--hashlimit-htable-gcinterval ${test.gcInterval}`,
      test.expire !== Number(printed.seconds) * 1000 && `--hashlimit-htable-expire ${test.expire}`,
      test.srcMask !== bits && `--hashlimit-srcmask ${test.srcMask}`,
      test.dstMask !== bits && `--hashlimit-dstmask ${test.dstMask}`,
      test.rateInterval !== null && "--hashlimit-rate-match",
      test.rateInterval !== null && test.rateInterval !== 1 && `--hashlimit-rate-interval ${test.rateInterval}`,
    );
  },
});
