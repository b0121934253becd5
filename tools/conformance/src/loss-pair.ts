import {
  type AggregationOptions,
  aggregationWeights,
  type PolicyBatch,
  type PolicyLoss,
  type PolicyLossOptions,
  policyLoss,
} from '@parl-mt/native';
import { policyLossReference, type ReferencePolicyLoss } from '@parl-mt/native/reference';
import { type Comparison, compare, compareNumber, float32, float64, type Tolerance } from './verdict.js';

/** A loss computed natively and by the reference. */
export interface LossPair {
  readonly native: PolicyLoss;
  readonly reference: ReferencePolicyLoss;
}

/** @param referenceWeights - token weights of the reference, where they are finer than float32. */
export function lossPair(
  batch: Omit<PolicyBatch, 'rowWeights'>,
  options: PolicyLossOptions,
  aggregation: AggregationOptions,
  referenceWeights?: ArrayLike<number>,
): LossPair {
  const whole = { ...batch, rowWeights: aggregationWeights(batch.rows, aggregation) };
  const precise = referenceWeights === undefined ? whole : { ...whole, weights: referenceWeights };
  return { native: policyLoss(whole, options), reference: policyLossReference(precise, options) };
}

/**
 * Loss and gradient of both against what was recorded.
 *
 * @param tolerance - of the reference.
 */
export function compareLoss(
  { native, reference }: LossPair,
  loss: number,
  gradient: readonly number[],
  tolerance: Tolerance = float64,
): Comparison[] {
  // A loss is a sum with cancellation: float32 entries are good to 1e-5 of what is added up, not of the sum.
  const added = reference.rows.reduce((sum, row) => sum + Math.abs(row.loss), 0);
  const sum: Tolerance = (expected) => 1e-5 * Math.max(Math.abs(expected), added, 1e-30);
  return [
    compareNumber('loss, native', native.loss, loss, sum),
    compare('gradient, native', native.gradient, gradient, float32),
    compareNumber('loss, reference', reference.loss, loss, tolerance === float64 ? float64 : sum),
    compare('gradient, reference', reference.gradient, gradient, tolerance),
  ];
}
