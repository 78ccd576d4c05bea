// H.323: registrations, admissions and calls, in every kind of message the helpers read, and what else may come over the wire.
import { packet } from "../../../conformance/src/packets.js";
import {
  CLIENT,
  CLIENT6,
  type Dialogue,
  type Ends,
  type Line,
  SERVER,
  SERVER6,
  tcpDialogue,
  udpDialogue,
} from "./dialogues.js";
import {
  type Call,
  callMessage,
  encodeControl,
  g711,
  H245,
  h261,
  type Kind,
  multicast,
  nullData,
  type Open,
  q931,
  RAS,
  t120,
  tpkt,
  transport,
  unicast,
} from "./h323-messages.js";
import { choice } from "./per.js";

const HELPERS = "RAS:1719,Q.931:1720";
const OTHER = "10.0.1.77";
const THIRD = "10.0.2.33";

const udp = (src: string, dst: string, sport: number, dport: number, payload: Uint8Array | string = "x") =>
  packet({ src, dst, udp: { sport, dport, payload } });

/** A TCP connection of its own: handshake, then segments. */
function tcp(client: string, server: string, sport: number, dport: number, lines: readonly Line[]): Uint8Array[] {
  return tcpDialogue("", "", lines, { client, server, sport, dport }).packets.map(({ data }) => data as Uint8Array);
}

const calls = (port = 1720, address = CLIENT) => transport(address, port);
const rrq = (port = 1720, ttl?: number) =>
  RAS.registrationRequest({ calls: [calls(port)], ras: [calls(31719)], ...(ttl ? { ttl } : {}) });
const rcf = (ttl?: number) => RAS.registrationConfirm({ calls: [transport(SERVER, 1720)], ...(ttl ? { ttl } : {}) });
const setup = (call: Call = {}) => tpkt(callMessage("setup", call));

