// What can be wrong with a capture, as one error class.

/**
 * - `empty`: no bytes at all
 * - `format`: not a capture, or one of a kind that is not read
 * - `cut`: the file ends inside a record; all packets before it were given out
 * - `corrupt`: a field has a value that cannot be
 * - `unsupported`: a valid capture that asks for something this reader does not do
 * - `compression`: the gzip or zstd data are damaged
 */
export type CaptureErrorCode = "empty" | "format" | "cut" | "corrupt" | "unsupported" | "compression";

/**
 * The one error a capture's content can cause. Everything that could be read was given out before it is thrown.
 *
 * `offset` is where the record begins that could not be read: in the capture itself (after decompression), or, when
 * the compressed layer is at fault (`layer` says so), in the compressed file.
 */
export class CaptureError extends Error {
  override readonly name = "CaptureError";

  constructor(
    readonly code: CaptureErrorCode,
    readonly offset: number,
    message: string,
    readonly layer: "capture" | "gzip" | "zstd" = "capture",
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** A number as it is written in format documents: `0xa1b2c3d4`. */
export function hex32(value: number): string {
  return `0x${value.toString(16).padStart(8, "0")}`;
}
