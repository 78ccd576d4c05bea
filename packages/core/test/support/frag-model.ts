// Defragmentation as the rules say it, without a thought for speed: queues with runs in lists. What comes out is the
// datagram as one packet, or why there is none. IPv6 without fragment headers inside fragments.

export interface ModelPacket {
  readonly time: bigint;
  readonly data: Uint8Array;
  /** Bytes on the wire. */
  readonly length?: number;
}

export interface ModelOptions {
  readonly seconds4?: number;
  readonly seconds6?: number;
  readonly high4?: number;
  readonly high6?: number;
  readonly distance?: number;
}

export type ModelAnswer =
  | { readonly reason: string; readonly datagram: number | null }
  | { readonly packet: Uint8Array; readonly length: number; readonly datagram: number | null };

interface Piece {
  readonly from: number;
  readonly end: number;
  readonly bytes: Uint8Array;
}

interface Queue {
  readonly key: string;
  readonly source: string;
  deadline: bigint;
  frame: number;
  length: number;
  last: boolean;
  /** Pieces in order of offset; each run is a list of pieces that follow each other. */
  runs: Piece[][];
  header: Uint8Array | null;
  ecn: Set<number>;
  memory: number;
  rid: number;
}

interface Fragment {
  readonly v6: boolean;
  readonly key: string;
  readonly source: string;
  readonly header: Uint8Array;
  readonly body: Uint8Array; // as captured
  readonly length: number; // of the body, by the header
  readonly ipLength: number;
  readonly offset: number;
  readonly more: boolean;
  readonly ecn: number;
}

const QUEUE_SIZE = { 4: 200, 6: 184 } as const;
const truesize = (length: number) => {
  const data = length + 78;
  return data + 320 <= 4096 ? 576 + 64 * Math.ceil(data / 64) : 256 + 4096 * Math.ceil((data + 320) / 4096);
};

const text = (bytes: Uint8Array) => bytes.join(".");
const endOf = (run: readonly Piece[]) => (run.at(-1) as Piece).end;
const startOf = (run: readonly Piece[]) => (run[0] as Piece).from;

export class FragmentModel {
  #queues = new Map<string, Queue>();
  #rids = new Map<string, number>();
  #frame = 0;
  #now = 0n;
  readonly #options: Required<ModelOptions>;

  constructor(options: ModelOptions = {}) {
    this.#options = { seconds4: 30, seconds6: 60, high4: 4 << 20, high6: 4 << 20, distance: 64, ...options };
  }

  get waiting(): number {
    return this.#queues.size;
  }

