// What the views share: the capture at hand, the packet looked at, and the address bar that says both.
import { compileFilter, LIKE_RULES, UsageError } from "ctrack/parts";
import { type Chunk, Columns } from "../worker/columns";
import {
  CANCELLED,
  DEFAULT_SETTINGS,
  type Loaded,
  NO_RULES,
  type RuleSettings,
  type Settings,
} from "../worker/messages";
import { Client } from "./client";
import { type Conn, collectConns } from "./conns";
import { Latest } from "./latest";
import { Row } from "./row";
import { settingsFrom, sharedSettings } from "./share";

export const VIEWS = ["packets", "why", "flows", "time", "machine", "rules", "compare", "lab"] as const;
export type View = (typeof VIEWS)[number];

/** Larger files are no rules. */
const RULES_MOST = 4 << 20;
/** How the fields of the rules' settings begin to be told apart: iptables-save, `ipset save`, `nfct list timeout`, or their commands. */
const LIKE = {
  text: LIKE_RULES,
  sets: /^(?:(?:sudo\s+)?ipset\s+)?create\s+\S+\s+(?:bitmap|hash|list):/m,
  timeoutPolicies: /^\.\S.* = \{\s*$|^(?:sudo\s+)?(?:nfct\s+)?(?:add\s+timeout|timeout\s+add)\s+\S+\s+inet6?\s/m,
} as const;
/** The field a text is for; null: it is like none. */
const fieldOf = (text: string) =>
  (["text", "sets", "timeoutPolicies"] as const).find((field) => LIKE[field].test(text)) ?? null;
/** What names of the other settings begin with in the address. */
const OTHER = "other-";
const FILTER_SLICE = 50_000;

class App {
  readonly client = new Client();
  columns = new Columns();
  /** Counts up with every change of the columns. */
  version = $state(0);
  view = $state<View>("packets");
  name = $state("");
  sample = $state<string | null>(null);
  settings = $state.raw<Settings>(DEFAULT_SETTINGS);
  /** What is compared with them; null until something is. */
  other = $state.raw<Settings | null>(null);
  /** The rules as they are being written. */
  draft = $state.raw<RuleSettings>(NO_RULES);
  loading = $state(false);
  /** 0 … 1, null when the size is not known. */
  share = $state<number | null>(0);
  count = $state(0);
  loaded = $state.raw<Loaded | null>(null);
  failure = $state<string | null>(null);
  /** Frame number of the packet looked at, 0 for none. */
  packet = $state(0);
  conn = $state(0);
  filter = $state("");
  filterError = $state<string | null>(null);
  /** Places of the packets the filter lets through; null: all. */
  matches = $state.raw<Uint32Array | null>(null);
  conns = $state.raw<readonly Conn[]>([]);
  #file: Blob | null = null;
  #filterRun = 0;
  /** Takes the packets of a run that replaces the one on show when it is done. */
  #behind: Columns | null = null;
  #retracks = new Latest<Settings>((settings) => this.#retrack(settings));
  /** What the worker is at beside reading, in a word; null for nothing. */
  work = $state<string | null>(null);
  /** A run behind the one on show is under way. */
  retracking = $state(false);

  constructor() {
    this.client.onchunk = (chunk: Chunk) => {
      if (this.#behind) return this.#behind.append(chunk);
      this.columns.append(chunk);
      this.count = this.columns.count;
      this.version++;
    };
    this.client.onprogress = (share) => {
      this.share = share;
    };
  }

  /** Says what is under way until it is done; null when it was cancelled. */
  async during<Answer>(work: string, answer: Promise<Answer>): Promise<Answer | null> {
    this.work = work;
    this.share = 0;
    try {
      return await answer;
    } catch (error) {
      if ((error as Error).message !== CANCELLED) throw error;
      return null;
    } finally {
      this.work = null;
    }
  }

  get hasCapture() {
    return this.#file !== null;
  }

  async openSample(name: string, packet = 0): Promise<void> {
    const response = await fetch(`samples/${name}.pcap`);
    if (!response.ok) {
      this.failure = `there is no sample "${name}"`;
      return;
    }
    const file = await response.blob();
    await this.open(file, `${name}.pcap`, packet, name);
  }

  async open(file: Blob, name: string, packet = 0, sample: string | null = null): Promise<void> {
    if (this.loading || this.retracking) return;
    this.#file = file;
    this.name = name;
    this.sample = sample;
    await this.#load(packet);
  }

  /** A capture, or rules, or what rules name. */
  async openFile(file: File): Promise<void> {
    const head = file.size < RULES_MOST ? await file.slice(0, 4096).text() : "";
    if (fieldOf(head) === null) return this.open(file, file.name);
    this.openRules(await file.text());
  }

  /** Rules into the editor, which runs them when they can be; sets and timeout policies into their fields. */
  openRules(text: string): void {
    this.draft = { ...this.draft, [fieldOf(text) ?? "text"]: text };
    this.show("rules");
  }

  /** The same capture with other settings. */
  async apply(settings: Settings): Promise<void> {
    this.settings = settings;
    this.draft = settings.rules;
    if (this.#file) await this.#load(this.packet);
  }

  /** The same as one types: what is on show stays until the new run is done, and a newer one cancels it. */
  retrack(settings: Settings): void {
    this.settings = settings;
    if (!this.#file) return;
    if (this.retracking) this.client.cancel();
    void this.#retracks.ask(settings);
  }

  async #retrack(settings: Settings): Promise<void> {
    const { packet } = this;
    const behind = new Columns();
    this.#behind = behind;
    this.retracking = true;
    try {
      const loaded = await this.client.call("load", { file: this.#file as Blob, settings });
      if (settings !== this.settings) return;
      behind.rules = loaded.rules ?? [];
      Object.assign(this, { columns: behind, count: behind.count, loaded, failure: loaded.failure, matches: null });
      this.version++;
      this.conns = collectConns(behind);
      this.select(Math.min(this.packet || packet, behind.count));
    } catch (error) {
      this.failure = (error as Error).message;
    } finally {
      this.#behind = null;
      this.retracking = false;
    }
    await this.applyFilter();
  }

  async #load(packet: number): Promise<void> {
    this.columns = new Columns();
    this.version++;
    Object.assign(this, {
      loading: true,
      share: 0,
      count: 0,
      loaded: null,
      failure: null,
      conns: [],
      conn: 0,
      packet: 0,
      matches: null,
    });
    try {
      this.loaded = await this.client.call("load", { file: this.#file as Blob, settings: this.settings });
      this.failure = this.loaded.failure;
      this.columns.rules = this.loaded.rules ?? [];
    } catch (error) {
      this.failure = (error as Error).message;
    }
    this.conns = collectConns(this.columns);
    this.loading = false;
    this.select(Math.min(packet || 1, this.columns.count));
    await this.applyFilter();
  }

  select(frame: number): void {
    this.packet = Math.max(0, Math.min(frame, this.columns.count));
    const conn = this.packet === 0 ? 0 : (this.columns.data.conn[this.packet - 1] as number);
    if (conn > 0) this.conn = conn;
    this.remember();
  }

  /** Why of a packet. */
  look(frame: number): void {
    this.select(frame);
    this.show("why");
  }

  show(view: View): void {
    this.view = view;
    this.remember();
  }

  async applyFilter(): Promise<void> {
    const run = ++this.#filterRun;
    const source = this.filter.trim();
    this.remember();
    if (source === "") {
      Object.assign(this, { filterError: null, matches: null });
      return;
    }
    try {
      const test = compileFilter(source);
      const { columns } = this;
      const row = new Row(columns);
      const found: number[] = [];
      for (let i = 0; i < columns.count; i++) {
        row.index = i;
        if (test(row.view)) found.push(i);
        if (i % FILTER_SLICE === FILTER_SLICE - 1) {
          await new Promise((resolve) => setTimeout(resolve));
          if (run !== this.#filterRun) return;
        }
      }
      Object.assign(this, { filterError: null, matches: Uint32Array.from(found) });
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      this.filterError = (error.message.split("\n")[0] ?? "").replace("--filter, ", "");
    }
  }

  /** The next (or previous) packet of a state after the one looked at, 0 when there is none. */
  nextOf(state: number, step: 1 | -1): number {
    const { decision } = this.columns.data;
    for (let i = this.packet - 1 + step; i >= 0 && i < this.columns.count; i += step) {
      if (((decision[i] as number) & 255) === state) return i + 1;
    }
    return 0;
  }

  /** The address bar names view, packet and filter; a capture only when it lies beside the app. */
  remember(): void {
    const parts = new URLSearchParams();
    if (this.sample) parts.set("sample", this.sample);
    parts.set("view", this.view);
    if (this.sample && this.packet > 1) parts.set("packet", String(this.packet));
    if (this.filter.trim()) parts.set("filter", this.filter.trim());
    for (const [name, value] of Object.entries(sharedSettings(this.settings))) parts.set(name, value);
    if (this.other)
      for (const [name, value] of Object.entries(sharedSettings(this.other))) parts.set(`${OTHER}${name}`, value);
    history.replaceState(null, "", `#${parts}`);
  }

  async restore(): Promise<void> {
    const parts = new URLSearchParams(location.hash.slice(1));
    const view = VIEWS.find((known) => known === parts.get("view"));
    if (view) this.view = view;
    this.filter = parts.get("filter") ?? "";
    this.settings = settingsFrom(parts);
    this.draft = this.settings.rules;
    const others = [...parts].filter(([name]) => name.startsWith(OTHER));
    if (others.length > 0)
      this.other = settingsFrom(new URLSearchParams(others.map(([name, value]) => [name.slice(OTHER.length), value])));
    const sample = parts.get("sample");
    if (sample && /^[a-z0-9-]+$/.test(sample)) await this.openSample(sample, Number(parts.get("packet")) || 0);
  }
}

export const app = new App();
