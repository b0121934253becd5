import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type AttentionOptions, attentionBackward, attentionForward } from './index.js';
import {
  bits,
  expectGradient,
  expectSameOnAnyThreads,
  expectWithin,
  inner,
  mixedFloats,
  onEveryIsa,
  roundoff,
  seed,
} from './kernel-laws.testing.js';
import { attentionReference } from './reference/index.js';

const shape = fc
  .tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 }), fc.constantFrom(1, 3, 8, 16, 24, 33, 64))
  .map(([numKvHeads, group, headDim]) => ({ numHeads: numKvHeads * group, numKvHeads, headDim }));
/** For a segment: how many places before it the one that it continues stands; 0 for none. */
const ancestry = fc.array(fc.nat(3), { minLength: 4, maxLength: 4 });
const lengths = fc.array(fc.oneof(fc.constantFrom(0, 1, 2, 14, 15, 32, 33), fc.nat(60)), { maxLength: 4 });

function packed(list: readonly number[], s: AttentionOptions, start: number) {
  const offsets = new Int32Array(list.length + 1);
  for (const [i, length] of list.entries()) offsets[i + 1] = offsets[i]! + length;
  const n = offsets[list.length]!;
  return {
    offsets,
    q: mixedFloats(start, n * s.numHeads * s.headDim, 2),
    k: mixedFloats(start + 1, n * s.numKvHeads * s.headDim, 2),
    v: mixedFloats(start + 2, n * s.numKvHeads * s.headDim),
  };
}

function parentsOf(places: readonly number[], count: number): Int32Array {
  return Int32Array.from({ length: count }, (_, s) => (places[s] === 0 ? -1 : Math.max(-1, s - places[s]!)));
}

function forward(x: ReturnType<typeof packed>, s: AttentionOptions) {
  const out = new Float32Array(x.q.length);
  const lse = new Float32Array(x.q.length / s.headDim);
  attentionForward(x.q, x.k, x.v, x.offsets, out, lse, s);
  return { out, lse };
}

function backward(x: ReturnType<typeof packed>, s: AttentionOptions, dOut: Float32Array) {
  const { out, lse } = forward(x, s);
  const [dq, dk, dv] = [x.q, x.k, x.v].map((input) => new Float32Array(input.length));
  attentionBackward(dOut, x.q, x.k, x.v, out, lse, x.offsets, dq!, dk!, dv!, s);
  return [dq!, dk!, dv!];
}

describe('attention', () => {
  test('agrees with float64', () => {
    onEveryIsa(() => {
      fc.assert(
        fc.property(shape, lengths, ancestry, seed, (heads, list, places, start) => {
          const s = { ...heads, parents: parentsOf(places, list.length) };
          const x = packed(list, s, start);
          const { out, lse } = forward(x, s);
          const expected = attentionReference(x.q, x.k, x.v, x.offsets, s);
          // A score is at most 4 sqrt(headDim) and its chain rounds headDim times (twice on portable); weights move by as much.
          const tolerance = 8 * s.headDim ** 1.5 * roundoff + 200 * roundoff;
          expectWithin(lse, expected.lse, () => tolerance);
          expectWithin(out, expected.out, () => tolerance);
        }),
        { numRuns: 40 },
      );
    });
  });

  test('gradients are slopes of the float64 loss', () => {
    onEveryIsa(() => {
      fc.assert(
        fc.property(shape, lengths, ancestry, seed, (heads, list, places, start) => {
          const s = { ...heads, parents: parentsOf(places, list.length) };
          const x = packed(list, s, start);
          const dOut = mixedFloats(start + 3, x.q.length);
          const loss = (inputs: readonly Float64Array[]) =>
            inner(dOut, attentionReference(inputs[0]!, inputs[1]!, inputs[2]!, x.offsets, s).out);
          const tolerance = 1e-4 + x.q.length * 1e-6;
          expectGradient([x.q, x.k, x.v], backward(x, s, dOut), loss, tolerance);
        }),
        { numRuns: 12 },
      );
    });
  }, 120_000);

  test('a segment does not depend on the others, nor a row on later ones', () => {
    onEveryIsa(() => {
      fc.assert(
        fc.property(shape, lengths, seed, fc.nat(), (s, list, start, pick) => {
          fc.pre(list.some((length) => length > 0));
          const x = packed(list, s, start);
          const segment = list.findIndex((length) => length > 0);
          const first = x.offsets[segment]!;
          const rows = 1 + (pick % list[segment]!);
          const [width, kvWidth] = [s.numHeads * s.headDim, s.numKvHeads * s.headDim];
          const alone = forward(
            {
              offsets: Int32Array.of(0, rows),
              q: x.q.slice(first * width, (first + rows) * width),
              k: x.k.slice(first * kvWidth, (first + rows) * kvWidth),
              v: x.v.slice(first * kvWidth, (first + rows) * kvWidth),
            },
            s,
          );
          expect(bits(alone.out)).toEqual(bits(forward(x, s).out.slice(first * width, (first + rows) * width)));
        }),
        { numRuns: 40 },
      );
    });
  });

  test('a sequence has the same bits whole and cut into segments that continue each other', () => {
    onEveryIsa(() => {
      fc.assert(
        fc.property(shape, lengths, seed, (s, list, start) => {
          const x = packed(list, s, start);
          const whole = { ...x, offsets: Int32Array.of(0, x.offsets.at(-1)!) };
          const cut = forward(x, { ...s, parents: Int32Array.from(list, (_, i) => i - 1) });
          expect(bits(cut.out)).toEqual(bits(forward(whole, s).out));
          expect(bits(cut.lse)).toEqual(bits(forward(whole, s).lse));
        }),
        { numRuns: 40 },
      );
    });
  });

  test('gives the same bits on any number of threads', () => {
    const s = { numHeads: 4, numKvHeads: 2, headDim: 16 };
    const x = packed([300, 1, 150], s, 1);
    const dOut = mixedFloats(5, x.q.length);
    expectSameOnAnyThreads(() => [forward(x, s).out, ...backward(x, s, dOut)]);
    const shared = { ...s, parents: Int32Array.of(-1, 0, 0) };
    expectSameOnAnyThreads(() => [forward(x, shared).out, ...backward(x, shared, dOut)]);
  });

  test('huge scores are a hard choice, not an overflow', () => {
    const s = { numHeads: 1, numKvHeads: 1, headDim: 1 };
    const out = new Float32Array(2);
    const lse = new Float32Array(2);
    attentionForward(
      Float32Array.of(1e18, 1e18),
      Float32Array.of(1e18, -1e18),
      Float32Array.of(3, 5),
      Int32Array.of(0, 2),
      out,
      lse,
      s,
    );
    expect([...out]).toEqual([3, 3]);
    expect(lse[1]).toBe(Math.fround(1e36));
  });
});
