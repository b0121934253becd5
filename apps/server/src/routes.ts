import { join } from 'node:path';
import { Readable } from 'node:stream';
import { configJsonSchema, runRequestSchema } from '@parl-mt/schema';
import type { FastifyBaseLogger, FastifyInstance, RawServerDefault } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { ApiError } from './api-error.js';
import { eventStream } from './event-stream.js';
import { resolveInputPaths } from './request-paths.js';
import { listFiles, openFile } from './run-files.js';
import type { RunQueue } from './run-queue.js';
import { errorSchema, hasEnded, runSchema, runStatusSchema } from './run-resource.js';
import type { RunStore } from './run-store.js';

export interface RouteContext {
  readonly store: RunStore;
  readonly queue: RunQueue;
  readonly runsDir: string;
  readonly version: string;
  /** Existing folders that input paths may point into; the first is the data folder. */
  readonly inputRoots: readonly string[];
  readonly heartbeatMs: number;
  readonly closing: AbortSignal;
}

type App = FastifyInstance<
  RawServerDefault,
  import('node:http').IncomingMessage,
  import('node:http').ServerResponse,
  FastifyBaseLogger,
  ZodTypeProvider
>;

const idParams = z.strictObject({ id: z.string().describe('Id of the run.') });
const refusal = (description: string) => errorSchema.describe(description);
const refusals = {
  400: refusal('The request is malformed; problems name the fields.'),
  403: refusal('The Host or Origin header names a foreign site.'),
};
const notFound = { 404: refusal('No such run.') };
const conflict = { 409: refusal("The run's status does not permit it.") };
const content = (contentType: string, description: string, schema: z.ZodType) => ({
  description,
  content: { [contentType]: { schema } },
});
/** What one message of the event stream holds; OpenAPI tools apply a stream's schema to each message. */
const eventMessage = z.object({
  id: z.string().describe('Number within the run, from 1.'),
  event: z.string().describe('Type of the event.'),
  data: z.string().describe('The event as JSON.'),
});

/** Every route of the API; each schema is both what is checked and what `/openapi.json` says. */
export function addRoutes(app: App, context: RouteContext): void {
  const methods = new Map<string, string[]>();
  app.addHook('onRoute', ({ url, method }) => {
    methods.set(url, [...(methods.get(url) ?? []), ...[method].flat()]);
  });
  addServerRoutes(app, context);
  addRunRoutes(app, context);
  addOutputRoutes(app, context);
  // Known paths with another method: 405 and what is allowed, instead of a 404 that hides the mistake.
  for (const [url, allowed] of [...methods]) {
    app.route({
      method: app.supportedMethods.filter((method) => !allowed.includes(method)),
      url,
      schema: { hide: true },
      onRequest: async (request, reply) => {
        reply.header('allow', allowed.join(', '));
        throw new ApiError(405, 'METHOD', `expected ${allowed.join(' or ')}, received ${request.method}`);
      },
      handler: () => {},
    });
  }
}

function addServerRoutes(app: App, { store, version }: RouteContext): void {
  app.get(
    '/healthz',
    {
      schema: {
        summary: 'Is the server up?',
        response: { 200: z.object({ status: z.literal('ok') }).describe('It is.'), 403: refusals[403] },
      },
    },
    () => ({ status: 'ok' as const }),
  );
  app.get(
    '/v1/info',
    {
      schema: {
        summary: 'Version, load, and the JSON Schema of each kind of run',
        response: {
          200: z
            .object({
              version: z.string(),
              node: z.string(),
              queued: z.number().int(),
              running: z.number().int(),
              kinds: z.record(z.string(), z.record(z.string(), z.unknown())),
            })
            .describe('What this server can run.'),
          403: refusals[403],
        },
      },
    },
    () => ({
      version,
      node: process.version,
      queued: store.withStatus('queued').length,
      running: store.withStatus('running').length,
      kinds: Object.fromEntries(
        runRequestSchema.options.map(({ shape }) => [shape.kind.value, { ...configJsonSchema(shape.config) }]),
      ),
    }),
  );
  app.get('/openapi.json', { schema: { hide: true } }, () => app.swagger());
}

