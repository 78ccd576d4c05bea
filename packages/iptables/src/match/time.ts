import { match } from "../extension.js";
import { fail, type Word } from "../failure.js";
import { numberPrefix } from "../number.js";
import { flag, join, option } from "../option.js";
import type { TimeMatch } from "../ruleset.js";

const DAY = 86_400;
const LAST_DATE = 0x7fffffff;
const ALL_MONTHDAYS = 0xfffffffe;
const ALL_WEEKDAYS = 0xfe;
const WEEKDAYS = ["", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

/** hh:mm[:ss] */
function takeDaytime(word: Word): number {
  const wanted = "wanted is hh:mm or hh:mm:ss, of 00:00:00 to 23:59:59";
  const [, ...parts] = /^\+?(\d+):(\d+)(?::(\d+))?$/.exec(word.text) ?? fail(word, wanted);
  const [hour = 0, minute = 0, second = 0] = parts.map((part) => Number(part ?? 0));
  if (hour > 23 || minute > 59 || second > 59) fail(word, wanted);
  return hour * 3600 + minute * 60 + second;
}

/** YYYY[-MM[-DD[Thh[:mm[:ss]]]]] in UTC; days that a month does not have run over into the next. */
function takeDate(word: Word): number {
  const wanted = "wanted is YYYY-MM-DDThh:mm:ss of 1970 to 2038; it may end behind each part";
  const [, ...parts] =
    /^(\d+)(?:-(\d+)(?:-(\d+)(?:T(\d+)(?::(\d+)(?::(\d+))?)?)?)?)?$/.exec(word.text) ?? fail(word, wanted);
  const [year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0] = parts.map((part) =>
    part === undefined ? undefined : Number(part),
  );
  if (year < 1970 || year > 2038 || month > 12 || day > 31 || hour > 23 || minute > 59 || second > 59)
    fail(word, wanted);
  const at = Date.UTC(year, month - 1, day, hour, minute, second) / 1000;
  return at < 0 ? fail(word, wanted) : at;
}

function takeMonthdays(word: Word): number {
  let days = 0;
  for (const part of word.text.split(",").filter((text, i, all) => text !== "" || i < all.length - 1)) {
    const day = /^\+?\d+$/.test(part) ? Number(part) : part === "" ? 0 : 32;
    if (day > 31) fail(word, "wanted are days of the month, 1 to 31, with commas between");
    days |= 1 << day;
  }
  return days >>> 0;
}

/** The first two letters count, or a number from 1 for Monday. */
function takeWeekdays(word: Word): number {
  let days = 0;
  for (const part of word.text.split(",").filter((text, i, all) => text !== "" || i < all.length - 1)) {
    const number = numberPrefix(part);
    const numbered = number?.rest === "";
    const day = numbered
      ? Number(number.value ?? 8n)
      : WEEKDAYS.findIndex((name) => name && part.startsWith(name.slice(0, 2)));
    if (numbered ? day === 0 : day < 1)
      fail(word, "wanted are days of the week: Mon, Tue, Wed, Thu, Fri, Sat, Sun or 1 to 7, with commas between");
    if (day >= 1 && day <= 7) days |= 1 << day;
  }
  return days;
}

const two = (value: number): string => String(value).padStart(2, "0");
const printDaytime = (at: number): string =>
  [at / 3600, (at / 60) % 60, at % 60].map((part) => two(Math.floor(part))).join(":");
const printDate = (at: number): string => new Date(at * 1000).toISOString().slice(0, 19);

const bits = (mask: number, from: number, to: number): number[] =>
  Array.from({ length: to - from + 1 }, (_, i) => from + i).filter((bit) => mask & (1 << bit));

export const time = match({
  name: "time",
  options: {
    dateStart: option("datestart", takeDate),
    dateStop: option("datestop", takeDate),
    timeStart: option("timestart", takeDaytime),
    timeStop: option("timestop", takeDaytime),
    monthdays: option("monthdays", takeMonthdays, { invert: true }),
    weekdays: option("weekdays", takeWeekdays, { invert: true }),
    kerneltz: flag("kerneltz localtz", { excludes: ["utc"] }),
    utc: flag("utc", { excludes: ["kerneltz"] }),
    contiguous: flag("contiguous"),
  },
  build(given): TimeMatch {
    const timeStart = given.timeStart?.value ?? 0;
    const timeStop = given.timeStop?.value ?? DAY - 1;
    if (given.contiguous && timeStart < timeStop)
      fail(given.contiguous.word, "--contiguous makes sense only where --timestop is before --timestart");
    const days = (test: typeof given.monthdays, all: number) =>
      test ? (test.invert ? test.value ^ all : test.value) >>> 0 : all;
    return {
      name: "time",
      dateStart: given.dateStart?.value ?? null,
      dateStop: given.dateStop?.value ?? null,
      timeStart,
      timeStop,
      monthdays: days(given.monthdays, ALL_MONTHDAYS),
      weekdays: days(given.weekdays, ALL_WEEKDAYS),
      kerneltz: given.kerneltz !== undefined,
      contiguous: given.contiguous !== undefined,
    };
  },
  print: (test: TimeMatch) =>
    join(
      (test.timeStart !== 0 || test.timeStop !== DAY - 1) &&
        `--timestart ${printDaytime(test.timeStart)} --timestop ${printDaytime(test.timeStop)}`,
      test.monthdays !== ALL_MONTHDAYS && `--monthdays ${bits(test.monthdays, 1, 31).join(",")}`,
      test.weekdays !== ALL_WEEKDAYS &&
        `--weekdays ${bits(test.weekdays, 1, 7)
          .map((day) => WEEKDAYS[day])
          .join(",")}`,
      test.dateStart ? `--datestart ${printDate(test.dateStart)}` : null,
      `--datestop ${printDate(test.dateStop ?? LAST_DATE)}`,
      test.kerneltz && "--kerneltz",
      test.contiguous && "--contiguous",
    ),
});
