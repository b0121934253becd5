import { callNative } from './call.js';
import { NativeValueError, ShapeError } from './errors.js';
import { type PolicyLossOptions, policyLossCode } from './policy-objective.js';
import { checkTokenRows, checkTokenValues, type TokenRows } from './token-rows.js';

/** Rows of tokens with what a policy loss needs of each. */
export interface PolicyBatch {
  readonly rows: TokenRows;
  /** [tokens], natural log-probs under the weights being trained. */
  readonly logprobs: Float32Array;
  /** [tokens], under the policy that the ratio starts from. */
  readonly oldLogprobs: Float32Array;
  /** [tokens]. */
  readonly advantages: Float32Array;
  /** [rows], weight of each sampled token of a row: the whole reduction, from `aggregationWeights`. */
  readonly rowWeights: Float64Array;
  /** [tokens], multiplies the objective of a token (not its KL): importance correction, selected tokens. Default 1. */
  readonly weights?: Float32Array;
  /** [tokens], under the reference policy; needed with `kl`, refused without. */
  readonly referenceLogprobs?: Float32Array;
  /** [tokens], multiplies the KL of a token: where it acts, importance correction. Default 1; refused without `kl`. */
  readonly klWeights?: Float32Array;
}

/** Averages over the sampled tokens of a batch; 0 (ratios 1) where there are none. Ratios are those the objective used. */
export interface PolicyMetrics {
  readonly tokens: number;
  readonly ratioMean: number;
  readonly ratioMin: number;
  readonly ratioMax: number;
  /** mean(old - new), the k1 estimate of KL(old, new), nats. */
  readonly approxKlK1: number;
  /** mean(e^d - 1 - d), d = new - old, the k3 estimate of the same. */
  readonly approxKlK3: number;
  /** Share of tokens whose clipped term won (clip), whose ratio was clamped (cispo), clipped with A > 0 (geometric mean). */
  readonly clipFraction: number;
  /** Share of tokens at the dual clip; clipped with A < 0 (geometric mean). */
  readonly dualClipFraction: number;
  /** Share of tokens below the lower bound with A < 0. */
  readonly clipFractionLow: number;
  /** Share of tokens above the upper bound with A > 0. */
  readonly clipFractionHigh: number;
  /** Mean of the KL estimate to the reference, without its coefficient and weights; 0 without `kl`. */
  readonly referenceKl: number;
}

/** What is summed over the sampled tokens of each row. */
export type PolicyRowField = (typeof rowFields)[number];

export const rowFields = [
  'loss',
  'tokens',
  'logRatio',
  'k3',
  'ratio',
  'clipped',
  'dual',
  'low',
  'high',
  'kl',
  'smallestRatio',
  'largestRatio',
] as const;

export interface PolicyLoss {
  /** To be minimised; 0 for a batch without a sampled token. */
  readonly loss: number;
  /** [tokens], derivative of the loss by `logprobs`; 0 where not sampled. */
  readonly gradient: Float32Array;
  readonly metrics: PolicyMetrics;
  /** [rows], a sum over the row's sampled tokens, or its extreme ratio. */
  row(field: PolicyRowField): Float64Array;
}

/**
 * A policy loss with its gradient and metrics, in one native pass over the tokens (two where the ratio is of the row):
 * sum over sampled tokens of rowWeight (weight f(rho, A) + kl.coefficient klWeight kl).
 *
 * What stands outside the mask is not read, NaN included. Cutting a batch into micro-batches of whole rows, with the row
 * weights of the whole, changes no bit of the gradient; nor does the thread count.
 *
 * On a bound, a clamp passes no gradient (torch's rule), but where the clipped and the unclipped term tie, the unclipped one
 * passes its own.
 *
 * @param gradient - [tokens], overwritten and returned: an array of an earlier batch. Default: a new one.
 * @throws {ShapeError} if lengths differ.
 * @throws {NativeValueError} for an unusable option; for a sampled log-prob or advantage that is not finite, naming its index;
 * for a ratio that overflows, which `ratio.maxLogRatio` prevents.
 */
