import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { WebSocket } from 'ws';
import type { SessionPool } from '../session-pool.js';
import type { TaskCatalog } from '../task-catalog.js';
import { AttachedSessions } from './attached-sessions.js';
import { openApiDocument, schemas } from './documents.js';
import { answerRpc } from './json-rpc.js';
import { parseBody, parseJsonBody, stepBodySchema } from './messages.js';
import { performReset, performStep } from './perform.js';
import { type SocketHandler, serveRpcSocket, serveSocket } from './socket.js';
import { addTaskRoutes } from './task-routes.js';

export interface OpenEnvOptions {
  readonly catalog: TaskCatalog;
  readonly pool: SessionPool;
  readonly version: string;
}

/** Paths that take web sockets. */
export const SOCKET_PATHS: readonly string[] = ['/ws', '/mcp'];

/** Serves a socket that was opened at one of {@link SOCKET_PATHS}; undefined where it was refused. */
export type SocketServer = (socket: WebSocket, url: URL) => SocketHandler | undefined;

/**
 * OpenEnv over HTTP and WebSocket. HTTP reset, step and state are without memory, as the contract wants: each has a fresh
 * world. Bodies arrive as text (see {@link bodyText}), since parsing them forgets how numbers were spelled.
 *
 * @returns what serves the sockets.
 */
export function addOpenEnvRoutes(app: FastifyInstance, { catalog, pool, version }: OpenEnvOptions): SocketServer {
  const attached = new AttachedSessions(pool);
  const onError = (error: unknown) => app.log.error(error);
  const document = openApiDocument(
    catalog.description,
    catalog.splits.map(({ name }) => name),
  );

  app.get('/health', async () => ({ status: 'healthy' }));
  app.get('/metadata', async () => ({ name: catalog.name, description: catalog.description, version }));
  app.get('/schema', async () => schemas);
  app.get('/openapi.json', async () => document);
  app.get('/state', async () => ({ episode_id: null, step_count: 0 }));
  app.post('/reset', async (request) => {
    const value = bodyText(request) === '' ? {} : bodyOf(request);
    return await pool.use((session) => performReset(session, value, ['body']));
  });
  app.post('/step', async (request) => {
    const text = bodyText(request);
    const { action, timeout_s } = parseBody(stepBodySchema, bodyOf(request), ['body']);
    return await pool.use((session) => performStep(session, action, text, ['action'], timeout_s ?? undefined));
  });
  app.post('/mcp', async (request) =>
    answerRpc(bodyText(request), [], {
      pool,
      isAttached: (id) => attached.has(id),
      closeWhenDetached: (id) => attached.closeWhenDetached(id),
      onError,
    }),
  );
  addTaskRoutes(app, catalog, bodyOf);

  const context = { pool, attached, onError };
  return (socket, url) => {
    if (url.pathname === '/mcp') return serveRpcSocket(socket, context);
    const sessionId = url.searchParams.get('session_id');
    return serveSocket(socket, sessionId === null || sessionId === '' ? undefined : sessionId, context);
  };
}

/** The body as it came. */
function bodyText({ body }: FastifyRequest): string {
  return typeof body === 'string' ? body : '';
}

/** @throws {BodyError} for a body that is no JSON. */
function bodyOf(request: FastifyRequest): unknown {
  return parseJsonBody(bodyText(request), ['body']);
}
