// What `npm run bench -- …` is asked for.

export interface Options {
  /** Questions with this in their name. */
  readonly only: string | null;
  readonly full: boolean;
  readonly json: boolean;
  readonly save: boolean;
  readonly compare: boolean;
  /** The portable questions in every runtime there is. */
  readonly runtimes: boolean;
  /** Milliseconds for one paired run. */
  readonly budget: number;
  /** Another conntrack.wasm to be measured beside ours. */
  readonly against: string | null;
}

export class OptionError extends Error {
  override readonly name = "OptionError";
}

const FLAGS = ["--full", "--json", "--save", "--compare", "--runtimes"];
const VALUES = ["--only", "--budget", "--against"];
const BUDGET = 1_500;

/** Reads the arguments; throws an OptionError that names the one it cannot use. */
export function parseOptions(args: readonly string[], questions: readonly string[]): Options {
  const given = new Map<string, string>();
  for (let i = 0; i < args.length; i++) {
    const [name = "", value] = (args[i] as string).split(/=(.*)/s);
    if (FLAGS.includes(name) && value === undefined) given.set(name, "");
    else if (VALUES.includes(name)) given.set(name, takeValue(name, value ?? args[++i]));
    else throw new OptionError(`${args[i]} is not known; there are ${[...FLAGS, ...VALUES].join(", ")}`);
  }
  const budget = Number(given.get("--budget") ?? BUDGET);
  if (!(budget > 0)) throw new OptionError(`--budget ${given.get("--budget")}: milliseconds for one run are wanted`);
  const only = given.get("--only") ?? null;
  if (only !== null && !questions.some((name) => name.includes(only))) {
    throw new OptionError(`--only ${only}: no question has that in its name; there are ${questions.join(", ")}`);
  }
  const against = given.get("--against") ?? null;
  if (against !== null && given.has("--save")) {
    throw new OptionError("--save keeps what the contenders took; with --against there is only another build");
  }
  if (against !== null && given.has("--runtimes")) {
    throw new OptionError("--against compares within this runtime; leave out --runtimes");
  }
  return {
    only,
    budget,
    against,
    full: given.has("--full"),
    json: given.has("--json"),
    save: given.has("--save"),
    compare: given.has("--compare"),
    runtimes: given.has("--runtimes"),
  };
}

function takeValue(name: string, value: string | undefined): string {
  if (value === undefined || value.startsWith("--")) throw new OptionError(`${name} wants a value`);
  return value;
}