export function policyLoss(
  batch: PolicyBatch,
  options: PolicyLossOptions,
  gradient: Float32Array = new Float32Array(batch.logprobs.length),
): PolicyLoss {
  const { rows, logprobs, oldLogprobs, advantages, rowWeights, weights, referenceLogprobs, klWeights } = batch;
  const count = checkTokenRows(rows);
  const code = policyLossCode(options);
  for (const [name, values] of Object.entries({ logprobs, oldLogprobs, advantages, gradient }))
    checkTokenValues(name, values, rows);
  if (weights !== undefined) checkTokenValues('weights', weights, rows);
  if (referenceLogprobs !== undefined) checkTokenValues('referenceLogprobs', referenceLogprobs, rows);
  if ((options.kl === undefined) !== (referenceLogprobs === undefined)) {
    throw new NativeValueError('expected kl and referenceLogprobs together, received one of them');
  }
  if (klWeights !== undefined) {
    checkTokenValues('klWeights', klWeights, rows);
    if (options.kl === undefined) throw new NativeValueError('expected no klWeights without kl, received some');
  }
  if (!(rowWeights instanceof Float64Array) || rowWeights.length !== count) {
    throw new ShapeError(`expected rowWeights to be a Float64Array of ${count} rows, received ${rowWeights.length}`);
  }
  const statistics = new Float64Array(count * rowFields.length);
  const totals = new Float64Array(rowFields.length); // sums over rows in order; of ratios the extremes
  callNative(
    'policyLoss',
    logprobs,
    oldLogprobs,
    advantages,
    rows.mask,
    rows.offsets,
    weights ?? null,
    referenceLogprobs ?? null,
    rowWeights,
    code,
    gradient,
    statistics,
    klWeights ?? null,
    totals,
  );
  const row = (field: PolicyRowField): Float64Array =>
    Float64Array.from({ length: count }, (_, r) => statistics[r * rowFields.length + rowFields.indexOf(field)]!);
  const loss = totals[0]!;
  if (!Number.isFinite(loss)) throw notFinite(batch, loss);
  return { loss, gradient, metrics: metricsOf(totals), row };
}

function metricsOf(totals: Float64Array): PolicyMetrics {
  const total = (field: PolicyRowField): number => totals[rowFields.indexOf(field)]!;
  const tokens = total('tokens');
  const mean = (field: PolicyRowField): number => (tokens === 0 ? 0 : total(field) / tokens);
  return {
    tokens,
    ratioMean: tokens === 0 ? 1 : mean('ratio'),
    ratioMin: tokens === 0 ? 1 : total('smallestRatio'),
    ratioMax: tokens === 0 ? 1 : total('largestRatio'),
    approxKlK1: 0 - mean('logRatio'),
    approxKlK3: mean('k3'),
    clipFraction: mean('clipped'),
    dualClipFraction: mean('dual'),
    clipFractionLow: mean('low'),
    clipFractionHigh: mean('high'),
    referenceKl: mean('kl'),
  };
}

function notFinite(batch: PolicyBatch, loss: number): NativeValueError {
  const { rows, logprobs, oldLogprobs, advantages, weights, referenceLogprobs, klWeights } = batch;
  const arrays = { logprobs, oldLogprobs, advantages, weights, referenceLogprobs, klWeights };
  for (const [name, values] of Object.entries(arrays)) {
    const index = values?.findIndex((value, t) => rows.mask[t] !== 0 && !Number.isFinite(value)) ?? -1;
    if (index >= 0)
      return new NativeValueError(`expected finite ${name}, received ${values![index]} at index ${index}`);
  }
  const row = batch.rowWeights.findIndex((weight) => !Number.isFinite(weight));
  if (row >= 0)
    return new NativeValueError(`expected finite rowWeights, received ${batch.rowWeights[row]} at row ${row}`);
  let widest = 0;
  for (let t = 0; t < logprobs.length; t++) {
    const distance = (at: number): number => Math.abs(logprobs[at]! - oldLogprobs[at]!);
    if (rows.mask[t] !== 0 && !(distance(t) <= distance(widest))) widest = t;
  }
  return new NativeValueError(
    `expected a finite loss, received ${loss}: the log-ratio at index ${widest} is ${logprobs[widest]! - oldLogprobs[widest]!}; narrow ratio.minLogRatio and ratio.maxLogRatio`,
  );
}
