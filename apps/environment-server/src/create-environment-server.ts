import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { checkListenAddress, hostProblem } from '@parl-mt/host-guard';
import type { EnvironmentServerConfig } from '@parl-mt/schema';
import fastify, { type FastifyError, type FastifyInstance } from 'fastify';
import { trackMethods } from './allowed-methods.js';
import { addMcpRoutes } from './mcp/mcp-routes.js';
import { BodyError } from './openenv/messages.js';
import { OpenSockets } from './openenv/open-sockets.js';
import { addOpenEnvRoutes, SOCKET_PATHS } from './openenv/openenv-routes.js';
import { RequestError } from './openenv/request-error.js';
import { SessionError } from './session-error.js';
import { sessionOptions } from './session-options.js';
import { CapacityError, SessionPool } from './session-pool.js';
import { loadCatalog, type TaskCatalog } from './task-catalog.js';

export interface EnvironmentServerOptions {
  readonly config: EnvironmentServerConfig;
  /** Version that clients are told. */
  readonly version: string;
  /** Folder that relative paths of the configuration start from. */
  readonly cwd: string;
  /** Where failures are logged; nowhere by default. */
  readonly logStream?: { write(line: string): void };
}

/** A server that is ready for `app.inject`, and listens when told. */
export interface EnvironmentServer extends AsyncDisposable {
  readonly app: FastifyInstance;
  readonly catalog: TaskCatalog;
  /** Episodes that are open. */
  readonly activeSessions: number;
  /** Starts listening and resolves to the address, such as `http://127.0.0.1:8430`. */
  listen(): Promise<string>;
  /** Lets the calls in progress end within their grace time, then closes every episode and its world. */
  close(): Promise<void>;
}

/**
 * Environments over HTTP: OpenEnv, or MCP's streamable HTTP.
 *
 * @throws {UsageError | ConfigError} for an address beyond loopback without the flag for it, and for benchmark data that is
 *   missing or broken.
 */
export async function createEnvironmentServer(options: EnvironmentServerOptions): Promise<EnvironmentServer> {
  const { config, version, cwd } = options;
  checkListenAddress(config.host, config.allowRemoteWithoutAuthentication);
  const catalog = loadCatalog(config, cwd);
  const { maxSessions, idleTimeoutMs } = config;
  const pool = new SessionPool({ ...(await sessionOptions(config, catalog)), maxSessions, idleTimeoutMs });
  const app = fastify({
    bodyLimit: config.maxMessageBytes,
    exposeHeadRoutes: false,
    forceCloseConnections: true,
    logger: options.logStream === undefined ? false : { level: 'warn', stream: options.logStream },
  });
  const guard = { allowedHosts: config.allowedHosts, isRemoteAllowed: config.allowRemoteWithoutAuthentication };
  app.addHook('onRequest', async (request) => {
    const problem = hostProblem(request.headers, guard);
    if (problem !== undefined) throw new RequestError(403, problem.message);
  });
  // Bodies stay text: parsed, they would forget how numbers were spelled. Other types would let a form of a foreign page in.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (_request, body, done) => done(null, body));
  app.setErrorHandler((error, request, reply) => {
    const { statusCode, detail } = describe(error);
    if (statusCode >= 500 && statusCode !== 503) request.log.error(error);
    return reply.code(statusCode).send({ detail });
  });
  const methodsAt = trackMethods(app);
  app.setNotFoundHandler((request, reply) => {
    const methods = methodsAt(request.url.split('?', 1)[0] as string);
    if (methods.length === 0) return reply.code(404).send({ detail: 'Not Found' });
    return reply.code(405).header('allow', methods.join(', ')).send({ detail: 'Method Not Allowed' });
  });

  const isAllowed = (request: IncomingMessage) => hostProblem(request.headers, guard) === undefined;
  const sockets = new OpenSockets(config.maxMessageBytes);
  if (config.protocol === 'mcp') {
    addMcpRoutes(app, { catalog, pool, version });
  } else {
    const serve = addOpenEnvRoutes(app, { catalog, pool, version });
    app.server.on('upgrade', (request, socket, head) => {
      const url = new URL(request.url ?? '/', 'http://localhost');
      if (!SOCKET_PATHS.includes(url.pathname)) refuseUpgrade(socket, '404 Not Found');
      else if (!isAllowed(request)) refuseUpgrade(socket, '403 Forbidden');
      else sockets.accept(request, socket, head, (opened) => serve(opened, url));
    });
  }
  app.addHook('preClose', () => sockets.close(config.shutdownGraceMs));
  app.addHook('onClose', async () => await pool.closeAll());
  await app.ready();
  const close = () => app.close();
  return {
    app,
    catalog,
    get activeSessions() {
      return pool.size;
    },
    listen: () => app.listen({ host: config.host, port: config.port }),
    close,
    [Symbol.asyncDispose]: close,
  };
}

function refuseUpgrade(socket: Duplex, status: string): void {
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}

function describe(error: unknown): { readonly statusCode: number; readonly detail: unknown } {
  if (error instanceof BodyError) return { statusCode: 422, detail: error.problems };
  if (error instanceof RequestError) return { statusCode: error.statusCode, detail: error.message };
  if (error instanceof CapacityError) return { statusCode: 503, detail: error.message };
  if (error instanceof SessionError) {
    return { statusCode: 422, detail: [{ type: error.kind, loc: ['body'], msg: error.message }] };
  }
  // Fastify's own refusals: body too long, another content type.
  const { statusCode, message } = error as Partial<FastifyError>;
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) return { statusCode, detail: message };
  return { statusCode: 500, detail: error instanceof Error ? error.message : 'internal error' };
}
