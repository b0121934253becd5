import { contextConfigSchema, rewardConfigSchema, type Task } from '@parl-mt/schema';
import { expect, test } from 'vitest';
import { runRollouts } from './rollout.js';
import { ScriptedModel } from './scripted-model.testing.js';
import { scoreTrajectories } from './trajectory-reward.js';

const task: Task = {
  id: 'two-turns',
  environment: 'bfcl',
  category: 'synthetic',
  involvedClasses: ['GorillaFileSystem'],
  initialConfig: '{"GorillaFileSystem": {"root": {"home": {"type": "directory", "contents": {}}}}}',
  tools: [
    {
      name: 'mkdir',
      description: '',
      parameters: { type: 'object', properties: { dir_name: { type: 'string' } }, required: ['dir_name'] },
    },
    {
      name: 'cd',
      description: '',
      parameters: { type: 'object', properties: { folder: { type: 'string' } }, required: ['folder'] },
    },
  ],
  turns: [
    { messages: [{ role: 'user', content: 'Make a folder docs.' }], groundTruth: ["mkdir(dir_name='docs')"] },
    { messages: [{ role: 'user', content: 'Go into it.' }], groundTruth: ["cd(folder='docs')"] },
  ],
};
const context = contextConfigSchema.parse({ mode: 'awareness', maxContextTokens: 4000, maxNewTokens: 400 });
const options = { context, stepLimit: 5, temperature: 1 };
const weights = rewardConfigSchema.parse({});
const request = { task, groupId: 0, seed: 7 };

const awareness = (summary: string, plan: string) => `<summary>${summary}</summary><think>${plan}</think>`;

function solver(prompt: string): string {
  if (prompt.includes('Go into it.')) {
    return prompt.includes('cd(folder=')
      ? `${awareness('docs made; in docs', 'turn done')}Done.<|end|>`
      : `${awareness('docs made', 'next cd docs')}<tool_call>cd(folder='docs')</tool_call><|end|>`;
  }
  return prompt.includes('mkdir(dir_name=')
    ? `${awareness('docs made', 'turn done')}Done.<|end|>`
    : `${awareness('nothing yet', 'next mkdir docs')}<tool_call>mkdir(dir_name='docs')</tool_call><|end|>`;
}

async function rollOut(respond: (prompt: string) => string, requests = [request]) {
  const model = new ScriptedModel(respond);
  const trajectories = await runRollouts(model, requests, options);
  return { model, scored: scoreTrajectories(trajectories, new Map([[task.id, task]]), weights) };
}

test('a policy that solves both turns is accepted and earns 0.1 + 0.3 + 0.6 less its restating', async () => {
  const { scored } = await rollOut(solver);
  const { trajectory, repeatedCalls } = scored[0]!;
  expect(trajectory.valid).toBe(true);
  expect(trajectory.stopReason).toBe('completed');
  expect(trajectory.steps.map(({ callTexts }) => callTexts)).toEqual([
    ["mkdir(dir_name='docs')"],
    [],
    ["cd(folder='docs')"],
    [],
  ]);
  expect(repeatedCalls).toBe(0);
  const { redundancy, total, ...parts } = trajectory.reward!;
  expect(parts).toEqual({ format: 1, correctness: 1, success: 1 });
  // Plans repeat words of the plan before ("next mkdir docs" -> "turn done" shares none, and so on).
  expect(redundancy).toBe(0);
  expect(total).toBeCloseTo(1, 12);
});

test('in awareness mode a later turn sees the last awareness and not the older calls', async () => {
  const { model } = await rollOut(solver);
  const secondTurn = model.prompts[2]!;
  expect(secondTurn).toContain('<summary>docs made</summary><think>turn done</think>');
  expect(secondTurn).not.toContain('mkdir(dir_name=');
  expect(secondTurn).not.toContain('Make a folder');
});

test('a completion that does not parse ends its turn and costs format and success', async () => {
  const { scored } = await rollOut((prompt) =>
    prompt.includes('Go into it.') ? solver(prompt) : 'no awareness<|end|>',
  );
  const { trajectory } = scored[0]!;
  expect(trajectory.steps[0]!.formatError).toContain('expected <summary>');
  expect(trajectory.valid).toBe(false);
  expect(trajectory.reward!.success).toBe(0);
  expect(trajectory.reward!.format).toBeCloseTo(2 / 3, 12);
});

test('a malformed call is a format error with its place, nothing is executed', async () => {
  const { scored } = await rollOut(() => `${awareness('a', 'b')}<tool_call>cd(folder=</tool_call><|end|>`);
  expect(scored[0]!.trajectory.steps[0]!.formatError).toMatch(/call 1 at offset/);
  expect(scored[0]!.trajectory.usage.calls).toBe(0);
});

test('a policy that never answers is stopped at the step limit, its repeated calls counted', async () => {
  const { scored } = await rollOut(() => `${awareness('a', 'b')}<tool_call>cd(folder='nowhere')</tool_call><|end|>`);
  const { trajectory, repeatedCalls } = scored[0]!;
  expect(trajectory.stopReason).toBe('step_limit');
  expect(trajectory.steps).toHaveLength(6);
  expect(repeatedCalls).toBe(5);
});

test('more requests than slots: every trajectory comes back in order, equal to the one alone', async () => {
  const requests = Array.from({ length: 7 }, (_, index) => ({ ...request, groupId: index }));
  const { scored } = await rollOut(solver, requests);
  const alone = (await rollOut(solver)).scored[0]!.trajectory;
  expect(scored.map(({ trajectory }) => trajectory.groupId)).toEqual([0, 1, 2, 3, 4, 5, 6]);
  for (const { trajectory } of scored) expect(trajectory.steps).toEqual(alone.steps);
});

test('a prompt that cannot fit ends the episode with what it needed', async () => {
  const model = new ScriptedModel(solver);
  const tight = { ...options, context: { ...context, maxContextTokens: 60, maxNewTokens: 20 } };
  const [trajectory] = await runRollouts(model, [request], tight);
  expect(trajectory!.stopReason).toBe('context_overflow');
  expect(trajectory!.failure).toMatch(/the prompt needs \d+ tokens, 40 fit/);
});

test('an aborted signal cancels', async () => {
  const controller = new AbortController();
  controller.abort();
  await expect(
    runRollouts(new ScriptedModel(solver), [request], { ...options, signal: controller.signal }),
  ).rejects.toThrow('cancelled');
});
