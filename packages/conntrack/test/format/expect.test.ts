// Expectations against lines of Linux 6.18 and conntrack-tools 1.4.7.
import { describe, expect, test } from "vitest";
import {
  beginXml,
  endXml,
  expectationToJson,
  FORMATS,
  formatExpectConntrack,
  formatExpectEvent,
  formatExpectProc,
  formatExpectXml,
} from "../../src/format/index.js";
import type { Expectation } from "../../src/types.js";
import { SECOND } from "./flow.js";

const ftp: Expectation = {
  l3num: 2,
  l4proto: 6,
  tuple: { src: "10.77.0.2", dst: "10.77.0.1", sport: 0, dport: 51210 },
  mask: { src: "255.255.255.255", dst: "255.255.255.255", sport: 0, dport: 65535 },
  timeout: 299n * SECOND + 1n,
  flags: 0,
  class: 0,
  className: null,
  helper: "ftp",
  master: { src: "10.77.0.1", dst: "10.77.0.2", sport: 3521, dport: 21 },
  masterConn: 1,
  zone: 0,
};
const ones = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff";
const ftp6: Expectation = {
  ...ftp,
  l3num: 10,
  tuple: { src: "fd77::2", dst: "fd77::1", sport: 0, dport: 51210 },
  mask: { src: ones, dst: ones, sport: 0, dport: 65535 },
  master: { src: "fd77::1", dst: "fd77::2", sport: 3521, dport: 21 },
};
const sip: Expectation = {
  ...ftp,
  l4proto: 17,
  tuple: { src: "10.77.0.2", dst: "10.77.0.1", sport: 0, dport: 5060 },
  timeout: 179n * SECOND,
  flags: 3,
  className: "signalling",
  helper: "sip",
  master: { src: "10.77.0.1", dst: "10.77.0.2", sport: 5060, dport: 5060 },
};
const noPorts: Expectation = {
  ...ftp,
  l4proto: 0,
  tuple: { src: "7.7.7.7", dst: "8.8.8.8" },
  mask: { src: "255.255.255.0", dst: "255.255.255.255" },
};
const pptp: Expectation = {
  ...ftp,
  l4proto: 47,
  tuple: { src: "10.0.1.2", dst: "10.0.2.2", srckey: 11, dstkey: 22 },
  mask: { src: "255.255.255.255", dst: "255.255.255.255", srckey: 65535, dstkey: 65535 },
  timeout: 300n * SECOND,
  helper: "pptp",
  master: { src: "10.0.1.2", dst: "10.0.2.2", sport: 30001, dport: 1723 },
};

describe("/proc/net/nf_conntrack_expect", () => {
  test.each([
    [ftp, "299 l3proto = 2 proto=6 src=10.77.0.2 dst=10.77.0.1 sport=0 dport=51210 ftp"],
    [
      ftp6,
      "299 l3proto = 10 proto=6 src=fd77:0000:0000:0000:0000:0000:0000:0002 dst=fd77:0000:0000:0000:0000:0000:0000:0001 sport=0 dport=51210 ftp",
    ],
    [sip, "179 l3proto = 2 proto=17 src=10.77.0.2 dst=10.77.0.1 sport=0 dport=5060 PERMANENT,INACTIVE sip/signalling"],
    [noPorts, "299 l3proto = 2 proto=0 src=7.7.7.7 dst=8.8.8.8 ftp"],
    [pptp, "300 l3proto = 2 proto=47 src=10.0.1.2 dst=10.0.2.2 srckey=0xb dstkey=0x16 pptp"],
  ])("%#", (expectation, line) => expect(formatExpectProc(expectation)).toBe(line));

  test("without a timer", () => expect(formatExpectProc({ ...ftp, timeout: null })).toMatch(/^- l3proto = 2 /));
});

describe("conntrack -L expect", () => {
  test.each([
    [
      ftp,
      "299 proto=6 src=10.77.0.2 dst=10.77.0.1 sport=0 dport=51210 mask-src=255.255.255.255 mask-dst=255.255.255.255 sport=0 dport=65535 master-src=10.77.0.1 master-dst=10.77.0.2 sport=3521 dport=21 class=0 helper=ftp",
    ],
    [
      ftp6,
      "299 proto=6 src=fd77::2 dst=fd77::1 sport=0 dport=51210 mask-src=ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff mask-dst=ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff sport=0 dport=65535 master-src=fd77::1 master-dst=fd77::2 sport=3521 dport=21 class=0 helper=ftp",
    ],
    [
      sip,
      "179 proto=17 src=10.77.0.2 dst=10.77.0.1 sport=0 dport=5060 mask-src=255.255.255.255 mask-dst=255.255.255.255 sport=0 dport=65535 master-src=10.77.0.1 master-dst=10.77.0.2 sport=5060 dport=5060 PERMANENT,INACTIVE class=0 helper=sip",
    ],
    [
      noPorts,
      "299 proto=0 src=7.7.7.7 dst=8.8.8.8 mask-src=255.255.255.0 mask-dst=255.255.255.255 master-src=10.77.0.1 master-dst=10.77.0.2 sport=3521 dport=21 class=0 helper=ftp",
    ],
  ])("%#", (expectation, line) => expect(formatExpectConntrack(expectation)).toBe(line));

  test("-o timestamp", () => {
    expect(formatExpectConntrack(noPorts, { timestamp: 1795496002_248_859_000n })).toBe(
      "[1795496002.248859]\t299 proto=0 src=7.7.7.7 dst=8.8.8.8 mask-src=255.255.255.0 mask-dst=255.255.255.255 master-src=10.77.0.1 master-dst=10.77.0.2 sport=3521 dport=21 class=0 helper=ftp",
    );
  });
});

