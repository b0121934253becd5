import { callNative } from './call.js';
import { NativeValueError } from './errors.js';
import { expectOneOf } from './expect-one-of.js';
import { checkTokenRows, type TokenRows } from './token-rows.js';

/**
 * How token losses become one number, n[r] being the sampled tokens of row r, N their sum, R the rows:
 * 'token_mean': sum / N; 'token_sum': sum; 'sequence_mean_token_sum': sum / R; 'sequence_mean_token_mean': sum over rows of
 * (row's sum / n[r]) / R; 'constant' (Dr.GRPO): sum / (R length), so that no row's length changes its tokens' weight.
 */
export type AggregationMode =
  | 'token_mean'
  | 'token_sum'
  | 'sequence_mean_token_sum'
  | 'sequence_mean_token_mean'
  | 'constant';

export interface AggregationOptions {
  readonly mode: AggregationMode;
  /** With 'constant' alone: the configured largest length (not the padded width, which changes with the batch); > 0. */
  readonly length?: number;
  /** Whether rows without a sampled token count in R: left out (default, as verl), or counted (as TRL). */
  readonly emptyRows?: 'leave_out' | 'count';
  /** N of the whole batch, where the rows at hand are a micro-batch of it. */
  readonly totalTokens?: number;
  /** R of the whole batch, where the rows at hand are a micro-batch of it. */
  readonly totalRows?: number;
  /**
   * Multiplies everything, such as the number of data-parallel ranks whose gradients are averaged. Default 1; another one needs
   * the total that the mode divides by, since counts of one rank are not those of the batch.
   */
  readonly scale?: number;
}

const modes = [
  'token_mean',
  'token_sum',
  'sequence_mean_token_sum',
  'sequence_mean_token_mean',
  'constant',
] as const satisfies readonly AggregationMode[];

/**
 * The weight of each sampled token of a row in the loss: the whole reduction, folded in before any sum. Weights of a batch cut
 * into micro-batches of whole rows give exactly the gradient of the batch.
 *
 * @returns [rows]; 0 for rows without a sampled token, and for all rows of a batch without any (the loss is then 0, where
 * verl's is NaN).
 * @throws {ShapeError} if the rows do not describe each other. @throws {NativeValueError} for an unusable option.
 */
export function aggregationWeights(rows: TokenRows, options: AggregationOptions): Float64Array {
  const counts = sampledCounts(rows);
  const { mode, length, emptyRows = 'leave_out', scale = 1 } = options;
  expectOneOf('mode', mode, modes);
  expectOneOf('emptyRows', emptyRows, ['leave_out', 'count']);
  if ((mode === 'constant') !== (length !== undefined)) {
    throw new NativeValueError(`expected length with mode constant and with no other, received ${length} with ${mode}`);
  }
  positiveOrNone('length', length);
  positiveOrNone('totalTokens', options.totalTokens);
  positiveOrNone('totalRows', options.totalRows);
  const needed = mode === 'token_sum' ? undefined : mode === 'token_mean' ? 'totalTokens' : 'totalRows';
  if (scale !== 1 && needed !== undefined && options[needed] === undefined) {
    throw new NativeValueError(
      `expected ${needed} of the whole batch with scale ${scale} and mode ${mode}, received none`,
    );
  }
  let sampled = 0;
  let filled = 0;
  for (let row = 0; row < counts.length; row++) {
    sampled += counts[row]!;
    filled += counts[row]! > 0 ? 1 : 0;
  }
  const tokens = options.totalTokens ?? sampled;
  const sequences = options.totalRows ?? (emptyRows === 'count' ? counts.length : filled);
  const share = scale / (mode === 'token_sum' ? 1 : mode === 'token_mean' ? tokens : sequences);
  const weights = new Float64Array(counts.length);
  for (let row = 0; row < counts.length; row++) {
    const count = counts[row]!;
    if (count > 0) weights[row] = share / (mode === 'sequence_mean_token_mean' ? count : (length ?? 1));
  }
  return weights;
}

function positiveOrNone(name: string, value: number | undefined): void {
  if (value !== undefined && !(value > 0 && value < Number.POSITIVE_INFINITY)) {
    throw new NativeValueError(`expected ${name} to be finite and > 0, received ${value}`);
  }
}

/** Sampled tokens of each row. @returns [rows]. */
export function sampledCounts(rows: TokenRows): Int32Array {
  const counts = new Int32Array(checkTokenRows(rows));
  callNative('sampledCounts', rows.mask, rows.offsets, counts);
  return counts;
}
