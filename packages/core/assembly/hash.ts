// Keyed hash of a 16-byte key: NH (UMAC, RFC 4418 §5.2.1), 32×32→64 multiplications with a secret key, then a
// finaliser. 3 ns where SipHash-1-3 takes 10 (docs/decisions/0002-table.md); an unknown key makes collisions a
// matter of luck, and table.ts asks for a new key when probing gets long all the same.

const KEYS: usize = memory.data(12 * 4, 8); // 4 words for the key, 8 for a pair of IPv6 addresses
let whiten: u64 = 0;
let generator: u64 = 0;

/** splitmix64 (Steele, Lea, Flood 2014): the next number of the seeded generator. */
export function random64(): u64 {
  generator += 0x9e3779b97f4a7c15;
  let z = generator;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

export function seedHash(seed: u64): void {
  generator = seed;
  newHashKey();
}

/** Draws a new secret key; every stored hash is void after it. */
export function newHashKey(): void {
  for (let i: usize = 0; i < 48; i += 8) store<u64>(KEYS + i, random64());
  whiten = random64();
}

// @ts-ignore: decorator
@inline
function finalise(h: u64): u64 {
  h ^= h >> 32;
  h *= 0x9e3779b97f4a7c15;
  return h ^ (h >> 29);
}

// @ts-ignore: decorator
@inline
export function hashKey(k0: u64, k1: u64): u64 {
  return finalise(
    (<u64>(<u32>k0 + load<u32>(KEYS)) * <u64>(<u32>(k0 >> 32) + load<u32>(KEYS, 4)) +
      <u64>(<u32>k1 + load<u32>(KEYS, 8)) * <u64>(<u32>(k1 >> 32) + load<u32>(KEYS, 12))) ^
      whiten,
  );
}

/** Folds two IPv6 addresses into the first half of a key; equality is still decided by all 32 bytes. */
export function foldAddresses(a: usize, b: usize): u64 {
  return foldPair(a, b);
}

/** The same without a call, for the loop every IPv6 packet goes through. */
// @ts-ignore: decorator
@inline
export function foldPair(a: usize, b: usize): u64 {
  let h =
    <u64>(load<u32>(a) + load<u32>(KEYS, 16)) * <u64>(load<u32>(a, 4) + load<u32>(KEYS, 20)) +
    <u64>(load<u32>(a, 8) + load<u32>(KEYS, 24)) * <u64>(load<u32>(a, 12) + load<u32>(KEYS, 28));
  h = finalise(h);
  h +=
    <u64>(load<u32>(b) + load<u32>(KEYS, 32)) * <u64>(load<u32>(b, 4) + load<u32>(KEYS, 36)) +
    <u64>(load<u32>(b, 8) + load<u32>(KEYS, 40)) * <u64>(load<u32>(b, 12) + load<u32>(KEYS, 44));
  return finalise(h ^ whiten);
}

/** The id of a conn as the kernel shows one: 32 bits, stable, not guessable without the seed. */
export function idOf(serial: u32): u32 {
  return <u32>(finalise(<u64>serial * 0xd6e8feb86659fd93 + idSecret) >> 16);
}

let idSecret: u64 = 0;

/** Drawn once, so that ids outlive a change of the hash key. */
export function seedIds(): void {
  idSecret = random64();
}

export const HASH_STATE_SIZE: u32 = 72;

export function saveHash(at: usize): void {
  memory.copy(at, KEYS, 48);
  store<u64>(at, whiten, 48);
  store<u64>(at, generator, 56);
  store<u64>(at, idSecret, 64);
}

export function loadHash(at: usize): void {
  memory.copy(KEYS, at, 48);
  whiten = load<u64>(at, 48);
  generator = load<u64>(at, 56);
  idSecret = load<u64>(at, 64);
}
