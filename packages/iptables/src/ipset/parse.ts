// A file of `ipset save`, or commands of ipset as people paste them, line by line into sets.
import { errorAt, fail, type RuleError, type Word } from "../failure.js";
import { list } from "../option.js";
import { formatElement, takeElements } from "./element.js";
import { takeEntryOptions, takeOptions } from "./options.js";
import { type IpSet, SET_TYPES, type SetEntry, type SetType } from "./types.js";
import { setWords } from "./words.js";

const NAME_MAX = 31;

/** Names of types in older versions. */
const OLD_TYPES: Readonly<Record<string, SetType>> = {
  ipmap: "bitmap:ip",
  macipmap: "bitmap:ip,mac",
  portmap: "bitmap:port",
  iphash: "hash:ip",
  ipmachash: "hash:ip,mac",
  ipmarkhash: "hash:ip,mark",
  ipporthash: "hash:ip,port",
  ipportiphash: "hash:ip,port,ip",
  ipportnethash: "hash:ip,port,net",
  machash: "hash:mac",
  nethash: "hash:net",
  netifacehash: "hash:net,iface",
  netnethash: "hash:net,net",
  netporthash: "hash:net,port",
  netportnethash: "hash:net,port,net",
  setlist: "list:set",
};

/** Commands that change sets, and their short names. */
const COMMANDS: Readonly<Record<string, readonly string[]>> = {
  create: ["n", "-N"],
  add: ["-A"],
  del: ["-D"],
  destroy: ["x", "-X"],
  flush: ["-F"],
  rename: ["e", "-E"],
  swap: ["w", "-W"],
};
const NOT_READ = ["list", "save", "test", "restore", "help", "version", "quit"];

/** The sets, by name, in the order of their lines; a line that is wrong changes nothing. */
export interface ParsedSets {
  sets: Map<string, IpSet>;
  errors: RuleError[];
}

/** Reads a file of `ipset save`. `sets`: those of files before, which it may add to. */
export function parseSets(text: string, sets: Map<string, IpSet> = new Map()): ParsedSets {
  const reader = new Reader(sets);
  text.split(/\r?\n/).forEach((line, i) => {
    reader.line(line, i + 1);
  });
  return { sets: reader.sets, errors: reader.errors };
}

class Reader {
  readonly errors: RuleError[] = [];
  #line = 0;
  /** -exist, -!: what is there already, or is not there, is no error. */
  #exist = false;

  constructor(readonly sets: Map<string, IpSet>) {}

  line(line: string, number: number): void {
    this.#line = number;
    if (/^\s*(#|$)/.test(line)) return;
    try {
      this.#run(setWords(line), line);
    } catch (error) {
      this.errors.push(errorAt(number, error));
    }
  }

  #run(all: Word[], line: string): void {
    const isFlag = ({ text }: Word) => text === "-exist" || text === "-!" || text === "--exist";
    this.#exist = all.some(isFlag);
    const words = all.filter((word) => !isFlag(word));
    if (words[0]?.text === "sudo") words.shift();
    if (/^(?:.*\/)?ipset$/.test(words[0]?.text ?? "")) words.shift();
    const [command, ...rest] = words;
    if (command === undefined || command.text === "COMMIT") return;
    const name = Object.keys(COMMANDS).find((one) => isCommand(command.text, one));
    const end = { text: "", column: line.trimEnd().length + 2 };
    if (name === undefined)
      fail(
        command,
        NOT_READ.includes(command.text)
          ? `${command.text} changes no set; a file of ipset save has create and add`
          : `wanted is a line of ipset save: create NAME TYPE ..., add NAME ELEMENT ..., or ${list(Object.keys(COMMANDS).slice(2))}`,
      );
    this.#commands[name]?.(rest, end);
  }

  readonly #commands: Readonly<Record<string, (words: Word[], end: Word) => void>> = {
    create: (words, end) => this.#create(words, end),
    add: (words, end) => this.#add(words, end),
    del: (words, end) => this.#del(words, end),
    destroy: (words) => this.#destroy(words),
    flush: (words) => this.#flush(words),
    rename: (words, end) => this.#rename(words, end),
    swap: (words, end) => this.#swap(words, end),
  };

