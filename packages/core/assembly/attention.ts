// Something has to be done before the next packet: a reader to catch up, or the collector to run. The loop over a
// block looks at this one flag.

export let attention: bool = false;

export function setAttention(on: bool): void {
  attention = on;
}
