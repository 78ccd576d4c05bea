// Established connections in native C: what the engine's design costs without wasm, and without everything else the engine does.
//
// The same table (groups of 15 tags and an overflow count, one canonical entry of 128 bytes at the slot's number, NH hash), batches
// of 64 with the memory they need touched before, the whole TCP window of both sides, the deadline, counters of both directions
// and a word of result for each packet. What is left out is in its favour: IPv6, fragments, checksums, ICMP, states beyond the handshake
// and ESTABLISHED, lists of timers, events, reasons, zones, a bound for a search.
//
//   established FLOWS
//
// On standard input, in the machine's byte order: │ bytes u32 │ chunks │, again and again; a chunk is │ packets u32 │ bytes u32 │ pcap
// records │. Answers each chunk on standard output, when all are done: │ nanoseconds u64 │ packets found ESTABLISHED u64 │. Reading, writing and
// the copy to where a chunk is tracked are not in the time. The records are those of ../packets.ts, their numbers and lengths
// taken at their word.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

enum { BATCH = 64, SLOTS = 15, MOST_INPUT = 1 << 24, MOST_BYTES = 1 << 20, MOST_PACKETS = 1 << 13 };
enum { FIN = 1, SYN = 2, RST = 4, ACK = 16 };
enum { SYN_SENT = 1, SYN_RECV = 2, ESTABLISHED = 3 };
enum { SEEN_REPLY = 2, ASSURED = 4, SWAPPED = 1 << 16 };
enum { UNACKNOWLEDGED = 16, SCALED = 1 };
enum { RESULT_NONE = 0, RESULT_NEW = 1, RESULT_ESTABLISHED = 2, RESULT_INVALID = 4 };

static const uint64_t SECOND = 1000000000;

struct side {
  uint32_t end, max_end, max_win, max_ack;
};

// Two cache lines, the fields where the engine has them.
struct conn {
  uint64_t addresses; // the smaller one first, as they lie in the packet
  uint64_t ports;     // with protocol and family
  uint32_t status, serial;
  uint8_t state, last_index, last_dir, retrans, scale[2], flags[2];
  struct side side[2];
  uint32_t last_seq, last_ack, last_end;
  uint16_t last_win, unused;
  uint64_t deadline;
  uint32_t filed, next, prev, mark;
  uint64_t bytes[2];
  uint32_t packets[2];
} __attribute__((aligned(64)));

_Static_assert(sizeof(struct conn) == 128, "two cache lines");

// A decoded packet; no more of it than tracking needs.
struct packet {
  uint64_t addresses, ports, hash, time;
  const uint8_t *tcp;
  struct conn *candidate;
  uint32_t length, payload; // of the IP packet, and behind the TCP header
  uint8_t swapped, known;
};

static uint8_t (*groups)[16]; // 15 tags, then how many entries found the group full
static struct conn *conns;
static uint32_t group_count, serials;
static uint64_t now;
static uint32_t key[4] = {0x9e3779b9, 0x7f4a7c15, 0xbf58476d, 0x1ce4e5b9};
static uint64_t results[MOST_PACKETS];

static inline uint32_t be32(const uint8_t *at) {
  uint32_t word;
  memcpy(&word, at, 4);
  return __builtin_bswap32(word);
}

static inline uint32_t be16(const uint8_t *at) { return (uint32_t)(at[0] << 8 | at[1]); }

static inline uint32_t le32(const uint8_t *at) {
  uint32_t word;
  memcpy(&word, at, 4);
  return word;
}

// ---- the packet

static inline uint64_t hash_of(uint64_t a, uint64_t b) {
  uint64_t h = (uint64_t)((uint32_t)a + key[0]) * ((uint32_t)(a >> 32) + key[1]) +
               (uint64_t)((uint32_t)b + key[2]) * ((uint32_t)(b >> 32) + key[3]);
  h ^= h >> 32;
  h *= 0x9e3779b97f4a7c15;
  return h ^ h >> 29;
}

