// What the views share: the capture at hand, the packet looked at, and the address bar that says both.
import { compileFilter, UsageError } from "ctrack/parts";
import { type Chunk, Columns } from "../worker/columns";
import { DEFAULT_SETTINGS, type Loaded, type Settings } from "../worker/messages";
import { Client } from "./client";
import { type Conn, collectConns } from "./conns";
import { Row } from "./row";

export const VIEWS = ["packets", "why", "flows", "time", "machine", "compare", "lab"] as const;
export type View = (typeof VIEWS)[number];

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

  constructor() {
    this.client.onchunk = (chunk: Chunk) => {
      this.columns.append(chunk);
      this.count = this.columns.count;
      this.version++;
    };
    this.client.onprogress = (share) => {
      this.share = share;
    };
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
    if (this.loading) return;
    this.#file = file;
    this.name = name;
    this.sample = sample;
    await this.#load(packet);
  }

  /** The same capture with other settings. */
  async apply(settings: Settings): Promise<void> {
    this.settings = settings;
    if (this.#file) await this.#load(this.packet);
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
    history.replaceState(null, "", `#${parts}`);
  }

  async restore(): Promise<void> {
    const parts = new URLSearchParams(location.hash.slice(1));
    const view = VIEWS.find((known) => known === parts.get("view"));
    if (view) this.view = view;
    this.filter = parts.get("filter") ?? "";
    const sample = parts.get("sample");
    if (sample && /^[a-z0-9-]+$/.test(sample)) await this.openSample(sample, Number(parts.get("packet")) || 0);
  }
}

export const app = new App();
