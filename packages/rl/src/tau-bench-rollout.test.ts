import { createEnvironment, loadTauBenchTasks, ScriptedUser, type TauUser } from '@parl-mt/environments';
import { tinyWorldFolder } from '@parl-mt/environments/testing';
import { contextConfigSchema, rewardConfigSchema, trajectorySchema } from '@parl-mt/schema';
import { afterAll, expect, test } from 'vitest';
import { type RolloutOptions, runRollouts } from './rollout.js';
import { ScriptedModel } from './scripted-model.testing.js';
import { scoreTrajectories } from './trajectory-reward.js';

const folder = tinyWorldFolder();
afterAll(() => folder[Symbol.dispose]());
const [cancelTask, priceTask] = loadTauBenchTasks(folder.path, 'retail', 'test') as [never, never];
const weights = rewardConfigSchema.parse({});

async function rollOut(
  respond: (prompt: string) => string,
  task: typeof cancelTask,
  more: Partial<RolloutOptions> = {},
) {
  const model = new ScriptedModel(respond);
  const options: RolloutOptions = {
    context: contextConfigSchema.parse({ mode: 'history', maxContextTokens: 9000, maxNewTokens: 200 }),
    stepLimit: 5,
    temperature: 1,
    createEnvironment: (kind) => createEnvironment(kind, { tauBenchDirectory: folder.path }),
    createTauUser: () => new ScriptedUser(['Yes.']),
    ...more,
  };
  const trajectories = await runRollouts(model, [{ task, groupId: 0, seed: 1 }], options);
  const tasks = new Map([[(task as { id: string }).id, task]]);
  return { model, scored: scoreTrajectories(trajectories, tasks, weights)[0]! };
}

const call = (text: string) => `<tool_call>${text}</tool_call><|end|>`;

/** Asks, cancels when told to, and says that it is done. */
function canceller(prompt: string): string {
  if (!prompt.includes('Yes.')) return 'Shall I cancel #W2?<|end|>';
  if (!prompt.includes('cancel_reason')) return call("cancel_pending_order(order_id='#W2', reason='no longer needed')");
  return 'Cancelled.<|end|>';
}

test('a policy that does what the user wants earns the reward of tau-bench', async () => {
  const { model, scored } = await rollOut(canceller, cancelTask);
  const { trajectory, turnRewards } = scored;
  expect(trajectory).toMatchObject({ stopReason: 'completed', valid: true, verdict: { valid: true, reward: 1 } });
  expect(trajectory.userMessages).toEqual(['You are Ada. Cancel the order #W2; you no longer need it.', 'Yes.']);
  // The one call made is one of the two of the ground truth: F = S = 1, C = 2 * 1 / (1 + 2).
  expect(trajectory.reward).toMatchObject({ format: 1, success: 1 });
  expect(trajectory.reward!.correctness).toBeCloseTo(2 / 3, 12);
  expect(trajectory.steps.map(({ turn }) => turn)).toEqual([0, 1, 1]);
  expect(turnRewards).toHaveLength(2);
  expect(turnRewards.reduce((sum, reward) => sum + reward, 0)).toBeCloseTo(trajectory.reward!.total, 12);
  // The policy of the domain is the system message, and the functions follow it.
  expect(model.prompts[0]).toMatch(/^<\|system\|># Policy of retail\n[\s\S]*cancel_pending_order/);
  expect(trajectorySchema.parse(JSON.parse(JSON.stringify(trajectory)))).toMatchObject({ taskId: trajectory.taskId });
});

test('a policy that does nothing, or the wrong thing, earns none of it', async () => {
  const { scored: idle } = await rollOut(() => 'I cannot do that.<|end|>', cancelTask);
  expect(idle.trajectory).toMatchObject({
    stopReason: 'completed',
    valid: false,
    reward: { success: 0, correctness: 0 },
  });
  expect(idle.trajectory.failure).toBe('tau-bench:reward');
  const wrong = (prompt: string) => canceller(prompt).replace('no longer needed', 'ordered by mistake');
  const { scored } = await rollOut(wrong, cancelTask);
  expect(scored.trajectory).toMatchObject({ valid: false, reward: { success: 0 } });
});

test('what has to be said is looked for in what the policy says', async () => {
  const { scored } = await rollOut(() => 'It cost $25.00 of 1,000.<|end|>', priceTask);
  expect(scored.trajectory).toMatchObject({ valid: true, reward: { success: 1, correctness: 1 } });
  const { scored: half } = await rollOut(() => 'It cost $25.00.<|end|>', priceTask);
  expect(half.trajectory).toMatchObject({ valid: false, verdict: { details: { r_outputs: 0 } } });
});

test('a transfer ends the episode at once, and the limit of steps ends it without reward', async () => {
  const { scored } = await rollOut(() => call("transfer_to_human_agents(summary='x')"), cancelTask);
  expect(scored.trajectory.steps).toHaveLength(1);
  expect(scored.trajectory).toMatchObject({ stopReason: 'completed', valid: false });
  const looping = await rollOut(() => call("think(thought='hm')"), cancelTask, { maxSteps: 3 });
  expect(looping.scored.trajectory.steps).toHaveLength(3);
  expect(looping.scored.trajectory).toMatchObject({ stopReason: 'step_limit', valid: false, verdict: { reward: 0 } });
});

test('a user that fails is the environment’s fault, at the start and later', async () => {
  const failing = (at: 'reset' | 'step'): TauUser => ({
    reset: () => (at === 'reset' ? Promise.reject(new Error('no model')) : Promise.resolve('Hello.')),
    step: () => Promise.reject(new Error('no model')),
  });
  for (const at of ['reset', 'step'] as const) {
    const { scored } = await rollOut(canceller, cancelTask, { createTauUser: () => failing(at) });
    expect(scored.trajectory.stopReason).toBe('environment_error');
    expect(scored.trajectory.failure).toContain('no model');
  }
});

test('calls that fail in transit are counted by neither side', async () => {
  const { scored } = await rollOut(canceller, cancelTask, { faultRate: 1 });
  expect(scored.trajectory.steps.flatMap(({ results }) => results.map(({ cause }) => cause))).toContain('unavailable');
  expect(scored.trajectory).toMatchObject({ valid: false, reward: { correctness: 0 } });
});
