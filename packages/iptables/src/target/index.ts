// Every `-j` that is no chain of the user, by name. A new target is a place in a file and a line here.
import type { TargetExtension } from "../extension.js";
import type { Family } from "../ruleset.js";
import {
  checksumTarget,
  classifyTarget,
  connmarkTarget,
  dscpTarget,
  ecnTarget,
  hlTarget,
  markTarget,
  setTarget,
  tcpmssTarget,
  tcpoptstripTarget,
  teeTarget,
  tosTarget,
  tproxyTarget,
  ttlTarget,
} from "./change.js";
import { ct, notrack } from "./conntrack.js";
import { dnat, masquerade, netmap, redirect, snat } from "./nat.js";
import { accept, audit, drop, log, nflog, nfqueue, queue, reject, returned, trace } from "./verdict.js";

export const TARGETS: readonly TargetExtension[] = [
  accept,
  audit,
  checksumTarget,
  classifyTarget,
  connmarkTarget,
  ct,
  dnat,
  drop,
  dscpTarget,
  ecnTarget,
  hlTarget,
  log,
  markTarget,
  masquerade,
  netmap,
  nflog,
  nfqueue,
  notrack,
  queue,
  redirect,
  reject,
  returned,
  setTarget,
  snat,
  tcpmssTarget,
  tcpoptstripTarget,
  teeTarget,
  tosTarget,
  tproxyTarget,
  trace,
  ttlTarget,
];

/** Targets of iptables 1.8.9 that are not read here; no chain may have such a name. */
const OTHERS = "CLUSTERIP CONNSECMARK DNPT HMARK IDLETIMER LED RATEEST SECMARK SNPT SYNPROXY ULOG".split(" ");

export const findTarget = (name: string, family: Family): TargetExtension | undefined =>
  TARGETS.find((target) => target.name === name && (target.family ?? family) === family);

export const isTargetName = (name: string): boolean =>
  OTHERS.includes(name) || TARGETS.some((target) => target.name === name);
