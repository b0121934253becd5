import { OpenAiChatModel } from '@parl-mt/chat/openai';
import { startFakeEndpoint } from '@parl-mt/chat/testing';
import { type ChatFunction, loadTauWorld } from '@parl-mt/environments';
import { playTinyAgent, playTinyUser, tinyWorldFolder } from '@parl-mt/environments/testing';
import {
  CancelledError,
  endpointConfigSchema,
  type TauBenchResult,
  tauBenchConfigSchema,
  UsageError,
} from '@parl-mt/schema';
import { afterAll, expect, test } from 'vitest';
import { runTauBench } from './run-tau-bench.js';
import { formatTauBench, summarizeTauBench } from './summarize-tau-bench.js';

const folder = tinyWorldFolder();
afterAll(() => folder[Symbol.dispose]());
const world = loadTauWorld(folder.path, 'retail');
const tasks = world.tasks('test');
const [cancelTask] = tasks;

async function endpoint() {
  const server = await startFakeEndpoint((request) =>
    request.model === 'agent' ? playTinyAgent(request) : playTinyUser(request),
  );
  const model = (name: string) =>
    new OpenAiChatModel(
      endpointConfigSchema.parse({
        model: name,
        baseUrl: server.baseUrl,
        inputPricePerMillion: 1,
        outputPricePerMillion: 10,
      }),
      { apiKey: undefined },
    );
  const chat = (name: string): ChatFunction => {
    const chatModel = model(name);
    return (request) => chatModel.complete(request);
  };
  return { server, agent: chat('agent'), user: chat('user') };
}

const agents = ['tool-calling', 'act', 'react'] as const;
const users = ['llm', 'react', 'verify', 'reflection', 'scripted'] as const;
const pairs = agents.flatMap((agent) => users.map((user) => [agent, user] as const));

test.each(pairs)('agent %s and user %s solve a task over HTTP', async (agentStrategy, userStrategy) => {
  const { server, agent, user } = await endpoint();
  await using _ = server;
  const results = await runTauBench({
    world,
    tasks: [cancelTask!],
    config: tauBenchConfigSchema.parse({
      agent: { strategy: agentStrategy },
      user: { strategy: userStrategy, lines: ['Yes.'] },
    }),
    policy: { kind: 'model', chat: agent },
    userChat: user,
  });
  expect(results).toHaveLength(1);
  const [result] = results;
  expect(result).toMatchObject({
    task_id: 0,
    trial: 0,
    reward: 1,
    is_done: true,
    info: { reward_info: { reward: 1, info: { r_actions: 1 } } },
  });
  expect(result?.usage.agent_calls).toBe(3);
  // Three lines each; a judged one takes two requests.
  const perLine = { llm: 1, react: 1, verify: 2, reflection: 2, scripted: 0 }[userStrategy];
  expect(result?.usage.user_calls).toBe(3 * perLine);
  // 100 prompt tokens at $1 and 10 completion tokens at $10 per million.
  expect(result?.usage.agent_cost_usd).toBeCloseTo(3 * 2e-4, 12);
  const agentRequests = server.requests.filter(({ model }) => model === 'agent');
  expect(agentRequests.every(({ temperature }) => temperature === 0)).toBe(true);
  expect(agentRequests[0]?.tools?.length).toBe(agentStrategy === 'tool-calling' ? 16 : undefined);
  expect(server.requests.filter(({ model }) => model === 'user').every((sent) => sent.temperature === undefined)).toBe(
    true,
  );
});

test('the ground truth earns everything, and needs no model', async () => {
  const results = await runTauBench({
    world,
    tasks,
    config: tauBenchConfigSchema.parse({ trials: 3 }),
    policy: { kind: 'ground-truth' },
    userChat: () => Promise.reject(new Error('nobody should be asked')),
  });
  const summary = summarizeTauBench(results, 100, 1);
  expect(summary).toMatchObject({ tasks: 2, trials: 3, averageReward: 1, passHatK: [1, 1, 1], crashes: 0 });
  expect(formatTauBench('title', summary)).toContain('pass^3           100.0%');
});

test('a crash and a model without an answer are results; the other episodes go on', async () => {
  let requests = 0;
  await using server = await startFakeEndpoint(() => {
    requests++;
    if (requests === 1)
      return {
        content: null,
        tool_calls: [{ id: 'c', type: 'function', function: { name: 'think', arguments: '{bad' } }],
      };
    return requests === 2 ? 400 : 'Hello.';
  });
  const model = new OpenAiChatModel(endpointConfigSchema.parse({ model: 'm', baseUrl: server.baseUrl }), {
    apiKey: undefined,
  });
  const results = await runTauBench({
    world,
    tasks: [cancelTask!],
    config: tauBenchConfigSchema.parse({ trials: 3, concurrency: 1, user: { strategy: 'scripted' } }),
    policy: { kind: 'model', chat: (request) => model.complete(request) },
    userChat: () => Promise.reject(new Error('scripted')),
  });
  expect(results.map(({ info }) => info.error?.kind)).toEqual(['crash', 'model', undefined]);
  expect(results[0]?.info.error?.name).toBe('JSONDecodeError');
  expect(results.map(({ reward }) => reward)).toEqual([0, 0, 0]);
  expect(summarizeTauBench(results, 100, 1)).toMatchObject({ crashes: 1, modelFailures: 1, stepLimits: 0 });
});

test('episodes that were played before are not played again', async () => {
  const { server, agent, user } = await endpoint();
  await using _ = server;
  const run = {
    world,
    tasks: [cancelTask!],
    config: tauBenchConfigSchema.parse({ trials: 2, concurrency: 1 }),
    policy: { kind: 'model', chat: agent } as const,
    userChat: user,
  };
  const seen: TauBenchResult[] = [];
  const first = await runTauBench({ ...run, onResult: (result) => void seen.push(result) });
  expect(seen).toEqual(first);
  const before = server.requests.length;
  const again = await runTauBench({ ...run, done: first.slice(0, 1) });
  expect(again.map(({ trial }) => trial)).toEqual([0, 1]);
  expect(server.requests.length - before).toBe(before / 2);
});

test('a refused key ends the run, and an abort too', async () => {
  await using server = await startFakeEndpoint(() => 401);
  const model = new OpenAiChatModel(endpointConfigSchema.parse({ model: 'm', baseUrl: server.baseUrl }), {
    apiKey: undefined,
  });
  const run = {
    world,
    tasks,
    config: tauBenchConfigSchema.parse({ trials: 50, concurrency: 2 }),
    policy: { kind: 'model', chat: (request) => model.complete(request) } as const satisfies {
      kind: 'model';
      chat: ChatFunction;
    },
    userChat: async () => ({ message: { role: 'assistant', content: 'hi' } }) as const,
  };
  await expect(runTauBench(run)).rejects.toThrow(UsageError);
  expect(server.requests.length).toBeLessThan(10);
  const controller = new AbortController();
  controller.abort(new CancelledError());
  await expect(runTauBench({ ...run, signal: controller.signal })).rejects.toThrow(CancelledError);
});