  take(packet: ModelPacket): ModelAnswer {
    this.#frame++;
    if (packet.time > this.#now) this.#now = packet.time;
    const f = parse(packet.data);
    if (f === null) return { packet: packet.data, length: packet.length ?? packet.data.length, datagram: null };
    for (const q of [...this.#queues.values()]) if (q.deadline <= this.#now) this.#queues.delete(q.key);
    if (f.v6 && lacksTransport(f)) return this.#alone(f);
    if (this.#memory(f.v6) > (f.v6 ? this.#options.high6 : this.#options.high4))
      return { reason: "fragment-memory", datagram: null };
    const q = this.#queues.get(f.key) ?? this.#open(f);
    if (!f.v6) this.#distance(q);
    return this.#insert(q, f);
  }

  #memory(v6: boolean): number {
    return [...this.#queues.values()].reduce((sum, q) => sum + (q.key.startsWith(v6 ? "6" : "4") ? q.memory : 0), 0);
  }

  #deadline(v6: boolean): bigint {
    return this.#now + BigInt(v6 ? this.#options.seconds6 : this.#options.seconds4) * 1_000_000_000n;
  }

  #open(f: Fragment): Queue {
    const q: Queue = {
      key: f.key,
      source: f.source,
      deadline: this.#deadline(f.v6),
      frame: this.#frame,
      length: 0,
      last: false,
      runs: [],
      header: null,
      ecn: new Set(),
      memory: QUEUE_SIZE[f.v6 ? 6 : 4],
      rid: 0,
    };
    this.#queues.set(f.key, q);
    return q;
  }

  // A source's count begins anew when none of its queues is left; only differences matter, so here it never does.
  #distance(q: Queue): void {
    if (this.#options.distance === 0) return;
    const rid = (this.#rids.get(q.source) ?? 0) + 1;
    this.#rids.set(q.source, rid);
    const far = q.runs.length > 0 && rid - q.rid > this.#options.distance;
    q.rid = rid;
    if (!far) return;
    Object.assign(q, {
      deadline: this.#deadline(false),
      frame: this.#frame,
      length: 0,
      last: false,
      runs: [],
      header: null,
      ecn: new Set(),
      memory: QUEUE_SIZE[4],
    });
  }

  #insert(q: Queue, f: Fragment): ModelAnswer {
    const datagram = q.frame;
    const kill = (reason: string): ModelAnswer => {
      this.#queues.delete(q.key);
      return { reason, datagram };
    };
    const refuse = (reason: string): ModelAnswer => (f.v6 ? { reason, datagram } : kill(reason));
    let end = f.offset + f.length;
    if (f.v6 && end > 65535) return { reason: "fragment-too-large", datagram };
    if (f.more && end % 8 !== 0) {
      if (f.v6) {
        this.#queues.delete(q.key);
        return this.#alone(f);
      }
      end -= end % 8;
    }
    if (!f.more) {
      if (end < q.length || (q.last && end !== q.length)) return refuse("fragment-length");
      q.last = true;
      q.length = end;
    } else if (end > q.length) {
      if (q.last) return refuse("fragment-length");
      q.length = end;
    }
    if (end === f.offset) return refuse("fragment-length");
    const piece: Piece = { from: f.offset, end, bytes: f.body.subarray(0, end - f.offset) };
    const found = place(q.runs, piece);
    if (found === "duplicate") return { reason: "fragment-duplicate", datagram };
    if (found === "overlap") return kill("fragment-overlap");
    q.ecn.add(f.ecn);
    q.memory += truesize(f.ipLength);
    if (f.offset === 0) q.header = f.header;
    const pieces = q.runs.flat();
    const filled = pieces.reduce((sum, { from, end }) => sum + end - from, 0);
    if (q.header === null || !q.last || filled !== q.length) return { reason: "fragment-waiting", datagram };
    if (q.ecn.has(0) && q.ecn.size > 1) return kill("fragment-ecn");
    if (q.header.length + q.length - (f.v6 ? 40 : 0) > 65535) return kill("fragment-too-large");
    this.#queues.delete(q.key);
    return { ...join(q.header, pieces, q.length, f.v6, q.ecn), datagram };
  }

  // Goes on as it is; a first fragment is read as if it had no fragment header.
  #alone(f: Fragment): ModelAnswer {
    if (f.offset !== 0) return { reason: "fragment-alone", datagram: null };
    return {
      ...join(f.header, [{ from: 0, end: f.length, bytes: f.body }], f.length, true, new Set()),
      datagram: null,
    };
  }
}

function place(runs: Piece[][], piece: Piece): "placed" | "duplicate" | "overlap" {
  const last = runs.at(-1);
  if (last === undefined || piece.end > endOf(last)) {
    if (last !== undefined && piece.from < endOf(last)) return "overlap";
    if (last !== undefined && piece.from === endOf(last)) last.push(piece);
    else runs.push([piece]);
    return "placed";
  }
  for (const [i, run] of runs.entries()) {
    if (piece.from >= endOf(run)) continue;
    if (piece.end <= startOf(run)) {
      runs.splice(i, 0, [piece]);
      return "placed";
    }
    return piece.from >= startOf(run) && piece.end <= endOf(run) ? "duplicate" : "overlap";
  }
  throw new Error("beyond the last run");
}

/** The datagram as captured: nothing behind the first byte that is missing. */
function join(header: Uint8Array, pieces: readonly Piece[], length: number, v6: boolean, ecn: ReadonlySet<number>) {
  const whole = new Uint8Array(header.length + length);
  whole.set(header);
  let captured = whole.length;
  for (const { from, end, bytes } of pieces) {
    whole.set(bytes, header.length + from);
    if (bytes.length < end - from) captured = Math.min(captured, header.length + from + bytes.length);
  }
  const view = new DataView(whole.buffer);
  if (v6) {
    view.setUint16(4, whole.length - 40);
    if (ecn.has(3)) whole[1] = (whole[1] as number) | 0x30;
  } else {
    view.setUint16(2, whole.length);
    view.setUint16(6, 0);
    if (ecn.has(3)) whole[1] = (whole[1] as number) | 3;
    view.setUint16(10, 0);
    let sum = 0;
    for (let i = 0; i < header.length; i += 2) sum += view.getUint16(i);
    while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
    view.setUint16(10, ~sum & 0xffff);
  }
  return { packet: whole.subarray(0, captured), length: whole.length };
}

/** null when it is no fragment. Headers are whole and right. */
function parse(data: Uint8Array): Fragment | null {
  const view = new DataView(data.buffer, data.byteOffset, data.length);
  if ((data[0] as number) >> 4 === 4) {
    const word = view.getUint16(6);
    if ((word & 0x3fff) === 0) return null;
    const size = ((data[0] as number) & 15) * 4;
    const source = text(data.subarray(12, 16));
    return {
      v6: false,
      key: `4 ${text(data.subarray(12, 20))} ${data[9]} ${view.getUint16(4)}`,
      source,
      header: data.slice(0, size),
      body: data.slice(size, view.getUint16(2)),
      length: view.getUint16(2) - size,
      ipLength: view.getUint16(2),
      offset: (word & 0x1fff) * 8,
      more: (word & 0x2000) !== 0,
      ecn: (data[1] as number) & 3,
    };
  }
  let field = 6;
  let at = 40;
  while (data[field] !== 44) {
    if (![0, 43, 60].includes(data[field] as number)) return null;
    field = at;
    at += ((data[at + 1] as number) + 1) * 8;
  }
  const header = data.slice(0, at);
  header[field] = data[at] as number;
  const total = 40 + view.getUint16(4);
  return {
    v6: true,
    key: `6 ${text(data.subarray(8, 40))} ${view.getUint32(at + 4)}`,
    source: "",
    header,
    body: data.slice(at + 8, total),
    length: total - at - 8,
    ipLength: total,
    offset: view.getUint16(at + 2) & 0xfff8,
    more: (view.getUint16(at + 2) & 1) !== 0,
    ecn: ((data[1] as number) >> 4) & 3,
  };
}

// The trains have at most destination options behind the fragment header.
function lacksTransport({ header, body, length, offset }: Fragment): boolean {
  if (offset !== 0) return false;
  let field = 6;
  for (let at = 40; at < header.length; at += ((header[at + 1] as number) + 1) * 8) field = at;
  let next = header[field] as number;
  let at = 0;
  while (next === 60) {
    if (at + 2 > body.length) return false;
    next = body[at] as number;
    at += ((body[at + 1] as number) + 1) * 8;
  }
  const least = next === 6 ? 20 : next === 17 || next === 58 ? 8 : 1;
  return at + least > length;
}
