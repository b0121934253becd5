import fc from 'fast-check';
import { expect, test } from 'vitest';
import { validationTasks } from './split.js';

const taskIds = fc.uniqueArray(fc.string({ minLength: 1 }), { maxLength: 40 });

test('the held-out share is rounded, never empty and never everything, and does not depend on order', () => {
  fc.assert(
    fc.property(taskIds, fc.double({ min: 0.01, max: 0.5, noNaN: true }), fc.nat(), (ids, fraction, seed) => {
      const held = validationTasks(ids, fraction, seed);
      const rounded = Math.max(1, Math.round(fraction * ids.length));
      expect(held.size).toBe(ids.length < 2 ? 0 : Math.min(ids.length - 1, rounded));
      expect([...held].every((id) => ids.includes(id))).toBe(true);
      expect(validationTasks([...ids].reverse(), fraction, seed)).toEqual(held);
    }),
  );
});

test('no share, no tasks', () => {
  expect(validationTasks(['a', 'b', 'c'], 0, 1).size).toBe(0);
});
