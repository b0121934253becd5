import { aggregationWeights, paddedTokenRows } from '@parl-mt/native';
import { type FixtureCase, matrixOf, numberOf } from './fixture.js';
import { compareLoss, lossPair } from './loss-pair.js';
import type { FixtureFile } from './report.js';
import { compare, compared, fault, float64, holds, throws, type Verdict } from './verdict.js';
import { verlAggregation } from './verl-policy-losses.js';

export const verlAggregationFile: FixtureFile = { file: 'verl-aggregation.jsonl', judge };

function judge(each: FixtureCase): Verdict {
  const losses = matrixOf(each.inputs['loss_mat']);
  const rows = paddedTokenRows(matrixOf(each.inputs['loss_mask']));
  const aggregation = verlAggregation(each.options, losses[0]?.length ?? 0);
  if (each.outputs['error'] !== undefined) {
    return compared(
      throws('ranks without totals are refused', () => aggregationWeights(rows, aggregation), 'of the whole batch'),
    );
  }
  // REINFORCE with A = -1: the loss of a token is its log-prob, its derivative the token's weight.
  const flat = Float32Array.from(losses.flat());
  const batch = { rows, logprobs: flat, oldLogprobs: flat, advantages: new Float32Array(flat.length).fill(-1) };
  const ours = lossPair(batch, { objective: { kind: 'reinforce' } }, aggregation);
  const loss = numberOf(each.outputs['loss']);
  const gradient = matrixOf(each.outputs['gradient']).flat();
  if (!each.fault) return compared(...compareLoss(ours, loss, gradient));
  if (rows.mask.every((flag) => flag === 0)) {
    const zero = ours.native.loss === 0 && ours.native.gradient.every((x) => x === 0);
    return fault('a batch without a sampled token has loss 0', holds('loss and gradient 0', zero));
  }
  const finite = losses.flat().map((value) => (Number.isNaN(value) ? 0 : value));
  const clean = lossPair(
    { ...batch, logprobs: Float32Array.from(finite) },
    { objective: { kind: 'reinforce' } },
    aggregation,
  );
  return fault(
    'a NaN outside the mask changes nothing',
    compare('loss', [ours.native.loss], [clean.native.loss], float64),
    compare('gradient', ours.native.gradient, clean.native.gradient, float64),
  );
}
