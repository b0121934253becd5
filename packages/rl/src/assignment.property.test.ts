import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { bestAssignment } from './assignment.js';

/** Tries every assignment: the definition, for small sizes. */
function bruteForce(scores: readonly (readonly number[])[], row = 0, used = new Set<number>()): number {
  if (row === scores.length) return 0;
  const columns = scores[row]!.length;
  let best = scores.length - row > columns - used.size ? bruteForce(scores, row + 1, used) : Number.NEGATIVE_INFINITY;
  for (let c = 0; c < columns; c += 1) {
    if (used.has(c)) continue;
    best = Math.max(best, scores[row]![c]! + bruteForce(scores, row + 1, new Set([...used, c])));
  }
  return best;
}

function total(scores: readonly (readonly number[])[], columns: readonly number[]): number {
  return columns.reduce((sum, column, row) => sum + (column < 0 ? 0 : scores[row]![column]!), 0);
}

test('the assignment is one-to-one, complete and as good as the best of all', () => {
  const matrix = fc.tuple(fc.integer({ min: 0, max: 5 }), fc.integer({ min: 1, max: 5 })).chain(([rows, columns]) =>
    fc.array(fc.array(fc.integer({ min: -4, max: 8 }), { minLength: columns, maxLength: columns }), {
      minLength: rows,
      maxLength: rows,
    }),
  );
  fc.assert(
    fc.property(matrix, (scores) => {
      const columns = bestAssignment(scores);
      const used = columns.filter((column) => column >= 0);
      expect(new Set(used).size).toBe(used.length);
      expect(used.length).toBe(Math.min(scores.length, scores[0]?.length ?? 0));
      expect(total(scores, columns)).toBeCloseTo(bruteForce(scores), 9);
    }),
  );
});

test('a score that is not finite is refused by its place', () => {
  expect(() => bestAssignment([[0, Number.NaN]])).toThrow('expected finite scores, received NaN at row 0, column 1');
  expect(() => bestAssignment([[0, Number.POSITIVE_INFINITY]])).toThrow('received Infinity at row 0, column 1');
});

test('a pair of score -Infinity is never assigned', () => {
  const never = Number.NEGATIVE_INFINITY;
  expect(
    bestAssignment([
      [9, 1],
      [8, never],
    ]),
  ).toEqual([1, 0]);
  expect(() =>
    bestAssignment([
      [never, never],
      [1, 2],
    ]),
  ).toThrow('expected an assignment without the pairs of score -Infinity');
  expect(bestAssignment([[never], [3]])).toEqual([-1, 0]);
});

const shared = process.env['PARL_MT_SHARED'] ?? path.resolve(import.meta.dirname, '../../../../shared');
const fixture = path.join(shared, 'fixtures/rl/assignment.jsonl');

test.skipIf(!existsSync(fixture))('totals equal those of SciPy linear_sum_assignment', () => {
  const cases = readFileSync(fixture, 'utf8').trim().split('\n');
  for (const line of cases) {
    const { name, options, inputs, outputs } = JSON.parse(line) as {
      name: string;
      options: { maximize: boolean };
      inputs: { scores: (number | string)[][] };
      outputs: { value: number; pairs: number; error?: string };
    };
    const sign = options.maximize ? 1 : -1;
    // Infinite costs, which rule a pair out, and NaN are texts.
    const scores = inputs.scores.map((row) => row.map((value) => sign * Number(value)));
    if (outputs.error !== undefined) {
      expect(() => bestAssignment(scores), name).toThrow(RangeError);
      continue;
    }
    const columns = bestAssignment(scores);
    expect(sign * total(scores, columns), name).toBeCloseTo(outputs.value, 9);
    expect(columns.filter((column) => column >= 0).length, name).toBe(outputs.pairs);
  }
  expect(cases.length).toBeGreaterThan(300);
});
if (!existsSync(fixture)) console.log(`skipped: ${fixture} is absent (set PARL_MT_SHARED)`);
