import { aggregationWeights, type KlEstimate, klPenalty, klPresets, paddedTokenRows, valueLoss } from '@parl-mt/native';
import { klReference, valueLossReference } from '@parl-mt/native/reference';
import { type FixtureCase, matrixOf, numberOf } from './fixture.js';
import type { FixtureFile } from './report.js';
import { compare, compared, compareNumber, float32, float64, metric, throws, type Verdict } from './verdict.js';
import { verlAggregation } from './verl-policy-losses.js';

export const verlValueKl: FixtureFile = {
  file: 'verl-value-kl.jsonl',
  judge: (each) => (each.source.endsWith('compute_value_loss') ? judgeValueLoss(each) : judgeKl(each)),
};

function judgeValueLoss({ options, inputs, outputs }: FixtureCase): Verdict {
  const flat = (name: string): Float32Array => Float32Array.from(matrixOf(inputs[name]).flat());
  const mask = matrixOf(inputs['response_mask']);
  const rows = paddedTokenRows(mask);
  const rowWeights = aggregationWeights(rows, verlAggregation(options, mask[0]!.length));
  const batch = { rows, values: flat('vpreds'), oldValues: flat('values'), returns: flat('returns'), rowWeights };
  const clip = numberOf(options['cliprange_value']);
  const native = valueLoss(batch, { clip });
  const reference = valueLossReference(batch, { clip });
  const gradient = matrixOf(outputs['gradient']).flat();
  return compared(
    compareNumber('loss, native', native.loss, numberOf(outputs['loss']), float32),
    compare('gradient, native', native.gradient, gradient, float32),
    compareNumber('clip fraction, native', native.clipFraction, numberOf(outputs['clipfrac']), metric),
    compareNumber('loss, reference', reference.loss, numberOf(outputs['loss']), float64),
    compare('gradient, reference', reference.gradient, gradient, float64),
    compareNumber('clip fraction, reference', reference.clipFraction, numberOf(outputs['clipfrac']), metric),
  );
}

/** verl's names of the estimators; a "+" has the gradient of k2. */
function estimateOf(name: string): KlEstimate {
  const base = name.replace('+', '');
  const gradient = name.endsWith('+') ? ({ gradient: 'k2' } as const) : {};
  if (base === 'low_var_kl' || base === 'k3') return { ...klPresets.verl, ...gradient };
  const names: Readonly<Record<string, KlEstimate['estimator']>> = {
    kl: 'k1',
    k1: 'k1',
    mse: 'k2',
    k2: 'k2',
    abs: 'abs',
  };
  return { estimator: names[base] ?? (base as KlEstimate['estimator']), ...gradient };
}

function judgeKl({ options, inputs, outputs }: FixtureCase): Verdict {
  const [logprobs, reference] = ['logprob', 'ref_logprob'].map((name) =>
    Float32Array.from(matrixOf(inputs[name]).flat()),
  );
  const estimate = estimateOf(String(options['kl_penalty']));
  const run = () => klPenalty(logprobs!, reference!, estimate);
  if (outputs['error'] !== undefined)
    return compared(throws('an unknown estimator is refused', run, 'expected estimator'));
  const [values, gradients] = [matrixOf(outputs['value']).flat(), matrixOf(outputs['gradient']).flat()];
  const native = run();
  const exact = Array.from(logprobs!, (logprob, t) => klReference(logprob - reference![t]!, estimate));
  // Each entry by itself: they span sixteen decades.
  const relative = (expected: number): number => 1e-5 * Math.abs(expected) + 1e-12;
  return compared(
    compare('values, native', native.values, values, relative),
    compare('gradients, native', native.gradients, gradients, relative),
    compare(
      'values, reference',
      exact.map(({ value }) => value),
      values,
      float64,
    ),
    compare(
      'gradients, reference',
      exact.map(({ slope }) => slope),
      gradients,
      float64,
    ),
  );
}
