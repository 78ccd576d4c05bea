// `ctrack completion` and `ctrack man`: what shells and man(1) want to know, from the commands themselves.
import { Argument, type Command } from "commander";
import { completionOf, SHELLS, type Shell } from "../completion.js";
import { EXAMPLES } from "../help.js";
import { manualPage } from "../man.js";
import { Output } from "../output.js";
import { referenceOf } from "../reference.js";
import { version } from "../version.js";

export function addCompletion(program: Command): void {
  program
    .command("completion")
    .description('completion for a shell, to be put where it looks: eval "$(ctrack completion bash)"')
    .addArgument(new Argument("<shell>", "the shell").choices(SHELLS))
    .action((shell: Shell) => print(completionOf[shell](referenceOf(program))));
  program
    .command("man")
    .description("the manual page: ctrack man | man -l -")
    .action(() =>
      print(
        manualPage(referenceOf(program), {
          version: version(),
          description: program.description(),
          examples: EXAMPLES,
        }),
      ),
    );
}

async function print(text: string): Promise<void> {
  const output = new Output();
  output.write(text);
  await output.flush();
}
