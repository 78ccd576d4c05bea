// The file of `ctrack test`: YAML into cases, with the place each expectation stands in.
import { dirname, resolve } from "node:path";
import type { Hook } from "conntrack-iptables";
import type { State } from "conntrack-wasm";
import { isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from "yaml";
import { LIKE_RULES } from "../like-rules.js";

/** The rule that decides: by its line in the file, by chain and number (0: the policy), or by its comment. */
export type ExpectedRule =
  | { readonly line: number }
  | { readonly table: string; readonly chain: string; readonly position: number }
  | { readonly comment: string };

/** What is expected of a packet; what is not said is not looked at. */
export interface Expected {
  readonly state?: State;
  readonly direction?: "original" | "reply";
  readonly verdict?: "ACCEPT" | "DROP";
  readonly reason?: string;
  readonly rule?: ExpectedRule;
}

/** Counted from 1. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

export interface Check extends Place {
  /** As it stands in the file. */
  readonly text: string;
  readonly expected: Expected;
}

export interface PacketCheck extends Check {
  /** For Crafter. */
  readonly packet: string;
}

export interface CaptureCheck extends Check {
  /** A packet by its number, or every packet of a flow: `tcp 10.0.0.1:1025 > 10.0.0.2:80`. */
  readonly of: { readonly frame: number } | { readonly flow: string };
}

export interface Case extends Place {
  readonly name: string;
  /** Files of rules, or the rules themselves (several lines); none: connection tracking alone. */
  readonly rules: readonly string[];
  /** Files of ipset save, or the sets themselves (several lines), one after the other. */
  readonly ipset: readonly string[];
  /** The same of `nfct list timeout`. */
  readonly timeoutPolicies: readonly string[];
  readonly interfaces: readonly string[];
  readonly hook: Hook | null;
  /** `owner=yes`, as --assume has it. */
  readonly assume: readonly string[];
  readonly sysctl: readonly (readonly [string, number])[];
  /** `ftp` or `ftp:2121`: helpers new connections to the port get. */
  readonly helpers: readonly string[];
  readonly packets: readonly PacketCheck[];
  readonly capture: string | null;
  readonly expect: readonly CaptureCheck[];
}

/** The file is not what is wanted; the message names the remedy. */
export class CaseError extends Error {
  override readonly name = "CaseError";
  readonly line: number;
  readonly column: number;
  constructor({ line, column }: Place, message: string) {
    super(message);
    this.line = line;
    this.column = column;
  }
}

/** The message of the parser without its own account of the place. */
const yamlText = (message: string): string =>
  (message.split("\n", 1)[0] ?? "").replace(/ at line \d+, column \d+:?$/, "");

const STATES = ["NEW", "ESTABLISHED", "RELATED", "INVALID", "UNTRACKED"];
const VERDICTS = ["ACCEPT", "DROP"];
const DIRECTIONS = ["original", "reply"];
const HOOKS = ["INPUT", "FORWARD", "OUTPUT"];
const SHARED = ["rules", "ipset", "timeout-policies", "interfaces", "hook", "assume", "sysctl", "helper"];
const OWN = ["name", "packets", "capture", "expect", ...SHARED];
const EXPECTED = ["state", "direction", "verdict", "reason", "rule"];
const RULE_FORMS = 'LINE, CHAIN:NUMBER (mangle/CHAIN:NUMBER, CHAIN:policy), or "COMMENT"';

export function readCases(text: string, file: string): Case[] {
  if ((LIKE_RULES.test(text) || /^-A\s/m.test(text)) && !/^tests\s*:/m.test(text))
    throw new CaseError(
      { line: 1, column: 1 },
      "these are rules; wanted is a file of tests (YAML) that names them: `rules: FILE`, and what is expected under `tests:`",
    );
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  const [error] = document.errors;
  if (error) {
    const [at] = error.linePos ?? [];
    throw new CaseError({ line: at?.line ?? 1, column: at?.col ?? 1 }, yamlText(error.message));
  }
  return new Reader(lines, dirname(file)).cases(document.contents);
}

class Reader {
  constructor(
    private readonly lines: LineCounter,
    private readonly directory: string,
  ) {}

  cases(root: Node | null): Case[] {
    const top = this.map(root, ["tests", ...SHARED]);
    const tests = top.get("tests");
    if (!isSeq(tests)) throw new CaseError(this.place(tests ?? root), "a list is wanted under `tests:`");
    if (tests.items.length === 0) throw new CaseError(this.place(tests), "`tests:` is empty");
    return tests.items.map((item, i) => this.one(item as Node, top, i + 1));
  }

