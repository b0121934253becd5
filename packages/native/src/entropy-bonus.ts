import { NativeValueError, ShapeError } from './errors.js';
import { checkTokenRows, checkTokenValues, type TokenRows } from './token-rows.js';

export interface EntropyBonus {
  /** -coefficient times the weighted sum of entropies: added to a loss that is minimised. */
  readonly loss: number;
  /** [tokens], its derivative by the entropies; 0 where not sampled. */
  readonly gradient: Float32Array;
}

/**
 * Entropy bonus: -coefficient * sum over sampled tokens of rowWeight * entropy. Take the rows of the tokens it acts on (the loss's,
 * or those that `highEntropyMask` keeps) and their `aggregationWeights`.
 *
 * @param entropies - [tokens], nats. @param rowWeights - [rows].
 * @throws {ShapeError} if lengths differ. @throws {NativeValueError} for a coefficient, or a sampled entropy, that is not finite.
 */
export function entropyBonus(
  entropies: Float32Array,
  rows: TokenRows,
  { coefficient, rowWeights }: { readonly coefficient: number; readonly rowWeights: Float64Array },
): EntropyBonus {
  const count = checkTokenRows(rows);
  checkTokenValues('entropies', entropies, rows);
  if (rowWeights.length !== count) {
    throw new ShapeError(`expected rowWeights.length to be the number of rows ${count}, received ${rowWeights.length}`);
  }
  if (!Number.isFinite(coefficient))
    throw new NativeValueError(`expected coefficient to be finite, received ${coefficient}`);
  const gradient = new Float32Array(entropies.length);
  let loss = 0;
  for (let row = 0; row < count; row++) {
    const weight = -coefficient * rowWeights[row]!;
    for (let t = rows.offsets[row]!; t < rows.offsets[row + 1]!; t++) {
      if (rows.mask[t] === 0) continue;
      loss += weight * entropies[t]!;
      gradient[t] = weight;
    }
  }
  if (!Number.isFinite(loss)) {
    const index = entropies.findIndex((entropy, t) => rows.mask[t] !== 0 && !Number.isFinite(entropy));
    throw new NativeValueError(`expected finite entropies, received ${entropies[index]} at index ${index}`);
  }
  return { loss, gradient };
}
