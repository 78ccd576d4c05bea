// Every dialogue there is with the helpers that the kernel is asked about here; those of SIP and PPTP are core/test's.
import type { Dialogue } from "../dialogue.js";
import { AMANDA_DIALOGUES, SANE_DIALOGUES, SLOW_DATAGRAMS, TFTP_DIALOGUES } from "./datagrams.js";
import { FTP_DIALOGUES } from "./ftp.js";
import { IRC_DIALOGUES } from "./irc.js";

export const DIALOGUES: readonly Dialogue[] = [
  ...FTP_DIALOGUES,
  ...IRC_DIALOGUES,
  ...TFTP_DIALOGUES,
  ...AMANDA_DIALOGUES,
  ...SANE_DIALOGUES,
  ...SLOW_DATAGRAMS,
];
