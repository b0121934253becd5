import { describe, expect, test } from 'vitest';
import {
  linearLogprobBackward,
  linearLogprobForward,
  logprobBackward,
  logprobForward,
  NativeValueError,
  ShapeError,
} from './index.js';

describe('logprobForward', () => {
  test('equal logits are a uniform distribution, at any temperature', () => {
    const { logprobs, entropies, lse } = logprobForward(new Float32Array(8).fill(5), Int32Array.of(0, 3), {
      n: 2,
      v: 4,
      temperature: 0.5,
    });
    for (const row of [0, 1]) {
      expect(logprobs[row]).toBeCloseTo(-Math.log(4), 6);
      expect(entropies[row]).toBeCloseTo(Math.log(4), 6);
      expect(lse[row]).toBeCloseTo(10 + Math.log(4), 5);
    }
  });

  test('an impossible token has probability 0 and leaves the others alone', () => {
    const logits = Float32Array.of(Number.NEGATIVE_INFINITY, 0, 0);
    const { logprobs, entropies } = logprobForward(logits, Int32Array.of(0), { n: 1, v: 3 });
    expect(logprobs[0]).toBe(Number.NEGATIVE_INFINITY);
    expect(entropies[0]).toBeCloseTo(Math.LN2, 6);
  });

  test('a NaN or +Infinity logit makes its row NaN, and no other', () => {
    const logits = Float32Array.of(1, Number.NaN, 1, Number.POSITIVE_INFINITY, 0, 0);
    const { logprobs } = logprobForward(logits, Int32Array.of(0, 0, 0), { n: 3, v: 2 });
    expect([...logprobs].map(Number.isNaN)).toEqual([true, true, false]);
  });

  test('the entropy can be left out', () => {
    const result = logprobForward(Float32Array.of(0, 0), Int32Array.of(0), { n: 1, v: 2, entropy: false });
    expect(result.entropies.length).toBe(0);
    expect(result.logprobs[0]).toBeCloseTo(-Math.LN2, 6);
  });

  test('targets and temperature are checked', () => {
    const logits = new Float32Array(4);
    expect(() => logprobForward(logits, Int32Array.of(0, 2), { n: 2, v: 2 })).toThrow(
      new ShapeError('logprobForward: expected targets[1] to be in 0..1, received 2'),
    );
    for (const temperature of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(() => logprobForward(logits, Int32Array.of(0, 0), { n: 2, v: 2, temperature })).toThrow(NativeValueError);
    }
  });
});

describe('logprobBackward', () => {
  test('the gradient of a log-probability is one-hot minus probabilities, over the temperature', () => {
    const logits = Float32Array.of(0, 0);
    const targets = Int32Array.of(1);
    const options = { n: 1, v: 2, temperature: 2 };
    const { lse, entropies } = logprobForward(logits, targets, options);
    const dLogits = new Float32Array(2);
    logprobBackward(Float32Array.of(1), null, logits, targets, lse, entropies, dLogits, options);
    expect(dLogits[0]).toBeCloseTo(-0.25, 6);
    expect(dLogits[1]).toBeCloseTo(0.25, 6);
  });

  test('an entropy gradient needs the entropies', () => {
    const x = new Float32Array(2);
    const one = Float32Array.of(1);
    expect(() => logprobBackward(one, one, x, Int32Array.of(0), one, new Float32Array(0), x, { n: 1, v: 2 })).toThrow(
      new ShapeError('logprobBackward: expected entropies.length to be 1, received 0'),
    );
  });
});

describe('linearLogprob', () => {
  test('is refused where the output of a gradient is an input', () => {
    const x = new Float32Array(4);
    const options = { n: 2, d: 2, v: 2 };
    const targets = Int32Array.of(0, 1);
    const { logprobs, lse, entropies } = linearLogprobForward(x, new Float32Array(4), targets, options);
    expect(() =>
      linearLogprobBackward(logprobs, null, x, new Float32Array(4), targets, lse, entropies, x, null, options),
    ).toThrow(new NativeValueError('expected dHidden and hidden not to overlap in memory'));
  });

  test('no tokens give no numbers', () => {
    const none = new Float32Array(0);
    expect(
      linearLogprobForward(none, new Float32Array(6), new Int32Array(0), { n: 0, d: 2, v: 3 }).logprobs.length,
    ).toBe(0);
  });
});