// Ethernet, IPv4 without options and not a fragment, TCP with its header there.
static inline void decode(struct packet *p, const uint8_t *record) {
  const uint8_t *frame = record + 16, *ip = frame + 14, *tcp = ip + 20;
  uint32_t captured = le32(record + 8), on_wire = le32(record + 12);
  p->known = 0;
  p->hash = 0;
  if (captured < 54 || be16(frame + 12) != 0x0800 || ip[0] != 0x45 || (be16(ip + 6) & 0x3fff) || ip[9] != 6) return;
  uint32_t total = be16(ip + 2), header = (uint32_t)(tcp[12] >> 4) << 2;
  if (total < 20 + header || header < 20 || total + 14 > on_wire) return;
  p->time = le32(record) * SECOND + le32(record + 4) * 1000ull;
  uint64_t src = le32(ip + 12), dst = le32(ip + 16), sport, dport;
  sport = le32(tcp) & 0xffff;
  dport = le32(tcp) >> 16;
  p->swapped = (src << 16 | sport) > (dst << 16 | dport);
  p->addresses = p->swapped ? dst | src << 32 : src | dst << 32;
  p->ports = (p->swapped ? dport | sport << 16 : sport | dport << 16) | 0x206ull << 32;
  p->hash = hash_of(p->addresses, p->ports);
  p->tcp = tcp;
  p->length = total;
  p->payload = total - 20 - header;
  p->known = 1;
}

// ---- the table

static inline uint32_t group_of(uint64_t hash) { return (uint32_t)((hash & 0xffffffff) * group_count >> 32); }

static inline uint8_t tag_of(uint64_t hash) { return (uint8_t)(0x80 | hash >> 57); }

static inline uint32_t matches(const uint8_t *group, uint8_t tag) {
#ifdef __SSE2__
  __m128i tags = _mm_load_si128((const __m128i *)group);
  return (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(tags, _mm_set1_epi8((char)tag))) & 0x7fff;
#else
  uint32_t bits = 0;
  for (int i = 0; i < SLOTS; i++) bits |= (uint32_t)(group[i] == tag) << i;
  return bits;
#endif
}

static inline int same(const struct conn *c, const struct packet *p) {
  return ((c->addresses ^ p->addresses) | (c->ports ^ p->ports)) == 0;
}

// The conn of the first slot whose tag fits, or of the first free one.
static inline struct conn *candidate_of(uint64_t hash) {
  uint32_t group = group_of(hash), fits = matches(groups[group], tag_of(hash));
  if (!fits && groups[group][SLOTS]) {
    group = group + 1 == group_count ? 0 : group + 1;
    fits = matches(groups[group], tag_of(hash));
  }
  if (!fits) fits = matches(groups[group], 0);
  return &conns[(uint64_t)group * SLOTS + (fits ? (uint32_t)__builtin_ctz(fits) : 0)];
}

static struct conn *find(const struct packet *p) {
  uint32_t group = group_of(p->hash);
  for (;;) {
    for (uint32_t fits = matches(groups[group], tag_of(p->hash)); fits; fits &= fits - 1) {
      struct conn *c = &conns[(uint64_t)group * SLOTS + (uint32_t)__builtin_ctz(fits)];
      if (same(c, p)) return c;
    }
    if (!groups[group][SLOTS]) return NULL;
    group = group + 1 == group_count ? 0 : group + 1;
  }
}

static struct conn *insert(const struct packet *p) {
  uint32_t group = group_of(p->hash), free;
  while (!(free = matches(groups[group], 0))) {
    if (groups[group][SLOTS] != 255) groups[group][SLOTS]++;
    group = group + 1 == group_count ? 0 : group + 1;
  }
  uint32_t slot = (uint32_t)__builtin_ctz(free);
  groups[group][slot] = tag_of(p->hash);
  struct conn *c = &conns[(uint64_t)group * SLOTS + slot];
  memset(c, 0, sizeof *c);
  c->addresses = p->addresses;
  c->ports = p->ports;
  c->status = p->swapped ? SWAPPED : 0;
  c->serial = ++serials;
  return c;
}

// ---- TCP

static inline int32_t later(uint32_t a, uint32_t b) { return (int32_t)(a - b) > 0; }