const RAS_DIALOGUES: Record<string, readonly Line[]> = {
  discovery: [
    [">", RAS.gatekeeperRequest(calls(30001))],
    ["<", RAS.gatekeeperConfirm(transport(SERVER, 1719))],
  ],
  "discovery, another port of the gatekeeper": [
    [">", RAS.gatekeeperRequest(calls(30001))],
    ["<", RAS.gatekeeperConfirm(transport(SERVER, 1718), "gk")],
    udp(CLIENT, SERVER, 30002, 1718, rrq()),
    udp(SERVER, CLIENT, 1718, 30002, rcf(120)),
  ],
  "discovery, another gatekeeper, and one more": [
    [">", RAS.gatekeeperRequest(calls(30001))],
    ["<", RAS.gatekeeperConfirm(transport(THIRD, 1719))],
    udp(CLIENT, THIRD, 30002, 2719, rrq()),
    udp(CLIENT, THIRD, 30002, 1719, RAS.gatekeeperRequest(calls(30002))),
    udp(THIRD, CLIENT, 1719, 30002, RAS.gatekeeperConfirm(transport(SERVER, 1800))),
    udp(THIRD, CLIENT, 1719, 30002, RAS.admissionConfirm(transport(OTHER, 1720))),
  ],
  "gatekeeper confirms unasked": [[">", RAS.gatekeeperConfirm(transport(THIRD, 1719))]],
  registration: [
    [">", rrq()],
    ["<", rcf()],
    [">", rrq()],
    ["<", rcf()],
  ],
  "registration with a time to live": [
    [">", rrq(1720, 60)],
    ["<", rcf()],
    [">", rrq(1720, 900)],
    ["<", rcf(7200)],
    [">", "x"],
  ],
  "registration, short and long times": [
    [">", rrq(1720, 1)],
    ["<", rcf(200)],
    ["<", rcf(70000)],
    ["<", rcf(8000000)],
    ["<", rcf(1)],
  ],
  "registration, time cut off": [
    [">", rrq(1720, 60).subarray(0, -4)],
    [">", rrq(1720, 60).subarray(0, -3)],
    [">", rrq(1720, 60).subarray(0, -1)],
    ["<", rcf(60).subarray(0, -4)],
    ["<", rcf(60).subarray(0, -2)],
  ],
  "registration with proprietary data": [[">", RAS.registrationRequest({ calls: [calls()] }, true)]],
  "registration at another address": [
    [">", RAS.registrationRequest({ calls: [transport(OTHER, 1720)] })],
    ["<", rcf()],
  ],
  "registration at port 0": [
    [">", RAS.registrationRequest({ calls: [calls(0)] })],
    ["<", rcf()],
  ],
  "registration, second address": [
    [">", RAS.registrationRequest({ calls: [transport(OTHER, 1720), calls(0), calls(1733), calls(1734)] })],
    ["<", rcf()],
  ],
  "registration, no address": [
    [">", RAS.registrationRequest({ calls: [] })],
    ["<", rcf(50)],
  ],
  "registration, address of another family": [
    [">", RAS.registrationRequest({ calls: [transport(CLIENT6, 1720), calls(1721)] })],
  ],
  "registration, ten foreign addresses before the own": [
    [">", RAS.registrationRequest({ calls: [...new Array(10).fill(transport(OTHER, 1720)), calls()] })],
    [">", RAS.registrationRequest({ calls: [...new Array(9).fill(transport(OTHER, 1720)), calls()] })],
    [">", RAS.registrationRequest({ calls: [calls(1722), ...new Array(130).fill(transport(OTHER, 1720))] })],
  ],
  "registration, additions nobody reads": [
    [">", RAS.registrationRequest({ calls: [calls()], ttl: 50, extra: [undefined, undefined, (w) => w.bytes([1])] })],
    [
      ">",
      RAS.registrationRequest({
        calls: [calls(1721)],
        extra: new Array(20).fill((w: { bytes(b: number[]): unknown }) => void w.bytes([1])),
      }),
    ],
    [">", RAS.registrationRequest({ calls: [calls(1722)], extra: new Array(40).fill(undefined) })],
  ],
  "registration from the gatekeeper's side": [
    [">", "x"],
    ["<", RAS.registrationRequest({ calls: [transport(SERVER, 1720)] })],
    [">", rcf(90)],
  ],
  "registration, confirmed before": [
    [">", "x"],
    ["<", rcf(90)],
    [">", rrq()],
    ["<", rcf(90)],
  ],
  "registration, then a call": [
    [">", rrq()],
    ["<", rcf(90)],
    ...tcp(SERVER, CLIENT, 41000, 1720, [[">", setup({ h245: transport(SERVER, 5001) })]]),
    ...tcp(SERVER, CLIENT, 41001, 1720, [[">", setup({})]]),
    ...tcp(THIRD, CLIENT, 41002, 1720, [[">", setup({ h245: transport(THIRD, 5002) })]]),
  ],
  unregistration: [
    [">", rrq()],
    ["<", rcf(90)],
    [">", RAS.unregistrationRequest([calls()])],
    ["<", RAS.unregistrationConfirm()],
    ["<", rcf()],
  ],
  "unregistration from the gatekeeper": [
    [">", rrq()],
    ["<", RAS.unregistrationRequest([calls()])],
    [">", RAS.unregistrationConfirm()],
  ],
  "admission of the caller": [
    [">", RAS.admissionRequest(transport(THIRD, 1720), calls())],
    ["<", RAS.admissionConfirm(transport(THIRD, 1720))],
    ...tcp(CLIENT, THIRD, 41000, 1720, [[">", setup({ h245: transport(CLIENT, 5001) })]]),
    ...tcp(SERVER, THIRD, 41000, 1720, [[">", setup({ h245: transport(SERVER, 5001) })]]),
  ],
  "admission of the called party": [
    [">", rrq()],
    [">", RAS.admissionRequest(calls(), calls())],
    ["<", RAS.admissionConfirm(transport(CLIENT, 1720))],
  ],
  "admission to port 0": [
    [">", "x"],
    ["<", RAS.admissionConfirm(transport(THIRD, 0))],
  ],
  "admission to another family": [
    [">", "x"],
    ["<", RAS.admissionConfirm(transport(SERVER6, 1720))],
  ],
  location: [
    [">", RAS.locationRequest(calls(30001))],
    ["<", RAS.locationConfirm(transport(THIRD, 1720), transport(SERVER, 1719))],
  ],
  "location at the asker": [
    [">", "x"],
    ["<", RAS.locationConfirm(transport(CLIENT, 1720), transport(SERVER, 1719))],
    [">", RAS.locationConfirm(transport(CLIENT, 1720), transport(SERVER, 1719))],
  ],
  information: [
    [">", "x"],
    ["<", RAS.unread(21)],
    [">", RAS.infoRequestResponse(calls(30001), [calls(), calls(1721)])],
  ],
  "forty locations": Array.from(
    { length: 40 },
    (_, i): Line => [i ? "<" : ">", RAS.locationConfirm(transport(THIRD, 2000 + i), transport(SERVER, 1719))],
  ),
  "two endpoints at one place": [
    [">", RAS.locationConfirm(transport(THIRD, 1720), transport(SERVER, 1719))],
    udp(CLIENT, SERVER, 30005, 1719, RAS.locationConfirm(transport(THIRD, 1720), transport(SERVER, 1719))),
    udp(CLIENT, SERVER, 30005, 1719, RAS.locationConfirm(transport(THIRD, 1721), transport(SERVER, 1719))),
  ],
  "kinds nobody reads": [
    ...[2, 5, 7, 8, 11, 12, 15, 16, 20, 21, 23].map((kind): Line => [">", RAS.unread(kind)]),
    [">", RAS.newer(0, Uint8Array.of(1))],
    [">", RAS.newer(7, Uint8Array.of(1))],
    [">", RAS.newer(8, Uint8Array.of(1))],
    [">", RAS.newer(100, new Uint8Array(300))],
    [">", RAS.unread(24)],
    [">", RAS.unread(31)],
    [">", ""],
    [">", "hello"],
  ],
};

