import {
  type AggregationOptions,
  covarianceBandMask,
  highCovarianceMask,
  type PolicyBatch,
  type PolicyLossOptions,
  type PolicyLossPreset,
  type PolicyMetrics,
  policyLossPresets,
  trustRegionWeights,
} from '@parl-mt/native';
import { covarianceBandMaskReference, trustRegionWeightsReference } from '@parl-mt/native/reference';
import { type FixtureCase, matrixOf, numberOf } from './fixture.js';
import { compareLoss, type LossPair, lossPair } from './loss-pair.js';
import { type RecordedBatch, recordedBatch } from './policy-batch.js';
import type { FixtureFile } from './report.js';
import {
  type Comparison,
  compared,
  compareNumber,
  fault,
  float32,
  float64,
  holds,
  leftOut,
  metric,
  type Verdict,
} from './verdict.js';
import { compareMetrics as compareCorrection, correct } from './verl-rollout-correction.js';

export const verlPolicyLosses: FixtureFile = {
  file: 'verl-policy-losses.jsonl',
  judge: (each, fixtures) => judgeVerlLoss(each, recordedBatch(fixtures, each.inputs['batch'])),
};

const { verl } = policyLossPresets;

/** verl's aggregation modes by name. */
export function verlAggregation(options: Readonly<Record<string, unknown>>, columns: number): AggregationOptions {
  const [tokens, rows] = [options['batch_num_tokens'], options['global_batch_size']];
  const totals = {
    ...(tokens == null ? {} : { totalTokens: numberOf(tokens) }),
    ...(rows == null ? {} : { totalRows: numberOf(rows) }),
    scale: numberOf(options['dp_size'] ?? 1),
  };
  switch (options['loss_agg_mode']) {
    case 'token-mean':
      return { mode: 'token_mean', ...totals };
    case 'token-sum':
      return { mode: 'token_sum', ...totals };
    case 'seq-mean-token-sum':
      return { mode: 'sequence_mean_token_sum', ...totals };
    case 'seq-mean-token-mean':
      return { mode: 'sequence_mean_token_mean', ...totals };
    case 'seq-mean-token-sum-norm':
      // Without a factor verl divides by the padded width.
      return { mode: 'constant', length: numberOf(options['loss_scale_factor'] ?? columns), ...totals };
    default:
      throw new TypeError(`expected a known mode, received ${String(options['loss_agg_mode'])}`);
  }
}

/** @param gradientTolerance - how good the recorded gradient is. */
export function judgeVerlLoss(each: FixtureCase, batch: RecordedBatch, gradientTolerance = float64): Verdict {
  const name = each.source.split('.').at(-1)!.replace('compute_policy_loss_', '');
  if (name === 'bypass_mode') return judgeBypass(each, batch);
  if (!Object.hasOwn(verl, name)) return leftOut(`${name} is not among the losses of this project`);
  const { options } = each;
  const preset = presetOf(name as keyof typeof verl, options, batch.columns);
  const chosen = tokenWeightsOf(name as keyof typeof verl, options, batch);
  const { rows, logprobs, oldLogprobs, advantages } = batch;
  const pair = (aggregation: AggregationOptions): LossPair =>
    lossPair(
      { rows, logprobs, oldLogprobs, advantages, ...chosen.inputs },
      preset,
      aggregation,
      chosen.referenceWeights,
    );
  const ours = pair(preset.aggregation);
  const loss = numberOf(each.outputs['loss']);
  if (Number.isNaN(loss)) {
    const zero = ours.native.loss === 0 && ours.reference.loss === 0 && ours.native.gradient.every((x) => x === 0);
    return fault('a batch without a sampled token has loss 0', holds('loss and gradient 0', zero));
  }
  const comparisons = [
    ...compareLoss(ours, loss, matrixOf(each.outputs['gradient']).flat(), gradientTolerance),
    ...compareMetrics(name, ours, each.outputs['metrics'] as Readonly<Record<string, unknown>>, chosen.shares),
  ];
  if (!each.fault) return compared(...comparisons);
  if (name === 'geo_mean') {
    // Without the empty rows in the mean: the same sum over fewer rows.
    const rows = batch.rows.offsets.length - 1;
    const filled = ours.native.row('tokens').filter((count) => count > 0).length;
    const without = pair({ ...preset.aggregation, emptyRows: 'leave_out' }).reference.loss;
    const expected = filled === 0 ? 0 : (loss * rows) / filled;
    comparisons.push(compareNumber('loss without empty rows', without, expected, float64));
    return fault(
      'rows without a sampled token are left out of means by default, the preset counts them',
      ...comparisons,
    );
  }
  return fault(
    'an option without effect is refused; the numbers are those of the options that do count',
    ...comparisons,
  );
}

