import type { Environment } from '@parl-mt/environments';
import {
  contextConfigSchema,
  environmentLimitsSchema,
  rewardConfigSchema,
  type Task,
  trajectorySchema,
} from '@parl-mt/schema';
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

/** A world of one function that fails in the way its argument names. */
const world = (answer: Environment['call'], rest: Partial<Environment> = {}): Environment => ({
  supportsSnapshots: false,
  tools: () => task.tools,
  reset: () => {},
  call: answer,
  snapshot: () => ({}),
  restore: () => {},
  digest: () => 'never asked',
  close: () => {},
  ...rest,
});

test('a tool that throws, hangs, floods or answers garbage is a result with its cause, and the episode goes on', async () => {
  const hostile = world(({ arguments: args }) => {
    if (args.includes('throw')) throw new Error('boom');
    if (args.includes('hang')) return new Promise(() => {});
    if (args.includes('flood')) return { content: 'x'.repeat(10_000), isError: false };
    if (args.includes('garbage')) return 42 as never;
    return { content: 'ok', isError: false };
  });
  const ways = ['throw', 'hang', 'flood', 'garbage', 'work'];
  const model = new ScriptedModel((prompt) => {
    const next = ways.find((way) => !prompt.includes(`cd(folder='${way}')`));
    return next === undefined
      ? `${awareness('a', 'b')}Done.<|end|>`
      : `${awareness('a', 'b')}<tool_call>cd(folder='${next}')</tool_call><|end|>`;
  });
  const context = contextConfigSchema.parse({ mode: 'history+awareness', maxContextTokens: 40_000, maxNewTokens: 400 });
  const [trajectory] = await runRollouts(model, [{ ...request, task: { ...task, turns: [task.turns[0]!] } }], {
    ...options,
    context,
    stepLimit: 10,
    limits: environmentLimitsSchema.parse({ callTimeoutMs: 20, maxResultBytes: 1000 }),
    createEnvironment: () => hostile,
  });
  const results = trajectory!.steps.flatMap(({ results }) => results);
  expect(results.map(({ fault, cause }) => [fault, cause])).toEqual([
    ['environment', 'exception'],
    ['environment', 'call_deadline'],
    ['environment', 'output_limit'],
    ['environment', 'invalid_result'],
    [undefined, undefined],
  ]);
  expect(trajectory!.stopReason).toBe('completed');
  const parsed = trajectorySchema.parse(JSON.parse(JSON.stringify(trajectory)));
  expect(parsed.steps.flatMap(({ results }) => results)).toEqual(results);
});

test('a call that its environment failed may be tried again: that is no repetition', async () => {
  let calls = 0;
  const flaky = world(() => {
    calls += 1;
    if (calls === 1) throw new Error('the tool server is gone');
    return { content: 'ok', isError: false };
  });
  const respond = () => `${awareness('a', 'b')}<tool_call>cd(folder='docs')</tool_call><|end|>`;
  const limited = { ...options, stepLimit: 2, createEnvironment: () => flaky };
  const trajectories = await runRollouts(new ScriptedModel(respond), [request], limited);
  // Three calls, the first of them failed by the world: with no digest, none is known to repeat another.
  expect(trajectories[0]!.usage.calls).toBe(3);
  expect(scoreTrajectories(trajectories, new Map([[task.id, task]]), weights)[0]!.repeatedCalls).toBe(0);
  const refusing = world(() => ({ content: 'no such folder', isError: true }));
  const refused = await runRollouts(new ScriptedModel(respond), [request], {
    ...limited,
    createEnvironment: () => refusing,
  });
  // A refusal again and again is the policy's fault: two of three repeat.
  expect(scoreTrajectories(refused, new Map([[task.id, task]]), weights)[0]!.repeatedCalls).toBe(2);
});

