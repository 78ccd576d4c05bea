// A packet as a line of JSON: README.md has the keys. Strings are put together by hand, since this is the hot path of -o json;
// nothing in them needs escaping but reason texts.
import { type EntryView, statusNames } from "conntrack-wasm";
import type { PacketView } from "./packet.js";

const quoted = new Map<string, string>();

// JSON strings of what comes again and again.
function quote(text: string | null): string {
  if (text === null) return "null";
  let json = quoted.get(text);
  if (json === undefined) {
    json = JSON.stringify(text);
    if (quoted.size > 10_000) quoted.clear();
    quoted.set(text, json);
  }
  return json;
}

const statusLists: string[] = [];

function statusList(status: number): string {
  return (statusLists[status] ??= JSON.stringify(statusNames(status)));
}

function entryJson(entry: EntryView): string {
  const { protocolState, status, timeout } = entry;
  const state = protocolState === null ? "null" : `"${protocolState}"`;
  return `{"protocolState":${state},"status":${statusList(status)},"timeout":${Number(timeout) / 1e9}}`;
}

let second = -1;
let secondText = "";

/** The line of a packet, without the line feed. */
export function packetJson(packet: PacketView): string {
  const { trace, reason, conn, state, direction } = packet;
  if (packet.seconds !== second) {
    second = packet.seconds;
    secondText = `,"time":"${second}.`;
  }
  let json = `{"frame":${packet.frame}${secondText}${String(packet.nanoseconds + 1e9).slice(1)}","protocol":`;
  json += trace.protocol === null ? "null" : `"${trace.protocol}"`;
  json += trace.src === null ? ',"src":null,"dst":null' : `,"src":"${trace.src}","dst":"${trace.dst}"`;
  json += `,"sport":${trace.sport},"dport":${trace.dport}`;
  json += state === null ? ',"state":null' : `,"state":"${state}"`;
  json += direction === null ? ',"direction":null' : `,"direction":"${direction}"`;
  json += `,"conn":${conn}`;
  json += reason === null ? ',"reason":null,"reasonText":null' : `,"reason":"${reason.name}","reasonText":${quote(packet.reasonText)}`;
  json += `,"verdict":"${packet.verdict}","rule":null`;
  if (trace.type !== null) json += `,"type":${trace.type},"code":${trace.code},"id":${trace.id}`;
  if (trace.before !== null) json += `,"before":${entryJson(trace.before)}`;
  if (trace.after !== null) json += `,"after":${entryJson(trace.after)}`;
  if (trace.master !== null) json += `,"master":${trace.master}`;
  if (trace.datagram !== null) json += `,"datagram":${trace.datagram}`;
  if (reason !== null) json += reasonJson(packet);
  if (trace.cut) json += ',"cut":true';
  if (trace.badChecksum) json += ',"checksum":"bad"';
  return `${json}}`;
}

function reasonJson({ reason, trace }: PacketView): string {
  if (reason === null) return "";
  let json = trace.cause === null ? "" : `,"cause":${trace.cause}`;
  if (reason.hint !== undefined) json += `,"hint":${quote(reason.hint)}`;
  if (reason.numbers !== undefined) {
    json += `,"numbers":{${reason.numbers.map((name, i) => `"${name}":${trace.numbers[i]}`).join(",")}}`;
  }
  return json;
}
