// Dialogues nobody wrote: those that were written, with numbers, words and lines of others put in, left out, repeated, cut in
// two, sent again with other words. A seed repeats them.

import { type Dialogue, type Line, tcpPackets, udpPacket } from "./dialogue.js";
import { Random } from "./dice.js";
import type { TimedPacket } from "./kernel.js";

const NUMBERS =
  "0 1 9 00 007 20 21 80 255 256 0255 1023 1024 4000 5060 9999 51210 65535 65536 65537 99999 4294967295 4294967296 -1".split(
    " ",
  );
const PIECES = [
  ..." \t\r\n,|:;<>@[]()=\"'/\\.0159aAzZ\0\x01\x7f\xff",
  "\r\n",
  "\r\n ",
  "\n",
  "::",
  "10.0.1.2",
  "10.0.2.2",
  "fd01::2",
];

/** What one side says on the control connection, or a packet of another one. */
type Said = { readonly who: ">" | "<"; readonly text: string; readonly flags: string } | Uint8Array;

interface Script {
  readonly helpers: string;
  readonly said: readonly Said[];
  readonly protocol: 6 | 17;
  readonly client: string;
  readonly server: string;
  readonly sport: number;
  readonly dport: number;
}

const latin1 = (bytes: Uint8Array) => Buffer.from(bytes).toString("latin1");
const binary = (text: string) => new Uint8Array(Buffer.from(text, "latin1"));

interface Head {
  readonly protocol: number;
  readonly src: string;
  readonly dst: string;
  readonly sport: number;
  readonly dport: number;
  readonly flags: number;
  readonly payload: Uint8Array;
}

function head(data: Uint8Array): Head {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const v6 = view.getUint8(0) >> 4 === 6;
  const at = v6 ? 40 : (view.getUint8(0) & 15) * 4;
  const protocol = view.getUint8(v6 ? 6 : 9);
  const group = (i: number) => view.getUint16(i).toString(16);
  const address = (i: number) =>
    v6 ? Array.from({ length: 8 }, (_, k) => group(i + 2 * k)).join(":") : [...data.subarray(i, i + 4)].join(".");
  const tcp = protocol === 6;
  return {
    protocol,
    src: address(v6 ? 8 : 12),
    dst: address(v6 ? 24 : 16),
    sport: view.getUint16(at),
    dport: view.getUint16(at + 2),
    flags: tcp ? view.getUint8(at + 13) : 0,
    payload: data.subarray(at + (tcp ? (view.getUint8(at + 12) >> 4) * 4 : 8)),
  };
}

/** null for a dialogue that does not begin on its control connection. */
function scriptOf({ helpers, packets }: Dialogue): Script | null {
  const first = packets[0]?.data;
  if (first === undefined) return null;
  const { protocol, src, dst, sport, dport } = head(first);
  if (protocol !== 6 && protocol !== 17) return null;
  const skipped = protocol === 6 ? 3 : 0; // the handshake
  const said = packets.slice(skipped).map(({ data }): Said => {
    const one = head(data);
    const forth = one.src === src && one.dst === dst && one.sport === sport && one.dport === dport;
    const back = one.src === dst && one.dst === src && one.sport === dport && one.dport === sport;
    if (one.protocol !== protocol || !(forth || back)) return data;
    const letters = one.flags & 4 ? "R" : one.flags & 1 ? "FPA" : "PA";
    return { who: forth ? ">" : "<", text: latin1(one.payload), flags: letters };
  });
  return { helpers, said, protocol, client: src, server: dst, sport, dport };
}

function changed(random: Random, text: string, other: string): string {
  const at = random.below(text.length + 1);
  const length = random.below(Math.min(12, text.length - at) + 1);
  switch (random.below(9)) {
    case 0: {
      const numbers = [...text.matchAll(/\d+/g)];
      if (numbers.length === 0) return text;
      const { 0: digits, index } = random.pick(numbers);
      const number = random.chance(0.3) ? String(Number(digits) + 1) : random.pick(NUMBERS);
      return text.slice(0, index) + number + text.slice(index + digits.length);
    }
    case 1:
      return text.slice(0, at) + text.slice(at + Math.min(length, 3));
    case 2:
    case 3:
      return text.slice(0, at) + random.pick(PIECES) + text.slice(at + (random.chance(0.5) ? 1 : 0));
    case 4:
      return text.slice(0, at + length) + text.slice(at);
    case 5: {
      const from = random.below(other.length + 1);
      return text.slice(0, at) + other.slice(from, from + random.below(40)) + text.slice(at + length);
    }
    case 6: {
      const part = text.slice(at, at + length);
      return (
        text.slice(0, at) + (random.chance(0.5) ? part.toUpperCase() : part.toLowerCase()) + text.slice(at + length)
      );
    }
    case 7:
      return random.chance(0.5) ? text.slice(0, at) : text.slice(at);
    default:
      return random.chance(0.5) ? text + other : other + text;
  }
}

/** `count` dialogues made of those given, all with the helpers of the first. */
export function randomDialogues(material: readonly Dialogue[], seed: number, count: number): Dialogue[] {
  const random = new Random(seed);
  const scripts = material.map(scriptOf).filter((script) => script !== null);
  const texts = scripts.flatMap(({ said }) => said.flatMap((one) => (one instanceof Uint8Array ? [] : [one.text])));
  return Array.from({ length: count }, (_, i) => {
    const script = random.pick(scripts);
    const name = `random: ${script.helpers}, seed ${seed}, ${i}`;
    return { name, helpers: script.helpers, packets: timed(retold(random, script, texts)) };
  });
}

const timed = (packets: readonly Uint8Array[]): TimedPacket[] => packets.map((data, time) => ({ time, data }));

function retold(random: Random, script: Script, texts: readonly string[]): Uint8Array[] {
  const { protocol, client, server, sport, dport } = script;
  const lines: Line[] = [];
  const length = { ">": 0, "<": 0 };
  const say = (who: ">" | "<", text: string, how?: number | string) => {
    const bytes = binary(text.slice(0, 1400));
    lines.push([who, bytes, ...(how === undefined ? [] : [how])] as unknown as Line);
    if (typeof how !== "number") length[who] += bytes.length;
  };
  for (const one of script.said) {
    if (random.chance(0.05)) continue;
    if (one instanceof Uint8Array) {
      lines.push(one);
      continue;
    }
    let { text } = one;
    const { who, flags } = one;
    if (random.chance(0.6))
      for (let n = 1 + random.below(3); n > 0; n--) text = changed(random, text, random.pick(texts));
    if (text === "") {
      if (flags !== "PA") say(who, "", flags);
      continue;
    }
    const cut = random.chance(0.15) ? random.below(text.length) : 0;
    if (cut > 0) say(who, text.slice(0, cut));
    say(who, text.slice(cut));
    if (random.chance(0.1)) say(who, random.pick(texts), random.below(length[who] + 10));
    if (random.chance(0.05)) say(who === ">" ? "<" : ">", random.pick(texts));
  }
  if (protocol === 6) return tcpPackets(lines, { client, server, sport, dport });
  return lines.map((line) =>
    line instanceof Uint8Array ? line : udpPacket(line[0], line[1], { client, server, sport, dport }),
  );
}
