// How many flows real captures hold: as many as tshark counts, and where the two see different flows, the frames
// themselves have to show why.
import { execFile } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { CAPTURES, ctrack } from "./fixture.js";

const run = promisify(execFile);
const path = (name: string) => CAPTURES + name;
const lines = (text: string) => text.split("\n").slice(0, -1);
const here = existsSync(CAPTURES);

async function present(program: string): Promise<boolean> {
  return run(program, ["--version"]).then(
    () => true,
    () => false,
  );
}
const tshark = here && (await present("tshark"));

/** Frames as capinfos counts them, TCP and UDP streams as tshark does (`-Y "not icmp and not icmpv6"`: no quotes). */
const COUNTED: readonly (readonly [name: string, frames: number, tcp: number, udp: number])[] = [
  ["PcapPlusPlus__IcmpPackets.pcap", 15, 0, 0],
  ["PcapPlusPlus__ip6_fragments.pcap", 36, 0, 2],
  ["PcapPlusPlus__many-protocols.pcap", 4709, 126, 127],
  ["PcapPlusPlus__nanosecs_big_endian.pcap", 10, 1, 0],
  ["PcapPlusPlus__raw_ip.pcap", 100, 6, 4],
  ["arkime__arkime_synthetic.pcap", 918, 98, 91],
  ["arkime__dot1ad.pcap", 2, 0, 0],
  ["arkime__sctp-www.pcap", 84, 0, 0],
  ["arkime__socks5-http-302-frag.pcap", 72, 1, 0],
  ["arkime__v6.pcap", 161, 1, 31],
  ["arkime__wireshark-esp.pcap", 240, 0, 0],
  ["arkime__wireshark-retrans.pcap", 108, 1, 0],
  ["dnscap__dlt228-frags.pcap", 495, 0, 41],
  ["dpkt__nb6-http.pcap", 62, 3, 9],
  ["gopacket__be-test202.pcapng", 8, 0, 3],
  ["ipfixprobe__netbios.pcap", 20, 0, 13],
  ["ipfixprobe__rtsp.pcap", 20, 2, 0],
  ["libpcap__AH-IPcomp-IPv6.pcap", 15, 1, 0],
  ["mercury__emix.pcap", 7133, 488, 204],
  ["mercury__pppoe_double_vlan_tagging.pcap", 432, 3, 0],
  ["nDPI__6in4tunnel.pcap", 127, 5, 2],
  ["nDPI__ethereum.pcap", 2000, 56, 18],
  ["nDPI__h323.pcap", 75, 4, 2],
  ["nDPI__sip.pcap", 112, 0, 4],
  ["nDPI__tcp_scan.pcapng", 30, 7, 0],
  ["suricata__decode-sll2-01__input.pcap", 5, 1, 0],
  ["suricata__ftp-bounce__test.pcap", 34, 2, 0],
  ["suricata__hdlc-http_1tx.pcap", 17, 1, 0],
  ["suricata__http-range-multiflows__input.pcap", 614, 41, 0],
  ["suricata__ipv6-frag-28.pcap", 14, 0, 1],
  ["suricata__output-eve-tftp-01__input.pcap", 99, 0, 2],
  ["suricata__split-handshake-4whs.pcap", 7, 1, 0],
  ["suricata__tcp-async-01__input.pcap", 139, 1, 0],
  ["suricata__tcp-session-decode-malformed-ipv4__input.pcap", 11, 1, 0],
  ["suricata__tcp-session-stream-out-of-window__input.pcap", 3, 1, 0],
  ["suricata__tcp-session-syn-flood-drop-precedence__input.pcap", 200, 200, 0],
  ["suricata__tls_DER-incomplete-header.pcap", 6, 1, 0],
  ["suricata__vxlan.pcap", 100, 4, 13],
  ["tcpdump__afs.pcap", 601, 0, 14],
  ["tcpdump__dccp_partial_csum_v4_longer.pcap", 15, 0, 0],
  ["tcpdump__mpls-traceroute.pcap", 18, 0, 9],
  ["tcpdump__pptp.pcap", 23, 1, 0],
  ["wireshark__communityid.pcap.gz", 105, 2, 1],
  ["zeek__Teredo.pcap", 78, 4, 6],
  ["zeek__ftp-bigtransfer.pcap", 83, 3, 0],
  ["zeek__ftp-ipv4.pcap", 95, 5, 0],
  ["zeek__ftp-ipv6.pcap", 136, 6, 0],
  ["zeek__geneve-47101.pcap", 24, 1, 1],
  ["zeek__gre-sample.pcap", 40, 1, 4],
  ["zeek__gtp1_gn_normal_incl_fragmentation.pcap", 108, 1, 1],
  ["zeek__handshake-reorder.pcap", 14, 1, 0],
  ["zeek__ipv6-http-atomic-frag.pcap", 38, 4, 0],
  ["zeek__irc-dcc-send.pcapng", 1184, 3, 0],
  ["zeek__irc-starttls.pcap", 20, 1, 0],
  ["zeek__missing-syn.pcap", 21, 1, 0],
  ["zeek__nflog-http.pcap", 13, 1, 0],
  ["zeek__radiotap.pcap", 3, 0, 2],
  ["zeek__rst-inject-rae.pcap", 9, 1, 0],
  ["zeek__tcp-fast-open.pcap", 16, 2, 0],
  ["zeek__tcp-reassembly.pcap", 117, 1, 0],
];

