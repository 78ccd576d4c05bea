// oracle: asks the connection tracking of this Linux kernel about one packet after the other.
//
// It does what Node cannot: enters a network namespace of its own, opens TAP devices and netlink sockets, and reads back
// what the kernel says of each packet. What the namespace looks like (devices, rules, sysctls) is decided by the caller,
// who sends scripts; see src/topology.ts.
//
// Why this is exact: write() on a TAP device runs the packet through the whole stack before it returns (no NAPI, no
// queue, noqueue at the far end). When write() comes back, every log message about the packet and every conntrack event
// it caused already lie in our netlink socket, in the order in which they happened. The log message of the chain right
// behind conntrack says which conn it is (rules write id and status into the source MAC, which the message carries); the
// conn itself is then asked for over ctnetlink, by the tuple its NEW event had. NFLOG could carry the whole conn, but
// only in kernels built with NETFILTER_NETLINK_GLUE_CT.
//
// Why nothing stays behind: the namespace has no name and lives only as long as this process, which dies with its
// parent, when its input ends, or by its alarm.
//
// Both ways, little endian: u32 length of what follows, u8 kind, payload.
//
//   command                                           answer (same kind, or 'e' and a text, after which we exit)
//   x  script                                         u32 exit status, output     runs /bin/sh -c in the namespace
//   t  name                                           -                           opens a TAP: first input, then output
//   l  -                                                 -                           starts listening
//   s  u64 unused                                     -                           sets the clock's zero to now
//   p  u8 flags, u32 count, packets                   count records
//   d  u32 milliseconds                               extras                      waits, then hands out what came in
//   n  netlink message                                   i32 error                   sends a request of its own, with NLM_F_ACK
//   g  -                                                 extras                      the table, dumped: a message for each conn
//   f  -                                                 -                           forgets: empties the conntrack table
//   r  path                                           i32 error, text             reads a file (/proc)
//   w  path, NUL, text                                i32 error                   writes a file (/proc/sys)
//
//   packet   u32 index, u64 due (us after zero), u16 EtherType (as a number), u16 0, u32 length, bytes behind the EtherType
//   record   struct record, then `extra` bytes of extras
//   extra    u16 type, u32 length, bytes

#define _GNU_SOURCE
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netfilter/nfnetlink_log.h>
#include <linux/netlink.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <arpa/inet.h>

// Log groups: what the chains of src/topology.ts log to. Group 0 carries the kernel's own words (log_invalid).
enum { GROUP_WORDS, GROUP_ARRIVE, GROUP_LABEL, GROUP_LEAVE, GROUP_OWN, GROUPS };

// record.seen
enum {
  ARRIVED = 1,     // entered PREROUTING, before defragmentation and conntrack
  LABELED = 2,     // came out of conntrack: record.label, id and status are valid
  LEFT = 4,        // passed the last hook, behind confirm
  AFTER = 8,       // record.after is the conn as it is in the table after the packet
};

enum { FLAG_REALTIME = 1, FLAG_OUTPUT = 2, FLAG_EVENTS = 4, FLAG_COUNTERS = 8, FLAG_AFTER = 16 };

// What may hang on a record. CONN: the attributes of a conn that has more than struct conn holds.
// COUNTERS: the files of COUNTER_FILES, for a packet that did not get through (with FLAG_COUNTERS).
enum { EXTRA_WORDS = 1, EXTRA_EVENT, EXTRA_OUTPUT, EXTRA_CONN, EXTRA_COUNTERS };

static const char *const COUNTER_FILES[] = { "/proc/net/snmp", "/proc/net/netstat", "/proc/net/snmp6", "/proc/net/stat/nf_conntrack" };

struct conn {              // 88 bytes
  uint32_t id, status, timeout, mark;
  uint16_t zone;
  uint8_t tracker, state;  // IPPROTO_TCP or IPPROTO_SCTP and its state; 0 for other protocols
  uint8_t scale[2], flags[2];
  uint32_t vtag[2];
  uint32_t use;
  uint32_t counted;        // 1: packets and bytes of both directions are valid
  uint64_t packets[2], bytes[2];
  uint8_t labels[16];
};

struct record {            // 120 bytes
  uint32_t index;
  uint8_t seen;
  char label;              // E e R r N n (original, reply), I, U: the prefix of the label chain's log message
  uint16_t status;         // as a rule behind conntrack sees it
  uint32_t id;             // of the conn then attached
  uint32_t sent;           // us after zero
  struct conn after;
  uint32_t owns;           // packets of the kernel's own (OUTPUT)
  uint32_t leaves;         // messages of the last hook, those of its own packets included
  uint32_t extra;
};

