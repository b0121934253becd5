import {
  type AggregationOptions,
  aggregationWeights,
  entropyBonus,
  gammaWeights,
  highEntropyMask,
  type KlTerm,
  klPresets,
  maskedStatistics,
  offPolicyMask,
  type PolicyLossOptions,
  type PolicyLossPreset,
  type PolicyObjective,
  policyLossPresets,
} from '@parl-mt/native';
import { gammaWeightsReference } from '@parl-mt/native/reference';
import { type FixtureCase, matrixOf, numberOf } from './fixture.js';
import { type LossPair, lossPair } from './loss-pair.js';
import { type RecordedBatch, recordedBatch } from './policy-batch.js';
import type { FixtureFile } from './report.js';
import {
  type Comparison,
  compare,
  compared,
  compareNumber,
  fault,
  float32,
  float64,
  metric,
  type Tolerance,
  type Verdict,
} from './verdict.js';

export const trlGrpoLosses: FixtureFile = {
  file: 'trl-grpo-losses.jsonl',
  judge: (each, fixtures) => judge(each, recordedBatch(fixtures, each.inputs['batch'])),
};

const { trl } = policyLossPresets;
export type LossType = keyof typeof trl | 'vespo';

function judge(each: FixtureCase, batch: RecordedBatch): Verdict {
  const { options } = each;
  const type = options['loss_type'] as LossType;
  const isMasked = type === 'vespo' && options['importance_sampling_ratio'] === 'token' && hasMaskedCorrection(batch);
  if (isMasked) {
    const moved = compareLossOf(each, withMaskedCorrection(batch), float32);
    // Their mean of phi counts rows without a sampled token, whose corrections have nowhere to go.
    return fault(MASKED_CORRECTION, ...moved.filter(({ what }) => what !== 'vespo/phi_seq_mean'));
  }
  return compared(...compareLossOf(each, batch));
}

/** @param precise - tolerance of the reference. */
function compareLossOf(each: FixtureCase, batch: RecordedBatch, precise = float64): Comparison[] {
  const { options, outputs } = each;
  const type = options['loss_type'] as LossType;
  const { rows } = batch;
  const weights = weightsOf(type, options, batch);
  const klTerm = klOf(options);
  const loss = lossPair(
    {
      rows,
      logprobs: batch.logprobs,
      oldLogprobs: batch.oldLogprobs,
      advantages: batch.advantages,
      ...(weights === undefined ? {} : { weights: weights.native }),
      ...(klTerm === undefined ? {} : { referenceLogprobs: batch.referenceLogprobs }),
    },
    { ...optionsOf(type, options), ...(klTerm === undefined ? {} : { kl: klTerm }) },
    aggregationOf(type, options, batch),
    weights?.reference,
  );
  const bonus = bonusOf(options, batch);
  const expected = numberOf(outputs['loss']);
  const added = loss.reference.rows.reduce((sum, row) => sum + Math.abs(row.loss), 0);
  const sum = (value: number): number => 1e-5 * Math.max(Math.abs(value), added, 1e-30);
  const comparisons = [
    compareNumber('loss, native', loss.native.loss + bonus.loss, expected, sum),
    compareNumber('loss, reference', loss.reference.loss + bonus.loss, expected, precise),
    compare('gradient, native', loss.native.gradient, matrixOf(outputs['gradient']).flat(), float32),
    compare('gradient, reference', loss.reference.gradient, matrixOf(outputs['gradient']).flat(), precise),
    ...compareMetrics(each, batch, loss, weights?.phi),
  ];
  if (outputs['gradient_entropy'] !== undefined) {
    const gradient = matrixOf(outputs['gradient_entropy']).flat();
    comparisons.push(compare('gradient by entropy', bonus.gradient, gradient, float32));
  }
  return comparisons;
}

export const MASKED_CORRECTION =
  'the correction of a token that was not sampled is not read; multiplied into a sampled one, our answer is TRL’s';

/** The correction of masked columns, which TRL multiplies into a row, moved to the row's first sampled token. */
export function withMaskedCorrection(batch: RecordedBatch): RecordedBatch {
  const rolloutWeights = batch.rolloutWeights.slice();
  const { mask, offsets } = batch.rows;
  for (let row = 0; row + 1 < offsets.length; row += 1) {
    const first = mask.indexOf(1, offsets[row]);
    if (first < 0 || first >= offsets[row + 1]!) continue;
    let product = 1;
    for (let t = offsets[row]!; t < offsets[row + 1]!; t += 1) if (mask[t] === 0) product *= rolloutWeights[t]!;
    rolloutWeights[first]! *= product;
  }
  return { ...batch, rolloutWeights };
}

/** A rollout weight other than 1 where no token was sampled. */
export function hasMaskedCorrection({ rolloutWeights, rows }: RecordedBatch): boolean {
  return rolloutWeights.some((weight, t) => rows.mask[t] === 0 && weight !== 1);
}

