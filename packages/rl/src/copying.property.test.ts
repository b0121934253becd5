import fc from 'fast-check';
import { expect, test } from 'vitest';
import { copyingExamples } from './copying.js';

const options = fc.record({ vocabSize: fc.integer({ min: 2, max: 5000 }), seed: fc.nat() });

test('what is predicted stands in the run before, after what precedes it there', () => {
  fc.assert(
    fc.property(options, fc.integer({ min: 1, max: 2000 }), (drawn, tokens) => {
      for (const example of copyingExamples(tokens, drawn)) {
        const text = [...example.tokens];
        const first = example.lossMask.indexOf(1);
        expect(first).toBeGreaterThan(10);
        expect(example.lossMask.slice(first).every((flag) => flag === 1)).toBe(true);
        const copy = text.slice(first - 1);
        expect(copy.length).toBeGreaterThanOrEqual(5);
        const offsets = text.slice(0, first).map((_, i) => i);
        const isRepeated = offsets.some((i) => i + copy.length < first && copy.every((id, k) => text[i + k] === id));
        expect(isRepeated).toBe(true);
        expect(text.every((id) => id >= 0 && id < drawn.vocabSize)).toBe(true);
      }
    }),
    { numRuns: 50 },
  );
});

test('same seed, same examples; a smaller budget gives a prefix; another seed gives others', () => {
  const drawn = { vocabSize: 1000, seed: 3 };
  const examples = copyingExamples(3000, drawn);
  expect(copyingExamples(3000, drawn)).toEqual(examples);
  const fewer = copyingExamples(1000, drawn);
  expect(fewer).toEqual(examples.slice(0, fewer.length));
  const count = examples.reduce((sum, { tokens }) => sum + tokens.length, 0);
  expect(count).toBeGreaterThanOrEqual(3000);
  expect(count - examples.at(-1)!.tokens.length).toBeLessThan(3000);
  expect(copyingExamples(3000, { ...drawn, seed: 4 })).not.toEqual(examples);
  expect(copyingExamples(0, drawn)).toEqual([]);
});
