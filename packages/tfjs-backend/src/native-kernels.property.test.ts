import fc from 'fast-check';
import { beforeAll, expect, test } from 'vitest';
import { selectBackend, tf } from './index.js';

/** Runs on parl and on cpu, and compares: values within rounding of sums of at most 40 products below 1. */
async function expectSame(run: () => tf.Tensor): Promise<void> {
  const results: { shape: number[]; values: ArrayLike<number> }[] = [];
  for (const backend of ['parl', 'cpu'] as const) {
    await selectBackend(backend);
    const result = tf.tidy(run);
    results.push({ shape: result.shape, values: result.dataSync() });
    result.dispose();
  }
  const [parl, cpu] = results as [(typeof results)[0], (typeof results)[0]];
  expect(parl.shape).toEqual(cpu.shape);
  for (let i = 0; i < cpu.values.length; i++) expect(Math.abs(parl.values[i]! - cpu.values[i]!)).toBeLessThan(1e-5);
}

const extent = fc.integer({ min: 0, max: 40 });
const filled = (shape: number[], phase: number) => {
  const size = shape.reduce((a, b) => a * b, 1);
  return tf.tensor(
    Float32Array.from({ length: size }, (_, i) => Math.sin(i * 1.7 + phase)),
    shape,
    'float32',
  );
};

beforeAll(() => selectBackend('parl'));

test('matMul: any extents, transposes, batches on one side or both', async () => {
  const batches = fc.constantFrom(
    [[], []],
    [[3], [3]],
    [[3], []],
    [[], [2]],
    [
      [2, 3],
      [2, 3],
    ],
    [[1], [4]],
    [[1], []],
    [[1, 1], [2]],

    [
      [2, 1],
      [1, 3],
    ],
  );
  await fc.assert(
    fc.asyncProperty(extent, extent, extent, fc.boolean(), fc.boolean(), batches, (m, k, n, tA, tB, [left, right]) =>
      expectSame(() => {
        const a = filled([...left!, ...(tA ? [k, m] : [m, k])], 0);
        const b = filled([...right!, ...(tB ? [n, k] : [k, n])], 1);
        return tf.matMul(a, b, tA, tB);
      }),
    ),
  );
});

test('fused matMul: bias and every activation', async () => {
  for (const activation of ['linear', 'relu', 'relu6', 'elu', 'sigmoid', 'prelu', 'leakyrelu'] as const) {
    await expectSame(() =>
      tf.fused.matMul({
        a: filled([5, 7], 0) as tf.Tensor2D,
        b: filled([7, 3], 1) as tf.Tensor2D,
        bias: filled([3], 2),
        activation,
        preluActivationWeights: filled([3], 3),
        leakyreluAlpha: 0.3,
      }),
    );
  }
});

test('add: equal shapes, broadcasts, other types', async () => {
  await expectSame(() => tf.add(filled([6, 7], 0), filled([6, 7], 1)));
  await expectSame(() => tf.add(filled([6, 7], 0), filled([7], 1)));
  await expectSame(() => tf.add(tf.tensor1d([1, 2], 'int32'), tf.tensor1d([3, 4], 'int32')));
  await expectSame(() => tf.add(filled([0, 3], 0), filled([0, 3], 1)));
});

test('square: floats, and other types', async () => {
  await expectSame(() => tf.square(filled([5, 9], 0)));
  await expectSame(() => tf.square(tf.scalar(-3)));
  await expectSame(() => tf.square(tf.tensor1d([2, -3], 'int32')));
});

test('mean: any axes, kept or not, bit for bit as cpu', async () => {
  const axes = fc.constantFrom(undefined, 0, 1, -1, [0, 2], [1, 2], [0, 1, 2], []);
  await fc.assert(
    fc.asyncProperty(extent, extent, axes, fc.boolean(), async (rows, columns, axis, keepDims) => {
      const results: number[][] = [];
      for (const backend of ['parl', 'cpu'] as const) {
        await selectBackend(backend);
        const result = tf.tidy(() => tf.mean(filled([rows, columns, 3], 0), axis, keepDims));
        results.push([...result.shape, ...result.dataSync()]);
        result.dispose();
      }
      expect(results[0]).toEqual(results[1]);
    }),
  );
  await expectSame(() =>
    tf.mean(
      tf.tensor2d(
        [
          [1, 2],
          [4, 4],
        ],
        [2, 2],
        'int32',
      ),
    ),
  );
});

test('shapes that do not fit are refused with the message of TF.js', async () => {
  await selectBackend('parl');
  const message = 'Error in matMul: inner shapes (3) and (2) of Tensors with shapes 2,3 and 2,4';
  expect(() => tf.matMul(tf.zeros([2, 3]), tf.zeros([2, 4]))).toThrow(message);
});

test('add, mul, div, sub: equal shapes, a single element on either side, and any other broadcast, bit for bit as cpu', async () => {
  const shapes = fc.constantFrom<[number[], number[]]>(
    [
      [3, 4],
      [3, 4],
    ],
    [[3, 4], []],
    [[], [3, 4]],
    [
      [3, 4],
      [1, 1],
    ],
    [[1], [3, 4]],
    [[1], [1, 1, 1]],
    [[0, 2], []],
    [[], []],
    [[3, 4], [4]],
    [
      [3, 1],
      [1, 4],
    ],
  );
  const operations = fc.constantFrom(tf.add, tf.mul, tf.div, tf.sub);
  const values = fc.constantFrom(0, -0, 1, -3.7e-30, 1e30, Number.NaN, Number.POSITIVE_INFINITY, Math.PI);
  await fc.assert(
    fc.asyncProperty(
      shapes,
      operations,
      fc.array(values, { minLength: 12, maxLength: 12 }),
      async ([a, b], run, all) => {
        const results: number[][] = [];
        for (const backend of ['parl', 'cpu'] as const) {
          await selectBackend(backend);
          const of = (shape: number[], from: number) => {
            const size = shape.reduce((x, y) => x * y, 1);
            return tf.tensor(
              Float32Array.from({ length: size }, (_, i) => all[(i + from) % 12]!),
              shape,
              'float32',
            );
          };
          const result = tf.tidy(() => run(of(a, 0), of(b, 5)) as tf.Tensor);
          results.push([...result.shape, ...(result.dataSync() as Float32Array)]);
          result.dispose();
        }
        expect(results[0]).toEqual(results[1]);
      },
    ),
    { numRuns: 300 },
  );
});
