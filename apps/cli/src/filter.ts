// `--filter`: a small language over what connection tracking says of a packet, or over an entry of the table.
//
//   expr    = term { ("or" | "||") term }
//   term    = factor { ["and" | "&&"] factor }
//   factor  = ("not" | "!") factor | "(" expr ")" | test
//   test    = field op value {"," value} | field value | word
//   op      = "=" | "==" | "!=" | "<" | "<=" | ">" | ">="
//
// A word alone is a state (invalid; for entries a status bit: assured), a protocol (tcp), or ip, ip6. Values: numbers, ranges (1024-65535), addresses with a
// prefix length (10.0.0.0/8), names in which * stands for anything (tcp-*), and null.
import { EVENT_BITS, type Flow, type FlowEvent, statusNames } from "conntrack-wasm";
import { UsageError } from "./exit.js";
import { type PacketView, protocolText } from "./packet.js";

type Test<T> = (subject: T) => boolean;
export type Filter = Test<PacketView>;

type Value = string | number | null | undefined;

interface Field<T> {
  readonly kind: "name" | "number" | "address";
  /** What the subject has under the name; several where either will do (port, host). */
  readonly get: (subject: T) => readonly Value[];
  /** The names there are, where it is a closed list. */
  readonly names?: readonly string[];
}

/** What can be asked of a kind of subject. */
interface Vocabulary<T> {
  readonly fields: Readonly<Record<string, Field<T>>>;
  /** The field whose names stand for themselves. */
  readonly bare: string;
  readonly protocol: (subject: T) => string | null;
  readonly l3num: (subject: T) => number;
}

const STATES = ["NEW", "ESTABLISHED", "RELATED", "INVALID", "UNTRACKED"];
const PROTOCOLS = ["tcp", "udp", "icmp", "icmpv6", "sctp", "udplite", "gre"];

const PACKETS: Vocabulary<PacketView> = {
  bare: "state",
  protocol: (p) => p.trace.protocol,
  l3num: (p) => p.trace.l3num,
  fields: {
    state: { kind: "name", names: STATES, get: (p) => [p.state] },
    direction: { kind: "name", names: ["original", "reply"], get: (p) => [p.direction] },
    reason: { kind: "name", get: (p) => [p.reason?.name] },
    verdict: { kind: "name", names: ["ACCEPT", "DROP"], get: (p) => [p.verdict] },
    protocol: { kind: "name", get: (p) => [protocolText(p.trace), p.trace.protocol] },
    before: { kind: "name", get: (p) => [p.trace.before?.protocolState] },
    after: { kind: "name", get: (p) => [p.trace.after?.protocolState] },
    checksum: { kind: "name", names: ["bad", "ok"], get: (p) => [p.trace.badChecksum ? "bad" : "ok"] },
    frame: { kind: "number", get: (p) => [p.frame] },
    conn: { kind: "number", get: (p) => [p.entry] },
    port: { kind: "number", get: (p) => [p.trace.sport, p.trace.dport] },
    sport: { kind: "number", get: (p) => [p.trace.sport] },
    dport: { kind: "number", get: (p) => [p.trace.dport] },
    length: { kind: "number", get: (p) => [p.trace.length] },
    payload: { kind: "number", get: (p) => [p.trace.payload] },
    type: { kind: "number", get: (p) => [p.trace.type] },
    code: { kind: "number", get: (p) => [p.trace.code] },
    id: { kind: "number", get: (p) => [p.trace.id] },
    cause: { kind: "number", get: (p) => [p.trace.cause] },
    host: { kind: "address", get: (p) => [p.trace.src, p.trace.dst] },
    src: { kind: "address", get: (p) => [p.trace.src] },
    dst: { kind: "address", get: (p) => [p.trace.dst] },
  },
};

const STATUS = [
  "SEEN_REPLY",
  "UNREPLIED",
  "ASSURED",
  "CONFIRMED",
  "EXPECTED",
  "HELPER",
  "SRC_NAT",
  "DST_NAT",
  "DYING",
  "FIXED_TIMEOUT",
];

function statusOf({ status }: Flow): string[] {
  const names: string[] = statusNames(status);
  return names.includes("SEEN_REPLY") ? names : [...names, "UNREPLIED"];
}

const FLOWS: Vocabulary<Flow> = {
  bare: "status",
  protocol: (f) => f.protocol,
  l3num: (f) => f.l3num,
  fields: {
    status: { kind: "name", names: STATUS, get: statusOf },
    protocol: { kind: "name", get: (f) => [f.protocol] },
    after: { kind: "name", get: (f) => [f.protocolState] },
    helper: { kind: "name", get: (f) => [f.helper] },
    conn: { kind: "number", get: (f) => [f.conn] },
    mark: { kind: "number", get: (f) => [f.mark] },
    zone: { kind: "number", get: (f) => [f.zone] },
    timeout: { kind: "number", get: (f) => [Number(f.timeout) / 1e9] },
    port: { kind: "number", get: (f) => [f.original.sport, f.original.dport, f.reply.sport, f.reply.dport] },
    sport: { kind: "number", get: (f) => [f.original.sport] },
    dport: { kind: "number", get: (f) => [f.original.dport] },
    type: { kind: "number", get: (f) => [f.original.type] },
    code: { kind: "number", get: (f) => [f.original.code] },
    id: { kind: "number", get: (f) => [f.original.id] },
    host: { kind: "address", get: (f) => [f.original.src, f.original.dst, f.reply.src, f.reply.dst] },
    src: { kind: "address", get: (f) => [f.original.src] },
    dst: { kind: "address", get: (f) => [f.original.dst] },
  },
};

