import { parseCallText } from '@parl-mt/environments';
import type { Task } from '@parl-mt/schema';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { EnvironmentServer } from '../create-environment-server.js';
import { connect, type TestClient, testServer } from '../server.testing.js';

let server: EnvironmentServer;
beforeEach(async () => {
  server = await testServer({ maxSessions: 4 });
});
afterEach(() => server.close());

const tasks = (): readonly Task[] => server.catalog.splits[0]!.tasks;

/** Plays a task as its ground truth does. */
async function solve(client: TestClient, task: Task, skip = -1) {
  let answer = await client.reset({ task_id: task.id });
  for (const [turn, { groundTruth, messages }] of task.turns.entries()) {
    const heard = turn === 0 ? answer.data.observation : answer.data.observation.result;
    expect(heard.messages).toEqual(messages);
    for (const callText of turn === skip ? [] : groundTruth) {
      const { name, arguments: args } = parseCallText(callText, task.tools)!;
      const step = await client.call(name, args);
      expect(step.data).toMatchObject({ reward: null, done: false });
    }
    answer = await client.respond();
  }
  return answer;
}

describe('an episode', () => {
  test('the ground truth of every task is paid 1 by the checker, and ends with its last answer', async () => {
    const client = await connect(server);
    for (const task of tasks()) {
      const answer = await solve(client, task);
      expect(answer.data).toMatchObject({
        observation: { tool_name: 'respond', result: { messages: [], is_over: true }, error: null },
        reward: 1,
        done: true,
        metadata: { verdict: { valid: true, turns_passed: task.turns.length } },
      });
    }
  });

  test('an unsolved turn is paid 0, or the share of turns passed before it', async () => {
    const task = tasks()[0]!;
    const last = task.turns.length - 1;
    expect((await solve(await connect(server), task, last)).data).toMatchObject({ reward: 0, done: true });
    await server.close();
    server = await testServer({ reward: 'progress' });
    expect((await solve(await connect(server), task, last)).data.reward).toBe(last / task.turns.length);
  });

  test('after its end only a reset goes on', async () => {
    const client = await connect(server);
    const over = await solve(client, tasks()[0]!);
    expect(over.data.done).toBe(true);
    expect(await client.call('pwd')).toMatchObject({
      type: 'error',
      data: { code: 'EXECUTION_ERROR', message: 'the episode is over: reset starts the next one' },
    });
    expect((await client.send({ type: 'state' })).data.done).toBe(true);
    expect((await client.reset()).data.done).toBe(false);
  });

  test('tasks are picked by id, by split and index, by seed, and the first one otherwise', async () => {
    const client = await connect(server);
    const idOf = async (data: object) => (await client.reset(data)).data.observation.task_id;
    const ids = tasks().map(({ id }) => id);
    expect(await idOf({})).toBe(ids[0]);
    expect(await idOf({ seed: 3 })).toBe(ids[3]);
    expect(await idOf({ seed: 3 + 8 * 1000 })).toBe(ids[3]);
    expect(await idOf({ index: 5, seed: 1 })).toBe(ids[5]);
    expect(await idOf({ task_id: ids[2], index: 5, split: 'train' })).toBe(ids[2]);
    for (const wrong of [
      { task_id: 'none' },
      { split: 'none' },
      { index: 8 },
      { index: -1 },
      { seed: 1.5 },
      { seed: '1' },
    ]) {
      expect((await client.reset(wrong)).data.code).toBe('VALIDATION_ERROR');
    }
    // A refused reset leaves the episode as it was.
    expect((await client.send({ type: 'state' })).data.task_id).toBe(ids[2]);
  });

  test('the state counts calls, and lists are no calls', async () => {
    const client = await connect(server);
    expect((await client.send({ type: 'state' })).data).toEqual({ episode_id: null, step_count: 0 });
    await client.reset({ episode_id: 'mine' });
    await client.call('pwd');
    await client.call('no_such_tool');
    await client.send({ type: 'step', data: { type: 'list_tools' } });
    await client.respond();
    expect((await client.send({ type: 'state' })).data).toMatchObject({ episode_id: 'mine', step_count: 3, turn: 1 });
  });

  test('what a tool says is its result, failures included; what goes wrong around it is an error', async () => {
    const client = await connect(server);
    await client.reset({
      task_id: tasks().find(({ involvedClasses }) => involvedClasses.includes('GorillaFileSystem'))!.id,
    });
    expect((await client.call('cat', { file_name: 'no-such-file' })).data).toEqual({
      observation: {
        tool_name: 'cat',
        result: '{"error": "cat: \'no-such-file\': No such file or directory"}',
        error: null,
      },
      reward: null,
      done: false,
      metadata: { fault: 'policy', cause: 'tool_error' },
    });
    expect((await client.call('fly')).data.observation.error.error_type).toBe('tool_not_found');
    expect((await client.call('respond', { text: 'x' })).data.observation.error.error_type).toBe('invalid_args');
  });

  test('a step without a reset starts the first task', async () => {
    const client = await connect(server);
    expect((await client.send({ type: 'step', data: { type: 'list_tools' } })).data.observation.tools.at(-1).name).toBe(
      'respond',
    );
    expect((await client.send({ type: 'state' })).data).toMatchObject({ task_id: tasks()[0]!.id, step_count: 0 });
  });

  test('numbers reach the world as they were spelled', async () => {
    const client = await connect(server);
    await client.reset({ task_id: tasks().find(({ involvedClasses }) => involvedClasses.includes('MathAPI'))!.id });
    expect((await client.call('add', '{"a": 2, "b": 3}')).data.observation.result).toBe('{"result": 5}');
    expect((await client.call('add', '{"a": 2.0, "b": 3}')).data.observation.result).toBe('{"result": 5.0}');
    const frame =
      '{"type":"mcp","data":{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"add","arguments":{"a":2.0,"b":3}}}}';
    expect((await client.send(frame)).data.result.result).toBe('{"result": 5.0}');
  });
});

