import { get } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { EnvironmentServer } from '../create-environment-server.js';
import { addressOf, testServer } from '../server.testing.js';

let server: EnvironmentServer;
beforeAll(async () => {
  server = await testServer({ maxMessageBytes: 4096, maxSessions: 2 });
});
afterAll(() => server.close());

const headers = { 'content-type': 'application/json' };
const post = (url: string, payload?: object | string) =>
  server.app.inject({ method: 'POST', url, ...(payload === undefined ? {} : { headers, payload }) });

describe('what the server says of itself', () => {
  test('status, name and shapes, with no other keys than the contract has', async () => {
    const keysOf = async (url: string) => Object.keys((await server.app.inject(url)).json()).sort();
    expect((await server.app.inject('/health')).json()).toEqual({ status: 'healthy' });
    expect(await keysOf('/metadata')).toEqual(['description', 'name', 'version']);
    expect(await keysOf('/schema')).toEqual(['action', 'observation', 'reset_observation', 'state']);
    expect((await server.app.inject('/schema')).json().action.title).toBe('CallToolAction');
    expect((await server.app.inject('/state')).json()).toEqual({ episode_id: null, step_count: 0 });
  });

  test('the OpenAPI document has the version of the protocol, and no route that there is not', async () => {
    const { info, paths } = (await server.app.inject('/openapi.json')).json();
    expect(info.version).toMatch(/^1\./);
    const operations = Object.entries<Record<string, unknown>>(paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => [method.toUpperCase(), path] as const),
    );
    expect(operations.map(([, path]) => path)).toEqual(expect.arrayContaining(['/reset', '/step', '/state', '/mcp']));
    for (const [method, path] of operations) {
      const url = path.replace('{name}', 'parl-mt-synthetic');
      const { statusCode } = await server.app.inject({ method: method as 'GET', url });
      expect([path, [404, 405].includes(statusCode)]).toEqual([path, false]);
    }
  });
});

describe('reset and step without memory', () => {
  test('a reset takes an empty object, no body, and unknown names', async () => {
    for (const body of [{}, undefined, { seed: 1, episode_id: 'e', unheard_of: 3, task_id: null }]) {
      const answer = await post('/reset', body);
      expect(answer.statusCode).toBe(200);
      expect(answer.json()).toMatchObject({ reward: null, done: false });
    }
    expect(server.activeSessions).toBe(0);
  });

  test('every step has a fresh world', async () => {
    const action = { type: 'call_tool', tool_name: 'mkdir', arguments: { dir_name: 'fresh' } };
    for (const _ of [1, 2]) {
      const { observation } = (await post('/step', { action, timeout_s: 5, request_id: 'r' })).json();
      expect(observation).toEqual({ tool_name: 'mkdir', result: 'None', error: null });
    }
  });

  test.each([5e-324, 0.0015, 1.23456, 1e9, 1e300])('a time of %d s is one that a timer can take', async (timeout_s) => {
    const answer = await post('/step', { action: { tool_name: 'no_such_tool' }, timeout_s });
    expect([answer.statusCode, answer.json().observation?.error.error_type]).toEqual([200, 'tool_not_found']);
  });

  test.each([
    ['/step', '{}'],
    ['/step', '{"action":5}'],
    ['/step', '{"action":{"type":"call_tool"}}'],
    ['/step', '{"action":{"type":"fly"}}'],
    ['/step', '{"action":{"type":"list_tools"},"timeout_s":-1}'],
    ['/step', '{"action":{"type":"list_tools"},"timeout_s":"x"}'],
    ['/step', '{"action":{"type":"list_tools"},"request_id":5}'],
    ['/step', 'null'],
    ['/step', '{"action"'],
    ['/reset', '[]'],
    ['/reset', '{"seed":-1}'],
    ['/reset', '{"seed":"x"}'],
    ['/reset', `{"episode_id":"${'e'.repeat(256)}"}`],
    ['/reset', '{"task_id":"none"}'],
    ['/reset', '{oops'],
  ])('%s %.40s is refused with 422 and details', async (url, payload) => {
    const answer = await post(url, payload);
    expect(answer.statusCode).toBe(422);
    expect(answer.json().detail[0]).toMatchObject({ loc: expect.any(Array), msg: expect.any(String) });
  });

  test('keys like __proto__ are keys, and change nothing', async () => {
    const answer = await post('/reset', '{"__proto__":{"seed":-1},"constructor":{"prototype":{"polluted":1}}}');
    expect(answer.statusCode).toBe(200);
    const action = '{"action":{"tool_name":"mkdir","arguments":{"__proto__":{"polluted":1},"dir_name":"d"}}}';
    // Python has a name for it too, and the function no such parameter.
    expect((await post('/step', action)).json().observation.result).toContain('__proto__');
    expect(({} as { polluted?: number }).polluted).toBeUndefined();
  });

  test('bodies that are too long, or no JSON, or for nobody here', async () => {
    expect((await post('/reset', { note: 'x'.repeat(5000) })).statusCode).toBe(413);
    const text = { 'content-type': 'text/plain' };
    expect((await server.app.inject({ method: 'POST', url: '/reset', headers: text, payload: '{}' })).statusCode).toBe(
      415,
    );
    expect((await post('/fly', {})).statusCode).toBe(404);
    const wrong = await server.app.inject({ method: 'DELETE', url: '/reset?x=1' });
    expect([wrong.statusCode, wrong.headers.allow]).toEqual([405, 'POST']);
    expect((await server.app.inject({ method: 'PUT', url: '/any/tasks' })).statusCode).toBe(405);
    for (const url of ['/reset', '/mcp', '/ws']) {
      const foreign = await server.app.inject({
        method: 'POST',
        url,
        headers: { ...headers, host: 'evil.example' },
        payload: '{}',
      });
      expect(foreign.statusCode).toBe(403);
      const page = await server.app.inject({
        method: 'POST',
        url,
        headers: { ...headers, origin: 'https://evil.example' },
        payload: '{}',
      });
      expect(page.statusCode).toBe(403);
    }
  });

  test('where every place is taken, a request is told so', async () => {
    const create = { jsonrpc: '2.0', id: 1, method: 'openenv/session/create' };
    const ids = [];
    for (const _ of [1, 2]) ids.push((await post('/mcp', create)).json().result.session_id);
    expect((await post('/mcp', create)).json().error).toMatchObject({ code: -32000, data: { max_sessions: 2 } });
    expect((await post('/reset', {})).statusCode).toBe(503);
    for (const session_id of ids) {
      await post('/mcp', { jsonrpc: '2.0', id: 1, method: 'openenv/session/close', params: { session_id } });
    }
    expect(server.activeSessions).toBe(0);
  });
});

