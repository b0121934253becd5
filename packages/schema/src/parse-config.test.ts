import { expect, test } from 'vitest';
import { ConfigError, evaluationConfigSchema, parseConfig, rlConfigSchema } from './index.js';

test('defaults fill what the input leaves out, nested objects included', () => {
  const config = parseConfig(rlConfigSchema, { optimizer: { beta1: 0.8 } }, 'rl');
  expect(config.optimizer).toMatchObject({ beta1: 0.8, beta2: 0.95 });
  expect(config.reward).toEqual({ format: 0.1, correctness: 0.3, success: 0.6, redundancy: 0.1 });
});

test('an unknown key is an error that names its path and the accepted keys', () => {
  expect(() => parseConfig(rlConfigSchema, { optimizer: { lr: 1 } }, 'rl.json')).toThrow(
    /rl\.json:\n {2}optimizer\.lr: unknown key; accepted here: learningRate, beta1/,
  );
});

test('a wrong value is an error that names its path', () => {
  expect(() => parseConfig(evaluationConfigSchema, { tasks: 0 }, 'body')).toThrow(ConfigError);
  expect(() => parseConfig(evaluationConfigSchema, { tasks: 0 }, 'body')).toThrow(/tasks: Too small/);
});

test('keys of the prototype are not taken for options', () => {
  expect(() => parseConfig(rlConfigSchema, JSON.parse('{"__proto__": {"x": 1}}'), 'rl')).toThrow(/unknown key/);
});
