// The manual page, from the table of commands and options.
import type { CommandReference, OptionReference } from "./reference.js";

export interface ManualTexts {
  readonly version: string;
  readonly description: string;
  readonly examples: string;
}

const escaped = (text: string): string =>
  text
    .replace(/\\/g, "\\e")
    .replace(/-/g, "\\-")
    .replace(/^([.'])/gm, "\\&$1");

const OPTION = ({ short, long, value, description, choices, usual }: OptionReference): string => {
  const names = [short, long].filter((name) => name !== null).map((name) => `\\fB${escaped(name)}\\fR`);
  const argument = value === null ? "" : ` \\fI${escaped(value.slice(1, -1))}\\fR`;
  const more = [
    ...(choices.length > 0 ? [`one of ${choices.join(", ")}`] : []),
    ...(usual === null ? [] : [`default: ${usual}`]),
  ];
  return `.TP\n${names.join(", ")}${argument}\n${escaped(description)}${more.length > 0 ? ` (${escaped(more.join("; "))})` : ""}`;
};

/** Options that every command with captures has come once, behind the commands. */
function sharedBy(commands: readonly CommandReference[]): OptionReference[] {
  const [track] = commands;
  const captures = commands.filter(({ options }) => options.some(({ long }) => long === "--read"));
  return (track?.options ?? []).filter(({ long, description }) =>
    captures.every(({ options }) => options.some((one) => one.long === long && one.description === description)),
  );
}

export function manualPage(commands: readonly CommandReference[], texts: ManualTexts): string {
  const shared = sharedBy(commands);
  const isShared = (option: OptionReference) =>
    shared.some(({ long, description }) => long === option.long && description === option.description);
  const sections = commands.map(({ name, description, usage, options, arguments: args }) =>
    [
      `.SS "ctrack ${name} ${escaped(usage)}"`,
      escaped(`${description[0]?.toUpperCase()}${description.slice(1)}.`),
      ...args.filter((one) => one.description).map((one) => `.PP\nArguments: ${escaped(one.description)}.`),
      ...options.filter((option) => !isShared(option)).map(OPTION),
    ].join("\n"),
  );
  return `${[
    `.TH CTRACK 1 "" "ctrack ${texts.version}" "User Commands"`,
    ".SH NAME",
    `ctrack \\- ${escaped(texts.description)}`,
    ".SH SYNOPSIS",
    "\\fBctrack\\fR [\\fIcommand\\fR] [\\fIoptions\\fR] \\fIfile\\fR...",
    ".SH DESCRIPTION",
    "Runs captured packets through the connection tracking of Linux, without a kernel, and says what it makes of each: NEW,",
    "ESTABLISHED, RELATED or INVALID, and why; with rules of iptables and ip6tables, which of them decides. A file is a",
    "capture (pcap or pcapng, also in gzip or zstd); \\fB\\-\\fR is standard input. Without a command, \\fBtrack\\fR is meant.",
    ".SH COMMANDS",
    ...sections,
    ".SH COMMON OPTIONS",
    "Of every command that reads captures.",
    ...shared.map(OPTION),
    ".SH EXIT STATUS",
    ...EXIT_STATUS.map(([code, text]) => `.TP\n\\fB${code}\\fR\n${escaped(text)}`),
    ".SH ENVIRONMENT",
    ".TP\n\\fBNO_COLOR\\fR, \\fBFORCE_COLOR\\fR\nNo colours, or colours also in a pipe; \\fB\\-\\-color\\fR counts more.",
    ".TP\n\\fBGITHUB_ACTIONS\\fR\nWhen it is \\fItrue\\fR, \\fBctrack test\\fR writes annotations.",
    ".SH EXAMPLES",
    ".nf",
    escaped(texts.examples),
    ".fi",
    ".SH SEE ALSO",
    "\\fBconntrack\\fR(8), \\fBiptables\\fR(8), \\fBiptables\\-extensions\\fR(8), \\fBtcpdump\\fR(1), \\fBpcap\\-filter\\fR(7)",
  ].join("\n")}\n`;
}

export const EXIT_STATUS: readonly (readonly [code: number, text: string])[] = [
  [0, "Done; of diff: no packet differs; of test: all is as expected."],
  [
    1,
    "A check or test found what it looks for: packets differ (diff), an expectation is not met (test), a rule is refused (rules).",
  ],
  [2, "Wrong usage: an option, a setting, a filter, a file of expectations."],
  [3, "Input could not be read, rules among it; what could be read is printed first."],
  [70, "A bug of ctrack."],
  [130, "Interrupted; what was read is printed."],
];
