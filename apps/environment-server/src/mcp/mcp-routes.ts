import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { CapacityError, type SessionPool } from '../session-pool.js';
import type { TaskCatalog } from '../task-catalog.js';
import { parseWithArguments } from './arguments-meta.js';
import { createToolServer } from './tool-server.js';

export interface McpRoutesOptions {
  readonly catalog: TaskCatalog;
  readonly pool: SessionPool;
  readonly version: string;
}

const PARSE_ERROR = -32700;
const METHOD_NOT_FOUND = -32601;
const SERVER_ERROR = -32000;
const SESSION_NOT_FOUND = -32001;

/** MCP over streamable HTTP at `/mcp`: one episode per MCP session. */
export function addMcpRoutes(app: FastifyInstance, { catalog, pool, version }: McpRoutesOptions): void {
  const transports = new Map<string, StreamableHTTPServerTransport>();
  const onError = (error: unknown) => app.log.warn(error);

  app.post('/mcp', async (request, reply) => {
    let message: unknown;
    try {
      message = parseWithArguments(typeof request.body === 'string' ? request.body : '');
    } catch (error) {
      return refuse(reply, 400, PARSE_ERROR, `Parse error: ${(error as Error).message}`);
    }
    const id = sessionIdOf(request);
    if (id !== undefined) return await hand(request, reply, id, message);
    if (methodOf(message) !== 'initialize') {
      // Clients of later protocols ask for other methods first, and fall back on this answer.
      return refuse(reply, 400, METHOD_NOT_FOUND, 'expected initialize, or the header Mcp-Session-Id', idOf(message));
    }
    try {
      const transport = await open();
      return await handTo(transport, request, reply, message);
    } catch (error) {
      if (!(error instanceof CapacityError)) throw error;
      return refuse(reply, 503, SERVER_ERROR, error.message, idOf(message));
    }
  });
  app.get('/mcp', async (request, reply) => await hand(request, reply, sessionIdOf(request), undefined));
  app.delete('/mcp', async (request, reply) => await hand(request, reply, sessionIdOf(request), undefined));
  app.addHook('preClose', async () => {
    await Promise.all([...transports.values()].map((transport) => transport.close()));
  });

  async function open(): Promise<StreamableHTTPServerTransport> {
    const pooled = pool.open();
    const { id, session } = pooled;
    const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: () => id });
    transports.set(id, transport);
    pooled.onExpired = () => void transport.close();
    const server = createToolServer(async () => session, { name: catalog.name, version, onError });
    server.onclose = () => {
      transports.delete(id);
      void pool.close(id);
    };
    // The SDK's own declarations are not exact about optional properties.
    await server.connect(transport as Parameters<typeof server.connect>[0]);
    return transport;
  }

  async function hand(request: FastifyRequest, reply: FastifyReply, id: string | undefined, message: unknown) {
    if (id === undefined) return refuse(reply, 400, SERVER_ERROR, 'expected the header Mcp-Session-Id');
    const transport = transports.get(id);
    // Finding a session counts as a sign of its client.
    if (transport === undefined || pool.find(id) === undefined) {
      return refuse(reply, 404, SESSION_NOT_FOUND, 'Session not found');
    }
    return await handTo(transport, request, reply, message);
  }
}

async function handTo(
  transport: StreamableHTTPServerTransport,
  request: FastifyRequest,
  reply: FastifyReply,
  message: unknown,
): Promise<FastifyReply> {
  reply.hijack();
  await transport.handleRequest(request.raw, reply.raw, message);
  return reply;
}

function refuse(
  reply: FastifyReply,
  status: number,
  code: number,
  message: string,
  id: string | number | null = null,
): FastifyReply {
  return reply.code(status).send({ jsonrpc: '2.0', error: { code, message }, id });
}

function sessionIdOf({ headers }: FastifyRequest): string | undefined {
  const id = headers['mcp-session-id'];
  return typeof id === 'string' && id !== '' ? id : undefined;
}

function methodOf(message: unknown): unknown {
  return typeof message === 'object' && message !== null ? (message as { method?: unknown }).method : undefined;
}

function idOf(message: unknown): string | number | null {
  const id = typeof message === 'object' && message !== null ? (message as { id?: unknown }).id : undefined;
  return typeof id === 'string' || typeof id === 'number' ? id : null;
}
