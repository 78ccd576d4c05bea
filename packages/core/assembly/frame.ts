// The packet at hand, by its number.

/** From 1; 0 before the first packet. */
export let frame: u32 = 0;

// @ts-ignore: decorator
@inline
export function nextFrame(): void {
  ++frame;
}

export function setFrame(number: u32): void {
  frame = number;
}
