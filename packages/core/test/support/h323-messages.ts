// H.323 messages as endpoints and gatekeepers send them: RAS, Q.931 with user information, H.245.
import {
  addition,
  bmp,
  choice,
  encode,
  flag,
  list,
  long,
  octets,
  oid,
  open,
  type Part,
  sequence,
  word,
} from "./per.js";

// ---- addresses

const quad = (address: string) => address.split(".").map(Number);

function groups(address: string): number[] {
  const [head = "", tail = ""] = address.split("::");
  const words = (text: string) => text.split(":").flatMap((word) => (word ? [Number.parseInt(word, 16)] : []));
  const [first, last] = [words(head), words(tail)];
  const middle = new Array<number>(8 - first.length - last.length).fill(0);
  return [...first, ...middle, ...last].flatMap((word) => [word >> 8, word & 255]);
}

/** TransportAddress of H.225.0. */
export const transport = (address: string, port: number): Part =>
  address.includes(":")
    ? choice(3, 3, sequence([], [octets(groups(address)), word(port)]))
    : choice(3, 0, (w) => w.bytes(quad(address)).word(port));

/** TransportAddress of H.245, unicast. */
export const unicast = (address: string, port: number): Part =>
  choice(
    1,
    0,
    address.includes(":")
      ? choice(3, 2, sequence([], [octets(groups(address)), word(port)]))
      : choice(3, 0, sequence([], [octets(quad(address)), word(port)])),
  );

export const multicast = (address: string, port: number): Part =>
  choice(1, 1, choice(1, 0, sequence([], [octets(quad(address)), word(port)])));

// ---- common fields

const H225 = oid(0, 8, 0x91, 0x4a, 0, 4);
const seq = word(41);
const vendor: Part = sequence([false, false], [sequence([], [octets([9, 0]), word(61)])]);
const endpointType: Part = sequence(
  [false, false, false, false, false, true],
  [sequence([false], []), flag(false), flag(false)],
);
const alias = (digits: string): Part =>
  choice(1, 0, (w) => {
    w.bits(digits.length - 1, 7).align();
    for (const digit of digits) w.bits(Number(digit) + 3, 4);
  });
const nonStandard: Part = (w) =>
  w.put(choice(1, 1, sequence([], [octets([181, 0]), word(21324)]))).put(open(Uint8Array.of(1, 2, 3)));
const conferenceId = octets(new Array<number>(16).fill(7));
const callType: Part = choice(2, 0);

// ---- RAS

export interface Endpoint {
  readonly calls: readonly Part[];
  readonly ras?: readonly Part[];
  readonly ttl?: number;
  readonly extra?: readonly (Part | undefined)[];
}

const ras = (index: number, part: Part) => encode(choice(5, index, part));
const ttlAddition = ({ ttl, extra }: Endpoint) =>
  ttl === undefined && extra === undefined
    ? []
    : [undefined, ttl === undefined ? undefined : withTail(long(ttl, 1)), ...(extra ?? [])];
/** As the kernel wants it: with as many bytes behind the number as it has. */
const withTail =
  (part: Part): Part =>
  (w) =>
    w.put(part).bytes([0, 0, 0, 0]);