describe('the connection', () => {
  test.each([
    ['{not json', 'INVALID_JSON'],
    ['', 'INVALID_JSON'],
    ['5', 'UNKNOWN_TYPE'],
    ['null', 'UNKNOWN_TYPE'],
    ['[]', 'UNKNOWN_TYPE'],
    ['{"type":"fly"}', 'UNKNOWN_TYPE'],
    ['{"type":"toString"}', 'UNKNOWN_TYPE'],
    ['{"type":"__proto__"}', 'UNKNOWN_TYPE'],
    ['{"type":["reset"]}', 'UNKNOWN_TYPE'],
    ['{"type":"step"}', 'VALIDATION_ERROR'],
    ['{"type":"step","data":5}', 'VALIDATION_ERROR'],
    ['{"type":"step","data":{}}', 'VALIDATION_ERROR'],
    ['{"type":"step","data":{"type":"call_tool"}}', 'VALIDATION_ERROR'],
    ['{"type":"step","data":{"type":"call_tool","tool_name":""}}', 'VALIDATION_ERROR'],
    ['{"type":"step","data":{"tool_name":"pwd","arguments":[]}}', 'VALIDATION_ERROR'],
    ['{"type":"step","data":{"tool_name":"pwd","extra":1}}', 'VALIDATION_ERROR'],
    ['{"type":"reset","data":{},"extra":1}', 'VALIDATION_ERROR'],
    ['{"type":"reset","data":{"seed":-1}}', 'VALIDATION_ERROR'],
    ['{"type":"reset","__proto__":{"data":{}}}', 'VALIDATION_ERROR'],
    [
      `{"type":"step","data":{"tool_name":"pwd","arguments":${'{"a":'.repeat(600)}1${'}'.repeat(600)}}}`,
      'VALIDATION_ERROR',
    ],
  ])('%.60s is refused with %s, and the session lives on', async (message, code) => {
    const client = await connect(server);
    await client.reset({ episode_id: 'kept' });
    const answer = await client.send(message);
    expect(Object.keys(answer).sort()).toEqual(['data', 'type']);
    expect(answer).toMatchObject({ type: 'error', data: { code, message: expect.any(String) } });
    expect((await client.send({ type: 'state' })).data).toMatchObject({ episode_id: 'kept', step_count: 0 });
  });

  test('answers come in the order of the questions, however many wait', async () => {
    const client = await connect(server);
    for (let index = 0; index < 100; index++) client.socket.send(JSON.stringify({ type: `unknown ${index}` }));
    client.socket.send(JSON.stringify({ type: 'state' }));
    for (let index = 0; index < 100; index++) expect((await client.next()).type).toBe('error');
    expect((await client.next()).type).toBe('state');
  });

  test('close ends it and frees its place', async () => {
    const client = await connect(server);
    await client.reset();
    client.socket.send('{"type": "close"}');
    expect(await client.closed).toBe(1000);
    await expect.poll(() => server.activeSessions).toBe(0);
  });

  test('one more than there are places is told so, and closed', async () => {
    const clients = await Promise.all([0, 1, 2, 3].map(() => connect(server)));
    const extra = await connect(server);
    expect(await extra.next()).toEqual({
      type: 'error',
      data: {
        code: 'CAPACITY_REACHED',
        message: 'all 4 sessions are taken (--max-sessions)',
        active_sessions: 4,
        max_sessions: 4,
      },
    });
    await extra.closed;
    clients[0]!.socket.terminate();
    await expect.poll(() => server.activeSessions).toBe(3);
    expect((await (await connect(server)).reset()).type).toBe('observation');
  });

  test('a frame that is too long ends its connection, and no other', async () => {
    await server.close();
    server = await testServer({ maxMessageBytes: 2000 });
    const [long, other] = [await connect(server), await connect(server)];
    await other.reset();
    long.socket.send(JSON.stringify({ type: 'reset', data: { note: 'x'.repeat(2000) } }));
    expect(await long.closed).toBe(1009);
    expect((await other.call('pwd')).type).toBe('observation');
    await expect.poll(() => server.activeSessions).toBe(1);
  });

  test('a client that says nothing for too long loses its session', async () => {
    await server.close();
    server = await testServer({ idleTimeoutMs: 50 });
    const client = await connect(server);
    expect(await client.closed).toBe(1001);
    expect(server.activeSessions).toBe(0);
  });
});

