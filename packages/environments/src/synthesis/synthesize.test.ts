import { CancelledError, ConfigError, type SynthesisConfig, synthesisConfigSchema, taskSchema } from '@parl-mt/schema';
import { describe, expect, test } from 'vitest';
import { BfclEnvironment } from '../bfcl/bfcl-environment.js';
import { taskFingerprint } from './fingerprint.js';
import { coveredMethods } from './planner.js';
import { generateTasks, synthesizeTasks } from './synthesize.js';
import { validityReport } from './validity.js';

const configure = (options: Partial<SynthesisConfig>): SynthesisConfig =>
  synthesisConfigSchema.parse({ tasks: 30, seed: 5, ...options });

describe('synthesizeTasks', () => {
  test('gives the number of tasks asked for, each one fitting the schema', () => {
    const tasks = synthesizeTasks(configure({ tasks: 7 }));
    expect(tasks.map(({ task }) => taskSchema.parse(task).id)).toEqual(
      [0, 1, 2, 3, 4, 5, 6].map((index) => `synthetic_5_${index}`),
    );
  });

  test('the first tasks do not depend on how many are asked for', () => {
    expect(synthesizeTasks(configure({ tasks: 10 })).slice(0, 4)).toEqual(synthesizeTasks(configure({ tasks: 4 })));
  });

  test('other seeds give other tasks', () => {
    const known = new Set(synthesizeTasks(configure({ tasks: 50, seed: 1 })).map(({ task }) => taskFingerprint(task)));
    const other = synthesizeTasks(configure({ tasks: 50, seed: 2 })).map(({ task }) => taskFingerprint(task));
    expect(other.filter((fingerprint) => known.has(fingerprint))).toEqual([]);
  });

  test('keeps to the numbers of turns and calls', () => {
    for (const { trace } of synthesizeTasks(configure({ minTurns: 2, maxTurns: 3, maxCallsPerTurn: 3 }))) {
      expect(trace.length).toBeGreaterThanOrEqual(2);
      expect(trace.length).toBeLessThanOrEqual(3);
      for (const { calls } of trace) {
        expect(calls.length).toBeGreaterThanOrEqual(1);
        expect(calls.length).toBeLessThanOrEqual(3);
      }
    }
  });

  test('single turns and single calls are possible', () => {
    const tasks = synthesizeTasks(configure({ minTurns: 1, maxTurns: 1, maxCallsPerTurn: 1 }));
    expect(tasks.flatMap(({ trace }) => trace.map(({ calls }) => calls.length))).toEqual(Array(30).fill(1));
  });

  test('offers the needed functions and as many others as asked', () => {
    for (const { task, trace } of synthesizeTasks(configure({ distractorTools: 2 }))) {
      const needed = new Set(trace.flatMap(({ calls }) => calls.map(({ method }) => method)));
      const offered = task.tools.map(({ name }) => name);
      expect(new Set(offered).size).toBe(needed.size + 2);
      expect([...needed].filter((name) => !offered.includes(name))).toEqual([]);
    }
  });

  test('draws from the chosen classes only', () => {
    for (const { task } of synthesizeTasks(configure({ classes: ['TicketAPI', 'GorillaFileSystem'] }))) {
      expect(['GorillaFileSystem', 'TicketAPI']).toEqual(expect.arrayContaining(task.involvedClasses));
    }
  });

  test('a reference rate of 0 points at nothing that an earlier turn told', () => {
    const tasks = synthesizeTasks(configure({ referenceRate: 0 }));
    const report = validityReport(tasks);
    expect(report.referenceRate).toBe(0);
    expect(report.argumentsByDistance).toEqual({});
  });

  test('a reference rate of 1 states nothing again that it can point at', () => {
    expect(validityReport(synthesizeTasks(configure({ referenceRate: 1 }))).referenceRate).toBe(1);
  });

  test('the reached reference rate is the configured one', () => {
    const { referenceRate } = validityReport(synthesizeTasks(configure({ tasks: 400, referenceRate: 0.3 })));
    // About 1000 places: three standard errors of a share of 0.3 are 3 * sqrt(0.3 * 0.7 / 1000) = 0.043.
    expect(Math.abs(referenceRate - 0.3)).toBeLessThan(0.05);
  });

  test('the trace holds what a fresh environment answers, and which calls changed it', () => {
    const environment = new BfclEnvironment();
    for (const { task, trace } of synthesizeTasks(configure({}))) {
      environment.reset(task, 0);
      for (const { call, result, changesState } of trace.flatMap(({ calls }) => calls)) {
        const before = environment.digest();
        expect(environment.execute(call)).toEqual({ content: result, isError: false });
        expect(environment.digest() !== before).toBe(changesState);
      }
    }
  });

  test('every covered method occurs', () => {
    const report = validityReport(synthesizeTasks(configure({ tasks: 1500 })));
    const covered = configure({}).classes.flatMap((name) => coveredMethods(name as 'MathAPI'));
    expect(Object.keys(report.callsByMethod).sort()).toEqual([...covered].sort());
  });

  test('refuses unknown classes, no classes and contradictory numbers of turns', () => {
    expect(() => synthesizeTasks(configure({ classes: ['TravelAPI'] }))).toThrow(
      new ConfigError(
        'expected synthesis classes among GorillaFileSystem, TwitterAPI, MathAPI, TicketAPI, received TravelAPI',
      ),
    );
    expect(() => synthesizeTasks(configure({ classes: [] }))).toThrow(/received none/);
    expect(() => synthesizeTasks(configure({ minTurns: 4, maxTurns: 3 }))).toThrow(/minTurns <= maxTurns/);
  });

  test('reports progress and stops when cancelled', () => {
    const controller = new AbortController();
    const seen: number[] = [];
    const onProgress = (done: number): void => {
      seen.push(done);
      if (done === 3) controller.abort();
    };
    const drawn = generateTasks(configure({}), { onProgress, signal: controller.signal });
    expect(() => [...drawn]).toThrow(CancelledError);
    expect(seen).toEqual([1, 2, 3]);
  });
});
