// Rules by themselves: rounding, options, address and clock text, and what no recording holds.
import { describe, expect, test } from "vitest";
import { formatConntrack, formatProc, formatSave, formatXml, formatXmlFlow } from "../../src/format/index.js";
import { ASSURED, CONFIRMED, flow, HW_OFFLOAD, OFFLOAD, SECOND, SEEN_REPLY } from "./flow.js";

const tcp = flow({
  l4proto: 6,
  protocol: "tcp",
  protocolState: "ESTABLISHED",
  timeout: 431999n * SECOND + 999_999_999n,
  status: SEEN_REPLY | ASSURED | CONFIRMED,
  original: { src: "10.0.1.2", dst: "10.0.2.2", sport: 1000, dport: 80 },
  reply: { src: "10.0.2.2", dst: "10.0.1.2", sport: 80, dport: 1000 },
});
const udp = flow({
  l4proto: 17,
  protocol: "udp",
  timeout: 29n * SECOND,
  original: { src: "10.0.1.2", dst: "10.0.2.2", sport: 1, dport: 53 },
  reply: { src: "10.0.2.2", dst: "10.0.1.2", sport: 53, dport: 1 },
});

test("seconds are truncated", () => {
  expect(formatProc(tcp)).toBe(
    "ipv4     2 tcp      6 431999 ESTABLISHED src=10.0.1.2 dst=10.0.2.2 sport=1000 dport=80 src=10.0.2.2 dst=10.0.1.2 sport=80 dport=1000 [ASSURED] mark=0 zone=0 use=2",
  );
});

test("a protocol above 99 keeps the columns", () => {
  expect(formatProc(flow({ ...udp, l4proto: 255, protocol: "unknown", timeout: 600n * SECOND }))).toBe(
    "ipv4     2 unknown  255 600 src=10.0.1.2 dst=10.0.2.2 [UNREPLIED] src=10.0.2.2 dst=10.0.1.2 mark=0 zone=0 use=2",
  );
});

describe("labels", () => {
  const labelled = { ...udp, mark: 42, labels: [5, 6] };
  const line =
    "udp      17 29 src=10.0.1.2 dst=10.0.2.2 sport=1 dport=53 [UNREPLIED] src=10.0.2.2 dst=10.0.1.2 sport=53 dport=1 mark=42 use=1";

  test("without the option: none", () => expect(formatConntrack(labelled)).toBe(line));
  test("by name; bits without one are left out", () => {
    expect(formatConntrack(labelled, { labels: { 5: "five" } })).toBe(`${line} labels=five`);
    // the tool writes the word, even when no name follows
    expect(formatConntrack(labelled, { labels: { 7: "seven" } })).toBe(`${line} labels`);
    expect(formatXmlFlow(labelled, { labels: {} })).toContain("<labels></labels>");
    expect(formatConntrack(udp, { labels: { 5: "five" } })).not.toContain("labels");
  });
  test("by number", () => expect(formatConntrack(labelled, { labels: true })).toBe(`${line} labels=5,6`));
  test("escaped in XML", () => {
    expect(formatXmlFlow(labelled, { labels: { 5: "<a&b>" } })).toContain(
      "<labels><label>&lt;a&amp;b&gt;</label></labels>",
    );
  });
});

describe("delta-time", () => {
  // 999 ms apart, over the turn of a second
  const young = { ...udp, start: 1700000000_500_000_000n, time: 1700000001_499_000_000n };

  test("/proc truncates the difference", () => expect(formatProc(young)).toContain(" delta-time=0 "));
  test("the tool subtracts whole seconds", () => expect(formatConntrack(young)).toContain(" delta-time=1 "));
  test("in XML too", () => expect(formatXmlFlow(young)).toContain("<deltatime>1</deltatime>"));
  test("is absent when the time of the copy is not known", () => {
    const { time: _, ...unknown } = young;
    expect(formatProc(unknown)).not.toContain("delta-time");
    expect(formatConntrack(unknown)).not.toContain("delta-time");
    expect(formatXmlFlow(unknown)).not.toContain("deltatime");
  });
});

describe("offload", () => {
  const offloaded = { ...tcp, status: tcp.status | OFFLOAD };

  test("neither timeout nor state", () => {
    expect(formatProc(offloaded)).toBe(
      "ipv4     2 tcp      6 src=10.0.1.2 dst=10.0.2.2 sport=1000 dport=80 src=10.0.2.2 dst=10.0.1.2 sport=80 dport=1000 [OFFLOAD] mark=0 zone=0 use=2",
    );
    expect(formatConntrack(offloaded)).toContain("tcp      6 src=");
  });
  test("hardware comes first", () => {
    expect(formatProc({ ...offloaded, status: offloaded.status | HW_OFFLOAD })).toContain(" [HW_OFFLOAD] mark=");
  });
});

