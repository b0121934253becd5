import { addBias, matmul } from '@parl-mt/native';
import { expectShape } from './expect-shape.js';
import { type FusedOp, type Operand, runFusedOp } from './fused-op.js';
import { linearComposite } from './linear.js';
import { isParlActive } from './parl-backend.js';
import { tf } from './tf.js';

/** A low-rank addition to a linear map: scale B A. */
export interface LowRankMap {
  /** [rank, in]. */
  readonly a: tf.Tensor;
  /** [out, rank]. */
  readonly b: tf.Tensor;
  readonly scale: number;
}

/** One linear map whose own weight is not trained, with what is added to it. */
export interface AdaptedMap {
  /** [out, in]. */
  readonly weight: tf.Tensor;
  /** [out]. */
  readonly bias?: tf.Tensor | undefined;
  readonly adapter?: LowRankMap | undefined;
}

/**
 * Several maps of one input, x W^T + bias + scale (x A^T) B^T. Gradients flow to x, A and B; weight and bias are constants,
 * and nothing is computed for them.
 *
 * @param x - [n, in].
 * @returns one [n, out] per map.
 * @throws {ShapeError} when extents do not fit.
 * @see Hu et al. 2021, arXiv:2106.09685.
 */
export function adaptedLinears(x: tf.Tensor, maps: readonly AdaptedMap[]): tf.Tensor2D[] {
  expectShape('x', x, [null, null]);
  for (const [i, { weight, bias, adapter }] of maps.entries()) {
    expectShape(`weight of map ${i}`, weight, [null, x.shape[1]!]);
    if (bias) expectShape(`bias of map ${i}`, bias, [weight.shape[0]!]);
    if (adapter) {
      expectShape(`a of map ${i}`, adapter.a, [null, x.shape[1]!]);
      expectShape(`b of map ${i}`, adapter.b, [weight.shape[0]!, adapter.a.shape[0]!]);
    }
  }
  if (!isParlActive()) return maps.map((map) => adaptedLinearComposite(x, map));
  const outputs: tf.Tensor2D[] = [];
  for (let start = 0; start < maps.length; start += MAX_MAPS) {
    outputs.push(...runAdaptedLinears(x, maps.slice(start, start + MAX_MAPS)));
  }
  return outputs;
}

/** `adaptedLinears` of one map in plain TF.js ops. */
export function adaptedLinearComposite(x: tf.Tensor, { weight, bias, adapter }: AdaptedMap): tf.Tensor2D {
  return tf.tidy(() => {
    const own = linearComposite(x, weight, bias);
    if (adapter === undefined) return own;
    const low = tf.mul(linearComposite(x, adapter.a), adapter.scale);
    return tf.add<tf.Tensor2D>(own, linearComposite(low, adapter.b));
  });
}

/** Maps of one kernel call: q, k, v. */
const MAX_MAPS = 3;

interface AdaptedLinearsAttributes {
  readonly hasBias: readonly boolean[];
  /** 0 where a map has no adapter. */
  readonly scales: readonly number[];
}

function runAdaptedLinears(x: tf.Tensor, maps: readonly AdaptedMap[]): tf.Tensor2D[] {
  const inputs: tf.NamedTensorMap = { x };
  for (const [i, { weight, bias, adapter }] of maps.entries()) {
    inputs[`weight${i}`] = weight;
    if (bias) inputs[`bias${i}`] = bias;
    if (adapter) {
      inputs[`a${i}`] = adapter.a;
      inputs[`b${i}`] = adapter.b;
    }
  }
  const attributes: AdaptedLinearsAttributes = {
    hasBias: maps.map(({ bias }) => bias !== undefined),
    scales: maps.map(({ adapter }) => Math.fround(adapter?.scale ?? 0)),
  };
  const name = kernelName(maps.map(({ adapter }) => adapter !== undefined));
  return runFusedOp(name, inputs, attributes).slice(0, maps.length) as tf.Tensor2D[];
}

function kernelName(hasAdapter: readonly boolean[]): string {
  return `ParlAdaptedLinear${hasAdapter.map((has) => (has ? 'A' : '0')).join('')}`;
}

