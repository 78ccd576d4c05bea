// Time stamps as the C library writes local time.

/** A moment in parts, in a time zone. */
export interface ClockParts {
  /** "Sun" */
  readonly weekday: string;
  /** "Nov" */
  readonly monthName: string;
  readonly day: number;
  readonly month: number;
  readonly year: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
}

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
export const WEEKDAYS: readonly string[] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];

// Making a formatter costs far more than using it.
const formatters = new Map<string | undefined, Intl.DateTimeFormat>();

function formatter(timeZone: string | undefined): Intl.DateTimeFormat {
  let made = formatters.get(timeZone);
  if (made === undefined) {
    made = new Intl.DateTimeFormat("en-US", {
      ...(timeZone === undefined ? {} : { timeZone }),
      hourCycle: "h23",
      weekday: "short",
      year: "numeric",
      month: "numeric",
      day: "numeric",
      hour: "numeric",
      minute: "numeric",
      second: "numeric",
    });
    formatters.set(timeZone, made);
  }
  return made;
}

/** Nanoseconds since the epoch in the parts of a clock; `timeZone` is an IANA name, by default the machine's zone. */
export function clockParts(time: bigint, timeZone?: string): ClockParts {
  const parts = formatter(timeZone).formatToParts(Number(time / 1_000_000n));
  const text = (type: Intl.DateTimeFormatPartTypes) => parts.find((part) => part.type === type)?.value ?? "";
  const month = Number(text("month"));
  return {
    weekday: text("weekday"),
    monthName: MONTHS[month - 1] ?? "",
    day: Number(text("day")),
    month,
    year: Number(text("year")),
    hour: Number(text("hour")),
    minute: Number(text("minute")),
    second: Number(text("second")),
  };
}

export const twoDigits = (value: number): string => String(value).padStart(2, "0");

/** ctime(3) without its newline: `Sun Nov 22 08:46:13 2026`, the day right-aligned in two columns. */
export function ctime(time: bigint, timeZone?: string): string {
  const { weekday, monthName, day, hour, minute, second, year } = clockParts(time, timeZone);
  const clock = [hour, minute, second].map(twoDigits).join(":");
  return `${weekday} ${monthName} ${String(day).padStart(2)} ${clock} ${year}`;
}

/** Seconds and microseconds in front of an event of a connection: zeros in front, eight and six digits, and a tab. */
export function flowTimestamp(time: bigint): string {
  const { seconds, microseconds } = split(time);
  return `[${seconds.padStart(8, "0")}.${microseconds.padStart(6, "0")}]\t`;
}

/** The same of an expectation, where conntrack-tools puts blanks behind: 31172 µs are `[1795496002.31172 ]`. */
export function expectTimestamp(time: bigint): string {
  const { seconds, microseconds } = split(time);
  return `[${seconds.padEnd(8)}.${microseconds.padEnd(6)}]\t`;
}

function split(time: bigint): { seconds: string; microseconds: string } {
  return { seconds: String(time / 1_000_000_000n), microseconds: String((time / 1000n) % 1_000_000n) };
}