_Static_assert(sizeof(struct conn) == 88, "conn");
_Static_assert(sizeof(struct record) == 120, "record");

static int tapIn = -1, tapOut = -1, listener = -1, asker = -1;
static struct timespec zero;

// --- answers: a growing buffer, flushed once per command ---------------------------------------------------------------

static uint8_t *out;
static size_t outLength, outRoom;

static uint8_t *reserve(size_t n) {
  if (outLength + n > outRoom) {
    outRoom = (outLength + n) * 2;
    out = realloc(out, outRoom);
    if (!out) abort();
  }
  uint8_t *at = out + outLength;
  outLength += n;
  return at;
}

static void append(const void *data, size_t n) {
  uint8_t *at = reserve(n);
  if (n) memcpy(at, data, n);
}

static void begin(uint8_t kind) {
  outLength = 0;
  reserve(4);
  append(&kind, 1);
}

static void writeAll(const uint8_t *data, size_t n) {
  while (n) {
    ssize_t k = write(1, data, n);
    if (k < 0 && errno == EINTR) continue;
    if (k <= 0) _exit(1);
    data += k, n -= k;
  }
}

static void finish(void) {
  uint32_t n = outLength - 4;
  memcpy(out, &n, 4);
  writeAll(out, outLength);
}

static void __attribute__((noreturn, format(printf, 1, 2))) fail(const char *format, ...) {
  char text[512];
  va_list args;
  va_start(args, format);
  int n = vsnprintf(text, sizeof text, format, args);
  va_end(args);
  begin('e');
  append(text, n < (int)sizeof text ? n : (int)sizeof text - 1);
  finish();
  exit(1);
}

static void extra(uint16_t type, const void *data, uint32_t length) {
  append(&type, 2);
  append(&length, 4);
  append(data, length);
}

// --- netlink: requests ---------------------------------------------------------------------------------------------------

static int openNetlink(int receiveBuffer) {
  int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
  if (fd < 0) fail("netlink socket: %s", strerror(errno));
  struct sockaddr_nl self = { .nl_family = AF_NETLINK };
  if (bind(fd, (struct sockaddr *)&self, sizeof self)) fail("netlink bind: %s", strerror(errno));
  setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &receiveBuffer, sizeof receiveBuffer);
  return fd;
}

struct request {
  struct nlmsghdr header;
  struct nfgenmsg family;
  uint8_t attributes[256];
};

static void attribute(struct request *r, uint16_t type, const void *value, uint16_t length) {
  struct nlattr *a = (void *)((uint8_t *)r + NLMSG_ALIGN(r->header.nlmsg_len));
  a->nla_type = type;
  a->nla_len = NLA_HDRLEN + length;
  memcpy((uint8_t *)a + NLA_HDRLEN, value, length);
  r->header.nlmsg_len = NLMSG_ALIGN(r->header.nlmsg_len) + NLA_ALIGN(a->nla_len);
}

/** Sends a request and waits for its acknowledgement: 0 or -errno. */
static int command(int fd, struct request *r) {
  if (send(fd, r, r->header.nlmsg_len, 0) < 0) return -errno;
  struct { struct nlmsghdr h; struct nlmsgerr e; uint8_t rest[256]; } ack;
  ssize_t n = recv(fd, &ack, sizeof ack, 0);
  if (n < 0) return -errno;
  return n < (ssize_t)NLMSG_LENGTH(sizeof ack.e) || ack.h.nlmsg_type != NLMSG_ERROR ? -EPROTO : ack.e.error;
}

static void configureLog(int group, struct request *r, const char *what) {
  r->header.nlmsg_type = NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_CONFIG;
  r->header.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
  r->family.res_id = htons(group);
  int error = command(listener, r);
  if (error) fail("log group %d %s: %s", group, what, strerror(-error));
}

static void bindGroup(int group) {
  struct request r = { .header.nlmsg_len = NLMSG_LENGTH(sizeof(struct nfgenmsg)) };
  struct nfulnl_msg_config_cmd bindCommand = { .command = NFULNL_CFG_CMD_BIND };
  attribute(&r, NFULA_CFG_CMD, &bindCommand, sizeof bindCommand);
  configureLog(group, &r, "bind");

  struct request c = { .header.nlmsg_len = NLMSG_LENGTH(sizeof(struct nfgenmsg)) };
  struct nfulnl_msg_config_mode mode = { .copy_mode = NFULNL_COPY_META };
  uint32_t threshold = htonl(1);
  uint16_t flags = htons(NFULNL_CFG_F_SEQ);
  attribute(&c, NFULA_CFG_MODE, &mode, sizeof mode);
  attribute(&c, NFULA_CFG_QTHRESH, &threshold, sizeof threshold);
  attribute(&c, NFULA_CFG_FLAGS, &flags, sizeof flags);
  configureLog(group, &c, "mode");
}

