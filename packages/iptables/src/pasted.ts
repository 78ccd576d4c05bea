// A command as people paste it: with a prompt, sudo, bundled flags, and options that change no rule.
import type { Word } from "./failure.js";

const PROMPT = /^\s*(?:\$|\S+@\S+[#$])\s+/;

/** The prompt in front of a command becomes blanks, so that columns stay. */
export const withoutPrompt = (line: string): string => line.replace(PROMPT, (prompt) => " ".repeat(prompt.length));

/** True when a shell would read on in the next line. */
export const goesOn = (line: string): boolean =>
  !/^\s*[-#*:[]/.test(line) && (/\\+$/.exec(line)?.[0].length ?? 0) % 2 === 1;

/** From the command's name on, without sudo and its flags. */
export function withoutSudo(words: readonly Word[]): readonly Word[] {
  if (words[0]?.text !== "sudo") return words;
  const name = words.findIndex(({ text }, i) => i > 0 && !text.startsWith("-"));
  return name < 0 ? [] : words.slice(name);
}

/** `-nvL` is `-n -v -L`, `-tnat` is `-t nat`. */
function unbundled(word: Word): Word[] {
  const [, flag = "", rest = ""] = /^-([nvx46])([A-Za-z46].*)$/.exec(word.text) ?? [];
  if (flag) return [{ ...word, text: `-${flag}` }, ...unbundled({ text: `-${rest}`, column: word.column + 1 })];
  const [, table] = /^-t(\w+)$/.exec(word.text) ?? [];
  return table
    ? [
        { ...word, text: "-t" },
        { text: table, column: word.column + 2 },
      ]
    : [word];
}

const isNumber = (word: Word | undefined) => /^\d+$/.test(word?.text ?? "");
const LISTS = /^(?:-[LS]|--list(?:-rules)?)$/;
const OF_LISTS = /^(?:-[nx]|--numeric|--exact|--line-numbers)$/;
const TAKES_RULE = /^(?:-[AIRDC]|--(?:append|insert|replace|delete|check)(?:=|$))/;

/** What says something about rules: not how long to wait for others, and how to print. */
export function essential(words: readonly Word[]): Word[] {
  const all = words.flatMap(unbundled);
  const lists = all.some(({ text }) => LISTS.test(text));
  const hasRule = all.some(({ text }) => TAKES_RULE.test(text));
  const kept: Word[] = [];
  for (let i = 0; i < all.length; i++) {
    const word = all[i] as Word;
    if (/^(?:-w|--wait)$/.test(word.text)) i += isNumber(all[i + 1]) ? 1 : 0;
    else if (/^(?:-W|--wait-interval|-M|--modprobe)$/.test(word.text)) i++;
    else if (/^(?:-w\d+|-W\d+|--wait=.*|--wait-interval=.*|--modprobe=.*)$/.test(word.text)) continue;
    else if (lists && OF_LISTS.test(word.text)) continue;
    else if (!hasRule && /^(?:-v|--verbose)$/.test(word.text)) continue;
    else if (hasRule && kept.length === 0 && word.text === "-v") continue;
    else kept.push(word);
  }
  return kept;
}