describe('web sockets of foreign pages', () => {
  const statusOf = async (path: string, more: Record<string, string>) => {
    const address = await addressOf(server);
    return await new Promise<number | undefined>((resolve, reject) => {
      const upgrade = {
        connection: 'Upgrade',
        upgrade: 'websocket',
        'sec-websocket-version': '13',
        'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
      };
      const request = get(`${address}${path}`, { headers: { ...upgrade, ...more } });
      request.on('response', (response) => resolve(response.statusCode));
      request.on('upgrade', (response, socket) => {
        socket.destroy();
        resolve(response.statusCode);
      });
      request.on('error', reject);
    });
  };

  test.each([
    ['/ws', {}, 101],
    ['/mcp', {}, 101],
    ['/ws', { origin: 'http://localhost:5173' }, 101],
    ['/ws', { origin: 'https://evil.example' }, 403],
    ['/ws', { origin: 'null' }, 403],
    ['/ws', { host: 'evil.example' }, 403],
    ['/mcp', { host: '127.0.0.1.evil.example' }, 403],
    ['/reset', {}, 404],
  ])('%s with %j: %i', async (path, more, status) => {
    expect(await statusOf(path, more as Record<string, string>)).toBe(status);
  });
});

describe('the tasks', () => {
  test('can be listed, counted and looked at, without their solutions', async () => {
    const [name] = (await server.app.inject('/list_environments')).json();
    expect((await server.app.inject(`/${name}/splits`)).json()).toEqual([{ name: 'train', type: 'train' }]);
    expect((await post(`/${name}/num_tasks`, { split: 'train' })).json()).toEqual({ num_tasks: 8 });
    const { tasks, env_name } = (await post(`/${name}/tasks`, { split: 'train' })).json();
    expect(env_name).toBe(name);
    expect(tasks).toHaveLength(8);
    expect(JSON.stringify(tasks)).not.toContain('groundTruth');
    expect((await post(`/${name}/task`, { split: 'train', index: 2 })).json().task).toEqual(tasks[2]);
    expect((await post(`/${name}/task`, { split: 'train', index: -1 })).json().task).toEqual(tasks[7]);
    expect((await post(`/${name}/task_range`, { split: 'train', start: 2, stop: 4 })).json().tasks).toEqual(
      tasks.slice(2, 4),
    );
    const first = (await post('/reset', { task_id: tasks[2].task_id })).json().observation;
    expect(first.messages).toEqual(tasks[2].messages);
  });

  test.each([
    ['/parl-mt-synthetic/task', { split: 'train', index: 8 }, 400],
    ['/parl-mt-synthetic/task', { split: 'train' }, 422],
    ['/parl-mt-synthetic/tasks', { split: 'none' }, 422],
    ['/parl-mt-synthetic/tasks', {}, 422],
    ['/other/tasks', { split: 'train' }, 404],
  ])('%s %j is refused with %i', async (url, body, status) => {
    expect((await post(url, body)).statusCode).toBe(status);
  });
});
