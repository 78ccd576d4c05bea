// Packets made from a line of text: `+30s tcp 10.0.0.1:1025 > 203.0.113.5:443 SYN,ACK data=100 in=eth0`. Sequence numbers follow
// the conversation unless they are given.

/** A line that makes no packet; the message says what is wanted. */
export class CraftError extends Error {
  override readonly name = "CraftError";
}

export interface Crafted {
  /** From the IP header on. */
  readonly data: Uint8Array;
  /** Nanoseconds since the packet before. */
  readonly after: bigint;
  readonly in?: string;
  readonly out?: string;
}

interface End {
  readonly address: number[];
  readonly port: number | null;
  readonly text: string;
}

const TCP = 6;
const UDP = 17;
const ICMP = 1;
const ICMPV6 = 58;
const PROTOCOLS: Readonly<Record<string, number>> = { tcp: TCP, udp: UDP, icmp: ICMP, icmpv6: ICMPV6 };
const FLAGS: Readonly<Record<string, number>> = { FIN: 1, SYN: 2, RST: 4, PSH: 8, ACK: 16, URG: 32 };
const ICMP_TYPES: Readonly<Record<string, readonly [v4: number, v6: number]>> = {
  "echo-request": [8, 128],
  "echo-reply": [0, 129],
};
const KEYS = ["seq", "ack", "win", "data", "ttl", "id", "type", "code", "in", "out"];
const MILLISECOND = 1_000_000n;
const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

const FORM = "wanted is [+TIME] tcp|udp|icmp|icmpv6 SOURCE > DESTINATION, then flags and KEY=VALUE";

/** Makes packets of one conversation after the other, and remembers where each stands. */
export class Crafter {
  /** Next sequence number by `source > destination`. */
  readonly #next = new Map<string, number>();

  craft(line: string): Crafted {
    const words = wordsIn(line);
    const after = words[0]?.startsWith("+") ? duration(words.shift() as string) : MILLISECOND;
    const [name = "", from = "", arrow, to = "", ...rest] = words;
    const protocol = PROTOCOLS[name];
    if (protocol === undefined || arrow !== ">") throw new CraftError(`"${line}": ${FORM}`);
    const hasPorts = protocol === TCP || protocol === UDP;
    const [source, destination] = [endOf(from, hasPorts), endOf(to, hasPorts)];
    if (source.address.length !== destination.address.length)
      throw new CraftError(`"${line}": one address is of IPv4, the other of IPv6`);
    if ((protocol === ICMPV6) !== (source.address.length === 16) && !hasPorts)
      throw new CraftError(`"${line}": icmp goes with IPv4, icmpv6 with IPv6`);
    const { values, flags } = wordsOf(rest, line);
    const payload = payloadOf(values.get("data"));
    const body =
      protocol === TCP
        ? this.#tcp(source, destination, flags, values, payload)
        : protocol === UDP
          ? udp(source, destination, payload)
          : icmp(protocol, flags, values, payload, line);
    return {
      data: packet(source, destination, protocol, body, number(values, "ttl", 64, 255)),
      after,
      ...(values.has("in") && { in: values.get("in") as string }),
      ...(values.has("out") && { out: values.get("out") as string }),
    };
  }