export const RAS = {
  gatekeeperRequest: (at: Part) => ras(0, sequence([false, false, false, false], [seq, H225, at, endpointType])),
  gatekeeperConfirm: (at: Part, name?: string) =>
    ras(1, sequence([false, name !== undefined], [seq, H225, ...(name ? [bmp(name)] : []), at])),
  registrationRequest: (endpoint: Endpoint, proprietary = false) =>
    ras(
      3,
      sequence(
        [proprietary, true, false],
        [
          seq,
          H225,
          ...(proprietary ? [nonStandard] : []),
          flag(true),
          list(endpoint.calls),
          list(endpoint.ras ?? []),
          endpointType,
          list([alias("4711")]),
          vendor,
        ],
        ttlAddition(endpoint),
      ),
    ),
  registrationConfirm: (endpoint: Endpoint) =>
    ras(4, sequence([false, false, false], [seq, H225, list(endpoint.calls), bmp("4711_endp")], ttlAddition(endpoint))),
  unregistrationRequest: (calls: readonly Part[]) => ras(6, sequence([false, false, false], [seq, list(calls)])),
  unregistrationConfirm: () => ras(7, sequence([false], [seq])),
  admissionRequest: (destination: Part, source: Part) =>
    ras(
      9,
      sequence(
        [false, true, true, false, true, false, false],
        [
          seq,
          callType,
          bmp("4711_endp"),
          list([alias("4712")]),
          destination,
          list([alias("4711")]),
          source,
          long(640),
          word(9),
        ],
      ),
    ),
  admissionConfirm: (destination: Part) =>
    ras(10, sequence([false, false], [seq, long(640), choice(1, 0), destination])),
  locationRequest: (reply: Part) => ras(18, sequence([false, false], [seq, list([alias("4712")]), reply])),
  locationConfirm: (calls: Part, at: Part) => ras(19, sequence([false], [seq, calls, at])),
  infoRequestResponse: (at: Part, calls: readonly Part[]) =>
    ras(22, sequence([false, false, false], [seq, endpointType, bmp("4711_endp"), at, list(calls)])),
  /** A kind the kernel does not read. */
  unread: (index: number) => ras(index, sequence([false, false], [seq])),
  newer: (index: number, bytes: Uint8Array) => encode(addition(index, bytes)),
};

// ---- H.245

export interface Channel {
  readonly media?: Part | undefined;
  readonly control?: Part | undefined;
}

const h2250 = ({ media, control }: Channel): Part =>
  sequence(
    [false, false, media !== undefined, false, control !== undefined, false, true, false, false, false],
    [octets([1]), ...(media ? [media] : []), ...(control ? [control] : []), flag(true)],
  );
const h2250Ack = ({ media, control }: Channel): Part =>
  sequence(
    [false, true, media !== undefined, control !== undefined, false],
    [(w) => w.bits(0, 8), ...(media ? [media] : []), ...(control ? [control] : [])],
  );

// DataType
export const g711: Part = choice(3, 3, choice(4, 3, octets([19])));
export const h261: Part = choice(
  3,
  2,
  choice(3, 1, sequence([true, true], [(w) => w.bits(0, 2).bits(1, 2), flag(false), word(6217), flag(false)])),
);
export const t120: Part = choice(3, 4, sequence([], [choice(4, 1, addition(3, new Uint8Array())), long(6200)]));
export const nullData: Part = choice(3, 1);

const separateStack = (at: Part): Part => sequence([true, false], [choice(1, 0), choice(2, 2, at), flag(false)]);

export interface Open {
  readonly data?: Part;
  readonly forward?: Channel;
  readonly reverse?: Channel;
  readonly stack?: Part;
}

/** OpenLogicalChannel, as in fast start. */
export const openChannel = ({ data = g711, forward = {}, reverse, stack }: Open): Part =>
  sequence(
    [reverse !== undefined],
    [
      word(100),
      sequence([false], [data, addition(0, h2250(forward))]),
      ...(reverse ? [sequence([true], [g711, addition(0, h2250(reverse))])] : []),
    ],
    stack ? [separateStack(stack)] : [],
  );

export const openChannelAck = ({ forward, reverse, stack }: Omit<Open, "data">): Part =>
  sequence(
    [reverse !== undefined],
    [word(100), ...(reverse ? [sequence([false, true], [word(7), addition(0, h2250(reverse))])] : [])],
    stack || forward
      ? [stack ? separateStack(stack) : undefined, forward ? choice(0, 0, h2250Ack(forward)) : undefined]
      : [],
  );

/** MultimediaSystemControlMessage. */
export const H245 = {
  open: (channel: Open): Part => choice(2, 0, choice(4, 3, openChannel(channel))),
  ack: (channel: Omit<Open, "data">): Part => choice(2, 1, choice(5, 5, openChannelAck(channel))),
  capabilities: (): Part => choice(2, 0, choice(4, 2, octets([0, 6, 0, 8]))),
  masterSlave: (): Part => choice(2, 0, choice(4, 1, sequence([], [octets([50]), octets([0x40, 1, 2, 3])]))),
  command: (): Part => choice(2, 2, choice(3, 5, choice(1, 0))),
  newer: (): Part => choice(2, 0, addition(20, Uint8Array.of(1, 2, 3))),
};