/** The one file whose last record is damaged. */
const DAMAGED = "suricata__tls_DER-incomplete-header.pcap";

/** Other numbers of TCP and UDP flows than tshark's, and why. */
const DIFFERENT: Readonly<Record<string, { flows: Flows; why: string }>> = {
  "PcapPlusPlus__ip6_fragments.pcap": { flows: [0, 3], why: "an entry times out between datagrams" },
  "arkime__arkime_synthetic.pcap": {
    flows: [94, 95],
    why: "scans with impossible flags are INVALID and open nothing; UDP times out; UDP in IP in IP is protocol 4",
  },
  "dpkt__nb6-http.pcap": { flows: [2, 9], why: "TCP inside L2TP is UDP" },
  "ipfixprobe__netbios.pcap": { flows: [0, 16], why: "UDP times out between broadcasts" },
  "libpcap__AH-IPcomp-IPv6.pcap": { flows: [0, 0], why: "TCP behind AH is protocol 51" },
  "mercury__emix.pcap": {
    flows: [479, 216],
    why: "segments that open nothing (a SYN/ACK, an RST) are INVALID; UDP times out",
  },
  "nDPI__6in4tunnel.pcap": { flows: [0, 0], why: "IPv6 in IPv4 is protocol 41" },
  "nDPI__h323.pcap": { flows: [4, 5], why: "UDP times out between messages" },
  "nDPI__sip.pcap": { flows: [0, 7], why: "UDP times out between messages" },
  "nDPI__tcp_scan.pcapng": { flows: [4, 0], why: "Xmas, null and FIN scans are INVALID, open nothing" },
  "suricata__vxlan.pcap": { flows: [0, 14], why: "TCP inside VXLAN is UDP, which times out once" },
  "tcpdump__afs.pcap": { flows: [0, 16], why: "UDP times out between calls" },
  "zeek__Teredo.pcap": { flows: [4, 7], why: "UDP times out once" },
  "zeek__geneve-47101.pcap": { flows: [0, 1], why: "TCP inside Geneve is UDP" },
  "zeek__gre-sample.pcap": { flows: [0, 0], why: "what is inside GRE is GRE" },
  "zeek__gtp1_gn_normal_incl_fragmentation.pcap": { flows: [0, 1], why: "TCP inside GTP is UDP" },
  "zeek__rst-inject-rae.pcap": {
    flows: [2, 0],
    why: "a SYN on a connection reset before opens a new one",
  },
};

type Flows = readonly [tcp: number, udp: number];

interface Row {
  readonly frame: number;
  readonly time: string;
  readonly protocol: string | null;
  readonly state: string | null;
  readonly conn: number | null;
  readonly reason: string | null;
  readonly after?: { readonly protocolState?: string };
}