static inline uint32_t larger(uint32_t a, uint32_t b) { return a > b ? a : b; }

// First numbers of a side, and the scale of its window, from its SYN or SYN/ACK.
static void open_side(struct conn *c, uint32_t dir, const struct packet *p) {
  const uint8_t *tcp = p->tcp, *end = tcp + ((tcp[12] >> 4) << 2);
  struct side *s = &c->side[dir];
  s->end = s->max_end = be32(tcp + 4) + 1 + p->payload;
  s->max_win = larger(be16(tcp + 14), 1);
  for (const uint8_t *o = tcp + 20; o < end && *o;) {
    if (*o == 1) {
      o++;
      continue;
    }
    if (o + 2 > end || o[1] < 2) break;
    if (*o == 3 && o[1] == 3 && o + 3 <= end) {
      c->scale[dir] = o[2] > 14 ? 14 : o[2];
      c->flags[dir] |= SCALED;
    }
    o += o[1];
  }
}

// An ACK in window: nothing but numbers changes. 0: not in window.
static inline int advance(struct conn *c, uint32_t dir, const struct packet *p, uint32_t seq, uint32_t ack, uint32_t raw) {
  struct side *s = &c->side[dir], *r = &c->side[dir ^ 1];
  uint32_t end = seq + p->payload, win = raw << c->scale[dir], room = larger(s->max_win, 66000);
  uint32_t anew = end - s->end, unacked = r->end - ack, over = end - s->max_end;
  if ((int32_t)((s->max_end - seq) | (anew + r->max_win) | unacked | (room - unacked)) < 0) return 0;
  s->end += (int32_t)anew > 0 ? anew : 0;
  s->max_win = larger(s->max_win, win);
  s->max_ack = later(ack, s->max_ack) ? ack : s->max_ack;
  r->max_win += (int32_t)over > 0 ? over : 0;
  uint32_t reach = ack + win + (win == 0);
  r->max_end = later(reach, r->max_end) ? reach : r->max_end;
  c->flags[dir] |= (int32_t)anew > 0 ? UNACKNOWLEDGED : 0;
  c->flags[dir ^ 1] &= (uint8_t)(unacked == 0 ? ~UNACKNOWLEDGED : 255);
  int again = c->last_dir == dir && c->last_seq == seq && c->last_ack == ack && c->last_end == end && c->last_win == raw;
  c->retrans = (uint8_t)(again ? c->retrans + 1 : 0);
  c->last_dir = (uint8_t)dir;
  c->last_index = 3;
  c->last_seq = seq;
  c->last_ack = ack;
  c->last_end = end;
  c->last_win = (uint16_t)raw;
  return 1;
}

static inline uint64_t timeout_of(const struct conn *c, uint32_t raw) {
  if (c->state == SYN_SENT) return 120 * SECOND;
  if (c->state == SYN_RECV) return 60 * SECOND;
  uint64_t timeout = 432000 * SECOND;
  timeout = ((c->flags[0] | c->flags[1]) & UNACKNOWLEDGED) || raw == 0 ? 300 * SECOND : timeout;
  return c->retrans >= 3 ? 300 * SECOND : timeout;
}

static inline uint64_t result(const struct conn *c, uint32_t dir, uint32_t state) {
  return state | (uint64_t)(1 + dir) << 8 | (uint64_t)c->serial << 32;
}

static uint64_t track_rest(struct conn *c, const struct packet *p) {
  uint32_t flags = p->tcp[13] & (FIN | SYN | RST | ACK);
  if (!c) {
    if (flags != SYN) return RESULT_INVALID;
    c = insert(p);
    c->state = SYN_SENT;
    open_side(c, 0, p);
  } else {
    uint32_t dir = (c->status >> 16 & 1) ^ p->swapped;
    if (dir == 0 || flags != (SYN | ACK) || c->state != SYN_SENT || be32(p->tcp + 8) != c->side[0].end) return RESULT_INVALID;
    c->state = SYN_RECV;
    c->status |= SEEN_REPLY;
    open_side(c, 1, p);
    if (!(c->flags[0] & c->flags[1] & SCALED)) c->scale[0] = c->scale[1] = 0;
    c->side[0].max_end = c->side[0].end + be16(p->tcp + 14);
    c->side[1].max_end = c->side[1].end + c->side[0].max_win;
  }
  uint32_t dir = (c->status >> 16 & 1) ^ p->swapped;
  c->deadline = now + timeout_of(c, 1);
  c->packets[dir]++;
  c->bytes[dir] += p->length;
  return result(c, dir, dir ? RESULT_ESTABLISHED : RESULT_NEW);
}

