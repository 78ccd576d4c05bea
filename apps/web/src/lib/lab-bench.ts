// The lab's hosts, what they can send, and the sequence numbers of their conversations.
import { FLAG, icmpError, ping, tcp, udp } from "./wire";

export type HostName = "client" | "server" | "stranger";

export interface Host {
  readonly title: string;
  readonly address: string;
}

export const HOSTS: Readonly<Record<HostName, Host>> = {
  client: { title: "Client", address: "10.0.0.1" },
  server: { title: "Server", address: "192.0.2.80" },
  stranger: { title: "Stranger", address: "198.51.100.66" },
};

/** Who talks to whom; the opener sends the first packet when all is as it should be. */
export interface Conversation {
  readonly id: string;
  readonly title: string;
  readonly opener: HostName;
  readonly answerer: HostName;
  readonly sport: number;
  readonly dport: number;
}

const ACTIVE_PORT = 40_001;
const PASSIVE_PORT = 50_008;

export const CONVERSATIONS = [
  { id: "web", title: "Web", opener: "client", answerer: "server", sport: 40_000, dport: 80 },
  { id: "dns", title: "DNS", opener: "client", answerer: "server", sport: 40_000, dport: 53 },
  { id: "ftp", title: "FTP control", opener: "client", answerer: "server", sport: 40_000, dport: 21 },
  { id: "active", title: "FTP data, active", opener: "server", answerer: "client", sport: 20, dport: ACTIVE_PORT },
  {
    id: "passive",
    title: "FTP data, passive",
    opener: "client",
    answerer: "server",
    sport: 40_002,
    dport: PASSIVE_PORT,
  },
  { id: "scan", title: "A scan", opener: "stranger", answerer: "client", sport: 4444, dport: 22 },
] as const satisfies readonly Conversation[];

export type ConversationId = (typeof CONVERSATIONS)[number]["id"];

export const conversation = (id: ConversationId): Conversation =>
  CONVERSATIONS.find((each) => each.id === id) as Conversation;

/** `192,0,2,80,195,88`: an address and port as FTP writes them. */
const ftpPort = (host: HostName, port: number) => [...HOSTS[host].address.split("."), port >> 8, port & 255].join(",");

export interface Kind {
  readonly id: string;
  readonly title: string;
  readonly group: "TCP" | "FTP" | "Other" | "Error";
  /** Said beside the button. */
  readonly about?: string;
  readonly flags?: number;
  readonly data?: string;
  /** Only this host sends it. */
  readonly only?: HostName;
  /** An ICMP error about the last packet that came in. */
  readonly error?: readonly [type: number, code: number];
}

export const KINDS = [
  { id: "syn", title: "SYN", group: "TCP", flags: FLAG.SYN },
  { id: "synack", title: "SYN/ACK", group: "TCP", flags: FLAG.SYN | FLAG.ACK },
  { id: "ack", title: "ACK", group: "TCP", flags: FLAG.ACK },
  { id: "data", title: "Data", group: "TCP", flags: FLAG.PSH | FLAG.ACK, data: "GET / HTTP/1.0\r\n\r\n" },
  { id: "fin", title: "FIN", group: "TCP", flags: FLAG.FIN | FLAG.ACK },
  { id: "rst", title: "RST", group: "TCP", flags: FLAG.RST | FLAG.ACK },
  { id: "null", title: "No flags", group: "TCP", only: "stranger", flags: 0, about: "a scanner's NULL probe" },
  {
    id: "xmas",
    title: "Xmas",
    group: "TCP",
    only: "stranger",
    flags: FLAG.FIN | FLAG.PSH | FLAG.URG,
    about: "FIN, PSH and URG: a scanner's probe",
  },
  { id: "udp", title: "UDP", group: "Other", data: "hello" },
  { id: "ping", title: "Ping", group: "Other", about: "echo request; its id is the opener's port number" },
  { id: "pong", title: "Pong", group: "Other", about: "echo reply" },
  {
    id: "port-unreachable",
    title: "No port",
    group: "Error",
    error: [3, 3],
    about: "ICMP port unreachable, about the last packet that came in",
  },
  {
    id: "host-unreachable",
    title: "No host",
    group: "Error",
    error: [3, 1],
    about: "ICMP host unreachable, about the last packet that came in",
  },
  {
    id: "time-exceeded",
    title: "TTL over",
    group: "Error",
    error: [11, 0],
    about: "ICMP time exceeded, about the last packet that came in",
  },
  { id: "user", title: "USER", group: "FTP", only: "client", flags: FLAG.PSH | FLAG.ACK, data: "USER anonymous\r\n" },
  {
    id: "220",
    title: "220",
    group: "FTP",
    only: "server",
    flags: FLAG.PSH | FLAG.ACK,
    data: "220 Ready.\r\n",
    about: "the server's greeting",
  },
  {
    id: "port",
    title: "PORT",
    group: "FTP",
    only: "client",
    flags: FLAG.PSH | FLAG.ACK,
    data: `PORT ${ftpPort("client", ACTIVE_PORT)}\r\n`,
    about: `“connect to me at port ${ACTIVE_PORT}”`,
  },
  {
    id: "227",
    title: "227",
    group: "FTP",
    only: "server",
    flags: FLAG.PSH | FLAG.ACK,
    data: `227 Entering Passive Mode (${ftpPort("server", PASSIVE_PORT)}).\r\n`,
    about: `“connect to me at port ${PASSIVE_PORT}”`,
  },
] as const satisfies readonly Kind[];

