import { callNative } from './call.js';
import { NativeValueError, ShapeError } from './errors.js';
import { checkTokenRows, checkTokenValues, type TokenRows } from './token-rows.js';

/** Rows of tokens with what a value loss needs of each; arrays are [tokens]. */
export interface ValueBatch {
  readonly rows: TokenRows;
  /** Predicted by the weights being trained. */
  readonly values: Float32Array;
  /** Predicted when the rollout was scored; `values` is clipped around them. */
  readonly oldValues: Float32Array;
  /** From `generalizedAdvantages`. */
  readonly returns: Float32Array;
  /** [rows], from `aggregationWeights`. */
  readonly rowWeights: Float64Array;
}

export interface ValueLoss {
  readonly loss: number;
  /** [tokens], derivative of the loss by `values`. */
  readonly gradient: Float32Array;
  /** Share of sampled tokens whose clipped term won. */
  readonly clipFraction: number;
}

/**
 * Clipped value loss of PPO: sum over sampled tokens of rowWeight / 2 max((v - R)^2, (clamp(v, old - clip, old + clip) - R)^2).
 *
 * @param options.clip - >= 0; Infinity: no clipping.
 * @throws {ShapeError} if lengths differ. @throws {NativeValueError} for a negative clip or a loss that is not finite.
 * @see Schulman et al., arXiv:1707.06347; the form of OpenAI's baselines.
 */
export function valueLoss(batch: ValueBatch, { clip }: { readonly clip: number }): ValueLoss {
  const { rows, values, oldValues, returns, rowWeights } = batch;
  const count = checkTokenRows(rows);
  for (const [name, array] of Object.entries({ values, oldValues, returns })) checkTokenValues(name, array, rows);
  if (!(rowWeights instanceof Float64Array) || rowWeights.length !== count) {
    throw new ShapeError(`expected rowWeights to be a Float64Array of ${count} rows, received ${rowWeights.length}`);
  }
  if (!(clip >= 0)) throw new NativeValueError(`expected clip to be >= 0, received ${clip}`);
  const gradient = new Float32Array(values.length);
  const statistics = new Float64Array(3 * count);
  const { mask, offsets } = rows;
  callNative('valueLoss', values, returns, oldValues, mask, offsets, rowWeights, clip, gradient, statistics);
  const total = (field: number): number => {
    let sum = 0;
    for (let row = 0; row < count; row++) sum += statistics[3 * row + field]!;
    return sum;
  };
  const loss = total(0);
  if (!Number.isFinite(loss)) {
    for (const [name, array] of Object.entries({ values, oldValues, returns })) {
      const index = array.findIndex((value, t) => mask[t] !== 0 && !Number.isFinite(value));
      if (index >= 0) throw new NativeValueError(`expected finite ${name}, received ${array[index]} at index ${index}`);
    }
    throw new NativeValueError(`expected a finite loss, received ${loss}`);
  }
  const tokens = total(1);
  return { loss, gradient, clipFraction: tokens === 0 ? 0 : total(2) / tokens };
}
