/**
 * A 53-bit seed from a run's seed and a path of integers: the same path gives the same seed, whatever ran before.
 * So a resumed run draws what an uninterrupted one would.
 *
 * @param seed - the run's seed.
 * @param path - what the seed is for, such as (update, group, member, step).
 * @returns integer in [0, 2^53).
 */
export function deriveSeed(seed: number, ...path: readonly number[]): number {
  let high = mix32(seed ^ 0x9e3779b9);
  let low = mix32(Math.floor(seed / 0x1_0000_0000) ^ 0x85ebca6b);
  for (const part of path) {
    high = mix32((high + Math.imul(part | 0, 0x9e3779b1) + (low ^ 0x7f4a7c15)) | 0);
    low = mix32((low ^ high) + Math.floor(part / 0x1_0000_0000));
  }
  return (high >>> 11) * 0x1_0000_0000 + (low >>> 0);
}

/** Murmur3's finaliser: a bijection on 32 bits that mixes well. */
function mix32(value: number): number {
  let x = value | 0;
  x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
  return x ^ (x >>> 16);
}

/**
 * A permutation of 0..count-1 (Fisher and Yates), the same for the same seed.
 */
export function permutation(count: number, seed: number): number[] {
  const order = Array.from({ length: count }, (_, index) => index);
  for (let last = count - 1; last > 0; last -= 1) {
    const pick = Math.floor((deriveSeed(seed, last) / 2 ** 53) * (last + 1));
    [order[last], order[pick]] = [order[pick]!, order[last]!];
  }
  return order;
}
