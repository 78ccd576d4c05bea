// The wrapper's suite in a browser.
import { describe } from "vitest";
import { engineSuite } from "./engine-suite.js";

const url = new URL("../dist/conntrack.wasm", import.meta.url);
describe("in a browser", () => engineSuite(async () => new Uint8Array(await (await fetch(url)).arrayBuffer()), url));
