import type { AggregationOptions } from './aggregation.js';
import type { PolicyLossOptions } from './policy-objective.js';

/** A loss as a trainer configures it by default: objective, ratio and reduction. */
export interface PolicyLossPreset extends PolicyLossOptions {
  readonly aggregation: AggregationOptions;
}

const anyLogRatio = { minLogRatio: Number.NEGATIVE_INFINITY, maxLogRatio: Number.POSITIVE_INFINITY } as const;
const within20 = { minLogRatio: -20, maxLogRatio: 20 } as const;
const tokenMean = { mode: 'token_mean' } as const;
const rowMeans = { mode: 'sequence_mean_token_mean' } as const;
const rowMeansOfAll = { mode: 'sequence_mean_token_mean', emptyRows: 'count' } as const;
const trlClip = { kind: 'clip', clipLow: 0.2, clipHigh: 0.2 } as const;

/**
 * Options under which `policyLoss` and `aggregationWeights` compute what other trainers do by default. docs/losses.md says where
 * they differ, and what in them is not copied.
 */
export const policyLossPresets = {
  /** verl 0.9.1, by the name of its registered loss; rows without a sampled token are left out of means over rows. */
  verl: {
    vanilla: {
      objective: { kind: 'clip', clipLow: 0.2, clipHigh: 0.2, dualClip: 3 },
      ratio: within20,
      aggregation: tokenMean,
    },
    gspo: {
      objective: { kind: 'clip', clipLow: 0.2, clipHigh: 0.2 },
      ratio: { ...anyLogRatio, level: 'sequence_mean', gradient: 'own_token', maxLogRatio: 10 },
      aggregation: tokenMean,
    },
    cispo: { objective: { kind: 'cispo', ratioLow: 0.8, ratioHigh: 1.2 }, ratio: within20, aggregation: tokenMean },
    sapo: { objective: { kind: 'sapo', tauPositive: 1, tauNegative: 1.05 }, ratio: within20, aggregation: rowMeans },
    gpg: { objective: { kind: 'reinforce' }, ratio: anyLogRatio, aggregation: tokenMean },
    geo_mean: { objective: { kind: 'geometric_mean', clipLow: 0.2, clipHigh: 0.2 }, aggregation: rowMeansOfAll },
    dro: { objective: { kind: 'quadratic', beta: 0.5 }, ratio: anyLogRatio, aggregation: tokenMean },
    /** With the weights of `trustRegionWeights`. */
    dppo_tv: { objective: { kind: 'reinforce' }, ratio: within20, aggregation: tokenMean },
    /** With the weights of `trustRegionWeights`. */
    dppo_kl: { objective: { kind: 'reinforce' }, ratio: within20, aggregation: tokenMean },
    /** With weight 0 where `covarianceBandMask` selects. */
    clip_cov: { objective: { kind: 'clip', clipLow: 0.2, clipHigh: 0.2 }, ratio: anyLogRatio, aggregation: tokenMean },
    /** With `klWeights` 1 where `highCovarianceMask` selects, 0 elsewhere, and the old policy as the reference of the KL. */
    kl_cov: {
      objective: { kind: 'clip', clipLow: Number.POSITIVE_INFINITY, clipHigh: Number.POSITIVE_INFINITY },
      ratio: anyLogRatio,
      kl: { estimator: 'abs', coefficient: 1 },
      aggregation: tokenMean,
    },
  },
  /** TRL 1.16.0, by loss_type; no clamp of the log-ratio, rows without a sampled token count in means over rows. */
  trl: {
    grpo: { objective: trlClip, ratio: anyLogRatio, aggregation: rowMeansOfAll },
    bnpo: { objective: trlClip, ratio: anyLogRatio, aggregation: tokenMean },
    dr_grpo: {
      objective: trlClip,
      ratio: anyLogRatio,
      aggregation: { mode: 'constant', length: 256, emptyRows: 'count' },
    },
    dapo: { objective: trlClip, ratio: anyLogRatio, aggregation: tokenMean },
    luspo: {
      objective: trlClip,
      ratio: anyLogRatio,
      aggregation: { mode: 'sequence_mean_token_sum', emptyRows: 'count' },
    },
    cispo: { objective: { kind: 'cispo', ratioHigh: 0.2 }, ratio: anyLogRatio, aggregation: tokenMean },
    sapo: {
      objective: { kind: 'sapo', tauPositive: 1, tauNegative: 1.05 },
      ratio: anyLogRatio,
      aggregation: rowMeansOfAll,
    },
    rloo: {
      objective: trlClip,
      ratio: { ...anyLogRatio, level: 'sequence_sum', gradient: 'whole_row' },
      aggregation: rowMeansOfAll,
    },
  },
} as const satisfies Readonly<Record<string, Readonly<Record<string, PolicyLossPreset>>>>;
