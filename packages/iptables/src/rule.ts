// The words of one rule into Rule: the options of iptables itself, and those of the matches and the target it names.
import { takeNetwork } from "./address.js";
import type { MatchExtension, TargetExtension } from "./extension.js";
import { Failure, fail, type Word } from "./failure.js";
import { findMatch, MATCHES } from "./match/index.js";
import { parseBig } from "./number.js";
import { type Context, type Given, list, type Option, type Outside, takeInterface, takeProtocol } from "./option.js";
import { protocolName } from "./protocols.js";
import type { AddressTest, Counters, Family, InterfaceTest, Match, Rule, Target } from "./ruleset.js";
import { findTarget, isTargetName, TARGETS } from "./target/index.js";

/** Long options of iptables itself: they take part in abbreviations. */
const LONG: ReadonlyMap<string, string> = new Map(
  Object.entries({
    append: "-A",
    delete: "-D",
    check: "-C",
    insert: "-I",
    replace: "-R",
    list: "-L",
    "list-rules": "-S",
    flush: "-F",
    zero: "-Z",
    "new-chain": "-N",
    "delete-chain": "-X",
    "rename-chain": "-E",
    policy: "-P",
    source: "-s",
    destination: "-d",
    src: "-s",
    dst: "-d",
    protocol: "-p",
    "in-interface": "-i",
    jump: "-j",
    table: "-t",
    match: "-m",
    numeric: "-n",
    "out-interface": "-o",
    verbose: "-v",
    wait: "-w",
    exact: "-x",
    fragments: "-f",
    version: "-V",
    help: "-h",
    "line-numbers": "--line-numbers",
    modprobe: "-M",
    "set-counters": "-c",
    goto: "-g",
    ipv4: "-4",
    ipv6: "-6",
  }),
);

/** Short options that take an argument, */
const SHORT_WITH_ARGUMENT = "ACDRIEPopsdijtmMcg";
/** and those among them that may have it in the same word: `-mstate`. */
const SHORT_WITH_GLUED = "mgc";

const CHAIN_NAME_MAX = 28;
const U64 = (1n << 64n) - 1n;

/** Chains without an interface to come in by, and to go out by. */
const NO_INPUT = ["OUTPUT", "POSTROUTING"];
const NO_OUTPUT = ["INPUT", "PREROUTING"];

type NamedOptions = ReadonlyMap<string, { key: string; option: Option }>;
const namedOptions = new Map<Instance["extension"], NamedOptions>();

/** The options of an extension by each of their names. */
function optionsOf(extension: Instance["extension"]): NamedOptions {
  const known = namedOptions.get(extension);
  if (known) return known;
  const named = new Map<string, { key: string; option: Option }>();
  for (const [key, option] of Object.entries(extension.options))
    for (const name of option.names) if (!named.has(name)) named.set(name, { key, option });
  namedOptions.set(extension, named);
  return named;
}

export interface RuleContext {
  family: Family;
  table: string;
  chain: string;
  /** Whether a chain of the user has this name; null: every name will do. */
  hasChain: ((name: string) => boolean) | null;
  outside: Outside;
}

/** An extension as this rule uses it. */
interface Instance {
  extension: MatchExtension | TargetExtension;
  kind: "match" | "target";
  word: Word;
  given: Record<string, Given<unknown>>;
}

interface Found {
  instance: Instance | null;
  /** A short option of iptables, or the key of the extension's option. */
  key: string;
  option: Option | null;
}

