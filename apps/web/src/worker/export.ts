// A capture with what connection tracking says of it, in forms other programs read.
import { PcapngWriter } from "conntrack-capture";
import { formatConntrack, formatProc } from "conntrack-wasm";
import {
  changeText,
  endpoint,
  infoText,
  JsonLines,
  PacketView,
  protocolText,
  secondsText,
  whyText,
} from "ctrack/parts";
import type { ExportForm } from "./messages";
import { ruleName, withRule } from "./rule-text";
import type { Session, Watcher } from "./session";
import { openEngine } from "./setup";

const CSV_COLUMNS = "frame,time,protocol,src,dst,info,length,state,direction,conn,change,verdict,rule,reason";

function csvLine(packet: PacketView, origin: bigint, rule: string): string {
  const { trace } = packet;
  const cells = [
    packet.frame,
    secondsText(packet.time - origin, 9),
    protocolText(trace),
    endpoint(trace.src, trace.sport),
    endpoint(trace.dst, trace.dport),
    infoText(packet),
    trace.length,
    packet.state ?? "",
    packet.direction ?? "",
    packet.conn ?? "",
    changeText(packet),
    packet.verdict,
    rule,
    whyText(packet),
  ];
  return cells
    .map((cell) => (/[",\n]/.test(String(cell)) ? `"${String(cell).replaceAll('"', '""')}"` : cell))
    .join(",");
}

/** What is said of a packet in its pcapng comment. */
function comment(packet: PacketView, rule: string): string {
  const change = changeText(packet);
  const conn = packet.entry === null ? "" : `, connection ${packet.entry}`;
  const why = whyText(packet);
  const verdict = rule ? `, ${packet.verdict} by ${rule}` : packet.verdict === "DROP" ? ", DROP" : "";
  return `${packet.state ?? "no state"}${conn}${change && `, ${change}`}${verdict}${why && `: ${why}`}`;
}

/** What an export is put together from; the browser may keep what is folded into a blob outside of memory. */
class Parts {
  #parts: BlobPart[] = [];
  #size = 0;

  push(part: string | Uint8Array<ArrayBuffer>): void {
    this.#parts.push(part);
    this.#size += part.length;
    if (this.#size < FOLDED) return;
    this.#parts = [new Blob(this.#parts)];
    this.#size = 0;
  }

  blob(type: string): Blob {
    return new Blob(this.#parts, { type });
  }
}

const FOLDED = 32 << 20;

export async function exportAs(session: Session, form: ExportForm, watcher: Watcher): Promise<Blob> {
  const engine = await openEngine(session.settings, session.ignoring, session.program);
  const parts = new Parts();
  if (form === "json") {
    const lines = new JsonLines();
    const { ruling } = session;
    engine.traceRules(ruling !== null);
    await session.each(
      engine,
      (results, headers) => {
        let text = "";
        for (let i = 0; i < results.count; i++) {
          headers.advance();
          if (ruling === null) lines.add(results, headers, i);
          else {
            lines.clear();
            text += `${withRule(lines.line(results, headers, i), ruling, engine, results.rule(i))}\n`;
          }
        }
        parts.push(text || (lines.lines.slice() as Uint8Array<ArrayBuffer>));
        lines.clear();
      },
      watcher,
      { one: ruling !== null },
    );
    return parts.blob("application/x-ndjson");
  }
  if (form === "csv") {
    parts.push(`${CSV_COLUMNS}\n`);
    await session.each(
      engine,
      (results, headers) => {
        const packet = new PacketView();
        let text = "";
        for (let i = 0; i < results.count; i++) {
          headers.advance();
          packet.read(results, headers, i);
          text += `${csvLine(packet, session.origin, ruleName(session.program, results.rule(i)))}\n`;
        }
        parts.push(text);
      },
      watcher,
    );
    return parts.blob("text/csv");
  }
  if (form === "pcapng") {
    const writer = new PcapngWriter((bytes) => void parts.push(bytes as Uint8Array<ArrayBuffer>), {
      application: "conntrack-wasm",
      comment: "Packet comments: the state of Linux connection tracking, the rule, and why",
    });
    const interfaces = new Map<number, number>();
    await session.each(
      engine,
      async (results, headers) => {
        const packet = new PacketView();
        for (let i = 0; i < results.count; i++) {
          headers.advance();
          packet.read(results, headers, i);
          let index = interfaces.get(headers.link);
          if (index === undefined) {
            index = writer.addInterface({ link: headers.link });
            interfaces.set(headers.link, index);
          }
          const data = headers.bytes.subarray(headers.data, headers.data + headers.captured);
          await writer.write({
            time: headers.time,
            data,
            length: headers.length,
            interface: index,
            comments: [comment(packet, ruleName(session.program, results.rule(i)))],
          });
        }
      },
      watcher,
    );
    await writer.end();
    return parts.blob("application/vnd.tcpdump.pcap");
  }
  await session.each(engine, () => {}, watcher);
  const format = form === "proc" ? formatProc : (flow: Parameters<typeof formatProc>[0]) => formatConntrack(flow);
  const lines = engine.flows().map((flow) => `${format(flow)}\n`);
  return new Blob(lines, { type: "text/plain" });
}
