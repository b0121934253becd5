import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { absolute, Ledger, relative } from './ledger.js';
import { ModelFixtures } from './model-fixtures.js';
import { modelTable, runModelConformance } from './report.js';
import type { ModelSection } from './section.js';

let data: string;
beforeAll(() => {
  data = mkdtempSync(path.join(tmpdir(), 'conformance-models-'));
  mkdirSync(path.join(data, 'fixtures/models/numbers'), { recursive: true });
  for (const name of ['a.json', 'b.json', 'forgotten.json']) {
    writeFileSync(path.join(data, 'fixtures/models/numbers', name), '[1, 2, 3]');
  }
});
afterAll(() => rmSync(data, { recursive: true }));

const section = (off: number): ModelSection => ({
  name: 'numbers',
  run(fixtures, ledger) {
    const values = fixtures.json<number[]>('numbers/a.json');
    ledger.compare('numbers/a.json', 'values', [1, 2], values.slice(0, 2), absolute(0.5), 'first');
    ledger.compare('numbers/a.json', 'values', [3 + off], values.slice(2), absolute(0.5), 'last');
    ledger.use('numbers/b.json');
    ledger.leaveOut('numbers/b.json', 'values', 3, 'no such thing here');
  },
});

describe('a model report', () => {
  test('adds up rows of one kind, lists what was left out and what nobody used, and passes', async () => {
    const report = await runModelConformance(new ModelFixtures(data), [section(0.25)], { smollm2: undefined });
    expect(report.isPassing).toBe(true);
    expect(report.rows).toMatchObject([{ file: 'numbers/a.json', what: 'values', count: 3, error: 0.25, ratio: 0.5 }]);
    expect(report.unused).toEqual(['numbers/forgotten.json']);
    expect(modelTable(report)).toContain('numbers/b.json: 3 values, no such thing here');
    expect(modelTable(report)).toMatch(/conforming$/);
  });

  test('a difference beyond the tolerance is named and fails; so does an exception, and a report without rows', async () => {
    const off = await runModelConformance(new ModelFixtures(data), [section(1)], { smollm2: undefined });
    expect(off.isPassing).toBe(false);
    expect(modelTable(off)).toContain('numbers/a.json: last: values, error 1');
    const throwing = {
      name: 'broken',
      run: () => {
        throw new Error('boom');
      },
    };
    const broken = await runModelConformance(new ModelFixtures(data), [throwing], { smollm2: undefined });
    expect(broken.isPassing).toBe(false);
    expect(modelTable(broken)).toContain('threw Error: boom');
    expect((await runModelConformance(new ModelFixtures(data), [], { smollm2: undefined })).isPassing).toBe(false);
  });
});

describe('Ledger', () => {
  test('lengths must agree, NaN is no match, texts are counted', () => {
    const ledger = new Ledger();
    ledger.compare('f', 'lengths', [1], [1, 2], relative(1));
    ledger.compare('f', 'nan', [Number.NaN], [1], absolute(10));
    ledger.measure('f', 'norms', 1, Number.NaN, 1, 'relative');
    ledger.matches('f', 'texts', 4, ['a', 'b']);
    ledger.matches('f', 'texts', 4, ['c']);
    expect(ledger.rows.map(({ ratio }) => ratio)).toEqual([Infinity, Infinity, Infinity, Infinity]);
    expect(ledger.rows[3]).toMatchObject({ count: 8, error: 3, details: ['a', 'b', 'c'] });
  });
});