export function parseRule(words: readonly Word[], { family, table, chain, hasChain, outside }: RuleContext): Rule[] {
  const rule: Rule = {
    line: 0,
    counters: null,
    source: null,
    destination: null,
    in: null,
    out: null,
    protocol: null,
    fragment: null,
    matches: [],
    target: null,
  };
  const seen = new Set<string>();
  const matches: Instance[] = [];
  let target: Instance | null = null;
  let jump: Target | null = null;
  let sources: AddressTest[] | null = null;
  let destinations: AddressTest[] | null = null;
  let negation: Word | null = null;
  let at = 0;
  // The line is for the other family, as it says itself.
  let foreign = false;

  const context = (word: Word): Context => ({
    family,
    table,
    chain,
    protocol: rule.protocol?.number ?? 0,
    protocolInvert: rule.protocol?.invert ?? false,
    ...outside,
    word,
  });
  const end = words.at(-1);
  const behind: Word = { text: "", column: end ? end.column + end.text.length + 1 : 1 };

  /** The newest first: that is who gets an option of a name that several have. */
  const instances = (): Instance[] => [...(target ? [target] : []), ...matches.toReversed()];

  function find(name: string): Found | null {
    const own = LONG.get(name);
    if (own !== undefined) return { instance: null, key: own, option: null };
    for (const instance of instances()) {
      const found = optionsOf(instance.extension).get(name);
      if (found) return { instance, ...found };
    }
    return findAbbreviated(name);
  }

  /** The one option whose name begins so. */
  function findAbbreviated(name: string): Found | null {
    const begun: Found[] = [];
    for (const [long, key] of LONG) if (long.startsWith(name)) begun.push({ instance: null, key, option: null });
    for (const instance of instances())
      for (const [long, found] of optionsOf(instance.extension))
        if (long.startsWith(name)) begun.push({ instance, ...found });
    const [first] = begun;
    const same = begun.every(
      ({ instance, key }) => instance?.extension === first?.instance?.extension && key === first?.key,
    );
    return first && same ? first : null;
  }

  /** The name of the module is what `-p` says, so that `-p mh` brings one, and `-p mobility-header` none. */
  let protocolModule = "";

  /** `-p tcp --dport 80` means `-p tcp -m tcp --dport 80`. */
  function loadProtocol(word: Word): boolean {
    if (!rule.protocol) return false;
    const extension = findMatch(protocolModule, family);
    if (!extension || matches.some((instance) => instance.extension === extension)) return false;
    matches.push({ extension, kind: "match", word, given: {} });
    return true;
  }

  const once = (key: string, word: Word) => {
    if (seen.has(key)) fail(word, `${word.text} was given before; it may stand once in a rule`);
    seen.add(key);
  };

  function take(instance: Instance, key: string, option: Option, word: Word, argument: Word | null): void {
    const { extension, given } = instance;
    const name = `--${option.names[0]}`;
    if (negation && !option.invert) fail(negation, `${name} cannot be turned around with !`);
    if (given[key] && !option.repeat) fail(word, `${name} was given before; it may stand once`);
    for (const other of option.excludes ?? [])
      if (given[other]) fail(word, `${name} cannot stand beside --${extension.options[other]?.names[0]}`);
    for (const other of option.behind ?? [])
      if (!given[other]) fail(word, `${name} wants --${extension.options[other]?.names[0]} in front of it`);
    if (!option.bare && !option.optional && !argument) fail(behind, `${name} wants an argument`);
    if (option.closes) {
      const parts = (given[key]?.value ?? []) as Record<string, unknown>[];
      const part = Object.fromEntries(option.closes.map((closed) => [closed, given[closed]]));
      for (const closed of option.closes) delete given[closed];
      given[key] = { value: [...parts, part], invert: false, word };
      return;
    }
    const next = (): Word => words[at++] ?? fail(behind, `${name} wants two arguments`);
    const value = option.optional && !argument ? null : option.take(argument ?? word, context(word), next);
    given[key] = { value, invert: negation !== null, word: argument ?? word };
    negation = null;
  }

  function takeAddresses(word: Word): AddressTest[] {
    let column = word.column;
    const parts = word.text.split(",").map((text) => {
      const part = { text: text.trimStart(), column: column + text.search(/\S|$/) };
      column += text.length + 1;
      return part;
    });
    if (negation && parts.length > 1)
      fail(word, "the ! does not go with several addresses; a rule for each, or a chain, is wanted");
    const tests = parts.map((part) => ({ ...takeNetwork(part, family), invert: negation !== null }));
    if (negation && isAny(tests[0])) fail(word, "no packet has an address outside of all addresses");
    return tests;
  }

  function takeTarget(word: Word, kind: "jump" | "goto"): void {
    if (negation) fail(negation, "the ! cannot stand in front of a target");
    const name = word.text;
    if (name.startsWith("-")) fail(word, "the name of a chain or a target is wanted, none begins with -");
    if (name.length > CHAIN_NAME_MAX)
      fail(word, `too long: the name of a chain or a target has at most ${CHAIN_NAME_MAX} characters`);
    const extension = kind === "jump" ? findTarget(name, family) : undefined;
    if (extension) {
      target = { extension, kind: "target", word, given: {} };
      return;
    }
    if (isTargetName(name) && kind === "jump")
      fail(word, `the target ${name} is not known here, or not in ${family === 4 ? "iptables" : "ip6tables"}`);
    if (hasChain && !hasChain(name)) fail(word, unknownChain(name, kind));
    jump = { kind, chain: name };
  }

  function builtIn(key: string, word: Word, argument: Word | null): void {
    const wanted = (): Word => argument ?? fail(behind, `${word.text} wants an argument`);
    const invert = negation !== null;
    switch (key) {
      case "-p": {
        once(key, word);
        const text = wanted();
        const name = text.text.toLowerCase();
        const number = takeProtocol({ ...text, text: name });
        protocolModule = /^\d/.test(name) ? protocolName(number) : name;
        if (number === 0 && negation) fail(text, "no packet has a protocol outside of all protocols");
        rule.protocol = number === 0 ? null : { number, invert };
        break;
      }
      case "-s":
        once(key, word);
        sources = takeAddresses(wanted());
        break;
      case "-d":
        once(key, word);
        destinations = takeAddresses(wanted());
        break;
      case "-i":
      case "-o": {
        once(key, word);
        const test = interfaceTest(takeInterface(wanted()), invert);
        if (key === "-i" && NO_INPUT.includes(chain))
          fail(word, `packets in ${chain} have no interface they came in by; -o is there`);
        if (key === "-o" && NO_OUTPUT.includes(chain))
          fail(word, `packets in ${chain} have no interface to go out by yet; -i is there`);
        if (key === "-i") rule.in = test;
        else rule.out = test;
        break;
      }
      case "-f":
        if (family === 6) fail(word, "IPv6 has no -f; wanted is -m frag");
        once(key, word);
        rule.fragment = { invert };
        break;
      case "-j":
      case "-g": {
        const name = wanted();
        once("-j", word);
        takeTarget(name, key === "-j" ? "jump" : "goto");
        break;
      }
      case "-m": {
        const name = wanted();
        if (negation) fail(negation, "the ! cannot stand in front of -m; it belongs in front of an option");
        const extension = findMatch(name.text, family) ?? fail(name, unknownMatch(name.text, family));
        matches.push({ extension, kind: "match", word: name, given: {} });
        break;
      }
      case "-c": {
        if (negation) fail(negation, "the ! cannot stand in front of -c");
        rule.counters = takeCounters(wanted(), () => words[at++]);
        break;
      }
      case "-4":
      case "-6":
        if (key !== `-${family}`) foreign = true;
        break;
      case "-v":
        if (negation) fail(negation, `the ! cannot stand in front of ${word.text}`);
        break;
      default:
        fail(word, `${word.text} has no place in a rule`);
    }
    negation = null;
  }

  /**
   * iptables looks for the argument of these options in the word itself: `-s10.0.0.1/0` is a network with a mask of no bits,
   * and `-ieth0` asks for an interface of the name `-ieth0`.
   */
  function builtInWhole(key: string, word: Word, name: string): void {
    try {
      builtIn(key, word, word);
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      const long = `-${word.text}`;
      fail(
        word,
        !name.startsWith("--") && isOption(long.slice(2))
          ? `a long option begins with two dashes: ${long}`
          : `${name} and its argument are two words: ${name} ${word.text.slice(name.length).replace(/^=/, "")}`,
      );
    }
  }

  while (at < words.length && !foreign) {
    const word = words[at++] as Word;
    if (word.text === "!") {
      if (negation) fail(word, "a second ! in a row");
      if (at === words.length) fail(word, "an option is wanted behind the !");
      negation = word;
      continue;
    }
    const long = /^--([^=]+)(?:=(.*))?$/s.exec(word.text);
    if (long) {
      const [, name = "", glued] = long;
      const found = find(name) ?? (loadProtocol(word) ? find(name) : null);
      if (!found) fail(word, unknownOption(name, instances(), rule.protocol !== null));
      const takesArgument = found.option ? !found.option.bare : SHORT_WITH_ARGUMENT.includes(found.key[1] as string);
      if (glued !== undefined && !takesArgument) fail(word, `--${name} takes no argument`);
      if (glued !== undefined && !found.option && !SHORT_WITH_GLUED.includes(found.key[1] as string)) {
        builtInWhole(found.key, word, `--${name}`);
        continue;
      }
      const leftOut =
        found.option?.optional && glued === undefined && /^(--?[A-Za-z]|!$|$)/.test(words[at]?.text ?? "");
      const argument =
        !takesArgument || leftOut
          ? null
          : glued === undefined
            ? (words[at++] ?? null)
            : { text: glued, column: word.column + name.length + 3 };
      if (found.instance && found.option)
        take(found.instance, found.key, found.option, { ...word, text: `--${name}` }, argument);
      else builtIn(found.key, word, argument);
      continue;
    }
    if (/^-[A-Za-z46]/.test(word.text)) {
      // `-fj ACCEPT` is `-f -j ACCEPT`
      let i = 1;
      while (i < word.text.length && !SHORT_WITH_ARGUMENT.includes(word.text[i] as string))
        builtIn(`-${word.text[i++]}`, word, null);
      if (i === word.text.length) continue;
      const letter = word.text[i] as string;
      const glued = word.text.slice(i + 1);
      if (glued === "") builtIn(`-${letter}`, word, words[at++] ?? null);
      else if (SHORT_WITH_GLUED.includes(letter))
        builtIn(`-${letter}`, word, { text: glued, column: word.column + i + 1 });
      else builtInWhole(`-${letter}`, word, word.text.slice(0, i + 1));
      continue;
    }
    fail(word, badWord(word.text, words[at - 2]));
  }

  if (foreign) return [];
  for (const instance of instances().reverse()) check(instance, rule.protocol, table, chain);
  for (const instance of matches) {
    const built = (instance.extension as MatchExtension).build(instance.given as never, context(instance.word));
    if (built && rule.protocol?.invert && isCompatible(built))
      fail(instance.word, `${instance.extension.name} needs -p ${instance.extension.name}, without a !`);
    if (built && !mergePorts(rule.matches, built)) rule.matches.push(built);
  }
  rule.target = builtTarget(target) ?? jump;

  function builtTarget(instance: Instance | null): Target | null {
    return instance && (instance.extension as TargetExtension).build(instance.given as never, context(instance.word));
  }

  const pairs = (sources ?? [null]).flatMap((source) =>
    (destinations ?? [null]).map((destination) => ({
      source: isAny(source) ? null : source,
      destination: isAny(destination) ? null : destination,
    })),
  );
  return pairs.map((pair, i) => Object.assign(i === 0 ? rule : structuredClone(rule), pair));
}

