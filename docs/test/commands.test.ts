// Commands shown in the documents, with the output they show.
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));
const built = existsSync(`${root}/apps/cli/dist/main.js`);

interface Shown {
  readonly file: string;
  readonly command: string;
  readonly output: string;
}

function shown(file: string): Shown[] {
  const text = readFileSync(`${root}/docs/${file}`, "utf8");
  return [...text.matchAll(/^```console\n\$ npx ctrack (.*)\n([\s\S]*?)\n```$/gm)].map(
    ([, command = "", output = ""]) => ({ file, command, output }),
  );
}

const commands = readdirSync(`${root}/docs`)
  .filter((file) => file.endsWith(".md"))
  .flatMap(shown);

describe.skipIf(!built)(`commands in documents${built ? "" : " (the CLI is not built)"}`, () => {
  test.each(commands)("$file: ctrack $command", ({ command, output }) => {
    const real = execFileSync(process.execPath, ["apps/cli/bin/ctrack.js", ...command.split(" ")], {
      cwd: root,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
    });
    const lines = (text: string) =>
      text
        .trimEnd()
        .split("\n")
        .map((line) => line.trimEnd());
    expect(lines(real)).toEqual(lines(output));
  });
});

test("there are some", () => {
  expect(commands.length).toBeGreaterThan(0);
});