export const encodeControl = (message: Part): Uint8Array => encode(message);

// ---- Q.931

export interface Call {
  readonly h245?: Part | undefined;
  readonly fastStart?: readonly Open[];
  readonly tunnelled?: readonly Part[];
  readonly forwardTo?: Part;
  /** FacilityReason, among the first four; from 4 on an addition. */
  readonly reason?: number;
}

const has = (part: unknown) => part !== undefined;
const ifThere = (part: Part | undefined): Part[] => (part ? [part] : []);
const fastStartPart = ({ fastStart }: Call): Part | undefined =>
  fastStart && list(fastStart.map((channel) => open(openChannel(channel))));
const skipped = (count: number) => new Array<undefined>(count).fill(undefined);
const additionsOf = (call: Call, before: number) => (call.fastStart ? [...skipped(before), fastStartPart(call)] : []);

// biome-ignore format: a table
const BODIES = {
  setup: (call: Call): Part =>
    choice(3, 0, sequence(
      [has(call.h245), true, true, true, false, false, false],
      [H225, ...ifThere(call.h245), list([alias("4711")]), endpointType, list([alias("4712")]), transport("10.0.2.2", 1720), flag(false),
        conferenceId, choice(2, 0), callType],
      [transport("10.0.1.2", 31000), ...additionsOf(call, 5)],
    )),
  callProceeding: (call: Call): Part =>
    choice(3, 1, sequence([has(call.h245)], [H225, endpointType, ...ifThere(call.h245)], additionsOf(call, 4))),
  connect: (call: Call): Part =>
    choice(3, 2, sequence([has(call.h245)], [H225, ...ifThere(call.h245), endpointType, conferenceId], additionsOf(call, 4))),
  alerting: (call: Call): Part =>
    choice(3, 3, sequence([has(call.h245)], [H225, endpointType, ...ifThere(call.h245)], additionsOf(call, 4))),
  information: (): Part => choice(3, 4, sequence([], [H225])),
  releaseComplete: (): Part => choice(3, 5, sequence([true], [H225, choice(4, 3)])),
  facility: (call: Call): Part =>
    choice(3, 6, sequence(
      [has(call.forwardTo), false, false],
      [H225, ...ifThere(call.forwardTo), (call.reason ?? 3) < 4 ? choice(2, call.reason ?? 3) : addition((call.reason ?? 4) - 4, new Uint8Array())],
      call.h245 || call.fastStart ? [...skipped(6), call.h245, fastStartPart(call)] : [],
    )),
  progress: (call: Call): Part =>
    addition(0, sequence(
      [has(call.h245), false, false, false, has(call.fastStart)],
      [H225, endpointType, ...ifThere(call.h245), sequence([], [conferenceId]), ...ifThere(fastStartPart(call))],
    )),
  empty: (): Part => addition(1, new Uint8Array()),
} satisfies Record<string, (call: Call) => Part>;

export type Kind = keyof typeof BODIES;

/** Message types of Q.931. */
const TYPE: Readonly<Record<Kind, number>> = {
  alerting: 1,
  callProceeding: 2,
  progress: 3,
  setup: 5,
  connect: 7,
  information: 0x7b,
  releaseComplete: 0x5a,
  facility: 0x62,
  empty: 0x62,
};

/** Any user information in Q.931. */
export function q931(
  type: number,
  information: Uint8Array,
  before: readonly number[] = [4, 3, 0x88, 0x93, 0xa5],
): Uint8Array {
  const length = information.length + 1;
  return Uint8Array.of(8, 2, 0x12, 0x34, type, ...before, 0x7e, length >> 8, length & 255, 5, ...information);
}

export function callMessage(kind: Kind, call: Call = {}): Uint8Array {
  const tunnel = call.tunnelled ? [undefined, flag(true), list(call.tunnelled.map(open))] : [];
  const pdu = sequence([false], [BODIES[kind](call)], tunnel);
  return q931(TYPE[kind], encode(sequence([false], [pdu])));
}

export function tpkt(...messages: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(
    messages.flatMap((message) => [3, 0, (message.length + 4) >> 8, (message.length + 4) & 255, ...message]),
  );
}
