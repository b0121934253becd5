import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import swagger from '@fastify/swagger';
import { checkListenAddress, hostProblem } from '@parl-mt/host-guard';
import { parseClosed, type ServerConfig, UsageError } from '@parl-mt/schema';
import fastify, { type FastifyInstance } from 'fastify';
import { jsonSchemaTransform, serializerCompiler, type ZodTypeProvider } from 'fastify-type-provider-zod';
import type { z } from 'zod';
import { ApiError } from './api-error.js';
import { addRoutes } from './routes.js';
import type { RunSpawner } from './run-process.js';
import { openRunQueue, type QueueTimers } from './run-queue.js';
import { openRunStore } from './run-store.js';
import { sendError } from './send-error.js';

export interface ServerOptions {
  readonly config: ServerConfig;
  /** Starts the process of a run. */
  readonly spawn: RunSpawner;
  /** Version shown by `/v1/info` and the OpenAPI document. */
  readonly version: string;
  /** Folder that relative paths of the configuration start from. */
  readonly cwd: string;
  readonly timers?: QueueTimers;
  /** Silence in an event stream after which a comment is sent, in milliseconds. Default 15000. */
  readonly heartbeatMs?: number;
  /** Where request failures are logged; nowhere by default. */
  readonly logStream?: { write(line: string): void };
}

/** A server that is ready for `app.inject`, and listens when told. */
export interface ParlServer extends AsyncDisposable {
  readonly app: FastifyInstance;
  /** Starts listening and resolves to the address, such as `http://127.0.0.1:8420`. */
  listen(): Promise<string>;
  /** Ends streams, lets the current run save within its grace time, and closes the database. */
  close(): Promise<void>;
}

const systemTimers: QueueTimers = {
  now: Date.now,
  after(delayMs, callback) {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
};

/**
 * The HTTP server over one data folder. Opening it settles the runs that the last server left behind.
 *
 * @throws {UsageError} for an address beyond loopback without the flag for it, an input root that does not exist, or a
 *   data folder that another server has open.
 */
export async function createServer(options: ServerOptions): Promise<ParlServer> {
  const { config, timers = systemTimers } = options;
  checkListenAddress(config.host, config.allowRemoteWithoutAuthentication);
  const dataDir = resolve(options.cwd, config.dataDir);
  const runsDir = join(dataDir, 'runs');
  mkdirSync(runsDir, { recursive: true });
  const inputRoots = [dataDir, ...config.inputRoots.map((root) => resolve(options.cwd, root))];
  const missingRoot = inputRoots.find((root) => !existsSync(root));
  if (missingRoot !== undefined) {
    throw new UsageError(`--input-roots: expected existing folders, nothing at ${missingRoot}`);
  }

  const app = fastify({
    bodyLimit: config.maxBodyBytes,
    // A HEAD request would open files and event streams only to drop them.
    exposeHeadRoutes: false,
    forceCloseConnections: true,
    logger: options.logStream === undefined ? false : { level: 'warn', stream: options.logStream },
  });
  const store = openRunStore(dataDir);
  const closing = new AbortController();
  const queue = openRunQueue({
    store,
    runsDir,
    timers,
    spawn: options.spawn,
    cancelGraceMs: config.cancelGraceMs,
    newId: () => randomBytes(8).toString('hex'),
    onError: (error) => app.log.error(error),
  });
  app.addHook('preClose', async () => closing.abort());
  app.addHook('onClose', async () => {
    await queue.close();
    store[Symbol.dispose]();
  });

  app.setValidatorCompiler(({ schema, httpPart }) => (data) => {
    try {
      return {
        value: parseClosed(schema as unknown as z.ZodType, data, httpPart === 'body' ? 'request body' : `${httpPart}`),
      };
    } catch (error) {
      return { error: error as Error };
    }
  });
  app.setSerializerCompiler(serializerCompiler);
  app.setErrorHandler(sendError);
  app.setNotFoundHandler((request) => {
    throw new ApiError(404, 'NOT_FOUND', `no route ${request.method} ${request.url.split('?')[0]}`);
  });
  // Only JSON bodies: a form of a foreign page can send text without asking the browser first.
  app.removeContentTypeParser('text/plain');
  app.addHook('onRequest', async (request) => {
    const problem = hostProblem(request.headers, {
      allowedHosts: config.allowedHosts,
      isRemoteAllowed: config.allowRemoteWithoutAuthentication,
    });
    if (problem !== undefined) throw new ApiError(403, problem.code, problem.message);
  });
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'PARL-MT runs',
        version: options.version,
        description: 'Starts, follows and cancels runs of parl-mt. No authentication: bound to loopback by default.',
      },
    },
    transform: jsonSchemaTransform,
  });
  await app.register(async (scope) =>
    addRoutes(scope.withTypeProvider<ZodTypeProvider>(), {
      store,
      queue,
      runsDir,
      version: options.version,
      inputRoots,
      heartbeatMs: options.heartbeatMs ?? 15_000,
      closing: closing.signal,
    }),
  );
  await app.ready();
  const close = () => app.close();
  return {
    app,
    listen: () => app.listen({ host: config.host, port: config.port }),
    close,
    [Symbol.asyncDispose]: close,
  };
}
