// Real captures of many kinds: no crash, as many frames as capinfos counts, the same TCP and UDP endpoints frame by frame
// as tshark finds, and one pair of endpoints per connection. Where the two differ, the table says why.
import { execFile } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { CAPTURES, ctrack } from "./fixture.js";

const run = promisify(execFile);
const maxBuffer = 1 << 28;

/** Frames as capinfos counts them, null when it is not installed or refuses the file. */
async function framesOf(file: string): Promise<number | null> {
  try {
    const { stdout } = await run("capinfos", ["-c", "-M", "-T", "-r", file]);
    return Number(stdout.trim().split("\t")[1]);
  } catch {
    return null;
  }
}

const FIELDS = ["frame.protocols", "ip.src", "ip.dst", "ipv6.src", "ipv6.dst", "tcp.srcport", "tcp.dstport"];
const ARGUMENTS = [...FIELDS, "udp.srcport", "udp.dstport"].flatMap((field) => ["-e", field]);

/** "tcp 10.0.0.1:1025 10.0.0.2:80" per frame, null for what is neither TCP nor UDP in its outermost IP packet. */
async function tsharkEndpoints(file: string): Promise<(string | null)[] | null> {
  const options = [
    "-o",
    "ip.defragment:FALSE",
    "-o",
    "ipv6.defragment:FALSE",
    "-E",
    "occurrence=f",
    "-E",
    "separator=|",
  ];
  try {
    const { stdout } = await run("tshark", ["-r", file, ...options, "-T", "fields", ...ARGUMENTS], { maxBuffer });
    return stdout.split("\n").slice(0, -1).map(endpointsOfFields);
  } catch {
    return null;
  }
}

function endpointsOfFields(line: string): string | null {
  const [protocols = "", src4, dst4, src6, dst6, tcpFrom, tcpTo, udpFrom, udpTo] = line.split("|");
  const outermost = /(?:^|:)(ip|ipv6)(?=:|$)/.exec(protocols);
  const found = /(?:^|:)(ip|ipv6)(?::ipv6\.\w+)*:(tcp|udp)(?=:|$)/.exec(protocols);
  if (!found || found.index !== outermost?.index) return null;
  const [src, dst] = found[1] === "ipv6" ? [src6, dst6] : [src4, dst4];
  const [sport, dport] = found[2] === "tcp" ? [tcpFrom, tcpTo] : [udpFrom, udpTo];
  return `${found[2]} ${src}:${sport} ${dst}:${dport}`;
}

interface Line {
  readonly protocol: string | null;
  readonly src: string;
  readonly dst: string;
  readonly sport?: number | null;
  readonly dport?: number | null;
  readonly state: string | null;
  readonly conn: number | null;
  readonly reason: string | null;
  readonly datagram?: unknown;
}

function endpoints({ protocol, src, dst, sport, dport }: Line): string | null {
  if ((protocol !== "tcp" && protocol !== "udp") || sport === undefined || sport === null) return null;
  return `${protocol} ${src}:${sport} ${dst}:${dport}`;
}

/** A difference that follows from what connection tracking is: it has no ports before the IP layer has let a packet in. */
function explained({ reason, datagram }: Line): boolean {
  return (
    reason?.startsWith("fragment-") || // tshark reads the ports of the first fragment, the kernel those of the datagram
    reason?.startsWith("ip-") || // the IP layer drops it
    datagram !== undefined // a last fragment has the ports of its datagram here, none there
  );
}

const KNOWN: Readonly<Record<string, string>> = {
  "gopacket__be-test202.pcapng": "tshark shows custom blocks as frames; they are no packets",
  "suricata__tcp-session-decode-malformed-ipv4__input.pcap":
    "frame 8: tshark stops at a bad IP option, connection tracking does not look at options",
};

const files = existsSync(CAPTURES) ? readdirSync(CAPTURES).filter((name) => name.includes(".pcap")) : [];

describe("public captures", () => {
  if (files.length === 0) test.skip("the public captures are not beside this repository", () => {});
  for (const name of files) {
    test(name, async () => {
      const { code, stdout, stderr } = await ctrack([CAPTURES + name, "-o", "json"]);
      const lines = stdout
        .split("\n")
        .slice(0, -1)
        .map((line): Line => JSON.parse(line));
      const [counted, theirs] = await Promise.all([framesOf(CAPTURES + name), tsharkEndpoints(CAPTURES + name)]);
      if (code === 3) expect(stderr).toMatch(/byte \d+/);
      else {
        expect(code).toBe(0);
        if (counted !== null) expect(lines.length).toBe(counted);
      }
      for (const line of lines) if (line.state === null || line.state === "INVALID") expect(line.reason).not.toBeNull();
      if (theirs !== null && !KNOWN[name]) {
        const differences = lines.flatMap((line, i) =>
          endpoints(line) === (theirs[i] ?? null) || explained(line) ? [] : [[i + 1, endpoints(line), theirs[i], line]],
        );
        expect(differences).toEqual([]);
      }
      const pairs = new Map<number, string>();
      for (const line of lines) {
        const own = endpoints(line);
        if (line.conn === null || own === null || line.state === "RELATED") continue;
        const [protocol, from, to] = own.split(" ") as [string, string, string];
        const pair = [protocol, ...[from, to].sort()].join(" ");
        expect(pairs.get(line.conn) ?? pair).toBe(pair);
        pairs.set(line.conn, pair);
      }
    });
  }
});