interface TokenWeights {
  readonly inputs: Partial<Pick<PolicyBatch, 'weights' | 'klWeights' | 'referenceLogprobs'>>;
  /** Finer than float32, where they are computed. */
  readonly referenceWeights?: ArrayLike<number>;
  /** Shares of tokens that verl counts as clipped, where the loss itself clips nothing. */
  readonly shares?: { readonly clipped: number; readonly capped: number };
}

/** What a loss multiplies token by token: the rollout correction, and what it selects or weighs itself. */
function tokenWeightsOf(
  name: keyof typeof verl,
  options: Readonly<Record<string, unknown>>,
  { rows, logprobs, oldLogprobs, advantages, rolloutWeights }: RecordedBatch,
): TokenWeights {
  const rollout = options['rollout_is_weights'] === true ? rolloutWeights : new Float32Array(logprobs.length).fill(1);
  const sampled = Math.max(
    1,
    rows.mask.reduce((sum, flag) => sum + flag, 0),
  );
  const shareOf = (holds: (token: number) => boolean): number =>
    [...rows.mask.keys()].filter((t) => rows.mask[t] === 1 && holds(t)).length / sampled;
  switch (name) {
    case 'dppo_tv':
    case 'dppo_kl': {
      const region = {
        divergence: name === 'dppo_tv' ? 'total_variation' : 'kl',
        low: numberOf(options['clip_ratio_low']),
        high: numberOf(options['clip_ratio_high']),
        ratioCap: numberOf(options['clip_ratio_c'] ?? 20),
      } as const;
      const native = trustRegionWeights(logprobs, oldLogprobs, advantages, rows, region);
      const reference = trustRegionWeightsReference(logprobs, oldLogprobs, advantages, rows.mask, region);
      const times = (weight: number, t: number): number => (rows.mask[t] === 0 ? 0 : weight * rollout[t]!);
      return {
        inputs: { weights: native.map(times) },
        referenceWeights: reference.map(times),
        shares: {
          clipped: shareOf((t) => native[t] === 0),
          capped: shareOf((t) => native[t] === Math.fround(region.ratioCap)),
        },
      };
    }
    case 'clip_cov': {
      const band = {
        share: numberOf(options['clip_cov_ratio']),
        low: numberOf(options['clip_cov_lb']),
        high: numberOf(options['clip_cov_ub']),
        clipLow: numberOf(options['clip_ratio_low']),
        clipHigh: numberOf(options['clip_ratio_high']),
      };
      const selected = covarianceBandMask(logprobs, oldLogprobs, advantages, rows, band);
      const reference = covarianceBandMaskReference({ logprobs, oldLogprobs, advantages, mask: rows.mask }, band);
      const weights = (flags: Uint8Array): Float32Array => rollout.map((weight, t) => weight * (1 - flags[t]!));
      return {
        inputs: { weights: weights(selected) },
        referenceWeights: weights(reference),
        shares: { clipped: shareOf((t) => selected[t] === 1), capped: 0 },
      };
    }
    case 'kl_cov': {
      const share = numberOf(options['kl_cov_ratio']);
      const selected = highCovarianceMask(logprobs, advantages, rows, { share });
      const klWeights = rollout.map((weight, t) => weight * selected[t]!);
      return { inputs: { weights: rollout, klWeights, referenceLogprobs: oldLogprobs } };
    }
    default:
      return { inputs: options['rollout_is_weights'] === true ? { weights: rolloutWeights } : {} };
  }
}

