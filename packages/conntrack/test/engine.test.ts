// The wrapper's suite in Node.
import { readFile } from "node:fs/promises";
import { describe } from "vitest";
import { engineSuite } from "./engine-suite.js";

const url = new URL("../dist/conntrack.wasm", import.meta.url);
describe("in Node", () => engineSuite(async () => new Uint8Array(await readFile(url)), url));
