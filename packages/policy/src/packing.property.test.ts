import fc from 'fast-check';
import { expect, test } from 'vitest';
import { packSequences } from './packing.js';

const sequence = fc
  .array(fc.record({ token: fc.nat(50), isTarget: fc.boolean() }), { minLength: 0, maxLength: 12 })
  .map((items) => ({
    tokens: items.map(({ token }) => token),
    lossMask: items.map(({ isTarget }) => Number(isTarget)),
  }));

test('every sequence arrives once, whole and in order; batches respect the limit unless one sequence exceeds it', () => {
  fc.assert(
    fc.property(fc.array(sequence, { maxLength: 10 }), fc.integer({ min: 1, max: 30 }), (sequences, batchTokens) => {
      const unpacked: { tokens: number[]; targets: number[] }[] = [];
      for (const batch of packSequences(sequences, batchTokens)) {
        expect(batch.tokens.length <= batchTokens || batch.sequences.length === 1).toBe(true);
        for (const [s, index] of batch.sequences.entries()) {
          expect(index).toBe(unpacked.length);
          const [start, end] = [batch.offsets[s]!, batch.offsets[s + 1]!];
          expect([...batch.positions.subarray(start, end)]).toEqual(Array.from({ length: end - start }, (_, i) => i));
          const range = [batch.targetOffsets[s]!, batch.targetOffsets[s + 1]!] as const;
          for (let i = range[0]; i < range[1]; i++) {
            expect(batch.targetRows[i]).toBeGreaterThanOrEqual(start);
            expect(batch.tokens[batch.targetRows[i]! + 1]).toBe(batch.targets[i]);
          }
          unpacked.push({
            tokens: [...batch.tokens.subarray(start, end)],
            targets: [...batch.targets.subarray(...range)],
          });
        }
      }
      expect(unpacked).toEqual(
        sequences.map(({ tokens, lossMask }) => ({
          tokens,
          targets: tokens.filter((_, t) => t > 0 && lossMask[t] === 1),
        })),
      );
    }),
  );
});

test('a mask of another length and a batch without room are refused', () => {
  expect(() => packSequences([{ tokens: [1, 2], lossMask: [1] }], 8)).toThrow('length 2 for sequence 0, received 1');
  expect(() => packSequences([], 0)).toThrow('expected batchTokens of at least 1, received 0');
});
