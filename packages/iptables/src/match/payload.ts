// string, u32, bpf: what stands in the packet.
import { match } from "../extension.js";
import { fail, type Word } from "../failure.js";
import { hex, hex2, numberPrefix, U16, U32 } from "../number.js";
import { choice, flag, join, not, number, option } from "../option.js";
import type { BpfMatch, StringMatch, U32Match, U32Test } from "../ruleset.js";

// ---- string ---------------------------------------------------------------------------------------------------------

const PATTERN_MAX = 128;

const takeText = (word: Word): number[] => checked(word, [...new TextEncoder().encode(word.text)]);

function checked(word: Word, bytes: number[]): number[] {
  if (bytes.length === 0) fail(word, "a pattern is wanted, this one is empty");
  if (bytes.length > PATTERN_MAX) fail(word, `too long: at most ${PATTERN_MAX} bytes`);
  return bytes;
}

/** Text with bytes in hexadecimal between bars: `GET |0d 0a|`. A backslash keeps the character behind it. */
function takeHex(word: Word): number[] {
  const wanted = "bytes in hexadecimal are wanted between two bars, two digits each, as in |0d 0a|";
  const bytes: number[] = [];
  let { text } = word;
  while (text !== "") {
    const [, block] = /^\|([^|]*)\|/.exec(text) ?? [];
    if (block !== undefined) {
      const digits = block.replaceAll(" ", "");
      if (digits === "" || !/^([0-9a-fA-F]{2})+$/.test(digits)) fail(word, wanted);
      for (const byte of digits.match(/../g) ?? []) bytes.push(Number.parseInt(byte, 16));
      text = text.slice(block.length + 2);
      continue;
    }
    if (text.startsWith("|") && (text.length > 1 || bytes.length === 0)) fail(word, wanted);
    // A single bar at the end is left out.
    if (text === "|") break;
    const [, escaped, plain] = /^(?:\\(.)|([^|]))/s.exec(text) ?? [];
    bytes.push(...new TextEncoder().encode(escaped ?? plain ?? ""));
    text = text.slice(escaped === undefined ? 1 : 2);
  }
  return checked(word, bytes);
}

/** A byte that iptables prints only in hexadecimal. */
const needsHex = (byte: number): boolean => byte < 0x20 || byte > 0x7e || byte === 0x5c;

function printPattern(pattern: readonly number[], asHex: boolean): string {
  if (asHex) return `"|${pattern.map(hex2).join("")}|"`;
  return `"${String.fromCharCode(...pattern).replace(/["\\]/g, (c) => `\\${c}`)}"`;
}

export const string = match({
  name: "string",
  options: {
    from: option("from", number(0, U16)),
    to: option("to", number(0, U16)),
    algo: option("algo", choice(["bm", "kmp", "fsm"]), { required: true }),
    text: option("string", takeText, { invert: true, excludes: ["hex"] }),
    hex: option("hex-string", takeHex, { invert: true, excludes: ["text"] }),
    icase: flag("icase"),
  },
  build(given, { word }): StringMatch {
    const pattern = given.text ?? given.hex ?? fail(word, "string wants --string or --hex-string");
    const from = given.from?.value ?? 0;
    const to = given.to?.value ?? U16;
    if (from > to) fail(given.from?.word ?? word, "--from is behind --to");
    return {
      name: "string",
      algo: given.algo?.value ?? "bm",
      pattern: pattern.value,
      from,
      to,
      icase: given.icase !== undefined,
      invert: pattern.invert,
    };
  },
  print(test: StringMatch) {
    const inHex = test.pattern.some(needsHex) && !isPlainText(test.pattern);
    return join(
      `${not(test)}--${inHex ? "hex-string" : "string"} ${printPattern(test.pattern, inHex)}`,
      `--algo ${test.algo}`,
      test.from !== 0 && `--from ${test.from}`,
      test.to !== U16 && `--to ${test.to}`,
      test.icase && "--icase",
    );
  },
});

/** Backslashes stay text as long as nothing else asks for hexadecimal, and they are not at the end. */
const isPlainText = (pattern: readonly number[]): boolean =>
  pattern.every((byte) => byte === 0x5c || !needsHex(byte)) && pattern.at(-1) !== 0x5c;

// ---- u32 ------------------------------------------------------------------------------------------------------------

const OPERATORS = ["&", "<<", ">>", "@"] as const;
const TERMS_MAX = 10;

