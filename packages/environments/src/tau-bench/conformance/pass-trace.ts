import { passMetrics } from '../pass-k.js';
import type { TraceCheck } from './suite.js';

/** Sums of a few hundred terms at most: their rounding stays far below this. */
const TOLERANCE = 1e-12;

/** Metrics of made-up results. */
export const passDifferences: TraceCheck = (record) => {
  const results = record.records('results').map((result) => ({
    taskId: result.number('task_id'),
    trial: result.number('trial'),
    reward: result.number('reward'),
  }));
  const { averageReward, passHatK } = passMetrics(results);
  const expected = new Map(
    record
      .record('pass_hat_k')
      .entries()
      .map(([k, value]) => [Number(k), Number(value)]),
  );
  const problems = [
    ...apart('average_reward', record.number('average_reward'), averageReward),
    ...passHatK.flatMap((value, index) => apart(`pass^${index + 1}`, expected.get(index + 1) ?? Number.NaN, value)),
  ];
  if (expected.size !== passHatK.length) problems.push(`expected ${expected.size} values of k, got ${passHatK.length}`);
  return problems;
};

function apart(what: string, expected: number, received: number): string[] {
  return Math.abs(expected - received) <= TOLERANCE ? [] : [`${what}: expected ${expected}, received ${received}`];
}
