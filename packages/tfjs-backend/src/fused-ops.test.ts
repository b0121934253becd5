import { beforeAll, describe, expect, test } from 'vitest';
import {
  attentionReference,
  embeddingReference,
  linearLogprobReference,
  linearReference,
  rmsNormReference,
  ropeReference,
  swigluReference,
} from './fused-ops.reference.js';
import {
  addRmsNorm,
  type BackendName,
  causalAttention,
  embedding,
  linear,
  linearLogprob,
  linears,
  rmsNorm,
  rope,
  selectBackend,
  swiglu,
  tf,
} from './index.js';

/** One behaviour suite; both backends must pass all of it. */
describe.each(['parl', 'cpu'] as BackendName[])('fused ops on backend %s', (backend) => {
  beforeAll(() => selectBackend(backend));

  test.each([
    [0, 3, 2],
    [1, 1, 1],
    [5, 7, 3],
    [17, 32, 24],
  ])('linear: n=%i, in=%i, out=%i', (n, d, out) => {
    checkOp(
      [[n, d], [out, d], [out]],
      ([x, w, b]) => linear(x!, w!, b),
      ([x, w, b]) => linearReference(x!, w!, b!, d),
    );
    checkOp(
      [
        [n, d],
        [out, d],
      ],
      ([x, w]) => linear(x!, w!),
      ([x, w]) => linearReference(x!, w!, null, d),
    );
  });

  test('linears: several maps of one input, with and without bias', () => {
    checkOp(
      [[5, 6], [4, 6], [4], [3, 6]],
      ([x, w0, b0, w1]) => tf.concat(linears(x!, [{ weight: w0!, bias: b0! }, { weight: w1! }]).map(flat)),
      ([x, w0, b0, w1]) => joined(linearReference(x!, w0!, b0!, 6), linearReference(x!, w1!, null, 6)),
    );
  });

  test.each([
    [0, 4],
    [1, 1],
    [5, 7],
    [3, 64],
  ])('rmsNorm: n=%i, d=%i', (n, d) => {
    checkOp(
      [[n, d], [d]],
      ([x, w]) => rmsNorm(x!, w!, 1e-5),
      ([x, w]) => rmsNormReference(x!, w!, 1e-5),
    );
  });

  test.each([
    [0, 4],
    [1, 3],
    [5, 8],
  ])('addRmsNorm: n=%i, d=%i, gradients through both results', (n, d) => {
    checkOp(
      [[n, d], [n, d], [d]],
      ([x, delta, w]) => {
        const { sum, normed } = addRmsNorm(x!, delta!, w!, 1e-5);
        return tf.concat([flat(sum), flat(normed)]);
      },
      ([x, delta, w]) => {
        const sum = x!.map((value, i) => value + delta![i]!);
        return joined(sum, rmsNormReference(sum, w!, 1e-5));
      },
    );
  });

  test('addRmsNorm: only the norm is used', () => {
    checkOp(
      [[3, 5], [3, 5], [5]],
      ([x, delta, w]) => addRmsNorm(x!, delta!, w!, 1e-5).normed,
      ([x, delta, w]) =>
        rmsNormReference(
          x!.map((value, i) => value + delta![i]!),
          w!,
          1e-5,
        ),
    );
  });

  test.each([
    [0, 1, 2],
    [1, 1, 2],
    [5, 3, 6],
    [7, 2, 16],
  ])('rope: n=%i, heads=%i, headDim=%i', (n, numHeads, headDim) => {
    const positions = Int32Array.from({ length: n }, (_, i) => (i * 3) % 11);
    checkOp(
      [[n, numHeads * headDim]],
      ([x]) => rope(x!, positions, { numHeads, theta: 100 }),
      ([x]) => ropeReference(x!, positions, numHeads, 100),
    );
  });

  test('rope: given frequencies and a scale', () => {
    const positions = Int32Array.of(0, 4, 2);
    // Twice the frequencies of theta at half the positions are the same angles.
    const frequencies = Float32Array.of(2, 2 * 100 ** (-2 / 6), 2 * 100 ** (-4 / 6));
    checkOp(
      [[3, 12]],
      ([x]) => rope(x!, positions, { numHeads: 2, theta: 1e9, frequencies, scale: 1.25 }),
      ([x]) =>
        ropeReference(
          x!,
          positions.map((p) => 2 * p),
          2,
          100,
        ).map((value) => 1.25 * value),
    );
  });

  test.each([
    { offsets: [0], heads: 1, kvHeads: 1, headDim: 2 },
    { offsets: [0, 1], heads: 1, kvHeads: 1, headDim: 2 },
    { offsets: [0, 3, 3, 8], heads: 4, kvHeads: 2, headDim: 4 },
    { offsets: [0, 1, 6], heads: 3, kvHeads: 1, headDim: 6 },
    { offsets: [0, 9], heads: 2, kvHeads: 2, headDim: 8 },
  ])('causalAttention: $offsets, $heads/$kvHeads heads of $headDim', ({ offsets, heads, kvHeads, headDim }) => {
    const packed = Int32Array.from(offsets);
    const n = offsets.at(-1)!;
    checkOp(
      [
        [n, heads * headDim],
        [n, kvHeads * headDim],
        [n, kvHeads * headDim],
      ],
      ([q, k, v]) => causalAttention(q!, k!, v!, packed, { numHeads: heads, numKvHeads: kvHeads }),
      ([q, k, v]) => attentionReference(q!, k!, v!, packed, heads, kvHeads, headDim),
    );
  });

  test.each([
    [0, 3],
    [1, 1],
    [5, 7],
  ])('swiglu: [%i, %i]', (n, d) => {
    checkOp(
      [
        [n, d],
        [n, d],
      ],
      ([gate, up]) => swiglu(gate!, up!),
      ([gate, up]) => swigluReference(gate!, up!),
    );
  });

  test.each([
    { rows: 1, ids: [] },
    { rows: 1, ids: [0] },
    { rows: 5, ids: [3, 0, 3, 3, 4] },
  ])('embedding: $rows rows, ids $ids', ({ rows, ids }) => {
    const indices = Int32Array.from(ids);
    checkOp(
      [[rows, 3]],
      ([w]) => embedding(w!, indices),
      ([w]) => embeddingReference(w!, indices, 3),
    );
  });

  test.each([
    { n: 0, d: 3, vocab: 4, temperature: 1 },
    { n: 1, d: 1, vocab: 1, temperature: 1 },
    { n: 5, d: 7, vocab: 13, temperature: 1 },
    { n: 9, d: 8, vocab: 33, temperature: 0.7 },
  ])('linearLogprob: $n rows, d=$d, vocab=$vocab, temperature=$temperature', ({ n, d, vocab, temperature }) => {
    const targets = Int32Array.from({ length: n }, (_, i) => (i * 5) % vocab);
    checkOp(
      [
        [n, d],
        [vocab, d],
      ],
      ([hidden, weight]) => {
        const { logprobs, entropies } = linearLogprob(hidden!, weight!, targets, { temperature });
        return tf.concat([logprobs, entropies]);
      },
      ([hidden, weight]) => linearLogprobReference(hidden!, weight!, targets, d, temperature),
    );
    checkOp(
      [
        [n, d],
        [vocab, d],
      ],
      ([hidden, weight]) => linearLogprob(hidden!, weight!, targets, { temperature }).logprobs,
      ([hidden, weight]) => linearLogprobReference(hidden!, weight!, targets, d, temperature).slice(0, n),
    );
  });

  test('a value used twice gets the sum of both gradients', () => {
    checkOp(
      [
        [4, 6],
        [6, 6],
      ],
      ([x, w]) => {
        const once = linear(x!, w!);
        return swiglu(once, linear(once, w!));
      },
      ([x, w]) => {
        const once = linearReference(x!, w!, null, 6);
        return swigluReference(once, linearReference(once, w!, null, 6));
      },
    );
  });

  test('wrong extents and indices are refused with what was expected', () => {
    tf.tidy(() => {
      const x = tf.zeros([2, 3]);
      expect(() => linear(x, tf.zeros([4, 5]))).toThrow('expected weight of map 0 of shape [*, 3], received [4, 5]');
      expect(() => rmsNorm(x, tf.zeros([2]), 1e-6)).toThrow('expected weight of shape [3], received [2]');
      expect(() => embedding(x, Int32Array.of(0, 2))).toThrow('expected ids[1] in [0, 2), received 2');
      expect(() => rope(x, Int32Array.of(0, 1), { numHeads: 1, theta: 1e4 })).toThrow('heads of even width');
      expect(() => linearLogprob(x, x, Int32Array.of(0))).toThrow('expected targets of length 2, received 1');
      expect(() => linearLogprob(x, x, Int32Array.of(0, 0), { temperature: 0 })).toThrow('positive temperature');
      const options = { numHeads: 1, numKvHeads: 1 };
      expect(() => causalAttention(x, x, x, Int32Array.of(0, 1), options)).toThrow('offsets ascending from 0 to 2');
      expect(() => causalAttention(x, x, x, Int32Array.of(0, 2), { ...options, parents: Int32Array.of(0) })).toThrow(
        'expected 1 parents, each -1 or an earlier sequence, received [0]',
      );
    });
  });

  test('nothing is leaked: as many tensors after a gradient as before', () => {
    const [x, w] = [tf.ones([4, 6]), tf.ones([6, 6])];
    const before = tf.memory().numTensors;
    const gradient = tf.grad((value: tf.Tensor) =>
      tf.sum(swiglu(linear(value, w), rmsNorm(value, tf.ones([6]), 1e-6))),
    )(x);
    gradient.dispose();
    expect(tf.memory().numTensors).toBe(before);
    tf.dispose([x, w]);
  });
});

