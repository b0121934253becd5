import { beforeAll, describe, expect, test } from 'vitest';
import { AdamW, type BackendName, readVariable, selectBackend, tf } from './index.js';

function quadratic(seed: number) {
  const values = Float32Array.from({ length: 37 * 5 }, (_, i) => Math.sin(i * seed));
  return new Map<string, tf.Variable>([
    ['matrix', tf.variable(tf.tensor2d(values, [37, 5]))],
    ['bias', tf.variable(tf.tensor1d([1, -2, 3]))],
  ]);
}

const gradientsAt = (update: number) =>
  new Map<string, tf.Tensor>([
    [
      'matrix',
      tf.tensor2d(
        Float32Array.from({ length: 185 }, (_, i) => Math.cos(i + update)),
        [37, 5],
      ),
    ],
    ['bias', tf.tensor1d([0.5, -0.25, update])],
  ]);

describe.each(['parl', 'cpu'] as BackendName[])('AdamW on backend %s', (backend) => {
  beforeAll(() => selectBackend(backend));

  test('the first update moves by the learning rate against the sign of the gradient, after the decay', () => {
    // m / (1 - b1) = g and v / (1 - b2) = g^2, so the step is lr * g / (|g| + epsilon); biases do not decay.
    const variables = new Map<string, tf.Variable>([
      ['matrix', tf.variable(tf.tensor2d([[2, -3]]))],
      ['bias', tf.variable(tf.tensor1d([5]))],
    ]);
    const optimizer = new AdamW(variables, { weightDecay: 0.5 });
    const { gradNorm } = optimizer.update(
      new Map<string, tf.Tensor>([
        ['matrix', tf.tensor2d([[3, -4]])],
        ['bias', tf.tensor1d([12])],
      ]),
      { learningRate: 0.1 },
    );
    expect(gradNorm).toBeCloseTo(13, 6);
    const matrix = readVariable(variables.get('matrix')!);
    expect(matrix[0]).toBeCloseTo(2 * (1 - 0.05) - 0.1, 6);
    expect(matrix[1]).toBeCloseTo(-3 * (1 - 0.05) + 0.1, 6);
    expect(readVariable(variables.get('bias')!)[0]).toBeCloseTo(5 - 0.1, 6);
  });

  test('three updates agree with the formula in double precision', () => {
    const variables = quadratic(1);
    const [p] = [Float64Array.from(readVariable(variables.get('bias')!))];
    const [m, v] = [new Float64Array(3), new Float64Array(3)];
    const optimizer = new AdamW(variables, { beta2: 0.95 });
    for (let t = 1; t <= 3; t++) {
      const gradients = gradientsAt(t);
      const norm = Math.sqrt(
        [...gradients.values()].flatMap((g) => [...g.dataSync()]).reduce((sum, x) => sum + x * x, 0),
      );
      const { gradNorm } = optimizer.update(gradients, { learningRate: 0.01, maxGradNorm: 1 });
      expect(gradNorm).toBeCloseTo(norm, 4);
      gradients
        .get('bias')!
        .dataSync()
        .forEach((raw, i) => {
          const g = raw / norm;
          m[i] = 0.9 * m[i]! + 0.1 * g;
          v[i] = 0.95 * v[i]! + 0.05 * g * g;
          p[i]! -= (0.01 * (m[i]! / (1 - 0.9 ** t))) / (Math.sqrt(v[i]! / (1 - 0.95 ** t)) + 1e-8);
        });
    }
    readVariable(variables.get('bias')!).forEach((value, i) => {
      expect(value).toBeCloseTo(p[i]!, 5);
    });
    expect(optimizer.updates).toBe(3);
  });

  test('restored from its state, it goes on bit for bit', () => {
    const [straight, resumed] = [quadratic(2), quadratic(2)];
    const one = new AdamW(straight);
    for (let t = 0; t < 4; t++) one.update(gradientsAt(t), { learningRate: 0.01, maxGradNorm: 1 });
    const before = new AdamW(resumed);
    for (let t = 0; t < 2; t++) before.update(gradientsAt(t), { learningRate: 0.01, maxGradNorm: 1 });
    const after = new AdamW(resumed);
    after.restore(before.state());
    for (let t = 2; t < 4; t++) after.update(gradientsAt(t), { learningRate: 0.01, maxGradNorm: 1 });
    for (const name of straight.keys()) {
      expect(readVariable(resumed.get(name)!)).toEqual(readVariable(straight.get(name)!));
    }
  });

  test('a gradient that is missing, of another size or not finite changes nothing', () => {
    const variables = quadratic(3);
    const before = readVariable(variables.get('matrix')!);
    const optimizer = new AdamW(variables);
    const gradients = gradientsAt(1);
    gradients.set('bias', tf.tensor1d([1, Number.NaN, 1]));
    expect(() => optimizer.update(gradients, { learningRate: 1 })).toThrow('gradients of finite norm, received NaN');
    gradients.set('bias', tf.tensor1d([1]));
    expect(() => optimizer.update(gradients, { learningRate: 1 })).toThrow('3 elements for bias, received 1');
    gradients.delete('bias');
    expect(() => optimizer.update(gradients, { learningRate: 1 })).toThrow('3 elements for bias, received none');
    expect(readVariable(variables.get('matrix')!)).toEqual(before);
    expect(optimizer.updates).toBe(0);
  });

  test('a state of other variables is refused', () => {
    const optimizer = new AdamW(quadratic(4));
    const other = new AdamW(new Map([['matrix', tf.variable(tf.zeros([2, 2]))]]));
    expect(() => optimizer.restore(other.state())).toThrow('expected 185 moments for matrix, received 4');
    expect(() => other.restore(optimizer.state())).toThrow('expected moments of known variables, received bias');
  });
});
