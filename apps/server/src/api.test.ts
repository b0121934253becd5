import { runKindSchema } from '@parl-mt/schema';
import { fastify } from 'fastify';
import { expect, test } from 'vitest';
import { sendError } from './send-error.js';
import { submitPag, testFolder, testServer } from './server.testing.js';

test('health and info', async () => {
  using folder = testFolder();
  await using server = await testServer(folder);
  await submitPag(server);
  await submitPag(server);
  expect((await server.app.inject('/healthz')).json()).toEqual({ status: 'ok' });
  const info = (await server.app.inject('/v1/info')).json();
  expect(info).toMatchObject({ version: '0.0.0-test', running: 1, queued: 1 });
  expect(Object.keys(info.kinds)).toEqual([...runKindSchema.options]);
  expect(info.kinds.train.properties.rl.properties.groupSize).toMatchObject({ default: 8, minimum: 2 });
});

test('the OpenAPI document lists every route, with the schemas that requests are checked by', async () => {
  using folder = testFolder();
  await using server = await testServer(folder);
  const document = (await server.app.inject('/openapi.json')).json();
  expect(document.openapi).toBe('3.1.0');
  const operations = Object.entries<object>(document.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method} ${path}`),
  );
  expect(operations.sort()).toEqual([
    'delete /v1/runs/{id}',
    'get /healthz',
    'get /v1/info',
    'get /v1/runs',
    'get /v1/runs/{id}',
    'get /v1/runs/{id}/events',
    'get /v1/runs/{id}/files',
    'get /v1/runs/{id}/files/{*}',
    'post /v1/runs',
    'post /v1/runs/{id}/cancel',
    'post /v1/runs/{id}/resume',
  ]);
  const body = document.paths['/v1/runs'].post.requestBody.content['application/json'].schema;
  const train = body.oneOf.find(
    (branch: { properties: { kind: { enum: string[] } } }) => branch.properties.kind.enum[0] === 'train',
  );
  expect(train.properties.config.properties.rl.properties.groupSize).toMatchObject({ default: 8, minimum: 2 });
  expect(train.properties.config.required).toEqual(['init']);
});

test('unknown routes are 404, known paths with another method 405', async () => {
  using folder = testFolder();
  await using server = await testServer(folder);
  expect((await server.app.inject('/v2/runs')).json().error.code).toBe('NOT_FOUND');
  const answer = await server.app.inject({ method: 'PUT', url: '/v1/runs' });
  expect([answer.statusCode, answer.headers.allow]).toEqual([405, 'POST, GET']);
});

test('an internal failure shows no details', async () => {
  const app = fastify().setErrorHandler(sendError);
  app.get('/', () => {
    throw new Error('secret detail');
  });
  const answer = await app.inject('/');
  expect(answer.statusCode).toBe(500);
  expect(answer.json().error).toMatchObject({ code: 'INTERNAL', problems: [] });
  expect(answer.payload).not.toContain('secret detail');
});
