// Serial arithmetic in 32-bit sequence space (RFC 9293 §3.4, RFC 1982).

/** True if `a` comes before `b`. */
// @ts-ignore: decorator
@inline
export function before(a: u32, b: u32): bool {
  return <i32>(a - b) < 0;
}

/** True if `a` comes after `b`. */
// @ts-ignore: decorator
@inline
export function after(a: u32, b: u32): bool {
  return <i32>(b - a) < 0;
}
