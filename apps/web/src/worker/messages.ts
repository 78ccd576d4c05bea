// What page and worker say to each other.
import type { HelperHint } from "conntrack-wasm";
import type { Step } from "ctrack/parts";
import type { Chunk } from "./columns";

export interface Settings {
  readonly profile: "linux-6" | "linux-2.4";
  readonly sysctl: Readonly<Record<string, number>>;
  readonly checksum: "auto" | "verify" | "ignore";
  /** `ftp`, or `ftp:2121` for another port. */
  readonly helpers: readonly string[];
  readonly rules: RuleSettings;
}

export interface RuleSettings {
  /** As `iptables-save` prints them; "" for none. */
  readonly text: string;
  /** The firewall's place, blanks between: `wan=203.0.113.1/24 lan=192.168.1.1/24`. */
  readonly interfaces: string;
  /** Where every packet passes; "" follows from the place. */
  readonly hook: "" | "INPUT" | "FORWARD" | "OUTPUT";
  /** As `ipset save` prints them; "": rules may name any set, and it cannot be decided what is in it. */
  readonly sets: string;
  /** As `nfct list timeout` prints them. */
  readonly timeoutPolicies: string;
}

export const NO_RULES: RuleSettings = { text: "", interfaces: "", hook: "", sets: "", timeoutPolicies: "" };
export const DEFAULT_SETTINGS: Settings = {
  profile: "linux-6",
  sysctl: {},
  checksum: "auto",
  helpers: [],
  rules: NO_RULES,
};

/** A rule or a policy, and what it counted. */
export interface RuleRow {
  readonly table: string;
  readonly chain: string;
  /** Place in the chain, 0 for its policy. */
  readonly position: number;
  /** Line of the text, 0 for a policy. */
  readonly line: number;
  readonly text: string;
  readonly packets: number;
  readonly bytes: number;
  /** Matches no capture can decide. */
  readonly undecided: readonly string[];
  /** The chain a packet goes to that it matches, and whether it comes back. */
  readonly to: { readonly chain: string; readonly back: boolean } | null;
}

/** A rule a packet was asked by. */
export interface Asked {
  /** Its number; 0: the end of a chain of the user. */
  readonly rule: number;
  readonly matched: boolean;
  readonly undecided: boolean;
}

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
  /** By the numbers of the rule column; null without rules. */
  readonly rules: RuleRows | null;
  /** The interfaces the capture names, where they are the firewall's. */
  readonly named: readonly string[];
  /** Connections that would have been RELATED, if a helper had been assigned. */
  readonly foreseen: readonly HelperHint[];
}

export type RuleRows = readonly (RuleRow | null)[];

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
  /** The rules it was asked by, in order. */
  readonly way: readonly Asked[];
  /** The first line of its payload, of text protocols. */
  readonly says: string | null;
  /** The packet that announced its connection. */
  readonly announced: Announced | null;
  /** A helper that would have made its connection RELATED. */
  readonly foreseen: HelperHint | null;
}

export interface Announced {
  readonly frame: number;
  /** The first line of its payload; null when that is no text. */
  readonly says: string | null;
}

export interface LabResult {
  readonly lines: readonly string[];
  readonly records: readonly LabRecord[];
  /** `/proc/net/nf_conntrack_expect` */
  readonly expected: readonly string[];
  readonly seconds: number;
  readonly decision: LabDecision | null;
}

export interface LabRecord {
  readonly conn: number;
  readonly protocol: string;
  readonly state: string | null;
  readonly status: readonly string[];
  readonly timeout: number;
  readonly helper: string | null;
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

/** The message of the error of a run that was cancelled. */
export const CANCELLED = "cancelled";

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
