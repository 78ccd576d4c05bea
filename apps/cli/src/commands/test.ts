// `ctrack test`: files of expectations, for CI. cases/ reads, runs and reports them.
import { type Command, Option } from "commander";
import { CaseError, readCases } from "../cases/file.js";
import { type Form, failures, REPORTS } from "../cases/report.js";
import { type Outcome, runCase } from "../cases/run.js";
import { EXIT_DONE, EXIT_FOUND, EXIT_INPUT, messageOf, UsageError } from "../exit.js";
import { withJson } from "../options.js";
import { note, Output } from "../output.js";
import { readText } from "./rules.js";

interface TestOptions {
  readonly output: Form;
}

export function addTest(program: Command): void {
  const command = program
    .command("test")
    .description("check what a file of expectations says of packets; exit code 1 if one is not met")
    .argument("<files...>", "YAML files; docs/testing.md has the form; - is standard input")
    .addOption(
      new Option("-o, --output <form>", "text, tap, junit, json; github: annotations, then text")
        .choices(Object.keys(REPORTS))
        .default(process.env.GITHUB_ACTIONS === "true" ? "github" : "text", "text, github in its actions"),
    );
  withJson(command).action(async (files: string[], options: TestOptions) => {
    process.exitCode = await test(files, options);
  });
}

async function test(files: readonly string[], options: TestOptions): Promise<number> {
  const outcomes: Outcome[] = [];
  for (const file of files) {
    const name = file === "-" ? "standard input" : file;
    let text: string;
    try {
      text = await readText(file);
    } catch (error) {
      note(`ctrack: ${name}: ${messageOf(error)}`);
      return EXIT_INPUT;
    }
    try {
      for (const one of readCases(text, file)) outcomes.push(...(await runCase(one, name)));
    } catch (error) {
      if (error instanceof CaseError) throw new UsageError(`${name}:${error.line}:${error.column}: ${error.message}`);
      throw error;
    }
  }
  const output = new Output();
  output.write(REPORTS[options.output](outcomes));
  await output.flush();
  return failures(outcomes) > 0 ? EXIT_FOUND : EXIT_DONE;
}
