import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startFakeEndpoint } from '@parl-mt/chat/testing';
import { playTinyAgent, playTinyUser, tinyWorldFolder } from '@parl-mt/environments/testing';
import { Decoder, Tokenizer, trainBpe } from '@parl-mt/policy';
import { Policy } from '@parl-mt/rl';
import { decoderConfigSchema } from '@parl-mt/schema';
import { selectBackend } from '@parl-mt/tfjs-backend';
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

const LAZY_ACTION = `Action:\n${JSON.stringify({ name: 'respond', arguments: { content: 'Cancelled.' } })}`;
const agents = ['tool-calling', 'act', 'react'];
const users = ['llm', 'react', 'verify', 'reflection', 'scripted'];
test.each(agents.flatMap((agent) => users.map((user) => [agent, user] as const)))(
  'agent %s and user %s over HTTP: pass^k of four trials is printed',
  async (agent, user) => {
    // The agent solves its first and its third episode, and forgets to cancel in the others.
    let episodes = 0;
    await using server = await startFakeEndpoint((request) => {
      if (request.model === 'user') return playTinyUser(request);
      const isFirst = !request.messages.some(({ role }) => role === 'assistant');
      if (isFirst) episodes += 1;
      const isLazy = episodes % 2 === 0 && !isFirst;
      return isLazy ? (agent === 'tool-calling' ? 'Cancelled.' : LAZY_ACTION) : playTinyAgent(request);
    });
    using host = testHost(jobs);
    const args = [
      ...benchmark,
      ...['--policy.kind', 'endpoint', '--policy.model', 'agent', '--policy.base-url', server.baseUrl],
      ...['--tau-bench.user.model', 'user', '--tau-bench.user.base-url', server.baseUrl],
      ...['--tau-bench.agent.strategy', agent, '--tau-bench.user.strategy', user, '--tau-bench.user.lines', 'Yes.'],
      ...['--tau-bench.trials', '4', '--tau-bench.task-ids', '0', '--tau-bench.concurrency', '1'],
    ];
    expect(await runCli(args, host), host.stderr.text).toBe(0);
    const summary = JSON.parse(readFileSync(join(host.cwd, 'run', 'summary.json'), 'utf8'));
    // Two of four: C(2, 1) / C(4, 1), C(2, 2) / C(4, 2), and no three of them.
    expect(summary).toMatchObject({ policy: `agent (${agent})`, userStrategy: user, averageReward: 0.5, crashes: 0 });
    expect(summary.passHatK).toEqual([0.5, expect.closeTo(1 / 6, 12), 0, 0]);
    const printed = [...host.stdout.text.matchAll(/pass\^(\d) +([\d.]+)%/g)].map(([, k, percent]) => [k, percent]);
    expect(printed).toEqual([
      ['1', '50.0'],
      ['2', '16.7'],
      ['3', '0.0'],
      ['4', '0.0'],
    ]);
  },
);

test('a checkpoint plays against the scripted user, and its trials are judged by the reward of tau-bench', async () => {
  using host = testHost(jobs);
  const tokenizerJson = trainBpe(['What did the order cost? think thought transfer'], { vocabSize: 400 });
  const vocabSize = new Tokenizer(tokenizerJson).vocabSize;
  await selectBackend('parl');
  const architecture = decoderConfigSchema.parse({
    vocabSize,
    hiddenSize: 16,
    numLayers: 1,
    numHeads: 2,
    numKvHeads: 2,
    intermediateSize: 16,
  });
  const checkpoint = join(host.cwd, 'policy');
  await Policy.own(Decoder.create(architecture, 1), tokenizerJson).save(checkpoint);
  const args = [
    ...benchmark,
    ...['--policy.kind', 'checkpoint', '--policy.path', checkpoint, '--evaluation.sampling.temperature', '1'],
    ...['--evaluation.context.mode', 'history', '--evaluation.context.max-context-tokens', '4096'],
    ...['--evaluation.context.max-new-tokens', '8', '--tau-bench.agent.max-steps', '3'],
    ...['--tau-bench.user.strategy', 'scripted', '--tau-bench.user.lines', 'Yes.', '--tau-bench.trials', '2'],
  ];
  expect(await runCli(args, host), host.stderr.text).toBe(0);
  const read = (name: string) => readFileSync(join(host.cwd, 'run', name), 'utf8');
  const summary = JSON.parse(read('summary.json'));
  // Weights drawn at random say nothing that helps: two tasks that want an action or a text earn nothing.
  expect(summary).toMatchObject({ policy: 'policy', userStrategy: 'scripted', tasks: 2, trials: 2, passHatK: [0, 0] });
  const results = JSON.parse(read('results.json'));
  expect(results.map(({ task_id, trial }: { task_id: number; trial: number }) => [task_id, trial])).toEqual([
    [0, 0],
    [1, 0],
    [0, 1],
    [1, 1],
  ]);
  expect(results[0].traj[0]).toMatchObject({ role: 'user', content: expect.stringContaining('You are Ada') });
  expect(results[0].usage.agent_calls).toBeGreaterThan(0);
  const trajectories = read('trajectories.jsonl').trimEnd().split('\n');
  expect(trajectories).toHaveLength(4);
  expect(JSON.parse(trajectories[0]!)).toMatchObject({ valid: false, verdict: { reward: 0 }, reward: { success: 0 } });
  // A second run into the folder plays nothing again.
  const before = read('results.jsonl');
  expect(await runCli(args, host), host.stderr.text).toBe(0);
  expect(read('results.jsonl')).toBe(before);
});

test('ids that the set does not have are told', async () => {
  using host = testHost(jobs);
  const args = [...benchmark, '--policy.kind', 'ground-truth', '--tau-bench.task-ids', '0,7'];
  expect(await runCli(args, host)).toBe(2);
  expect(host.stderr.text).toMatch(/--tau-bench\.task-ids: expected ids from 0 to 1, received 7/);
});