test('a world that does not start ends its own episode only, and every world is closed', async () => {
  const closed = new Set<number>();
  let made = 0;
  const make = () => {
    made += 1;
    const number = made;
    const isBroken = number === 2;
    return world(() => ({ content: 'ok', isError: false }), {
      reset: () => (isBroken ? Promise.reject(new Error('no server')) : undefined),
      close: () => void closed.add(number),
    });
  };
  const requests = [0, 1, 2].map((groupId) => ({ ...request, groupId }));
  const trajectories = await runRollouts(new ScriptedModel(solver), requests, { ...options, createEnvironment: make });
  expect(trajectories.map(({ stopReason }) => stopReason)).toEqual(['completed', 'environment_error', 'completed']);
  expect(trajectories[1]!.failure).toBe('the environment did not start: no server');
  expect([...closed].sort()).toEqual([1, 2, 3]);
});

test('an episode whose tools have used up its time ends with that reason', async () => {
  const slow = world(() => new Promise((resolve) => setTimeout(resolve, 30, { content: 'ok', isError: false })));
  const [trajectory] = await runRollouts(new ScriptedModel(solver), [request], {
    ...options,
    limits: environmentLimitsSchema.parse({ episodeTimeoutMs: 10 }),
    createEnvironment: () => slow,
  });
  expect(trajectory!.stopReason).toBe('environment_error');
  expect(trajectory!.failure).toContain('the calls of this episode have taken 10 ms');
});

test('an aborted signal cancels', async () => {
  const controller = new AbortController();
  controller.abort();
  await expect(
    runRollouts(new ScriptedModel(solver), [request], { ...options, signal: controller.signal }),
  ).rejects.toThrow('cancelled');
});

test('rewards by turn sum to the total, and a failed turn earns no success', async () => {
  const stuck = (prompt: string) => (prompt.includes('Go into it.') ? 'Done.<|end|>' : solver(prompt));
  for (const respond of [solver, stuck]) {
    const { scored } = await rollOut(respond);
    const { trajectory, turnRewards } = scored[0]!;
    expect(turnRewards).toHaveLength(2);
    expect(turnRewards[0]! + turnRewards[1]!).toBeCloseTo(trajectory.reward!.total, 12);
  }
  const [good, bad] = [(await rollOut(solver)).scored[0]!, (await rollOut(stuck)).scored[0]!];
  // Of turn 2: success 0.6 / 2 and correctness 0.3 / 2 are lost, the rest of the parts is small.
  expect(good.turnRewards[1]! - bad.turnRewards[1]!).toBeGreaterThan(0.4);
});

test('a call that failed in transit is neither checked nor held against the policy that makes it again', async () => {
  const retrying = (prompt: string): string => {
    const turn = prompt.slice(prompt.lastIndexOf('<|user|>'));
    const isDone = turn.includes('<|tool|>') && !turn.slice(turn.lastIndexOf('<|tool|>')).includes('unavailable');
    return isDone ? `${awareness('x', 'done')}Done.<|end|>` : solver(turn.slice(0, turn.indexOf('<|end|>')));
  };
  const tasks = Array.from({ length: 12 }, (_, index) => ({ ...task, id: `transit ${index}` }));
  const trajectories = await runRollouts(
    new ScriptedModel(retrying),
    tasks.map((one, groupId) => ({ task: one, groupId, seed: 1 })),
    { ...options, stepLimit: 20, faultRate: 0.4 },
  );
  const failed = trajectories
    .flatMap(({ steps }) => steps.flatMap(({ results }) => results))
    .filter(({ cause }) => cause === 'unavailable');
  expect(failed.length).toBeGreaterThan(0);
  for (const { trajectory, repeatedCalls } of scoreTrajectories(
    trajectories,
    new Map(tasks.map((one) => [one.id, one])),
    weights,
  )) {
    expect(trajectory.valid).toBe(true);
    expect(trajectory.reward!.correctness).toBe(1);
    expect(repeatedCalls).toBe(0);
  }
});
