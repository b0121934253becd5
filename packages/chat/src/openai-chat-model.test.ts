import { getEventListeners } from 'node:events';
import { endpointConfigSchema, RolloutError, UsageError } from '@parl-mt/schema';
import { expect, test } from 'vitest';
import { OpenAiChatModel } from './openai-chat-model.js';

interface Sent {
  readonly url: string;
  readonly headers: Headers;
  readonly body: { readonly [key: string]: unknown };
}

/** A client over scripted HTTP answers; a function answers by what was sent. */
function clientOver(answers: (Response | Error | (() => Promise<Response>))[], config: object = {}) {
  const sent: Sent[] = [];
  const waits: number[] = [];
  const model = new OpenAiChatModel(
    endpointConfigSchema.parse({ model: 'm', baseUrl: 'http://fake.test/v1', ...config }),
    {
      apiKey: 'secret',
      retry: { sleep: async (ms) => void waits.push(ms), random: () => 0 },
      fetch: async (url, init) => {
        const { headers, body } = init as { headers: Record<string, string>; body: string };
        sent.push({ url: String(url), headers: new Headers(headers), body: JSON.parse(body) });
        const answer = answers.shift();
        if (answer === undefined) throw new Error('no answer left');
        if (answer instanceof Error) throw answer;
        return typeof answer === 'function' ? answer() : answer;
      },
    },
  );
  return { model, sent, waits };
}

function completion(message: object, usage: object = { prompt_tokens: 1000, completion_tokens: 10 }): Response {
  return Response.json({ choices: [{ index: 0, finish_reason: 'stop', message }], usage });
}

function failure(status: number, headers: { [name: string]: string } = {}): Response {
  return Response.json({ error: { message: `made-up failure ${status}` } }, { status, headers });
}

const hello = { messages: [{ role: 'user', content: 'hello' }] } as const;

test('sends what the API wants, and keeps the text of arguments as the model wrote it', async () => {
  const call = { id: 'c1', type: 'function', function: { name: 'pay', arguments: '{"amount": 5.0}' } } as const;
  const { model, sent } = clientOver([completion({ role: 'assistant', content: null, tool_calls: [call] })]);
  const tool = { type: 'function', function: { name: 'pay', description: 'Pays.', parameters: {} } } as const;
  const { message, finishReason } = await model.complete({
    messages: [
      { role: 'system', content: 's' },
      { role: 'assistant', content: 'hi', tool_calls: null },
      { role: 'assistant', content: null, tool_calls: [call] },
      { role: 'tool', tool_call_id: 'c1', name: 'pay', content: 'ok' },
    ],
    tools: [tool],
    temperature: 0,
  });
  expect(message).toEqual({ role: 'assistant', content: null, tool_calls: [call] });
  expect(finishReason).toBe('stop');
  expect(sent[0]?.url).toBe('http://fake.test/v1/chat/completions');
  expect(sent[0]?.headers.get('authorization')).toBe('Bearer secret');
  expect(sent[0]?.body).toEqual({
    model: 'm',
    temperature: 0,
    tools: [tool],
    messages: [
      { role: 'system', content: 's' },
      // An absent list of calls may not be sent as null.
      { role: 'assistant', content: 'hi' },
      { role: 'assistant', content: null, tool_calls: [call] },
      { role: 'tool', tool_call_id: 'c1', name: 'pay', content: 'ok' },
    ],
  });
});

test('tokens and costs add up over requests', async () => {
  const answers = [completion({ content: 'a' }), completion({ content: 'b' }, { prompt_tokens: 500 })];
  const { model } = clientOver(answers, { inputPricePerMillion: 2, outputPricePerMillion: 10 });
  expect((await model.complete(hello)).costUsd).toBeCloseTo(0.0021, 12);
  await model.complete(hello);
  expect(model.totals).toMatchObject({ requests: 2, retries: 0, promptTokens: 1500, completionTokens: 10 });
  expect(model.totals.costUsd).toBeCloseTo(0.0031, 12);
  const unpriced = clientOver([completion({ content: 'a' })]);
  expect((await unpriced.model.complete(hello)).costUsd).toBeUndefined();
});