/** Everything a message begins with, the message itself last. */
const prefixes = (message: Uint8Array, step = 1): Line[] =>
  Array.from(
    { length: Math.ceil(message.length / step) },
    (_, i): Line => [i ? "<" : ">", message.subarray(0, i * step)],
  ).concat([["<", message]]);

Object.assign(RAS_DIALOGUES, {
  "registration cut short": prefixes(RAS.registrationRequest({ calls: [transport(SERVER, 1720)], ttl: 60 })),
  "location cut short": prefixes(RAS.locationConfirm(transport(THIRD, 1720), transport(SERVER, 1719))),
  "gatekeeper cut short": prefixes(RAS.gatekeeperConfirm(transport(THIRD, 1718), "gk")),
});

// ---- calls

const CONTROL = transport(SERVER, 5001);
const media = (port: number, address = SERVER) => ({
  media: unicast(address, port),
  control: unicast(address, port + 1),
});
const KINDS: readonly Kind[] = ["setup", "callProceeding", "connect", "alerting", "facility", "progress"];

const channels = (count: number, port: number) =>
  Array.from({ length: count }, (_, i) => ({ forward: { media: unicast(SERVER, port + 2 * i) } }));
const acknowledged = (count: number, port: number) =>
  Array.from({ length: count }, (_, i) => H245.ack({ forward: media(port + 2 * i) }));
/** Data of a type there is not. */
const damaged: Open = { data: choice(3, 7) };
/** An address that cannot be read, in the parameters, which have a length of their own. */
const damagedInside: Open = { forward: { media: choice(1, 0, choice(3, 7)) } };

/** Everything the called party says at the start of a call, in one kind of message. */
const answer = (kind: Kind, call: Call): Line => ["<", tpkt(callMessage(kind, call))];

