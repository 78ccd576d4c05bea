// Makes assembly/helper/h323/grammar.ts of h323.grammar: one row of eight bytes for each field, and the places of what is kept.
import { readFileSync, writeFileSync } from "node:fs";

const TYPES = ["NULL", "BOOL", "OID", "INT", "BITS", "DIGITS", "OCTETS", "BMP", "SEQ", "LIST", "CHOICE"];
const ROW = 8;
const [KEPT, OPTIONAL, EXTENSIBLE, OPEN, STOP] = [1, 2, 4, 8, 16];
// how a length or a number is written, by its range (X.691 §10.5, §10.9): fixed, 1 to 8 bits, or:
const [FIXED, BYTE, WORD, LONG, ANY, FREE] = [0, 9, 10, 11, 12, 13];

/** Lines as a tree. */
function readTree(text) {
  const root = { children: [] };
  const open = [{ indent: -1, node: root }];
  for (const line of text.split("\n")) {
    if (line.trim() === "" || line.trimStart().startsWith("#")) continue;
    const indent = line.length - line.trimStart().length;
    while (open.at(-1).indent >= indent) open.pop();
    const node = { words: line.trim().split(/ +/), children: [] };
    open.at(-1).node.children.push(node);
    open.push({ indent, node });
  }
  return root.children;
}

const bitsFor = (count) => (count <= 1 ? 0 : 32 - Math.clz32(count - 1));

function sizeOf(type, range) {
  if (range === undefined) return { size: type === "INT" ? FREE : ANY, lower: 0 };
  const [from, to = from] = range.split("..").map(Number);
  const count = to - from + 1;
  if (type === "OCTETS" && from === to) return { size: FIXED, lower: from };
  if (type === "BITS") return { size: WORD, lower: from };
  const size = count > 65536 ? LONG : count > 256 ? WORD : count === 256 ? BYTE : bitsFor(count);
  return { size, lower: from };
}

const named = new Map(
  readTree(readFileSync(new URL("h323.grammar", import.meta.url), "utf8")).map((node) => [node.words[0], node]),
);
const places = [];
const constant = (path) =>
  path
    .join("_")
    .replace(/([a-z0-9])([A-Z])/g, "$1_$2")
    .replaceAll("-", "_")
    .toUpperCase();

/** A field with its type; `skip` and `stop` lines become rows of their own. */
function readFields(node) {
  const fields = [];
  let extensible = false;
  let roots = 0;
  let unread = 0;
  for (const child of node.children) {
    const [name, ...words] = child.words;
    if (name === "...") {
      extensible = true;
      roots = fields.length;
    } else if (name === "skip") for (let n = Number(words[0]); n > 0; n--) fields.push({ type: "NULL", attributes: 0 });
    else if (name === "stop") {
      fields.push({ type: "NULL", attributes: STOP });
      unread += Number(words[0] ?? 0);
    } else fields.push(readField(child, name, words));
  }
  if (!extensible) roots = fields.length;
  return { fields, extensible, roots, unread };
}

function readField(node, name, words) {
  let attributes = name.endsWith("?") ? OPTIONAL : 0;
  let spec = words.join(" ");
  if (spec.startsWith("!")) attributes |= KEPT;
  spec = spec.replace("!", "");
  if (spec.startsWith("OPEN ")) attributes |= OPEN;
  spec = spec.replace("OPEN ", "");
  const [, type, range] = /^([\w-]+)(?:\(([\d.]+)\))?$/.exec(spec);
  return { name: name.replace("?", ""), type, range, attributes, node };
}

const resolved = new Map();

/** What a field's row says, with its own fields: `row` without attributes, `words` it takes when kept. */
function resolve({ type, range, node }, path) {
  if (named.has(type)) {
    if (!resolved.has(type)) {
      const target = named.get(type);
      resolved.set(type, resolve(readField(target, type, target.words.slice(1)), [type]));
    }
    return resolved.get(type);
  }
  if (type === "LIST") {
    const [item] = node.children.map((child) => readItem(child, path));
    const most = Number(range ?? 0);
    return { type, size: ANY, lower: 0, upper: most, fields: [item], words: 1 + most, extensible: false };
  }
  if (type !== "SEQ" && type !== "CHOICE") {
    const { size, lower } = sizeOf(type, range);
    return { type, size, lower, upper: 0, fields: [], words: type === "INT" ? 2 : 1, extensible: false };
  }
  const { fields, extensible, roots, unread } = readFields(node);
  const choice = type === "CHOICE";
  let words = choice ? 1 : 0;
  let next = words;
  const rows = fields.map((field) => {
    const kept = (field.attributes & KEPT) !== 0;
    const slot = kept ? next : 0;
    const below = [...path, field.name];
    const what = resolve(field, below);
    if (kept) places.push([constant(below), slot]);
    if (kept && !choice) next += what.words;
    if (kept) words = Math.max(words, slot + what.words);
    return { ...what, attributes: field.attributes | (what.extensible ? EXTENSIBLE : 0), slot };
  });
  const optional =
    fields.slice(0, roots).filter(({ attributes }) => attributes & OPTIONAL).length + (choice ? 0 : unread);
  return {
    type,
    size: choice ? bitsFor(roots) : optional,
    lower: roots,
    upper: rows.length,
    fields: rows,
    words,
    extensible,
  };
}

function readItem(child, path) {
  const [name, ...words] = child.words;
  const field = readField(child, name, words);
  const what = resolve(field, [...path, name]);
  return { ...what, attributes: field.attributes | (what.extensible ? EXTENSIBLE : 0), slot: 0 };
}

// ---- rows: the fields of one type stand together, alike ones once

const rows = [];
const groups = new Map();

function place(fields) {
  if (fields.length === 0) return 0;
  const lines = fields.map((field) => [
    TYPES.indexOf(field.type),
    field.size,
    field.lower,
    field.upper,
    field.attributes,
    field.slot,
    place(field.fields),
  ]);
  const key = JSON.stringify(lines);
  if (!groups.has(key)) {
    groups.set(key, rows.length);
    rows.push(...lines);
  }
  return groups.get(key);
}

const roots = ["RasMessage", "UserInformation", "Control", "OpenChannel", "TransportAddress"].map((type) => {
  const what = resolve({ type, node: null }, [type]);
  const row = place([{ ...what, attributes: KEPT | (what.extensible ? EXTENSIBLE : 0), slot: 0 }]);
  return `export const ${constant([type])}: u32 = ${row};\nexport const ${constant([type])}_WORDS: u32 = ${what.words};`;
});

const bytes = rows.map((row) => {
  if (row.some((value, i) => value > (i === 6 ? 65535 : 255))) throw new Error(`does not fit a row: ${row}`);
  return `  ${[...row.slice(0, 6), row[6] & 255, row[6] >> 8].join(", ")},`;
});
const text = `// Made from grammar/h323.grammar by grammar/compile.mjs: do not edit.
//
//   0      1      2       3       4            5      6
//   │ type │ size │ lower │ upper │ attributes │ slot │ first of its fields u16 │ ${ROW}
export const GRAMMAR: usize = memory.data<u8>([
${bytes.join("\n")}
]);
export const GRAMMAR_ROWS: u32 = ${rows.length};

// rows of whole messages, and the words that hold what is kept of them
${roots.join("\n")}

// words of what is kept, from the start of its type
${places.map(([name, slot]) => `export const ${name}: usize = ${slot} * 4;`).join("\n")}
`;
writeFileSync(new URL("../assembly/helper/h323/grammar.ts", import.meta.url), text);