type Run = (inputs: tf.Tensor[]) => tf.Tensor;
type Reference = (inputs: Float64Array[]) => Float64Array;

/**
 * Values against the double-precision reference; gradients of sum(cotangent * output) against central differences of
 * that reference. Single precision with sums of at most 64 terms of size about 1: 64 * 2^-24 * 8 is about 3e-5.
 */
function checkOp(shapes: number[][], run: Run, reference: Reference): void {
  const arrays = shapes.map((shape, i) =>
    pseudoRandom(
      shape.reduce((a, b) => a * b, 1),
      i + 1,
    ),
  );
  const expected = reference(arrays);
  const cotangent = pseudoRandom(expected.length, 99);
  tf.tidy(() => {
    const inputs = shapes.map((shape, i) => tf.tensor(Float32Array.from(arrays[i]!), shape));
    expectClose(run(inputs).dataSync(), expected);
    if (expected.length === 0) return;
    const weights = tf.tensor(Float32Array.from(cotangent), [expected.length]);
    const gradients = tf.grads((...values: tf.Tensor[]) => tf.sum(tf.mul(flat(run(values)), weights)))(inputs);
    for (const [i, gradient] of gradients.entries()) {
      expect(gradient.shape).toEqual(shapes[i]);
      expectClose(gradient.dataSync(), centralDifferences(arrays, i, reference, cotangent));
    }
  });
}