static void membership(int group, int on) {
  if (setsockopt(listener, SOL_NETLINK, on ? NETLINK_ADD_MEMBERSHIP : NETLINK_DROP_MEMBERSHIP, &group, sizeof group))
    fail("event group %d: %s", group, strerror(errno));
}

/** All events, or only those of new conns, which we need to know their tuples. */
static void subscribe(int all) {
  static int subscribed = 0;
  if (all == subscribed) return;
  subscribed = all;
  for (int g = NFNLGRP_CONNTRACK_UPDATE; g <= NFNLGRP_CONNTRACK_EXP_DESTROY; g++) membership(g, all);
}

static void startListening(void) {
  if (listener >= 0) fail("listening already");
  asker = openNetlink(1 << 20);
  struct timeval limit = { .tv_sec = 10 };
  setsockopt(asker, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  listener = openNetlink(1 << 29);
  for (int group = 0; group < GROUPS; group++) bindGroup(group);
  membership(NFNLGRP_CONNTRACK_NEW, 1);
}

// --- netlink: what the kernel says of a packet ------------------------------------------------------------------------------

#define EACH_ATTRIBUTE(a, start, length)                                                                       \
  for (struct nlattr *a = (void *)(start), *end_ = (void *)((uint8_t *)(start) + (length));                    \
       (uint8_t *)a + NLA_HDRLEN <= (uint8_t *)end_ && a->nla_len >= NLA_HDRLEN;                               \
       a = (void *)((uint8_t *)a + NLA_ALIGN(a->nla_len)))

static void *value(struct nlattr *a) { return (uint8_t *)a + NLA_HDRLEN; }
static int size(struct nlattr *a) { return a->nla_len - NLA_HDRLEN; }
static int type(struct nlattr *a) { return a->nla_type & NLA_TYPE_MASK; }
static uint32_t number(struct nlattr *a) { uint32_t n; memcpy(&n, value(a), 4); return ntohl(n); }

static void readProtocol(struct conn *c, struct nlattr *info) {
  EACH_ATTRIBUTE(p, value(info), size(info)) {
    if (type(p) == CTA_PROTOINFO_TCP) {
      c->tracker = IPPROTO_TCP;
      EACH_ATTRIBUTE(a, value(p), size(p)) {
        uint8_t byte = *(uint8_t *)value(a);
        switch (type(a)) {
          case CTA_PROTOINFO_TCP_STATE: c->state = byte; break;
          case CTA_PROTOINFO_TCP_WSCALE_ORIGINAL: c->scale[0] = byte; break;
          case CTA_PROTOINFO_TCP_WSCALE_REPLY: c->scale[1] = byte; break;
          case CTA_PROTOINFO_TCP_FLAGS_ORIGINAL: c->flags[0] = byte; break;
          case CTA_PROTOINFO_TCP_FLAGS_REPLY: c->flags[1] = byte; break;
        }
      }
    } else if (type(p) == CTA_PROTOINFO_SCTP) {
      c->tracker = IPPROTO_SCTP;
      EACH_ATTRIBUTE(a, value(p), size(p)) {
        switch (type(a)) {
          case CTA_PROTOINFO_SCTP_STATE: c->state = *(uint8_t *)value(a); break;
          case CTA_PROTOINFO_SCTP_VTAG_ORIGINAL: c->vtag[0] = number(a); break;
          case CTA_PROTOINFO_SCTP_VTAG_REPLY: c->vtag[1] = number(a); break;
        }
      }
    }
  }
}

static uint64_t number64(struct nlattr *a) { uint64_t n; memcpy(&n, value(a), 8); return be64toh(n); }

static void readCounters64(struct conn *c, int dir, struct nlattr *counters) {
  c->counted = 1;
  EACH_ATTRIBUTE(a, value(counters), size(counters)) {
    if (type(a) == CTA_COUNTERS_PACKETS) c->packets[dir] = number64(a);
    else if (type(a) == CTA_COUNTERS_BYTES) c->bytes[dir] = number64(a);
  }
}

/** True if the conn has something the fixed fields do not hold (helper, master, sequence adjustment). */
static int readConn(struct conn *c, struct nlattr *first, int length) {
  int unusual = 0;
  memset(c, 0, sizeof *c);
  EACH_ATTRIBUTE(a, first, length) {
    switch (type(a)) {
      case CTA_STATUS: c->status = number(a); break;
      case CTA_TIMEOUT: c->timeout = number(a); break;
      case CTA_MARK: c->mark = number(a); break;
      case CTA_ID: c->id = number(a); break;
      case CTA_USE: c->use = number(a); break;
      case CTA_ZONE: { uint16_t z; memcpy(&z, value(a), 2); c->zone = ntohs(z); break; }
      case CTA_PROTOINFO: readProtocol(c, a); break;
      case CTA_COUNTERS_ORIG: readCounters64(c, 0, a); break;
      case CTA_COUNTERS_REPLY: readCounters64(c, 1, a); break;
      case CTA_LABELS: memcpy(c->labels, value(a), size(a) < 16 ? size(a) : 16); break;
      case CTA_HELP: case CTA_TUPLE_MASTER: case CTA_SEQ_ADJ_ORIG: case CTA_SEQ_ADJ_REPLY: unusual = 1; break;
    }
  }
  return unusual;
}

static uint32_t expectedSequence[GROUPS];

static void readLog(struct nlmsghdr *h, struct record *r) {
  struct nfgenmsg *family = NLMSG_DATA(h);
  int group = ntohs(family->res_id), room = h->nlmsg_len - NLMSG_LENGTH(sizeof *family);
  struct nlattr *prefix = NULL, *source = NULL;
  uint32_t sequence = 0;
  if (group >= GROUPS) return;
  EACH_ATTRIBUTE(a, (uint8_t *)family + NLMSG_ALIGN(sizeof *family), room) {
    switch (type(a)) {
      case NFULA_PREFIX: prefix = a; break;
      case NFULA_SEQ: sequence = number(a); break;
      case NFULA_HWADDR: source = a; break;
    }
  }
  if (sequence != expectedSequence[group]) fail("lost %d messages of log group %d", (int)(sequence - expectedSequence[group]), group);
  expectedSequence[group] = sequence + 1;

  if (!r) {
    if (group == GROUP_ARRIVE) fail("a packet that is not ours arrived");
    return;
  }
  switch (group) {
    case GROUP_WORDS:
      if (prefix) extra(EXTRA_WORDS, value(prefix), strnlen(value(prefix), size(prefix)));
      break;
    case GROUP_ARRIVE:
      if (r->seen & ARRIVED) fail("packet %u arrived twice", r->index);
      r->seen |= ARRIVED;
      break;
    case GROUP_LABEL:
      if (r->seen & LABELED) fail("packet %u was labeled twice", r->index);
      if (!prefix || !source) fail("a label without prefix or address");
      r->seen |= LABELED;
      r->label = *(char *)value(prefix);
      if (r->label != 'I' && r->label != 'U') {
        const uint8_t *address = ((struct nfulnl_msg_packet_hw *)value(source))->hw_addr;
        memcpy(&r->id, address, 4);  // ctnetlink calls these bytes big endian
        r->id = ntohl(r->id);
        r->status = address[4] << 8 | address[5];
      }
      break;
    case GROUP_OWN:
      r->owns++;
      break;
    case GROUP_LEAVE:
      r->leaves++;
      if (r->leaves > r->owns) r->seen |= LEFT;  // what the kernel sent itself left before the packet that caused it
      break;
  }
}

// --- conns by id: the tuple to ask for them with -------------------------------------------------------------------------------
//
// Open addressing with linear probing over the id (a hash already). Filled by NEW events; a conn that is gone may stay,
// asking for it finds nothing.

enum { FREE = 0, REMOVED = 255 };

struct known {
  uint32_t id;
  uint16_t zone;
  uint8_t family, length;  // of the tuple; or FREE or REMOVED
  uint8_t tuple[104];      // the attribute CTA_TUPLE_ORIG as the kernel sent it
};

static struct known *knowns;
static uint32_t knownRoom, knownUsed;

static struct known *findKnown(uint32_t id, int insert) {
  if (!knownRoom) return NULL;
  struct known *grave = NULL;
  for (uint32_t i = id & (knownRoom - 1);; i = (i + 1) & (knownRoom - 1)) {
    struct known *k = &knowns[i];
    if (k->length == FREE) return insert ? (grave ? grave : (knownUsed++, k)) : NULL;
    if (k->length == REMOVED) grave = grave ? grave : k;
    else if (k->id == id) return k;
  }
}

static void growKnown(void) {
  struct known *old = knowns;
  uint32_t oldRoom = knownRoom, alive = 0;
  for (uint32_t i = 0; i < oldRoom; i++) alive += old[i].length != FREE && old[i].length != REMOVED;
  knownRoom = 1 << 12;
  while (knownRoom < alive * 2) knownRoom *= 2;
  knowns = calloc(knownRoom, sizeof *knowns);
  if (!knowns) abort();
  knownUsed = 0;
  for (uint32_t i = 0; i < oldRoom; i++)
    if (old[i].length != FREE && old[i].length != REMOVED) *findKnown(old[i].id, 1) = old[i];
  free(old);
}

/** Takes note of a conn: of an event, or of the answer to a dump. */
static void learn(struct nlmsghdr *h, int dumped) {
  int kind = h->nlmsg_type & 255;
  struct nfgenmsg *family = NLMSG_DATA(h);
  struct nlattr *tuple = NULL;
  uint32_t id = 0;
  uint16_t zone = 0;
  EACH_ATTRIBUTE(a, (uint8_t *)family + NLMSG_ALIGN(sizeof *family), h->nlmsg_len - NLMSG_LENGTH(sizeof *family)) {
    if (type(a) == CTA_TUPLE_ORIG) tuple = a;
    else if (type(a) == CTA_ID) id = number(a);
    else if (type(a) == CTA_ZONE) memcpy(&zone, value(a), 2);
  }
  if (kind == IPCTNL_MSG_CT_DELETE) {
    struct known *k = findKnown(id, 0);
    if (k) k->length = REMOVED;
  } else if (kind == IPCTNL_MSG_CT_NEW && (dumped || h->nlmsg_flags & NLM_F_CREATE) && tuple) {
    if (tuple->nla_len > sizeof knowns->tuple) fail("a tuple of %d bytes", tuple->nla_len);
    if (knownUsed >= knownRoom / 4 * 3) growKnown();
    struct known *k = findKnown(id, 1);
    *k = (struct known){ .id = id, .zone = zone, .family = family->nfgen_family, .length = tuple->nla_len };
    memcpy(k->tuple, tuple, tuple->nla_len);
  }
}

static uint8_t answers[1 << 16] __attribute__((aligned(8)));

/** Asks for the whole table and hands on each conn. */
static void dumpTable(void (*each)(struct nlmsghdr *)) {
  struct request q = { .header.nlmsg_len = NLMSG_LENGTH(sizeof(struct nfgenmsg)) };
  q.header.nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET;
  q.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  if (send(asker, &q, q.header.nlmsg_len, 0) < 0) fail("asking for the table: %s", strerror(errno));
  for (int done = 0; !done;) {
    ssize_t n = recv(asker, answers, sizeof answers, 0);
    if (n <= 0) fail("asking for the table: %s", strerror(errno));
    int left = n;
    for (struct nlmsghdr *h = (void *)answers; NLMSG_OK(h, left); h = NLMSG_NEXT(h, left)) {
      if (h->nlmsg_type == NLMSG_DONE || h->nlmsg_type == NLMSG_ERROR) done = 1;
      else each(h);
    }
  }
}

static void learnDumped(struct nlmsghdr *h) { learn(h, 1); }

static void tellDumped(struct nlmsghdr *h) { extra(EXTRA_EVENT, h, h->nlmsg_len); }

/** Fills r->after with the conn of the packet, if it is in the table. */
static void askAfter(struct record *r) {
  struct known *k = findKnown(r->id, 0);
  if (!k && (r->seen & LEFT || r->status & IPS_CONFIRMED)) {
    dumpTable(learnDumped);  // a rule has suppressed its NEW event
    k = findKnown(r->id, 0);
  }
  if (!k) return;
  struct request q = { .header.nlmsg_len = NLMSG_LENGTH(sizeof(struct nfgenmsg)) };
  q.header.nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET;
  q.header.nlmsg_flags = NLM_F_REQUEST;
  q.family.nfgen_family = k->family;
  memcpy((uint8_t *)&q + NLMSG_ALIGN(q.header.nlmsg_len), k->tuple, k->length);
  q.header.nlmsg_len = NLMSG_ALIGN(q.header.nlmsg_len) + NLA_ALIGN(k->length);
  if (k->zone) attribute(&q, CTA_ZONE, &k->zone, 2);
  if (send(asker, &q, q.header.nlmsg_len, 0) < 0) fail("asking for a conn: %s", strerror(errno));
  ssize_t n = recv(asker, answers, sizeof answers, 0);
  struct nlmsghdr *h = (void *)answers;
  if (n < 0 || !NLMSG_OK(h, n)) fail("asking for a conn: %s", n < 0 ? strerror(errno) : "short answer");
  if (h->nlmsg_type == NLMSG_ERROR) {
    int error = ((struct nlmsgerr *)NLMSG_DATA(h))->error;
    if (error == -ENOENT) return;
    fail("asking for a conn: %s", strerror(-error));
  }
  struct nlattr *first = (void *)((uint8_t *)NLMSG_DATA(h) + NLMSG_ALIGN(sizeof(struct nfgenmsg)));
  int length = h->nlmsg_len - NLMSG_LENGTH(sizeof(struct nfgenmsg));
  int unusual = readConn(&r->after, first, length);
  if (r->after.id != r->id) return;  // another one with the same tuple
  r->seen |= AFTER;
  if (unusual) extra(EXTRA_CONN, first, length);
}

// --- one packet ------------------------------------------------------------------------------------------------------------

enum { MESSAGES = 32, MESSAGE_ROOM = 16384 };
static uint8_t messages[MESSAGES][MESSAGE_ROOM] __attribute__((aligned(8)));

/** Reads all that lies in the socket; `r` is the packet it belongs to, or NULL between packets. */
static void drain(struct record *r, int events) {
  struct iovec parts[MESSAGES];
  struct mmsghdr heads[MESSAGES];
  for (;;) {
    for (int i = 0; i < MESSAGES; i++) {
      parts[i] = (struct iovec){ messages[i], MESSAGE_ROOM };
      heads[i] = (struct mmsghdr){ .msg_hdr = { .msg_iov = &parts[i], .msg_iovlen = 1 } };
    }
    int n = recvmmsg(listener, heads, MESSAGES, MSG_DONTWAIT, NULL);
    if (n < 0 && errno == EAGAIN) return;
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) fail("netlink: %s%s", strerror(errno), errno == ENOBUFS ? " (messages were lost)" : "");
    for (int i = 0; i < n; i++) {
      if (heads[i].msg_hdr.msg_flags & MSG_TRUNC) fail("a netlink message longer than %d bytes", MESSAGE_ROOM);
      int left = heads[i].msg_len;
      for (struct nlmsghdr *h = (void *)messages[i]; NLMSG_OK(h, left); h = NLMSG_NEXT(h, left)) {
        int subsystem = h->nlmsg_type >> 8;
        if (subsystem == NFNL_SUBSYS_ULOG) readLog(h, r);
        if (subsystem == NFNL_SUBSYS_CTNETLINK) learn(h, 0);
        if (events && (subsystem == NFNL_SUBSYS_CTNETLINK || subsystem == NFNL_SUBSYS_CTNETLINK_EXP))
          extra(EXTRA_EVENT, h, h->nlmsg_len);
      }
    }
    if (n < MESSAGES) return;
  }
}

