import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Fixtures } from './fixture.js';
import { type FixtureFile, runConformance } from './report.js';
import { conformanceTable } from './table.js';
import { compare, compared, compareNumber, exact, fault, float32, holds, leftOut } from './verdict.js';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'conformance-'));
  mkdirSync(path.join(folder, 'fixtures/rl'), { recursive: true });
  const line = (name: string, x: number) =>
    JSON.stringify({ name, source: 's', options: {}, inputs: { x }, outputs: { y: 2 * x }, fault: name === 'broken' });
  writeFileSync(
    path.join(folder, 'fixtures/rl/doubling.jsonl'),
    `${[line('one', 1), line('broken', 2), line('far', 3), line('odd', 4)].join('\n')}\n`,
  );
});
afterAll(() => rmSync(folder, { recursive: true }));

const doubling = (double: (x: number) => number): FixtureFile => ({
  file: 'doubling.jsonl',
  judge: ({ name, fault: isFault, inputs, outputs }) => {
    if (name === 'odd') return leftOut('no such function here');
    if (isFault) return fault('ours is right', holds('right', true));
    return compared(compareNumber('y', double(inputs['x'] as number), outputs['y'] as number, float32));
  },
});

describe('a report', () => {
  test('counts what matched, the faults and what was left out, and passes', async () => {
    const report = await runConformance(new Fixtures(folder), [doubling((x) => x + x)]);
    expect(report.isPassing).toBe(true);
    expect(report.files[0]).toMatchObject({ cases: 4, matched: 2, mismatches: [] });
    const table = conformanceTable(report);
    expect(table).toContain('no such function here (1): odd');
    expect(table).toContain('ours is right (1): broken');
    expect(table).toMatch(/conforming$/);
  });

  test('names the case that is off, and does not pass', async () => {
    const report = await runConformance(new Fixtures(folder), [doubling((x) => (x === 3 ? 6.1 : 2 * x))]);
    expect(report.isPassing).toBe(false);
    expect(report.files[0]!.mismatches).toMatchObject([{ name: 'far', what: 'y' }]);
    expect(conformanceTable(report)).toContain('far: y, error 0.1');
  });

  test('an exception is a mismatch of its case alone; nothing compared does not pass', async () => {
    const throwing = doubling(() => {
      throw new Error('boom');
    });
    const report = await runConformance(new Fixtures(folder), [throwing]);
    expect(report.files[0]!.mismatches.map(({ name, what }) => [name, what])).toEqual([
      ['one', 'threw boom'],
      ['far', 'threw boom'],
    ]);
    const absent = await runConformance(new Fixtures(folder), [{ ...throwing, file: 'none.jsonl' }]);
    expect(absent.isPassing).toBe(false);
    expect(conformanceTable(absent)).toContain('not in the data folder');
  });
});

describe('compare', () => {
  test('NaN and infinities match themselves only, lengths must agree', () => {
    expect(compare('', [NaN, Infinity, 1], [NaN, Infinity, 1], exact).ratio).toBe(0);
    expect(compare('', [NaN], [0], float32).ratio).toBe(Infinity);
    expect(compare('', [1], [Infinity], float32).ratio).toBe(Infinity);
    expect(compare('', [-Infinity], [Infinity], float32).ratio).toBe(Infinity);
    expect(compare('', [1, 2], [1], float32).ratio).toBe(Infinity);
  });
  test('float32 is relative to the largest expected entry', () => {
    expect(compare('', [1000, 0.005], [1000, 0], float32).ratio).toBeCloseTo(0.5, 9);
    expect(compare('', [1000, 0.02], [1000, 0], float32).ratio).toBeCloseTo(2, 9);
    expect(compare('', [9, 1], [0, 1], float32, (i) => i === 1).ratio).toBe(0);
  });
});