static inline uint64_t track(const struct packet *p) {
  if (!p->known) return RESULT_NONE;
  now = p->time > now ? p->time : now;
  struct conn *c = same(p->candidate, p) ? p->candidate : find(p);
  if (!c || (p->tcp[13] & (FIN | SYN | RST | ACK)) != ACK || c->state < SYN_RECV) return track_rest(c, p);
  uint32_t dir = (c->status >> 16 & 1) ^ p->swapped, raw = be16(p->tcp + 14);
  if (!advance(c, dir, p, be32(p->tcp + 4), be32(p->tcp + 8), raw)) return result(c, dir, RESULT_INVALID);
  c->state = ESTABLISHED;
  c->status |= ASSURED;
  c->deadline = now + timeout_of(c, raw);
  c->packets[dir]++;
  c->bytes[dir] += p->length;
  return result(c, dir, RESULT_ESTABLISHED);
}

static uint64_t track_records(const uint8_t *at, uint32_t count) {
  static struct packet batch[BATCH];
  uint64_t established = 0;
  for (uint32_t done = 0; done < count;) {
    uint32_t n = count - done < BATCH ? count - done : BATCH;
    for (uint32_t i = 0; i < n; i++, at += 16 + le32(at + 8)) decode(&batch[i], at);
    for (uint32_t i = 0; i < n; i++) __builtin_prefetch(groups[group_of(batch[i].hash)]);
    for (uint32_t i = 0; i < n; i++) {
      batch[i].candidate = candidate_of(batch[i].hash);
      __builtin_prefetch(batch[i].candidate, 1);
      __builtin_prefetch((char *)batch[i].candidate + 64, 1);
    }
    for (uint32_t i = 0; i < n; i++) {
      uint64_t word = track(&batch[i]);
      results[done + i] = word;
      established += (word & 255) == RESULT_ESTABLISHED;
    }
    done += n;
  }
  return established;
}

static void *zeroed(size_t size) {
  void *at = aligned_alloc(4096, (size + 4095) & ~(size_t)4095);
  if (!at) exit(1);
  return memset(at, 0, size);
}

static uint64_t clock_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * SECOND + (uint64_t)t.tv_nsec;
}

int main(int argc, char **argv) {
  uint64_t flows = argc == 2 ? strtoull(argv[1], NULL, 10) : 0;
  if (flows == 0 || flows > 100000000) return fprintf(stderr, "established FLOWS\n"), 2;
  for (group_count = 1; (uint64_t)group_count * SLOTS * 15 / 16 < flows;) group_count *= 2;
  groups = zeroed((size_t)group_count * 16);
  conns = zeroed((size_t)group_count * SLOTS * sizeof *conns);
  uint8_t *input = zeroed(MOST_INPUT), *records = zeroed(MOST_BYTES);
  uint32_t size, head[2];
  while (fread(&size, sizeof size, 1, stdin) == 1) {
    if (size > MOST_INPUT || fread(input, 1, size, stdin) != size) return 1;
    for (uint32_t at = 0; at + sizeof head <= size; at += head[1]) {
      memcpy(head, input + at, sizeof head);
      at += sizeof head;
      if (head[0] > MOST_PACKETS || head[1] > MOST_BYTES || head[1] > size - at) return 1;
      memcpy(records, input + at, head[1]);
      uint64_t from = clock_ns(), established = track_records(records, head[0]);
      uint64_t answer[2] = {clock_ns() - from, established};
      if (fwrite(answer, sizeof answer, 1, stdout) != 1) return 1;
    }
    if (fflush(stdout)) return 1;
  }
  return 0;
}
