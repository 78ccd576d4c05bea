// What page and worker say to each other.
import type { Step } from "ctrack/parts";
import type { Chunk } from "./columns";

export interface Settings {
  readonly profile: "linux-6" | "linux-2.4";
  readonly sysctl: Readonly<Record<string, number>>;
  readonly checksum: "auto" | "verify" | "ignore";
}

export const DEFAULT_SETTINGS: Settings = { profile: "linux-6", sysctl: {}, checksum: "auto" };

export interface Loaded {
  readonly packets: number;
  /** Nanoseconds since the epoch of the first packet, and the engine's clock at the end. */
  readonly origin: bigint;
  readonly end: bigint;
  readonly entries: number;
  /** What could not be read; null when all was. */
  readonly failure: string | null;
  readonly remark: string | null;
  readonly cancelled: boolean;
  readonly milliseconds: number;
}

/** The table as it was right behind a packet. */
export interface TableAt {
  readonly frame: number;
  /** `/proc/net/nf_conntrack` */
  readonly lines: readonly string[];
  readonly conns: readonly number[];
}

export interface Explained {
  readonly frame: number;
  readonly title: string;
  readonly steps: readonly Step[];
  readonly json: string;
  /** The packet's record right behind it, as `/proc` shows it. */
  readonly record: string | null;
}

export interface LabResult {
  readonly lines: readonly string[];
  readonly records: readonly LabRecord[];
  readonly seconds: number;
  readonly decision: LabDecision | null;
}

export interface LabRecord {
  readonly conn: number;
  readonly protocol: string;
  readonly state: string | null;
  readonly status: readonly string[];
  readonly timeout: number;
  readonly master: number | null;
}

export interface LabDecision {
  readonly state: string | null;
  readonly direction: string | null;
  readonly reason: string | null;
  readonly conn: number | null;
  readonly change: string;
  readonly verdict: string;
}

/** Calls and what they answer. */
export interface Calls {
  load: { request: { file: Blob; settings: Settings }; answer: Loaded };
  explain: { request: { frame: number }; answer: Explained };
  table: { request: { frame: number }; answer: TableAt };
  /** Decisions and connections of another run, two words a packet as the engine gives them. */
  rerun: { request: { settings: Settings }; answer: { decisions: Uint32Array; entries: number } };
  export: { request: { form: ExportForm }; answer: Blob };
  labReset: { request: { settings: Settings; max?: number }; answer: LabResult };
  labSend: { request: { packet: Uint8Array }; answer: LabResult };
  labWait: { request: { seconds: number }; answer: LabResult };
}

export type ExportForm = "pcapng" | "json" | "csv" | "proc" | "conntrack";
export type CallName = keyof Calls;

export type ToWorker =
  | {
      readonly [Name in CallName]: {
        readonly call: Name;
        readonly id: number;
        readonly request: Calls[Name]["request"];
      };
    }[CallName]
  | { readonly call: "cancel"; readonly id: number };

export type FromWorker =
  | { readonly kind: "chunk"; readonly chunk: Chunk }
  | { readonly kind: "progress"; readonly share: number | null; readonly packets: number }
  | { readonly kind: "answer"; readonly id: number; readonly answer: unknown }
  | { readonly kind: "error"; readonly id: number; readonly message: string };
