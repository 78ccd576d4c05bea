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
  tcpmssTarget,
  tcpoptstripTarget,
  teeTarget,
  tosTarget,
  tproxyTarget,
  ttlTarget,
} from "./change.js";
import { ct, notrack } from "./conntrack.js";
import { dnat, masquerade, netmap, redirect, snat } from "./nat.js";
import { clusterip, connsecmark, dnpt, hmark, idletimer, led, rateest, secmark, snpt, synproxy } from "./rare.js";
import { setTarget } from "./set.js";
import { accept, audit, drop, log, nflog, nfqueue, queue, reject, returned, trace } from "./verdict.js";

export const TARGETS: readonly TargetExtension[] = [
  accept,
  audit,
  checksumTarget,
  classifyTarget,
  clusterip,
  connmarkTarget,
  connsecmark,
  ct,
  dnat,
  dnpt,
  drop,
  dscpTarget,
  ecnTarget,
  hlTarget,
  hmark,
  idletimer,
  led,
  log,
  markTarget,
  masquerade,
  netmap,
  nflog,
  nfqueue,
  notrack,
  queue,
  rateest,
  redirect,
  reject,
  returned,
  secmark,
  setTarget,
  snat,
  snpt,
  synproxy,
  tcpmssTarget,
  tcpoptstripTarget,
  teeTarget,
  tosTarget,
  tproxyTarget,
  trace,
  ttlTarget,
];

/** No chain may have the name of a target of iptables 1.8.9, of this old one either. */
const OTHERS = ["ULOG"];

const byName = {
  4: new Map(TARGETS.filter(({ family = 4 }) => family === 4).map((target) => [target.name, target])),
  6: new Map(TARGETS.filter(({ family = 6 }) => family === 6).map((target) => [target.name, target])),
};
const names = new Set([...OTHERS, ...TARGETS.map(({ name }) => name)]);

export const findTarget = (name: string, family: Family): TargetExtension | undefined => byName[family].get(name);

export const isTargetName = (name: string): boolean => names.has(name);
