// How the engine is called: blocks and result words, a call per packet, an object per packet with its trace.
import { Conntrack } from "conntrack-wasm";
import { type Micro, micro } from "../micro.js";
import { Established, MAX_RECORD, RECORD_HEADER } from "../packets.js";
import type { Row } from "../row.js";
import { CHUNK, rowsOf, type Settings } from "./common.js";

const FLOWS = 10_000;

export async function* styles({ budget }: Settings): AsyncGenerator<Row, void> {
  const bytes = new Uint8Array(CHUNK * MAX_RECORD);
  const input = new Established(FLOWS, false, "uniform", CHUNK);
  let chunk = input.fill(bytes, CHUNK);
  const open = async (trace: boolean) => {
    const engine = await Conntrack.open({ seed: 1, max: FLOWS, trace, sysctl: { nf_conntrack_checksum: 0 } });
    for (const part of input.setup(CHUNK))
      for (const _ of engine.trackBlock({ framing: "pcap", link: 1, bytes: part.bytes }));
    return engine;
  };
  const block = await open(false);
  const states = await open(false);
  const packets = await open(false);
  const traced = await open(true);
  let seen = 0;
  const perPacket = (engine: Conntrack) => () => {
    const view = new DataView(bytes.buffer);
    for (let at = 0; at < chunk.bytes.length; ) {
      const captured = view.getUint32(at + 8, true);
      const length = view.getUint32(at + 12, true);
      const time = BigInt(view.getUint32(at, true)) * 1_000_000_000n + BigInt(view.getUint32(at + 4, true)) * 1000n;
      const data = bytes.subarray(at + RECORD_HEADER, at + RECORD_HEADER + captured);
      if (engine.track({ time, data, link: 1, length }).state === "ESTABLISHED") seen++;
      at += RECORD_HEADER + captured;
    }
  };
  const prepare = () => {
    chunk = input.fill(bytes, CHUNK);
  };
  const tasks: Micro[] = [
    {
      name: "block, result words",
      prepare,
      run() {
        for (const { words, count } of block.trackBlock({ framing: "pcap", link: 1, bytes: chunk.bytes }))
          for (let i = 0; i < count; i++) seen += (words[2 * i] as number) & 1;
      },
    },
    {
      name: "block, state names",
      prepare,
      run() {
        for (const results of states.trackBlock({ framing: "pcap", link: 1, bytes: chunk.bytes }))
          for (let i = 0; i < results.count; i++) if (results.state(i) === "ESTABLISHED") seen++;
      },
    },
    { name: "track(packet), object", prepare, run: perPacket(packets) },
    { name: "track(packet), trace", prepare, run: perPacket(traced) },
  ];
  yield* rowsOf("API style", FLOWS, await micro(tasks, { items: CHUNK, budget }));
  if (seen === 0) throw new Error("API style: no packet was ESTABLISHED");
}
