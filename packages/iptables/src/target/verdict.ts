// ACCEPT, DROP, RETURN, QUEUE, NFQUEUE, REJECT, LOG, NFLOG, AUDIT, TRACE: what happens to a packet, and who hears of it.
import { target } from "../extension.js";
import { fail, type Word } from "../failure.js";
import { parseNumber, U16 } from "../number.js";
import { flag, join, list, option, quote, range16, u16, u32 } from "../option.js";
import type {
  AuditTarget,
  Family,
  LogTarget,
  NflogTarget,
  NfqueueTarget,
  RejectTarget,
  RejectWith,
  Target,
} from "../ruleset.js";

const plain = (kind: "ACCEPT" | "DROP" | "RETURN" | "QUEUE", tables?: readonly string[]) =>
  target({
    name: kind,
    ...(tables ? { tables } : {}),
    options: {},
    build: (): Target => ({ kind }),
    print: () => "",
  });

export const accept = plain("ACCEPT");
/** The nat table is no place for filtering: it sees only the first packet of a connection. */
export const drop = plain("DROP", ["raw", "mangle", "filter", "security"]);
export const returned = plain("RETURN");
export const queue = plain("QUEUE");

export const nfqueue = target({
  name: "NFQUEUE",
  options: {
    num: option("queue-num", u16, { excludes: ["balance"] }),
    balance: option(
      "queue-balance",
      (word, context, next) => {
        if (!word.text.includes(":")) fail(word, "wanted is FIRST:LAST");
        const found = range16(word, context, next);
        if (found.first >= found.last) fail(word, "the first queue must be smaller than the last");
        if (found.first === 0 && found.last === U16) fail(word, "at most 65535 queues");
        return found;
      },
      { excludes: ["num"] },
    ),
    bypass: flag("queue-bypass"),
    cpuFanout: flag("queue-cpu-fanout", { needs: ["balance"] }),
  },
  build: ({ num, balance, bypass, cpuFanout }): NfqueueTarget => ({
    kind: "NFQUEUE",
    first: balance?.value.first ?? num?.value ?? 0,
    last: balance?.value.last ?? num?.value ?? 0,
    bypass: bypass !== undefined,
    cpuFanout: cpuFanout !== undefined,
  }),
  print: (test: NfqueueTarget) =>
    join(
      test.first === test.last ? `--queue-num ${test.first}` : `--queue-balance ${test.first}:${test.last}`,
      test.bypass && "--queue-bypass",
      test.cpuFanout && "--queue-cpu-fanout",
    ),
});

// ---- REJECT ---------------------------------------------------------------------------------------------------------

type Reject = readonly [name: RejectWith, alias: string];

/** In the order iptables knows them: an abbreviation takes the first. */
const REJECTS: Readonly<Record<Family, readonly Reject[]>> = {
  4: [
    ["icmp-net-unreachable", "net-unreach"],
    ["icmp-host-unreachable", "host-unreach"],
    ["icmp-proto-unreachable", "proto-unreach"],
    ["icmp-port-unreachable", "port-unreach"],
    ["icmp-net-prohibited", "net-prohib"],
    ["icmp-host-prohibited", "host-prohib"],
    ["tcp-reset", "tcp-rst"],
    ["icmp-admin-prohibited", "admin-prohib"],
  ],
  6: [
    ["icmp6-no-route", "no-route"],
    ["icmp6-adm-prohibited", "adm-prohibited"],
    ["icmp6-addr-unreachable", "addr-unreach"],
    ["icmp6-port-unreachable", "port-unreach"],
    ["tcp-reset", "tcp-reset"],
    ["icmp6-policy-fail", "policy-fail"],
    ["icmp6-reject-route", "reject-route"],
  ],
};
const DEFAULT_REJECT = { 4: "icmp-port-unreachable", 6: "icmp6-port-unreachable" } as const;

function takeReject(word: Word, { family }: { family: Family }): RejectWith {
  const wanted = word.text.toLowerCase();
  return (
    REJECTS[family].find((names) => names.some((name) => name.startsWith(wanted)))?.[0] ??
    fail(word, `wanted is ${list(REJECTS[family].map(([name]) => name))}`)
  );
}

