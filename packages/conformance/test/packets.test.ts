import { describe, expect, test } from "vitest";
import { formatAddress, parseAddress } from "../src/address.js";
import { checksum16, crc32c, pseudoSum } from "../src/checksum.js";
import { concat, fragments, packet, patch, tcpFlagLetters, tcpFlags, tcpOptions } from "../src/packets.js";

const A = "10.0.0.1";
const B = "10.0.0.2";
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

test("addresses there and back, IPv6 compressed", () => {
  for (const text of [
    "10.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "2001:db8::1",
    "2001:db8:0:1:1:1:1:1",
    "fe80::1:0:0:1",
    "1::",
  ])
    expect(formatAddress(parseAddress(text))).toBe(text);
  expect(formatAddress(parseAddress("::ffff:10.0.0.1"))).toBe("::ffff:a00:1");
  for (const text of ["10.0.0", "10.0.0.256", "1::2::3", "1:2:3", "g::"]) expect(() => parseAddress(text)).toThrow();
});

test("checksums: RFC 1071's example, CRC32c of RFC 3720", () => {
  expect(checksum16(Buffer.from("0001f203f4f5f6f7", "hex"))).toBe(0x220d);
  expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa);
  expect(crc32c(Buffer.from("123456789"))).toBe(0xe3069283);
});

describe("packets", () => {
  test("TCP over IPv4, byte by byte", () => {
    const bytes = packet({
      src: A,
      dst: B,
      id: 1,
      tcp: { sport: 1025, dport: 80, flags: "S", seq: 1000, win: 1024, options: "mss=1460" },
    });
    expect(hex(bytes)).toBe("4500002c00010000400666c90a0000010a00000204010050000003e8000000006002040077eb0000020405b4");
  });

  test("a right checksum sums up to nothing, a bad one does not", () => {
    const sum = (bytes: Uint8Array) =>
      checksum16(
        bytes,
        40,
        bytes.length,
        pseudoSum(bytes.subarray(8, 24), bytes.subarray(24, 40), 17, bytes.length - 40),
      );
    const fields = { src: "2001:db8::1", dst: "2001:db8::2" };
    expect(sum(packet({ ...fields, udp: { sport: 1, dport: 2, payload: "odd" } }))).toBe(0);
    expect(sum(packet({ ...fields, udp: { sport: 1, dport: 2, payload: "odd", checksum: "bad" } }))).not.toBe(0);
  });

  test("TCP flags and options", () => {
    expect(tcpFlags("SA")).toBe(0x12);
    expect(tcpFlagLetters(0x12)).toBe("SA");
    expect(() => tcpFlags("X")).toThrow();
    expect(hex(tcpOptions("mss=1460 nop ws=7 sackok ts=1:2 sack=1-2:3-4 end hex=ff00"))).toBe(
      "020405b401030307040208" + "0a0000000100000002" + "051200000001000000020000000300000004" + "00ff00",
    );
  });

  test("every field can be wrong", () => {
    const bytes = packet({
      src: A,
      dst: B,
      version: 5,
      headerLength: 4,
      length: 9,
      ipChecksum: 1,
      protocol: 99,
      payload: 4,
      truncate: 22,
      trailing: Uint8Array.of(7),
    });
    expect(bytes[0]).toBe(0x54);
    expect(hex(bytes.subarray(2, 4))).toBe("0009");
    expect(hex(bytes.subarray(9, 12))).toBe("630001");
    expect(bytes.length).toBe(23);
    expect(patch(bytes, 0, 0x45)[0]).toBe(0x45);
  });

  test("fragments of a datagram are its payload in parts", () => {
    for (const whole of [
      packet({ src: A, dst: B, udp: { sport: 1, dport: 2, payload: 100 } }),
      packet({ src: "2001:db8::1", dst: "2001:db8::2", udp: { sport: 1, dport: 2, payload: 100 } }),
    ]) {
      const header = whole[0] === 0x45 ? 20 : 40;
      const parts = fragments(whole, [40, 80], 7);
      const skip = header === 20 ? 20 : 48;
      expect(hex(concat(...parts.map((part) => part.subarray(skip))))).toBe(hex(whole.subarray(header)));
      if (header === 20) for (const part of parts) expect(checksum16(part, 0, 20)).toBe(0);
      else
        expect(parts.map((part) => [part[6], part[40]])).toEqual([
          [44, 17],
          [44, 17],
          [44, 17],
        ]);
    }
  });
});
