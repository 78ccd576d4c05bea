// `-o` of list and events: conntrack-tools' words, and ours.
import { FORMATS, type Format, type FormatName, type FormatOptions } from "conntrack-wasm";
import { UsageError } from "./exit.js";
import { outputWords } from "./options.js";

const MODIFIERS = ["id", "timestamp", "ktimestamp", "labels"];

export interface Form {
  readonly name: FormatName;
  readonly format: Format;
  readonly options: FormatOptions;
}

/** `-o extended,id`: one form and modifiers; modifiers alone mean conntrack's own form. */
export function parseForm(text: string | undefined, known: readonly FormatName[], usual: FormatName): Form {
  const words = text === undefined ? [] : outputWords(text, [...known, ...MODIFIERS]);
  const modifiers = words.filter((word) => MODIFIERS.includes(word));
  let names = words.filter((word) => !MODIFIERS.includes(word)) as FormatName[];
  // conntrack's own form is meant by "conntrack,extended", and XML names the network protocol anyway
  if (names.includes("extended")) names = names.filter((name) => name !== "conntrack");
  if (names.includes("xml")) names = names.filter((name) => name !== "extended");
  if (names.length > 1) throw new UsageError(`-o ${text}: ${names.join(" and ")} cannot be combined`);
  const name = names[0] ?? (modifiers.length > 0 ? "conntrack" : usual);
  const plain = name === "proc" || name === "legacy" || name === "save";
  if (plain && modifiers.length > 0) {
    throw new UsageError(`-o ${text}: ${name} has no ${modifiers.join(", ")}; conntrack, extended, xml and json have`);
  }
  const options = Object.fromEntries(modifiers.map((modifier) => [modifier, true]));
  return { name, format: FORMATS[name], options };
}