/** LOCATION[ OPERATOR NUMBER]...=RANGE[,RANGE]...[&&...] */
function takeU32(word: Word): U32Test[] {
  let at = 0;
  const skip = () => {
    while (/\s/.test(word.text[at] ?? "")) at++;
  };
  const wrong = (message: string): never => fail(word, `at character ${at + 1}: ${message}`);
  const take = (text: string): boolean => {
    skip();
    if (!word.text.startsWith(text, at)) return false;
    at += text.length;
    return true;
  };
  const takeNumber = (): number => {
    skip();
    const found = numberPrefix(word.text.slice(at));
    if (!found || found.value === null || found.value > BigInt(U32))
      return wrong("a number of 0 to 4294967295 is wanted");
    at = word.text.length - found.rest.length;
    return Number(found.value);
  };

  const tests: U32Test[] = [];
  do {
    if (tests.length === TERMS_MAX) wrong(`at most ${TERMS_MAX} tests`);
    const location: U32Test["location"] = [{ op: "load", number: takeNumber() }];
    while (!take("=")) {
      const op = OPERATORS.find(take) ?? wrong(`one of ${OPERATORS.join(" ")} or = is wanted`);
      if (location.length === TERMS_MAX) wrong(`at most ${TERMS_MAX - 1} operators`);
      const bits = takeNumber();
      if ((op === "<<" || op === ">>") && bits > 31) wrong("a word is shifted by 31 bits at most");
      location.push({ op, number: bits });
    }
    const ranges: U32Test["ranges"] = [];
    do {
      if (ranges.length === TERMS_MAX) wrong(`at most ${TERMS_MAX} values`);
      const first = takeNumber();
      ranges.push({ first, last: take(":") ? takeNumber() : first });
    } while (take(","));
    tests.push({ location, ranges });
    skip();
  } while (at < word.text.length && (take("&&") || wrong("a comma or && is wanted")));
  return tests;
}

const printU32 = (tests: readonly U32Test[]): string =>
  tests
    .map(({ location, ranges }) => {
      const place = location.map(({ op, number: n }) => (op === "load" ? hex(n) : op + hex(n))).join("");
      const values = ranges.map(({ first, last }) => (first === last ? hex(first) : `${hex(first)}:${hex(last)}`));
      return `${place}=${values.join(",")}`;
    })
    .join("&&");

export const u32 = match({
  name: "u32",
  options: { tests: option("u32", takeU32, { invert: true, required: true }) },
  build: ({ tests }): U32Match => ({ name: "u32", tests: tests?.value ?? [], invert: tests?.invert ?? false }),
  print: (test: U32Match) => `${not(test)}--u32 "${printU32(test.tests)}"`,
});

// ---- bpf ------------------------------------------------------------------------------------------------------------

const INSTRUCTIONS_MAX = 64;

/** COUNT,CODE JT JF K,... */
function takeBytecode(word: Word): BpfMatch["program"] {
  const [count, ...rest] = word.text.split(",");
  const wanted = "wanted is a program as nfbpf_compile prints it: COUNT,CODE JT JF K,CODE JT JF K ...";
  const length = /^\s*\d+\s*$/.test(count ?? "") ? Number(count) : fail(word, wanted);
  if (length === 0 || length > INSTRUCTIONS_MAX) fail(word, `a program has 1 to ${INSTRUCTIONS_MAX} instructions`);
  const instructions = rest.filter((text, i) => text !== "" || i < rest.length - 1);
  if (instructions.length !== length)
    fail(word, `${length} instructions are announced and ${instructions.length} are there`);
  const code = instructions.map((text) => {
    const [, op, jt, jf, k] = /^\s*(\d+) (\d+) (\d+) (\d+)\s*$/.exec(text) ?? fail(word, wanted);
    return { code: Number(op) & U16, jt: Number(jt) & 0xff, jf: Number(jf) & 0xff, k: Number(k) >>> 0 };
  });
  // Class RET is 6; the kernel takes no program that could run out of its end.
  if (((code.at(-1)?.code ?? 0) & 7) !== 6) fail(word, "the last instruction of a program must be a return");
  return { kind: "bytecode", code };
}

export const bpf = match({
  name: "bpf",
  options: {
    bytecode: option("bytecode", takeBytecode, { excludes: ["pinned"] }),
    pinned: option("object-pinned", (word): BpfMatch["program"] => ({ kind: "pinned", path: word.text }), {
      excludes: ["bytecode"],
    }),
  },
  build: ({ bytecode, pinned }, { word }): BpfMatch => ({
    name: "bpf",
    program: (bytecode ?? pinned ?? fail(word, "bpf wants --bytecode or --object-pinned")).value,
  }),
  print: ({ program }: BpfMatch) =>
    program.kind === "pinned"
      ? `--object-pinned ${program.path}`
      : `--bytecode "${program.code.length},${program.code.map(({ code, jt, jf, k }) => `${code} ${jt} ${jf} ${k}`).join(",")}"`,
});
