import fc from 'fast-check';
import type { TokenRows } from './token-rows.js';

/** Rows of tokens with one number per token: any lengths (0, odd, around vector widths), any masks. */
export interface SampledRows {
  readonly rows: TokenRows;
  readonly lengths: readonly number[];
}

/** Lengths where loops begin, end and have a remainder. */
const length = fc.oneof(fc.constantFrom(0, 1, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33), fc.nat(70));

export function sampledRows(): fc.Arbitrary<SampledRows> {
  return fc.array(length, { maxLength: 9 }).chain((lengths) => {
    const tokens = lengths.reduce((sum, each) => sum + each, 0);
    const flags = fc.oneof(
      fc.constant(Array<number>(tokens).fill(1)),
      fc.array(fc.constantFrom(0, 1), { minLength: tokens, maxLength: tokens }),
      fc.constant(Array<number>(tokens).fill(0)),
    );
    return flags.map((mask) => {
      const offsets = new Int32Array(lengths.length + 1);
      for (const [row, each] of lengths.entries()) offsets[row + 1] = offsets[row]! + each;
      return { lengths, rows: { mask: Uint8Array.from(mask), offsets } };
    });
  });
}

/** One float32 per token of the rows, ordinary or of a given kind. */
export function floatsFor(rows: TokenRows, each: fc.Arbitrary<number>): fc.Arbitrary<Float32Array> {
  const count = rows.mask.length;
  return fc.array(each, { minLength: count, maxLength: count }).map((values) => Float32Array.from(values));
}

/** Numbers that tie often, and others. */
export const ordinary = fc.oneof(
  fc.constantFrom(0, 0.35, 1, -1),
  fc.double({ min: -8, max: 8, noNaN: true }).map(Math.fround),
);

/** The rows without one of them, and the values that go with it. */
export function withoutMasked(values: Float32Array, rows: TokenRows, instead: number): Float32Array {
  return values.map((value, t) => (rows.mask[t] === 0 ? instead : value));
}