/** Rollout and old policy are one: weights and rejections come from the ratio that the loss uses too. */
function judgeBypass(each: FixtureCase, batch: RecordedBatch): Verdict {
  const { options } = each;
  const name = options['loss_type'] === 'reinforce' ? 'gpg' : 'vanilla';
  const preset = presetOf(name, options, batch.columns);
  const { rows, logprobs, oldLogprobs, advantages } = batch;
  const corrected = correct({ rows, logprobs, rolloutLogprobs: oldLogprobs }, options);
  const weights = name === 'gpg' ? corrected.weights?.native : undefined;
  const kept = { mask: corrected.keep.native, offsets: rows.offsets };
  const ours = lossPair(
    {
      rows: kept,
      logprobs,
      oldLogprobs,
      advantages,
      ...(weights === undefined ? {} : { weights: Float32Array.from(weights) }),
    },
    preset,
    preset.aggregation,
  );
  const loss = numberOf(each.outputs['loss']);
  if (Number.isNaN(loss)) {
    const zero = ours.native.loss === 0 && ours.native.gradient.every((x) => x === 0);
    return fault('a batch of which everything was rejected has loss 0', holds('loss and gradient 0', zero));
  }
  const theirs = each.outputs['metrics'] as Readonly<Record<string, unknown>>;
  const actor = Object.entries(theirs).filter(([key]) => key.startsWith('actor/'));
  const rest = Object.entries(theirs).filter(([key]) => !key.startsWith('actor/'));
  // Weights are float32 arrays here: good to 1e-7 of the largest.
  const rounded = weights === undefined ? float64 : float32;
  return compared(
    ...compareLoss(ours, loss, matrixOf(each.outputs['gradient']).flat(), rounded),
    ...compareMetrics('vanilla', ours, Object.fromEntries(actor)),
    ...compareCorrection(corrected.metrics, Object.fromEntries(rest), ''),
  );
}

/** The preset with a case's options. */
function presetOf(
  name: keyof typeof verl,
  options: Readonly<Record<string, unknown>>,
  columns: number,
): PolicyLossOptions & { readonly aggregation: AggregationOptions } {
  const preset: PolicyLossPreset = verl[name];
  const [low, high] = [numberOf(options['clip_ratio_low'] ?? 0.2), numberOf(options['clip_ratio_high'] ?? 0.2)];
  const aggregation = verlAggregation(options, columns);
  const { objective } = preset;
  if (name === 'kl_cov') {
    return { ...preset, kl: { estimator: 'abs', coefficient: numberOf(options['ppo_kl_coef']) }, aggregation };
  }
  switch (objective.kind) {
    case 'clip': {
      const dualClip = objective.dualClip === undefined ? {} : { dualClip: numberOf(options['clip_ratio_c'] ?? 3) };
      return { ...preset, objective: { kind: 'clip', clipLow: low, clipHigh: high, ...dualClip }, aggregation };
    }
    case 'cispo':
      return {
        ...preset,
        objective: { kind: 'cispo', ratioLow: Math.max(0, 1 - low), ratioHigh: 1 + high },
        aggregation,
      };
    case 'sapo':
      return {
        ...preset,
        objective: {
          kind: 'sapo',
          tauPositive: numberOf(options['tau_pos'] ?? objective.tauPositive),
          tauNegative: numberOf(options['tau_neg'] ?? objective.tauNegative),
        },
      };
    case 'geometric_mean':
      return { ...preset, objective: { kind: 'geometric_mean', clipLow: low, clipHigh: high } };
    case 'quadratic':
      return { ...preset, objective: { kind: 'quadratic', beta: numberOf(options['dro_beta']) }, aggregation };
    case 'reinforce':
      return { ...preset, aggregation };
  }
}

/** verl's metrics from ours. */
function compareMetrics(
  name: string,
  pair: LossPair,
  theirs: Readonly<Record<string, unknown>>,
  shares?: TokenWeights['shares'],
): Comparison[] {
  const tracksClips = ['vanilla', 'gspo', 'cispo', 'geo_mean'].includes(name);
  const ours: Readonly<Record<string, (metrics: PolicyMetrics) => number>> = {
    'actor/pg_clipfrac': ({ clipFraction }) => shares?.clipped ?? (tracksClips ? clipFraction : 0),
    // kl_cov reports the mean of |d|, its own KL term.
    'actor/ppo_kl': ({ approxKlK1, referenceKl }) => (name === 'kl_cov' ? referenceKl : approxKlK1),
    'actor/pg_clipfrac_lower': ({ dualClipFraction }) => shares?.capped ?? (tracksClips ? dualClipFraction : 0),
  };
  return Object.entries(theirs).map(([key, value]) =>
    compareNumber(`${key}, native`, ours[key]!(pair.native.metrics), numberOf(value), metric),
  );
}
