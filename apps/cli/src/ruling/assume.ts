// `--assume owner=yes`: what the user says of matches no capture decides, by the match or by the rule.
import { type Assume, type RuleRef, type Ruleset, vocabulary } from "conntrack-iptables";
import { UsageError } from "../exit.js";

interface Answer {
  readonly holds: boolean;
  readonly fits: (rule: RuleRef, match: string) => boolean;
  /** Of two that fit, the one about a rule counts. */
  readonly aboutRule: boolean;
}

/** What an interface test may be called. */
const INTERFACES = new Map([
  ["in", "in"],
  ["-i", "in"],
  ["out", "out"],
  ["-o", "out"],
]);

const FORM = "write MATCH=yes, MATCH=no, or for one rule line:7=yes, FORWARD:3=yes, mangle/FORWARD:3=no";

/** `usual` where nothing else is said. */
export function parseAssume(texts: readonly string[], usual: boolean): Assume {
  const answers = texts.map(parse).reverse();
  return (rule, match) => {
    const fitting = answers.filter(({ fits }) => fits(rule, match));
    return (fitting.find(({ aboutRule }) => aboutRule) ?? fitting[0])?.holds ?? usual;
  };
}

/** An answer about a rule that is not there would be no answer at all. */
export function checkAssume(texts: readonly string[], rulesets: readonly Ruleset[]): void {
  const refs = rulesets.flatMap(({ family, tables }) =>
    tables.flatMap(({ name, chains }) =>
      chains.flatMap((chain) =>
        chain.rules.map((rule, i): RuleRef => ({ family, table: name, chain, position: i + 1, rule })),
      ),
    ),
  );
  for (const text of texts) {
    const { aboutRule, fits } = parse(text);
    if (aboutRule && !refs.some((ref) => fits(ref, "")))
      throw new UsageError(`--assume ${text}: there is no such rule; ${FORM}`);
  }
}

function parse(text: string): Answer {
  const [, what = "", answer] = /^(.+)=(yes|no)$/.exec(text) ?? [];
  if (answer === undefined) throw new UsageError(`--assume ${text}: ${FORM}`);
  const holds = answer === "yes";
  const [, line] = /^line:(\d+)$/.exec(what) ?? [];
  if (line !== undefined) return { holds, aboutRule: true, fits: ({ rule }) => rule?.line === Number(line) };
  const [, table, chain, position] = /^(?:([a-z]+)\/)?([^/\s]+):(\d+)$/.exec(what) ?? [];
  if (chain !== undefined)
    return {
      holds,
      aboutRule: true,
      fits: (ref) => ref.table === (table ?? "filter") && ref.chain.name === chain && ref.position === Number(position),
    };
  const names = new Set([4, 6].flatMap((family) => Object.keys(vocabulary(family as 4 | 6).matches)));
  if (!names.has(what) && !INTERFACES.has(what))
    throw new UsageError(`--assume ${text}: there is no match "${what}"; ${FORM}`);
  return { holds, aboutRule: false, fits: (_, match) => match === (INTERFACES.get(what) ?? what) };
}
