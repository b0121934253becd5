import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseCallText } from '@parl-mt/environments';
import type { Task } from '@parl-mt/schema';
import { expect, test } from 'vitest';
import { connect, type TestClient, testServer } from './server.testing.js';

const shared = process.env.PARL_MT_SHARED ?? resolve(import.meta.dirname, '../../../../shared');
const bfcl = join(shared, 'bfcl/data');
const tau = join(shared, 'tau-bench');
/** Every so manieth task: the whole benchmark is what `npm run conformance` plays. */
const STRIDE = 8;
const TIMEOUT_MS = 120_000;

/** The last answer of an episode of BFCL's ground truth. */
async function playBfcl(client: TestClient, task: Task) {
  const tools = [...task.tools, ...(task.heldOutTools ?? [])];
  let answer = await client.reset({ task_id: task.id });
  for (const { groundTruth } of task.turns) {
    for (const text of groundTruth) {
      const { name, arguments: args } = parseCallText(text, tools)!;
      await client.call(name, args);
    }
    answer = await client.respond();
  }
  return answer;
}

/** The same of tau-bench's, where everything that has to be said is said at the end. */
async function playTau(client: TestClient, task: Task) {
  const { actions, outputs } = JSON.parse(task.initialConfig) as {
    actions: { name: string; kwargs: object }[];
    outputs: string[];
  };
  let answer = await client.reset({ task_id: task.id });
  for (const { name, kwargs } of actions.filter((action) => action.name !== 'respond')) {
    answer = await client.call(name, kwargs);
    if (answer.data.done) return answer;
  }
  return await client.respond(`Done. ${outputs.join(' ')}`);
}

test.skipIf(!existsSync(bfcl))(
  `the ground truth of BFCL is paid 1 over a socket (skipped without ${bfcl})`,
  async () => {
    await using server = await testServer({ benchmark: 'bfcl', bfclPath: bfcl, categories: ['base', 'miss_param'] });
    const client = await connect(server);
    for (const { name, tasks } of server.catalog.splits) {
      for (const task of tasks.filter((_, index) => index % STRIDE === 0)) {
        expect([name, task.id, (await playBfcl(client, task)).data.reward]).toEqual([name, task.id, 1]);
      }
    }
  },
  TIMEOUT_MS,
);

test.skipIf(!existsSync(tau))(
  `the actions of tau-bench are paid 1 over a socket (skipped without ${tau})`,
  async () => {
    const tauBench = { domain: 'airline', user: { strategy: 'scripted' } };
    await using server = await testServer({ benchmark: 'tau-bench', tauBenchPath: tau, tauBench });
    const client = await connect(server);
    for (const task of server.catalog.splits[0]!.tasks.filter((_, index) => index % STRIDE === 0)) {
      expect([task.id, (await playTau(client, task)).data.reward]).toEqual([task.id, 1]);
    }
  },
  TIMEOUT_MS,
);
