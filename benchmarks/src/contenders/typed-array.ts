// The best JavaScript does without wasm: an open-addressing table of (hash, slot) pairs over the records.
import { type Contender, STATE_INVALID, STATE_NONE, type Tracker } from "../tool.js";
import { Decoder, Pool, States } from "./simple.js";
