import { expect, test } from 'vitest';
import { configJsonSchema, inputPaths, parseClosed, runConfigJsonSchema, runRequestSchema } from './index.js';

test('a request has the defaults of its kind, and no output folder of its own', () => {
  const request = parseClosed(runRequestSchema, { kind: 'pag', config: {} }, 'request body');
  expect(request.config).toMatchObject({ backend: 'parl', pag: { synthesis: { tasks: 600 } } });
  expect(request.config).not.toHaveProperty('outDir');
  expect(() => parseClosed(runRequestSchema, { kind: 'pag', config: { outDir: '/etc' } }, 'request body')).toThrow(
    /^invalid request body: config\.outDir: unknown key; accepted here: pag, judge, pretrained, backend$/,
  );
});

test('an unknown kind lists the known ones', () => {
  expect(() => parseClosed(runRequestSchema, { kind: 'tune', config: {} }, 'request body')).toThrow(
    /kind: .*'demo' \| 'pag' \| 'sft' \| 'train' \| 'evaluate'/,
  );
});

test('checks across fields hold for requests too', () => {
  const config = { policy: { kind: 'endpoint', model: 'm' }, evaluation: { benchmark: 'bfcl' } };
  expect(() => parseClosed(runRequestSchema, { kind: 'evaluate', config }, 'request body')).toThrow(
    /config\.policy\.kind: expected evaluation\.benchmark "tau-bench"/,
  );
});

test('the JSON Schema has one closed branch per kind', () => {
  const branches = configJsonSchema(runRequestSchema).oneOf ?? [];
  expect(branches.map(({ properties }) => properties?.kind?.const)).toEqual([
    'demo',
    'pag',
    'sft',
    'train',
    'evaluate',
  ]);
  expect(branches.every(({ properties }) => properties?.config?.additionalProperties === false)).toBe(true);
});

test('input paths are found at every depth, in unions too', () => {
  const schema = runConfigJsonSchema('evaluate');
  const checkpoint = { policy: { kind: 'checkpoint', path: 'a' }, bfclPath: 'b', outDir: 'c' };
  expect(inputPaths(schema, checkpoint)).toEqual([
    { path: ['policy', 'path'], value: 'a', kind: 'model' },
    { path: ['bfclPath'], value: 'b', kind: 'path' },
  ]);
  expect(inputPaths(schema, { policy: { kind: 'ground-truth' } })).toEqual([]);
});
