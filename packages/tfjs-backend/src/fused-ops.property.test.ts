import fc from 'fast-check';
import { beforeAll, expect, test } from 'vitest';
import {
  adaptedLinearComposite,
  adaptedLinears,
  addRmsNorm,
  addRmsNormComposite,
  causalAttention,
  causalAttentionComposite,
  embedding,
  embeddingComposite,
  linear,
  linearComposite,
  linearLogprob,
  linearLogprobComposite,
  rmsNorm,
  rmsNormComposite,
  rope,
  ropeComposite,
  selectBackend,
  swiglu,
  swigluComposite,
  tf,
} from './index.js';

beforeAll(() => selectBackend('parl'));

/** Sizes around vector widths, and nothing. */
const extent = fc.constantFrom(0, 1, 2, 3, 5, 7, 8, 9, 16, 17, 33);
const positive = extent.filter((n) => n > 0);

/** An op in both forms, with the shapes of its differentiable inputs. */
interface Case {
  readonly shapes: readonly number[][];
  readonly fused: (inputs: tf.Tensor[]) => tf.Tensor[];
  readonly composite: (inputs: tf.Tensor[]) => tf.Tensor[];
}

const cases: Readonly<Record<string, fc.Arbitrary<Case>>> = {
  linear: fc.tuple(extent, positive, positive, fc.boolean()).map(([n, d, out, hasBias]) => ({
    shapes: hasBias
      ? [[n, d], [out, d], [out]]
      : [
          [n, d],
          [out, d],
        ],
    fused: ([x, w, b]) => [linear(x!, w!, b)],
    composite: ([x, w, b]) => [linearComposite(x!, w!, b)],
  })),
  // The weight under an adapter is frozen: it is no input here.
  adaptedLinear: fc.tuple(extent, positive, positive, fc.integer({ min: 1, max: 4 })).map(([n, d, out, rank]) => {
    const map = (a: tf.Tensor, b: tf.Tensor) => ({ weight: wave([out, d], 9), adapter: { a, b, scale: 0.7 } });
    return {
      shapes: [
        [n, d],
        [rank, d],
        [out, rank],
      ],
      fused: ([x, a, b]) => adaptedLinears(x!, [map(a!, b!)]),
      composite: ([x, a, b]) => [adaptedLinearComposite(x!, map(a!, b!))],
    };
  }),
  rmsNorm: fc.tuple(extent, positive).map(([n, d]) => ({
    shapes: [[n, d], [d]],
    fused: ([x, w]) => [rmsNorm(x!, w!, 1e-5)],
    composite: ([x, w]) => [rmsNormComposite(x!, w!, 1e-5)],
  })),
  addRmsNorm: fc.tuple(extent, positive).map(([n, d]) => ({
    shapes: [[n, d], [n, d], [d]],
    fused: ([x, delta, w]) => Object.values(addRmsNorm(x!, delta!, w!, 1e-5)),
    composite: ([x, delta, w]) => Object.values(addRmsNormComposite(x!, delta!, w!, 1e-5)),
  })),
  rope: fc.tuple(extent, fc.constantFrom(1, 3), fc.constantFrom(2, 6, 16)).map(([n, numHeads, headDim]) => {
    const positions = Int32Array.from({ length: n }, (_, i) => (i * 5) % 23);
    const options = { numHeads, theta: 100 };
    return {
      shapes: [[n, numHeads * headDim]],
      fused: ([x]) => [rope(x!, positions, options)],
      composite: ([x]) => [ropeComposite(x!, positions, options)],
    };
  }),
  causalAttention: fc
    .tuple(
      fc.array(fc.tuple(fc.nat(11), fc.nat(2)), { maxLength: 4 }),
      fc.constantFrom([1, 1], [4, 2], [3, 1], [2, 2]),
      fc.constantFrom(1, 3, 8),
    )
    .map(([sequences, heads, headDim]) => {
      const lengths = sequences.map(([length]) => length);
      // Each continues the one before it, the one before that, or none.
      const parents = Int32Array.from(sequences, ([, back], s) => (back === 0 ? -1 : Math.max(-1, s - back)));
      const offsets = Int32Array.from([0, ...lengths].map((_, i) => lengths.slice(0, i).reduce((a, b) => a + b, 0)));
      const n = offsets.at(-1)!;
      const options = { numHeads: heads[0]!, numKvHeads: heads[1]!, parents };
      return {
        shapes: [heads[0]!, heads[1]!, heads[1]!].map((count) => [n, count * headDim]),
        fused: ([q, k, v]) => [causalAttention(q!, k!, v!, offsets, options)],
        composite: ([q, k, v]) => [causalAttentionComposite(q!, k!, v!, offsets, options)],
      };
    }),
  swiglu: fc.tuple(extent, positive).map(([n, d]) => ({
    shapes: [
      [n, d],
      [n, d],
    ],
    fused: ([gate, up]) => [swiglu(gate!, up!)],
    composite: ([gate, up]) => [swigluComposite(gate!, up!)],
  })),
  embedding: fc.tuple(positive, positive, fc.array(fc.nat(100), { maxLength: 20 })).map(([rows, d, drawn]) => {
    const ids = Int32Array.from(drawn, (id) => id % rows);
    return {
      shapes: [[rows, d]],
      fused: ([w]) => [embedding(w!, ids)],
      composite: ([w]) => [embeddingComposite(w!, ids)],
    };
  }),
  linearLogprob: fc.tuple(extent, positive, positive, fc.constantFrom(0.5, 1, 2)).map(([n, d, vocab, temperature]) => {
    const targets = Int32Array.from({ length: n }, (_, i) => (i * 7) % vocab);
    return {
      shapes: [
        [n, d],
        [vocab, d],
      ],
      fused: ([hidden, w]) => Object.values(linearLogprob(hidden!, w!, targets, { temperature })),
      composite: ([hidden, w]) => Object.values(linearLogprobComposite(hidden!, w!, targets, { temperature })),
    };
  }),
};

