/** Bytes read at a time, into the engine's memory: small enough to be in the processor's cache when they are tracked. */
export const WINDOW = 1 << 19;
