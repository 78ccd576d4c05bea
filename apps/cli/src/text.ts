// A packet as a line for people: columns that line up, the state coloured, a reason only where there is one.
import { flagNames } from "conntrack-wasm";
import type { Colors } from "./color.js";
import { hasIcmpId, icmpText, type PacketView, protocolText, secondsText } from "./packet.js";

/** Cells of a line, not yet padded. */
interface Cells {
  readonly frame: string;
  readonly time: string;
  readonly protocol: string;
  readonly src: string;
  readonly dst: string;
  readonly info: string;
  readonly length: string;
  readonly state: string | null;
  readonly arrow: string;
  readonly conn: string;
  readonly change: string;
  readonly reason: string;
}

const STATE_WIDTH = "ESTABLISHED".length;

export function endpoint(address: string | null, port: number | null): string {
  if (address === null) return "";
  if (port === null) return address;
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}

/** Flags, type, or whatever tells packets of a protocol apart. */
export function infoText({ trace }: PacketView): string {
  if (trace.flags !== null) return flagNames(trace.flags);
  if (trace.type !== null) {
    const text = icmpText(trace.protocol as string, trace.type, trace.code as number);
    return hasIcmpId(trace.protocol as string, trace.type) ? `${text} id ${trace.id}` : text;
  }
  return "";
}

/** "SYN_SENT → SYN_RECV" when the packet changed the state of the tracker, "" otherwise. */
export function changeText({ trace }: PacketView): string {
  const before = trace.before?.protocolState ?? null;
  const after = trace.after?.protocolState ?? null;
  if (trace.before !== null && trace.after === null) return `${before ?? "entry"} → gone`;
  if (before === after || after === null) return "";
  return before === null ? after : `${before} → ${after}`;
}

/** The reason with what set it and what would change it; "" when there is none. */
export function whyText(packet: PacketView): string {
  const { reason, trace } = packet;
  if (reason === null) return "";
  const cause = trace.cause === null || trace.cause === packet.frame ? "" : ` (set by #${trace.cause})`;
  const passed = packet.state !== null && packet.state !== "INVALID";
  const hint = reason.hint === undefined || passed ? "" : `; ${reason.hint} would change this`;
  return `${packet.reasonText}${cause}${hint}`;
}

function cellsOf(packet: PacketView, origin: bigint): Cells {
  const { trace } = packet;
  const conn = packet.conn ?? packet.entry;
  return {
    frame: String(packet.frame),
    time: secondsText(packet.time - origin),
    protocol: protocolText(trace),
    src: endpoint(trace.src, trace.sport),
    dst: endpoint(trace.dst, trace.dport),
    info: infoText(packet),
    length: String(trace.protocol === null ? packet.length : trace.length),
    state: packet.state,
    arrow: packet.direction === "original" ? "→" : packet.direction === "reply" ? "←" : " ",
    conn: conn === null ? "" : packet.conn === null ? `(${conn})` : String(conn),
    change: changeText(packet),
    reason: whyText(packet),
  };
}

/** The colour of a state, also for summaries. */
export function paintState(colors: Colors, state: string | null, text: string): string {
  switch (state) {
    case "NEW":
      return colors.cyan(text);
    case "ESTABLISHED":
      return colors.green(text);
    case "RELATED":
      return colors.blue(text);
    case "INVALID":
      return colors.bold(colors.red(text));
    case "UNTRACKED":
      return colors.yellow(text);
    default:
      return colors.dim(text);
  }
}

/** Lays out lines part by part; columns only ever grow, so that a capture read in one piece lines up throughout. */
export class TextTable {
  readonly #colors: Colors;
  readonly #widths = { frame: 4, time: 10, protocol: 4, src: 0, dst: 0, info: 3, length: 4, conn: 2, change: 0 };
  #rows: Cells[] = [];
  #headed: boolean;

  constructor(colors: Colors, withHeader: boolean) {
    this.#colors = colors;
    this.#headed = !withHeader;
  }

  add(packet: PacketView, origin: bigint): void {
    const cells = cellsOf(packet, origin);
    const widths = this.#widths as Record<string, number>;
    for (const name in widths) widths[name] = Math.max(widths[name] as number, cells[name as "frame"].length);
    this.#rows.push(cells);
  }

  /** The lines added since the last call. */
  take(): string {
    let text = "";
    if (!this.#headed && this.#rows.length > 0) {
      text += `${this.#colors.dim(this.#header())}\n`;
      this.#headed = true;
    }
    for (const cells of this.#rows) text += `${this.#line(cells)}\n`;
    this.#rows = [];
    return text;
  }

  #header(): string {
    const w = this.#widths;
    return [
      "#".padStart(w.frame),
      "seconds".padStart(w.time),
      "".padEnd(w.protocol),
      "from".padEnd(w.src),
      " ",
      "to".padEnd(w.dst),
      "".padEnd(w.info),
      "bytes".padStart(w.length),
      "state".padEnd(STATE_WIDTH),
      " ",
      "conn".padStart(w.conn),
      "tracker".padEnd(w.change),
      "reason",
    ].join(" ");
  }

  #line(cells: Cells): string {
    const w = this.#widths;
    const c = this.#colors;
    const arrow = cells.src === "" ? " " : "→";
    const state = (cells.state ?? "-").padEnd(STATE_WIDTH);
    const reason =
      cells.state === "INVALID"
        ? c.red(cells.reason)
        : cells.state === null
          ? c.dim(cells.reason)
          : c.yellow(cells.reason);
    return [
      c.dim(cells.frame.padStart(w.frame)),
      c.dim(cells.time.padStart(w.time)),
      cells.protocol.padEnd(w.protocol),
      cells.src.padEnd(w.src),
      arrow,
      cells.dst.padEnd(w.dst),
      cells.info.padEnd(w.info),
      cells.length.padStart(w.length),
      paintState(c, cells.state, state),
      cells.arrow,
      cells.conn.padStart(w.conn),
      cells.change.padEnd(w.change),
      cells.reason === "" ? "" : reason,
    ]
      .join(" ")
      .trimEnd();
  }
}