/** One kernel for each number of maps and each choice of those with an adapter: TF.js asks for the saved inputs by kernel. */
export const adaptedLinearKernels: readonly FusedOp<AdaptedLinearsAttributes, string>[] = [1, 2, 3].flatMap((count) =>
  Array.from({ length: 2 ** count }, (_, bits) =>
    adaptedLinearKernel(Array.from({ length: count }, (__, i) => ((bits >> i) & 1) === 1)),
  ),
);

/** Outputs: each map's, then x A^T times the scale of each adapter, which the backward pass reads. */
function adaptedLinearKernel(hasAdapter: readonly boolean[]): FusedOp<AdaptedLinearsAttributes, string> {
  const maps = [...hasAdapter.keys()];
  const adapted = maps.filter((i) => hasAdapter[i]);
  return {
    name: kernelName(hasAdapter),
    saveInputs: ['x', ...maps.map((i) => `weight${i}`), ...adapted.flatMap((i) => [`a${i}`, `b${i}`])],
    saveOutputs: [...maps.map(() => false), ...adapted.map(() => true)],
    forward(inputs, { hasBias, scales }, pool) {
      const x = inputs.x!;
      const [n, d] = x.shape as [number, number];
      const lows: Operand[] = [];
      const outputs = maps.map((i): Operand => {
        const weight = inputs[`weight${i}`]!;
        const out = weight.shape[0]!;
        const values = pool.allocate(n * out);
        matmul(x.values, weight.values, values, { m: n, n: out, k: d, transposeB: true });
        if (hasBias[i]) addBias(values, inputs[`bias${i}`]!.values, values, { n, d: out });
        if (hasAdapter[i]) {
          const [a, b] = [inputs[`a${i}`]!, inputs[`b${i}`]!];
          const rank = a.shape[0]!;
          const low = pool.allocate(n * rank);
          matmul(x.values, a.values, low, { m: n, n: rank, k: d, transposeB: true });
          scale(low, scales[i]!);
          matmul(low, b.values, values, { m: n, n: out, k: rank, transposeB: true, accumulate: true });
          lows.push({ values: low, shape: [n, rank] });
        }
        return { values, shape: [n, out] };
      });
      return [...outputs, ...lows];
    },
    backward(dys, saved, { scales }, pool) {
      const x = saved[0]!;
      const weights = saved.slice(1, 1 + maps.length);
      const pairs = saved.slice(1 + maps.length, 1 + maps.length + 2 * adapted.length);
      const lows = saved.slice(1 + maps.length + 2 * adapted.length);
      const [n, d] = x.shape as [number, number];
      const dx = pool.allocate(n * d);
      const gradients: Record<string, Operand> = { x: { values: dx, shape: x.shape } };
      for (const i of maps) {
        const [dy, weight] = [dys[i]!, weights[i]!];
        const out = weight.shape[0]!;
        matmul(dy.values, weight.values, dx, { m: n, n: d, k: out, accumulate: i > 0 });
        const position = adapted.indexOf(i);
        if (position < 0) continue;
        const [a, b, low] = [pairs[2 * position]!, pairs[2 * position + 1]!, lows[position]!];
        const rank = a.shape[0]!;
        const dB = pool.allocate(out * rank);
        matmul(dy.values, low.values, dB, { m: out, n: rank, k: n, transposeA: true });
        const dLow = pool.allocate(n * rank);
        matmul(dy.values, b.values, dLow, { m: n, n: rank, k: out });
        scale(dLow, scales[i]!);
        const dA = pool.allocate(rank * d);
        matmul(dLow, x.values, dA, { m: rank, n: d, k: n, transposeA: true });
        matmul(dLow, a.values, dx, { m: n, n: d, k: rank, accumulate: true });
        pool.hold(dLow);
        pool.release(dLow);
        gradients[`a${i}`] = { values: dA, shape: a.shape };
        gradients[`b${i}`] = { values: dB, shape: b.shape };
      }
      return gradients;
    },
  };
}

/** In place; factor is a float32, so each product is rounded once, as in the sampler. */
function scale(values: Float32Array, factor: number): void {
  for (let i = 0; i < values.length; i += 1) values[i]! *= factor;
}