static uint64_t now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (t.tv_sec - zero.tv_sec) * 1000000ull + t.tv_nsec / 1000 - zero.tv_nsec / 1000;
}

static void sleepUntil(uint64_t due) {
  struct timespec t = zero;
  t.tv_sec += due / 1000000;
  t.tv_nsec += due % 1000000 * 1000;
  if (t.tv_nsec >= 1000000000) t.tv_sec++, t.tv_nsec -= 1000000000;
  while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR) {}
}

/** Drops what the kernel sends to a TAP, so that its queue does not fill; or no longer. */
static void discard(int fd, int on) {
  struct sock_filter none = { BPF_RET | BPF_K, 0, 0, 0 };
  struct sock_fprog program = { 1, &none };
  if (ioctl(fd, on ? TUNATTACHFILTER : TUNDETACHFILTER, &program)) fail("TAP filter: %s", strerror(errno));
}

static void readFrames(int fd) {
  static uint8_t frame[1 << 17];
  for (int i = 0; i < 4096; i++) {
    ssize_t n = read(fd, frame, sizeof frame);
    if (n < 0) {
      if (errno == EAGAIN) return;
      fail("reading a TAP device: %s", strerror(errno));
    }
    extra(EXTRA_OUTPUT, frame, n);
  }
}

/** What went back comes first: it is always the kernel's own. */
static void readOutput(void) {
  readFrames(tapIn);
  readFrames(tapOut);
}

