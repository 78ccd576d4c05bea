// Timeout policies as `nfct list timeout` prints them, or `nfct add timeout` takes them, line by line.
import { errorAt, fail, type RuleError, type Word } from "../failure.js";
import { list } from "../option.js";
import type { Family } from "../ruleset.js";
import { shellWords } from "../words.js";
import { PROTOCOLS, type TimeoutPolicy } from "./policy.js";

/** The policies by name; a line that is wrong changes nothing. */
export interface ParsedTimeoutPolicies {
  policies: Map<string, TimeoutPolicy>;
  errors: RuleError[];
}

const NAME_MAX = 31;
/** The kernel counts ticks in 32 bits; a sysctl takes no more seconds. */
const SECONDS_MAX = 2_147_483;

/** By the words of nfct, and by the numbers it prints. */
const FAMILIES: Readonly<Record<string, Family>> = { inet: 4, inet6: 6, 2: 4, 10: 6 };

/** Reads a file. `policies`: those of files before. */
export function parseTimeoutPolicies(
  text: string,
  policies: Map<string, TimeoutPolicy> = new Map(),
): ParsedTimeoutPolicies {
  const reader = new Reader(policies);
  const lines = text.split(/\r?\n/);
  for (const [i, line] of lines.entries()) reader.line(line, i + 1);
  reader.end(lines.length);
  return { policies, errors: reader.errors };
}

/** A block of `nfct list timeout` that is not closed yet. */
interface Block {
  readonly name: Word;
  readonly line: number;
  family?: Family;
  protocol?: string;
  readonly timeouts: Record<string, number>;
}

class Reader {
  readonly errors: RuleError[] = [];
  #line = 0;
  #block: Block | null = null;

  constructor(readonly policies: Map<string, TimeoutPolicy>) {}

  line(line: string, number: number): void {
    this.#line = number;
    if (/^\s*(#|$)/.test(line)) return;
    try {
      if (this.#block) this.#inBlock(this.#block, line);
      else if (/^\s*\./.test(line)) this.#open(line);
      else this.#command(shellWords(line), { text: "", column: line.trimEnd().length + 2 });
    } catch (error) {
      this.errors.push(errorAt(number, error));
    }
  }

  end(line: number): void {
    if (this.#block)
      this.errors.push({
        line,
        column: 1,
        word: "",
        message: `}; is wanted: the block of line ${this.#block.line} is open`,
      });
  }

  // [sudo] [nfct] add timeout NAME FAMILY PROTOCOL STATE SECONDS …, or with the first two words the other way round
  #command(words: Word[], end: Word): void {
    if (words[0]?.text === "sudo") words.shift();
    if (/^(?:.*\/)?nfct$/.test(words[0]?.text ?? "")) words.shift();
    const [first, second, name, family, protocol, ...pairs] = words;
    if (first === undefined) return;
    if (![first.text, second?.text].includes("add") || ![first.text, second?.text].includes("timeout"))
      fail(
        first,
        "wanted is nfct add timeout NAME FAMILY PROTOCOL STATE SECONDS ..., or what nfct list timeout prints",
      );
    const own = nameOf(name ?? fail(end, "the name of the policy is wanted"));
    const over = familyOf(family ?? fail(end, "a family is wanted: inet or inet6"));
    const of = protocolOf(protocol ?? fail(end, `a protocol is wanted: ${list(Object.keys(PROTOCOLS))}`));
    if (pairs.length === 0) fail(end, `a state and its seconds are wanted: ${list(statesOf(of))}`);
    const timeouts: Record<string, number> = {};
    for (let i = 0; i < pairs.length; i += 2) {
      const sysctl = sysctlOf(of, pairs[i] as Word);
      timeouts[sysctl] = secondsOf(pairs[i + 1] ?? fail(end, "the seconds are wanted"));
    }
    this.#add(own, { family: over, protocol: of, timeouts, line: this.#line });
  }

  #open(line: string): void {
    const [, before = "", name] = /^(\s*\.)(\S.*?)\s*=\s*\{\s*$/.exec(line) ?? [];
    if (name === undefined)
      fail({ text: line.trim(), column: 1 }, "wanted is .NAME = {, as nfct list timeout prints it");
    this.#block = { name: { text: name, column: before.length + 1 }, line: this.#line, timeouts: {} };
  }

  #inBlock(block: Block, line: string): void {
    if (/^\s*\.policy\s*=\s*\{\s*$|^\s*\},\s*$/.test(line)) return;
    if (/^\s*\};?\s*$/.test(line)) {
      this.#block = null;
      const { name, family, protocol, timeouts, line: first } = block;
      if (family === undefined || protocol === undefined)
        fail(name, "its .l3proto and its .l4proto are wanted, as nfct list timeout prints them");
      this.#add(nameOf(name), { family, protocol, timeouts, line: first });
      return;
    }
    const [, before = "", key = "", between = "", value = ""] = /^(\s*\.)(\w+)(\s*=\s*)(\w+),?\s*$/.exec(line) ?? [];
    if (key === "") fail({ text: line.trim(), column: 1 }, "wanted is .KEY = NUMBER, as nfct list timeout prints it");
    const keyWord = { text: key, column: before.length + 1 };
    const valueWord = { text: value, column: before.length + key.length + between.length + 1 };
    if (key === "l3proto") block.family = familyOf(valueWord);
    else if (key === "l4proto") block.protocol = protocolNumbered(valueWord);
    else {
      const protocol = block.protocol ?? fail(keyWord, ".l4proto is wanted in front of the states");
      block.timeouts[sysctlOf(protocol, keyWord)] = secondsOf(valueWord);
    }
  }

  #add(
    name: Word,
    { protocol, ...rest }: Pick<TimeoutPolicy, "family" | "timeouts" | "line"> & { readonly protocol: string },
  ): void {
    const there = this.policies.get(name.text);
    if (there) fail(name, `there is a timeout policy ${name.text} already, in line ${there.line}`);
    this.policies.set(name.text, { name: name.text, protocol: PROTOCOLS[protocol]?.number as number, ...rest });
  }
}

function nameOf(word: Word): Word {
  if (word.text === "") fail(word, "the name of a policy is wanted, this one is empty");
  if (word.text.length > NAME_MAX) fail(word, `too long: the name of a policy has at most ${NAME_MAX} characters`);
  return word;
}

const familyOf = (word: Word): Family =>
  FAMILIES[word.text] ?? fail(word, "not a family that timeout policies have; wanted is inet or inet6");

function protocolOf(word: Word): string {
  const name = word.text.toLowerCase();
  if (!(name in PROTOCOLS)) fail(word, `not a protocol with timeouts; wanted is ${list(Object.keys(PROTOCOLS))}`);
  return name;
}

function protocolNumbered(word: Word): string {
  const found = Object.entries(PROTOCOLS).find(([, { number }]) => String(number) === word.text);
  return found?.[0] ?? fail(word, "not the number of a protocol with timeouts");
}

const statesOf = (protocol: string): string[] => Object.keys(PROTOCOLS[protocol]?.states ?? {});

function sysctlOf(protocol: string, word: Word): string {
  const found = PROTOCOLS[protocol]?.states[word.text.toLowerCase()];
  return `nf_conntrack_${found ?? fail(word, `not a state of ${protocol}; wanted is ${list(statesOf(protocol))}`)}`;
}

function secondsOf(word: Word): number {
  const seconds = /^\d{1,10}$/.test(word.text) ? Number(word.text) : Number.NaN;
  return seconds <= SECONDS_MAX ? seconds : fail(word, `wanted is a number of seconds, 0 to ${SECONDS_MAX}`);
}
