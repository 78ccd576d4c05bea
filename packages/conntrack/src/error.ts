/** What went wrong, for programs: stable codes. */
export type ConntrackErrorCode =
  | "bad-option"
  | "unknown-sysctl"
  | "unknown-helper"
  | "bad-sysctl-value"
  | "no-memory"
  | "no-wasm"
  | "engine-dead"
  | "bad-snapshot"
  | "bad-packet"
  | "event-ring-full";

/** An error with a code; the message names what was given and the way out. */
export class ConntrackError extends Error {
  readonly code: ConntrackErrorCode;
  constructor(code: ConntrackErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "ConntrackError";
    this.code = code;
  }
}
