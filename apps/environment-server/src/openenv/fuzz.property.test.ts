import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { EnvironmentServer } from '../create-environment-server.js';
import { connect, type TestClient, testServer } from '../server.testing.js';

const logged: string[] = [];
let server: EnvironmentServer;
let client: TestClient;
beforeAll(async () => {
  server = await testServer({ maxMessageBytes: 100_000 }, logged);
  client = await connect(server);
}, 60_000);
afterAll(() => server.close());

const key = fc.oneof(
  fc.constantFrom(
    'type',
    'data',
    'action',
    'tool_name',
    'arguments',
    'seed',
    'params',
    'method',
    'id',
    'jsonrpc',
    'name',
  ),
  fc.constantFrom('__proto__', 'constructor', 'prototype', 'toString', 'length', ''),
  fc.string({ maxLength: 5 }),
);
const word = fc.constantFrom(
  'reset',
  'step',
  'state',
  'mcp',
  'call_tool',
  'list_tools',
  'pwd',
  'respond',
  'tools/call',
  '2.0',
);
const value = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 5, withCrossShrink: true },
    word,
    fc.string({ maxLength: 20 }),
    fc.double(),
    fc.maxSafeInteger(),
    fc.constantFrom(null, true, false),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.array(fc.tuple(key, tie('value')), { maxLength: 6 }).map((entries) => {
      const members = entries.map(([name, member]) => `${JSON.stringify(name)}:${JSON.stringify(member)}`);
      return JSON.parse(`{${members.join(',')}}`);
    }),
  ),
})).value;
const likelyFrame = fc.oneof(
  fc.record({
    action: fc.record({ tool_name: word, arguments: fc.constant({}) }),
    timeout_s: fc.oneof(fc.double({ min: 0, noNaN: true }), fc.double()),
  }),
  fc.record({ type: word, data: value }),
  fc.record({ type: fc.constant('step'), data: fc.record({ type: word, tool_name: word, arguments: value }) }),
  fc.record({
    type: fc.constant('mcp'),
    data: fc.record({ jsonrpc: fc.constant('2.0'), method: word, params: value, id: value }, { requiredKeys: [] }),
  }),
  value,
);
const text = fc.oneof(
  likelyFrame.map((frame) => JSON.stringify(frame)),
  // Broken in one place.
  fc.tuple(likelyFrame, fc.nat(), fc.string({ maxLength: 2 })).map(([frame, at, noise]) => {
    const whole = JSON.stringify(frame);
    const place = at % (whole.length + 1);
    return whole.slice(0, place) + noise + whole.slice(place + 1);
  }),
  fc.string({ maxLength: 100 }),
);

test('whatever a frame holds, it has one answer, and the session lives on', async () => {
  const types = new Set(['observation', 'state', 'mcp', 'error']);
  await fc.assert(
    fc.asyncProperty(text, async (message) => {
      if (/"close"/.test(message)) return;
      const answer = await client.send(message);
      expect(types.has(answer.type)).toBe(true);
      expect(Object.keys(answer).sort()).toEqual(['data', 'type']);
    }),
    { numRuns: 1000 },
  );
  expect((await client.reset()).type).toBe('observation');
  expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  expect(Object.keys(Object.prototype)).toEqual([]);
});

test('whatever a body holds, it is answered, and never by a failure of the server', async () => {
  const routes = ['/reset', '/step', '/mcp', '/parl-mt-synthetic/tasks', '/parl-mt-synthetic/task'];
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...routes), text, async (url, payload) => {
      const headers = { 'content-type': 'application/json' };
      const { statusCode, body } = await server.app.inject({ method: 'POST', url, headers, payload });
      expect(statusCode).toBeLessThan(500);
      expect(() => JSON.parse(body)).not.toThrow();
    }),
    { numRuns: 1000 },
  );
  // Sessions that JSON-RPC made stay; all others are gone.
  expect(logged).toEqual([]);
});