/** Appends a file to the answer; 0 or -errno. */
static int appendFile(const char *path) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return -errno;
  int error = 0;
  for (;;) {
    static char buffer[1 << 16];
    ssize_t n = read(fd, buffer, sizeof buffer);
    if (n < 0) error = -errno;
    if (n <= 0) break;
    append(buffer, n);
  }
  close(fd);
  return error;
}

static void readCounters(void) {
  extra(EXTRA_COUNTERS, NULL, 0);
  size_t at = outLength;
  for (size_t i = 0; i < sizeof COUNTER_FILES / sizeof *COUNTER_FILES; i++) appendFile(COUNTER_FILES[i]);
  uint32_t length = outLength - at;
  memcpy(out + at - 4, &length, 4);
}

static const uint8_t ETHERNET[12] = { 2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1 };

static void inject(const uint8_t *packet, uint32_t length, uint16_t etherType) {
  static uint8_t frame[1 << 17];
  if (length > sizeof frame - 14) fail("packet of %u bytes", length);
  memcpy(frame, ETHERNET, 12);
  frame[12] = etherType >> 8, frame[13] = etherType;
  memcpy(frame + 14, packet, length);
  ssize_t n = write(tapIn, frame, length + 14);
  if (n < 0) fail("writing a packet of %u bytes: %s", length, strerror(errno));
}

