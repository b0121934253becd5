import { gammaWeights, highEntropyMask, offPolicyMask } from '@parl-mt/native';
import { gammaWeightsReference, highEntropyMaskReference, offPolicyMaskReference } from '@parl-mt/native/reference';
import { type FixtureCase, matrixOf, numberOf } from './fixture.js';
import { type RecordedBatch, recordedBatch } from './policy-batch.js';
import type { FixtureFile } from './report.js';
import { hasMaskedCorrection, MASKED_CORRECTION, withMaskedCorrection } from './trl-grpo-losses.js';
import { compare, compared, exact, fault, float32, float64, type Verdict } from './verdict.js';

export const trlGrpoParts: FixtureFile = {
  file: 'trl-grpo-parts.jsonl',
  judge: (each, fixtures) => judge(each, recordedBatch(fixtures, each.inputs['batch'])),
};

function judge(each: FixtureCase, recorded: RecordedBatch): Verdict {
  const batch = withAdvantagesOf(each, recorded);
  const { rows, logprobs, samplingLogprobs, advantages, entropies } = batch;
  const isSampled = (t: number): boolean => rows.mask[t] === 1;
  switch (each.source.split('.').at(-1)) {
    case 'get_gamma_weights':
      return judgeGamma(each, batch);
    case 'get_off_policy_mask': {
      const threshold = numberOf(each.options['off_policy_threshold']);
      const expected = spread(matrixOf(each.outputs['keep']), batch);
      const native = offPolicyMask(logprobs, samplingLogprobs, advantages, rows, { threshold });
      const reference = offPolicyMaskReference(logprobs, samplingLogprobs, advantages, rows, threshold);
      return compared(
        compare('kept tokens, native', native, expected, exact, isSampled),
        compare('kept tokens, reference', reference, expected, exact, isSampled),
      );
    }
    case 'get_high_entropy_mask': {
      const quantile = numberOf(each.options['threshold']);
      const expected = matrixOf(each.outputs['mask']).flat();
      return compared(
        compare('kept tokens, native', highEntropyMask(entropies, rows, { quantile }), expected, exact),
        compare('kept tokens, reference', highEntropyMaskReference(entropies, rows.mask, quantile), expected, exact),
      );
    }
    default:
      throw new TypeError(`expected a known function, received ${each.source}`);
  }
}

/** These functions were given one advantage a row, its first, wherever they answer with one number a row. */
function withAdvantagesOf({ outputs }: FixtureCase, batch: RecordedBatch): RecordedBatch {
  const answer = matrixOf(outputs['phi'] ?? outputs['keep'] ?? [[]]);
  if (answer[0]?.length !== 1) return batch;
  const { advantages, columns } = batch;
  return { ...batch, advantages: advantages.map((_, t) => advantages[t - (t % columns)]!) };
}

function judgeGamma({ options, outputs }: FixtureCase, batch: RecordedBatch): Verdict {
  const isCorrected = options['importance_sampling_ratio'] != null;
  const isMasked = isCorrected && hasMaskedCorrection(batch);
  const { rows, logprobs, oldLogprobs, advantages, rolloutWeights } = isMasked ? withMaskedCorrection(batch) : batch;
  const chosen = {
    kPositive: numberOf(options['k_pos']),
    lambdaPositive: numberOf(options['lambda_pos']),
    kNegative: numberOf(options['k_neg']),
    lambdaNegative: numberOf(options['lambda_neg']),
    ...(isCorrected ? { rolloutWeights } : {}),
  };
  const expected = spread(matrixOf(outputs['phi']), batch);
  const isSampled = (t: number): boolean => rows.mask[t] === 1;
  const comparisons = [
    compare('phi, native', gammaWeights(logprobs, oldLogprobs, advantages, rows, chosen), expected, float32, isSampled),
    compare(
      'phi, reference',
      gammaWeightsReference(logprobs, oldLogprobs, advantages, rows, chosen),
      expected,
      // A product of corrections is a float32 here.
      isMasked ? float32 : float64,
      isSampled,
    ),
  ];
  return isMasked ? fault(MASKED_CORRECTION, ...comparisons) : compared(...comparisons);
}

/** One value a row, or one a token, to one a token. */
function spread(values: readonly (readonly number[])[], { columns }: RecordedBatch): number[] {
  return values.flatMap((row) => (row.length === 1 ? Array<number>(columns).fill(row[0]!) : [...row]));
}