function addRunRoutes(app: App, { store, queue, inputRoots }: RouteContext): void {
  app.post(
    '/v1/runs',
    {
      schema: {
        summary: 'Queue a run',
        body: runRequestSchema,
        response: {
          201: runSchema.describe('The run, queued or running.'),
          ...refusals,
          413: refusal('The body is too long.'),
          415: refusal('The body is not JSON.'),
        },
      },
    },
    async (request, reply) => {
      const run = queue.submit(request.body.kind, resolveInputPaths(request.body, inputRoots));
      return reply.code(201).header('location', `/v1/runs/${run.id}`).send(run);
    },
  );
  app.get(
    '/v1/runs',
    {
      schema: {
        summary: 'Runs, newest first',
        querystring: z.strictObject({
          limit: z.coerce.number().int().min(1).max(200).default(50).describe('Most runs of one page.'),
          before: z.coerce.number().int().min(1).optional().describe('`next` of the page before.'),
          status: runStatusSchema.optional().describe('Only runs in this status.'),
        }),
        response: {
          200: z
            .object({
              runs: z.array(runSchema),
              next: z.number().int().nullable().describe('Pass as `before` for the next page; null on the last.'),
            })
            .describe('One page.'),
          ...refusals,
        },
      },
    },
    (request) => {
      const { runs, next } = store.list(request.query);
      return { runs: [...runs], next };
    },
  );
  app.get(
    '/v1/runs/:id',
    {
      schema: {
        summary: 'One run',
        params: idParams,
        response: { 200: runSchema.describe('The run.'), ...refusals, ...notFound },
      },
    },
    (request) => knownRun(store, request.params.id),
  );
  app.delete(
    '/v1/runs/:id',
    {
      schema: {
        summary: 'Forget an ended run and delete its files',
        params: idParams,
        response: { 204: z.null().describe('Gone.'), ...refusals, ...notFound, ...conflict },
      },
    },
    async (request, reply) => {
      queue.remove(request.params.id);
      return reply.code(204).send(null);
    },
  );
  app.post(
    '/v1/runs/:id/cancel',
    {
      schema: {
        summary: 'Cancel a queued or running run',
        description: 'A running run gets SIGINT, saves and stops; after the grace time it is killed.',
        params: idParams,
        response: {
          202: runSchema.describe('The run, which may still be saving.'),
          ...refusals,
          ...notFound,
          ...conflict,
        },
      },
    },
    async (request, reply) => reply.code(202).send(queue.cancel(request.params.id)),
  );
  app.post(
    '/v1/runs/:id/resume',
    {
      schema: {
        summary: 'Queue an interrupted, cancelled or failed run again',
        description: 'It goes on in its folder, from its last checkpoint where it has one.',
        params: idParams,
        response: { 202: runSchema.describe('The run, queued or running.'), ...refusals, ...notFound, ...conflict },
      },
    },
    async (request, reply) => reply.code(202).send(queue.resume(request.params.id)),
  );
}

function addOutputRoutes(app: App, context: RouteContext): void {
  const { store, runsDir } = context;
  app.get(
    '/v1/runs/:id/events',
    {
      schema: {
        summary: 'Events of a run as server-sent events',
        description:
          'Replays what is stored, then follows the run until it ends. A reconnect with Last-Event-ID goes on after that event.',
        params: idParams,
        headers: z.object({
          'last-event-id': z.coerce.number().int().min(0).optional().describe('Number of the last event received.'),
        }),
        response: {
          200: content('text/event-stream', 'One event per message.', eventMessage),
          204: z.null().describe('The run has ended and every event was received: do not reconnect.'),
          ...refusals,
          ...notFound,
        },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      const after = request.headers['last-event-id'] ?? 0;
      const run = knownRun(store, id);
      if (hasEnded(run.status) && after > 0 && store.events(id, after, 1).length === 0) {
        return reply.code(204).send(null);
      }
      return reply
        .header('content-type', 'text/event-stream')
        .header('cache-control', 'no-cache')
        .header('x-accel-buffering', 'no')
        .send(Readable.from(eventStream(context, id, after)) as never);
    },
  );
  app.get(
    '/v1/runs/:id/files',
    {
      schema: {
        summary: 'Files of a run',
        params: idParams,
        response: {
          200: z
            .object({
              files: z.array(z.object({ path: z.string(), sizeBytes: z.number().int(), modifiedAt: z.iso.datetime() })),
            })
            .describe('Plain files, sorted by path.'),
          ...refusals,
          ...notFound,
        },
      },
    },
    async (request) => {
      const { id } = knownRun(store, request.params.id);
      return { files: await listFiles(join(runsDir, id)) };
    },
  );
  app.get(
    '/v1/runs/:id/files/*',
    {
      schema: {
        summary: 'One file of a run',
        params: idParams.extend({ '*': z.string().describe('Path as listed.') }),
        response: {
          200: content('application/octet-stream', 'The content; its type follows the extension.', z.string()),
          ...refusals,
          404: refusal('No such run or file.'),
        },
      },
    },
    async (request, reply) => {
      const { id } = knownRun(store, request.params.id);
      const { handle, sizeBytes, contentType } = await openFile(join(runsDir, id), request.params['*']);
      reply
        .header('content-type', contentType)
        .header('content-length', sizeBytes)
        .header('x-content-type-options', 'nosniff')
        // A report is generated from what models wrote: its scripts must not act as this origin.
        .header('content-security-policy', 'sandbox allow-scripts');
      if (sizeBytes === 0) {
        await handle.close();
        return reply.send('' as never);
      }
      // A file may grow while it is sent: exactly the announced bytes go out.
      return reply.send(handle.createReadStream({ start: 0, end: sizeBytes - 1 }) as never);
    },
  );
}

function knownRun(store: RunStore, id: string) {
  const run = store.get(id);
  if (run === undefined) {
    throw new ApiError(404, 'NOT_FOUND', `no run ${id}`);
  }
  return run;
}
