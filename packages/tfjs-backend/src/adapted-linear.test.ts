import { beforeAll, describe, expect, test } from 'vitest';
import { adaptedLinearComposite, adaptedLinears, type BackendName, type Dropout, selectBackend, tf } from './index.js';

const values = (seed: number, shape: readonly number[]) =>
  tf.tensor(
    Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => Math.sin(seed * 37 + i * 1.7)),
    [...shape],
  );

/** Results and gradients by x, A and B of a loss that weighs every output differently. */
function results(
  run: (x: tf.Tensor, a: tf.Tensor, b: tf.Tensor) => tf.Tensor[],
  n: number,
  d: number,
  rank: number,
  out: number,
) {
  const inputs = [values(1, [n, d]), values(2, [rank, d]), values(3, [out, rank])];
  const loss = (x: tf.Tensor, a: tf.Tensor, b: tf.Tensor) =>
    tf.addN(run(x, a, b).map((y, i) => tf.sum(tf.mul(y, values(10 + i, y.shape))))).asScalar();
  const gradients = tf.grads(loss)(inputs);
  return [...run(inputs[0]!, inputs[1]!, inputs[2]!), ...gradients].map((tensor) => [...tensor.dataSync()]);
}

function expectClose(actual: number[][], expected: number[][]): void {
  for (const [i, list] of expected.entries()) {
    expect(actual[i]!.length).toBe(list.length);
    // Sums of at most 40 products of size 1, twice.
    for (const [j, value] of list.entries()) expect(Math.abs(actual[i]![j]! - value)).toBeLessThan(2e-4);
  }
}

describe.each(['parl', 'cpu'] as BackendName[])('adapted linear maps on backend %s', (backend) => {
  beforeAll(() => selectBackend(backend));
  const dropout: Dropout = { rate: 0.4, seed: 2 ** 40 + 5, stream: 3, step: 9 };

  test.each([
    [0, 3, 2, 4],
    [1, 1, 1, 1],
    [5, 7, 3, 6],
    [17, 32, 8, 20],
  ])('n=%i, in=%i, rank=%i, out=%i: plain, with bias, with dropout, three maps at once', (n, d, rank, out) => {
    const weight = values(4, [out, d]);
    const bias = values(5, [out]);
    for (const some of [undefined, dropout]) {
      const maps = (a: tf.Tensor, b: tf.Tensor) => [
        { weight, bias, adapter: { a, b, scale: 1.5, dropout: some } },
        { weight },
        { weight, adapter: { a, b, scale: -0.5, dropout: some && { ...some, stream: 4 } } },
        { weight, bias },
      ];
      expectClose(
        results((x, a, b) => adaptedLinears(x, maps(a, b)), n, d, rank, out),
        results((x, a, b) => maps(a, b).map((map) => adaptedLinearComposite(x, map)), n, d, rank, out),
      );
    }
  });

  test('the formula: x W^T + b + scale (x A^T) B^T', () => {
    // W = [[1, 2]], A = [[3, 4]], B = [[5]]: 1 + 2 * 2 + 10 + 2 * (3 + 8) * 5 = 125 for x = (1, 2).
    const [y] = adaptedLinears(tf.tensor2d([[1, 2]]), [
      {
        weight: tf.tensor2d([[1, 2]]),
        bias: tf.tensor1d([10]),
        adapter: { a: tf.tensor2d([[3, 4]]), b: tf.tensor2d([[5]]), scale: 2 },
      },
    ]);
    expect(y!.arraySync()).toEqual([[125]]);
  });

  test('dropout keeps about its share, scales the rest, and is a function of its numbers', () => {
    const x = tf.ones([64, 64]);
    const identity = tf.eye(64);
    const seen = (options: Partial<Dropout>) =>
      adaptedLinears(x, [
        {
          weight: tf.zeros([64, 64]),
          adapter: { a: identity, b: identity, scale: 1, dropout: { ...dropout, ...options } },
        },
      ])[0]!.dataSync();
    const first = seen({});
    const kept = first.filter((value) => value !== 0);
    expect(new Set(kept)).toEqual(new Set([Math.fround(1 / 0.6)]));
    // 4096 elements: the standard deviation of the share is 0.0077.
    expect(Math.abs(kept.length / 4096 - 0.6)).toBeLessThan(0.04);
    expect(seen({})).toEqual(first);
    for (const other of [{ seed: 6 }, { stream: 4 }, { step: 10 }]) expect(seen(other)).not.toEqual(first);
    expect(seen({ rate: 0 }).every((value) => value === 1)).toBe(true);
  });

  test('extents that do not fit, and dropout out of range, are refused', () => {
    const x = tf.ones([2, 3]);
    const weight = tf.ones([4, 3]);
    const adapter = { a: tf.ones([2, 3]), b: tf.ones([4, 2]), scale: 1 };
    expect(() => adaptedLinears(x, [{ weight, adapter: { ...adapter, a: tf.ones([2, 4]) } }])).toThrow('a of map 0');
    expect(() => adaptedLinears(x, [{ weight, adapter: { ...adapter, b: tf.ones([4, 3]) } }])).toThrow('b of map 0');
    for (const bad of [{ rate: 1 }, { seed: -1 }, { stream: 2 ** 32 }, { step: 0.5 }]) {
      const one = { weight, adapter: { ...adapter, dropout: { ...dropout, ...bad } } };
      expect(() => adaptedLinears(x, [one])).toThrow('expected dropout with a rate in [0, 1)');
    }
  });
});
