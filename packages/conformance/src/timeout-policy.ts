// Timeout policies as `nfct timeout add` makes them: the netlink message, for kernels where the program is missing.

/** Seconds by name of the state, in the order of the kernel's attributes (`CTA_TIMEOUT_TCP_SYN_SENT`, …). */
export interface TimeoutPolicy {
  readonly name: string;
  readonly l3num: 2 | 10;
  readonly l4proto: number;
  readonly seconds: readonly number[];
}

const SUBSYSTEM_TIMEOUT = 8;
const REQUEST_ACK_CREATE = 0x0405;
const NESTED = 0x8000;
const NAME = 1;
const L3PROTO = 2;
const L4PROTO = 3;
const DATA = 4;

function attribute(type: number, value: Buffer): Buffer {
  const bytes = Buffer.alloc((4 + value.length + 3) & ~3);
  bytes.writeUInt16LE(4 + value.length, 0);
  bytes.writeUInt16LE(type, 2);
  value.copy(bytes, 4);
  return bytes;
}

function big(value: number, size: 2 | 4): Buffer {
  const bytes = Buffer.alloc(size);
  bytes.writeUIntBE(value, 0, size);
  return bytes;
}

export function policyRequest({ name, l3num, l4proto, seconds }: TimeoutPolicy): Buffer {
  const data = Buffer.concat(seconds.map((value, i) => attribute(i + 1, big(value, 4))));
  const head = Buffer.alloc(20); // nlmsghdr, nfgenmsg
  const message = Buffer.concat([
    head,
    attribute(NAME, Buffer.from(`${name}\0`)),
    attribute(L3PROTO, big(l3num, 2)),
    attribute(L4PROTO, Buffer.of(l4proto)),
    attribute(DATA | NESTED, data),
  ]);
  message.writeUInt32LE(message.length, 0);
  message.writeUInt16LE(SUBSYSTEM_TIMEOUT << 8, 4);
  message.writeUInt16LE(REQUEST_ACK_CREATE, 6);
  return message;
}
