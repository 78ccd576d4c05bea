// `--filter`: a small language over what connection tracking says of a packet.
//
//   expr    = term { ("or" | "||") term }
//   term    = factor { ["and" | "&&"] factor }
//   factor  = ("not" | "!") factor | "(" expr ")" | test
//   test    = field op value {"," value} | field value | word
//   op      = "=" | "==" | "!=" | "<" | "<=" | ">" | ">="
//
// A word alone is a state (invalid), a protocol (tcp), or ip, ip6. Values: numbers, ranges (1024-65535), addresses with a
// prefix length (10.0.0.0/8), names in which * stands for anything (tcp-*), and null.
import { isIPv4, isIPv6 } from "node:net";
import { UsageError } from "./exit.js";
import { type PacketView, protocolText } from "./packet.js";

export type Filter = (packet: PacketView) => boolean;

type Value = string | number | null;
/** What a packet has under a name; several where either will do (port, host). */
type Get = (packet: PacketView) => readonly Value[];
type Kind = "name" | "number" | "address";

interface Field {
  readonly kind: Kind;
  readonly get: Get;
  /** The names there are, where it is a closed list. */
  readonly names?: readonly string[];
}

const STATES = ["NEW", "ESTABLISHED", "RELATED", "INVALID", "UNTRACKED"];
const PROTOCOLS = ["tcp", "udp", "icmp", "icmpv6", "sctp", "udplite", "gre"];

const FIELDS: Readonly<Record<string, Field>> = {
  state: { kind: "name", names: STATES, get: (p) => [p.state] },
  direction: { kind: "name", names: ["original", "reply"], get: (p) => [p.direction] },
  reason: { kind: "name", get: (p) => [p.reason?.name ?? null] },
  verdict: { kind: "name", names: ["ACCEPT", "DROP"], get: (p) => [p.verdict] },
  protocol: { kind: "name", get: (p) => [protocolText(p.trace), p.trace.protocol] },
  before: { kind: "name", get: (p) => [p.trace.before?.protocolState ?? null] },
  after: { kind: "name", get: (p) => [p.trace.after?.protocolState ?? null] },
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
};
const ALIASES: Readonly<Record<string, string>> = { proto: "protocol", net: "host", dir: "direction", tcpstate: "after", ctstate: "state" };

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

/** The filter an expression describes; a UsageError names the column of what is wrong. */
export function compileFilter(source: string): Filter {
  const tokens = tokenize(source);
  const end: Token = { text: "", column: source.length + 1 };
  let next = 0;

  const peek = () => tokens[next] ?? end;
  const fail = (message: string, token = peek()): never => {
    throw new UsageError(`--filter, column ${token.column}: ${message}\n  ${source}\n  ${" ".repeat(token.column - 1)}^`);
  };
  const accept = (...words: string[]) => {
    if (!words.includes(peek().text.toLowerCase())) return false;
    next++;
    return true;
  };

  function expr(): Filter {
    const terms = [term()];
    while (accept("or", "||")) terms.push(term());
    return terms.length === 1 ? (terms[0] as Filter) : (packet) => terms.some((test) => test(packet));
  }

  function term(): Filter {
    const factors = [factor()];
    while (accept("and", "&&") || !["", ")", "or", "||"].includes(peek().text.toLowerCase())) factors.push(factor());
    return factors.length === 1 ? (factors[0] as Filter) : (packet) => factors.every((test) => test(packet));
  }

  function factor(): Filter {
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

  function test(): Filter {
    const token = peek();
    if (token === end) fail("something is missing here; write a test such as state=INVALID");
    next++;
    const name = token.text.toLowerCase();
    const field = FIELDS[ALIASES[name] ?? name];
    const after = peek();
    const isBare = after === end || /^(and|or|not|&&|\|\||\))$/i.test(after.text);
    if (field === undefined || (isBare && STATES.includes(name.toUpperCase()))) return word(token);
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

  function word(token: Token): Filter {
    const name = token.text.toLowerCase();
    const state = name.toUpperCase();
    if (STATES.includes(state)) return (packet) => packet.state === state;
    if (PROTOCOLS.includes(name)) return (packet) => packet.trace.protocol === name;
    if (name === "ip" || name === "ip4" || name === "ipv4") return (packet) => packet.trace.l3num === 2;
    if (name === "ip6" || name === "ipv6") return (packet) => packet.trace.l3num === 10;
    return fail(`"${token.text}" is neither a state, a protocol nor one of ${Object.keys(FIELDS).join(", ")}`, token);
  }

  function value(field: Field, name: string, op: string): (value: Value) => boolean {
    const token = peek();
    if (token === end || /^[()&|,=<>!]/.test(token.text)) fail(`${name}: a value is missing`);
    next++;
    if (token.text === "null" && (op === "=" || op === "!=")) return (have) => have === null;
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
    const [, from, to] = /^#?(\d+)(?:-(\d+))?$/.exec(token.text) ?? fail(`${name}: "${token.text}" is not a number or a range such as 1024-65535`, token);
    const least = Number(from);
    const most = to === undefined ? least : Number(to);
    const ordered = (have: Value) => have as number;
    switch (op) {
      case "<":
        return (have) => have !== null && ordered(have) < least;
      case "<=":
        return (have) => have !== null && ordered(have) <= most;
      case ">":
        return (have) => have !== null && ordered(have) > most;
      case ">=":
        return (have) => have !== null && ordered(have) >= least;
      default:
        return (have) => have !== null && ordered(have) >= least && ordered(have) <= most;
    }
  }

  function addressTest(token: Token, name: string): (value: Value) => boolean {
    const [address = "", prefix] = token.text.split("/");
    const bits = isIPv4(address) ? 32 : isIPv6(address) ? 128 : 0;
    const length = prefix === undefined ? bits : /^\d+$/.test(prefix) ? Number(prefix) : -1;
    if (bits === 0 || length < 0 || length > bits) fail(`${name}: "${token.text}" is not an address such as 10.0.0.1 or 2001:db8::/32`, token);
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

  function nameTest(token: Token, name: string, field: Field): (value: Value) => boolean {
    const pattern = token.text.toLowerCase();
    if (field.names && !pattern.includes("*") && !field.names.some((known) => known.toLowerCase() === pattern)) {
      fail(`${name}: "${token.text}" is not one of ${field.names.join(", ")}`, token);
    }
    const regex = new RegExp(`^${pattern.split("*").map((part) => part.replace(/[.+?^${}()|[\]\\]/g, "\\$&")).join(".*")}$`);
    return (have) => typeof have === "string" && regex.test(have.toLowerCase());
  }

  const filter = expr();
  if (peek() !== end) fail(`"${peek().text}" is one too many`);
  return filter;
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