const Q931_DIALOGUES: Record<string, readonly Line[]> = {
  "H.245 address of the caller": [
    [">", setup({ h245: transport(CLIENT, 5001) })],
    ["<", tpkt(callMessage("connect"))],
  ],
  "H.245 address: foreign, port 0, other family": [
    [">", setup({ h245: transport(OTHER, 5001) })],
    [">", setup({ h245: transport(CLIENT, 0) })],
    [">", setup({ h245: transport(CLIENT6, 5001) })],
    ["<", tpkt(callMessage("connect", { h245: transport(CLIENT, 5001) }))],
  ],
  "kinds without addresses": [
    [">", tpkt(callMessage("information"))],
    [">", tpkt(callMessage("empty", { tunnelled: [H245.open({ forward: media(6000, CLIENT) })] }))],
    ["<", tpkt(callMessage("releaseComplete"))],
  ],
  "fast start": [
    [
      ">",
      setup({
        fastStart: [
          { forward: { control: unicast(CLIENT, 6001) } },
          { data: nullData, reverse: media(6000, CLIENT) },
          { data: h261, reverse: media(6002, CLIENT) },
        ],
      }),
    ],
    answer("connect", {
      fastStart: [{ forward: media(7000) }, { data: nullData, reverse: { control: unicast(SERVER, 7001) } }],
    }),
    udp(CLIENT, SERVER, 6000, 7000),
    udp(SERVER, CLIENT, 7001, 6001),
    udp(CLIENT, SERVER, 6001, 7001),
  ],
  "fast start: odd, foreign, multicast, port 0": [
    answer("connect", { fastStart: [{ forward: { media: unicast(SERVER, 7001) } }] }),
    answer("connect", { fastStart: [{ forward: { media: unicast(THIRD, 7010), control: unicast(SERVER, 7011) } }] }),
    answer("connect", { fastStart: [{ forward: { media: multicast("224.1.2.3", 7020) } }] }),
    answer("connect", {
      fastStart: [{ forward: { media: unicast(SERVER, 0) } }, { forward: { media: unicast(SERVER, 1) } }],
    }),
    answer("connect", { fastStart: [{ forward: { media: unicast(SERVER6, 7030) } }] }),
    answer("connect", { fastStart: [] }),
  ],
  "fast start: thirty channels and more": [
    answer("connect", {
      fastStart: Array.from({ length: 33 }, (_, i) => ({ forward: { media: unicast(SERVER, 7000 + 2 * i) } })),
    }),
  ],
  "fast start and tunnelled messages, one beyond the kept ones cannot be read": [29, 30, 31, 32].flatMap((count, i) => [
    answer("connect", { fastStart: [...channels(count, 7000 + 200 * i), damaged] }),
    answer("connect", { fastStart: [...channels(count, 7100 + 200 * i), damaged, ...channels(1, 7190 + 200 * i)] }),
    answer("connect", { fastStart: [...channels(count, 7050 + 1000 * (i + 1)), damagedInside] }),
    answer("facility", { tunnelled: [...acknowledged(2 + i, 8000 + 20 * i), H245.open(damaged)] }),
  ]),
  tunnelled: [
    [">", setup({ tunnelled: [H245.capabilities(), H245.masterSlave()] })],
    answer("connect", {
      tunnelled: [H245.ack({ forward: media(7000) }), H245.open({ forward: { control: unicast(SERVER, 7003) } })],
    }),
    answer("facility", {
      tunnelled: [
        H245.command(),
        H245.newer(),
        H245.open({ forward: media(7010) }),
        H245.ack({ reverse: media(7020) }),
        H245.ack({ forward: media(7030) }),
      ],
    }),
    udp(CLIENT, SERVER, 6000, 7020),
    udp(CLIENT, SERVER, 6000, 7030),
  ],
  "T.120": [
    answer("connect", { fastStart: [{ data: t120, stack: unicast(SERVER, 1503) }] }),
    answer("connect", { fastStart: [{ data: g711, stack: unicast(SERVER, 1504) }] }),
    answer("facility", {
      tunnelled: [
        H245.ack({ stack: unicast(SERVER, 1505), forward: media(7000) }),
        H245.ack({ stack: unicast(THIRD, 1506) }),
      ],
    }),
    ...tcp(CLIENT, SERVER, 42000, 1503, []),
    ...tcp(CLIENT, SERVER, 42001, 1503, []),
  ],
  "call forwarding": [
    answer("facility", { forwardTo: transport(THIRD, 1722), reason: 1, h245: CONTROL }),
    ...tcp(CLIENT, THIRD, 42000, 1722, [["<", tpkt(callMessage("connect", { h245: transport(THIRD, 5003) }))]]),
  ],
  "call forwarding, other reasons": [
    ...[0, 2, 3, 4, 5, 12].map((reason): Line => answer("facility", { forwardTo: transport(THIRD, 1722), reason })),
    answer("facility", { reason: 1, h245: CONTROL }),
    answer("facility", { forwardTo: transport(THIRD, 0), reason: 1 }),
    answer("facility", { forwardTo: transport(SERVER6, 1720), reason: 1 }),
    answer("facility", { forwardTo: transport(CLIENT, 1720), reason: 1 }),
    answer("facility", { h245: CONTROL, reason: 5, fastStart: [{ forward: media(7000) }] }),
  ],
  // the last byte of the reason is the length of what an addition to it holds
  "an addition that ends the message": ["8000", "800000", "8001ff", "8001", "80", "8700", "8701ff"].map(
    (reason, i): Line => {
      const body = Buffer.from(`050640060008914a0004000a00022106ba${reason}`, "hex");
      const message = Uint8Array.of(8, 2, 0x12, 0x34, 0x62, 4, 3, 0x88, 0x93, 0xa5, 0x7e, 0, body.length, ...body);
      return ["<", tpkt(message, callMessage("connect", { h245: transport(SERVER, 5001 + i) }))];
    },
  ),
  "H.245 connection": [
    answer("connect", { h245: CONTROL }),
    ...tcp(CLIENT, SERVER, 42000, 5001, [
      [">", tpkt(encodeControl(H245.capabilities()), encodeControl(H245.masterSlave()))],
      ["<", tpkt(encodeControl(H245.capabilities()))],
      [">", tpkt(encodeControl(H245.open({ forward: { control: unicast(CLIENT, 6001) } })))],
      ["<", tpkt(encodeControl(H245.ack({ forward: media(7000) })))],
      [
        "<",
        tpkt(
          encodeControl(H245.open({ data: t120, stack: unicast(SERVER, 1503) })),
          encodeControl(H245.open({ data: h261, forward: media(7002) })),
        ),
      ],
      ["<", tpkt(encodeControl(H245.ack({ reverse: media(7004), forward: media(7006) })))],
      [">", "\x03\x00\x00\x05"],
      [">", tpkt(Uint8Array.of(0xff, 0xff))],
    ]),
    udp(CLIENT, SERVER, 6000, 7000),
    udp(SERVER, CLIENT, 7001, 6001),
    udp(CLIENT, SERVER, 6002, 7002),
    ...tcp(CLIENT, SERVER, 42001, 1503, []),
  ],
  "H.245 connection, twenty channels": [
    answer("connect", { h245: CONTROL }),
    ...tcp(
      CLIENT,
      SERVER,
      42000,
      5001,
      Array.from(
        { length: 20 },
        (_, i): Line => ["<", tpkt(encodeControl(H245.open({ forward: media(7000 + 2 * i) })))],
      ),
    ),
  ],
  "thirty H.245 addresses": Array.from(
    { length: 30 },
    (_, i): Line => answer("facility", { h245: transport(SERVER, 5001 + i) }),
  ),
  "announced twice": [
    answer("connect", { h245: CONTROL, fastStart: [{ forward: media(7000) }] }),
    answer("connect", { h245: CONTROL, fastStart: [{ forward: media(7000) }] }),
    ...tcp(CLIENT, SERVER, 30007, 1720, [
      ["<", tpkt(callMessage("connect", { h245: CONTROL }))],
      ["<", tpkt(callMessage("connect", { fastStart: [{ forward: { media: unicast(SERVER, 7000) } }] }))],
      ["<", tpkt(callMessage("alerting", { fastStart: [{ forward: { media: unicast(SERVER, 7010) } }] }))],
    ]),
  ],
  "several messages in a segment": [
    [
      "<",
      tpkt(
        callMessage("callProceeding", { h245: transport(SERVER, 5001) }),
        callMessage("alerting", { h245: transport(SERVER, 5002) }),
        callMessage("connect", { h245: transport(SERVER, 5003) }),
      ),
    ],
    [
      "<",
      tpkt(
        callMessage("callProceeding", { h245: transport(SERVER, 5004) }),
        Uint8Array.of(9, 9),
        callMessage("connect", { h245: transport(SERVER, 5005) }),
      ),
    ],
    ["<", Uint8Array.of(...tpkt(callMessage("alerting", { h245: transport(SERVER, 5006) })), 3, 0, 0)],
    ["<", Uint8Array.of(...tpkt(callMessage("alerting", { h245: transport(SERVER, 5007) })), 3, 0, 0, 4)],
    [
      "<",
      Uint8Array.of(...tpkt(callMessage("alerting", { h245: transport(SERVER, 5008) })), 3, 1, 0, 9, 1, 2, 3, 4, 5),
    ],
  ],
  "header and message apart": [
    ...apart("<", callMessage("connect", { h245: transport(SERVER, 5001) })),
    ...apart(
      "<",
      Uint8Array.of(
        ...callMessage("connect", { h245: transport(SERVER, 5002) }),
        ...tpkt(callMessage("alerting", { h245: transport(SERVER, 5003) })),
      ),
    ),
    ["<", Uint8Array.of(3, 0, 0, 99)],
    [">", setup({ h245: transport(CLIENT, 5004) })],
    ["<", callMessage("connect", { h245: transport(SERVER, 5005) }).subarray(0, 20)],
    ["<", callMessage("connect", { h245: transport(SERVER, 5006) })],
    ["<", Uint8Array.of(3, 0, 0, 30)],
    ["<", setup({ h245: transport(SERVER, 5007) })],
    ["<", Uint8Array.of(3, 0, 0, 4)],
    ["<", Uint8Array.of(3, 0, 0, 3)],
    ["<", Uint8Array.of(3, 0, 0)],
    ["<", Uint8Array.of(8, 2, 1, 1)],
  ],
  "split over segments": [
    ["<", tpkt(callMessage("connect", { h245: CONTROL })).subarray(0, 30)],
    ["<", tpkt(callMessage("connect", { h245: CONTROL })).subarray(30)],
    answer("connect", { h245: CONTROL }),
  ],
  "elements of Q.931": [
    ...[
      [],
      [4, 0],
      [4, 200],
      [0x7e],
      [0x7e, 0],
      [0x7e, 0, 0],
      [0x28, 3, 65, 66, 67, 4, 3, 0x88, 0x93, 0xa5],
      [0x96],
      [0xa1, 0],
    ].map((before, i): Line => ["<", tpkt(q931(7, information(5001 + i), before))]),
    ["<", tpkt(Uint8Array.of(8))],
    ["<", tpkt(Uint8Array.of(8, 9, 1))],
    ["<", tpkt(Uint8Array.of(8, 0, 5))],
    ["<", tpkt(Uint8Array.of(8, 0, 5, 4))],
    ["<", tpkt(Uint8Array.of(9, 0, 5, 4, 0))],
  ],
};

