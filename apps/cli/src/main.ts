// `ctrack`: commands, and how each run ends. A command is one file in commands/ and one line here.
import { Command, CommanderError } from "commander";
import { ConntrackError } from "conntrack-wasm";
import { EXIT_DONE, EXIT_USAGE, UsageError } from "./exit.js";
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
};

/** Loads the commands this run may need: `track` alone starts in half the time, without parsers of rules and YAML. */
function commandsFor(args: readonly string[]): Promise<Add[]> {
  const names = Object.keys(COMMANDS);
  const isPlain = args.length > 0 && !args.some((arg) => ["help", "-h", "--help", ...names.slice(1)].includes(arg));
  return Promise.all((isPlain ? ["track"] : names).map((name) => (COMMANDS[name] as () => Promise<Add>)()));
}

const EXAMPLES = `
Examples:
  ctrack web.pcap                                    every packet, its state, and why one is INVALID
  tcpdump -i any -U -w - | ctrack -                  the same, live
  ctrack -o json web.pcapng.gz | jq 'select(.state == "INVALID")'
  ctrack web.pcap --filter 'state=INVALID and port 443'
  ctrack explain web.pcap 30                         one packet, step by step
  ctrack list web.pcap --at '#12'                    the table behind packet 12, as /proc/net/nf_conntrack
  ctrack diff web.pcap --to-sysctl nf_conntrack_tcp_loose=0   which packets change with that setting
  ctrack test firewall.yaml                          expectations of packets, for CI
  ctrack rules rules.v4                              check rules of iptables, print them as iptables-save does
  ctrack web.pcap -o none --sysctl nf_conntrack_tcp_be_liberal=1

Exit codes:
  0 done   1 a check or test found what it looks for   2 wrong usage   3 input could not be read`;

async function main(): Promise<void> {
  watchStdout();
  const program = new Command("ctrack")
    .description("What Linux connection tracking says of every packet of a capture")
    .version(version(), "-V, --version")
    .usage("[command] [options] FILE...")
    .showHelpAfterError("(ctrack --help has the options and examples)")
    .addHelpText("after", EXAMPLES)
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, "ctrack: ")) })
    .exitOverride();
  for (const add of await commandsFor(process.argv.slice(2))) add(program);
  for (const command of program.commands) command.copyInheritedSettings(program);
  try {
    await program.parseAsync();
  } catch (error) {
    process.exitCode = exitCodeOf(error);
  }
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