  private one(node: Node, top: Fields, number: number): Case {
    const own = this.map(node, OWN);
    const field = (key: string) => own.get(key) ?? top.get(key);
    const capture = own.get("capture");
    const packets = this.list(own.get("packets")).map((item) => this.packet(item));
    const expect = this.list(own.get("expect")).map((item) => this.expectation(item));
    if (capture ? packets.length > 0 : packets.length === 0)
      throw new CaseError(this.place(node), "wanted is either `packets:`, or `capture:` with `expect:`");
    if (capture && expect.length === 0) throw new CaseError(this.place(node), "a capture wants `expect:`");
    if (!capture && own.has("expect"))
      throw new CaseError(
        this.place(own.get("expect")),
        "`expect:` goes with `capture:`; of made packets, say it behind =>",
      );
    return {
      ...this.place(node),
      name: own.has("name") ? this.text(own.get("name")) : `test ${number}`,
      rules: this.sources(field("rules")),
      ipset: this.sources(field("ipset")),
      timeoutPolicies: this.sources(field("timeout-policies")),
      interfaces: this.interfaces(field("interfaces")),
      hook: field("hook") === undefined ? null : (this.word(field("hook"), HOOKS) as Hook),
      assume: this.texts(field("assume")),
      sysctl: this.sysctl(field("sysctl")),
      helpers: this.texts(field("helper")),
      packets,
      capture: capture ? resolve(this.directory, this.text(capture)) : null,
      expect,
    };
  }

  /** Texts of several lines, or files beside this one. */
  private sources(node: Node | undefined): string[] {
    return this.texts(node).map((text) => (text.includes("\n") ? text : resolve(this.directory, text)));
  }

  private sysctl(node: Node | undefined): [string, number][] {
    if (!node) return [];
    if (!isMap(node)) throw new CaseError(this.place(node), "wanted is NAME: VALUE for each setting");
    return node.items.map(({ key, value }) => {
      const number = isScalar(value) ? Number(value.value) : Number.NaN;
      if (!Number.isInteger(number)) throw new CaseError(this.place(key as Node), "a whole number is wanted");
      return [this.text(key as Node), number];
    });
  }

  /** `[eth0=203.0.113.1/24]`, or `eth0: 203.0.113.1/24` one by one. */
  private interfaces(node: Node | undefined): string[] {
    if (!isMap(node)) return this.texts(node);
    return node.items.map(({ key, value }) => {
      const addresses = value === null || (isScalar(value) && value.value === null) ? [] : this.texts(value as Node);
      return [this.text(key as Node), addresses.join(",")].filter((part) => part !== "").join("=");
    });
  }

  /** `PACKET => EXPECTED`, or the same as fields: `packet:`, `state:`, … */
  private packet(node: Node): PacketCheck {
    if (isMap(node)) {
      const fields = this.map(node, ["packet", ...EXPECTED]);
      const packet = this.text(fields.get("packet") ?? node);
      return { ...this.place(node), text: this.shown(packet, fields), packet, expected: this.fields(fields) };
    }
    const { left, ...check } = this.check(node);
    return { ...check, packet: left };
  }

  /** `packet 5 => EXPECTED` or `flow tcp A > B => EXPECTED`, or the same as fields. */
  private expectation(node: Node): CaptureCheck {
    if (isMap(node)) {
      const fields = this.map(node, ["packet", "flow", ...EXPECTED]);
      const [packet, flow] = [fields.get("packet"), fields.get("flow")];
      if ((packet === undefined) === (flow === undefined))
        throw new CaseError(
          this.place(node),
          "wanted is either `packet: NUMBER` or `flow: PROTOCOL SOURCE > DESTINATION`",
        );
      const left = packet ? `packet ${this.text(packet)}` : `flow ${this.text(flow)}`;
      const place = this.place(packet ?? flow);
      return { ...place, text: this.shown(left, fields), of: this.of(left, place), expected: this.fields(fields) };
    }
    const { left, ...check } = this.check(node);
    return { ...check, of: this.of(left, check) };
  }

  private of(left: string, place: Place): CaptureCheck["of"] {
    const [, frame, flow] = /^(?:packet (\d+)|flow (\S.*))$/.exec(left) ?? [];
    if (frame !== undefined && Number(frame) > 0) return { frame: Number(frame) };
    if (flow !== undefined) return { flow: flow.trim() };
    throw new CaseError(
      place,
      `"${left}": wanted is \`packet NUMBER\`, from 1, or \`flow PROTOCOL SOURCE > DESTINATION\``,
    );
  }