/** The user information of a connect. */
function information(port: number): Uint8Array {
  const message = callMessage("connect", { h245: transport(SERVER, port) });
  return message.subarray(14);
}

function apart(who: ">" | "<", message: Uint8Array): Line[] {
  const length = message.length + 4;
  return [
    [who, Uint8Array.of(3, 0, length >> 8, length & 255)],
    [who, message],
  ];
}

for (const kind of KINDS)
  Q931_DIALOGUES[`everything in ${kind}`] = [
    answer(kind, { h245: CONTROL }),
    answer(kind, { fastStart: [{ forward: media(7000) }] }),
    answer(kind, {
      h245: transport(SERVER, 5002),
      fastStart: [{ forward: media(7002) }],
      tunnelled: [H245.ack({ forward: media(7004) })],
    }),
    ...tcp(CLIENT, SERVER, 42000, 5002, []),
    udp(CLIENT, SERVER, 6000, 7002),
  ];

// ---- chance: messages with bytes changed, the same ones each time. Their ports differ, so that each that is read shows.

export type Talk = (i: number) => Uint8Array;

export function changed(messages: readonly Talk[], count: number, from: number, seed: number): Line[] {
  let x = seed;
  const pick = (below: number) => {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    return (x >>> 0) % below;
  };
  return Array.from({ length: count }, (_, i): Line => {
    const bytes = (messages[i % messages.length] as Talk)(i);
    for (let flips = 1 + pick(3); flips > 0; flips--) {
      const at = from + pick(bytes.length - from);
      bytes[at] = pick(2) ? pick(256) : (bytes[at] as number) ^ (1 << pick(8));
    }
    return ["<", pick(5) ? bytes : bytes.subarray(0, from + pick(bytes.length - from))];
  });
}