static void packets(const uint8_t *p, size_t n) {
  if (n < 5 || tapIn < 0 || listener < 0) fail("not ready for packets");
  int flags = p[0];
  uint32_t count;
  memcpy(&count, p + 1, 4);
  const uint8_t *end = p + n;
  p += 5;
  subscribe(!!(flags & FLAG_EVENTS));
  if (flags & FLAG_REALTIME) setpriority(PRIO_PROCESS, 0, -20);  // punctual also when the machine is busy; it mostly sleeps
  static int outputWanted = 0;
  if (outputWanted != !!(flags & FLAG_OUTPUT)) {
    outputWanted = !outputWanted;
    discard(tapIn, !outputWanted);
    discard(tapOut, !outputWanted);
  }
  begin('p');
  for (uint32_t i = 0; i < count; i++) {
    uint32_t index, length;
    uint64_t due;
    uint16_t etherType;
    if (end - p < 20) fail("short packet list");
    memcpy(&index, p, 4), memcpy(&due, p + 4, 8), memcpy(&etherType, p + 12, 2), memcpy(&length, p + 16, 4);
    p += 20;
    if ((size_t)(end - p) < length) fail("short packet list");
    size_t at = outLength;
    reserve(sizeof(struct record));
    struct record r = { .index = index };
    if (flags & FLAG_REALTIME) {
      sleepUntil(due);
      drain(NULL, flags & FLAG_EVENTS);
    }
    r.sent = now();
    inject(p, length, etherType);
    drain(&r, flags & FLAG_EVENTS);
    if (flags & FLAG_AFTER && r.id) askAfter(&r);
    if (flags & FLAG_OUTPUT) readOutput();
    if (flags & FLAG_COUNTERS && !(r.seen & LEFT)) readCounters();
    r.extra = outLength - at - sizeof r;
    memcpy(out + at, &r, sizeof r);
    p += length;
  }
  finish();
}

