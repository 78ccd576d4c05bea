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
import { openEngine, type Session } from "./session";

const CSV_COLUMNS = "frame,time,protocol,src,dst,info,length,state,direction,conn,change,verdict,reason";

function csvLine(packet: PacketView, origin: bigint): string {
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
    whyText(packet),
  ];
  return cells
    .map((cell) => (/[",\n]/.test(String(cell)) ? `"${String(cell).replaceAll('"', '""')}"` : cell))
    .join(",");
}

/** What is said of a packet in its pcapng comment. */
function comment(packet: PacketView): string {
  const change = changeText(packet);
  const conn = packet.entry === null ? "" : `, connection ${packet.entry}`;
  const why = whyText(packet);
  return `${packet.state ?? "no state"}${conn}${change && `, ${change}`}${packet.verdict === "DROP" ? ", DROP" : ""}${why && `: ${why}`}`;
}

export async function exportAs(session: Session, form: ExportForm): Promise<Blob> {
  const engine = await openEngine(session.settings, session.ignoring);
  const parts: BlobPart[] = [];
  if (form === "json") {
    const lines = new JsonLines();
    await session.each(engine, (results, headers) => {
      for (let i = 0; i < results.count; i++) {
        headers.advance();
        lines.add(results, headers, i);
      }
      parts.push(lines.lines.slice());
      lines.clear();
    });
    return new Blob(parts, { type: "application/x-ndjson" });
  }
  if (form === "csv") {
    parts.push(`${CSV_COLUMNS}\n`);
    await session.each(engine, (results, headers) => {
      const packet = new PacketView();
      let text = "";
      for (let i = 0; i < results.count; i++) {
        headers.advance();
        packet.read(results, headers, i);
        text += `${csvLine(packet, session.origin)}\n`;
      }
      parts.push(text);
    });
    return new Blob(parts, { type: "text/csv" });
  }
  if (form === "pcapng") {
    const writer = new PcapngWriter((bytes) => void parts.push(bytes as Uint8Array<ArrayBuffer>), {
      application: "conntrack-wasm",
      comment: "Packet comments: the state of Linux connection tracking, and why",
    });
    const interfaces = new Map<number, number>();
    await session.each(engine, async (results, headers) => {
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
          comments: [comment(packet)],
        });
      }
    });
    await writer.end();
    return new Blob(parts, { type: "application/vnd.tcpdump.pcap" });
  }
  await session.each(engine, () => {});
  const format = form === "proc" ? formatProc : (flow: Parameters<typeof formatProc>[0]) => formatConntrack(flow);
  const lines = engine.flows().map((flow) => `${format(flow)}\n`);
  return new Blob(lines, { type: "text/plain" });
}
