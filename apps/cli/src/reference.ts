// All commands and options as data, for completion and the manual page.
import type { Argument, Command, Option } from "commander";

export interface OptionReference {
  /** `-o`, or null. */
  readonly short: string | null;
  readonly long: string;
  /** `<form>`, or null: it takes nothing. */
  readonly value: string | null;
  readonly choices: readonly string[];
  readonly description: string;
  readonly usual: string | null;
}

export interface CommandReference {
  readonly name: string;
  readonly description: string;
  readonly usage: string;
  readonly options: readonly OptionReference[];
  readonly arguments: readonly Pick<Argument, "description" | "argChoices">[];
}

export function referenceOf(program: Command): CommandReference[] {
  return program.commands.map((command) => ({
    name: command.name(),
    description: command.description(),
    usage: command.usage(),
    options: [...command.options.map(optionOf), HELP],
    arguments: command.registeredArguments,
  }));
}

/** commander keeps this one to itself. */
const HELP: OptionReference = {
  short: "-h",
  long: "--help",
  value: null,
  choices: [],
  description: "display help for command",
  usual: null,
};

function optionOf(option: Option): OptionReference {
  const { short, long, flags, argChoices, description, defaultValue, defaultValueDescription } = option;
  const [, value = null] = /(<[^>]+>)$/.exec(flags) ?? [];
  const usual = defaultValueDescription ?? (defaultValue === undefined ? null : String(defaultValue));
  return { short: short ?? null, long: long ?? "", value, choices: argChoices ?? [], description, usual };
}
