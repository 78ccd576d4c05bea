// `--place FILE`: interfaces and addresses of the box, as YAML or JSON.
//
//   interfaces:
//     eth0: 203.0.113.1/24              # the first one leads to the rest of the world
//     eth1: [192.168.1.1/24, fd00::1/64]
//   hook: FORWARD                       # optional, like in: and out:
import type { Hook } from "conntrack-iptables";
import { isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from "yaml";
import { UsageError } from "../exit.js";

export interface PlaceFile {
  /** As `--iface` has them. */
  readonly interfaces: readonly string[];
  readonly hook?: Hook;
  readonly in?: string;
  readonly out?: string;
}

const KEYS = ["interfaces", "hook", "in", "out"];
const HOOKS = ["INPUT", "FORWARD", "OUTPUT"];

export function parsePlaceFile(text: string, file: string): PlaceFile {
  const counter = new LineCounter();
  const document = parseDocument(text, { lineCounter: counter });
  const fail = (node: Node | null | undefined, message: string): never => {
    const { line, col } = counter.linePos(node?.range?.[0] ?? 0);
    throw new UsageError(`${file}:${line || 1}:${col || 1}: ${message}`);
  };
  const [error] = document.errors;
  if (error) {
    const [at] = error.linePos ?? [];
    throw new UsageError(
      `${file}:${at?.line ?? 1}:${at?.col ?? 1}: ${(error.message.split("\n", 1)[0] ?? "").replace(/ at line \d+, column \d+:?$/, "")}`,
    );
  }
  const text_ = (node: Node | null | undefined): string =>
    isScalar(node) && node.value !== null ? String(node.value) : fail(node, "a text is wanted");

  const root = document.contents;
  if (!isMap(root)) return fail(root, `wanted is KEY: VALUE, with the keys ${KEYS.join(", ")}`);
  const found = new Map<string, Node | null>();
  for (const { key, value } of root.items) {
    const name = text_(key as Node);
    if (!KEYS.includes(name)) fail(key as Node, `"${name}" is not one of ${KEYS.join(", ")}`);
    found.set(name, value as Node | null);
  }
  const interfaces = interfacesOf(found.get("interfaces") ?? null, root as Node);
  const hook = found.has("hook") ? text_(found.get("hook")) : undefined;
  if (hook !== undefined && !HOOKS.includes(hook))
    fail(found.get("hook"), `"${hook}" is not one of ${HOOKS.join(", ")}`);
  return {
    interfaces,
    ...(hook !== undefined && { hook: hook as Hook }),
    ...(found.has("in") && { in: text_(found.get("in")) }),
    ...(found.has("out") && { out: text_(found.get("out")) }),
  };

  function interfacesOf(node: Node | null, parent: Node): string[] {
    if (isSeq(node)) return node.items.map((item) => text_(item as Node));
    if (!isMap(node)) return fail(node ?? parent, "wanted is interfaces: with NAME: ADDRESS/PREFIX for each");
    return node.items.map(({ key, value }) => {
      const name = text_(key as Node);
      if (value === null || (isScalar(value) && value.value === null)) return name;
      const addresses = isSeq(value) ? value.items.map((item) => text_(item as Node)) : [text_(value as Node)];
      return addresses.length === 0 ? name : `${name}=${addresses.join(",")}`;
    });
  }
}
