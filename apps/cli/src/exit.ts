// How the program ends.

export const EXIT_DONE = 0;
/** A check or a test found what it looks for. */
export const EXIT_FOUND = 1;
export const EXIT_USAGE = 2;
/** Input could not be read, or output not written. */
export const EXIT_INPUT = 3;
/** 128 + SIGINT, as shells have it. */
export const EXIT_INTERRUPTED = 130;

/** Something on the command line is wrong; the message names it and the way out. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** What can go wrong without being a bug: its message is all a user needs. */
export function messageOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  switch (code) {
    case "ENOENT":
      return "no such file";
    case "EISDIR":
      return "is a directory; name a file";
    case "EACCES":
    case "EPERM":
      return "permission denied";
    default:
      return message;
  }
}
