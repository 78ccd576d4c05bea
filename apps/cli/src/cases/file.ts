// The file of `ctrack test`: YAML into cases, with the line each expectation stands in.
import { dirname, resolve } from "node:path";
import type { State } from "conntrack-wasm";
import { isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from "yaml";

/** What is expected of a packet; what is not said is not looked at. */
export interface Expected {
  readonly state?: State;
  readonly direction?: "original" | "reply";
  readonly verdict?: "ACCEPT" | "DROP";
  readonly reason?: string;
  /** Line of the deciding rule in the file of rules. */
  readonly rule?: number;
}

export interface Check {
  /** As it stands in the file. */
  readonly text: string;
  readonly line: number;
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

export interface Case {
  readonly name: string;
  readonly line: number;
  /** A file of rules, or the rules themselves (several lines). */
  readonly rules: string | null;
  readonly interfaces: readonly string[];
  readonly sysctl: readonly (readonly [string, number])[];
  /** `ftp` or `ftp:2121`: helpers new connections to the port get. */
  readonly helpers: readonly string[];
  readonly packets: readonly PacketCheck[];
  readonly capture: string | null;
  readonly expect: readonly CaptureCheck[];
}

/** The file is not what is wanted; the message names line and remedy. */
export class CaseError extends Error {
  override readonly name = "CaseError";
  readonly line: number;
  constructor(line: number, message: string) {
    super(message);
    this.line = line;
  }
}

const STATES = ["NEW", "ESTABLISHED", "RELATED", "INVALID", "UNTRACKED"];
const SHARED = ["rules", "interfaces", "sysctl", "helper"];
const OWN = ["name", "packets", "capture", "expect", ...SHARED];

export function readCases(text: string, file: string): Case[] {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  const [error] = document.errors;
  if (error) throw new CaseError(error.linePos?.[0].line ?? 1, error.message.split("\n", 1)[0] as string);
  const reader = new Reader(lines, dirname(file));
  return reader.cases(document.contents);
}

class Reader {
  constructor(
    private readonly lines: LineCounter,
    private readonly directory: string,
  ) {}

  cases(root: Node | null): Case[] {
    const top = this.map(root, ["tests", ...SHARED]);
    const tests = top.get("tests");
    if (!isSeq(tests)) throw new CaseError(this.line(root), "a list is wanted under `tests:`");
    return tests.items.map((item, i) => this.one(item as Node, top, i + 1));
  }

  private one(node: Node, top: Fields, place: number): Case {
    const own = this.map(node, OWN);
    const field = (key: string) => own.get(key) ?? top.get(key);
    const capture = own.get("capture");
    const packets = this.list(own.get("packets")).map((item) => this.packet(item));
    const expect = this.list(own.get("expect")).map((item) => this.expectation(item));
    if (capture ? packets.length > 0 : packets.length === 0)
      throw new CaseError(this.line(node), "wanted is either `packets:`, or `capture:` with `expect:`");
    if (capture && expect.length === 0) throw new CaseError(this.line(node), "a capture wants `expect:`");
    const rules = field("rules");
    return {
      name: own.has("name") ? this.text(own.get("name")) : `test ${place}`,
      line: this.line(node),
      rules: rules ? this.rules(rules) : null,
      interfaces: this.list(field("interfaces")).map((item) => this.text(item)),
      sysctl: this.sysctl(field("sysctl")),
      helpers: this.texts(field("helper")),
      packets,
      capture: capture ? resolve(this.directory, this.text(capture)) : null,
      expect,
    };
  }

  private rules(node: Node): string {
    const text = this.text(node);
    return text.includes("\n") ? text : resolve(this.directory, text);
  }

  private sysctl(node: Node | undefined): [string, number][] {
    if (!node) return [];
    if (!isMap(node)) throw new CaseError(this.line(node), "wanted is NAME: VALUE for each setting");
    return node.items.map(({ key, value }) => {
      const number = isScalar(value) ? Number(value.value) : Number.NaN;
      if (!Number.isInteger(number)) throw new CaseError(this.line(key as Node), "a whole number is wanted");
      return [this.text(key as Node), number];
    });
  }

  /** `PACKET => EXPECTED` */
  private packet(node: Node): PacketCheck {
    const { text, line, left, expected } = this.check(node);
    return { text, line, packet: left, expected };
  }

  /** `packet 5 => EXPECTED` or `flow tcp A > B => EXPECTED` */
  private expectation(node: Node): CaptureCheck {
    const { text, line, left, expected } = this.check(node);
    const [, frame, flow] = /^(?:packet (\d+)|flow (\S.*))$/.exec(left) ?? [];
    if (frame !== undefined) return { text, line, expected, of: { frame: Number(frame) } };
    if (flow !== undefined) return { text, line, expected, of: { flow: flow.trim() } };
    throw new CaseError(line, `"${left}": wanted is \`packet NUMBER\` or \`flow PROTOCOL SOURCE > DESTINATION\``);
  }

  private check(node: Node): Check & { left: string } {
    const text = this.text(node);
    const line = this.line(node);
    const [left = "", right, more] = text.split("=>").map((part) => part.trim());
    if (more !== undefined) throw new CaseError(line, `"${text}": one => is wanted`);
    return { text, line, left, expected: right === undefined ? {} : this.expected(right, line) };
  }

  private expected(text: string, line: number): Expected {
    const expected: { -readonly [K in keyof Expected]: Expected[K] } = {};
    const words = text.split(/[\s,]+/).filter(Boolean);
    while (words.length > 0) {
      const word = words.shift() as string;
      if (STATES.includes(word)) expected.state = word as State;
      else if (word === "ACCEPT" || word === "DROP") expected.verdict = word;
      else if (word === "original" || word === "reply") expected.direction = word;
      else if (word === "reason" && words[0]) expected.reason = words.shift() as string;
      else if (word === "rule" && /^\d+$/.test(words[0] ?? "")) expected.rule = Number(words.shift());
      else
        throw new CaseError(
          line,
          `"${word}": wanted behind => are ${STATES.join(", ")}; ACCEPT, DROP; original, reply; reason NAME; rule LINE`,
        );
    }
    return expected;
  }

  // ---- YAML

  private map(node: Node | null | undefined, known: readonly string[]): Fields {
    if (!isMap(node)) throw new CaseError(this.line(node), `wanted is KEY: VALUE, with the keys ${known.join(", ")}`);
    const fields = new Map<string, Node>();
    for (const { key, value } of node.items) {
      const name = this.text(key as Node);
      if (!known.includes(name))
        throw new CaseError(this.line(key as Node), `"${name}" is not one of ${known.join(", ")}`);
      if (value) fields.set(name, value as Node);
    }
    return fields;
  }

  private list(node: Node | undefined): Node[] {
    if (!node) return [];
    if (!isSeq(node)) throw new CaseError(this.line(node), "a list is wanted: lines that begin with -");
    return node.items as Node[];
  }

  /** One text, or a list of them. */
  private texts(node: Node | undefined): string[] {
    return isScalar(node) ? [this.text(node)] : this.list(node).map((item) => this.text(item));
  }

  private text(node: Node | undefined): string {
    if (isScalar(node) && node.value !== null) return String(node.value);
    throw new CaseError(this.line(node), "a text is wanted");
  }

  private line(node: Node | null | undefined): number {
    return node?.range ? this.lines.linePos(node.range[0]).line : 1;
  }
}

type Fields = Map<string, Node>;
