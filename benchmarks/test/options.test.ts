import { expect, test } from "vitest";
import { OptionError, parseOptions } from "../src/options.js";

const QUESTIONS = ["established", "new-flows", "rules"];
const parse = (...args: string[]) => parseOptions(args, QUESTIONS);

test("nothing given: the short form of everything, as a table", () => {
  expect(parse()).toEqual({
    only: null,
    full: false,
    json: false,
    save: false,
    compare: false,
    runtimes: false,
    budget: 1500,
    against: null,
  });
});

test("flags and values, also with an equals sign", () => {
  expect(parse("--json", "--only", "rules", "--budget=100")).toMatchObject({ json: true, only: "rules", budget: 100 });
  expect(parse("--full", "--save", "--compare")).toMatchObject({ full: true, save: true, compare: true });
});

test.each([
  [["--fast"], /--fast is not known; there are --full/],
  [["established"], /established is not known/],
  [["--only", "nothing"], /--only nothing: .* there are established, new-flows, rules/],
  [["--only"], /--only wants a value/],
  [["--only", "--json"], /--only wants a value/],
  [["--budget", "soon"], /--budget soon: milliseconds/],
  [["--budget", "0"], /--budget 0: milliseconds/],
  [["--save", "--against", "old.wasm"], /--save keeps/],
  [["--runtimes", "--against", "old.wasm"], /--against compares within this runtime/],
])("%j names what is wrong", (args, message) => {
  expect(() => parse(...args)).toThrow(OptionError);
  expect(() => parse(...args)).toThrow(message);
});
