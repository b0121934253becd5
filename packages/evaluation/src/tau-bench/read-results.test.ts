import { UsageError } from '@parl-mt/schema';
import { expect, test } from 'vitest';
import { readResults } from './read-results.js';

const line = (more: object = {}) =>
  JSON.stringify({
    task_id: 0,
    trial: 0,
    reward: 1,
    info: {},
    traj: [{ role: 'user', content: 'hi' }],
    is_done: true,
    usage: { agent_calls: 1, user_calls: 1, agent_cost_usd: null, user_cost_usd: null, seconds: 0.1 },
    ...more,
  });

test('a line that a crash cut off is left out, and an episode without a model’s answer is played again', () => {
  const failure = line({ task_id: 1, info: { error: { kind: 'model', name: 'ROLLOUT_MODEL', message: 'm' } } });
  const crash = line({ task_id: 2, info: { error: { kind: 'crash', name: 'KeyError', message: 'm' } } });
  const results = readResults(`${line()}\n${failure}\n${crash}\n${line({ task_id: 3 }).slice(0, 40)}`, 'r');
  expect(results.map(({ task_id }) => task_id)).toEqual([0, 2]);
  expect(readResults('', 'r')).toEqual([]);
});

test('other files are refused, with the line', () => {
  expect(() => readResults(`${line()}\n{"a": 1}\n`, 'results.jsonl')).toThrow(/^results\.jsonl:2: expected a result/);
  expect(() => readResults('hello\n', 'r')).toThrow(UsageError);
});
