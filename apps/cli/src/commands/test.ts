// `ctrack test`: files of expectations, for CI. cases/ reads, runs and reports them.
import { readFile } from "node:fs/promises";
import { type Command, Option } from "commander";
import { CaseError, readCases } from "../cases/file.js";
import { type Form, failures, REPORTS } from "../cases/report.js";
import { type Outcome, runCase } from "../cases/run.js";
import { EXIT_DONE, EXIT_FOUND, EXIT_INPUT, messageOf, UsageError } from "../exit.js";
import { note, Output } from "../output.js";

interface TestOptions {
  readonly output: Form;
}

export function addTest(program: Command): void {
  program
    .command("test")
    .description("check what a file of expectations says of packets; exit code 1 if one is not met")
    .argument("<files...>", "YAML files; docs/testing.md has the form")
    .addOption(
      new Option("-o, --output <form>", "text, tap, junit, json; github: annotations, then text")
        .choices(Object.keys(REPORTS))
        .default(process.env.GITHUB_ACTIONS === "true" ? "github" : "text", "text, github in its actions"),
    )
    .action(async (files: string[], options: TestOptions) => {
      process.exitCode = await test(files, options);
    });
}

async function test(files: readonly string[], options: TestOptions): Promise<number> {
  const outcomes: Outcome[] = [];
  for (const file of files) {
    let text: string;
    try {
      text = await readFile(file, "utf8");
    } catch (error) {
      note(`ctrack: ${file}: ${messageOf(error)}`);
      return EXIT_INPUT;
    }
    try {
      for (const one of readCases(text, file)) outcomes.push(...(await runCase(one, file)));
    } catch (error) {
      if (error instanceof CaseError) throw new UsageError(`${file}:${error.line}: ${error.message}`);
      throw error;
    }
  }
  const output = new Output();
  output.write(REPORTS[options.output](outcomes));
  await output.flush();
  return failures(outcomes) > 0 ? EXIT_FOUND : EXIT_DONE;
}