describe('sessions of JSON-RPC', () => {
  const rpc = async (method: string, params: object = {}) => {
    const { body } = await server.app.inject({
      method: 'POST',
      url: '/mcp',
      payload: { jsonrpc: '2.0', id: 7, method, params },
    });
    return JSON.parse(body);
  };

  test('a socket joins one, and both see one episode; the end of the socket does not end it', async () => {
    const { session_id } = (await rpc('openenv/session/create')).result;
    const client = await connect(server, `/ws?session_id=${session_id}`);
    await client.reset({ episode_id: 'joined' });
    await rpc('tools/call', { name: 'pwd', arguments: {}, session_id });
    expect((await client.send({ type: 'state' })).data).toMatchObject({ episode_id: 'joined', step_count: 1 });
    const second = await connect(server, `/ws?session_id=${session_id}`);
    expect((await second.next()).data.code).toBe('SESSION_ERROR');
    client.socket.terminate();
    await client.closed;
    expect((await rpc('tools/list', { session_id })).result.tools.length).toBeGreaterThan(1);
    expect((await rpc('openenv/session/close', { session_id })).result).toEqual({ session_id, closed: true });
    expect((await rpc('tools/list', { session_id })).error.code).toBe(-32602);
  });

  test('closing one that a socket holds waits for the socket', async () => {
    const { session_id } = (await rpc('openenv/session/create')).result;
    const client = await connect(server, `/ws?session_id=${session_id}`);
    expect((await rpc('openenv/session/close', { session_id })).result).toMatchObject({ closed: false, closing: true });
    expect((await client.reset()).type).toBe('observation');
    client.socket.terminate();
    await expect.poll(() => server.activeSessions).toBe(0);
  });

  test('over the socket /mcp there is one session', async () => {
    const client = await connect(server, '/mcp');
    const ask = async (method: string, params: object = {}) =>
      (await client.send({ jsonrpc: '2.0', id: 'a', method, params })) as unknown as { id: unknown; result: never };
    const first = await ask('tools/call', { name: 'mkdir', arguments: { dir_name: 'fresh' } });
    expect(first).toMatchObject({ jsonrpc: '2.0', id: 'a', result: { tool_name: 'mkdir', error: null } });
    expect(await ask('tools/call', { name: 'mkdir', arguments: { dir_name: 'fresh' } })).toMatchObject({
      result: { metadata: { cause: 'tool_error' } },
    });
  });

  test.each([
    ['{oops', -32700],
    ['[]', -32600],
    ['5', -32600],
    ['{"id":1}', -32600],
    ['{"jsonrpc":"1.0","method":"tools/list"}', -32600],
    ['{"jsonrpc":"2.0","method":"tools/list","params":[]}', -32600],
    ['{"jsonrpc":"2.0","method":"tools/fly"}', -32601],
    ['{"jsonrpc":"2.0","method":"constructor"}', -32601],
    ['{"jsonrpc":"2.0","method":"tools/call","params":{}}', -32602],
    ['{"jsonrpc":"2.0","method":"tools/call","params":{"name":5}}', -32602],
    ['{"jsonrpc":"2.0","method":"tools/call","params":{"name":"pwd","arguments":[1]}}', -32602],
    ['{"jsonrpc":"2.0","method":"tools/list","params":{"session_id":"none"}}', -32602],
    ['{"jsonrpc":"2.0","method":"tools/list","params":{"session_id":{}}}', -32602],
    ['{"jsonrpc":"2.0","method":"openenv/session/close","params":{}}', -32602],
  ])('%s has the code %i', async (payload, code) => {
    const headers = { 'content-type': 'application/json' };
    const answer = await server.app.inject({ method: 'POST', url: '/mcp', headers, payload });
    expect(answer.statusCode).toBe(200);
    expect(answer.json()).toMatchObject({ jsonrpc: '2.0', error: { code, message: expect.any(String) } });
  });
});
