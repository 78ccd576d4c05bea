// Packets that are cut, bent or noise meet every match that reads bytes: no trap, whatever the answer.
import { readFileSync } from "node:fs";
import { Conntrack } from "conntrack-wasm";
import { expect, test } from "vitest";
import { compileRules } from "../src/compile/index.js";
import { type Family, parseRuleset } from "../src/index.js";
import { TRAFFIC } from "./traffic.js";

const wasm = readFileSync(new URL("../../core/build/conntrack.wasm", import.meta.url));

const BOTH = [
  '-m string --string "ab" --algo bm --icase',
  '-m u32 --u32 "0>>22&0x3c@12>>26&0x3c@0=0:5&&4@0xfffffff0=1"',
  "-p sctp -m sctp --chunk-types all DATA,INIT",
  "-p tcp -m tcpmss --mss 1:100",
  "-p tcp -m tcp --tcp-option 5",
  "-p dccp -m dccp --dccp-types ACK",
  "-m mac --mac-source 00:11:22:33:44:55",
  "-m pkttype --pkt-type broadcast",
  "-m hashlimit --hashlimit-upto 1/sec --hashlimit-mode srcip,dstip,srcport,dstport --hashlimit-name g --hashlimit-htable-size 4 --hashlimit-htable-max 4",
  "-m recent --set --name g",
  "-m connlimit --connlimit-above 1",
  "-m ecn --ecn-ip-ect 1",
];
const ONLY6 = [
  "-m hbh --hbh-opts 5:2,1,0",
  "-m dst --dst-len 8",
  "-m rt --rt-type 0 --rt-0-addrs ::1,::2 --rt-0-not-strict",
  "-m ah --ahlen 12",
  "-m frag --fragid 1",
  "-m ipv6header --header esp --soft",
  "-m eui64",
  "-p ipv6-mh -m mh --mh-type 1",
];

test.each([4, 6] as const)("noise and cut packets of IPv%i", (family: Family) => {
  const rules = [...BOTH, ...(family === 6 ? ONLY6 : [])].map((match) => `-A FORWARD ${match}`);
  const { ruleset, errors } = parseRuleset(`*filter\n:FORWARD ACCEPT [0:0]\n${rules.join("\n")}\nCOMMIT\n`, { family });
  expect(errors).toEqual([]);
  const program = compileRules(ruleset);
  const engine = Conntrack.openSync(wasm, { seed: 1, max: 1000, programSize: program.bytes.length });
  engine.loadProgram(program.bytes);
  let state = 1;
  const byte = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state >>> 24;
  };
  let time = 1_700_000_000_000_000_000n;
  const track = (data: Uint8Array, length = data.length) => {
    time += 10_000_000n;
    const { verdict } = engine.track({ time, data, length, link: 101 });
    expect(["ACCEPT", "DROP"]).toContain(verdict);
  };
  const protocols = [0, 6, 17, 33, 43, 44, 50, 51, 58, 59, 60, 132, 135];
  for (let i = 0; i < 3000; i++) {
    const data = Uint8Array.from({ length: 40 + (byte() % 80) }, byte);
    data[0] = family === 4 ? 0x45 : 0x60;
    if (family === 4) {
      data.set([0, data.length, 0, 0, 0, 0], 2);
      data[9] = protocols[byte() % protocols.length] ?? 6;
    } else {
      data.set([0, data.length - 40, protocols[byte() % protocols.length] ?? 0], 4);
      data[40] = protocols[byte() % protocols.length] ?? 0;
      data[41] = byte() % 8;
    }
    track(data);
    track(data.subarray(0, 20 + (byte() % (data.length - 20))), data.length);
  }
  if (family === 4)
    for (const data of TRAFFIC) for (let n = 1; n <= data.length; n += 3) track(data.subarray(0, n), data.length);
});
