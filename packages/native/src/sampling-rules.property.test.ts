import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type ProcessLogitsInput,
  processLogits,
  processLogitsReference,
  type SamplingRules,
} from './sampling-rules.js';

const VOCAB = 23;
const token = fc.integer({ min: 0, max: VOCAB - 1 });
const tokens = (max: number) => fc.array(token, { maxLength: max });
const logit = fc.oneof(
  fc.double({ min: -20, max: 20, noNaN: true }),
  fc.constantFrom(0, 1, 1, -1, Number.NEGATIVE_INFINITY, 1e30, -1e30),
);
const rules: fc.Arbitrary<SamplingRules> = fc.record(
  {
    topK: fc.integer({ min: 0, max: VOCAB + 3 }),
    topP: fc.oneof(fc.double({ min: 0, max: 1, noNaN: true }), fc.constantFrom(0, 1)),
    minP: fc.oneof(fc.double({ min: 0, max: 1, noNaN: true }), fc.constantFrom(0, 1)),
    repetitionPenalty: fc.double({ min: 0.1, max: 3, noNaN: true }),
    noRepeatNgramSize: fc.integer({ min: 0, max: 4 }),
    badWords: fc.array(fc.array(token, { minLength: 1, maxLength: 3 }), { maxLength: 3 }),
    minLength: fc.integer({ min: 0, max: 12 }),
    minNewTokens: fc.integer({ min: 0, max: 5 }),
    endTokens: tokens(2),
    suppressTokens: tokens(3),
    beginSuppressTokens: tokens(3),
  },
  { requiredKeys: [] },
);
const input: fc.Arbitrary<ProcessLogitsInput> = fc
  .record({
    logits: fc.array(logit, { minLength: VOCAB, maxLength: VOCAB }).map((row) => Float32Array.from(row)),
    // Few tokens, so that n-grams repeat.
    tokens: fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 12 }).map((row) => Int32Array.from(row)),
    share: fc.double({ min: 0, max: 1, noNaN: true }),
    temperature: fc.oneof(fc.constantFrom(0, 1), fc.double({ min: 0.05, max: 5, noNaN: true })),
    rules,
  })
  .map(({ share, ...rest }) => ({ ...rest, promptLength: Math.floor(share * rest.tokens.length) }));

/** The nearest decision of top-p or min-p is a matter of rounding: sums of equal weights come close to any limit. */
function isDecided(both: [Float32Array, Float32Array]): boolean {
  return both[0].every((score, i) => Number.isFinite(score) === Number.isFinite(both[1][i]!));
}

describe('processLogits', () => {
  test('equals the reference', () => {
    let undecided = 0;
    fc.assert(
      fc.property(input, (each) => {
        const ours = processLogits(each);
        const theirs = processLogitsReference(each);
        if (!isDecided([ours, theirs])) {
          undecided += 1;
          return;
        }
        expect(ours).toEqual(theirs);
      }),
      { numRuns: 2000 },
    );
    expect(undecided).toBeLessThan(5);
  });

  test('without rules and at temperature 1 nothing changes', () => {
    fc.assert(
      fc.property(input, ({ logits, tokens, promptLength }) => {
        expect(processLogits({ logits, tokens, promptLength, temperature: 1, rules: {} })).toEqual(logits);
      }),
    );
  });

  test('the likeliest token that is not banned survives every truncation', () => {
    fc.assert(
      fc.property(input, (each) => {
        const { topK: _k, topP: _p, minP: _m, ...bans } = each.rules;
        const before = processLogits({ ...each, rules: bans });
        const after = processLogits(each);
        const max = Math.max(...before);
        if (!Number.isFinite(max)) return;
        expect(Math.max(...after) === max).toBe(true); // 0 and -0 are as likely
        expect(after.every((score, i) => score === before[i] || score === Number.NEGATIVE_INFINITY)).toBe(true);
      }),
    );
  });

  test('a smaller top-p or top-k, or a larger min-p, keeps no token that a milder one drops', () => {
    const kept = (each: ProcessLogitsInput, change: SamplingRules): boolean[] =>
      Array.from(
        processLogits({ ...each, rules: { ...each.rules, topK: 0, topP: 1, minP: 0, ...change } }),
        Number.isFinite,
      );
    const pair = fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.double({ min: 0, max: 1, noNaN: true }));
    fc.assert(
      fc.property(input, pair, (each, [a, b]) => {
        const [low, high] = [Math.min(a, b), Math.max(a, b)];
        for (const [strict, mild] of [
          [{ topP: low }, { topP: high }],
          [{ minP: high }, { minP: low }],
          [{ topK: 1 + Math.floor(low * 9) }, { topK: 1 + Math.floor(high * 9) }],
        ]) {
          const [few, many] = [kept(each, strict!), kept(each, mild!)];
          expect(few.every((isKept, i) => !isKept || many[i])).toBe(true);
        }
      }),
    );
  });

  test('a NaN stays where it is, for the sampler to report', () => {
    const logits = Float32Array.of(1, Number.NaN, 2);
    const scores = processLogits({
      logits,
      tokens: new Int32Array(),
      promptLength: 0,
      temperature: 2,
      rules: { topK: 1, topP: 0.5, minP: 0.5 },
    });
    expect(scores).toEqual(Float32Array.of(0.5, Number.NaN, 1));
  });

  test.each([
    [{ topP: 1.5 }, 'expected topP to be in [0, 1], received 1.5'],
    [{ topK: -1 }, 'expected topK to be an integer'],
    [{ repetitionPenalty: 0 }, 'expected repetitionPenalty to be in (0, 1e6], received 0'],
    [{ badWords: [[]] }, 'expected badWords[0] to hold at least one token'],
    [{ suppressTokens: [99] }, 'expected suppressTokens[0] to be a token in [0, 3), received 99'],
    [{ minP: Number.NaN }, 'expected minP'],
  ])('refuses %o', (bad, message) => {
    const each = { logits: new Float32Array(3), tokens: new Int32Array(), promptLength: 0, temperature: 1 };
    expect(() => processLogits({ ...each, rules: bad })).toThrow(message);
  });
});