export type KindId = (typeof KINDS)[number]["id"];

/** A packet on its way. */
export interface Sent {
  readonly kind: KindId;
  readonly from: HostName;
  readonly to: HostName;
  readonly text: string;
  readonly packet: Uint8Array;
}

/** Initial sequence numbers of opener and answerer. */
const INITIAL = { opener: 1000, answerer: 5000 };
const FAR_OUT = 5_000_000;

export class Bench {
  readonly #numbers = new Map<string, { opener: number; answerer: number }>();
  /** The last packet each host got, for errors about it. */
  readonly #arrived = new Map<HostName, Sent>();

  /** A host can send an error only about something. */
  hasArrived(host: HostName): boolean {
    return this.#arrived.has(host);
  }

  /** Puts a packet together; `astray`: with sequence numbers far out of the window. */
  compose(id: KindId, from: HostName, talk: Conversation, astray: boolean): Sent {
    const kind: Kind = KINDS.find((each) => each.id === id) as Kind;
    const side = from === talk.opener ? "opener" : "answerer";
    const to = side === "opener" ? talk.answerer : talk.opener;
    const sent = (packet: Uint8Array, receiver = to, text = kind.title): Sent => {
      const whole: Sent = { kind: id, from, to: receiver, text, packet };
      if (!kind.error) this.#arrived.set(receiver, whole);
      return whole;
    };
    const [src, dst] = [HOSTS[from].address, HOSTS[to].address];
    const [sport, dport] = side === "opener" ? [talk.sport, talk.dport] : [talk.dport, talk.sport];
    const ends = { src, dst, sport, dport };
    if (kind.error) {
      const about = this.#arrived.get(from);
      if (about === undefined) throw new Error("nothing has come in that an error could be about");
      const error = icmpError(src, HOSTS[about.from].address, ...kind.error, about.packet);
      return sent(error, about.from, `${kind.about?.split(",")[0]}, about the ${about.text}`);
    }
    if (id === "udp") return sent(udp(ends, kind.data));
    if (id === "ping" || id === "pong") return sent(ping(src, dst, id === "ping" ? 8 : 0, talk.sport));
    return sent(
      this.#segment(kind, side, talk, ends, astray),
      to,
      `${kind.data?.trim().split(" HTTP")[0] ?? kind.title}${astray ? ", far out of the window" : ""}`,
    );
  }

  #segment(
    kind: Kind,
    side: "opener" | "answerer",
    talk: Conversation,
    ends: Parameters<typeof tcp>[0],
    astray: boolean,
  ) {
    const { flags = 0, data = "" } = kind;
    const key = `${talk.opener} ${talk.sport} ${talk.answerer} ${talk.dport}`;
    const numbers = (flags !== FLAG.SYN && this.#numbers.get(key)) || { ...INITIAL };
    this.#numbers.set(key, numbers);
    const other = side === "opener" ? "answerer" : "opener";
    const segment = tcp(ends, flags, numbers[side] + (astray ? FAR_OUT : 0), numbers[other], data);
    if (!astray) numbers[side] += data.length + (flags & (FLAG.SYN | FLAG.FIN) ? 1 : 0);
    return segment;
  }
}
