import { type SynthesisConfig, synthesisConfigSchema } from '@parl-mt/schema';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { synthesisClasses } from './scenario.js';
import { synthesizeTasks } from './synthesize.js';
import { validityReport } from './validity.js';

const CATEGORIES = ['base', 'miss_param', 'miss_func', 'long_context'] as const;

const configs: fc.Arbitrary<SynthesisConfig> = fc
  .record({
    tasks: fc.constant(8),
    seed: fc.nat({ max: 2 ** 40 }),
    minTurns: fc.integer({ min: 1, max: 4 }),
    extraTurns: fc.integer({ min: 0, max: 3 }),
    maxCallsPerTurn: fc.integer({ min: 1, max: 4 }),
    distractorTools: fc.integer({ min: 0, max: 8 }),
    phrasings: fc.integer({ min: 1, max: 12 }),
    referenceRate: fc.double({ min: 0, max: 1, noNaN: true }),
    classes: fc.uniqueArray(fc.constantFrom(...synthesisClasses), { minLength: 1 }),
    categories: fc.uniqueArray(fc.constantFrom(...CATEGORIES), { minLength: 1 }),
    maxClasses: fc.integer({ min: 1, max: 8 }),
  })
  .map(({ extraTurns, ...config }) =>
    synthesisConfigSchema.parse({
      ...config,
      // Every category needs room for its extra turn and a class that it can lengthen.
      maxTurns: Math.max(2, config.minTurns + extraTurns),
      classes: [...new Set([...config.classes, 'GorillaFileSystem'])],
    }),
  );

test('every task passes the official checker, tells every argument, reveals nothing early and occurs once', () => {
  fc.assert(
    fc.property(configs, (config) => {
      const { refused, differingCalls, unrecoverable, earlyReveals, duplicates, twistProblems } = validityReport(
        synthesizeTasks(config),
      );
      expect([
        ...refused,
        ...differingCalls,
        ...unrecoverable,
        ...earlyReveals,
        ...duplicates,
        ...twistProblems,
      ]).toEqual([]);
    }),
    { numRuns: 60 },
  );
});

test('equal configurations give equal bytes', () => {
  fc.assert(
    fc.property(configs, (config) => {
      expect(JSON.stringify(synthesizeTasks(config))).toBe(JSON.stringify(synthesizeTasks(config)));
    }),
    { numRuns: 15 },
  );
});

test('every ground-truth call is needed: it changes the state, or tells a result that no call in that state told before', () => {
  fc.assert(
    fc.property(configs, (config) => {
      for (const { trace } of synthesizeTasks(config)) {
        const told = new Set<string>();
        for (const { call, changesState } of trace.flatMap(({ calls }) => calls)) {
          if (changesState) told.clear();
          expect(told.has(call)).toBe(false);
          told.add(call);
        }
      }
    }),
    { numRuns: 15 },
  );
});
