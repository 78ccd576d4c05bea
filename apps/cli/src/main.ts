// `ctrack`: commands, and how each run ends. A command is one file in commands/ and one line here.
import { existsSync } from "node:fs";
import { Command, CommanderError } from "commander";
import { ConntrackError } from "conntrack-wasm";
import { EXIT_DONE, EXIT_USAGE, UsageError } from "./exit.js";
import { COMMAND_EXAMPLES, EXAMPLES, EXIT_CODES } from "./help.js";
import { note, watchStdout } from "./output.js";
import { version } from "./version.js";

type Add = (program: Command) => void;

const COMMANDS: Readonly<Record<string, () => Promise<Add>>> = {
  track: async () => (await import("./commands/track.js")).addTrack,
  list: async () => (await import("./commands/list.js")).addList,
  events: async () => (await import("./commands/events.js")).addEvents,
  explain: async () => (await import("./commands/explain.js")).addExplain,
  stats: async () => (await import("./commands/stats.js")).addStats,
  diff: async () => (await import("./commands/diff.js")).addDiff,
  rules: async () => (await import("./commands/rules.js")).addRules,
  check: async () => (await import("./commands/check.js")).addCheck,
  test: async () => (await import("./commands/test.js")).addTest,
  completion: async () => (await import("./commands/completion.js")).addCompletion,
};

/** Loads the commands this run may need: `track` alone starts in half the time, without parsers of rules and YAML. */
function commandsFor(args: readonly string[]): Promise<Add[]> {
  const names = Object.keys(COMMANDS);
  const isPlain =
    args.length > 0 && !args.some((arg) => ["help", "-h", "--help", "man", ...names.slice(1)].includes(arg));
  return Promise.all((isPlain ? ["track"] : names).map((name) => (COMMANDS[name] as () => Promise<Add>)()));
}

async function main(): Promise<void> {
  watchStdout();
  const program = new Command("ctrack")
    .description("What Linux connection tracking says of every packet of a capture")
    .version(version(), "-V, --version")
    .usage("[command] [options] FILE...")
    .showHelpAfterError("(ctrack --help has the options and examples)")
    .addHelpText("after", `\nExamples:\n${EXAMPLES}\n\n${EXIT_CODES}`)
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, "ctrack: ")) })
    .exitOverride();
  for (const add of await commandsFor(process.argv.slice(2))) add(program);
  for (const command of program.commands) {
    command.copyInheritedSettings(program);
    command.showHelpAfterError(`(ctrack ${command.name()} --help has the options and examples)`);
    command.addHelpText("after", `\nExamples:\n${COMMAND_EXAMPLES[command.name()]}\n\n${EXIT_CODES}`);
  }
  try {
    checkCommand(process.argv.slice(2));
    await program.parseAsync();
  } catch (error) {
    process.exitCode = exitCodeOf(error);
  }
}

// The first word may be a command or a file: one that looks like a command and is no file is a slip, and so is a command
// behind its options.
function checkCommand([word = "", ...rest]: readonly string[]): void {
  const late = /^-(?!h$|-help$|V$|-version$)./.test(word)
    ? rest.find((name) => name in COMMANDS && !existsSync(name))
    : undefined;
  if (late !== undefined)
    throw new UsageError(`${late}: a command stands before its options: ctrack ${late} ${word} …`);
  if (!/^[a-z]{2,}$/.test(word) || word in COMMANDS || word === "help" || word === "man" || existsSync(word)) return;
  throw new UsageError(`${word}: no such command, and no such file; commands are ${Object.keys(COMMANDS).join(", ")}`);
}

function exitCodeOf(error: unknown): number {
  // commander has said it already
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT_DONE : EXIT_USAGE;
  if (error instanceof UsageError) {
    note(`ctrack: ${error.message}`);
    return EXIT_USAGE;
  }
  if (error instanceof ConntrackError) {
    note(`ctrack: ${error.message}`);
    return 70; // EX_SOFTWARE: nothing a user did
  }
  throw error;
}

await main();
