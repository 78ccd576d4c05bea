// All sequences, by family; each family has its golden file.

import type { Sequence } from "../sequence.js";
import { datagrams, fragmented, malformed } from "./datagrams.js";
import { icmp, icmpErrors } from "./icmp.js";
import { ruled } from "./ruled.js";
import { sctp } from "./sctp.js";
import { steered } from "./steered.js";
import { tcpOpenClose } from "./tcp-open-close.js";
import { tcpTable } from "./tcp-table.js";
import { tcpWindow } from "./tcp-window.js";
import { timeouts } from "./timeouts.js";

export interface Family {
  readonly name: string;
  readonly sequences: () => Sequence[];
}

export const FAMILIES: readonly Family[] = [
  { name: "tcp-table", sequences: tcpTable },
  { name: "tcp-open-close", sequences: tcpOpenClose },
  { name: "tcp-window", sequences: tcpWindow },
  { name: "icmp", sequences: icmp },
  { name: "icmp-errors", sequences: icmpErrors },
  { name: "sctp", sequences: sctp },
  { name: "datagrams", sequences: datagrams },
  { name: "malformed", sequences: malformed },
  { name: "fragments", sequences: fragmented },
  { name: "ruled", sequences: ruled },
  { name: "steered", sequences: steered },
  { name: "timeouts", sequences: timeouts },
];