  private check(node: Node): Check & { left: string } {
    const text = this.text(node);
    const place = this.place(node);
    const [left = "", right, more] = text.split("=>").map((part) => part.trim());
    if (more !== undefined) throw new CaseError(place, `"${text}": one => is wanted`);
    return { ...place, text, left, expected: right === undefined ? {} : this.expected(right, place) };
  }

  private expected(text: string, place: Place): Expected {
    const expected: { -readonly [K in keyof Expected]: Expected[K] } = {};
    const words: string[] = text.match(/"[^"]*"|[^\s,]+/g) ?? [];
    while (words.length > 0) {
      const word = words.shift() as string;
      if (STATES.includes(word)) expected.state = word as State;
      else if (word === "ACCEPT" || word === "DROP") expected.verdict = word;
      else if (word === "original" || word === "reply") expected.direction = word;
      else if (word === "reason" && words[0]) expected.reason = words.shift() as string;
      else if (word === "rule" && words[0]) expected.rule = this.rule(words.shift() as string, place);
      else
        throw new CaseError(
          place,
          `"${word}": wanted behind => are ${STATES.join(", ")}; ACCEPT, DROP; original, reply; reason NAME; rule ${RULE_FORMS}`,
        );
    }
    return expected;
  }

  /** Expectations as fields. */
  private fields(fields: Fields): Expected {
    const word = (key: string, known: readonly string[]) => ({ [key]: this.word(fields.get(key), known) });
    const rule = fields.get("rule");
    return {
      ...(fields.has("state") && word("state", STATES)),
      ...(fields.has("verdict") && word("verdict", VERDICTS)),
      ...(fields.has("direction") && word("direction", DIRECTIONS)),
      ...(fields.has("reason") && { reason: this.text(fields.get("reason")) }),
      ...(rule !== undefined && { rule: this.rule(this.text(rule), this.place(rule)) }),
    };
  }

  private shown(left: string, fields: Fields): string {
    const right = EXPECTED.flatMap((key) => {
      const node = fields.get(key);
      if (node === undefined) return [];
      return key === "rule" || key === "reason" ? [`${key} ${this.text(node)}`] : [this.text(node)];
    });
    return right.length > 0 ? `${left} => ${right.join(" ")}` : left;
  }

  private rule(text: string, place: Place): ExpectedRule {
    if (/^\d+$/.test(text)) return { line: Number(text) };
    const [, quoted] = /^"(.*)"$/.exec(text) ?? [];
    if (quoted !== undefined) return { comment: quoted };
    const [, table, chain, position] = /^(?:([a-z]+)\/)?([^/\s:]+):(\d+|policy)$/.exec(text) ?? [];
    if (chain !== undefined)
      return { table: table ?? "filter", chain, position: position === "policy" ? 0 : Number(position) };
    if (/\s/.test(text)) return { comment: text };
    throw new CaseError(place, `"${text}": a rule is ${RULE_FORMS}`);
  }

  // ---- YAML

  private map(node: Node | null | undefined, known: readonly string[]): Fields {
    if (!isMap(node)) throw new CaseError(this.place(node), `wanted is KEY: VALUE, with the keys ${known.join(", ")}`);
    const fields = new Map<string, Node>();
    for (const { key, value } of node.items) {
      const name = this.text(key as Node);
      if (!known.includes(name))
        throw new CaseError(this.place(key as Node), `"${name}" is not one of ${known.join(", ")}`);
      if (value) fields.set(name, value as Node);
    }
    return fields;
  }

  private list(node: Node | undefined): Node[] {
    if (!node) return [];
    if (!isSeq(node)) throw new CaseError(this.place(node), "a list is wanted: lines that begin with -");
    return node.items as Node[];
  }

  /** One text, or a list of them. */
  private texts(node: Node | undefined): string[] {
    return isScalar(node) ? [this.text(node)] : this.list(node).map((item) => this.text(item));
  }

  private text(node: Node | undefined): string {
    if (isScalar(node) && node.value !== null) return String(node.value);
    throw new CaseError(this.place(node), "a text is wanted");
  }

  private word(node: Node | undefined, known: readonly string[]): string {
    const text = this.text(node);
    if (!known.includes(text)) throw new CaseError(this.place(node), `"${text}" is not one of ${known.join(", ")}`);
    return text;
  }

  private place(node: Node | null | undefined): Place {
    if (!node?.range) return { line: 1, column: 1 };
    const { line, col } = this.lines.linePos(node.range[0]);
    return { line, column: col };
  }
}

type Fields = Map<string, Node>;
