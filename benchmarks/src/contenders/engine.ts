// The engine itself, by its block call.
import { Conntrack } from "conntrack-wasm";
import type { Contender } from "../tool.js";

export const engine: Contender = {
  name: "engine",
  maxFlows: 10_000_000,
  async open(capacity) {
    // the records carry no payload to sum up, as after a snapshot length of 66 bytes
    const options = { max: capacity, seed: 1, sysctl: { nf_conntrack_checksum: 0, nf_conntrack_acct: 1 } };
    const ct = await Conntrack.open(options);
    const states: number[] = [];
    return {
      track(bytes) {
        for (const results of ct.trackBlock({ framing: "pcap", bytes, link: 1 })) {
          for (let i = 0; i < results.count; i++) states[i] = results.stateCode(i);
        }
      },
      stateOf: (packet) => states[packet] ?? 0,
      advance: (second) => ct.advance(BigInt(second) * 1_000_000_000n),
      get entries() {
        return ct.entries;
      },
      reset: () => ct.flush(),
    };
  },
};
