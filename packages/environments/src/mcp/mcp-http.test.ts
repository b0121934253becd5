import { randomUUID } from 'node:crypto';
import { createServer, type Server as HttpServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { CallToolRequestSchema, ListToolsRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { mcpServerConfigSchema, type Task } from '@parl-mt/schema';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { GuardedEnvironment } from '../guarded-environment.js';
import { McpEnvironment } from './mcp-environment.js';

const task: Task = {
  id: 'remote',
  environment: 'mcp',
  category: 'test',
  involvedClasses: [],
  initialConfig: '{}',
  tools: [],
  turns: [{ messages: [], groundTruth: [] }],
};

/** A server whose state belongs to the session; what it does with a request can be replaced. */
class RemoteServer {
  readonly sessions = new Map<string, StreamableHTTPServerTransport>();
  readonly ended: string[] = [];
  readonly authorizations = new Set<string | undefined>();
  cancelled = 0;
  intercept: ((request: IncomingMessage, response: ServerResponse) => boolean) | undefined;
  readonly #http: HttpServer = createServer((request, response) => void this.#handle(request, response));

  constructor(private readonly isJson: boolean) {}

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#http.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.#http.address() as AddressInfo).port}/mcp`;
  }

  async close(): Promise<void> {
    this.#http.closeAllConnections();
    await new Promise((resolve) => this.#http.close(resolve));
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.authorizations.add(request.headers.authorization);
    if (this.intercept?.(request, response) === true) return;
    const id = request.headers['mcp-session-id'];
    const known = typeof id === 'string' ? this.sessions.get(id) : undefined;
    const transport = known ?? (await this.#open());
    await transport.handleRequest(request, response);
  }

  async #open(): Promise<StreamableHTTPServerTransport> {
    const transport: StreamableHTTPServerTransport = new StreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      enableJsonResponse: this.isJson,
      onsessioninitialized: (id) => void this.sessions.set(id, transport),
      onsessionclosed: (id) => void this.ended.push(id),
    });
    let calls = 0;
    const server = new Server({ name: 'remote', version: '1' }, { capabilities: { tools: {} } });
    const names = ['count', 'hang', 'flood'];
    server.setRequestHandler(ListToolsRequestSchema, () => ({
      tools: names.map((name) => ({ name, inputSchema: { type: 'object' as const } })),
    }));
    server.setRequestHandler(CallToolRequestSchema, ({ params }, { signal }) => {
      calls += 1;
      signal.addEventListener('abort', () => {
        this.cancelled += 1;
      });
      if (params.name === 'hang') return new Promise<never>(() => {});
      return { content: [{ type: 'text', text: params.name === 'flood' ? 'x'.repeat(5_000_000) : String(calls) }] };
    });
    await server.connect(transport as never);
    return transport;
  }
}

describe.each([
  ['event streams', false],
  ['plain JSON', true],
])('a server over streamable HTTP, answers as %s', (_, isJson) => {
  let server: RemoteServer;
  let url: string;
  beforeEach(async () => {
    server = new RemoteServer(isJson);
    url = await server.listen();
  });
  afterEach(() => server.close());

  const world = (limits = {}) => {
    const headers = { authorization: 'Bearer secret' };
    const config = mcpServerConfigSchema.parse({ transport: 'http', url, headers });
    return new GuardedEnvironment(new McpEnvironment(config), limits);
  };
  const call = (environment: GuardedEnvironment, name: string) => environment.call({ name, arguments: '{}' });

  test('every episode is a session of its own, ended when the episode is over', async () => {
    const [one, two] = [world(), world()];
    await Promise.all([one.reset(task, 1), two.reset(task, 1)]);
    expect((await call(one, 'count')).content).toBe('1');
    expect((await call(one, 'count')).content).toBe('2');
    expect((await call(two, 'count')).content).toBe('1');
    await one.reset(task, 2);
    expect((await call(one, 'count')).content).toBe('1');
    await Promise.all([one.close(), two.close()]);
    expect(server.sessions.size).toBe(3);
    expect(server.ended.sort()).toEqual([...server.sessions.keys()].sort());
    expect([...server.authorizations]).toEqual(['Bearer secret']);
  });

  test('a hang is cancelled, a flood is cut, and the session goes on', async () => {
    const environment = world({ callTimeoutMs: 1000, maxResultBytes: 1000 });
    await environment.reset(task, 1);
    expect(await call(environment, 'hang')).toMatchObject({ fault: 'environment', cause: 'call_deadline' });
    await expect.poll(() => server.cancelled).toBe(1);
    expect(await call(environment, 'flood')).toMatchObject({ cause: 'output_limit', detail: '5000000 bytes' });
    expect((await call(environment, 'count')).content).toBe('3');
    await environment.close();
  });

  test.each([
    ['a web page', 200, 'text/html', '<html>sign in</html>', 'invalid_result'],
    ['broken JSON', 200, 'application/json', '{"jsonrpc": ', 'invalid_result'],
    ['JSON of another shape', 200, 'application/json', '{"answer": 42}', 'invalid_result'],
    ['a failure', 503, 'text/plain', 'overloaded', 'connection'],
    ['a forgotten session', 404, 'application/json', '{"error": "session not found"}', 'connection'],
  ])('an answer that is %s: the cause is recorded, the episode goes on', async (_, status, type, body, cause) => {
    const environment = world();
    await environment.reset(task, 1);
    server.intercept = (request, response) => {
      if (request.method !== 'POST') return false;
      response.writeHead(status, { 'content-type': type }).end(body);
      return true;
    };
    expect(await call(environment, 'count')).toMatchObject({ isError: true, fault: 'environment', cause });
    server.intercept = undefined;
    expect((await call(environment, 'count')).isError).toBe(false);
    await environment.close();
  });

  test('a server that goes away is a lost connection, and closing the episode does not hang', async () => {
    const environment = world();
    await environment.reset(task, 1);
    await server.close();
    expect(await call(environment, 'count')).toMatchObject({ fault: 'environment', cause: 'connection' });
    await environment.close();
    await expect(world().reset(task, 1)).rejects.toThrow('the environment did not start');
  });
});
