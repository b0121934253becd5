import { startFakeEndpoint } from '@parl-mt/chat/testing';
import { tinyWorldFolder } from '@parl-mt/environments/testing';
import { afterAll, expect, test } from 'vitest';
import { connect, testServer } from './server.testing.js';

const folder = tinyWorldFolder();
afterAll(() => folder[Symbol.dispose]());
const tauBench = (user: object) => ({ benchmark: 'tau-bench', tauBenchPath: folder.path, tauBench: { user } });
const CANCEL = { order_id: '#W2', reason: 'no longer needed' };

test('a scripted user is talked to until it stops, and the database decides', async () => {
  await using server = await testServer(tauBench({ strategy: 'scripted', lines: ['Yes, please.'] }));
  const client = await connect(server);
  const begun = (await client.reset()).data.observation;
  expect(begun.turns).toBeNull();
  expect(begun.messages).toHaveLength(1);
  expect(begun.instructions.length).toBeGreaterThan(0);
  const asked = await client.respond('Shall I cancel #W2?');
  expect(asked.data.observation.result.messages).toEqual([{ role: 'user', content: 'Yes, please.' }]);
  expect((await client.call('cancel_pending_order', CANCEL)).data.observation.error).toBeNull();
  expect((await client.respond('Cancelled.')).data).toMatchObject({
    reward: 1,
    done: true,
    metadata: { verdict: { r_actions: 1 } },
  });
});

test('the task list does not tell what only the user knows', async () => {
  await using server = await testServer(tauBench({ strategy: 'scripted' }));
  const payload = { split: 'test' };
  const { tasks } = (await server.app.inject({ method: 'POST', url: '/parl-mt-tau-bench/tasks', payload })).json();
  expect(tasks[0]).toEqual({ task_id: expect.any(String), category: 'retail_test', turns: null, messages: [] });
});

test('a user played by a model speaks; where the model fails, the episode ends without a reward', async () => {
  let isDown = false;
  await using endpoint = await startFakeEndpoint(() => (isDown ? 400 : 'I want to cancel #W2.'));
  const user = { strategy: 'llm', model: 'user', baseUrl: endpoint.baseUrl, maxRetries: 0 };
  await using server = await testServer(tauBench(user));
  const client = await connect(server);
  const begun = (await client.reset()).data.observation;
  expect(begun.messages).toEqual([{ role: 'user', content: 'I want to cancel #W2.' }]);
  isDown = true;
  const over = await client.respond('Which order?');
  expect(over.data).toMatchObject({ reward: null, done: true });
  expect(over.data.metadata.verdict.environment_error).toEqual(expect.any(String));
  expect((await client.reset()).data).toMatchObject({
    code: 'EXECUTION_ERROR',
    message: expect.stringContaining('the simulated user failed'),
  });
});