function ofEvents(): Vocabulary<FlowEvent> {
  const fields: Record<string, Field<FlowEvent>> = {
    event: { kind: "name", names: ["NEW", "UPDATE", "DESTROY"], get: (e) => [e.type] },
    cause: { kind: "name", names: EVENT_BITS, get: (e) => EVENT_BITS.filter((_, bit) => (e.bits >> bit) & 1) },
    frame: { kind: "number", get: (e) => [e.frame] },
  };
  for (const [name, field] of Object.entries(FLOWS.fields)) fields[name] = { ...field, get: (e) => field.get(e.flow) };
  return { fields, bare: "status", protocol: (e) => e.flow.protocol, l3num: (e) => e.flow.l3num };
}

const ALIASES: Readonly<Record<string, string>> = {
  proto: "protocol",
  net: "host",
  dir: "direction",
  tcpstate: "after",
  ctstate: "state",
};

interface Token {
  readonly text: string;
  /** Counted from 1. */
  readonly column: number;
}

function tokenize(source: string): Token[] {
  const tokens: Token[] = [];
  for (const match of source.matchAll(/\s+|[()]|&&|\|\||[=!<>]=|[=<>!]|,|[^\s()=<>!&|,]+|./gu)) {
    if (match[0].trim() !== "") tokens.push({ text: match[0], column: match.index + 1 });
  }
  return tokens;
}

/** A filter over packets; a UsageError names the column of what is wrong. */
export function compileFilter(source: string): Filter {
  return compile(source, PACKETS);
}

/** A filter over the entries of the table. */
export function compileFlowFilter(source: string): Test<Flow> {
  return compile(source, FLOWS);
}

export function compileEventFilter(source: string): Test<FlowEvent> {
  return compile(source, ofEvents());
}