// --- the other commands -----------------------------------------------------------------------------------------------------

static void openTap(const char *name) {
  int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) fail("/dev/net/tun: %s", strerror(errno));
  struct ifreq request = { .ifr_flags = IFF_TAP | IFF_NO_PI };
  snprintf(request.ifr_name, IFNAMSIZ, "%s", name);
  if (ioctl(fd, TUNSETIFF, &request)) fail("TAP %s: %s", name, strerror(errno));
  discard(fd, 1);
  if (tapIn < 0) tapIn = fd;
  else if (tapOut < 0) tapOut = fd;
  else fail("two TAP devices are enough");
}

static void script(const char *text) {
  int pipes[2];
  if (pipe(pipes)) fail("pipe: %s", strerror(errno));
  pid_t pid = fork();
  if (pid < 0) fail("fork: %s", strerror(errno));
  if (pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    alarm(60);
    int null = open("/dev/null", O_RDONLY);
    dup2(null, 0), dup2(pipes[1], 1), dup2(pipes[1], 2);
    close(pipes[0]), close(pipes[1]);
    execl("/bin/sh", "sh", "-c", text, NULL);
    _exit(127);
  }
  close(pipes[1]);
  begin('x');
  size_t at = outLength;
  reserve(4);
  char buffer[4096];
  ssize_t n;
  while ((n = read(pipes[0], buffer, sizeof buffer)) != 0) {
    if (n > 0) append(buffer, n);
    else if (errno != EINTR) break;
  }
  close(pipes[0]);
  int status = 0;
  waitpid(pid, &status, 0);
  uint32_t code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  memcpy(out + at, &code, 4);
  finish();
}