export const RAS_MESSAGES: readonly Talk[] = [
  (i) => RAS.registrationRequest({ calls: [transport(THIRD, 1720), transport(SERVER, 2000 + i)], ttl: 60 + i }, true),
  (i) => RAS.gatekeeperConfirm(transport(THIRD, 2000 + i), "gk"),
  (i) => RAS.admissionConfirm(transport(THIRD, 2000 + i)),
  (i) => RAS.locationConfirm(transport(THIRD, 2000 + i), transport(SERVER, 1719)),
  (i) => RAS.registrationConfirm({ calls: [transport(SERVER, 1720)], ttl: 60 + i }),
  () => RAS.unregistrationRequest([calls()]),
];
const manyThings: readonly ((i: number) => Call)[] = [
  (i) => ({
    h245: transport(SERVER, 5000 + i),
    fastStart: [{ forward: media(7000 + 2 * i) }, { data: t120, stack: unicast(SERVER, 1500 + i) }],
  }),
  (i) => ({
    h245: transport(SERVER, 5000 + i),
    fastStart: [{ data: h261, reverse: media(7000 + 2 * i) }],
    tunnelled: [H245.ack({ forward: media(8000 + 2 * i) }), H245.open({ forward: media(9000 + 2 * i) })],
  }),
];
export const CALL_MESSAGES: readonly Talk[] = manyThings.flatMap((call) =>
  KINDS.map(
    (kind): Talk =>
      (i) =>
        tpkt(callMessage(kind, call(i))),
  ),
);
export const CONTROL_MESSAGES: readonly Talk[] = [
  (i: number) => H245.open({ data: h261, forward: media(7000 + 2 * i), reverse: media(8000 + 2 * i) }),
  (i: number) => H245.open({ data: t120, stack: unicast(SERVER, 1500 + i) }),
  (i: number) =>
    H245.ack({ reverse: media(7000 + 2 * i), forward: media(8000 + 2 * i), stack: unicast(SERVER, 1500 + i) }),
].map(
  (message): Talk =>
    (i) =>
      tpkt(encodeControl(message(i))),
);