/**
 * `--dport 80 -m tcp --sport 5`: iptables-nft keeps one test of ports and flags. Those that ask for the same field twice stay
 * apart here, so that both are asked.
 */
function mergePorts(matches: readonly Match[], match: Match): boolean {
  if ((match.name !== "tcp" && match.name !== "udp") || !isMergeable(match)) return false;
  const first = matches.find((one) => one.name === match.name && isMergeable(one));
  if (!first) return false;
  const fields = Object.entries(match).filter(([key, value]) => key !== "name" && value !== null);
  const target = first as unknown as Record<string, unknown>;
  if (fields.some(([key]) => target[key] !== null)) return false;
  Object.assign(first, Object.fromEntries(fields));
  return true;
}

const isMergeable = (match: Match): boolean =>
  (match.name === "udp" && (match.sport ?? match.dport) !== null) ||
  (match.name === "tcp" && match.option === null && (match.sport ?? match.dport ?? match.flags) !== null);

/** The mask lets every address through. */
const isAny = (test: AddressTest | null | undefined): boolean => test?.mask.every((byte) => byte === 0) ?? false;

/** `-i +` is every interface; `! -i +` is kept. */
const interfaceTest = (test: Omit<InterfaceTest, "invert">, invert: boolean): InterfaceTest | null =>
  test.name === "" && test.prefix && !invert ? null : { ...test, invert };

