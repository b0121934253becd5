import { callNative } from './call.js';
import { expectApart } from './expect-apart.js';

export interface AttentionOptions {
  /** Query heads, a multiple of numKvHeads. */
  readonly numHeads: number;
  /** Key/value heads; query head h reads key/value head floor(h * numKvHeads / numHeads). */
  readonly numKvHeads: number;
  readonly headDim: number;
  /**
   * [S]: the segment that each one continues, an earlier one, or -1. Its rows see all rows of that one and of those before it, then
   * their own up to themselves. Default: none continues another.
   */
  readonly parents?: Int32Array | undefined;
}

/**
 * Causal grouped-query attention over packed segments, scale 1 / sqrt(headDim).
 *
 * Row t of a segment attends to all rows of the segments that it continues, and to rows 0..t of its own: sequences that begin alike
 * share the rows of what they have in common (Liu et al., arXiv:2506.05433). A row's bits depend on the rows it attends to alone: not on
 * how they are cut into segments, on the other segments, on later rows or on the number of threads; a sampler that decodes over a key/value cache gets the same bits. A NaN or Infinity
 * in a later row never reaches an earlier one.
 *
 * @param q - [n, numHeads, headDim].
 * @param k - [n, numKvHeads, headDim].
 * @param v - [n, numKvHeads, headDim].
 * @param offsets - [S + 1], ascending from 0 to n: segment s is rows offsets[s] to offsets[s + 1] - 1. Segments may be empty.
 * @param out - [n, numHeads, headDim], overwritten.
 * @param lse - [n, numHeads], overwritten: log of the sum of e^score, for the backward pass.
 * @throws {ShapeError} if a length does not fit, the offsets do not ascend from 0, or the heads do not divide.
 * @throws {NativeValueError} if an output overlaps an input.
 * @see Dao et al., arXiv:2205.14135, for the role of lse; Ainslie et al., arXiv:2305.13245, for grouped queries.
 */
export function attentionForward(
  q: Float32Array,
  k: Float32Array,
  v: Float32Array,
  offsets: Int32Array,
  out: Float32Array,
  lse: Float32Array,
  options: AttentionOptions,
): void {
  expectApart('out', out, { q, k, v });
  expectApart('lse', lse, { q, k, v, out });
  const { numHeads, numKvHeads, headDim, parents } = options;
  callNative('attentionForward', q, k, v, offsets, out, lse, numHeads, numKvHeads, headDim, parents);
}

/**
 * Gradient of {@link attentionForward}; the attention weights are recomputed from lse. What comes to a row from the segments that continue
 * its own is added in their order, whatever the number of threads.
 *
 * @param dOut - [n, numHeads, headDim], gradient of out.
 * @param dq - [n, numHeads, headDim], overwritten.
 * @param dk - [n, numKvHeads, headDim], overwritten.
 * @param dv - [n, numKvHeads, headDim], overwritten.
 * @throws {ShapeError} as the forward pass.
 * @throws {NativeValueError} if an output overlaps an input.
 */
export function attentionBackward(
  dOut: Float32Array,
  q: Float32Array,
  k: Float32Array,
  v: Float32Array,
  out: Float32Array,
  lse: Float32Array,
  offsets: Int32Array,
  dq: Float32Array,
  dk: Float32Array,
  dv: Float32Array,
  options: AttentionOptions,
): void {
  const inputs = { dOut, q, k, v, out, lse };
  expectApart('dq', dq, inputs);
  expectApart('dk', dk, { ...inputs, dq });
  expectApart('dv', dv, { ...inputs, dq, dk });
  callNative(
    'attentionBackward',
    dOut,
    q,
    k,
    v,
    out,
    lse,
    offsets,
    dq,
    dk,
    dv,
    options.numHeads,
    options.numKvHeads,
    options.headDim,
    options.parents,
  );
}