function centralDifferences(
  arrays: Float64Array[],
  which: number,
  f: Reference,
  cotangent: Float64Array,
): Float64Array {
  const h = 1e-5;
  const loss = (value: number, at: number) => {
    const moved = arrays.map((array) => array.slice());
    moved[which]![at] = value;
    return f(moved).reduce((sum, output, i) => sum + output * cotangent[i]!, 0);
  };
  return arrays[which]!.map((value, i) => (loss(value + h, i) - loss(value - h, i)) / (2 * h));
}

function expectClose(actual: ArrayLike<number>, expected: Float64Array): void {
  expect(actual.length).toBe(expected.length);
  for (let i = 0; i < expected.length; i++) {
    const difference = Math.abs(actual[i]! - expected[i]!);
    if (!(difference <= 3e-5 * Math.max(1, Math.abs(expected[i]!)))) {
      expect.fail(`element ${i}: expected ${expected[i]}, received ${actual[i]}`);
    }
  }
}

/** Values in (-1, 1), rounded to single precision so that both sides start from the same numbers. */
function pseudoRandom(length: number, seed: number): Float64Array {
  let state = seed * 7919;
  return Float64Array.from({ length }, () => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return Math.fround((state / 2 ** 32) * 2 - 1);
  });
}

function flat(tensor: tf.Tensor): tf.Tensor1D {
  return tf.reshape(tensor, [tensor.size]);
}

function joined(...arrays: Float64Array[]): Float64Array {
  return Float64Array.from(arrays.flatMap((array) => [...array]));
}