export const reject = target({
  name: "REJECT",
  tables: ["filter"],
  chains: ["INPUT", "FORWARD", "OUTPUT"],
  options: { with: option("reject-with", takeReject) },
  build({ with: given }, { family, protocol, protocolInvert }): RejectTarget {
    if (given?.value === "tcp-reset" && (protocol !== 6 || protocolInvert)) fail(given.word, "tcp-reset needs -p tcp");
    return { kind: "REJECT", with: given?.value ?? DEFAULT_REJECT[family] };
  },
  print: (test: RejectTarget) => `--reject-with ${test.with}`,
});

// ---- LOG, NFLOG, AUDIT, TRACE ---------------------------------------------------------------------------------------

const LEVELS: Readonly<Record<string, number>> = {
  emerg: 0,
  panic: 0,
  alert: 1,
  crit: 2,
  error: 3,
  warning: 4,
  notice: 5,
  info: 6,
  debug: 7,
};
const WARNING = 4;
const LOG_FLAGS = [
  [1, "sequence", "log-tcp-sequence"],
  [2, "options", "log-tcp-options"],
  [4, "ip", "log-ip-options"],
  [8, "uid", "log-uid"],
  [32, "mac", "log-macdecode"],
] as const;
const LOG_PREFIX_MAX = 29;
/** NFLOG and LOG cut a prefix that is too long. */
const takePrefix =
  (max: number) =>
  (word: Word): string =>
    word.text === "" ? fail(word, "a text is wanted, this one is empty") : word.text.slice(0, max);

export const log = target({
  name: "LOG",
  options: {
    level: option(
      "log-level",
      (word) =>
        LEVELS[word.text] ??
        parseNumber(word.text, 0, 7) ??
        fail(word, `wanted is a level of 0 to 7, or ${list(Object.keys(LEVELS))}`),
    ),
    prefix: option("log-prefix", takePrefix(LOG_PREFIX_MAX)),
    sequence: flag("log-tcp-sequence"),
    options: flag("log-tcp-options"),
    ip: flag("log-ip-options"),
    uid: flag("log-uid"),
    mac: flag("log-macdecode"),
  },
  build: (given): LogTarget => ({
    kind: "LOG",
    prefix: given.prefix?.value ?? "",
    level: given.level?.value ?? WARNING,
    flags: LOG_FLAGS.reduce((flags, [bit, key]) => (given[key] ? flags | bit : flags), 0),
  }),
  print: ({ prefix, level, flags }: LogTarget) =>
    join(
      prefix !== "" && `--log-prefix ${quote(prefix)}`,
      level !== WARNING && `--log-level ${level}`,
      ...LOG_FLAGS.map(([bit, , name]) => (flags & bit) !== 0 && `--${name}`),
    ),
});

const NFLOG_PREFIX_MAX = 127;

export const nflog = target({
  name: "NFLOG",
  options: {
    group: option("nflog-group", u16),
    prefix: option("nflog-prefix", takePrefix(NFLOG_PREFIX_MAX)),
    range: option("nflog-range", u32, { excludes: ["size"] }),
    size: option("nflog-size", u32, { excludes: ["range"] }),
    threshold: option("nflog-threshold", u16),
  },
  build: ({ group, prefix, range, size, threshold }): NflogTarget => ({
    kind: "NFLOG",
    group: group?.value ?? 0,
    prefix: prefix?.value ?? "",
    range: range?.value ?? null,
    size: size?.value ?? null,
    threshold: threshold?.value ?? 0,
  }),
  // `--nflog-range` never had an effect and is not printed.
  print: ({ group, prefix, size, threshold }: NflogTarget) =>
    join(
      prefix !== "" && `--nflog-prefix ${quote(prefix)}`,
      group !== 0 && `--nflog-group ${group}`,
      size !== null && `--nflog-size ${size}`,
      threshold !== 0 && `--nflog-threshold ${threshold}`,
    ),
});

const AUDIT_TYPES = ["accept", "drop", "reject"] as const;

export const audit = target({
  name: "AUDIT",
  options: {
    type: option(
      "type",
      (word) =>
        AUDIT_TYPES.find((type) => type === word.text.toLowerCase()) ?? fail(word, `wanted is ${list(AUDIT_TYPES)}`),
      {
        required: true,
      },
    ),
  },
  build: ({ type }): AuditTarget => ({ kind: "AUDIT", type: type?.value ?? "accept" }),
  print: ({ type }: AuditTarget) => `--type ${type}`,
});

export const trace = target({
  name: "TRACE",
  options: {},
  build: (): Target => ({ kind: "TRACE" }),
  print: () => "",
});
