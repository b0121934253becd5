import { paddedTokenRows, reinforcePlusPlus } from '@parl-mt/native';
import { type FixtureCase, matrixOf } from './fixture.js';
import type { FixtureFile } from './report.js';
import { compare, compared, fault, float32, type Verdict } from './verdict.js';

/** REINFORCE++ of verl 0.8.0, which loses credit across observations, beside 0.9.1 on the same inputs. */
export const verlOldFaults: FixtureFile = { file: 'verl-old-faults.jsonl', judge };

function judge(each: FixtureCase): Verdict {
  const rows = paddedTokenRows(matrixOf(each.inputs['response_mask']));
  const rewards = Float32Array.from(matrixOf(each.inputs['token_level_rewards']).flat());
  const ours = reinforcePlusPlus(rewards, rows, { gamma: each.options['gamma'] as number });
  const isSampled = (token: number) => rows.mask[token] === 1;
  const against = (what: string, prefix: string) => [
    compare(`returns of ${what}`, ours.returns, matrixOf(each.outputs[`${prefix}returns`]).flat(), float32, isSampled),
    compare(
      `advantages of ${what}`,
      ours.advantages,
      matrixOf(each.outputs[`${prefix}advantages`]).flat(),
      float32,
      isSampled,
    ),
  ];
  if (!each.fault) return compared(...against('verl 0.8.0', ''), ...against('verl 0.9.1', 'fixed_'));
  return fault('credit crosses observations, as in verl 0.9.1', ...against('verl 0.9.1', 'fixed_'));
}