describe("IPv6 text", () => {
  const six = { ...udp, l3num: 10 as const, reply: { src: "fd02::2", dst: "::5:0", sport: 53, dport: 1 } };
  const line = (src: string) => formatConntrack({ ...six, original: { src, dst: "fd02::2", sport: 1, dport: 53 } });
  const proc = (src: string) => formatProc({ ...six, original: { src, dst: "fd02::2", sport: 1, dport: 53 } });

  // as conntrack -L printed them
  test.each([
    ["::ffff:1.2.3.4", "::ffff:1.2.3.4"],
    ["::ffff:0:1", "::ffff:0.0.0.1"],
    ["::ffff:0:0", "::ffff:0.0.0.0"],
    ["::1.2.3.4", "::1.2.3.4"],
    ["::5:0", "::0.5.0.0"],
    ["::1:2:3", "::1:2:3"],
    ["::abcd:1.2.3.4", "::abcd:102:304"],
    ["64:ff9b::1.2.3.4", "64:ff9b::102:304"],
    ["::", "::"],
    ["::1", "::1"],
    ["2001:db8::1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
    ["1:0:0:2:0:0:0:3", "1:0:0:2::3"],
    ["1:0:0:2:0:0:3:4", "1::2:0:0:3:4"],
    ["1:0:2:0:0:3:0:0", "1:0:2::3:0:0"],
    ["0:1:0:1:0:1:0:1", "0:1:0:1:0:1:0:1"],
    ["1:2:3:4:5:6:7:0", "1:2:3:4:5:6:7:0"],
    ["1:2:3:4:5:6:0:0", "1:2:3:4:5:6::"],
    ["0:2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"],
    ["0:0:3:4:5:6:7:8", "::3:4:5:6:7:8"],
  ])("%s is %s for the tools", (given, text) => expect(line(given)).toContain(` src=${text} dst=fd02::2 `));

  test.each([
    ["::", "0000:0000:0000:0000:0000:0000:0000:0000"],
    ["::ffff:1.2.3.4", "0000:0000:0000:0000:0000:ffff:0102:0304"],
    ["1:0:2::3:0:0", "0001:0000:0002:0000:0000:0003:0000:0000"],
    ["fe80::", "fe80:0000:0000:0000:0000:0000:0000:0000"],
  ])("%s is %s in /proc", (given, text) => expect(proc(given)).toContain(` src=${text} dst=`));

  test.each(["", "::1::2", "1:2:3", "1:2:3:4:5:6:7:8:9"])("%j is no address and stays", (given) => {
    expect(line(given)).toContain(` src=${given} dst=`);
    expect(proc(given)).toContain(` src=${given} dst=`);
  });
});

describe("ctime", () => {
  const born = { ...udp, start: 1700000000_123_456_789n };
  const start = (timeZone: string, time = born.start) =>
    /\[start=([^\]]*)\]/.exec(formatConntrack({ ...born, start: time }, { ktimestamp: true, timeZone }))?.[1];

  test("UTC", () => expect(start("UTC")).toBe("Tue Nov 14 22:13:20 2023"));
  test("another zone", () => expect(start("Asia/Kolkata")).toBe("Wed Nov 15 03:43:20 2023"));
  test("midnight is hour 0", () => expect(start("UTC", 1699920000n * SECOND)).toBe("Tue Nov 14 00:00:00 2023"));
  test("a day of one digit", () => expect(start("UTC", 0n)).toBe("Thu Jan  1 00:00:00 1970"));
  test("by default the machine's zone", () => {
    const here = Intl.DateTimeFormat().resolvedOptions().timeZone;
    expect(formatConntrack(born, { ktimestamp: true })).toContain(`[start=${start(here)}]`);
  });
});

test("an XML document", () => {
  const element =
    '<flow><meta direction="original"><layer3 protonum="2" protoname="ipv4"><src>10.0.1.2</src><dst>10.0.2.2</dst></layer3><layer4 protonum="6" protoname="tcp"><sport>1000</sport><dport>80</dport></layer4></meta><meta direction="reply"><layer3 protonum="2" protoname="ipv4"><src>10.0.2.2</src><dst>10.0.1.2</dst></layer3><layer4 protonum="6" protoname="tcp"><sport>80</sport><dport>1000</dport></layer4></meta><meta direction="independent"><state>ESTABLISHED</state><timeout>431999</timeout><mark>0</mark><use>1</use><id>1</id><assured/></meta></flow>';
  expect(formatXml([tcp, tcp])).toBe(
    `<?xml version="1.0" encoding="utf-8"?>\n<conntrack>\n${element}\n${element}\n</conntrack>\n`,
  );
});

test("a reply address that differs without address translation is -r and -q", () => {
  // conntrack -I -r 5.5.5.5
  expect(formatSave({ ...udp, reply: { ...udp.reply, src: "5.5.5.5" } })).toBe(
    "-A -t 29 -u UNSET -s 10.0.1.2 -d 10.0.2.2 -r 5.5.5.5 -q 10.0.1.2 -p udp --sport 1 --dport 53 --reply-port-src 53 --reply-port-dst 1",
  );
});
