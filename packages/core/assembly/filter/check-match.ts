// Arguments of matches and targets, before a program is accepted: what the code that asks them takes for granted.
import { HELPERS, POLICIES } from "../abi";
import { PROGRAM } from "../memory-map";
import { FAULT_MATCH, FAULT_TARGET, wrong } from "./fault";
import {
  CONNLIMIT_ENTRY, CONNLIMIT_KEY_WORDS, HASHLIMIT_ENTRY, HASHLIMIT_KEY_WORDS, MATCH_CONNBYTES, MATCH_CONNLABEL, MATCH_CONNLIMIT,
  MATCH_CT_ADDRESS4, MATCH_CT_ADDRESS6, MATCH_CT_PORT, MATCH_END, MATCH_HASHLIMIT, MATCH_IP6_OPTIONS, MATCH_PORTS, MATCH_RECENT, MATCH_RT,
  MATCH_SCTP_CHUNKS, MATCH_SET, MATCH_SET_CONNLABEL, MATCH_SET_COUNT, MATCH_STRING, MATCH_U32, MATCHES, PROGRAM_SET_COUNT,
  PROGRAM_TABLE_COUNT, RECENT_ENTRY, RECENT_KEY_WORDS, STORE_ENTRY,
  STORE_KEY, TARGET_CT, TARGET_SET, TARGETS,
} from "./numbers";
import { stampsFit } from "./remember";
import { tableAt } from "./store";

/** Words of arguments by operation; those of any number have the least, and 0x80. */
const ARGUMENTS: usize = memory.data<u8>([
  // 0 end, addresses, interfaces, protocol, ports
  0, 2, 2, 8, 8, 1, 1, 1, 1, 1,
  // 10 lists of ports, TCP, ICMP, state, direction … address of the conn
  0x81, 1, 1, 1, 1, 1, 1, 3, 9, 2,
  // 20 status, expire, marks, length, TTL, TOS, ranges, limit
  1, 2, 2, 2, 2, 2, 2, 8, 8, 8,
  // 30 random … helper, string
  2, 2, 2, 6, 3, 1, 0, 0, 1, 0x84,
  // 40 u32, time, link, types, rpfilter, chunks, tcpmss, label, ah
  0x81, 7, 2, 1, 3, 1, 0x89, 2, 1, 6,
  // 50 rt … connlimit
  0x85, 0x83, 5, 3, 0, 2, 1, 18, 9, 7,
  // 60 sets
  8, 8,
]);

/** The matches at `at`, which end before `end`; the position behind their end, or 0. */
export function checkMatches(at: u32, end: u32): u32 {
  for (;;) {
    if (end - at < 4) return <u32>wrong(FAULT_MATCH, at);
    const head = load<u32>(PROGRAM + at);
    const op = head & 0xff;
    if (op == MATCH_END) return head == 0 ? at + 4 : <u32>wrong(FAULT_MATCH, at);
    const words = head >> 16;
    if (op >= <u32>MATCHES || words == 0 || words > (end - at) >> 2) return <u32>wrong(FAULT_MATCH, at);
    const wanted = <u32>load<u8>(ARGUMENTS + op);
    const enough = wanted & 0x80 ? words - 1 >= (wanted & 0x7f) : words - 1 == wanted;
    if (!enough || !checkArguments(op, PROGRAM + at + 4, words - 1)) return <u32>wrong(FAULT_MATCH, at);
    at += words << 2;
  }
  return 0;
}

function checkArguments(op: u32, at: usize, words: u32): bool {
  const a = load<u32>(at);
  switch (op) {
    case MATCH_PORTS:
      return a <= 3;
    case MATCH_CT_ADDRESS4:
    case MATCH_CT_ADDRESS6:
    case MATCH_CT_PORT:
      return a <= 3;
    case MATCH_CONNBYTES:
      return a <= 2;
    case MATCH_CONNLABEL:
    case MATCH_SET_CONNLABEL:
      return a < 128;
    case MATCH_STRING:
      return load<u32>(at, 12) <= (words - 4) << 2;
    case MATCH_U32:
      return checkTests(at + 4, a, words - 1);
    case MATCH_RT:
      return ((words - 5) & 3) == 0;
    case MATCH_HASHLIMIT:
      return isTable(a, HASHLIMIT_KEY_WORDS, HASHLIMIT_ENTRY) && load<u64>(at, 16) != 0;
    case MATCH_RECENT: {
      const last = load<u32>(at, 16);
      if (last > 0xffff || (last & (last + 1)) != 0) return false;
      return isTable(a, RECENT_KEY_WORDS, RECENT_ENTRY + 8 * (last + 1)) && stampsFit(tableAt(a), last + 1);
    }
    case MATCH_CONNLIMIT:
      return isTable(a, CONNLIMIT_KEY_WORDS, CONNLIMIT_ENTRY);
    case MATCH_SET:
    case MATCH_SET_COUNT:
      return a < load<u32>(PROGRAM, PROGRAM_SET_COUNT * 4);
    default:
      return true;
  }
}

// Each: steps, (operation, number) …, ranges, (first, last) …
function checkTests(at: usize, tests: u32, words: u32): bool {
  for (; tests; --tests) {
    for (let part = 0; part < 2; ++part) {
      if (words == 0) return false;
      const pairs = load<u32>(at);
      --words;
      if (pairs > words >> 1 || (part == 0 && pairs == 0)) return false;
      at += 4 + (<usize>pairs << 3);
      words -= pairs << 1;
    }
  }
  return true;
}

// The tables themselves have been looked at before. The first ones belong to sets.
function isTable(number: u32, keyWords: u32, entry: u32): bool {
  if (number >= load<u32>(PROGRAM, PROGRAM_TABLE_COUNT * 4) || number < load<u32>(PROGRAM, PROGRAM_SET_COUNT * 4)) return false;
  const table = tableAt(number);
  return load<u32>(table, STORE_KEY * 4) == keyWords && load<u32>(table, STORE_ENTRY * 4) >= entry;
}

/** The target of the rule at `at` and its arguments; where they lead to a chain, checkChains looks. */
export function checkTarget(op: u32, args: u32): bool {
  if (op >= <u32>TARGETS) return wrong(FAULT_TARGET, args - 4);
  if (op == TARGET_SET) return areSets(args) || wrong(FAULT_TARGET, args);
  if (op != TARGET_CT) return true;
  const helper = load<u32>(PROGRAM + args, 12);
  return (load<u32>(PROGRAM + args, 8) <= <u32>POLICIES && helper < <u32>HELPERS) || wrong(FAULT_TARGET, args);
}

function areSets(args: u32): bool {
  const count = load<u32>(PROGRAM, PROGRAM_SET_COUNT * 4);
  for (let i: u32 = 0; i < 3; ++i) if ((load<u32>(PROGRAM + args + (i << 2)) & 0xffff) > count) return false;
  return true;
}
