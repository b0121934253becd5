import fc from 'fast-check';
import { expect, test } from 'vitest';
import { PrefixTree } from './prefix-tree.js';

/** Sequences that often begin alike: each takes some tokens of the one before it, then draws from two. */
const family = fc
  .array(fc.record({ kept: fc.nat(60), rest: fc.array(fc.nat(1), { maxLength: 40 }) }), { maxLength: 8 })
  .map((parts) => {
    const all: number[][] = [];
    for (const { kept, rest } of parts) all.push([...(all.at(-1)?.slice(0, kept) ?? []), ...rest]);
    return all;
  });

function treeOf(sequences: readonly (readonly number[])[]): PrefixTree {
  const tree = new PrefixTree();
  for (const tokens of sequences) tree.add(tokens, tree.shared(tokens));
  return tree;
}

test('the segments of a path make up its sequence, and each continues the one before it', () => {
  fc.assert(
    fc.property(family, (sequences) => {
      const tree = treeOf(sequences);
      const { segments, paths } = tree.segments();
      expect(paths.length).toBe(sequences.length);
      for (const [i, path] of paths.entries()) {
        const tokens = path.flatMap((s) => sequences[segments[s]!.sequence]!.slice(segments[s]!.from, segments[s]!.to));
        expect(tokens).toEqual(sequences[i]);
        for (const [place, s] of path.entries()) {
          expect(segments[s]!.parent).toBe(path[place - 1] ?? -1);
          expect(segments[s]!.parent).toBeLessThan(s);
        }
      }
      expect(segments.reduce((sum, { from, to }) => sum + to - from, 0)).toBe(tree.size);
    }),
  );
});

test('a long common beginning is there once, a short one as often as it comes', () => {
  const prompt = Array.from({ length: 30 }, (_, i) => i);
  expect(treeOf([0, 1, 2].map((last) => [...prompt, 90 + last])).size).toBe(33);
  expect(treeOf([0, 1].map((last) => [1, 2, 3, 90 + last])).size).toBe(8);
  expect(treeOf([prompt, prompt, prompt.slice(0, 20)]).size).toBe(30);
});

test('a place where another branched off is taken rather than one a few tokens on', () => {
  const prompt = Array.from({ length: 30 }, (_, i) => i);
  const tree = treeOf([
    [...prompt, 1, 2, 3],
    [...prompt, 4, 5],
    [...prompt, 4, 6],
  ]);
  expect(tree.segments().segments.length).toBe(4);
});
