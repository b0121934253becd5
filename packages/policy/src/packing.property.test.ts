import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type PackedBatch, packSequences } from './packing.js';

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

test('shared beginnings are there once; every sequence still has its tokens, positions and targets', () => {
  const prompt = Array.from({ length: 40 }, (_, t) => t % 7);
  const drawn = fc.array(fc.tuple(fc.nat(40), sequence), { maxLength: 8 });
  fc.assert(
    fc.property(drawn, fc.integer({ min: 1, max: 120 }), (parts, batchTokens) => {
      const sequences = parts.map(([kept, { tokens, lossMask }]) => ({
        tokens: [...prompt.slice(0, kept), ...tokens],
        lossMask: [...prompt.slice(0, kept).map((token) => Number(token === 3)), ...lossMask],
      }));
      const found: { before: number[]; targets: number[] }[] = [];
      for (const batch of packSequences(sequences, batchTokens, { sharePrefixes: true })) {
        expect(batch.tokens.length <= batchTokens || batch.sequences.length === 1).toBe(true);
        expect(batch.offsets.at(-1)).toBe(batch.tokens.length);
        for (const [s, index] of batch.sequences.entries()) {
          expect(index).toBe(found.length);
          const range = [batch.targetOffsets[s]!, batch.targetOffsets[s + 1]!] as const;
          const rows = [...batch.targetRows.subarray(...range)];
          found.push({
            before: rows.map((row) => batch.positions[row]!),
            targets: [...batch.targets.subarray(...range)],
          });
          // The rows that a target's row sees are the beginning of its sequence.
          for (const row of rows)
            expect(seenFrom(batch, row)).toEqual(sequences[index]!.tokens.slice(0, batch.positions[row]! + 1));
        }
      }
      expect(found).toEqual(
        sequences.map(({ tokens, lossMask }) => {
          const places = tokens.flatMap((_, t) => (t > 0 && lossMask[t] === 1 ? [t] : []));
          return { before: places.map((t) => t - 1), targets: places.map((t) => tokens[t]!) };
        }),
      );
    }),
  );
});

test('rows behind the last target can be left out: the same batches and targets, and no row that none needs', () => {
  const drawn = fc.array(sequence, { maxLength: 8 });
  fc.assert(
    fc.property(drawn, fc.integer({ min: 1, max: 40 }), (sequences, batchTokens) => {
      const whole = packSequences(sequences, batchTokens);
      const used = packSequences(sequences, batchTokens, { untilLastTarget: true });
      expect(used.map(({ targets }) => [...targets])).toEqual(whole.map(({ targets }) => [...targets]));
      for (const [b, batch] of used.entries()) {
        expect(batch.sequences).toEqual(whole[b]!.sequences);
        expect(batch.targetOffsets).toEqual(whole[b]!.targetOffsets);
        for (const [s] of batch.sequences.entries()) {
          const [start, end] = [batch.offsets[s]!, batch.offsets[s + 1]!];
          const rows = batch.targetRows.subarray(batch.targetOffsets[s]!, batch.targetOffsets[s + 1]!);
          expect(end).toBe(rows.length === 0 ? start : rows.at(-1)! + 1);
          const from = whole[b]!.offsets[s]!;
          expect(batch.tokens.subarray(start, end)).toEqual(whole[b]!.tokens.subarray(from, from + end - start));
        }
      }
    }),
  );
});

test('a group takes the rows of its prompt once', () => {
  const prompt = Array.from({ length: 100 }, (_, t) => t);
  const group = Array.from({ length: 8 }, (_, i) => ({
    tokens: [...prompt, ...Array.from({ length: 10 }, (_, t) => 200 + i + t)],
    lossMask: [...prompt.map(() => 0), ...Array<number>(10).fill(1)],
  }));
  const [batch] = packSequences(group, 10_000, { sharePrefixes: true });
  expect(batch!.tokens.length).toBe(100 + 8 * 10);
  expect(batch!.targets.length).toBe(80);
  expect(packSequences(group, 10_000)[0]!.parents).toBeUndefined();
});

/** Tokens that a row attends to, its own the last. */
function seenFrom({ tokens, offsets, parents }: PackedBatch, row: number): number[] {
  let segment = offsets.findIndex((start, s) => start <= row && row < offsets[s + 1]!);
  let seen = [...tokens.subarray(offsets[segment], row + 1)];
  for (segment = parents?.[segment] ?? -1; segment >= 0; segment = parents![segment]!) {
    seen = [...tokens.subarray(offsets[segment], offsets[segment + 1]), ...seen];
  }
  return seen;
}
