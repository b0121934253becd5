import { PassThrough } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { ToolListChangedNotificationSchema } from '@modelcontextprotocol/sdk/types.js';
import { environmentServerConfigSchema, parseClosed } from '@parl-mt/schema';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { EnvironmentServer } from '../create-environment-server.js';
import { addressOf, smallTasks, testServer } from '../server.testing.js';
import { serveMcpStdio } from './serve-stdio.js';

/** The text of a result, as a model sees it. */
const textOf = (result: object) =>
  (result as { content: { text: string }[] }).content.map(({ text }) => text).join('\n');

const slowServer = {
  transport: 'stdio',
  command: process.execPath,
  args: [fileURLToPath(new URL('./slow-server.testing.mjs', import.meta.url))],
};

describe('over streamable HTTP', () => {
  let server: EnvironmentServer;
  const clients: Client[] = [];
  beforeEach(async () => {
    server = await testServer({ protocol: 'mcp', maxSessions: 3 });
  });
  afterEach(async () => {
    await Promise.all(clients.splice(0).map((client) => client.close()));
    await server.close();
  });

  const open = async () => {
    const client = new Client({ name: 'test', version: '1' });
    const transport = new StreamableHTTPClientTransport(new URL(`${await addressOf(server)}/mcp`));
    await client.connect(transport as Parameters<typeof client.connect>[0]);
    clients.push(client);
    return { client, transport };
  };

  test('an episode is started, played and paid, in words for the model and in figures for whoever runs it', async () => {
    const { client } = await open();
    const changes: unknown[] = [];
    client.setNotificationHandler(ToolListChangedNotificationSchema, (change) => void changes.push(change));
    const task = server.catalog.splits[0]!.tasks[1]!;
    const started = await client.callTool({ name: 'start_episode', arguments: { task_id: task.id } });
    expect(textOf(started)).toBe(`user: ${task.turns[0]!.messages[0]!.content}`);
    expect(started.structuredContent).toMatchObject({ task_id: task.id, reward: null, done: false });
    const { tools } = await client.listTools();
    expect(tools.map(({ name }) => name)).toEqual(['start_episode', ...task.tools.map(({ name }) => name), 'respond']);
    await expect.poll(() => changes.length).toBe(1);
    let answer = started;
    for (let turn = 0; turn < task.turns.length; turn++) {
      answer = await client.callTool({ name: 'respond', arguments: { message: 'Done.' } });
    }
    expect(textOf(answer)).toBe('The conversation is over.');
    expect(answer.structuredContent).toMatchObject({ reward: 0, done: true });
    const late = await client.callTool({ name: 'respond', arguments: { message: 'Done.' } });
    expect(late).toMatchObject({ isError: true });
  });

  test('every MCP session has a world of its own, and its end frees the place', async () => {
    const [one, two] = [await open(), await open()];
    await one.client.callTool({ name: 'mkdir', arguments: { dir_name: 'mark' } });
    const seen = await two.client.callTool({ name: 'find', arguments: {} });
    expect(textOf(seen)).not.toContain('mark');
    expect(server.activeSessions).toBe(2);
    await one.transport.terminateSession();
    await expect.poll(() => server.activeSessions).toBe(1);
  });

  test('a failing tool, an unknown one and wrong arguments are errors that the model can read', async () => {
    const { client } = await open();
    for (const [name, args] of [
      ['cat', { file_name: 'none' }],
      ['no_such_tool', {}],
      ['mkdir', {}],
      ['respond', { message: 5 }],
      ['start_episode', { task_id: 'none' }],
      ['start_episode', { seed: -1 }],
    ] as const) {
      const result = await client.callTool({ name, arguments: args });
      expect(result.isError).toBe(true);
      expect(textOf(result)).not.toBe('');
    }
  });

  test('numbers reach the world as they were spelled', async () => {
    const { client, transport } = await open();
    const task = server.catalog.splits[0]!.tasks.find(({ involvedClasses }) => involvedClasses.includes('MathAPI'))!;
    await client.callTool({ name: 'start_episode', arguments: { task_id: task.id } });
    const answer = await fetch(`${await addressOf(server)}/mcp`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        'mcp-session-id': transport.sessionId!,
      },
      body: '{"jsonrpc":"2.0","id":99,"method":"tools/call","params":{"name":"add","arguments":{"a":2.0,"b":3}}}',
    });
    expect(await answer.text()).toContain('{\\"result\\": 5.0}');
  });

  test('one session more than there are places is refused', async () => {
    await Promise.all([open(), open(), open()]);
    await expect(open()).rejects.toThrow('all 3 sessions are taken');
  });

  test.each([
    ['{oops', undefined, 400, -32700],
    ['{"jsonrpc":"2.0","id":1,"method":"server/discover"}', undefined, 400, -32601],
    ['[]', undefined, 400, -32601],
    ['null', undefined, 400, -32601],
    ['{"jsonrpc":"2.0","id":1,"method":"tools/list"}', 'no-such-session', 404, -32001],
  ])('%s in session %s: %i, code %i', async (payload, session, status, code) => {
    const headers = {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      ...(session === undefined ? {} : { 'mcp-session-id': session }),
    };
    const answer = await server.app.inject({ method: 'POST', url: '/mcp', headers, payload });
    expect(answer.statusCode).toBe(status);
    expect(answer.json().error.code).toBe(code);
  });

  test('requests of foreign pages are refused', async () => {
    const headers = { 'content-type': 'application/json', host: 'evil.example' };
    const answer = await server.app.inject({ method: 'POST', url: '/mcp', headers, payload: '{}' });
    expect(answer.statusCode).toBe(403);
  });
});

