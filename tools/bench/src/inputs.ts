import { newTensorBuffer } from '@parl-mt/native';

/**
 * Inputs that any language can make alike: a number is a function of its position and a seed only.
 */

/** Well-mixed 32-bit integer: murmur3's finaliser over (position + seed * 0x9E3779B9) mod 2^32. */
export function mix(position: number, seed: number): number {
  let x = (position + Math.imul(seed, 0x9e3779b9)) | 0;
  x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
  return (x ^ (x >>> 16)) >>> 0;
}

/** [n] zeros in the memory that backend `parl` holds its tensors in. */
export function tensorArray(n: number): Float32Array<ArrayBuffer> {
  return new Float32Array(newTensorBuffer(4 * n));
}

/** [n], `of` numbers in [0, 1): the top 24 bits of mix(). */
export function uniform(n: number, seed: number, of = (x: number): number => x): Float32Array {
  const out = tensorArray(n);
  for (let i = 0; i < n; i += 1) out[i] = of((mix(i, seed) >>> 8) * 2 ** -24);
  return out;
}

/** [n, v] in (-6, 6), triangular around 0. */
export function logits(n: number, v: number, seed = 1): Float32Array {
  const out = tensorArray(n * v);
  for (let i = 0; i < out.length; i += 1) {
    const sum = Math.fround((mix(i, seed) >>> 8) * 2 ** -24 + (mix(i, seed + 100) >>> 8) * 2 ** -24);
    out[i] = Math.fround(sum - 1) * 6;
  }
  return out;
}

/** [n] in [0, v). */
export function labels(n: number, v: number, seed = 2): Int32Array {
  const out = new Int32Array(n);
  for (let i = 0; i < n; i += 1) out[i] = mix(i, seed) % v;
  return out;
}
