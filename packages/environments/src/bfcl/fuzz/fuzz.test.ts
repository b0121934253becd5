import { expect, test } from 'vitest';
import { FUZZ_TARGETS, fuzzInput } from './fuzz-input.js';
import { FuzzRunner } from './fuzz-runner.js';

test('a slice of the fuzz inputs breaks nothing', () => {
  const runner = new FuzzRunner(7, 5000);
  for (let index = 0; index < 8000; index++) runner.run(index);
  expect(runner.findings).toEqual([]);
  expect([...runner.countPerTarget.values()]).toEqual(FUZZ_TARGETS.map(() => 2000));
});

test('the same seed and index give the same input, others another', () => {
  expect(fuzzInput(1, 5)).toEqual(fuzzInput(1, 5));
  const texts = new Set(Array.from({ length: 200 }, (_, index) => fuzzInput(1, index).text));
  expect(texts.size).toBeGreaterThan(150);
});

test('a runner finds a changed prototype and an exceeded time limit', () => {
  const slow = new FuzzRunner(1, -1);
  slow.run(0);
  expect(slow.findings.map(({ kind }) => kind)).toEqual(['slow']);
  const polluted = new FuzzRunner(1, 5000);
  Object.defineProperty(Object.prototype, 'polluted', { value: 1, configurable: true });
  try {
    polluted.run(0);
  } finally {
    Reflect.deleteProperty(Object.prototype, 'polluted');
  }
  expect(polluted.findings.map(({ kind }) => kind)).toEqual(['pollution']);
});