test('rate limits, server errors and lost connections are tried again, and the server may ask for a wait', async () => {
  const { model, waits, sent } = clientOver([
    failure(429, { 'retry-after': '9' }),
    failure(503),
    new TypeError('fetch failed'),
    completion({ content: 'at last' }),
  ]);
  expect((await model.complete(hello)).message.content).toBe('at last');
  expect(waits).toEqual([9000, 500, 1000]);
  expect(sent).toHaveLength(4);
  expect(model.totals).toMatchObject({ requests: 1, retries: 3 });
});

test('when tries are used up, the error says who was asked and what came', async () => {
  const { model } = clientOver([failure(500), failure(500)], { maxRetries: 1 });
  const error = await model.complete(hello).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(RolloutError);
  expect((error as RolloutError).boundary).toBe('model');
  expect((error as Error).message).toMatch(/^model m at http:\/\/fake\.test\/v1: .*500 made-up failure 500/);
});

test('a refused key and an unknown model are the caller’s to mend, at once', async () => {
  const refused = clientOver([failure(401)], { apiKeyEnv: 'MY_API_KEY' });
  await expect(refused.model.complete(hello)).rejects.toThrow(UsageError);
  expect(refused.sent).toHaveLength(1);
  await expect(clientOver([failure(401)], { apiKeyEnv: 'MY_API_KEY' }).model.complete(hello)).rejects.toThrow(
    /in MY_API_KEY/,
  );
  await expect(clientOver([failure(404)]).model.complete(hello)).rejects.toThrow(/expected a model and address/);
  const bad = clientOver([failure(400)]);
  await expect(bad.model.complete(hello)).rejects.toThrow(RolloutError);
  expect(bad.sent).toHaveLength(1);
});

test.each([
  ['no choices', {}],
  ['an empty list', { choices: [] }],
  ['a content that is no text', { choices: [{ message: { content: 5 } }] }],
  ['calls that are none', { choices: [{ message: { content: null, tool_calls: [{ function: 'x' }] } }] }],
  ['a list', []],
])('garbage is told: %s', async (_, body) => {
  await expect(clientOver([Response.json(body)]).model.complete(hello)).rejects.toThrow(
    /expected choices\[0\]\.message/,
  );
});

test('text that is no JSON, and a flood, end as errors', async () => {
  const html = new Response('<html>', { headers: { 'content-type': 'application/json' } });
  await expect(clientOver([html]).model.complete(hello)).rejects.toThrow(RolloutError);
  const chunk = new Uint8Array(1 << 20).fill(32);
  let sent = 0;
  const flood = () =>
    Promise.resolve(
      new Response(
        new ReadableStream({
          pull(controller) {
            sent++;
            controller.enqueue(chunk);
          },
        }),
        { headers: { 'content-type': 'application/json' } },
      ),
    );
  await expect(clientOver([flood], { maxRetries: 0 }).model.complete(hello)).rejects.toThrow(/at most 16000000 bytes/);
  expect(sent).toBeLessThan(30);
});

test('an abort is passed on as it is, and no try follows', async () => {
  const controller = new AbortController();
  const { model, sent } = clientOver([
    () => {
      controller.abort(new Error('stopped by the user'));
      return Promise.reject(new Error('aborted'));
    },
  ]);
  await expect(model.complete({ ...hello, signal: controller.signal })).rejects.toThrow('stopped by the user');
  expect(sent).toHaveLength(1);
});

test('a signal that serves many requests gathers no listeners, and still aborts the one in flight', async () => {
  const controller = new AbortController();
  const { signal } = controller;
  const answer = () => completion({ role: 'assistant', content: 'hi' });
  const hanging = () => new Promise<never>(() => {});
  const { model } = clientOver([answer(), failure(503), answer(), failure(400), hanging]);
  for (let request = 0; request < 2; request++) await model.complete({ ...hello, signal });
  await expect(model.complete({ ...hello, signal })).rejects.toThrow('made-up failure 400');
  expect(getEventListeners(signal, 'abort')).toHaveLength(0);
  const last = model.complete({ ...hello, signal });
  await expect.poll(() => getEventListeners(signal, 'abort').length).toBe(1);
  controller.abort(new Error('stopped by the user'));
  await expect(last).rejects.toThrow('stopped by the user');
  expect(getEventListeners(signal, 'abort')).toHaveLength(0);
});
