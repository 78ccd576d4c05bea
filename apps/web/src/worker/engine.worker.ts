// The worker: answers the page's calls, one after the other; only "cancel" is heard in between.
import { transferOf } from "./gather";
import { Lab } from "./lab";
import type { CallName, Calls, FromWorker, ToWorker } from "./messages";
import { Session } from "./session";

const scope = self as unknown as DedicatedWorkerGlobalScope;
const post = (message: FromWorker, transfer: Transferable[] = []) => scope.postMessage(message, transfer);

let session: Session | null = null;
let lab: Lab | null = null;

function present<T>(value: T | null): T {
  if (value === null) throw new Error("there is nothing here yet: open a capture first");
  return value;
}

const handlers: { [Name in CallName]: (request: Calls[Name]["request"]) => Promise<Calls[Name]["answer"]> } = {
  load: async ({ file, settings }) => {
    session = new Session(file, settings);
    return session.load({
      chunk: (chunk) => post({ kind: "chunk", chunk }, transferOf(chunk)),
      progress: (share, packets) => post({ kind: "progress", share, packets }),
    });
  },
  explain: ({ frame }) => present(session).explain(frame),
  table: ({ frame }) => present(session).table(frame),
  rerun: ({ settings }) => present(session).rerun(settings),
  export: async ({ form }) => (await import("./export")).exportAs(present(session), form),
  labReset: async ({ settings, max }) => {
    lab = await Lab.open(settings, max);
    return lab.result(null);
  },
  labSend: async ({ packet }) => present(lab).send(packet),
  labWait: async ({ seconds }) => present(lab).wait(seconds),
};

let queue = Promise.resolve();

scope.onmessage = ({ data }: MessageEvent<ToWorker>) => {
  if (data.call === "cancel") {
    if (session) session.cancelled = true;
    return;
  }
  const { call, id, request } = data;
  queue = queue.then(async () => {
    try {
      const answer = await (handlers[call] as (request: unknown) => Promise<unknown>)(request);
      post({ kind: "answer", id, answer });
    } catch (error) {
      post({ kind: "error", id, message: (error as Error).message });
    }
  });
};
