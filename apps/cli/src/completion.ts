// Completion for shells, from the table of commands and options.
import type { CommandReference, OptionReference } from "./reference.js";

export const SHELLS = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof SHELLS)[number];

export const completionOf: Readonly<Record<Shell, (commands: readonly CommandReference[]) => string>> = {
  bash,
  zsh,
  fish,
};

const namesOf = ({ short, long }: OptionReference): string[] => (short === null ? [long] : [short, long]);

/** What a command takes in place of a file. */
const wordsOf = (command: CommandReference): readonly string[] =>
  command.arguments.flatMap((one) => one.argChoices ?? []);

function bash(commands: readonly CommandReference[]): string {
  const cases = commands.map((command) => {
    const values = command.options
      .filter(({ choices }) => choices.length > 0)
      .map(
        (option) =>
          `        ${namesOf(option).join("|")}) COMPREPLY=($(compgen -W "${option.choices.join(" ")}" -- "$word")); return ;;`,
      );
    const options = command.options.flatMap(namesOf).join(" ");
    return [
      `    ${command.name})`,
      '      case "$before" in',
      ...values,
      "      esac",
      `      options="${options}"; words="${wordsOf(command).join(" ")}" ;;`,
    ].join("\n");
  });
  return `# ctrack completion bash > /etc/bash_completion.d/ctrack
_ctrack() {
  local word="\${COMP_WORDS[COMP_CWORD]}" before="\${COMP_WORDS[COMP_CWORD-1]}" command="\${COMP_WORDS[1]}" options="" words=""
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "${commands.map(({ name }) => name).join(" ")} --help --version" -- "$word") $(compgen -f -- "$word"))
    return
  fi
  case "$command" in
${cases.join("\n")}
    *) command=track; options="${(commands[0]?.options ?? []).flatMap(namesOf).join(" ")}" ;;
  esac
  if [[ "$word" == -* ]]; then COMPREPLY=($(compgen -W "$options" -- "$word"))
  elif [ -n "$words" ]; then COMPREPLY=($(compgen -W "$words" -- "$word"))
  else COMPREPLY=($(compgen -f -- "$word"))
  fi
}
complete -o filenames -F _ctrack ctrack
`;
}

/** Inside of '[…]' of _arguments. */
const zshText = (text: string) => text.replace(/'/g, "'\\''").replace(/[[\]:]/g, (char) => `\\${char}`);

function zsh(commands: readonly CommandReference[]): string {
  const cases = commands.map((command) => {
    const options = command.options.flatMap((option) => {
      const value =
        option.value === null
          ? ""
          : option.choices.length > 0
            ? `:${zshText(option.value)}:(${option.choices.join(" ")})`
            : `:${zshText(option.value)}:_files`;
      const often = option.description.includes("repeatable") ? "*" : "";
      return namesOf(option).map((name) => `        '${often}${name}[${zshText(option.description)}]${value}'`);
    });
    const words = wordsOf(command);
    const rest = words.length > 0 ? `'1:word:(${words.join(" ")})'` : "'*:file:_files'";
    return `      ${command.name}) _arguments \\\n${options.join(" \\\n")} \\\n        ${rest} ;;`;
  });
  const names = commands.map(({ name, description }) => `    '${name}:${zshText(description)}'`);
  return `#compdef ctrack
# ctrack completion zsh > "\${fpath[1]}/_ctrack"
_ctrack() {
  local -a commands=(
${names.join("\n")}
  )
  if (( CURRENT == 2 )); then
    _describe command commands
    _files
  else
    local command=$words[2]
    shift words; (( CURRENT-- ))
    case $command in
${cases.join("\n")}
      *) _files ;;
    esac
  fi
}
compdef _ctrack ctrack
`;
}

const fishText = (text: string) => `'${text.replace(/[\\']/g, (char) => `\\${char}`)}'`;

function fish(commands: readonly CommandReference[]): string {
  const lines = [
    "# ctrack completion fish > ~/.config/fish/completions/ctrack.fish",
    ...commands.map(
      ({ name, description }) => `complete -c ctrack -n __fish_use_subcommand -a ${name} -d ${fishText(description)}`,
    ),
  ];
  for (const command of commands) {
    const when = `-n '__fish_seen_subcommand_from ${command.name}'`;
    for (const { short, long, value, choices, description } of command.options) {
      const parts = [
        `complete -c ctrack ${when}`,
        ...(short === null ? [] : [`-s ${short.slice(1)}`]),
        `-l ${long.slice(2)}`,
        ...(value === null ? [] : [choices.length > 0 ? `-x -a ${fishText(choices.join(" "))}` : "-r"]),
        `-d ${fishText(description)}`,
      ];
      lines.push(parts.join(" "));
    }
    const words = wordsOf(command);
    if (words.length > 0) lines.push(`complete -c ctrack ${when} -f -a ${fishText(words.join(" "))}`);
  }
  return `${lines.join("\n")}\n`;
}