describe('over a pair of streams', () => {
  const start = (config: object) => {
    const [input, output] = [new PassThrough(), new PassThrough()];
    const lines: string[] = [];
    let rest = '';
    output.on('data', (chunk: Buffer) => {
      const parts = (rest + chunk.toString()).split('\n');
      rest = parts.pop()!;
      lines.push(...parts);
    });
    const stop = new AbortController();
    const served = serveMcpStdio({
      config: parseClosed(
        environmentServerConfigSchema,
        { protocol: 'mcp', transport: 'stdio', synthesis: smallTasks, ...config },
        'test',
      ),
      version: '0.0.0',
      cwd: import.meta.dirname,
      input,
      output,
      log: () => {},
      signal: stop.signal,
    });
    const send = (message: object | string) =>
      input.write(`${typeof message === 'string' ? message : JSON.stringify(message)}\n`);
    const answerTo = async (id: number) => {
      const find = () => lines.map((line) => JSON.parse(line)).find((message) => message.id === id);
      await expect.poll(find, { timeout: 20_000 }).toBeDefined();
      return find();
    };
    const shake = async () => {
      const clientInfo = { name: 'test', version: '1' };
      const params = { protocolVersion: '2025-06-18', capabilities: {}, clientInfo };
      send({ jsonrpc: '2.0', id: 1, method: 'initialize', params });
      await answerTo(1);
      send({ jsonrpc: '2.0', method: 'notifications/initialized' });
    };
    return { input, lines, send, answerTo, shake, served, stop };
  };

  test('an unknown method is answered before the handshake, and the end of the input ends the server', async () => {
    const { input, send, answerTo, served } = start({});
    send({ jsonrpc: '2.0', id: 7, method: 'server/discover' });
    expect((await answerTo(7)).error.code).toBe(-32601);
    input.end();
    await served;
  });

  test('numbers reach the world as they were spelled; a broken line is no end', async () => {
    const { input, send, answerTo, shake, served } = start({ synthesis: { ...smallTasks, classes: ['MathAPI'] } });
    await shake();
    send('{oops');
    send('{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"add","arguments":{"a":2.0,"b":3}}}');
    expect((await answerTo(2)).result.content[0].text).toBe('{"result": 5.0}');
    input.end();
    await served;
  });

  test('a line that is too long ends the server', async () => {
    const { input, served } = start({ maxMessageBytes: 2000 });
    input.write('x'.repeat(5000));
    await served;
  });

  test('a signal ends the server', async () => {
    const { stop, shake, served } = start({});
    await shake();
    stop.abort();
    await served;
  });

  test('data that is not there ends it with the reason', async () => {
    const { shake, served } = start({ benchmark: 'bfcl', bfclPath: 'no-such-folder' });
    served.catch(() => {});
    await shake();
    await expect(served).rejects.toThrow('no-such-folder');
  });

  test('a foreign server behind it: a slow call does not hold up the others, a hang ends at its deadline', async () => {
    const limits = { callTimeoutMs: 1500 };
    const { input, lines, send, answerTo, shake, served } = start({ benchmark: 'mcp', mcp: slowServer, limits });
    await shake();
    const call = (id: number, name: string) => send({ jsonrpc: '2.0', id, method: 'tools/call', params: { name } });
    call(2, 'count');
    expect((await answerTo(2)).result.content[0].text).toBe('1');
    call(3, 'slow');
    call(4, 'hang');
    call(5, 'count');
    await answerTo(5);
    await answerTo(3);
    const order = lines.map((line) => JSON.parse(line).id);
    expect(order.indexOf(5)).toBeLessThan(order.indexOf(3));
    const { result } = await answerTo(4);
    expect(result).toMatchObject({
      isError: true,
      structuredContent: { metadata: { fault: 'environment', cause: 'call_deadline' } },
    });
    input.end();
    await served;
  });
});