  #tcp(source: End, destination: End, flags: readonly string[], values: Values, payload: Uint8Array): Uint8Array {
    const bits = flags.reduce((sum, flag) => sum | flagOf(flag), 0);
    const [forth, back] = [`${source.text} > ${destination.text}`, `${destination.text} > ${source.text}`];
    // The one who speaks first begins at 1000, the other at 5000.
    const seq = number(values, "seq", this.#next.get(forth) ?? (this.#next.has(back) ? 5000 : 1000), 0xffffffff);
    const ack = number(values, "ack", bits & 16 ? (this.#next.get(back) ?? 0) : 0, 0xffffffff);
    this.#next.set(forth, (seq + payload.length + (bits & 3 ? 1 : 0)) >>> 0);
    const header = new DataView(new ArrayBuffer(20));
    header.setUint16(0, source.port ?? 0);
    header.setUint16(2, destination.port ?? 0);
    header.setUint32(4, seq);
    header.setUint32(8, ack);
    header.setUint16(12, 0x5000 | bits);
    header.setUint16(14, number(values, "win", 65_535, 65_535));
    return join(header, payload);
  }
}

type Values = ReadonlyMap<string, string>;

function wordsOf(words: readonly string[], line: string): { values: Values; flags: string[] } {
  const values = new Map<string, string>();
  const flags: string[] = [];
  for (const word of words) {
    const [, key, value] = /^([a-z]+)=(.*)$/.exec(word) ?? [];
    if (key === undefined) flags.push(...word.split(/[,/]/));
    else if (KEYS.includes(key)) values.set(key, value ?? "");
    else throw new CraftError(`"${line}": ${key} is not one of ${KEYS.join(", ")}`);
  }
  return { values, flags };
}

function number(values: Values, key: string, usual: number, most: number): number {
  const text = values.get(key);
  if (text === undefined) return usual;
  const value = /^(0x[0-9a-f]+|\d+)$/i.test(text) ? Number(text) : Number.NaN;
  if (!(value <= most)) throw new CraftError(`${key}=${text}: wanted is a number of 0 to ${most}`);
  return value;
}

function flagOf(name: string): number {
  if (name === "none") return 0;
  const flag = FLAGS[name.toUpperCase()];
  if (flag === undefined)
    throw new CraftError(`"${name}" is no flag of TCP; wanted are ${Object.keys(FLAGS).join(", ")} or none`);
  return flag;
}

function duration(text: string): bigint {
  const [, digits, unit = "s"] = /^\+(\d+(?:\.\d+)?)(ms|s|m|h|d)?$/.exec(text) ?? [];
  if (digits === undefined) throw new CraftError(`"${text}": wanted is a time like +30s, +500ms or +2h`);
  return BigInt(Math.round(Number(digits) * (UNITS[unit] as number))) * MILLISECOND;
}

/** Words between spaces; a word with quotes goes on behind spaces up to the closing one. */
function wordsIn(line: string): string[] {
  const words: string[] = line.match(/(?:[^\s"]|"(?:[^"\\]|\\.)*")+|"/g) ?? [];
  if (words.includes('"')) throw new CraftError(`"${line}": a quote is not closed`);
  return words;
}

const ESCAPES: Readonly<Record<string, string>> = { r: "\r", n: "\n", t: "\t", 0: "\0" };

/** `\r`, `\n`, `\t`, `\0`, `\x01`; any other character behind a backslash is itself. Each is a byte. */
function quotedBytes(text: string): Uint8Array {
  const plain = text.replace(/\\(?:x([0-9a-fA-F]{2})|(.))/g, (_, hex?: string, letter = "") =>
    hex === undefined ? (ESCAPES[letter] ?? letter) : String.fromCharCode(Number.parseInt(hex, 16)),
  );
  return Uint8Array.from(plain, (char) => char.charCodeAt(0));
}

/** `data=100`: so many bytes; `data="PORT 10,0,0,1,4,1\r\n"`: these; any other text stands for itself. */
function payloadOf(text: string | undefined): Uint8Array {
  if (text === undefined) return new Uint8Array(0);
  const [, quoted] = /^"(.*)"$/s.exec(text) ?? [];
  if (quoted !== undefined) return quotedBytes(quoted);
  return /^\d{1,4}$/.test(text) ? new Uint8Array(Number(text)) : new TextEncoder().encode(text);
}

// ---- Addresses ------------------------------------------------------------------------------------------------------

/** 10.0.0.1:80, [2001:db8::1]:80, or without a port. */
export function endOf(text: string, hasPort: boolean): End {
  const [, six, four, port] = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d{1,5}))?$/.exec(text) ?? [];
  const address = addressOf(six ?? four ?? text);
  if (hasPort && (port === undefined || Number(port) > 65_535))
    throw new CraftError(`"${text}": wanted is ADDRESS:PORT; an address of IPv6 stands in brackets`);
  return { address, port: hasPort ? Number(port) : null, text: `${address.join(".")}:${port ?? ""}` };
}

function addressOf(text: string): number[] {
  const four = text.split(".").map(Number);
  if (/^\d{1,3}(\.\d{1,3}){3}$/.test(text) && four.every((byte) => byte < 256)) return four;
  const [left = "", right] = text.split("::");
  const groups = (half: string | undefined) => (half ? half.split(":") : []);
  const missing = 8 - groups(left).length - groups(right).length;
  const all = [
    ...groups(left),
    ...Array<string>(right === undefined ? 0 : Math.max(0, missing)).fill("0"),
    ...groups(right),
  ];
  if (!text.includes(":") || all.length !== 8 || !all.every((group) => /^[0-9a-f]{1,4}$/i.test(group)))
    throw new CraftError(`"${text}" is no address`);
  return all.flatMap((group) => [Number.parseInt(group, 16) >> 8, Number.parseInt(group, 16) & 0xff]);
}

// ---- Bytes ----------------------------------------------------------------------------------------------------------

const join = (header: DataView<ArrayBuffer>, payload: Uint8Array): Uint8Array => {
  const bytes = new Uint8Array(header.byteLength + payload.length);
  bytes.set(new Uint8Array(header.buffer));
  bytes.set(payload, header.byteLength);
  return bytes;
};

function udp(source: End, destination: End, payload: Uint8Array): Uint8Array {
  const header = new DataView(new ArrayBuffer(8));
  header.setUint16(0, source.port ?? 0);
  header.setUint16(2, destination.port ?? 0);
  header.setUint16(4, 8 + payload.length);
  return join(header, payload);
}

function icmp(
  protocol: number,
  words: readonly string[],
  values: Values,
  payload: Uint8Array,
  line: string,
): Uint8Array {
  const [name] = words;
  const named = name === undefined ? undefined : ICMP_TYPES[name];
  if (name !== undefined && !named)
    throw new CraftError(
      `"${line}": "${name}" is not one of ${Object.keys(ICMP_TYPES).join(", ")}; others by type=N code=N`,
    );
  const header = new DataView(new ArrayBuffer(8));
  header.setUint8(0, number(values, "type", named?.[protocol === ICMP ? 0 : 1] ?? 0, 255));
  header.setUint8(1, number(values, "code", 0, 255));
  header.setUint16(4, number(values, "id", 1, 65_535));
  header.setUint16(6, number(values, "seq", 1, 65_535));
  return join(header, payload);
}

/** Where the checksum stands in the header of the protocol. */
const CHECKSUM_AT: Readonly<Record<number, number>> = { [TCP]: 16, [UDP]: 6, [ICMP]: 2, [ICMPV6]: 2 };

function packet(source: End, destination: End, protocol: number, body: Uint8Array, ttl: number): Uint8Array {
  const four = source.address.length === 4;
  const header = new DataView(new ArrayBuffer(four ? 20 : 40));
  const bytes = new Uint8Array(header.buffer);
  if (four) {
    header.setUint8(0, 0x45);
    header.setUint16(2, 20 + body.length);
    header.setUint8(8, ttl);
    header.setUint8(9, protocol);
    bytes.set([...source.address, ...destination.address], 12);
    header.setUint16(10, checksum([bytes]));
  } else {
    header.setUint8(0, 0x60);
    header.setUint16(4, body.length);
    header.setUint8(6, protocol);
    header.setUint8(7, ttl);
    bytes.set([...source.address, ...destination.address], 8);
  }
  const pseudo = new Uint8Array([
    ...source.address,
    ...destination.address,
    0,
    protocol,
    body.length >> 8,
    body.length & 0xff,
  ]);
  const sum = checksum(protocol === ICMP ? [body] : [pseudo, body]);
  new DataView(body.buffer, body.byteOffset).setUint16(
    CHECKSUM_AT[protocol] as number,
    protocol === UDP && sum === 0 ? 0xffff : sum,
  );
  return join(header, body);
}

/** The one of the internet (RFC 1071) over parts that each begin at an even place. */
function checksum(parts: readonly Uint8Array[]): number {
  let sum = 0;
  for (const part of parts) for (let i = 0; i < part.length; i += 2) sum += ((part[i] ?? 0) << 8) | (part[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return 0xffff - sum;
}
