import { maskedStatistics, paddedTokenRows, whiten } from '@parl-mt/native';
import { whitenReference } from '@parl-mt/native/reference';
import { klShapedRewards, nextKlCoefficient } from '@parl-mt/rl';
import { type FixtureCase, matrixOf, numberOf, vectorOf } from './fixture.js';
import type { FixtureFile } from './report.js';
import { bessel, compare, compared, compareNumber, float32, float64, type Verdict } from './verdict.js';

export const verlMaskedStatistics: FixtureFile = { file: 'verl-masked-statistics.jsonl', judge };

function judge(each: FixtureCase): Verdict {
  const kind = each.source.split('.').at(-1)!;
  if (kind === 'get_kl_controller') return judgeController(each);
  if (kind === 'compute_rewards') return judgeShapedRewards(each);
  const values = matrixOf(each.inputs['values']);
  const masks = matrixOf(each.inputs['mask']);
  const { mask } = paddedTokenRows(masks);
  const flat = Float32Array.from(values.flat());
  if (kind === 'masked_whiten') {
    const options = { shiftMean: each.options['shift_mean'] !== false };
    const expected = matrixOf(each.outputs['value']).flat();
    const isSampled = (token: number) => mask[token] === 1; // outside the mask ours is 0
    return compared(
      compare('whiten, native', whiten(flat, mask, options), expected, float32, isSampled),
      compare('whiten, reference', whitenReference(flat, mask, options), expected, bessel, isSampled),
    );
  }
  if (each.options['axis'] !== undefined) {
    const means = values.map(
      (row, i) => maskedStatistics(Float32Array.from(row), paddedTokenRows([masks[i]!]).mask).mean,
    );
    return compared(compare('means of rows', means, vectorOf(each.outputs['value']), float64));
  }
  const statistics = maskedStatistics(flat, mask);
  const expected = numberOf(each.outputs['value']);
  switch (kind) {
    case 'masked_sum':
      return compared(compareNumber('sum', statistics.sum, expected, float64));
    case 'masked_mean':
      return compared(compareNumber('mean', statistics.mean, expected, float64));
    case 'masked_var': {
      const isSample = each.options['unbiased'] !== false;
      const variance = isSample ? statistics.sampleVariance : statistics.populationVariance;
      return compared(compareNumber('variance', variance, expected, isSample ? bessel : float64));
    }
    default:
      throw new TypeError(`expected a known statistic, received ${kind}`);
  }
}

function judgeController({ options, inputs, outputs }: FixtureCase): Verdict {
  const kind = options['type'] as 'fixed' | 'adaptive';
  const [target, horizon] = [numberOf(options['target_kl'] ?? 0), numberOf(options['horizon'] ?? 0)];
  const kls = vectorOf(inputs['current_kl']);
  const steps = Array.isArray(inputs['n_steps'])
    ? vectorOf(inputs['n_steps'])
    : kls.map(() => numberOf(inputs['n_steps']));
  let coefficient = numberOf(options['kl_coef']);
  const ours = kls.map((kl, i) => {
    if (kind === 'adaptive') coefficient = nextKlCoefficient(coefficient, kl, { target, horizon, steps: steps[i]! });
    return coefficient;
  });
  const expected = Array.isArray(outputs['coefficient'])
    ? vectorOf(outputs['coefficient'])
    : [numberOf(outputs['coefficient'])];
  return compared(compare('coefficients', ours.slice(-expected.length), expected, float64));
}

function judgeShapedRewards({ options, inputs, outputs }: FixtureCase): Verdict {
  const flat = (name: string) => Float64Array.from(matrixOf(inputs[name]).flat());
  const ours = klShapedRewards(
    flat('token_level_scores'),
    flat('old_log_prob'),
    flat('ref_log_prob'),
    options['kl_ratio'] as number,
  );
  return compared(compare('rewards', ours, matrixOf(outputs['rewards']).flat(), float64));
}
