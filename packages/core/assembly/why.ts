// Why a packet got the state it got: the reason and the numbers that go with it, of the packet at hand.
// Which number means what: conntrack/src/reason.ts, in the same order.
export let reason: u32 = 0;
export const NUMBERS: usize = memory.data(40, 8);

// @ts-ignore: decorator
@inline
export function clearReason(): void {
  reason = 0;
}

export function because(code: u32, n0: u32 = 0, n1: u32 = 0, n2: u32 = 0, n3: u32 = 0): void {
  reason = code;
  memory.fill(NUMBERS, 0, 40);
  store<u32>(NUMBERS, n0);
  store<u32>(NUMBERS, n1, 4);
  store<u32>(NUMBERS, n2, 8);
  store<u32>(NUMBERS, n3, 12);
}

/** The numbers of a window decision: packet, sender and receiver. */
export function becauseWindow(
  code: u32, bound: u32, seq: u32, ack: u32, end: u32, window: u32, senderEnd: u32, senderMaxEnd: u32, senderMaxWin: u32,
  receiverEnd: u32, receiverMaxWin: u32,
): void {
  because(code, bound, seq, ack, end);
  store<u32>(NUMBERS, window, 16);
  store<u32>(NUMBERS, senderEnd, 20);
  store<u32>(NUMBERS, senderMaxEnd, 24);
  store<u32>(NUMBERS, senderMaxWin, 28);
  store<u32>(NUMBERS, receiverEnd, 32);
  store<u32>(NUMBERS, receiverMaxWin, 36);
}