/** Stream numbers by frame, of the outermost transport header as far as tshark tells; ICMP quotes left out. */
async function streamsOf(name: string): Promise<{ frame: number; tcp: string; udp: string }[]> {
  const fields = ["frame.number", "tcp.stream", "udp.stream"].flatMap((field) => ["-e", field]);
  const args = ["-n", "-r", path(name), "-Y", "not icmp and not icmpv6", "-T", "fields", "-E", "occurrence=f"];
  const { stdout } = await run("tshark", [...args, ...fields], { maxBuffer: 1 << 28 }).catch((error) => error);
  return lines(stdout).map((line) => {
    const [frame = "", tcp = "", udp = ""] = line.split("\t");
    return { frame: Number(frame), tcp, udp };
  });
}

const count = (values: Iterable<unknown>) => new Set(values).size;
const seconds = (time: string) => Number(time);

/** Why two connections of one stream follow each other: the first had time to expire, or had been closed. */
function ended(earlier: Row, later: Row): boolean {
  // a packet behind which there is no entry ended it
  const closed =
    earlier.after === undefined || ["CLOSE", "TIME_WAIT", "LAST_ACK"].includes(earlier.after.protocolState ?? "");
  return closed || seconds(later.time) - seconds(earlier.time) >= (earlier.protocol === "udp" ? 30 : 10);
}

function unexplained(rows: readonly Row[], streams: Awaited<ReturnType<typeof streamsOf>>): string[] {
  const found: string[] = [];
  for (const protocol of ["tcp", "udp"] as const) {
    const streamOf = new Map<number, string>();
    const lastOf = new Map<string, Row>();
    for (const each of streams) {
      const stream = each[protocol];
      const row = rows[each.frame - 1];
      if (stream === "" || row === undefined || row.protocol !== protocol) continue; // inside another protocol
      if (row.conn === null) {
        if (row.reason === null) found.push(`frame ${row.frame}: no connection and no reason`);
        continue;
      }
      if ((streamOf.get(row.conn) ?? stream) !== stream)
        found.push(`frame ${row.frame}: connection ${row.conn} holds streams ${streamOf.get(row.conn)} and ${stream}`);
      streamOf.set(row.conn, stream);
      const last = lastOf.get(stream);
      if (last && last.conn !== row.conn && !ended(last, row))
        found.push(`frame ${row.frame}: ${protocol} stream ${stream} became another connection too early`);
      lastOf.set(stream, row);
    }
  }
  return found;
}

async function rowsOf(name: string): Promise<Row[]> {
  const { code, stdout, stderr } = await ctrack([path(name), "-o", "json", "-q", "--checksum", "ignore"]);
  expect(code).toBe(name === DAMAGED ? 3 : 0);
  if (code === 3) expect(stderr).toMatch(/byte \d+/);
  return lines(stdout).map((line) => JSON.parse(line) as Row);
}

describe.skipIf(!here)("real captures (left out: they are not beside this repository)", () => {
  test("are those of the table", () => {
    const files = readdirSync(CAPTURES).filter((name) => name.includes(".pcap"));
    expect(COUNTED.map(([name]) => name)).toEqual(files.sort());
    expect(files).toHaveLength(60);
  });

  test.concurrent.each(COUNTED)("%s: %i frames, each with a state or a reason", async (name, frames, tcp, udp) => {
    const rows = await rowsOf(name);
    expect(rows.map(({ frame }) => frame)).toEqual(Array.from({ length: frames }, (_, i) => i + 1));
    expect(rows.filter(({ state, reason }) => (state === null || state === "INVALID") && reason === null)).toEqual([]);
    const flows = ["tcp", "udp"].map((protocol) =>
      count(rows.flatMap((row) => (row.protocol === protocol && row.conn !== null ? [row.conn] : []))),
    );
    expect(flows).toEqual(DIFFERENT[name]?.flows ?? [tcp, udp]);
    if (DIFFERENT[name] && tshark) expect(unexplained(rows, await streamsOf(name))).toEqual([]);
  });

  test("all of them in one run, as text, checksums verified: a line for every frame, and the heading", async () => {
    const { code, stdout, stderr } = await ctrack([...COUNTED.map(([name]) => path(name)), "-o", "text"]);
    const end = stdout.indexOf("\n\n") + 1;
    expect([code, lines(stdout.slice(0, end)).length]).toEqual([
      3,
      COUNTED.reduce((sum, [, frames]) => sum + frames, 1),
    ]);
    expect(stderr).toContain("--checksum ignore");
  });
});
