import { UsageError } from '@parl-mt/schema';
import { describe, expect, test } from 'vitest';
import { runFuzz } from './fuzz-run.js';
import type { FuzzTarget } from './fuzz-target.js';
import { modelFileTargets } from './model-file-targets.js';
import { InputRandom, mutate } from './mutation.js';

describe('fuzzing of model files', () => {
  test('thousands of mutated inputs are accepted or refused, nothing else', () => {
    const { findings, counts } = runFuzz(modelFileTargets, 7, 0, 6000);
    expect(findings).toEqual([]);
    for (const { name } of modelFileTargets) {
      // Mutations that are always refused, or never, would test nothing.
      expect(counts[name]!.accepted, name).toBeGreaterThan(10);
      expect(counts[name]!.refused, name).toBeGreaterThan(100);
    }
  });

  test('every seed is accepted as it is', () => {
    for (const { seeds, parse } of modelFileTargets) for (const bytes of seeds) parse(bytes);
  });

  test('an error that is no refusal, and memory out of proportion, are findings', () => {
    const kept: Uint8Array[] = [];
    const target = (name: string, parse: () => void): FuzzTarget => ({ name, seeds: [Uint8Array.of(1, 2, 3)], parse });
    const { findings } = runFuzz(
      [
        target('crash', () => {
          throw new TypeError('boom');
        }),
        target('refuse', () => {
          throw new UsageError('no');
        }),
        target('grow', () => {
          kept.push(new Uint8Array(8 << 20));
        }),
      ],
      1,
      0,
      3,
    );
    expect(findings.map(({ target: name }) => name)).toEqual(['crash', 'grow']);
    expect(kept.length).toBe(1);
  });

  test('an input is a function of seed and index', () => {
    const { seeds } = modelFileTargets[0]!;
    const make = (seed: number, index: number) => mutate(seeds, new InputRandom(seed, index));
    expect(make(1, 5)).toEqual(make(1, 5));
    expect(make(1, 5)).not.toEqual(make(1, 6));
    expect(make(1, 5)).not.toEqual(make(2, 5));
  });
});
