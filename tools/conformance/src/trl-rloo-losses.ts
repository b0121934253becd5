import { policyLossPresets } from '@parl-mt/native';
import { type FixtureCase, matrixOf, numberOf } from './fixture.js';
import { compareLoss, type LossPair, lossPair } from './loss-pair.js';
import { type RecordedBatch, recordedBatch } from './policy-batch.js';
import type { FixtureFile } from './report.js';
import { compared, fault, holds, type Verdict } from './verdict.js';

export const trlRlooLosses: FixtureFile = {
  file: 'trl-rloo-losses.jsonl',
  judge: (each, fixtures) => judge(each, recordedBatch(fixtures, each.inputs['batch'])),
};

function judge(each: FixtureCase, batch: RecordedBatch): Verdict {
  const preset = policyLossPresets.trl.rloo;
  const { logprobs, oldLogprobs } = batch;
  // One advantage a row, that of its first token.
  const advantages = batch.advantages.map((_, t) => batch.advantages[t - (t % batch.columns)]!);
  const [low, high] = [numberOf(each.options['epsilon_low']), numberOf(each.options['epsilon_high'])];
  const run = (rows: RecordedBatch['rows']): LossPair =>
    lossPair(
      { rows, logprobs, oldLogprobs, advantages },
      { ...preset, objective: { kind: 'clip', clipLow: low, clipHigh: high } },
      preset.aggregation,
    );
  // A row without a token has ratio 1: TRL still adds its -A to the mean, with no gradient.
  const { offsets, mask } = batch.completion;
  const rows = offsets.length - 1;
  let empty = 0;
  for (let row = 0; row < rows; row += 1) {
    if (mask.subarray(offsets[row], offsets[row + 1]).every((flag) => flag === 0))
      empty -= advantages[offsets[row]!]! / rows;
  }
  const comparisons = compareLoss(
    run(batch.completion),
    numberOf(each.outputs['loss']) - empty,
    matrixOf(each.outputs['gradient']).flat(),
  );
  if (!each.fault) return compared(...comparisons);
  const masked = run(batch.rows).native.gradient.every((slope, t) => batch.rows.mask[t] === 1 || slope === 0);
  return fault(
    "observations are outside the mask and get no gradient; with the mask of the whole completion our answer is TRL's",
    ...comparisons,
    holds('no gradient at observations', masked),
  );
}
