// What one writes first: a Map from "address:port-address:port" to an object, with a simplified TCP (no windows).
import { ACK, FIN, RECORD_HEADER, RST, SYN } from "../packets.js";
import { type Contender, STATE_ESTABLISHED, STATE_INVALID, STATE_NEW } from "../tool.js";

interface Entry {
  readonly forward: string;
  replied: boolean;
  deadline: number;
  packets: number;
  bytes: number;
}

const TIMEOUT = 432_000;

function endpoint(view: DataView, at: number, size: number, port: number): string {
  let text = "";
  for (let i = 0; i < size; i += 2) text += `${view.getUint16(at + i).toString(16)}.`;
  return `${text}:${port}`;
}

export const mapString: Contender = {
  name: "Map, string key",
  maxFlows: 1_000_000,
  async open() {
    const table = new Map<string, Entry>();
    const states: number[] = [];
    const decide = (view: DataView, record: number): number => {
      const ip = record + RECORD_HEADER + 14;
      const v6 = view.getUint8(ip) >> 4 === 6;
      const tcp = ip + (v6 ? 40 : 20);
      const src = endpoint(view, ip + (v6 ? 8 : 12), v6 ? 16 : 4, view.getUint16(tcp));
      const dst = endpoint(view, ip + (v6 ? 24 : 16), v6 ? 16 : 4, view.getUint16(tcp + 2));
      const key = src < dst ? `${src}-${dst}` : `${dst}-${src}`;
      const flags = view.getUint8(tcp + 13);
      const second = view.getUint32(record, true);
      let entry = table.get(key);
      if (entry === undefined) {
        if (flags & (FIN | RST) || (flags & (SYN | ACK)) === (SYN | ACK)) return STATE_INVALID;
        entry = { forward: src, replied: false, deadline: 0, packets: 0, bytes: 0 };
        table.set(key, entry);
      } else if (entry.forward !== src) entry.replied = true;
      entry.deadline = second + TIMEOUT;
      entry.packets++;
      entry.bytes += view.getUint32(record + 12, true);
      return entry.replied ? STATE_ESTABLISHED : STATE_NEW;
    };
    return {
      track(records, packets) {
        const view = new DataView(records.buffer, records.byteOffset, records.byteLength);
        for (let i = 0, at = 0; i < packets; i++) {
          states[i] = decide(view, at);
          at += RECORD_HEADER + view.getUint32(at + 8, true);
        }
      },
      stateOf: (packet) => states[packet] ?? 0,
      advance(second) {
        for (const [key, entry] of table) if (entry.deadline <= second) table.delete(key);
      },
      get entries() {
        return table.size;
      },
      reset: () => table.clear(),
    };
  },
};
