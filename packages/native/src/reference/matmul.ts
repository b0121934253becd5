import type { MatmulOptions } from '../matmul.js';

/** op(a)[m, k] op(b)[k, n], plus `start` (the old out) when accumulating, in float64. */
export function matmulReference(
  a: ArrayLike<number>,
  b: ArrayLike<number>,
  { m, n, k, transposeA = false, transposeB = false }: MatmulOptions,
  start?: ArrayLike<number>,
): Float64Array {
  const out = new Float64Array(m * n);
  for (let i = 0; i < m; i++) {
    for (let j = 0; j < n; j++) {
      let sum = start === undefined ? 0 : start[i * n + j]!;
      for (let p = 0; p < k; p++) {
        sum += a[transposeA ? p * m + i : i * k + p]! * b[transposeB ? j * k + p : p * n + j]!;
      }
      out[i * n + j] = sum;
    }
  }
  return out;
}
