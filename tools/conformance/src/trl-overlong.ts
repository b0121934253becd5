import { overlongPenalty } from '@parl-mt/rl';
import { type FixtureCase, numberOf, vectorOf } from './fixture.js';
import type { FixtureFile } from './report.js';
import { compare, compared, float64, type Verdict } from './verdict.js';

export const trlOverlong: FixtureFile = { file: 'trl-overlong.jsonl', judge };

function judge({ options, inputs, outputs }: FixtureCase): Verdict {
  const limits = { maxTokens: numberOf(options['max_completion_len']), margin: numberOf(options['soft_punish_cache']) };
  const ours = vectorOf(inputs['completion_lengths']).map((tokens) => overlongPenalty(tokens, limits));
  return compared(compare('penalties', ours, vectorOf(outputs['rewards']), float64));
}
