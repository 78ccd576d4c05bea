// What the worker says of the packet looked at: the answer about the latest one asked, and what went wrong.
import type { Calls } from "../worker/messages";
import { app } from "./app.svelte";
import { Latest } from "./latest";

export class OfPacket<Name extends "explain" | "table"> {
  answer = $state.raw<Calls[Name]["answer"] | null>(null);
  failure = $state<string | null>(null);
  readonly #latest = new Latest<number>(async (frame) => {
    try {
      this.answer = await app.client.call(this.call, { frame });
      this.failure = null;
    } catch (error) {
      this.failure = (error as Error).message;
    }
  });

  constructor(private readonly call: Name) {}

  ask(frame: number): void {
    void this.#latest.ask(frame);
  }

  forget(): void {
    this.answer = null;
    this.failure = null;
  }
}