for (let round = 1; round <= 6; round++) {
  RAS_DIALOGUES[`by chance ${round}`] = [[">", "x"], ...changed(RAS_MESSAGES, 60, 0, 0x5eed + round)];
  Q931_DIALOGUES[`by chance ${round}`] = changed(CALL_MESSAGES, 60, 13, 0xca11 + round);
  Q931_DIALOGUES[`H.245 by chance ${round}`] = [
    answer("connect", { h245: CONTROL }),
    ...tcp(CLIENT, SERVER, 42000, 5001, changed(CONTROL_MESSAGES, 40, 4, 0x245 + round)),
  ];
}

// ---- IPv6

const IP6: Ends = { client: CLIENT6, server: SERVER6, dport: 0 };
const SIX: Readonly<Record<string, readonly Line[]>> = {
  "RAS over IPv6": [
    [">", RAS.registrationRequest({ calls: [transport(CLIENT, 1720), transport(CLIENT6, 1720)] })],
    ["<", RAS.registrationConfirm({ calls: [transport(SERVER6, 1720)], ttl: 90 })],
    ["<", RAS.gatekeeperConfirm(transport("fd02::33", 1718))],
    ["<", RAS.admissionConfirm(transport("fd02::33", 1720))],
  ],
};
const SIX_CALLS: Readonly<Record<string, readonly Line[]>> = {
  "call over IPv6": [
    [">", setup({ h245: transport(CLIENT6, 5001), fastStart: [{ reverse: media(6000, CLIENT6) }] })],
    answer("connect", {
      h245: transport(SERVER6, 5001),
      fastStart: [
        { forward: media(7000, SERVER6) },
        { forward: media(7002) },
        { data: t120, stack: unicast(SERVER6, 1503) },
      ],
    }),
    answer("facility", { forwardTo: transport("fd02::33", 1722), reason: 1 }),
    ...tcp(CLIENT6, SERVER6, 42000, 5001, [["<", tpkt(encodeControl(H245.ack({ forward: media(7004, SERVER6) })))]]),
  ],
};

const named = <T>(
  prefix: string,
  dialogues: Readonly<Record<string, readonly Line[]>>,
  make: (name: string, lines: readonly Line[]) => T,
): T[] => Object.entries(dialogues).map(([name, lines]) => make(`${prefix}: ${name}`, lines));

export const RAS_TALKS: readonly Dialogue[] = [
  ...named("RAS", RAS_DIALOGUES, (name, lines) => udpDialogue(name, HELPERS, lines, { dport: 1719 })),
  ...named("RAS", SIX, (name, lines) => udpDialogue(name, HELPERS, lines, { ...IP6, dport: 1719 })),
];

export const CALL_TALKS: readonly Dialogue[] = [
  ...named("Q.931", Q931_DIALOGUES, (name, lines) => tcpDialogue(name, HELPERS, lines, { dport: 1720 })),
  ...named("Q.931", SIX_CALLS, (name, lines) => tcpDialogue(name, HELPERS, lines, { ...IP6, dport: 1720 })),
];

export const H323_DIALOGUES: readonly Dialogue[] = [...RAS_TALKS, ...CALL_TALKS];
