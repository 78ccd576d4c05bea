// Loads, stores and copies of known size. Callers have checked the bounds.

// @ts-ignore: decorator
@inline
export function be16(p: usize, offset: usize = 0): u32 {
  return <u32>bswap<u16>(load<u16>(p + offset));
}

// @ts-ignore: decorator
@inline
export function be32(p: usize, offset: usize = 0): u32 {
  return bswap<u32>(load<u32>(p + offset));
}

// memory.copy and memory.fill are calls out of the module, whatever the size (docs/decisions/0015-new-flows.md); these
// are plain loads and stores.

// @ts-ignore: decorator
@inline
export function copy16(to: usize, from: usize): void {
  v128.store(to, v128.load(from));
}

// @ts-ignore: decorator
@inline
export function copy32(to: usize, from: usize): void {
  const a = v128.load(from);
  const b = v128.load(from, 16);
  v128.store(to, a);
  v128.store(to, b, 16);
}

/** A line of the cache. */
export function copy64(to: usize, from: usize): void {
  copy32(to, from);
  copy32(to + 32, from + 32);
}

export function clear64(at: usize): void {
  const zero = i64x2.splat(0);
  v128.store(at, zero);
  v128.store(at, zero, 16);
  v128.store(at, zero, 32);
  v128.store(at, zero, 48);
}
