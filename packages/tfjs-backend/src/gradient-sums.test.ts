import { beforeAll, describe, expect, test } from 'vitest';
import { type BackendName, GradientSums, selectBackend, tf } from './index.js';

const gradientsAt = (batch: number) =>
  new Map<string, tf.Tensor>([
    [
      'matrix',
      tf.tensor2d(
        Float32Array.from({ length: 40_000 }, (_, i) => Math.cos(i + batch)),
        [200, 200],
      ),
    ],
    ['bias', tf.tensor1d([0.5, -0.25, batch])],
  ]);

describe.each(['parl', 'cpu'] as BackendName[])('GradientSums on backend %s', (backend) => {
  beforeAll(() => selectBackend(backend));

  test('adds in the order of the batches, and leaves no tensor behind', () => {
    const before = tf.memory().numTensors;
    const sums = new GradientSums();
    for (const batch of [1, 2, 3]) sums.add(gradientsAt(batch));
    const matrix = sums.values.get('matrix')!.dataSync();
    const isSum = matrix.every(
      (value, i) =>
        value ===
        Math.fround(
          Math.fround(Math.fround(Math.cos(i + 1)) + Math.fround(Math.cos(i + 2))) + Math.fround(Math.cos(i + 3)),
        ),
    );
    expect(isSum).toBe(true);
    expect([...sums.values.get('bias')!.dataSync()]).toEqual([1.5, -0.75, 6]);
    sums.clear();
    expect(sums.values.size).toBe(0);
    expect(tf.memory().numTensors).toBe(before);
  });

  test('a name may come later than others', () => {
    using sums = new GradientSums();
    sums.add(new Map([['a', tf.tensor1d([1])]]));
    sums.add(
      new Map([
        ['a', tf.tensor1d([2])],
        ['b', tf.tensor1d([5])],
      ]),
    );
    expect([...sums.values].map(([name, sum]) => [name, ...sum.dataSync()])).toEqual([
      ['a', 3],
      ['b', 5],
    ]);
  });

  test('storage that another tensor shares is not written to', () => {
    using sums = new GradientSums();
    const shared = tf.tensor1d(Float32Array.from({ length: 2000 }, (_, i) => i));
    const other = tf.reshape(shared, [2000]);
    sums.add(new Map([['a', shared]]));
    sums.add(new Map([['a', tf.onesLike(other)]]));
    expect(other.dataSync().every((value, i) => value === i)).toBe(true);
    expect(
      sums.values
        .get('a')!
        .dataSync()
        .every((value, i) => value === i + 1),
    ).toBe(true);
    other.dispose();
  });
});
