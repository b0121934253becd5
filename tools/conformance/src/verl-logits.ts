import {
  aggregationWeights,
  entropyBonus,
  logprobBackward,
  logprobForward,
  paddedTokenRows,
  probabilitySquares,
} from '@parl-mt/native';
import { probabilitySquaresReference } from '@parl-mt/native/reference';
import { type FixtureCase, type Fixtures, matrixOf, numberOf } from './fixture.js';
import type { FixtureFile } from './report.js';
import { readTensors, type StoredTensor } from './safetensors.js';
import { compare, compared, compareNumber, float64, type Verdict } from './verdict.js';
import { verlAggregation } from './verl-policy-losses.js';

export const verlLogits: FixtureFile = { file: 'verl-logits.jsonl', judge };

function judge(each: FixtureCase, fixtures: Fixtures): Verdict {
  const tensors = readTensors(fixtures.bytes(String(each.inputs['tensors'])));
  const tensor = (key: string): StoredTensor => tensors.get(String(each.inputs[key]))!;
  const logits = tensor('logits');
  const v = logits.shape.at(-1)!;
  const n = logits.values.length / v;
  const largest = logits.values.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
  // Log-probs and entropies are good to 1e-5, or to 1e-5 of the logit where logits are large.
  const rounding = (): number => 1e-5 * Math.max(1, largest);
  const kind = each.source.split('.').at(-1)!;
  if (kind === 'calculate_sum_pi_squared_from_logits') {
    // The value alone: baselines are made of it, and nothing differentiates it.
    const expected = matrixOf(each.outputs['value']).flat();
    const rowsOf = Array.from({ length: n }, (_, row) => logits.values.subarray(row * v, (row + 1) * v));
    return compared(
      compare('sum of squares, native', probabilitySquares(logits.values, { n, v }), expected, rounding),
      compare(
        'sum of squares, reference',
        rowsOf.map((row) => probabilitySquaresReference(row)),
        expected,
        float64,
      ),
    );
  }
  if (kind === 'compute_entropy_loss') {
    const targets = new Int32Array(n);
    const { entropies } = logprobForward(logits.values, targets, { n, v, entropy: true });
    const mask = tensor('mask');
    const columns = mask.shape.at(-1)!;
    const rows = paddedTokenRows(
      Array.from({ length: n / columns }, (_, row) => mask.values.subarray(row * columns, (row + 1) * columns)),
    );
    const rowWeights = aggregationWeights(rows, verlAggregation(each.options, columns));
    const { loss } = entropyBonus(entropies, rows, { coefficient: -1, rowWeights });
    const tokens = rows.mask.reduce((sum, flag) => sum + flag, 0);
    const scale = each.options['loss_agg_mode'] === 'token-sum' ? tokens : columns;
    return compared(compareNumber('entropy loss', loss, numberOf(each.outputs['value']), () => scale * rounding()));
  }
  const ofEntropy = kind === 'entropy_from_logits';
  const targets = Int32Array.from(tensor('labels').values);
  const { logprobs, entropies, lse } = logprobForward(logits.values, targets, { n, v, entropy: ofEntropy });
  const value = compare(kind, ofEntropy ? entropies : logprobs, matrixOf(each.outputs['value']).flat(), rounding);
  if (each.outputs['gradient_of_sum'] === undefined) return compared(value);
  const ones = new Float32Array(n).fill(1);
  const dLogits = new Float32Array(logits.values.length);
  const [dLogprobs, dEntropies] = ofEntropy ? [new Float32Array(n), ones] : [ones, null];
  logprobBackward(dLogprobs, dEntropies, logits.values, targets, lse, entropies, dLogits, { n, v });
  const expected = tensors.get(String(each.outputs['gradient_of_sum']))!.values;
  return compared(value, compare(`${kind} gradient`, dLogits, expected, rounding));
}