function compile<T>(source: string, vocabulary: Vocabulary<T>): Test<T> {
  const { fields, bare } = vocabulary;
  const bareNames = fields[bare]?.names ?? [];
  const tokens = tokenize(source);
  const end: Token = { text: "", column: source.length + 1 };
  let next = 0;

  const peek = () => tokens[next] ?? end;
  const fail = (message: string, token = peek()): never => {
    throw new UsageError(
      `--filter, column ${token.column}: ${message}\n  ${source}\n  ${" ".repeat(token.column - 1)}^`,
    );
  };
  const accept = (...words: string[]) => {
    if (!words.includes(peek().text.toLowerCase())) return false;
    next++;
    return true;
  };

  function expr(): Test<T> {
    const terms = [term()];
    while (accept("or", "||")) terms.push(term());
    return terms.length === 1 ? (terms[0] as Test<T>) : (packet) => terms.some((test) => test(packet));
  }

  function term(): Test<T> {
    const factors = [factor()];
    while (accept("and", "&&") || !["", ")", "or", "||"].includes(peek().text.toLowerCase())) factors.push(factor());
    return factors.length === 1 ? (factors[0] as Test<T>) : (packet) => factors.every((test) => test(packet));
  }

  function factor(): Test<T> {
    if (accept("not", "!")) {
      const inner = factor();
      return (packet) => !inner(packet);
    }
    if (accept("(")) {
      const inner = expr();
      if (!accept(")")) fail(peek() === end ? "a ) is missing" : `expected ) instead of "${peek().text}"`);
      return inner;
    }
    return test();
  }

  function test(): Test<T> {
    const token = peek();
    if (token === end) fail("something is missing here; write a test such as state=INVALID");
    next++;
    const name = token.text.toLowerCase();
    const field = fieldOf(name);
    const after = peek();
    const isBare = after === end || /^(and|or|not|&&|\|\||\))$/i.test(after.text);
    if (field === undefined || (isBare && bareNames.includes(name.toUpperCase()))) return word(token);
    let op = "=";
    if (/^([=!<>]=|[=<>])$/.test(after.text)) {
      next++;
      op = after.text === "==" ? "=" : after.text;
    }
    if (field.kind === "name" && /[<>]/.test(op)) fail(`${name} has no order: use = or !=`, after);
    const tests = [value(field, name, op)];
    while (accept(",")) tests.push(value(field, name, op));
    if (op === "!=") return (packet) => !tests.some((match) => field.get(packet).some(match));
    return (packet) => tests.some((match) => field.get(packet).some(match));
  }

  function word(token: Token): Test<T> {
    const name = token.text.toLowerCase();
    const upper = name.toUpperCase();
    if (bareNames.includes(upper)) return (subject) => fields[bare]?.get(subject).includes(upper) === true;
    if (PROTOCOLS.includes(name)) return (subject) => vocabulary.protocol(subject) === name;
    if (name === "ip" || name === "ip4" || name === "ipv4") return (subject) => vocabulary.l3num(subject) === 2;
    if (name === "ip6" || name === "ipv6") return (subject) => vocabulary.l3num(subject) === 10;
    return fail(`"${token.text}" is neither a ${bare}, a protocol nor one of ${Object.keys(fields).join(", ")}`, token);
  }

  function value(field: Field<T>, name: string, op: string): (value: Value) => boolean {
    const token = peek();
    if (token === end || /^[()&|,=<>!]/.test(token.text)) fail(`${name}: a value is missing`);
    next++;
    if (token.text === "null" && (op === "=" || op === "!=")) return (have) => have == null;
    switch (field.kind) {
      case "number":
        return numberTest(token, name, op);
      case "address":
        return addressTest(token, name);
      default:
        return nameTest(token, name, field);
    }
  }

  function numberTest(token: Token, name: string, op: string): (value: Value) => boolean {
    const [, from, to] =
      /^#?(\d+)(?:-(\d+))?$/.exec(token.text) ??
      fail(`${name}: "${token.text}" is not a number or a range such as 1024-65535`, token);
    const least = Number(from);
    const most = to === undefined ? least : Number(to);
    const ordered = (have: Value) => have as number;
    switch (op) {
      case "<":
        return (have) => have != null && ordered(have) < least;
      case "<=":
        return (have) => have != null && ordered(have) <= most;
      case ">":
        return (have) => have != null && ordered(have) > most;
      case ">=":
        return (have) => have != null && ordered(have) >= least;
      default:
        return (have) => have != null && ordered(have) >= least && ordered(have) <= most;
    }
  }

  function addressTest(token: Token, name: string): (value: Value) => boolean {
    const [address = "", prefix] = token.text.split("/");
    const bits = isIPv4(address) ? 32 : isIPv6(address) ? 128 : 0;
    const length = prefix === undefined ? bits : /^\d+$/.test(prefix) ? Number(prefix) : -1;
    if (bits === 0 || length < 0 || length > bits)
      fail(`${name}: "${token.text}" is not an address such as 10.0.0.1 or 2001:db8::/32`, token);
    const shift = BigInt(bits - length);
    const wanted = addressNumber(address) >> shift;
    const cache = new Map<string, boolean>();
    return (have) => {
      if (typeof have !== "string") return false;
      let answer = cache.get(have);
      if (answer === undefined) {
        answer = have.includes(":") === (bits === 128) && addressNumber(have) >> shift === wanted;
        if (cache.size > 100_000) cache.clear();
        cache.set(have, answer);
      }
      return answer;
    };
  }

  function nameTest(token: Token, name: string, field: Field<T>): (value: Value) => boolean {
    const pattern = token.text.toLowerCase();
    if (field.names && !pattern.includes("*") && !field.names.some((known) => known.toLowerCase() === pattern)) {
      fail(`${name}: "${token.text}" is not one of ${field.names.join(", ")}`, token);
    }
    const regex = new RegExp(
      `^${pattern
        .split("*")
        .map((part) => part.replace(/[.+?^${}()|[\]\\]/g, "\\$&"))
        .join(".*")}$`,
    );
    return (have) => typeof have === "string" && regex.test(have.toLowerCase());
  }

  // "state" of an entry is that of its tracker, as in conntrack --state
  function fieldOf(name: string): Field<T> | undefined {
    return fields[name] ?? fields[ALIASES[name] ?? ""] ?? (name === "state" ? fields.after : undefined);
  }

  const filter = expr();
  if (peek() !== end) fail(`"${peek().text}" is one too many`);
  return filter;
}

// Not node:net's: the filter also runs in a browser.
function isIPv4(text: string): boolean {
  return /^(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:\.(?!$)|$)){4}$/.test(text);
}

function isIPv6(text: string): boolean {
  return text.includes(":") && URL.canParse(`http://[${text}]/`);
}

function addressNumber(text: string): bigint {
  if (!text.includes(":")) return text.split(".").reduce((sum, part) => (sum << 8n) | BigInt(part), 0n);
  // a trailing dotted part counts as two groups
  const plain = text.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, a, b, c, d) =>
    [Number(a) * 256 + Number(b), Number(c) * 256 + Number(d)].map((group) => group.toString(16)).join(":"),
  );
  const [head = "", tail] = plain.split("::");
  const groups = (part: string | undefined) => (part ? part.split(":") : []);
  const middle = tail === undefined ? 0 : 8 - groups(head).length - groups(tail).length;
  const all = [...groups(head), ...new Array<string>(Math.max(0, middle)).fill("0"), ...groups(tail)];
  return all.reduce((sum, group) => (sum << 16n) | BigInt(`0x${group}`), 0n);
}
