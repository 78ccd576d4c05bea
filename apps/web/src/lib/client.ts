// The page's end of the worker: calls as promises.
import type { Chunk } from "../worker/columns";
import type { CallName, Calls, FromWorker } from "../worker/messages";

interface Waiting {
  resolve(answer: unknown): void;
  reject(error: Error): void;
}

export class Client {
  onchunk: (chunk: Chunk) => void = () => {};
  onprogress: (share: number | null, packets: number) => void = () => {};
  readonly #worker = new Worker(new URL("../worker/engine.worker.ts", import.meta.url), { type: "module" });
  readonly #waiting = new Map<number, Waiting>();
  #last = 0;

  constructor() {
    this.#worker.onmessage = ({ data }: MessageEvent<FromWorker>) => {
      switch (data.kind) {
        case "chunk":
          return this.onchunk(data.chunk);
        case "progress":
          return this.onprogress(data.share, data.packets);
        case "answer":
          this.#waiting.get(data.id)?.resolve(data.answer);
          break;
        case "error":
          this.#waiting.get(data.id)?.reject(new Error(data.message));
      }
      this.#waiting.delete(data.id);
    };
    this.#worker.onerror = ({ message }) => {
      for (const { reject } of this.#waiting.values()) reject(new Error(message || "the worker could not be started"));
      this.#waiting.clear();
    };
  }

  call<Name extends CallName>(call: Name, request: Calls[Name]["request"]): Promise<Calls[Name]["answer"]> {
    const id = ++this.#last;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve: resolve as (answer: unknown) => void, reject });
      this.#worker.postMessage({ call, id, request });
    });
  }

  cancel(): void {
    this.#worker.postMessage({ call: "cancel", id: 0 });
  }
}