/** The preset of a loss type with a case's options. */
export function optionsOf(type: LossType, options: Readonly<Record<string, unknown>>): PolicyLossOptions {
  const ratio = { minLogRatio: Number.NEGATIVE_INFINITY, maxLogRatio: Number.POSITIVE_INFINITY } as const;
  if (type === 'vespo') return { objective: { kind: 'reinforce' }, ratio };
  const ofSequence = options['importance_sampling_level'] === 'sequence';
  return {
    objective: objectiveOf((trl[type] as PolicyLossPreset).objective, options),
    ratio: ofSequence ? { ...ratio, level: 'sequence_mean', gradient: 'whole_row' } : ratio,
  };
}

function objectiveOf(objective: PolicyObjective, options: Readonly<Record<string, unknown>>): PolicyObjective {
  const [low, high] = [numberOf(options['epsilon_low']), numberOf(options['epsilon_high'])];
  switch (objective.kind) {
    case 'clip': {
      const cap = options['delta'] == null ? {} : { ratioCap: numberOf(options['delta']) };
      return { kind: 'clip', clipLow: low, clipHigh: high, ...cap };
    }
    case 'cispo':
      return { kind: 'cispo', ratioHigh: high };
    case 'sapo':
      return {
        kind: 'sapo',
        tauPositive: numberOf(options['sapo_temperature_pos'] ?? objective.tauPositive),
        tauNegative: numberOf(options['sapo_temperature_neg'] ?? objective.tauNegative),
      };
    default:
      return objective;
  }
}

/** TRL divides a micro-batch's loss by the number of micro-batches: here the totals are those of all of them. */
export function aggregationOf(
  type: LossType,
  options: Readonly<Record<string, unknown>>,
  { rows }: Pick<RecordedBatch, 'rows'>,
): AggregationOptions {
  const accumulation = numberOf(options['gradient_accumulation_steps'] ?? 1);
  const steps = numberOf(options['steps_per_generation'] ?? accumulation);
  const sampled = rows.mask.reduce((sum, flag) => sum + flag, 0);
  const count = rows.offsets.length - 1;
  switch (type) {
    case 'dapo':
    case 'cispo':
    case 'vespo': {
      const items = Math.max(1, numberOf(options['num_items_in_batch']));
      return { mode: 'token_mean', totalTokens: (items * accumulation) / steps };
    }
    case 'bnpo':
      return { mode: 'token_mean', totalTokens: Math.max(1, sampled) * accumulation };
    case 'dr_grpo':
      return { mode: 'constant', length: numberOf(options['max_completion_length']), totalRows: count * accumulation };
    case 'luspo':
      return { mode: 'sequence_mean_token_sum', totalRows: count * accumulation };
    default:
      return { mode: 'sequence_mean_token_mean', totalRows: count * accumulation };
  }
}

export function klOf(options: Readonly<Record<string, unknown>>): KlTerm | undefined {
  const coefficient = numberOf(options['beta']);
  if (coefficient === 0) return undefined;
  return { ...klPresets.trl, coefficient, timesRatio: options['use_bias_correction_kl'] === true };
}

interface Weights {
  readonly native: Float32Array;
  readonly reference: ArrayLike<number>;
  /** VESPO's part of them. */
  readonly phi: ArrayLike<number> | undefined;
}

/** Everything that multiplies a token's objective: masks of tokens and rows, rollout correction, VESPO's phi. */
function weightsOf(
  type: LossType,
  options: Readonly<Record<string, unknown>>,
  batch: RecordedBatch,
): Weights | undefined {
  const { rows, logprobs, oldLogprobs, advantages, entropies } = batch;
  const native = new Float32Array(logprobs.length).fill(1);
  const reference = new Float64Array(logprobs.length).fill(1);
  let isPlain = true;
  let phi: ArrayLike<number> | undefined;
  const multiply = (ours: ArrayLike<number>, theirs: ArrayLike<number>): void => {
    isPlain = false;
    for (const t of native.keys()) {
      native[t]! *= ours[t]!;
      reference[t]! *= theirs[t]!;
    }
  };
  if (options['top_entropy_quantile'] !== undefined) {
    const keep = highEntropyMask(entropies, rows, { quantile: 1 - numberOf(options['top_entropy_quantile']) });
    multiply(keep, keep);
  }
  if (options['off_policy_mask_threshold'] !== undefined) {
    const threshold = numberOf(options['off_policy_mask_threshold']);
    const keep = offPolicyMask(logprobs, batch.samplingLogprobs, advantages, rows, { threshold });
    multiply(keep, keep);
  }
  const correction = options['importance_sampling_ratio'];
  const rollout = correction == null ? undefined : rolloutOf(String(correction), batch);
  if (type === 'vespo') {
    const chosen = {
      kPositive: numberOf(options['vespo_k_pos'] ?? 2),
      lambdaPositive: numberOf(options['vespo_lambda_pos'] ?? 3),
      kNegative: numberOf(options['vespo_k_neg'] ?? 3),
      lambdaNegative: numberOf(options['vespo_lambda_neg'] ?? 2),
      ...(rollout === undefined ? {} : { rolloutWeights: rollout }),
    };
    phi = gammaWeightsReference(logprobs, oldLogprobs, advantages, rows, chosen);
    multiply(gammaWeights(logprobs, oldLogprobs, advantages, rows, chosen), phi);
  } else if (rollout !== undefined) {
    multiply(rollout, rollout);
  }
  return isPlain ? undefined : { native, reference, phi };
}