  #set(word: Word | undefined, end: Word): IpSet {
    const name = word ?? fail(end, "the name of a set is wanted");
    const known = [...this.sets.keys()];
    return (
      this.sets.get(name.text) ??
      fail(
        name,
        `there is no set ${name.text}; ${known.length > 0 ? `there is ${list(known.slice(0, 8))}` : "create makes one"}`,
      )
    );
  }

  #create([name, type, ...options]: Word[], end: Word): void {
    const wanted = name ?? fail(end, "a name and a type are wanted: create NAME TYPE");
    if (wanted.text === "") fail(wanted, "the name of a set is wanted, this one is empty");
    if (wanted.text.length > NAME_MAX) fail(wanted, `too long: the name of a set has at most ${NAME_MAX} characters`);
    const typeWord = type ?? fail(end, `a type is wanted: ${list(SET_TYPES)}`);
    const found =
      SET_TYPES.find((one) => one === typeWord.text) ??
      OLD_TYPES[typeWord.text] ??
      fail(typeWord, `there is no type ${typeWord.text}; wanted is ${list(SET_TYPES)}`);
    const made = { name: wanted.text, type: found, ...takeOptions(options, found, typeWord), line: this.#line };
    const there = this.sets.get(wanted.text);
    if (there === undefined) this.sets.set(wanted.text, { ...made, entries: new Map() });
    else if (!this.#exist || there.type !== found || there.family !== made.family)
      fail(wanted, `there is a set ${wanted.text} already, created in line ${there.line}`);
  }

  #add([name, element, ...options]: Word[], end: Word): void {
    const set = this.#set(name, end);
    const word = element ?? fail(end, "an element is wanted: add NAME ELEMENT");
    const { wildcard, place, nomatch, timeout, packets, bytes, comment, skb } = takeEntryOptions(options, set);
    if (set.type === "list:set") this.#checkMember(set, word);
    const added = new Map<string, SetEntry>();
    for (const one of takeElements(word, set)) {
      const key = formatElement(one, set.type, set.family);
      if (set.entries.has(key) && !this.#exist) fail(word, `${key} is in the set already`);
      const { networks, port, mac, mark, set: member } = one;
      const iface = one.iface && { ...one.iface, wildcard };
      const element = { networks, port, mac, mark, iface, set: member };
      added.set(key, { ...element, nomatch, timeout, packets, bytes, comment, skb });
      if (added.size + set.entries.size > mostOf(set)) this.#checkFull(set, added, word);
    }
    if (place) set.entries = inPlace(set.entries, added, place.name, place.before);
    else for (const [key, entry] of added) set.entries.set(key, entry);
  }

  #checkFull(set: IpSet, added: ReadonlyMap<string, SetEntry>, word: Word): void {
    const fresh = [...added.keys()].filter((key) => !set.entries.has(key)).length;
    if (fresh + set.entries.size > mostOf(set)) fail(word, `the set is full: it has room for ${mostOf(set)} (maxelem)`);
  }

  #checkMember(set: IpSet, word: Word): void {
    const member = this.#set(word, word);
    if (member.type === "list:set") fail(word, "a list holds sets, and no other lists");
    if (set.name === member.name) fail(word, "a list cannot hold itself");
  }

  #del([name, element, ...more]: Word[], end: Word): void {
    const set = this.#set(name, end);
    const word = element ?? fail(end, "an element is wanted: del NAME ELEMENT");
    if (more[0] && set.type !== "list:set" && more[0].text !== "wildcard")
      fail(more[0], "nothing more is wanted behind the element");
    for (const one of takeElements(word, set)) {
      const key = formatElement(one, set.type, set.family);
      if (!set.entries.delete(key) && !this.#exist) fail(word, `${key} is not in the set`);
    }
  }

  #holder(name: string): IpSet | undefined {
    return [...this.sets.values()].find(({ type, entries }) => type === "list:set" && entries.has(name));
  }

  #destroy([name]: Word[]): void {
    if (name === undefined) this.sets.clear();
    else {
      const set = this.#set(name, name);
      const holder = this.#holder(set.name);
      if (holder) fail(name, `the list ${holder.name} holds it`);
      this.sets.delete(set.name);
    }
  }

  #flush([name]: Word[]): void {
    for (const set of name ? [this.#set(name, name)] : this.sets.values()) set.entries.clear();
  }

  #rename([from, to]: Word[], end: Word): void {
    const set = this.#set(from, end);
    const wanted = to ?? fail(end, "a new name is wanted: rename OLD NEW");
    if (wanted.text.length > NAME_MAX) fail(wanted, `too long: the name of a set has at most ${NAME_MAX} characters`);
    if (this.sets.has(wanted.text)) fail(wanted, `there is a set ${wanted.text} already`);
    const holder = this.#holder(set.name);
    if (holder) fail(from as Word, `the list ${holder.name} holds it`);
    this.sets.delete(set.name);
    this.sets.set(wanted.text, { ...set, name: wanted.text });
  }

  // Names change places: lists go on naming the same name.
  #swap([one, other]: Word[], end: Word): void {
    const [a, b] = [this.#set(one, end), this.#set(other, end)];
    if (a.type !== b.type || a.family !== b.family)
      fail(other as Word, `only sets of one type and family can be swapped; these are ${a.type} and ${b.type}`);
    this.sets.set(a.name, { ...b, name: a.name });
    this.sets.set(b.name, { ...a, name: b.name });
  }
}

/** A command by its name, the beginning of it, or its short forms. */
function isCommand(text: string, name: string): boolean {
  return text === name || (COMMANDS[name] ?? []).includes(text) || text === `--${name}`;
}

const mostOf = ({ type, options }: IpSet): number =>
  type.startsWith("hash:") ? options.maxelem : Number.POSITIVE_INFINITY;

function inPlace(
  entries: ReadonlyMap<string, SetEntry>,
  added: ReadonlyMap<string, SetEntry>,
  beside: Word,
  before: boolean,
): Map<string, SetEntry> {
  if (!entries.has(beside.text)) fail(beside, "this set is not in the list");
  const sorted = new Map<string, SetEntry>();
  for (const [key, entry] of entries) {
    if (added.has(key)) continue;
    const both = key === beside.text ? [...added] : [];
    for (const [name, value] of before ? [...both, [key, entry] as const] : [[key, entry] as const, ...both])
      sorted.set(name, value);
  }
  return sorted;
}
