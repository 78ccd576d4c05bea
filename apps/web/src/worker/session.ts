// One capture in the worker: tracked once from front to back, with snapshots on the way, so that any moment can be
// brought back by replaying a few packets.
import { openCapture, type PacketBlock } from "conntrack-capture";
import type { Program } from "conntrack-iptables";
import { Conntrack, formatProc, type HelperHint, Hindsight, program as P, REASONS, type Results } from "conntrack-wasm";
import {
  estimateOffload,
  explainPacket,
  Headers,
  interfaceNames,
  JsonLines,
  notExpectedText,
  numberInterfaces,
  OFFLOAD_SAMPLE,
  offloadRemark,
  oneLine,
  openingOf,
  PacketView,
  singles,
} from "ctrack/parts";
import { interfaceNames as declaredNames } from "../lib/interfaces";
import type { Chunk } from "./columns";
import { Gatherer } from "./gather";
import {
  type Asked,
  CANCELLED,
  type Explained,
  type Loaded,
  type RuleRows,
  type RuleSettings,
  type Settings,
  type TableAt,
} from "./messages";
import { type Ruling, ruleStep, rulingOf, withRule } from "./rule-text";
import { saidBy } from "./said";
import { openEngine, programOf } from "./setup";

interface Checkpoint {
  /** Packets tracked before it. */
  readonly frame: number;
  readonly bytes: Uint8Array;
  /** The rules with their counters, and what they remember. */
  readonly program: Uint8Array;
  /** Where its next block begins in the file. */
  readonly offset: number;
}

/** An engine, the packets it has seen, and where the next one begins in the file. */
interface Place {
  readonly engine: Conntrack;
  frame: number;
  offset: number;
}

/** A packet as a replay meets it. */
interface Seen {
  readonly packet: PacketView;
  readonly json: string;
  readonly rule: number;
  readonly says: string | null;
}

/** Small enough to be stopped between two. */
const BLOCK = 1 << 20;
const CHECKPOINT_BYTES = 96 << 20;
const IP_CHECKSUM = REASONS.find(({ name }) => name === "ip-checksum")?.code ?? -1;
const PCAP_FILE_HEADER = 24;

export interface Watcher {
  chunk(chunk: Chunk): void;
  progress(share: number | null, packets: number): void;
}

export class Session {
  #cancelled = false;
  origin = 0n;
  packets = 0;
  ignoring = false;
  program: Program | null = null;
  /** The packet that opened each connection. */
  readonly #opened = new Map<number, number>();
  #isOffloaded: Promise<boolean> | null = null;
  /** What the capture calls its interfaces. */
  #named: Promise<readonly string[]> | null = null;
  /** The firewall's interfaces, by number from 1. */
  #interfaces: readonly string[] = [];
  #hindsight: Hindsight | null = null;
  readonly #foreseen: HelperHint[] = [];
  #checkpoints: Checkpoint[] = [];
  /** Where the last replay stands: the next one is often a packet further. */
  #last: Place | null = null;
  #interval = 16_384;
  #seekable = false;

  constructor(
    readonly file: Blob,
    readonly settings: Settings,
  ) {}

  /** Ends the run that is under way, whichever it is. */
  cancel(): void {
    this.#cancelled = true;
  }

