// TCP conversations as the kernel tracked them (Linux 6.18.44): what a rule saw of each packet, and the entry afterwards.
//
// ms, way, flags ("-": none), seq, ack, bytes of data, window and options, state seen ("/r": reply direction), entry:
// seconds left, protocol state, unreplied, assured, and who began if it was B; "-": none. A row with null lets time pass.

export type TcpStep =
  | readonly [ms: number, way: "->" | "<-", flags: string, seq: number, ack: number, data: number, options: string, state: string, entry: string]
  | readonly [ms: number, wait: null, entry: string];

export type TcpSequence = readonly [name: string, steps: readonly TcpStep[], sysctls?: Readonly<Record<string, number>>];

// biome-ignore format: columns
const HANDSHAKE: readonly TcpStep[] = [
  [0, "->", "S",  100,   0, 0, "", "NEW",           "120 SYN_SENT unreplied"],
  [1, "<-", "SA", 500, 101, 0, "", "ESTABLISHED/r", "60 SYN_RECV"],
  [2, "->", "A",  101, 501, 0, "", "ESTABLISHED",   "432000 ESTABLISHED assured"],
];

// biome-ignore format: columns
export const TCP_SEQUENCES: readonly TcpSequence[] = [
  ["V01 Handshake, data, orderly close", [
    [    0, "->", "S",           100,          0,     0, "",               "NEW",            "120 SYN_SENT unreplied"],
    [    1, "<-", "SA",          500,        101,     0, "",               "ESTABLISHED/r",  "60 SYN_RECV"],
    [    2, "->", "A",           101,        501,     0, "",               "ESTABLISHED",    "432000 ESTABLISHED assured"],
    [    3, "->", "PA",          101,        501,    10, "",               "ESTABLISHED",    "300 ESTABLISHED assured"],
    [    4, "<-", "A",           501,        111,     0, "",               "ESTABLISHED/r",  "432000 ESTABLISHED assured"],
    [    5, "->", "FA",          111,        501,     0, "",               "ESTABLISHED",    "120 FIN_WAIT assured"],
    [    6, "<-", "A",           501,        112,     0, "",               "ESTABLISHED/r",  "60 CLOSE_WAIT assured"],
    [    7, "<-", "FA",          501,        112,     0, "",               "ESTABLISHED/r",  "30 LAST_ACK assured"],
    [    8, "->", "A",           112,        502,     0, "",               "ESTABLISHED",    "120 TIME_WAIT assured"],
  ]],
  ["V02 SYN retransmission does not refresh the timer", [
    [    0, "->", "S",           100,          0,     0, "",               "NEW",            "120 SYN_SENT unreplied"],
    [ 3000, null, "116 SYN_SENT unreplied"],
    [ 3001, "->", "S",           100,          0,     0, "",               "NEW",            "116 SYN_SENT unreplied"],
  ]],
  ["V03 SYN with a new, higher ISN while SYN_SENT is taken over", [
    [    0, "->", "S",           100,          0,     0, "",               "NEW",            "120 SYN_SENT unreplied"],
    [    1, "->", "S",        900000,          0,     0, "",               "NEW",            "120 SYN_SENT unreplied"],
    [    2, "<-", "SA",          500,     900001,     0, "",               "ESTABLISHED/r",  "60 SYN_RECV"],
    [    3, "->", "A",        900001,        501,     0, "",               "ESTABLISHED",    "432000 ESTABLISHED assured"],
  ]],
  ["V04 SYN with a lower ISN while SYN_SENT: accepted, but the tracked numbers stay; its SYN/ACK then counts as an old ACK: passed, no state change, SEEN_REPLY set", [
    [    0, "->", "S",        900000,          0,     0, "",               "NEW",            "120 SYN_SENT unreplied"],
    [    1, "->", "S",           100,          0,     0, "",               "NEW",            "120 SYN_SENT unreplied"],
    [    2, "<-", "SA",          500,        101,     0, "",               "ESTABLISHED/r",  "120 SYN_SENT"],
  ]],
  ["V05 SYN/ACK acknowledging too much is INVALID, acknowledging too little is accepted", [
    [    0, "->", "S",           100,          0,     0, "",               "NEW",            "120 SYN_SENT unreplied"],
    [    1, "<-", "SA",          500,        102,     0, "",               "INVALID",        "120 SYN_SENT unreplied"],
    [    2, "<-", "SA",          500,        100,     0, "",               "ESTABLISHED/r",  "60 SYN_RECV"],
    [    3, "<-", "SA",          500,        101,     0, "",               "ESTABLISHED/r",  "60 SYN_RECV"],
  ]],
  ["V06 Connection refused: RST is the only answer, entry vanishes at once", [
    [    0, "->", "S",           100,          0,     0, "",               "NEW",            "120 SYN_SENT unreplied"],
    [    1, "<-", "RA",            0,        101,     0, "",               "ESTABLISHED/r",  "-"],
  ]],
  ["V07 Refused, RST without ACK and with seq 0", [
    [    0, "->", "S",           100,          0,     0, "",               "NEW",            "120 SYN_SENT unreplied"],
    [    1, "<-", "R",             0,          0,     0, "",               "ESTABLISHED/r",  "-"],
  ]],
  ["V08 RST with a wrong ack answering a SYN", [
    [    0, "->", "S",           100,          0,     0, "",               "NEW",            "120 SYN_SENT unreplied"],
    [    1, "<-", "RA",            0,        999,     0, "",               "INVALID",        "120 SYN_SENT unreplied"],
    [    2, "<-", "RA",            0,        101,     0, "",               "ESTABLISHED/r",  "-"],
  ]],
  ["V09 SYN/ACK without SYN", [
    [    0, "->", "SA",          500,        101,     0, "",               "INVALID",        "-"],
  ]],
  ["V10 Mid-stream pick-up, tcp_loose=1", [
    [    0, "->", "A",          5000,       9000,    10, "",               "NEW",            "300 ESTABLISHED unreplied"],
    [ 2000, null, "298 ESTABLISHED unreplied"],
    [ 2001, "->", "PA",         5010,       9000,    10, "",               "NEW",            "300 ESTABLISHED unreplied"],
    [ 2002, "<-", "A",          9000,       5020,     0, "",               "ESTABLISHED/r",  "300 ESTABLISHED"],
    [ 2003, "<-", "PA",         9000,       5020,    20, "",               "ESTABLISHED/r",  "300 ESTABLISHED assured"],
  ]],
  ["V11 Mid-stream pick-up starting from the server side", [
    [    0, "<-", "PA",         9000,       5000,    10, "",               "NEW",            "300 ESTABLISHED unreplied from B"],
    [    1, "->", "A",          5000,       9010,     0, "",               "ESTABLISHED/r",  "300 ESTABLISHED from B"],
  ]],
  ["V12 Picked-up connection is liberal in both directions", [
    [    0, "->", "A",          5000,       9000,     0, "",               "NEW",            "300 ESTABLISHED unreplied"],
    [    1, "<-", "A",          9000,       5000,     0, "",               "ESTABLISHED/r",  "300 ESTABLISHED"],
    [    2, "->", "PA",      5000000,       9000,    10, "",               "ESTABLISHED",    "432000 ESTABLISHED assured"],
    [    3, "<-", "A",            77,         88,     0, "",               "ESTABLISHED/r",  "432000 ESTABLISHED assured"],
  ]],
  ["V13 tcp_loose=0 refuses pick-up", [
    [    0, "->", "A",          5000,       9000,    10, "",               "INVALID",        "-"],
    [    1, "->", "S",           100,          0,     0, "",               "NEW",            "120 SYN_SENT unreplied"],
  ], { nf_conntrack_tcp_loose: 0 }],
  ["V14 FIN, RST or flagless segment cannot open", [
    [    0, "->", "FA",            1,          1,     0, "",               "INVALID",        "-"],
    [    1, "->", "R",             1,          0,     0, "",               "INVALID",        "-"],
    [    2, "->", "RA",            1,          1,     0, "",               "INVALID",        "-"],
    [    3, "->", "-",             1,          0,     0, "",               "INVALID",        "-"],
  ]],
  ["V15 Illegal flag combinations on an established connection", [
    ...HANDSHAKE,
    [    3, "->", "-",           101,          0,     0, "",               "INVALID",        "432000 ESTABLISHED assured"],
    [    4, "->", "SF",          101,          0,     0, "",               "INVALID",        "432000 ESTABLISHED assured"],
    [    5, "->", "SR",          101,          0,     0, "",               "INVALID",        "432000 ESTABLISHED assured"],
    [    6, "->", "F",           101,          0,     0, "",               "INVALID",        "432000 ESTABLISHED assured"],
    [    7, "->", "FPU",         101,          0,     0, "",               "INVALID",        "432000 ESTABLISHED assured"],
    [    8, "->", "FRA",         101,        501,     0, "",               "INVALID",        "432000 ESTABLISHED assured"],
    [    9, "->", "RU",          101,          0,     0, "",               "INVALID",        "432000 ESTABLISHED assured"],
    [   10, "->", "SAU",         101,        501,     0, "",               "INVALID",        "432000 ESTABLISHED assured"],
    [   11, "->", "FAU",         101,        501,     0, "",               "ESTABLISHED",    "120 FIN_WAIT assured"],
  ]],
  ["V16 PSH/ECE/CWR never matter", [
    [    0, "->", "SEC",         100,          0,     0, "",               "NEW",            "120 SYN_SENT unreplied"],
    [    1, "<-", "SAE",         500,        101,     0, "",               "ESTABLISHED/r",  "60 SYN_RECV"],
    [    2, "->", "APEC",        101,        501,     0, "",               "ESTABLISHED",    "432000 ESTABLISHED assured"],
  ]],
  ["V17 Data in SYN (fast open), fully acknowledged", [
    [    0, "->", "S",           100,          0,    20, "",               "NEW",            "120 SYN_SENT unreplied"],
    [    1, "<-", "SA",          500,        121,     0, "",               "ESTABLISHED/r",  "60 SYN_RECV"],
    [    2, "->", "A",           121,        501,     0, "",               "ESTABLISHED",    "432000 ESTABLISHED assured"],
  ]],
  ["V18 Data in SYN, only the SYN acknowledged", [
    [    0, "->", "S",           100,          0,    20, "",               "NEW",            "120 SYN_SENT unreplied"],
    [    1, "<-", "SA",          500,        101,     0, "",               "ESTABLISHED/r",  "60 SYN_RECV"],
    [    2, "->", "PA",          101,        501,    20, "",               "ESTABLISHED",    "432000 ESTABLISHED assured"],
  ]],
  ["V19 SYN/ACK and SYN retransmitted in SYN_RECV: passed, timer untouched", [
    [    0, "->", "S",           100,          0,     0, "",               "NEW",            "120 SYN_SENT unreplied"],
    [    1, "<-", "SA",          500,        101,     0, "",               "ESTABLISHED/r",  "60 SYN_RECV"],
    [ 3001, null, "56 SYN_RECV"],
    [ 3002, "<-", "SA",          500,        101,     0, "",               "ESTABLISHED/r",  "56 SYN_RECV"],
    [ 3003, "->", "S",           100,          0,     0, "",               "ESTABLISHED",    "56 SYN_RECV"],
    [ 3004, "->", "A",           101,        501,     0, "",               "ESTABLISHED",    "432000 ESTABLISHED assured"],
  ]],
  ["V20 Server data before the third handshake ACK", [
    [    0, "->", "S",           100,          0,     0, "",               "NEW",            "120 SYN_SENT unreplied"],
    [    1, "<-", "SA",          500,        101,     0, "",               "ESTABLISHED/r",  "60 SYN_RECV"],
    [    2, "<-", "PA",          501,        101,    30, "",               "ESTABLISHED/r",  "60 SYN_RECV"],
    [    3, "->", "A",           101,        531,     0, "",               "ESTABLISHED",    "432000 ESTABLISHED assured"],
  ]],
  ["V21 Third handshake ACK is the first data segment", [
    [    0, "->", "S",           100,          0,     0, "",               "NEW",            "120 SYN_SENT unreplied"],
    [    1, "<-", "SA",          500,        101,     0, "",               "ESTABLISHED/r",  "60 SYN_RECV"],
    [    2, "->", "PA",          101,        501,    30, "",               "ESTABLISHED",    "300 ESTABLISHED assured"],
    [    3, "<-", "A",           501,        131,     0, "",               "ESTABLISHED/r",  "432000 ESTABLISHED assured"],
  ]],
  ["V22 Client ACK or FIN while SYN_SENT", [
    [    0, "->", "S",           100,          0,     0, "",               "NEW",            "120 SYN_SENT unreplied"],
    [    1, "->", "A",           101,        501,     0, "",               "INVALID",        "120 SYN_SENT unreplied"],
    [    2, "->", "FA",          101,        501,     0, "",               "INVALID",        "120 SYN_SENT unreplied"],
    [    3, "->", "PA",          101,        501,     5, "",               "INVALID",        "120 SYN_SENT unreplied"],
  ]],
  ["V23 Challenge ACK from server while SYN_SENT, client answers RST", [
    [    0, "->", "S",           100,          0,     0, "",               "NEW",            "120 SYN_SENT unreplied"],
    [    1, "<-", "A",          9000,       7000,     0, "",               "ESTABLISHED/r",  "120 SYN_SENT"],
    [    2, "->", "R",          7000,          0,     0, "",               "ESTABLISHED",    "10 CLOSE"],
    [    3, "->", "S",           100,          0,     0, "",               "NEW",            "120 SYN_SENT unreplied"],
  ]],
  ["V24 Half-open: ACK while SYN_SENT then RST from the server side", [
    [    0, "->", "S",           100,          0,     0, "",               "NEW",            "120 SYN_SENT unreplied"],
    [    1, "<-", "A",          9000,       7000,     0, "",               "ESTABLISHED/r",  "120 SYN_SENT"],
    [    2, "<-", "RA",         9000,        101,     0, "",               "ESTABLISHED/r",  "10 CLOSE"],
  ]],
  ["V25 Simultaneous open", [
    [    0, "->", "S",           100,          0,     0, "",               "NEW",            "120 SYN_SENT unreplied"],
    [    1, "<-", "S",           500,          0,     0, "",               "ESTABLISHED/r",  "120 SYN_SENT2"],
    [    2, "->", "SA",          100,        501,     0, "",               "ESTABLISHED",    "60 SYN_RECV"],
    [    3, "<-", "SA",          500,        101,     0, "",               "ESTABLISHED/r",  "60 SYN_RECV"],
    [    4, "->", "A",           101,        501,     0, "",               "ESTABLISHED",    "432000 ESTABLISHED assured"],
  ]],
  ["V26 Simultaneous open, completed by plain ACKs", [
    [    0, "->", "S",           100,          0,     0, "",               "NEW",            "120 SYN_SENT unreplied"],
    [    1, "<-", "S",           500,          0,     0, "",               "ESTABLISHED/r",  "120 SYN_SENT2"],
    [    2, "->", "SA",          100,        501,     0, "",               "ESTABLISHED",    "60 SYN_RECV"],
    [    3, "<-", "A",           501,        101,     0, "",               "ESTABLISHED/r",  "432000 ESTABLISHED assured"],
    [    4, "->", "A",           101,        501,     0, "",               "ESTABLISHED",    "432000 ESTABLISHED assured"],
  ]],
  ["V27 Segment beyond the window is INVALID and changes nothing", [
    ...HANDSHAKE,
    [ 2002, null, "431998 ESTABLISHED assured"],
    [ 2003, "->", "PA",       200000,        501,    10, "",               "INVALID",        "431998 ESTABLISHED assured"],
    [ 2004, "->", "PA",          101,        501,    10, "",               "ESTABLISHED",    "300 ESTABLISHED assured"],
  ]],
  ["V28 Segment overshooting the window a little: passes as ESTABLISHED, timer not refreshed, td_end moves", [
    [    0, "->", "S",           100,          0,     0, "",               "NEW",            "120 SYN_SENT unreplied"],
    [    1, "<-", "SA",          500,        101,     0, "win=100",        "ESTABLISHED/r",  "60 SYN_RECV"],
    [    2, "->", "A",           101,        501,     0, "",               "ESTABLISHED",    "432000 ESTABLISHED assured"],
    [ 2002, null, "431998 ESTABLISHED assured"],
    [ 2003, "->", "PA",          101,        501,   100, "",               "ESTABLISHED",    "300 ESTABLISHED assured"],
    [ 4003, null, "298 ESTABLISHED assured"],
    [ 4004, "->", "PA",          202,        501,    50, "",               "ESTABLISHED",    "297 ESTABLISHED assured"],
    [ 4005, "<-", "A",           501,        252,     0, "",               "ESTABLISHED/r",  "432000 ESTABLISHED assured"],
  ]],
  ["V29 Old duplicate left of the window: ESTABLISHED, no refresh", [
    ...HANDSHAKE,
    [    3, "->", "PA",          101,        501,  1000, "",               "ESTABLISHED",    "300 ESTABLISHED assured"],
    [    4, "<-", "A",           501,       1101,     0, "",               "ESTABLISHED/r",  "432000 ESTABLISHED assured"],
    [ 2004, null, "431997 ESTABLISHED assured"],
    [ 2005, "->", "PA",   4294900000,        501,    10, "",               "ESTABLISHED",    "431997 ESTABLISHED assured"],
    [ 2006, "->", "PA",          101,        501,    10, "",               "ESTABLISHED",    "432000 ESTABLISHED assured"],
  ]],
  ["V30 ACK of data never seen is INVALID", [
    ...HANDSHAKE,
    [    3, "<-", "A",           501,        102,     0, "",               "INVALID",        "432000 ESTABLISHED assured"],
    [    4, "<-", "A",           501,        101,     0, "",               "ESTABLISHED/r",  "432000 ESTABLISHED assured"],
  ]],
  ["V31 Very old ACK (more than 66000 behind): passes without refresh", [
    ...HANDSHAKE,
    [    3, "->", "PA",          101,        501,  8000, "",               "ESTABLISHED",    "300 ESTABLISHED assured"],
    [    4, "<-", "A",           501,       8101,     0, "win=65535",      "ESTABLISHED/r",  "432000 ESTABLISHED assured"],
    [    5, "->", "PA",         8101,        501, 60000, "",               "ESTABLISHED",    "300 ESTABLISHED assured"],
    [    6, "<-", "A",           501,      68101,     0, "win=65535",      "ESTABLISHED/r",  "432000 ESTABLISHED assured"],
    [    7, "->", "PA",        68101,        501, 20000, "",               "ESTABLISHED",    "300 ESTABLISHED assured"],
    [    8, "<-", "A",           501,      88101,     0, "",               "ESTABLISHED/r",  "432000 ESTABLISHED assured"],
    [ 2008, null, "431997 ESTABLISHED assured"],
    [ 2009, "<-", "A",           501,        101,     0, "",               "ESTABLISHED/r",  "431997 ESTABLISHED assured"],
  ]],
  ["V32 tcp_be_liberal=1 turns window violations into ESTABLISHED", [
    ...HANDSHAKE,
    [    3, "->", "PA",       200000,        501,    10, "",               "ESTABLISHED",    "432000 ESTABLISHED assured"],
    [    4, "<-", "A",           501,          5,     0, "",               "ESTABLISHED/r",  "432000 ESTABLISHED assured"],
  ], { nf_conntrack_tcp_be_liberal: 1 }],
  ["V33 be_liberal still rejects an RST below the highest ACK", [
    ...HANDSHAKE,
    [    3, "<-", "PA",          501,        101,    10, "",               "ESTABLISHED/r",  "300 ESTABLISHED assured"],
    [    4, "->", "A",           101,        511,     0, "",               "ESTABLISHED",    "432000 ESTABLISHED assured"],
    [    5, "<-", "R",           505,          0,     0, "",               "INVALID",        "432000 ESTABLISHED assured"],
  ], { nf_conntrack_tcp_be_liberal: 1 }],
  ["V34 RST exactly at the expected sequence", [
    ...HANDSHAKE,
    [    3, "<-", "PA",          501,        101,    10, "",               "ESTABLISHED/r",  "300 ESTABLISHED assured"],
    [    4, "->", "A",           101,        511,     0, "",               "ESTABLISHED",    "432000 ESTABLISHED assured"],
    [    5, "<-", "R",           511,          0,     0, "",               "ESTABLISHED/r",  "10 CLOSE assured"],
  ]],
  ["V35 RST above the expected sequence but inside the window: state kept, timer cut to the CLOSE value", [
    ...HANDSHAKE,
    [    3, "<-", "PA",          501,        101,    10, "",               "ESTABLISHED/r",  "300 ESTABLISHED assured"],
    [    4, "->", "A",           101,        511,     0, "",               "ESTABLISHED",    "432000 ESTABLISHED assured"],
    [    5, "<-", "R",           600,          0,     0, "",               "ESTABLISHED/r",  "10 ESTABLISHED assured"],
    [    6, "->", "A",           101,        511,     0, "",               "ESTABLISHED",    "300 ESTABLISHED assured"],
  ]],
  ["V36 RST below the highest ACK is INVALID", [
    ...HANDSHAKE,
    [    3, "<-", "PA",          501,        101,    10, "",               "ESTABLISHED/r",  "300 ESTABLISHED assured"],
    [    4, "->", "A",           101,        511,     0, "",               "ESTABLISHED",    "432000 ESTABLISHED assured"],
    [    5, "<-", "R",           505,          0,     0, "",               "INVALID",        "432000 ESTABLISHED assured"],
  ]],
  ["V37 Same with tcp_ignore_invalid_rst=1", [
    ...HANDSHAKE,
    [    3, "<-", "PA",          501,        101,    10, "",               "ESTABLISHED/r",  "300 ESTABLISHED assured"],
    [    4, "->", "A",           101,        511,     0, "",               "ESTABLISHED",    "432000 ESTABLISHED assured"],
    [    5, "<-", "R",           505,          0,     0, "",               "ESTABLISHED/r",  "10 ESTABLISHED assured"],
  ], { nf_conntrack_tcp_ignore_invalid_rst: 1 }],
  ["V38 RST far outside the window", [
    ...HANDSHAKE,
    [    3, "<-", "R",        500501,          0,     0, "",               "INVALID",        "432000 ESTABLISHED assured"],
  ]],
  ["V39 RST as the tail of a segment train is exact", [
    ...HANDSHAKE,
    [    3, "<-", "A",           501,        101,     0, "",               "ESTABLISHED/r",  "432000 ESTABLISHED assured"],
    [    4, "<-", "PA",          501,        101,    19, "",               "ESTABLISHED/r",  "300 ESTABLISHED assured"],
    [    5, "<-", "R",           520,          0,     0, "",               "ESTABLISHED/r",  "10 CLOSE assured"],
  ]],
  ["V40 RST on a picked-up, not yet ASSURED connection", [
    [    0, "->", "A",          5000,       9000,    10, "",               "NEW",            "300 ESTABLISHED unreplied"],
    [    1, "<-", "R",          9000,          0,     0, "",               "ESTABLISHED/r",  "-"],
  ]],
  ["V41 RST while SYN_RECV", [
    [    0, "->", "S",           100,          0,     0, "",               "NEW",            "120 SYN_SENT unreplied"],
    [    1, "<-", "SA",          500,        101,     0, "",               "ESTABLISHED/r",  "60 SYN_RECV"],
    [    2, "->", "R",           101,          0,     0, "",               "ESTABLISHED",    "10 CLOSE"],
    [    3, "->", "S",           300,          0,     0, "",               "NEW",            "120 SYN_SENT unreplied"],
  ]],
  ["V42 Two out-of-window FIN/RST, one per direction, cut an ESTABLISHED timer to 300", [
    ...HANDSHAKE,
    [    3, "->", "FA",       300000,        501,     0, "",               "INVALID",        "432000 ESTABLISHED assured"],
    [    4, "<-", "FA",       300000,        101,     0, "",               "INVALID",        "300 ESTABLISHED assured"],
  ]],
  ["V43 FIN from both sides before any ACK", [
    ...HANDSHAKE,
    [    3, "->", "FA",          101,        501,     0, "",               "ESTABLISHED",    "120 FIN_WAIT assured"],
    [    4, "<-", "FA",          501,        101,     0, "",               "ESTABLISHED/r",  "30 LAST_ACK assured"],
    [    5, "->", "A",           102,        502,     0, "",               "ESTABLISHED",    "120 TIME_WAIT assured"],
  ]],
  ["V44 Retransmitted FIN from the same side already means LAST_ACK", [
    ...HANDSHAKE,
    [    3, "->", "FA",          101,        501,     0, "",               "ESTABLISHED",    "120 FIN_WAIT assured"],
    [    4, "->", "FA",          101,        501,     0, "",               "ESTABLISHED",    "30 LAST_ACK assured"],
    [    5, "<-", "A",           501,        102,     0, "",               "ESTABLISHED/r",  "120 TIME_WAIT assured"],
  ]],
  ["V45 Server closes first", [
    ...HANDSHAKE,
    [    3, "<-", "FA",          501,        101,     0, "",               "ESTABLISHED/r",  "120 FIN_WAIT assured"],
    [    4, "->", "A",           101,        502,     0, "",               "ESTABLISHED",    "60 CLOSE_WAIT assured"],
    [    5, "->", "FA",          101,        502,     0, "",               "ESTABLISHED",    "30 LAST_ACK assured"],
    [    6, "<-", "A",           502,        102,     0, "",               "ESTABLISHED/r",  "120 TIME_WAIT assured"],
  ]],
  ["V46 Half-closed data transfer in CLOSE_WAIT", [
    ...HANDSHAKE,
    [    3, "->", "FA",          101,        501,     0, "",               "ESTABLISHED",    "120 FIN_WAIT assured"],
    [    4, "<-", "A",           501,        102,     0, "",               "ESTABLISHED/r",  "60 CLOSE_WAIT assured"],
    [    5, "<-", "PA",          501,        102,    10, "",               "ESTABLISHED/r",  "60 CLOSE_WAIT assured"],
    [    6, "->", "A",           102,        511,     0, "",               "ESTABLISHED",    "60 CLOSE_WAIT assured"],
  ]],
  ["V47 SYN in TIME_WAIT from the client: new connection", [
    ...HANDSHAKE,
    [    3, "->", "FA",          101,        501,     0, "",               "ESTABLISHED",    "120 FIN_WAIT assured"],
    [    4, "<-", "FA",          501,        102,     0, "",               "ESTABLISHED/r",  "30 LAST_ACK assured"],
    [    5, "->", "A",           102,        502,     0, "",               "ESTABLISHED",    "120 TIME_WAIT assured"],
    [    6, "->", "S",           700,          0,     0, "",               "NEW",            "120 SYN_SENT unreplied"],
  ]],
  ["V48 SYN in TIME_WAIT from the former server: roles swap", [
    ...HANDSHAKE,
    [    3, "->", "FA",          101,        501,     0, "",               "ESTABLISHED",    "120 FIN_WAIT assured"],
    [    4, "<-", "FA",          501,        102,     0, "",               "ESTABLISHED/r",  "30 LAST_ACK assured"],
    [    5, "->", "A",           102,        502,     0, "",               "ESTABLISHED",    "120 TIME_WAIT assured"],
    [    6, "<-", "S",           700,          0,     0, "",               "NEW",            "120 SYN_SENT unreplied from B"],
    [    7, "->", "SA",          900,        701,     0, "",               "ESTABLISHED/r",  "60 SYN_RECV from B"],
  ]],
  ["V49 SYN after the client's own RST: new connection", [
    ...HANDSHAKE,
    [    3, "->", "R",           101,          0,     0, "",               "ESTABLISHED",    "10 CLOSE assured"],
    [    4, "->", "S",           700,          0,     0, "",               "NEW",            "120 SYN_SENT unreplied"],
  ]],
  ["V50 SYN after the server's RST: passed as ESTABLISHED, entry resynchronised by the SYN/ACK", [
    ...HANDSHAKE,
    [    3, "<-", "R",           501,          0,     0, "",               "ESTABLISHED/r",  "10 CLOSE assured"],
    [    4, "->", "S",           700,          0,     0, "",               "ESTABLISHED",    "10 CLOSE assured"],
    [    5, "<-", "SA",          900,        701,     0, "",               "ESTABLISHED/r",  "60 SYN_RECV assured"],
    [    6, "->", "A",           701,        901,     0, "",               "ESTABLISHED",    "432000 ESTABLISHED assured"],
  ]],
  ["V51 SYN on an ESTABLISHED connection, answered by SYN/ACK: resync", [
    ...HANDSHAKE,
    [    3, "->", "S",         70000,          0,     0, "",               "ESTABLISHED",    "432000 ESTABLISHED assured"],
    [    4, "<-", "SA",        90000,      70001,     0, "",               "ESTABLISHED/r",  "60 SYN_RECV assured"],
    [    5, "->", "A",         70001,      90001,     0, "",               "ESTABLISHED",    "432000 ESTABLISHED assured"],
  ]],
  ["V52 SYN on an ESTABLISHED connection, challenge ACK, RST", [
    ...HANDSHAKE,
    [    3, "->", "S",         70000,          0,     0, "",               "ESTABLISHED",    "432000 ESTABLISHED assured"],
    [    4, "<-", "A",           501,        101,     0, "",               "ESTABLISHED/r",  "432000 ESTABLISHED assured"],
    [    5, "->", "R",           101,          0,     0, "",               "ESTABLISHED",    "10 CLOSE assured"],
    [    6, "->", "S",         70000,          0,     0, "",               "NEW",            "120 SYN_SENT unreplied"],
  ]],
  ["V53 SYN on an ESTABLISHED connection answered by RST", [
    ...HANDSHAKE,
    [    3, "->", "S",         70000,          0,     0, "",               "ESTABLISHED",    "432000 ESTABLISHED assured"],
    [    4, "<-", "RA",            0,      70001,     0, "",               "ESTABLISHED/r",  "10 CLOSE assured"],
  ]],
  ["V54 SYN from the server side on an ESTABLISHED connection", [
    ...HANDSHAKE,
    [    3, "<-", "S",         70000,          0,     0, "",               "INVALID",        "432000 ESTABLISHED assured"],
  ]],
  ["V55 SYN/ACK from the client on an ESTABLISHED connection", [
    ...HANDSHAKE,
    [    3, "->", "SA",        70000,        501,     0, "",               "INVALID",        "432000 ESTABLISHED assured"],
  ]],
  ["V56 Challenge ACK in LAST_ACK does not close", [
    ...HANDSHAKE,
    [    3, "->", "FA",          101,        501,     0, "",               "ESTABLISHED",    "120 FIN_WAIT assured"],
    [    4, "<-", "FA",          501,        102,     0, "",               "ESTABLISHED/r",  "30 LAST_ACK assured"],
    [    5, "->", "S",         70000,          0,     0, "",               "ESTABLISHED",    "30 LAST_ACK assured"],
    [    6, "<-", "A",           502,        102,     0, "",               "ESTABLISHED/r",  "30 LAST_ACK assured"],
    [    7, "->", "A",           102,        502,     0, "",               "ESTABLISHED",    "120 TIME_WAIT assured"],
  ]],
  ["V57 Unacknowledged data shortens the timer to 300 until acknowledged", [
    ...HANDSHAKE,
    [    3, "->", "PA",          101,        501,    10, "",               "ESTABLISHED",    "300 ESTABLISHED assured"],
    [    4, "<-", "A",           501,        111,     0, "",               "ESTABLISHED/r",  "432000 ESTABLISHED assured"],
  ]],
  ["V58 Zero window shortens the timer to 300", [
    ...HANDSHAKE,
    [    3, "<-", "A",           501,        101,     0, "win=0",          "ESTABLISHED/r",  "300 ESTABLISHED assured"],
    [    4, "<-", "A",           501,        101,     0, "win=100",        "ESTABLISHED/r",  "432000 ESTABLISHED assured"],
  ]],
  ["V59 Three identical ACKs after the first shorten the timer to 300", [
    ...HANDSHAKE,
    [    3, "<-", "A",           501,        101,     0, "",               "ESTABLISHED/r",  "432000 ESTABLISHED assured"],
    [    4, "<-", "A",           501,        101,     0, "",               "ESTABLISHED/r",  "432000 ESTABLISHED assured"],
    [    5, "<-", "A",           501,        101,     0, "",               "ESTABLISHED/r",  "432000 ESTABLISHED assured"],
    [    6, "<-", "A",           501,        101,     0, "",               "ESTABLISHED/r",  "300 ESTABLISHED assured"],
    [    7, "<-", "A",           501,        101,     0, "win=9000",       "ESTABLISHED/r",  "432000 ESTABLISHED assured"],
  ]],
  ["V60 Window scaling negotiated by both", [
    [    0, "->", "S",           100,          0,     0, "ws=7",           "NEW",            "120 SYN_SENT unreplied"],
    [    1, "<-", "SA",          500,        101,     0, "win=1000 ws=7",  "ESTABLISHED/r",  "60 SYN_RECV"],
    [    2, "->", "A",           101,        501,     0, "win=1000",       "ESTABLISHED",    "432000 ESTABLISHED assured"],
    [    3, "<-", "A",           501,        101,     0, "win=1000",       "ESTABLISHED/r",  "432000 ESTABLISHED assured"],
    [    4, "->", "PA",       100000,        501,    10, "",               "ESTABLISHED",    "300 ESTABLISHED assured"],
  ]],
  ["V61 Window scaling offered by one side only is ignored", [
    [    0, "->", "S",           100,          0,     0, "ws=7",           "NEW",            "120 SYN_SENT unreplied"],
    [    1, "<-", "SA",          500,        101,     0, "win=1000",       "ESTABLISHED/r",  "60 SYN_RECV"],
    [    2, "->", "A",           101,        501,     0, "win=1000",       "ESTABLISHED",    "432000 ESTABLISHED assured"],
    [    3, "<-", "A",           501,        101,     0, "win=1000",       "ESTABLISHED/r",  "432000 ESTABLISHED assured"],
    [    4, "->", "PA",       100000,        501,    10, "",               "INVALID",        "432000 ESTABLISHED assured"],
  ]],
  ["V62 Sequence wrap-around", [
    [    0, "->", "S",    4294967280,          0,     0, "",               "NEW",            "120 SYN_SENT unreplied"],
    [    1, "<-", "SA",   4294967295, 4294967281,     0, "",               "ESTABLISHED/r",  "60 SYN_RECV"],
    [    2, "->", "A",    4294967281,          0,     0, "",               "ESTABLISHED",    "432000 ESTABLISHED assured"],
    [    3, "->", "PA",   4294967281,          0,   100, "",               "ESTABLISHED",    "300 ESTABLISHED assured"],
    [    4, "<-", "A",             0,         85,     0, "",               "ESTABLISHED/r",  "432000 ESTABLISHED assured"],
  ]],
  ["V63 Late SYN/ACK after the SYN_SENT entry expired", [
    [    0, "->", "S",           100,          0,     0, "",               "NEW",            "1 SYN_SENT unreplied"],
    [ 1500, null, "-"],
    [ 1501, "<-", "SA",          500,        101,     0, "",               "INVALID",        "-"],
  ], { nf_conntrack_tcp_timeout_syn_sent: 1 }],
  ["V64 Late data after expiry is picked up again with swapped direction", [
    ...HANDSHAKE.slice(0, 2),
    [    2, "->", "A",           101,        501,     0, "",               "ESTABLISHED",    "1 ESTABLISHED assured"],
    [ 1502, null, "-"],
    [ 1503, "<-", "PA",          501,        101,     5, "",               "NEW",            "1 ESTABLISHED unreplied from B"],
    [ 1504, "->", "A",           101,        506,     0, "",               "ESTABLISHED/r",  "1 ESTABLISHED from B"],
  ], { nf_conntrack_tcp_timeout_established: 1 }],
  ["V65 RST for an unknown connection", [
    [    0, "->", "R",             5,          0,     0, "",               "INVALID",        "-"],
    [    1, "<-", "RA",            5,          5,     0, "",               "INVALID",        "-"],
  ]],
];