test.each(Object.entries(cases))('%s: values and gradients are those of the composite form', (_, arbitrary) => {
  fc.assert(
    fc.property(arbitrary, fc.nat(), ({ shapes, fused, composite }, seed) => {
      const [ours, theirs] = [fused, composite].map((run) => valuesAndGradients(shapes, run, seed));
      for (const [i, expected] of theirs!.entries()) {
        const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 1);
        expect(ours![i]!.length).toBe(expected.length);
        // NaN is no agreement. Both are float32 with sums of at most 44 terms of size about 1, in another order.
        const isOff = (value: number, j: number): boolean => !(Math.abs(ours![i]![j]! - value) < 3e-5 * largest);
        expect(expected.findIndex(isOff)).toBe(-1);
      }
    }),
    { numRuns: 20 },
  );
});

/** The outputs of an op, then the gradient of a weighted sum of all of them by every input. */
function valuesAndGradients(
  shapes: readonly number[][],
  run: (inputs: tf.Tensor[]) => tf.Tensor[],
  seed: number,
): Float32Array[] {
  return tf.tidy(() => {
    const inputs = shapes.map((shape, i) => wave(shape, seed + i));
    const outputs = run(inputs);
    const values = outputs.map((output) => output.dataSync() as Float32Array);
    if (outputs.every(({ size }) => size === 0) || inputs.some(({ size }) => size === 0)) return values;
    const loss = (...moved: tf.Tensor[]): tf.Scalar =>
      run(moved)
        .map((output, i) => tf.sum(tf.mul(output, wave(output.shape, seed + 50 + i))))
        .reduce((sum, part) => tf.add(sum, part))
        .asScalar();
    return [
      ...values,
      ...tf
        .grads(loss)(inputs)
        .map((gradient) => gradient.dataSync() as Float32Array),
    ];
  });
}

function wave(shape: readonly number[], phase: number): tf.Tensor {
  const size = shape.reduce((a, b) => a * b, 1);
  return tf.tensor(
    Float32Array.from({ length: size }, (_, i) => Math.sin(i * i * 0.7 + i + (phase % 1000))),
    [...shape],
    'float32',
  );
}
