// The worker: answers the page's calls. Runs over the whole capture go one after the other; what is asked about a packet
// does not wait for them, but for the capture to be read; "cancel" is heard at any time.
import { transferOf } from "./gather";
import { Lab } from "./lab";
import type { CallName, Calls, FromWorker, ToWorker } from "./messages";
import { Session, type Watcher } from "./session";

const scope = self as unknown as DedicatedWorkerGlobalScope;
const post = (message: FromWorker, transfer: Transferable[] = []) => scope.postMessage(message, transfer);

const watcher: Watcher = {
  chunk: (chunk) => post({ kind: "chunk", chunk }, transferOf(chunk)),
  progress: (share, packets) => post({ kind: "progress", share, packets }),
};
let session: Session | null = null;
let lab: Lab | null = null;

function present<T>(value: T | null): T {
  if (value === null) throw new Error("there is nothing here yet: open a capture first");
  return value;
}

const handlers: { [Name in CallName]: (request: Calls[Name]["request"]) => Promise<Calls[Name]["answer"]> } = {
  load: async ({ file, settings }) => {
    session = new Session(file, settings);
    return session.load(watcher);
  },
  explain: ({ frame }) => present(session).explain(frame),
  table: ({ frame }) => present(session).table(frame),
  rerun: ({ settings }) => present(session).rerun(settings, watcher),
  export: async ({ form }) => (await import("./export")).exportAs(present(session), form, watcher),
  labReset: async ({ settings, max }) => {
    lab = await Lab.open(settings, max);
    return lab.result(null);
  },
  labSend: async ({ packet }) => present(lab).send(packet),
  labWait: async ({ seconds }) => present(lab).wait(seconds),
};

const ABOUT_PACKETS: readonly CallName[] = ["explain", "table"];
let queue = Promise.resolve();
let loading = queue;

scope.onmessage = ({ data }: MessageEvent<ToWorker>) => {
  if (data.call === "cancel") {
    session?.cancel();
    return;
  }
  const { call, id, request } = data;
  const answer = async () => {
    try {
      const value = await (handlers[call] as (request: unknown) => Promise<unknown>)(request);
      post({ kind: "answer", id, answer: value });
    } catch (error) {
      post({ kind: "error", id, message: (error as Error).message });
    }
  };
  if (ABOUT_PACKETS.includes(call)) {
    void loading.then(answer);
    return;
  }
  queue = queue.then(answer);
  if (call === "load") loading = queue;
};