describe("conntrack -E expect", () => {
  const line =
    "proto=6 src=10.77.0.2 dst=10.77.0.1 sport=0 dport=51210 mask-src=255.255.255.255 mask-dst=255.255.255.255 sport=0 dport=65535 master-src=10.77.0.1 master-dst=10.77.0.2 sport=3521 dport=21 class=0 helper=ftp";

  test("NEW", () => {
    expect(formatExpectEvent("NEW", { ...ftp, timeout: 300n * SECOND })).toBe(`    [NEW] 300 ${line}`);
  });
  test("DESTROY", () => expect(formatExpectEvent("DESTROY", ftp)).toBe(`[DESTROY] 299 ${line}`));
  test("-o timestamp: microseconds have blanks behind, not zeros in front", () => {
    expect(formatExpectEvent("DESTROY", ftp, { timestamp: 1795496002_031_172_000n })).toBe(
      `[1795496002.31172 ]\t[DESTROY] 299 ${line}`,
    );
  });
});

describe("XML", () => {
  test("conntrack -L expect -o xml", () => {
    expect([beginXml("expect"), formatExpectXml(sip), endXml("expect")].join("\n")).toBe(
      '<?xml version="1.0" encoding="utf-8"?>\n<expect>\n<flow><layer3 protonum="2" protoname="ipv4"><expected><src>10.77.0.2</src><dst>10.77.0.1</dst></expected><mask><src>255.255.255.255</src><dst>255.255.255.255</dst></mask><master><src>10.77.0.1</src><dst>10.77.0.2</dst></master></layer3><layer4 protonum="17" protoname="udp"><expected><sport>0</sport><dport>5060</dport></expected><mask><sport>0</sport><dport>65535</dport></mask><master><sport>5060</sport><dport>5060</dport></master></layer4><meta><helper-name>sip</helper-name><timeout>179</timeout><class>0</class><permanent/><inactive/></meta></flow>\n</expect>',
    );
  });
  test("an event, IPv6", () => {
    expect(formatExpectXml(ftp6, "DESTROY")).toBe(
      '<flow type="destroy"><layer3 protonum="10" protoname="ipv6"><expected><src>fd77::2</src><dst>fd77::1</dst></expected><mask><src>ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff</src><dst>ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff</dst></mask><master><src>fd77::1</src><dst>fd77::2</dst></master></layer3><layer4 protonum="6" protoname="tcp"><expected><sport>0</sport><dport>51210</dport></expected><mask><sport>0</sport><dport>65535</dport></mask><master><sport>3521</sport><dport>21</dport></master></layer4><meta><helper-name>ftp</helper-name><timeout>299</timeout><class>0</class></meta></flow>',
    );
  });
  test("-o timestamp: the moment it was printed, before the flags", () => {
    const text = formatExpectXml(sip, "NEW", { timestamp: 1795496002_031_172_000n, timeZone: "UTC" });
    expect(text).toContain(
      "<class>0</class><when><hour>4</hour><min>53</min><sec>22</sec><wday>3</wday><day>24</day><month>11</month><year>2026</year></when><permanent/><inactive/>",
    );
    expect(FORMATS.xml.expectation?.(sip, { timestamp: 1795496002_031_172_000n })).toContain("<when>");
  });
  test("the master keeps its ports when the expectation has none", () => {
    expect(formatExpectXml(noPorts)).toContain(
      '<layer4 protonum="0" protoname="unknown"><expected></expected><mask></mask><master><sport>3521</sport><dport>21</dport></master></layer4>',
    );
  });
});

test("JSON", () => {
  expect(expectationToJson({ ...sip, timeout: 1_500_000_000n })).toEqual({
    version: 1,
    kind: "expectation",
    family: "ipv4",
    l4proto: 17,
    timeout: 1.5,
    tuple: sip.tuple,
    mask: sip.mask,
    flags: ["PERMANENT", "INACTIVE"],
    class: 0,
    class_name: "signalling",
    helper: "sip",
    master: sip.master,
    master_conn: 1,
    zone: 0,
  });
});
