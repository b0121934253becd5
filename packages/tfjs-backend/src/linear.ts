import { addBias, columnSum, matmul, matmulGradients } from '@parl-mt/native';
import { expectShape } from './expect-shape.js';
import { type FusedOp, type Operand, runFusedOp } from './fused-op.js';
import { type Matrix, matrixTensor } from './half-matrix.js';
import { isParlActive } from './parl-backend.js';
import { tf } from './tf.js';

/** One linear map: `weight` is [out, in] as Hugging Face stores it, `bias` [out]. */
export interface LinearMap {
  readonly weight: tf.Tensor;
  readonly bias?: tf.Tensor;
}

/**
 * x W^T + b.
 *
 * @param x - [n, in].
 * @param weight - [out, in].
 * @param bias - [out].
 * @returns [n, out].
 * @throws {ShapeError} when extents do not fit.
 */
export function linear(x: tf.Tensor, weight: tf.Tensor, bias?: tf.Tensor): tf.Tensor2D {
  return linears(x, [bias ? { weight, bias } : { weight }])[0]!;
}

/**
 * Several linear maps of one input. The same as one `linear` each, but the gradient of `x` is accumulated in one
 * buffer instead of being added up by the tape.
 *
 * @returns one [n, out] per map.
 */
export function linears(x: tf.Tensor, maps: readonly LinearMap[]): tf.Tensor2D[] {
  expectShape('x', x, [null, null]);
  for (const [i, { weight, bias }] of maps.entries()) {
    expectShape(`weight of map ${i}`, weight, [null, x.shape[1]!]);
    if (bias) expectShape(`bias of map ${i}`, bias, [weight.shape[0]!]);
  }
  if (!isParlActive()) return maps.map(({ weight, bias }) => linearComposite(x, weight, bias));
  const outputs: tf.Tensor[] = [];
  for (let start = 0; start < maps.length; start += MAX_MAPS) {
    outputs.push(...runLinears(x, maps.slice(start, start + MAX_MAPS)));
  }
  return outputs as tf.Tensor2D[];
}

/** Maps of one kernel call: q, k, v. TF.js wants to know by kernel name which inputs a gradient reads. */
const MAX_MAPS = 3;

interface LinearsAttributes {
  readonly hasBias: readonly boolean[];
}

function runLinears(x: tf.Tensor, maps: readonly LinearMap[]): tf.Tensor[] {
  const inputs: tf.NamedTensorMap = { x };
  for (const [i, { weight, bias }] of maps.entries()) {
    inputs[`weight${i}`] = weight;
    if (bias) inputs[`bias${i}`] = bias;
  }
  const attributes: LinearsAttributes = { hasBias: maps.map(({ bias }) => bias !== undefined) };
  return runFusedOp(kernelName(maps.length), inputs, attributes);
}

function kernelName(count: number): string {
  return `ParlLinear${count}`;
}

/** One kernel for each number of maps. */
export const linearKernels: readonly FusedOp<LinearsAttributes, string>[] = Array.from({ length: MAX_MAPS }, (_, i) =>
  linearKernel(i + 1),
);

function linearKernel(count: number): FusedOp<LinearsAttributes, string> {
  const maps = Array.from({ length: count }, (_, i) => i);
  return {
    name: kernelName(count),
    saveInputs: ['x', ...maps.map((i) => `weight${i}`)],
    saveOutputs: maps.map(() => false),
    forward(inputs, { hasBias }, pool) {
      const x = inputs.x!;
      const [n, d] = x.shape as [number, number];
      return maps.map((i) => {
        const weight = inputs[`weight${i}`]!;
        const out = weight.shape[0]!;
        const values = pool.allocate(n * out);
        matmul(x.values, weight.values, values, { m: n, n: out, k: d, transposeB: true });
        if (hasBias[i]) addBias(values, inputs[`bias${i}`]!.values, values, { n, d: out });
        return { values, shape: [n, out] };
      });
    },
    backward(dys, [x, ...weights], { hasBias }, pool) {
      const [n, d] = x!.shape as [number, number];
      const dx = pool.allocate(n * d);
      const gradients: Record<string, Operand> = { x: { values: dx, shape: x!.shape } };
      for (const i of maps) {
        const [dy, weight] = [dys[i]!, weights[i]!];
        const out = weight.shape[0]!;
        matmul(dy.values, weight.values, dx, { m: n, n: d, k: out, accumulate: i > 0 });
        gradients[`weight${i}`] = { values: pool.allocate(out * d), shape: weight.shape };
        if (hasBias[i]) {
          const dBias = pool.allocate(out);
          columnSum(dy.values, dBias, { n, d: out });
          gradients[`bias${i}`] = { values: dBias, shape: [out] };
        }
      }
      const dWeights = maps.map((i) => gradients[`weight${i}`]!.values);
      matmulGradients(
        dys.map((dy) => dy!.values),
        x!.values,
        dWeights,
        { n: d, k: n },
      );
      return gradients;
    },
  };
}

/** `linear` in plain TF.js ops. */
export function linearComposite(x: tf.Tensor, weight: Matrix, bias?: tf.Tensor): tf.Tensor2D {
  return tf.tidy(() => {
    const product: tf.Tensor2D = tf.matMul(x as tf.Tensor2D, matrixTensor(weight), false, true);
    return bias ? tf.add<tf.Tensor2D>(product, bias) : product;
  });
}