  get ruling(): Ruling | null {
    return rulingOf(this.program, this.#interfaces);
  }

  async load(watcher: Watcher): Promise<Loaded> {
    const start = performance.now();
    let failure: string | null = null;
    let badHeaders = 0;
    const gatherer = new Gatherer();
    let engine: Conntrack | null = null;
    try {
      this.ignoring = await this.#ignores(this.settings);
      const rules = await this.#placed(this.settings.rules);
      this.#interfaces = declaredNames(rules.interfaces);
      this.program = await programOf(rules);
      engine = await openEngine(this.settings, this.ignoring, this.program);
      // a second engine sees what other helpers would have announced
      if (engine.sysctl("nf_conntrack_helper") === 0)
        this.#hindsight = new Hindsight(await openEngine(this.settings, this.ignoring, this.program));
      const capture = await openCapture(this.file);
      this.#seekable = capture.format === "pcap" && capture.compression === "none";
      for await (const block of capture.blocks({ maxBytes: BLOCK })) {
        if (this.#cancelled) break;
        this.#checkpoint(engine, block.offset);
        numberInterfaces(block, capture.interfaces, this.#interfaces);
        this.#hindsight?.follow(block);
        const headers = new Headers(block);
        for (const results of engine.trackBlock(block)) {
          if (results.count === 0) {
            await breathe(); // entries end in numbers, and more of them with the next part
            continue;
          }
          const chunk = gatherer.chunk(results, headers);
          this.#foreseen.push(...(this.#hindsight?.hints(results) ?? []));
          for (let i = 0; i < results.count; i++) {
            const conn = results.conn(i);
            if (conn > 0 && !this.#opened.has(conn)) this.#opened.set(conn, results.firstFrame + i);
            if (results.reasonCode(i) === IP_CHECKSUM) badHeaders++;
          }
          this.packets += results.count;
          watcher.chunk(chunk);
        }
        const read = block.offset + block.bytes.length;
        watcher.progress(capture.compression === "none" ? read / this.file.size : null, this.packets);
        await breathe();
      }
      if (this.#cancelled) await capture.close();
    } catch (error) {
      failure = (error as Error).message;
    }
    this.origin = gatherer.origin;
    const totals = engine?.totals();
    return {
      packets: this.packets,
      origin: this.origin,
      end: engine?.now ?? 0n,
      entries: engine?.entries ?? 0,
      failure,
      remark: totals
        ? offloadRemark(totals.checksumsVerified + badHeaders, totals.badChecksums + badHeaders, this.ignoring)
        : null,
      cancelled: this.#cancelled,
      milliseconds: performance.now() - start,
      rules: engine ? await this.rules(engine) : null,
      named: (await this.#named) ?? [],
      foreseen: this.#foreseen,
    };
  }

  // Without a word about the box, what the capture calls its interfaces is all there is to know.
  async #placed(rules: RuleSettings): Promise<RuleSettings> {
    if (rules.text.trim() === "" || rules.interfaces.trim() !== "") return rules;
    this.#named ??= this.#namesInCapture();
    return { ...rules, interfaces: (await this.#named).join(" ") };
  }

  // A pcapng file describes its interfaces before its first packets.
  async #namesInCapture(): Promise<readonly string[]> {
    const capture = await openCapture(this.file);
    try {
      for await (const _ of capture.packets()) break;
    } catch {
      // the same error comes up again where it is told
    }
    await capture.close();
    return interfaceNames(capture.interfaces);
  }

  async #ignores({ checksum }: Settings): Promise<boolean> {
    if (checksum !== "auto") return checksum === "ignore";
    this.#isOffloaded ??= this.#offloaded();
    return this.#isOffloaded;
  }

  // Looks at the first packets, as `--checksum auto` of the command does.
  async #offloaded(): Promise<boolean> {
    const capture = await openCapture(this.file);
    const sample: PacketBlock[] = [];
    let packets = 0;
    try {
      for await (const block of capture.blocks()) {
        sample.push({ ...block, bytes: block.bytes.slice() });
        packets += block.count;
        if (packets >= OFFLOAD_SAMPLE) break;
      }
    } catch {
      // the same error comes up again where it is told
    }
    await capture.close();
    return estimateOffload(sample);
  }

  // Snapshots get rarer the longer the capture and the larger the table.
  #checkpoint(engine: Conntrack, offset: number): void {
    const last = this.#checkpoints.at(-1);
    if (last !== undefined && this.packets - last.frame < this.#interval) return;
    const program = engine.programBytes.slice();
    this.#checkpoints.push({ frame: this.packets, bytes: engine.snapshot(), program, offset });
    const size = this.#checkpoints.reduce((sum, { bytes, program }) => sum + bytes.length + program.length, 0);
    if (size < CHECKPOINT_BYTES) return;
    this.#interval *= 2;
    this.#checkpoints = this.#checkpoints.filter((_, i) => i % 2 === 0);
  }

  /** A place to replay from, nearest before packet `frame`: the one of the last replay, or a checkpoint. */
  async #placeBefore(frame: number): Promise<Place> {
    const from = this.#checkpoints.findLast((checkpoint) => checkpoint.frame < Math.max(1, frame));
    if (from === undefined) throw new Error("nothing could be read of this capture");
    const last = this.#last;
    this.#last = null;
    if (last !== null && last.frame < frame && last.frame >= from.frame) return last;
    const engine = await Conntrack.restore(from.bytes, { programSize: from.program.length });
    if (from.program.length > 0) engine.loadProgram(from.program);
    return { engine, frame: from.frame, offset: from.offset };
  }

  /** Moves a place right behind packet `frame`; `see` meets that packet. */
  async #replay(place: Place, frame: number, see?: (seen: Seen) => void): Promise<void> {
    const { engine } = place;
    engine.traceRules(see !== undefined);
    // a pcap file can be read from any record on; other forms are read again from their beginning
    const direct = this.#seekable && place.offset > PCAP_FILE_HEADER;
    const source = direct ? new Blob([this.file.slice(0, PCAP_FILE_HEADER), this.file.slice(place.offset)]) : this.file;
    const moved = direct ? place.offset - PCAP_FILE_HEADER : 0;
    let skip = direct ? 0 : place.frame;
    const capture = await openCapture(source);
    for await (const block of place.frame < frame ? capture.blocks() : []) {
      if (skip >= block.count) {
        skip -= block.count;
        continue;
      }
      const { block: cut, end } = part(block, skip, frame - place.frame);
      numberInterfaces(cut, capture.interfaces, this.#interfaces);
      skip = 0;
      const headers = new Headers(cut);
      for (const results of engine.trackBlock(cut)) {
        for (let i = 0; i < results.count; i++) {
          headers.advance();
          place.frame++;
          if (place.frame !== frame || see === undefined) continue;
          const packet = new PacketView();
          packet.read(results, headers, i);
          const json = withRule(new JsonLines().line(results, headers, i), this.ruling, engine, results.rule(i));
          see({ packet, json, rule: results.rule(i), says: saidBy(headers, packet.trace) });
        }
      }
      place.offset = moved + block.offset + end;
      if (place.frame >= frame) break;
    }
    await capture.close();
  }

  /** What the numbers of the rule column stand for, with the counters of an engine. */
  async rules(engine: Conntrack): Promise<RuleRows | null> {
    return this.program && (await import("../lib/rules")).ruleRows(this.program, engine.programBytes);
  }

  async table(frame: number): Promise<TableAt> {
    const place = await this.#placeBefore(frame);
    await this.#replay(place, frame);
    const flows = place.engine.flows();
    this.#last = place;
    return { frame, lines: flows.map((flow) => formatProc(flow)), conns: flows.map(({ conn }) => conn) };
  }

  async explain(frame: number): Promise<Explained> {
    const { place, seen } = await this.#seen(frame);
    const { engine } = place;
    const { packet, json, rule } = seen;
    const earlier = async (other: number | null): Promise<Seen | null> =>
      other === null || other === frame ? null : (await this.#seen(other)).seen;
    const described = (other: Seen | null) => other && oneLine(other.packet, this.origin);
    const announcer = await earlier(packet.trace.announced);
    const opener = packet.entry === null ? undefined : this.#opened.get(packet.entry);
    const openedBy = (conn: number) => this.#opened.get(conn) ?? null;
    const steps = explainPacket({
      packet,
      engine,
      origin: this.origin,
      openedBy,
      cause: described(await earlier(packet.trace.cause)),
      announcement: described(announcer),
      foreseen: null,
      notExpected:
        this.#hindsight
          ?.notExpected(openingOf(packet))
          .filter(({ why }) => why !== "no-helper")
          .map(notExpectedText) ?? [],
    });
    const step = this.ruling && ruleStep(this.ruling, engine, rule);
    if (step) {
      const before = steps.findIndex(({ step: name }) => name === "Outcome");
      steps.splice(before, 0, step);
    }
    const flow = packet.entry === null ? undefined : engine.flow(packet.entry);
    this.#last = place;
    return {
      frame,
      title: oneLine(packet, this.origin),
      steps,
      json,
      record: flow ? formatProc(flow) : null,
      way: Array.from(engine.ruleTrace(), asked),
      says: seen.says,
      announced: announcer && { frame: announcer.packet.frame, says: announcer.says },
      foreseen: this.#foreseen.find((hint) => hint.frame === opener) ?? null,
    };
  }

  /** A packet and the engine right behind it. */
  async #seen(frame: number): Promise<{ place: Place; seen: Seen }> {
    const found: Seen[] = [];
    const place = await this.#placeBefore(frame);
    await this.#replay(place, frame, (seen) => void found.push(seen));
    const [seen] = found;
    if (seen === undefined) throw new Error(`there is no packet ${frame}`);
    return { place, seen };
  }

  /** The whole capture once more, with other settings. */
  async rerun(settings: Settings, watcher: Watcher): Promise<{ decisions: Uint32Array; entries: number }> {
    const rules = await this.#placed(settings.rules);
    const engine = await openEngine(settings, await this.#ignores(settings), await programOf(rules));
    const decisions = new Uint32Array(2 * this.packets);
    const keep = (results: Results) => decisions.set(results.words, 2 * (results.firstFrame - 1));
    await this.each(engine, keep, watcher, { interfaces: declaredNames(rules.interfaces) });
    return { decisions, entries: engine.entries };
  }

  /** All packets that can be read, through an engine; `one`: packet by packet, for what the engine knows of the last one. Throws CANCELLED when it is stopped. */
  async each(
    engine: Conntrack,
    see: (results: Results, headers: Headers) => void | Promise<void>,
    watcher: Watcher,
    { one = false, interfaces = this.#interfaces }: { one?: boolean; interfaces?: readonly string[] } = {},
  ): Promise<void> {
    this.#cancelled = false;
    const capture = await openCapture(this.file);
    let left = this.packets;
    try {
      for await (const block of capture.blocks({ maxBytes: BLOCK })) {
        if (this.#cancelled) throw new Error(CANCELLED);
        const { block: cut } = part(block, 0, left);
        numberInterfaces(cut, capture.interfaces, interfaces);
        for (const piece of one ? singles(cut) : [cut]) {
          const headers = new Headers(piece);
          for (const results of engine.trackBlock(piece)) {
            left -= results.count;
            await see(results, headers);
          }
        }
        watcher.progress(1 - left / this.packets, this.packets - left);
        await breathe();
        if (left <= 0) break;
      }
    } catch (error) {
      if (left > 0) throw error;
    } finally {
      await capture.close();
    }
  }
}

function asked(word: number): Asked {
  return {
    rule: word & ~(P.TRACE_RULE_MATCHED | P.TRACE_RULE_UNDECIDED),
    matched: (word & P.TRACE_RULE_MATCHED) !== 0,
    undecided: (word & P.TRACE_RULE_UNDECIDED) !== 0,
  };
}

/** `count` packets of a block, from number `from` (0-based) on, and where in the block they end. */
function part(block: PacketBlock, from: number, count: number): { block: PacketBlock; end: number } {
  if (from === 0 && count >= block.count) return { block, end: block.bytes.length };
  const headers = new Headers(block);
  let start = 0;
  for (let i = 0; i < from && headers.advance(); i++) start = headers.next;
  let end = start;
  let kept = 0;
  while (kept < count && headers.advance()) {
    kept++;
    end = headers.next;
  }
  return { block: { ...block, bytes: block.bytes.subarray(start, end), count: kept }, end };
}

/** Lets messages in, such as "cancel". */
function breathe(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
}
