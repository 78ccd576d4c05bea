// What a pool and its workers say to each other, and the two kinds of workers: those of Node (worker_threads; also Bun
// and Deno) and those of the web.
import type { OpenOptions, PacketBlock } from "./engine.js";
import type { ConntrackErrorCode } from "./error.js";

/** Packets of one block, at most. */
export const MAX_PACKETS = 65536;
/** The traces follow the result words, on a page of their own. */
export const TRACES_AT = MAX_PACKETS * 8;

/**
 * Where a copy of bytes at `offset` begins: as far from a multiple of 8 as they do. Copies from and to shared memory go byte by byte
 * otherwise, in V8. Packet records lie at multiples of 8.
 */
export function placeFor(framing: PacketBlock["framing"], offset: number): number {
  return framing === "pcap" ? offset & 7 : 0;
}

/** Beside the owner of a packet. */
export const OPENED = 0x80;

/** What a worker says of a block. */
export interface Tracked {
  readonly count: number;
  /** Connections of other shards it follows from here on: place of the packet in the block, number in this shard; … */
  readonly copies: readonly number[];
}

/** A question to a worker; `id` comes back with the answer. */
export type ToWorker = { readonly id: number } & (
  | {
      readonly kind: "open";
      readonly module: WebAssembly.Module;
      readonly options: Omit<OpenOptions, "wasm" | "shard">;
      readonly program: Uint8Array | undefined;
      readonly shard: number;
      readonly shards: number;
      /** Packets each shard is done with, then whether one has failed. */
      readonly progress: SharedArrayBuffer;
    }
  | {
      readonly kind: "slot";
      readonly slot: number;
      /** Result words, and from TRACES_AT on traces if wanted. */
      readonly memory: SharedArrayBuffer;
      readonly traced: boolean;
      /** The shard of each packet, a byte each, with OPENED when it opens a connection. */
      readonly owners: SharedArrayBuffer;
    }
  | { readonly kind: "input"; readonly slot: number; readonly input: SharedArrayBuffer }
  | {
      readonly kind: "track";
      readonly block: Omit<PacketBlock, "bytes">;
      readonly slot: number;
      /** Where the records lie in the input of the slot. */
      readonly start: number;
      readonly length: number;
    }
  | { readonly kind: "sysctl"; readonly name: string; readonly value: number }
  | { readonly kind: "advance"; readonly time: bigint }
  | { readonly kind: "report"; readonly flows: boolean }
);

export type FromWorker = { readonly id: number } & (
  | { readonly value: unknown }
  | { readonly error: { code: ConntrackErrorCode; text: string } }
);

export interface WorkerHandle {
  post(message: ToWorker): void;
  listen(onMessage: (message: FromWorker) => void, onError: (error: unknown) => void): void;
  close(): Promise<void>;
}

// a computed name keeps bundlers for the browser from following it
const threads = "node:worker_threads";
const isNode = typeof process !== "undefined" && process.versions?.node !== undefined;

/** Starts a worker. */
export async function startWorker(url: URL): Promise<WorkerHandle> {
  if (isNode) {
    const { Worker } = (await import(/* @vite-ignore */ threads)) as typeof import("node:worker_threads");
    const worker = new Worker(url);
    // an idle pool keeps no process alive, one that owes an answer does
    let owed = 0;
    worker.unref();
    return {
      post(message) {
        if (owed++ === 0) worker.ref();
        worker.postMessage(message);
      },
      listen(onMessage, onError) {
        worker.on("message", (message: FromWorker) => {
          if (--owed === 0) worker.unref();
          onMessage(message);
        });
        worker.on("error", onError);
      },
      close: async () => void (await worker.terminate()),
    };
  }
  const worker = new Worker(url, { type: "module" });
  return {
    post: (message) => worker.postMessage(message),
    listen(onMessage, onError) {
      worker.onmessage = ({ data }: MessageEvent<FromWorker>) => onMessage(data);
      worker.onerror = (event) => onError(event.error ?? new Error(event.message));
    },
    close: async () => worker.terminate(),
  };
}

/** The other end, within the worker. */
export async function openPort(): Promise<{
  post(message: FromWorker): void;
  listen(onMessage: (message: ToWorker) => void): void;
}> {
  if (isNode) {
    const { parentPort } = (await import(/* @vite-ignore */ threads)) as typeof import("node:worker_threads");
    if (parentPort === null) throw new Error("pool-worker is a worker of ConntrackPool");
    return {
      post: (message) => parentPort.postMessage(message),
      listen: (onMessage) => void parentPort.on("message", onMessage),
    };
  }
  return {
    post: (message) => globalThis.postMessage(message),
    listen(onMessage) {
      globalThis.onmessage = ({ data }: MessageEvent<ToWorker>) => onMessage(data);
    },
  };
}
