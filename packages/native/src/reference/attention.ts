import type { AttentionOptions } from '../attention.js';

/** Causal grouped-query attention over packed segments, one row and head at a time, in float64. */
export function attentionReference(
  q: ArrayLike<number>,
  k: ArrayLike<number>,
  v: ArrayLike<number>,
  offsets: Int32Array,
  { numHeads, numKvHeads, headDim, parents }: AttentionOptions,
): { readonly out: Float64Array; readonly lse: Float64Array } {
  const n = offsets[offsets.length - 1]!;
  const out = new Float64Array(n * numHeads * headDim);
  const lse = new Float64Array(n * numHeads);
  for (let s = 0; s + 1 < offsets.length; s++) {
    const before = ancestorRows(s, offsets, parents);
    for (let row = offsets[s]!; row < offsets[s + 1]!; row++) {
      for (let head = 0; head < numHeads; head++) {
        const at = row * numHeads + head;
        const kvHead = Math.floor((head * numKvHeads) / numHeads);
        const keyAt = (key: number, i: number) => (key * numKvHeads + kvHead) * headDim + i;
        const scores: number[] = [];
        const keys = [...before];
        for (let key = offsets[s]!; key <= row; key++) keys.push(key);
        for (const key of keys) {
          let score = 0;
          for (let i = 0; i < headDim; i++) score += q[at * headDim + i]! * k[keyAt(key, i)]!;
          scores.push(score / Math.sqrt(headDim));
        }
        const largest = scores.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
        lse[at] = largest + Math.log(scores.reduce((sum, score) => sum + Math.exp(score - largest), 0));
        for (const [index, score] of scores.entries()) {
          const weight = Math.exp(score - lse[at]!);
          for (let i = 0; i < headDim; i++) out[at * headDim + i]! += weight * v[keyAt(keys[index]!, i)]!;
        }
      }
    }
  }
  return { out, lse };
}

/** Rows of the segments that segment s continues, from the first one. */
function ancestorRows(s: number, offsets: Int32Array, parents: Int32Array | undefined): number[] {
  const parent = parents?.[s] ?? -1;
  if (parent < 0) return [];
  const own = Array.from({ length: offsets[parent + 1]! - offsets[parent]! }, (_, i) => offsets[parent]! + i);
  return [...ancestorRows(parent, offsets, parents), ...own];
}
