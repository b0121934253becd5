import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startFakeEndpoint } from '@parl-mt/chat/testing';
import { tinyWorldFolder } from '@parl-mt/environments/testing';
import { afterAll, expect, test } from 'vitest';
import { testHost } from '../host.testing.js';
import { runCli } from '../run-cli.js';
import { runEvaluateTauBench } from './evaluate-tau-bench.js';

const folder = tinyWorldFolder();
afterAll(() => folder[Symbol.dispose]());

const jobs = { evaluate: async () => runEvaluateTauBench };
const benchmark = ['eval', '--benchmark', 'tau-bench', '--tau-bench', folder.path, '--out', 'run'];

test('the ground truth earns everything on both domains', async () => {
  for (const domain of ['retail', 'airline']) {
    using host = testHost(jobs);
    const args = [...benchmark, '--policy.kind', 'ground-truth', '--tau-bench.domain', domain];
    expect(await runCli(args, host), host.stderr.text).toBe(0);
    const summary = JSON.parse(readFileSync(join(host.cwd, 'run', 'summary.json'), 'utf8'));
    expect(summary).toMatchObject({ domain, averageReward: 1, passHatK: [1], tasks: domain === 'retail' ? 2 : 1 });
    expect(host.stdout.text).toContain('average reward   100.0%');
  }
});

test('an endpoint plays both sides; a second run into the folder plays only what is missing', async () => {
  await using server = await startFakeEndpoint(({ model, messages }) => {
    if (model === 'user') return messages.length > 2 ? '###STOP###' : 'What did #W1 cost?';
    return '$25.00, and you have 1,000 points.';
  });
  using host = testHost(jobs);
  const args = [
    ...benchmark,
    ...['--policy.kind', 'endpoint', '--policy.model', 'agent', '--policy.base-url', server.baseUrl],
    ...['--tau-bench.user.model', 'user', '--tau-bench.user.base-url', server.baseUrl],
    ...['--tau-bench.trials', '2', '--tau-bench.task-ids', '1'],
  ];
  expect(await runCli(args, host), host.stderr.text).toBe(0);
  const read = (name: string) => readFileSync(join(host.cwd, 'run', name), 'utf8');
  const summary = JSON.parse(read('summary.json'));
  expect(summary).toMatchObject({ tasks: 1, trials: 2, averageReward: 1, passHatK: [1, 1], agentCostUsd: null });
  expect(summary.agentTotals).toMatchObject({ requests: 2, promptTokens: 200, completionTokens: 20 });
  // Two lines of the user in each episode.
  expect(server.requests).toHaveLength(2 + 4);
  const results = JSON.parse(read('results.json'));
  expect(results[0]).toMatchObject({ task_id: 1, trial: 0, reward: 1, info: { reward_info: { reward: 1 } } });
  expect(results[0].traj.map(({ role }: { role: string }) => role)).toEqual(['system', 'user', 'assistant', 'user']);

  // As after a crash: one whole line, and a part of the next.
  const [first, second] = read('results.jsonl').split('\n') as [string, string];
  writeFileSync(join(host.cwd, 'run', 'results.jsonl'), `${first}\n`);
  appendFileSync(join(host.cwd, 'run', 'results.jsonl'), second.slice(0, 30));
  expect(await runCli(args, host), host.stderr.text).toBe(0);
  expect(server.requests).toHaveLength(6 + 3);
  expect(read('results.jsonl').trimEnd().split('\n')).toHaveLength(2);
  expect(JSON.parse(read('results.json'))).toHaveLength(2);
});

test('ids that the set does not have are told', async () => {
  using host = testHost(jobs);
  const args = [...benchmark, '--policy.kind', 'ground-truth', '--tau-bench.task-ids', '0,7'];
  expect(await runCli(args, host)).toBe(2);
  expect(host.stderr.text).toMatch(/--tau-bench\.task-ids: expected ids from 0 to 1, received 7/);
});
