// A line into words: as iptables-restore cuts it, and as a shell does.
import { fail, type Word } from "./failure.js";

const isBlank = (char: string | undefined): boolean => char === " " || char === "\t";

/** Names of tables that the kernel shows as files under /proc. */
export const isFileName = (name: string): boolean => !["", ".", ".."].includes(name) && !name.includes("/");

/**
 * iptables-restore: blanks separate, double quotes keep blanks, and inside them a backslash keeps the next character. The
 * quote that closes ends the word.
 */
export function restoreWords(line: string, from = 0): Word[] {
  const words: Word[] = [];
  let at = from;
  while (at < line.length) {
    if (isBlank(line[at])) {
      at++;
      continue;
    }
    const column = at + 1;
    let text = "";
    while (at < line.length && !isBlank(line[at])) {
      if (line[at] !== '"') {
        const from = at;
        while (at < line.length && !isBlank(line[at]) && line[at] !== '"') at++;
        text += line.slice(from, at);
        continue;
      }
      const open = at++;
      while (at < line.length && line[at] !== '"') {
        if (line[at] === "\\") at++;
        text += line[at++] ?? "";
      }
      if (at >= line.length)
        fail({ text: line.slice(open), column: open + 1 }, 'the quote is not closed; a " is wanted');
      at++;
      break;
    }
    words.push({ text, column });
  }
  return words;
}

/** A shell: both quotes, backslashes, and a comment behind `#`. Variables are not known here. */
export function shellWords(line: string): Word[] {
  const words: Word[] = [];
  let at = 0;
  while (at < line.length) {
    if (/\s/.test(line[at] as string)) {
      at++;
      continue;
    }
    if (line[at] === "#") break;
    const column = at + 1;
    let text = "";
    while (at < line.length && !/\s/.test(line[at] as string)) {
      const char = line[at++] as string;
      if (char === "\\") text += line[at++] ?? "";
      else if (char === "'" || char === '"') {
        const open = at - 1;
        while (at < line.length && line[at] !== char) {
          if (char === '"' && line[at] === "\\" && /["\\$`]/.test(line[at + 1] ?? "")) at++;
          text += line[at++];
        }
        if (at++ >= line.length)
          fail({ text: line.slice(open), column: open + 1 }, `the quote is not closed; a ${char} is wanted`);
      } else if (char === ";" && /^\s*(#.*)?$/.test(line.slice(at))) at = line.length;
      else if (/[;&|<>]/.test(char))
        fail({ text: char, column: at }, "one command in each line is wanted; a text with this character needs quotes");
      else if (char === "$")
        fail({ text: line.slice(at - 1), column: at }, "variables are not known here; their value is wanted");
      else text += char;
    }
    if (text !== "" || line[column - 1] !== ";") words.push({ text, column });
  }
  return words;
}
