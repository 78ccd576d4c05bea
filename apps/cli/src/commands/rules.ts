// `ctrack rules`: files of iptables-save, or commands as people paste them, checked and printed as iptables prints them.
import { readFile } from "node:fs/promises";
import { text as streamText } from "node:stream/consumers";
import { type Command, Option } from "commander";
import { type Family, formatRuleset, type Parsed, parseRuleset, type RuleError } from "conntrack-iptables";
import { EXIT_DONE, EXIT_FOUND, EXIT_INPUT, messageOf } from "../exit.js";
import { collect, withJson } from "../options.js";
import { note, Output } from "../output.js";
import { type Nameable, type OutsideOptions, readOutside } from "../ruling/outside.js";

interface RulesOptions extends OutsideOptions {
  readonly output: "text" | "json";
  readonly ipv4?: boolean;
  readonly ipv6?: boolean;
}

export function addRules(program: Command): void {
  const command = program
    .command("rules")
    .description("check rules of iptables and print them as iptables-save does")
    .argument("<files...>", "iptables-save files or lists of iptables commands; - is standard input")
    .addOption(
      new Option("-o, --output <form>", "text: the rules; json: an object per file with its errors")
        .choices(["text", "json"])
        .default("text"),
    )
    .addOption(
      new Option("--ipset <file>", "sets, as ipset save prints them: rules may name no others; repeatable")
        .argParser(collect)
        .default([], "any set may be named"),
    )
    .addOption(
      new Option(
        "--timeout-policies <file>",
        "timeout policies, as nfct list timeout prints them: rules may name no others; repeatable",
      )
        .argParser(collect)
        .default([], "any policy may be named"),
    )
    .option("-4, --ipv4", "rules of iptables, whatever they look like")
    .addOption(new Option("-6, --ipv6", "rules of ip6tables, whatever they look like").conflicts("ipv4"));
  withJson(command).action(async (files: string[], options: RulesOptions) => {
    process.exitCode = await rules(files, options);
  });
}

async function rules(files: readonly string[], options: RulesOptions): Promise<number> {
  const output = new Output();
  let code = EXIT_DONE;
  const outside = await readOutside(options);
  if (outside === null) return EXIT_INPUT;
  const known = {
    ...(options.ipset.length > 0 && { sets: outside.sets }),
    ...(options.timeoutPolicies.length > 0 && { timeoutPolicies: outside.timeoutPolicies }),
  };
  for (const file of files) {
    let parsed: Parsed;
    try {
      const text = await readText(file);
      if (isBinary(text)) throw new Error("this is no text, and so no rules");
      parsed = parse(text, options, known);
    } catch (error) {
      const message = messageOf(error);
      code = EXIT_INPUT;
      if (options.output === "json")
        output.line(JSON.stringify({ file, ok: false, errors: [{ line: 0, column: 0, message }] }));
      else note(`ctrack: ${file}: ${message}`);
      continue;
    }
    const { ruleset, errors } = parsed;
    if (options.output === "json") output.line(JSON.stringify({ file, ok: errors.length === 0, errors }));
    else {
      output.write(formatRuleset(ruleset));
      // Errors and rules go to two streams: what belongs together is shown together.
      await output.flush();
      for (const error of errors) note(errorText(file, error));
    }
    if (errors.length > 0 && code === EXIT_DONE) code = EXIT_FOUND;
  }
  await output.flush();
  return code;
}

const parse = (text: string, { ipv4, ipv6 }: RulesOptions, known: Nameable): Parsed => {
  const family: Family | undefined = ipv4 ? 4 : ipv6 ? 6 : undefined;
  return parseRuleset(text, { ...(family && { family }), ...known });
};

export const readText = (file: string): Promise<string> =>
  file === "-" ? streamText(process.stdin) : readFile(file, "utf8");

/** A capture or the like; a few characters of another encoding in comments do no harm. */
export const isBinary = (text: string): boolean =>
  text.includes("\0") || (text.match(/\ufffd/g)?.length ?? 0) > text.length / 20;

/** As compilers say it: place, word, what would be right. */
export const errorText = (file: string, { line, column, word, message }: RuleError): string =>
  `${file}:${line}:${column}: ${word === "" ? "" : `${JSON.stringify(word)}: `}${message}`;
