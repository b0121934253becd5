import { expect, test } from 'vitest';
import { z } from 'zod';
import {
  closeSchema,
  configJsonSchema,
  InvalidConfigError,
  parseRunConfig,
  runConfigJsonSchema,
  runConfigSchemas,
  runKindSchema,
} from './index.js';

const problemsOf = (parse: () => unknown) => {
  try {
    parse();
  } catch (error) {
    if (error instanceof InvalidConfigError) {
      return error.problems;
    }
    throw error;
  }
  return [];
};

test('every kind has a schema, an output folder, and a description of every field', () => {
  expect(Object.keys(runConfigSchemas)).toEqual([...runKindSchema.options]);
  const walk = (section: ReturnType<typeof runConfigJsonSchema>, path: string): string[] =>
    Object.entries(section.properties ?? {}).flatMap(([key, field]) =>
      field.properties === undefined && field.description === undefined
        ? [`${path}.${key}`]
        : walk(field, `${path}.${key}`),
    );
  for (const kind of runKindSchema.options) {
    expect(walk(runConfigJsonSchema(kind), kind)).toEqual([]);
    expect(runConfigJsonSchema(kind).properties?.outDir?.default).toMatch(/^runs\//);
  }
});

test('setting one field of a section keeps the defaults of that section', () => {
  // rl.optimizer defaults to learningRate 1e-4, not to the 2e-3 of AdamW alone.
  const config = parseRunConfig('train', { init: 'x', rl: { optimizer: { beta1: 0.8 } } }, 'test');
  expect(config.rl.optimizer).toMatchObject({ beta1: 0.8, learningRate: 1e-4, weightDecay: 0 });
  const shown = runConfigJsonSchema('train').properties?.rl?.properties?.optimizer;
  expect(shown?.properties?.learningRate?.default).toBe(1e-4);
});

test('section defaults reach through several levels, the outermost winning', () => {
  const leaf = z.object({ a: z.number().default(1), b: z.number().default(1), c: z.number().default(1) });
  const schema = closeSchema(
    z.object({ outer: z.object({ inner: leaf.prefault({ a: 2, b: 2 }) }).prefault({ inner: { b: 3 } }) }),
  );
  expect(schema.parse({ outer: { inner: {} } })).toEqual({ outer: { inner: { a: 2, b: 3, c: 1 } } });
  expect(configJsonSchema(schema).properties?.outer?.properties?.inner?.properties?.b?.default).toBe(3);
});

test('checks of a section survive closing', () => {
  const ordered = z.object({ low: z.number(), high: z.number() }).refine((v) => v.low <= v.high, 'low above high');
  expect(closeSchema(z.object({ range: ordered })).safeParse({ range: { low: 2, high: 1 } }).success).toBe(false);
});

test('an unknown key is a problem at its path that lists the accepted keys', () => {
  const problems = problemsOf(() => parseRunConfig('train', { init: 'x', rl: { optimizer: { lr: 1 } } }, 'test'));
  expect(problems).toEqual([
    { path: 'rl.optimizer.lr', message: expect.stringMatching(/^unknown key; accepted here: learningRate, beta1/) },
  ]);
  expect(problemsOf(() => parseRunConfig('evaluate', { policy: { kind: 'ground-truth', path: 'x' } }, 'test'))).toEqual(
    [{ path: 'policy.path', message: expect.stringMatching(/^unknown key; accepted here: kind, path/) }],
  );
});

test('keys of the prototype are not taken for options', () => {
  expect(problemsOf(() => parseRunConfig('demo', JSON.parse('{"__proto__": {"x": 1}}'), 'test'))).toMatchObject([
    { path: '__proto__' },
  ]);
});

test('an endpoint names its key by a variable made for keys, never another one', () => {
  const policy = { kind: 'endpoint', model: 'm' };
  const evaluation = { benchmark: 'tau-bench' };
  const parse = (more: object) =>
    parseRunConfig('evaluate', { evaluation, policy: { ...policy, ...more } }, 'test').policy;
  expect(parse({})).toMatchObject({ baseUrl: 'https://api.openai.com/v1', apiKeyEnv: 'OPENAI_API_KEY' });
  expect(problemsOf(() => parse({ apiKeyEnv: 'AWS_SECRET_ACCESS_KEY' }))).toMatchObject([{ path: 'policy.apiKeyEnv' }]);
});

test('the demo has one seed: sections have none of their own', () => {
  expect(problemsOf(() => parseRunConfig('demo', { rl: { seed: 3 } }, 'test'))).toMatchObject([{ path: 'rl.seed' }]);
});

test('anything that is no object is refused without a crash', () => {
  for (const input of [null, undefined, 3, 'x', [], () => 0]) {
    expect(problemsOf(() => parseRunConfig('demo', input, 'request body'))).toMatchObject([{ path: '' }]);
  }
});