/** The recorded weights by token, or the first of each row for all of it. */
function rolloutOf(level: string, { rolloutWeights, columns }: RecordedBatch): Float32Array {
  if (level === 'token') return rolloutWeights;
  return rolloutWeights.map((_, t) => rolloutWeights[t - (t % columns)]!);
}

/** TRL's entropy bonus over the sampled tokens, or over those of high entropy. */
export function bonusOf(
  options: Readonly<Record<string, unknown>>,
  { entropies, rows }: Pick<RecordedBatch, 'entropies' | 'rows'>,
) {
  const coefficient = numberOf(options['entropy_coef'] ?? 0);
  const quantile = options['top_entropy_quantile'];
  const mask =
    quantile === undefined ? rows.mask : highEntropyMask(entropies, rows, { quantile: 1 - numberOf(quantile) });
  const acted = { mask, offsets: rows.offsets };
  const rowWeights = aggregationWeights(acted, { mode: 'token_mean' });
  return entropyBonus(entropies, acted, { coefficient, rowWeights });
}

/** TRL's metrics from ours: over tokens, or over rows where the ratio is of the row and so is the advantage. */
export function compareMetrics(
  { options, outputs }: FixtureCase,
  batch: Pick<RecordedBatch, 'rows' | 'entropies' | 'isRowConstant'>,
  { native }: LossPair,
  phi: ArrayLike<number> | undefined,
  tolerance: Tolerance = metric,
): Comparison[] {
  const ofRows = options['importance_sampling_level'] === 'sequence' && batch.isRowConstant;
  const tokens = native.row('tokens');
  const rowsWith = (values: Float64Array): number => values.filter((count) => count > 0).length / tokens.length;
  const share = (field: 'low' | 'high'): number => {
    if (ofRows) return rowsWith(native.row(field));
    return field === 'low' ? native.metrics.clipFractionLow : native.metrics.clipFractionHigh;
  };
  const byRow = (field: 'low' | 'high'): number[] => {
    const counts = native.row(field);
    if (ofRows) return [...counts].map((count) => (count > 0 ? 1 : 0));
    return [...counts].map((count, row) => count / tokens[row]!).filter((value) => !Number.isNaN(value));
  };
  const ours: Readonly<Record<string, () => number>> = {
    kl: () => native.metrics.referenceKl,
    entropy: () => maskedStatistics(batch.entropies, batch.rows.mask).mean,
    'clip_ratio/low_mean': () => share('low'),
    'clip_ratio/high_mean': () => share('high'),
    'clip_ratio/region_mean': () => share('low') + share('high'),
    'clip_ratio/low_min': () => (byRow('low').length === 0 ? Number.NaN : Math.min(...byRow('low'))),
    'clip_ratio/high_max': () => (byRow('high').length === 0 ? Number.NaN : Math.max(...byRow('high'))),
    cispo_clip_ratio: () => share('high'),
    'vespo/phi_seq_mean': () => phiMean(batch, phi!),
    policy_loss: () => native.loss,
    entropy_coef: () => numberOf(options['entropy_coef']),
  };
  return Object.entries(outputs['metrics'] as Readonly<Record<string, unknown>>).map(([key, value]) =>
    compareNumber(key, ours[key]!(), numberOf(value), tolerance),
  );
}

/** Over rows where phi is one number a row (rows without a token have w = 1, phi = 1), else over tokens. */
function phiMean(
  { rows, isRowConstant }: Pick<RecordedBatch, 'rows' | 'isRowConstant'>,
  phi: ArrayLike<number>,
): number {
  const { mask, offsets } = rows;
  if (!isRowConstant) {
    const values = Array.from(phi).filter((_, t) => mask[t] === 1);
    return values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;
  }
  const firsts = Array.from({ length: offsets.length - 1 }, (_, row) => {
    for (let t = offsets[row]!; t < offsets[row + 1]!; t += 1) if (mask[t] === 1) return phi[t]!;
    return 1;
  });
  return firsts.reduce((sum, value) => sum + value, 0) / firsts.length;
}
