import { callNative } from './call.js';
import type { WeightValues } from './weight-values.js';

/**
 * Token embedding: out[i] = weight[ids[i]].
 *
 * @param weight - [vocab, d].
 * @param ids - [n], in 0..vocab - 1.
 * @param out - [n, d], overwritten.
 * @throws {ShapeError} if a length does not fit or an id is out of range.
 */
export function embeddingForward(
  weight: WeightValues,
  ids: Int32Array,
  out: Float32Array,
  shape: { readonly d: number },
): void {
  callNative('embeddingForward', weight, ids, out, shape.d);
}

/**
 * Gradient of {@link embeddingForward}: dWeight[ids[i]] += dOut[i], over ascending i.
 *
 * @param dOut - [n, d].
 * @param ids - [n], in 0..vocab - 1.
 * @param dWeight - [vocab, d], accumulated.
 * @throws {ShapeError} if a length does not fit or an id is out of range.
 */
export function embeddingBackward(
  dOut: Float32Array,
  ids: Int32Array,
  dWeight: Float32Array,
  shape: { readonly d: number; readonly vocab: number },
): void {
  callNative('embeddingBackward', dOut, ids, dWeight, shape.d, shape.vocab);
}
