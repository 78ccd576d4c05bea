// `ctrack`: commands, and how each run ends. A command is one file in commands/ and one line here.
import { Command, CommanderError } from "commander";
import { ConntrackError } from "conntrack-wasm";
import { addCheck } from "./commands/check.js";
import { addDiff } from "./commands/diff.js";
import { addEvents } from "./commands/events.js";
import { addExplain } from "./commands/explain.js";
import { addList } from "./commands/list.js";
import { addRules } from "./commands/rules.js";
import { addStats } from "./commands/stats.js";
import { addTest } from "./commands/test.js";
import { addTrack } from "./commands/track.js";
import { EXIT_DONE, EXIT_USAGE, UsageError } from "./exit.js";
import { note, watchStdout } from "./output.js";
import { version } from "./version.js";

const COMMANDS = [addTrack, addList, addEvents, addExplain, addStats, addDiff, addRules, addCheck, addTest];

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
  for (const add of COMMANDS) add(program);
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
