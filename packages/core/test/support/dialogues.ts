export * from "../../../conformance/src/dialogue.js";
