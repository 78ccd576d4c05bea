// Big-endian loads. Callers have checked the bounds.

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
