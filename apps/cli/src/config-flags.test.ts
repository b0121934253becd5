import { runConfigJsonSchema, runKindSchema } from '@parl-mt/schema';
import { expect, test } from 'vitest';
import { configFlags, constraintText, valueName } from './config-flags.js';

const flagOf = (kind: 'train' | 'evaluate' | 'demo', key: string) =>
  configFlags(runConfigJsonSchema(kind)).find(({ path }) => path.join('.') === key);

test('nested keys are joined by dots in kebab case', () => {
  expect(flagOf('train', 'rl.groupSize')).toMatchObject({ name: 'rl.group-size', section: 'rl', isRequired: false });
  expect(flagOf('train', 'rl.optimizer.learningRate')).toMatchObject({ name: 'rl.optimizer.learning-rate' });
});

test('a schema may name its flag', () => {
  expect(flagOf('train', 'outDir')?.name).toBe('out');
  expect(flagOf('evaluate', 'bfclPath')?.name).toBe('bfcl');
});

test('only fields without a default are required', () => {
  const required = configFlags(runConfigJsonSchema('train')).filter(({ isRequired }) => isRequired);
  expect(required.map(({ name }) => name)).toEqual(['init']);
});

test('branches of a union become choices of one flag and the flags of each branch', () => {
  const kind = flagOf('evaluate', 'policy.kind')!;
  expect(valueName(kind.schema)).toBe('checkpoint|ground-truth|endpoint');
  expect(kind.schema.description).toContain('ground-truth: Replays');
  expect(flagOf('evaluate', 'policy.path')?.name).toBe('policy.path');
});

test('default and range are told, the safe integer range is not', () => {
  expect(constraintText(flagOf('train', 'rl.groupSize')!.schema)).toBe('default 8; at least 2');
  expect(constraintText(flagOf('train', 'rl.optimizer.beta1')!.schema)).toBe('default 0.9; at least 0; below 1');
  expect(valueName(flagOf('demo', 'pag.synthesis.classes')!.schema)).toBe('text,...');
});

test('no two flags of a command share a name, and none hides an option that every command has', () => {
  for (const kind of runKindSchema.options) {
    const names = configFlags(runConfigJsonSchema(kind)).map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    expect(names.filter((name) => ['config', 'set', 'json', 'help', 'version'].includes(name))).toEqual([]);
  }
});
