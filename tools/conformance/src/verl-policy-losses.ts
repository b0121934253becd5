import {
  type AggregationOptions,
  type PolicyLossOptions,
  type PolicyLossPreset,
  type PolicyMetrics,
  policyLossPresets,
} from '@parl-mt/native';
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
  const { rolloutWeights } = batch;
  const tokens = { ...batch, referenceLogprobs: undefined };
  const pair = (aggregation: AggregationOptions): LossPair =>
    lossPair(
      {
        rows: tokens.rows,
        logprobs: tokens.logprobs,
        oldLogprobs: tokens.oldLogprobs,
        advantages: tokens.advantages,
        ...(options['rollout_is_weights'] === true ? { weights: rolloutWeights } : {}),
      },
      preset,
      aggregation,
    );
  const ours = pair(preset.aggregation);
  const loss = numberOf(each.outputs['loss']);
  if (Number.isNaN(loss)) {
    const zero = ours.native.loss === 0 && ours.reference.loss === 0 && ours.native.gradient.every((x) => x === 0);
    return fault('a batch without a sampled token has loss 0', holds('loss and gradient 0', zero));
  }
  const comparisons = [
    ...compareLoss(ours, loss, matrixOf(each.outputs['gradient']).flat(), gradientTolerance),
    ...compareMetrics(name, ours, each.outputs['metrics'] as Readonly<Record<string, unknown>>),
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
function compareMetrics(name: string, pair: LossPair, theirs: Readonly<Record<string, unknown>>): Comparison[] {
  const tracksClips = ['vanilla', 'gspo', 'cispo', 'geo_mean'].includes(name);
  const ours: Readonly<Record<string, (metrics: PolicyMetrics) => number>> = {
    'actor/pg_clipfrac': ({ clipFraction }) => (tracksClips ? clipFraction : 0),
    'actor/ppo_kl': ({ approxKlK1 }) => approxKlK1,
    'actor/pg_clipfrac_lower': ({ dualClipFraction }) => (tracksClips ? dualClipFraction : 0),
  };
  return Object.entries(theirs).map(([key, value]) =>
    compareNumber(`${key}, native`, ours[key]!(pair.native.metrics), numberOf(value), metric),
  );
}
