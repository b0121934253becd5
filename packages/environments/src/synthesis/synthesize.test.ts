import { createHash } from 'node:crypto';
import { CancelledError, ConfigError, type SynthesisConfig, synthesisConfigSchema, taskSchema } from '@parl-mt/schema';
import { describe, expect, test } from 'vitest';
import { BfclEnvironment } from '../bfcl/bfcl-environment.js';
import { taskFingerprint } from './fingerprint.js';
import { coveredMethods } from './planner.js';
import { synthesisClasses } from './scenario.js';
import { generateTasks, synthesizeTasks } from './synthesize.js';
import type { TurnTrace } from './trace.js';
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

  test('calls only the functions asked for', () => {
    const functions = ['cd', 'mkdir', 'touch', 'mv'];
    const config = configure({ classes: ['GorillaFileSystem'], functions });
    const called = synthesizeTasks(config).flatMap(({ trace }) => trace.flatMap(({ calls }) => calls));
    expect([...new Set(called.map(({ method }) => method))].sort()).toEqual([...functions].sort());
  });

  test('refuses functions that no chosen class has an operation for', () => {
    const config = configure({ classes: ['TicketAPI'], functions: ['create_ticket', 'mkdir'] });
    expect(() => synthesizeTasks(config)).toThrow(/create_ticket.*received mkdir/);
  });

  test('with one wording each, no two messages say the same wish in different words', () => {
    const config = configure({
      tasks: 60,
      classes: ['GorillaFileSystem'],
      functions: ['mkdir', 'touch'],
      phrasings: 1,
    });
    const frames = synthesizeTasks(config).flatMap(({ task }) =>
      task.turns.map(({ messages }) => messages[0]!.content.replaceAll(/'[^']*'/g, "'x'")),
    );
    const openings = new Set(
      frames.map((frame) => /(create a (?:file|folder) called)/i.exec(frame)?.[1]?.toLowerCase()),
    );
    expect([...openings].sort()).toEqual(['create a file called', 'create a folder called']);
  });

  test('uses no more names than asked for', () => {
    const tasks = synthesizeTasks(configure({ tasks: 200, classes: ['GorillaFileSystem'], names: 40 }));
    const text = tasks.map(({ task }) => task.initialConfig + JSON.stringify(task.turns)).join(' ');
    expect(new Set(text.match(/\b[a-z]+\.(?:txt|md|csv|log|json)\b/g)).size).toBe(40);
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

  test('with a reference reach, things are talked about again from further back', () => {
    const knobs = {
      tasks: 100,
      minTurns: 7,
      maxTurns: 7,
      maxCallsPerTurn: 1,
      classes: ['GorillaFileSystem'],
      files: 6,
    };
    const shareFromAfar = (referenceReach: number): number => {
      const distances = synthesizeTasks(configure({ ...knobs, referenceReach })).flatMap(({ trace }) =>
        trace.flatMap(({ calls }, turn) =>
          calls.flatMap(({ arguments: args }) =>
            args.flatMap(({ provenance }) =>
              provenance.kind === 'stated' ? [] : [turn - lastMention(trace, turn, provenance.literal)],
            ),
          ),
        ),
      );
      return distances.filter((distance) => distance >= 3).length / distances.length;
    };
    expect(shareFromAfar(1)).toBeLessThan(0.3);
    expect(shareFromAfar(4)).toBeGreaterThan(0.5);
  });

  test('the folder that a task starts in holds as many files as asked for, or one less', () => {
    for (const { task } of synthesizeTasks(configure({ tasks: 50, classes: ['GorillaFileSystem'], files: 6 }))) {
      const [root] = Object.values(JSON.parse(task.initialConfig).GorillaFileSystem.root) as [Listing];
      const visible = Object.entries(root.contents).filter(
        ([name, { type }]) => type === 'file' && !name.startsWith('.'),
      );
      expect([5, 6]).toContain(visible.length);
    }
  });

  test('a reference knows the function that it names a thing by', () => {
    const provenances = synthesizeTasks(configure({ tasks: 100, classes: ['GorillaFileSystem'] })).flatMap(
      ({ trace }) =>
        trace.flatMap(({ calls }) => calls.flatMap(({ arguments: args }) => args.map(({ provenance }) => provenance))),
    );
    const byPhrase = (phrase: string) =>
      new Set(
        provenances.flatMap((provenance) =>
          provenance.kind !== 'stated' && provenance.phrase === phrase ? [provenance.method] : [],
        ),
      );
    expect(byPhrase('the file you sorted')).toEqual(new Set(['sort']));
    expect(byPhrase('the folder you created')).toEqual(new Set(['mkdir']));
    expect(byPhrase('that folder')).toEqual(new Set([undefined]));
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

  test.each(synthesisClasses)('every covered method of %s occurs', (name) => {
    const tasks = synthesizeTasks(configure({ tasks: 220, classes: [name], maxCallsPerTurn: 3 }));
    const called = tasks.flatMap(({ trace }) => trace.flatMap(({ calls }) => calls.map(({ method }) => method)));
    expect([...new Set(called)].sort()).toEqual([...coveredMethods(name)].sort());
  });

  test('a missing parameter is asked for, and the next turn says it', () => {
    for (const { task, trace } of synthesizeTasks(configure({ categories: ['miss_param'] }))) {
      const empty = task.turns.findIndex(({ groundTruth }) => groundTruth.length === 0);
      expect(task.turns[empty + 1]?.groundTruth.length).toBeGreaterThan(0);
      // One value, no more: the first message has the rest, and the second only that one.
      const [first, second] = [trace[empty], trace[empty + 1]].map((turn) => turn?.userMessage ?? '') as [
        string,
        string,
      ];
      const stated = trace[empty + 1]!.calls.flatMap(({ arguments: args }) =>
        args.filter(({ provenance }) => provenance.kind === 'stated'),
      );
      const inSecond = stated.filter(
        ({ provenance: { phrase } }) => !first.toLowerCase().includes(phrase.toLowerCase()),
      );
      expect(new Set(inSecond.map(({ text }) => text)).size).toBe(1);
      expect(second).toContain(inSecond[0]!.provenance.phrase);
      expect(second.split(' ').length).toBeLessThan(20);
      expect(trace[empty]?.turnMessages.join()).toMatch(/\?$/);
      expect(task).toMatchObject({
        category: 'synthetic_miss_param',
        id: expect.stringMatching(/^synthetic_miss_param_/),
      });
      expect(task.turns.length).toBeLessThanOrEqual(configure({}).maxTurns);
    }
  });

  test('a held-out function is on offer from the turn on that needs it', () => {
    for (const { task } of synthesizeTasks(configure({ categories: ['miss_func'] }))) {
      const reveal = task.turns.findIndex(({ revealedTools }) => revealedTools !== undefined);
      const [name] = task.turns[reveal]!.revealedTools!;
      expect(task.tools.map((tool) => tool.name)).not.toContain(name);
      expect(task.heldOutTools?.map((tool) => tool.name)).toEqual([name]);
      expect(task.turns[reveal]!.groundTruth.some((call) => call.startsWith(`${name}(`))).toBe(true);
      expect(task.turns[reveal - 1]!.groundTruth).toEqual([]);
    }
  });

  test('long context makes results long, and is found without further ado', () => {
    const longest = (categories: SynthesisConfig['categories']) => {
      const tasks = synthesizeTasks(configure({ tasks: 40, classes: ['TradingBot', 'VehicleControlAPI'], categories }));
      const results = tasks.flatMap(({ trace }) =>
        trace.flatMap(({ calls }) => calls.map(({ result }) => result.length)),
      );
      return Math.max(...results);
    };
    expect(longest(['base'])).toBeLessThan(1000);
    expect(longest(['long_context'])).toBeGreaterThan(2000);
  });

  test('at most maxClasses classes are involved, and more than three where asked for', () => {
    const counts = (maxClasses: number) =>
      synthesizeTasks(configure({ tasks: 60, classes: [...synthesisClasses], maxClasses })).map(
        ({ task }) => task.involvedClasses.length,
      );
    expect(Math.max(...counts(2))).toBe(2);
    expect(Math.max(...counts(8))).toBeGreaterThan(3);
  });

  test('refuses categories that the knobs leave no room for', () => {
    expect(() => synthesizeTasks(configure({ categories: [] }))).toThrow(/at least one synthesis category/);
    expect(() => synthesizeTasks(configure({ minTurns: 1, maxTurns: 1, categories: ['miss_func'] }))).toThrow(
      /expected maxTurns of at least 2 for miss_func/,
    );
    expect(() => synthesizeTasks(configure({ classes: ['MathAPI'], categories: ['long_context'] }))).toThrow(
      /expected a class that long_context lengthens/,
    );
  });

  test('tasks of the first four classes are those that earlier versions drew', () => {
    const hash = (options: Partial<SynthesisConfig>) =>
      createHash('sha256')
        .update(JSON.stringify(synthesizeTasks(configure(options)), withoutMethods))
        .digest('hex');
    const demo = { minTurns: 3, maxTurns: 4, maxCallsPerTurn: 1, distractorTools: 2, referenceRate: 0.8 };
    // Printed by the generator before it knew further classes and categories.
    expect(hash({ tasks: 400, seed: 3 })).toBe('b0607e0cb4f506e262b8f0f61cc16b370514235f8481a22c9283e63b2b7a1697');
    expect(hash({ ...demo, tasks: 300, seed: 1, classes: ['GorillaFileSystem'] })).toBe(
      '1b2385ee85c923e2310de60ed3655b1733b50b3ad606440211d92ff48a0e6a17',
    );
  });

  test('refuses unknown classes, no classes and contradictory numbers of turns', () => {
    expect(() => synthesizeTasks(configure({ classes: ['BankAPI'] }))).toThrow(
      new ConfigError(
        'expected synthesis classes among GorillaFileSystem, TwitterAPI, MathAPI, TicketAPI, MessageAPI, TradingBot, ' +
          'TravelAPI, VehicleControlAPI, received BankAPI',
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

interface Listing {
  readonly contents: Readonly<Record<string, { readonly type: string }>>;
}

/** Leaves out of provenances what they did not hold when the tasks were first printed. */
function withoutMethods(key: string, value: unknown): unknown {
  if (key !== 'provenance') return value;
  const { method, ...rest } = value as { readonly method?: string };
  return rest;
}

/** The latest turn before `turn` whose message or calls name it. */
function lastMention(trace: readonly TurnTrace[], turn: number, literal: string): number {
  return trace
    .slice(0, turn)
    .findLastIndex(
      ({ userMessage, calls }) =>
        userMessage.includes(literal) || calls.some(({ call }) => call.includes(`'${literal}'`)),
    );
}