static void drainCommand(uint32_t milliseconds) {
  begin('d');
  struct timespec t = { milliseconds / 1000, milliseconds % 1000 * 1000000 };
  nanosleep(&t, NULL);
  drain(NULL, 1);
  finish();
}

static void requestCommand(const uint8_t *message, size_t n) {
  int fd = openNetlink(1 << 16);
  struct request r;
  if (n > sizeof r) fail("a request of %zu bytes", n);
  memcpy(&r, message, n);
  int32_t error = command(fd, &r);
  close(fd);
  begin('n');
  append(&error, 4);
  finish();
}

/** Answers with the moment on the wall clock: nanoseconds since the epoch. */
static void startClock(void) {
  struct timespec wall;
  clock_gettime(CLOCK_MONOTONIC, &zero);
  clock_gettime(CLOCK_REALTIME, &wall);
  uint64_t nanoseconds = wall.tv_sec * 1000000000ull + wall.tv_nsec;
  begin('s');
  append(&nanoseconds, 8);
  finish();
}

static void dumpCommand(void) {
  begin('g');
  dumpTable(tellDumped);
  finish();
}

/** An empty table, no expectations, nothing known. What the flush itself is worth in messages is thrown away. */
static void forgetAll(void) {
  subscribe(0);
  for (int subsystem = NFNL_SUBSYS_CTNETLINK_EXP; subsystem >= NFNL_SUBSYS_CTNETLINK; subsystem--) {
    struct request q = { .header.nlmsg_len = NLMSG_LENGTH(sizeof(struct nfgenmsg)) };
    q.header.nlmsg_type = subsystem << 8 | IPCTNL_MSG_CT_DELETE;  // IPCTNL_MSG_EXP_DELETE has the same number
    q.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
    int error = command(asker, &q);
    if (error) fail("flush: %s", strerror(-error));
  }
  begin('f');
  drain(NULL, 0);
  free(knowns);
  knowns = NULL;
  knownRoom = knownUsed = 0;
  finish();
}

static void readFile(const char *path) {
  begin('r');
  size_t at = outLength;
  reserve(4);
  int32_t error = appendFile(path);
  memcpy(out + at, &error, 4);
  finish();
}

static void writeFile(const char *path, const char *text, size_t n) {
  int32_t error = 0;
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0 || write(fd, text, n) < 0) error = -errno;
  if (fd >= 0) close(fd);
  begin('w');
  append(&error, 4);
  finish();
}

static int readExactly(uint8_t *data, size_t n) {
  while (n) {
    ssize_t k = read(0, data, n);
    if (k < 0 && errno == EINTR) continue;
    if (k <= 0) return 0;
    data += k, n -= k;
  }
  return 1;
}

int main(int argc, char **argv) {
  // The alarm is the last resort against a caller that hangs; each command winds it up again.
  unsigned patience = argc > 1 ? atoi(argv[1]) : 120;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  signal(SIGPIPE, SIG_DFL);
  if (unshare(CLONE_NEWNET)) fail("a network namespace of our own: %s", strerror(errno));
  clock_gettime(CLOCK_MONOTONIC, &zero);

  uint8_t *command = NULL;
  uint32_t length, room = 0;
  for (;;) {
    alarm(patience);
    if (!readExactly((uint8_t *)&length, 4)) return 0;
    if (length < 1 || length > 1u << 30) fail("a command of %u bytes", length);
    if (length + 1 > room) command = realloc(command, room = length + 1);
    if (!command || !readExactly(command, length)) return 0;
    command[length] = 0;
    uint8_t *payload = command + 1;
    size_t n = length - 1;
    switch (command[0]) {
      case 'x': script((char *)payload); continue;
      case 'p': packets(payload, n); continue;
      case 'n': requestCommand(payload, n); continue;
      case 'g': dumpCommand(); continue;
      case 'f': forgetAll(); continue;
      case 'r': readFile((char *)payload); continue;
      case 'w': {
        size_t path = strlen((char *)payload) + 1;
        if (path > n) fail("write: no text");
        writeFile((char *)payload, (char *)payload + path, n - path);
        continue;
      }
      case 'd': {
        uint32_t milliseconds = 0;
        if (n >= 4) memcpy(&milliseconds, payload, 4);
        drainCommand(milliseconds);
        continue;
      }
      case 't': openTap((char *)payload); break;
      case 'l': startListening(); break;
      case 's': startClock(); continue;
      default: fail("unknown command %d", command[0]);
    }
    begin(command[0]);
    finish();
  }
}
