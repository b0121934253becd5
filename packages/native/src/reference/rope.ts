import type { RopeOptions } from '../rope.js';

/**
 * Turns (x[i], x[i + headDim / 2]) of every head by position * theta^(-2i / headDim), or by position * frequencies[i], and
 * multiplies by the scale, in float64.
 */
export function ropeReference(
  x: ArrayLike<number>,
  positions: ArrayLike<number>,
  { n, heads, headDim, theta, frequencies, scale = 1, inverse = false }: RopeOptions,
): Float64Array {
  const out = new Float64Array(n * heads * headDim);
  const half = headDim / 2;
  for (let row = 0; row < n * heads; row++) {
    for (let i = 0; i < half; i++) {
      const frequency = frequencies?.[i] ?? theta ** ((-2 * i) / headDim);
      const angle = positions[Math.floor(row / heads)]! * frequency * (inverse ? -1 : 1);
      const first = x[row * headDim + i]!;
      const second = x[row * headDim + half + i]!;
      out[row * headDim + i] = scale * (first * Math.cos(angle) - second * Math.sin(angle));
      out[row * headDim + half + i] = scale * (second * Math.cos(angle) + first * Math.sin(angle));
    }
  }
  return out;
}