/** What must hold once all words are read. */
function check({ extension, given, word }: Instance, protocol: Rule["protocol"], table: string, chain: string): void {
  const { options, protocols, tables, chains, name } = extension;
  for (const [key, option] of Object.entries(options)) {
    if (option.required && !given[key]) fail(word, `${name} wants --${option.names[0]}`);
    for (const other of option.needs ?? [])
      if (given[key] && !given[other])
        fail(given[key].word, `--${option.names[0]} wants --${options[other]?.names[0]} beside it`);
  }
  if (protocols && !allowsProtocol(extension, protocol))
    fail(word, `${name} needs ${list(protocols.map((number) => `-p ${protocolName(number)}`))}`);
  if (tables && !tables.includes(table)) fail(word, `${name} works in the table ${list(tables)} only, not in ${table}`);
  if (chains && BUILT_IN.includes(chain) && !chains.includes(chain))
    fail(word, `${name} works in ${list(chains)} only, not in ${chain}`);
}

const BUILT_IN = ["PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"];

/** `! -p tcp --dport 80` is taken: iptables-nft asks for ports without asking for the protocol. */
const allowsProtocol = (extension: Instance["extension"], protocol: Rule["protocol"]): boolean =>
  protocol !== null &&
  extension.protocols?.includes(protocol.number) === true &&
  (!protocol.invert || extension.name === "tcp" || extension.name === "udp");

