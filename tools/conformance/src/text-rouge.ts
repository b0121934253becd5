import { lcsLengths, rougeL, rougeN, tokenBatch } from '@parl-mt/native';
import { lcsLengthReference } from '@parl-mt/native/reference';
import { type FixtureCase, vectorOf } from './fixture.js';
import type { FixtureFile } from './report.js';
import { compare, compared, exact, float64, type Verdict } from './verdict.js';

export const textRouge: FixtureFile = { file: 'text-rouge.jsonl', judge };

function judge({ inputs, outputs }: FixtureCase): Verdict {
  const [target, prediction] = [vectorOf(inputs['target']), vectorOf(inputs['prediction'])];
  const [candidates, references] = [tokenBatch([prediction]), tokenBatch([target])];
  const scores = {
    rouge1: rougeN(candidates, references, { n: 1 }),
    rouge2: rougeN(candidates, references, { n: 2 }),
    rougeL: rougeL(candidates, references),
  };
  const lcs = [outputs['lcs'] as number];
  return compared(
    compare('LCS, native', lcsLengths(candidates, references), lcs, exact),
    compare('LCS, reference', [lcsLengthReference(prediction, target)], lcs, exact),
    ...Object.entries(scores).map(([name, { precision, recall, f }]) =>
      compare(name, [precision[0]!, recall[0]!, f[0]!], vectorOf(outputs[name]), float64),
    ),
  );
}