/** What iptables-nft leaves to the module of iptables, which insists on its protocol. */
const isCompatible = (match: Match): boolean =>
  (match.name === "tcp" && (match.option !== null || (match.sport ?? match.dport ?? match.flags) === null)) ||
  (match.name === "udp" && (match.sport ?? match.dport) === null);

function takeCounters(first: Word, next: () => Word | undefined): Counters {
  const [packets = "", ...rest] = first.text.split(",");
  const bytes = rest.length > 0 ? { ...first, text: rest.join(",") } : next();
  const number = (text: string, word: Word) =>
    parseBig(text, 0n, U64) ?? fail(word, "wanted are two numbers: packets and bytes");
  if (!bytes) fail(first, "wanted are two numbers: packets and bytes");
  return { packets: number(packets, first), bytes: number(bytes.text, bytes) };
}

// ---- Messages -------------------------------------------------------------------------------------------------------

/** Of iptables or of any of its modules. */
const isOption = (name: string): boolean =>
  LONG.has(name) || [...MATCHES, ...TARGETS].some((extension) => optionsOf(extension).has(name));

function badWord(text: string, before: Word | undefined): string {
  if (/^[\u2010-\u2015\u2212]/.test(text)) return "this dash is another character; options begin with - or --";
  if (/^,|,$/.test(text) || /,$/.test(before?.text ?? "")) return "a list is written without blanks: 25,80,443";
  if (before?.text === "!" || before?.text.startsWith("-")) return "the ! stands in front of the option, not behind it";
  return "an option is wanted here, one that begins with -";
}

const closest = (text: string, names: readonly string[]): string | null =>
  names
    .map((name) => [distance(text.toLowerCase(), name.toLowerCase()), name] as const)
    .sort((a, b) => a[0] - b[0])[0]?.[1] ?? null;

/** Edits from one word to the other. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++)
      next[j] = Math.min(
        (row[j] ?? 0) + 1,
        (next[j - 1] ?? 0) + 1,
        (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1),
      );
    row = next;
  }
  return row[b.length] ?? 0;
}

function unknownOption(name: string, instances: readonly Instance[], hasProtocol: boolean): string {
  const owners = [...MATCHES, ...TARGETS].filter(({ options }) =>
    Object.values(options).some(({ names }) => names.includes(name)),
  );
  if (owners.length > 0) {
    const ways = owners.map((owner) =>
      "kind" in owner ? "" : MATCHES.includes(owner as MatchExtension) ? `-m ${owner.name}` : `-j ${owner.name}`,
    );
    const hint =
      ["sport", "dport", "source-port", "destination-port"].includes(name) && !hasProtocol
        ? "-p tcp or -p udp"
        : list(ways.slice(0, 4));
    return `--${name} wants ${hint} in front of it`;
  }
  const known = [
    ...LONG.keys(),
    ...instances.flatMap(({ extension }) => Object.values(extension.options).flatMap(({ names }) => names)),
  ];
  const near = closest(name, known);
  return `there is no option --${name}${near && distance(name, near) <= 3 ? `; did you mean --${near}?` : " here"}`;
}

function unknownMatch(name: string, family: Family): string {
  const names = MATCHES.filter((match) => (match.family ?? family) === family).map((match) => match.name);
  if (MATCHES.some((match) => match.name === name))
    return `there is no match ${name} in ${family === 4 ? "iptables" : "ip6tables"}`;
  const near = closest(name, names);
  return `there is no match ${name}${near && distance(name, near) <= 3 ? `; did you mean ${near}?` : `; known are ${names.join(", ")}`}`;
}

function unknownChain(name: string, kind: "jump" | "goto"): string {
  const upper = name.toUpperCase();
  if (kind === "goto" && isTargetName(name)) return `-g goes to a chain, and ${name} is a target; wanted is -j ${name}`;
  if (isTargetName(upper) && upper !== name) return `there is no chain ${name}; the target is written ${upper}`;
  return `there is no chain ${name}; wanted is a chain made before with :${name} - [0:0] or -N ${name}, or a target like ACCEPT, DROP, REJECT, LOG`;
}
