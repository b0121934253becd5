import { addBias, counterWords, matmul, ShapeError, type WeightValues } from '@parl-mt/native';
import type { BufferPool } from './buffer-pool.js';
import { expectShape } from './expect-shape.js';
import { type FusedOp, type Operand, runFusedOp } from './fused-op.js';
import { HalfMatrix, type Matrix, withStandIn } from './half-matrix.js';
import { linearComposite } from './linear.js';
import { isParlActive } from './parl-backend.js';
import { tf } from './tf.js';

/**
 * Which elements of an input are set to zero: a function of these numbers and the element's place, so the backward pass draws
 * the same ones again. Philox4x32-10, key = seed, counter = (place / 4, 0, stream, step).
 */
export interface Dropout {
  /** Share of the elements, in [0, 1); the others are divided by 1 - rate. */
  readonly rate: number;
  /** Integer in [0, 2^53). */
  readonly seed: number;
  /** Integer in [0, 2^32): one for every map of a model. */
  readonly stream: number;
  /** Integer in [0, 2^32): one for every batch. */
  readonly step: number;
}

/** A low-rank addition to a linear map: scale B A. */
export interface LowRankMap {
  /** [rank, in]. */
  readonly a: tf.Tensor;
  /** [out, rank]. */
  readonly b: tf.Tensor;
  readonly scale: number;
  /** Of the input of A. */
  readonly dropout?: Dropout | undefined;
}

/** One linear map whose own weight is not trained, with what is added to it. */
export interface AdaptedMap {
  /** [out, in]. */
  readonly weight: Matrix;
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
      expectDropout(adapter.dropout);
      expectShape(`a of map ${i}`, adapter.a, [null, x.shape[1]!]);
      expectShape(`b of map ${i}`, adapter.b, [weight.shape[0]!, adapter.a.shape[0]!]);
    }
  }
  if (!isParlActive()) return maps.map((map) => adaptedLinearComposite(x, map));
  const outputs: tf.Tensor2D[] = [];
  for (let start = 0; start < maps.length; start += MAX_MAPS) {
    outputs.push(...withStandIn((standIn) => runAdaptedLinears(x, maps.slice(start, start + MAX_MAPS), standIn)));
  }
  return outputs;
}

/** `adaptedLinears` of one map in plain TF.js ops. */
export function adaptedLinearComposite(x: tf.Tensor, { weight, bias, adapter }: AdaptedMap): tf.Tensor2D {
  return tf.tidy(() => {
    const own = linearComposite(x, weight, bias);
    if (adapter === undefined) return own;
    const { dropout } = adapter;
    const seen = dropout ? tf.mul(x, tf.tensor(keepFactors(x.size, dropout), x.shape)) : x;
    const low = tf.mul(linearComposite(seen, adapter.a), adapter.scale);
    return tf.add<tf.Tensor2D>(own, linearComposite(low, adapter.b));
  });
}

/** Maps of one kernel call: q, k, v. */
const MAX_MAPS = 3;

interface AdaptedLinearsAttributes {
  readonly hasBias: readonly boolean[];
  /** 0 where a map has no adapter. */
  readonly scales: readonly number[];
  readonly dropouts: readonly (Dropout | undefined)[];
  /** In place of the weights of these maps. */
  readonly halves: readonly (HalfMatrix | undefined)[];
}

function runAdaptedLinears(x: tf.Tensor, maps: readonly AdaptedMap[], standIn: tf.Tensor): tf.Tensor2D[] {
  const halves = maps.map(({ weight }) => (weight instanceof HalfMatrix ? weight : undefined));
  const inputs: tf.NamedTensorMap = { x };
  for (const [i, { weight, bias, adapter }] of maps.entries()) {
    inputs[`weight${i}`] = weight instanceof HalfMatrix ? standIn : weight;
    if (bias) inputs[`bias${i}`] = bias;
    if (adapter) {
      inputs[`a${i}`] = adapter.a;
      inputs[`b${i}`] = adapter.b;
    }
  }
  const attributes: AdaptedLinearsAttributes = {
    hasBias: maps.map(({ bias }) => bias !== undefined),
    scales: maps.map(({ adapter }) => Math.fround(adapter?.scale ?? 0)),
    dropouts: maps.map(({ adapter }) => adapter?.dropout),
    halves,
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
    forward(inputs, { hasBias, scales, dropouts, halves }, pool) {
      const x = inputs.x!;
      const [n, d] = x.shape as [number, number];
      const lows: Operand[] = [];
      const outputs = maps.map((i): Operand => {
        const weight = constantOf(inputs[`weight${i}`]!, halves[i]);
        const out = weight.shape[0]!;
        const values = pool.allocate(n * out);
        matmul(x.values, weight.values, values, { m: n, n: out, k: d, transposeB: true });
        if (hasBias[i]) addBias(values, inputs[`bias${i}`]!.values, values, { n, d: out });
        if (hasAdapter[i]) {
          const [a, b] = [inputs[`a${i}`]!, inputs[`b${i}`]!];
          const rank = a.shape[0]!;
          const low = pool.allocate(n * rank);
          const seen = dropped(x.values, dropouts[i], pool);
          matmul(seen, a.values, low, { m: n, n: rank, k: d, transposeB: true });
          if (seen !== x.values) recycle(seen, pool);
          scale(low, scales[i]!);
          matmul(low, b.values, values, { m: n, n: out, k: rank, transposeB: true, accumulate: true });
          lows.push({ values: low, shape: [n, rank] });
        }
        return { values, shape: [n, out] };
      });
      return [...outputs, ...lows];
    },
    backward(dys, saved, { scales, dropouts, halves }, pool) {
      const x = saved[0]!;
      const weights = saved.slice(1, 1 + maps.length);
      const pairs = saved.slice(1 + maps.length, 1 + maps.length + 2 * adapted.length);
      const lows = saved.slice(1 + maps.length + 2 * adapted.length);
      const [n, d] = x.shape as [number, number];
      const dx = pool.allocate(n * d);
      const gradients: Record<string, Operand> = { x: { values: dx, shape: x.shape } };
      for (const i of maps) {
        const dy = dys[i]!;
        const weight = constantOf(weights[i]!, halves[i]);
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
        const seen = dropped(x.values, dropouts[i], pool);
        matmul(dLow, seen, dA, { m: rank, n: d, k: n, transposeA: true });
        if (seen === x.values) {
          matmul(dLow, a.values, dx, { m: n, n: d, k: rank, accumulate: true });
        } else {
          // The gradient of what was seen goes through the same elements.
          matmul(dLow, a.values, seen, { m: n, n: d, k: rank });
          const factors = keepFactors(seen.length, dropouts[i]!);
          for (let j = 0; j < seen.length; j += 1) dx[j]! += seen[j]! * factors[j]!;
          recycle(seen, pool);
        }
        recycle(dLow, pool);
        gradients[`a${i}`] = { values: dA, shape: a.shape };
        gradients[`b${i}`] = { values: dB, shape: b.shape };
      }
      return gradients;
    },
  };
}

function constantOf(
  input: Operand,
  half: HalfMatrix | undefined,
): { readonly values: WeightValues; readonly shape: readonly number[] } {
  return half === undefined ? input : { values: half.bits, shape: half.shape };
}

/** In place; factor is a float32, so each product is rounded once, as in the sampler. */
function scale(values: Float32Array, factor: number): void {
  for (let i = 0; i < values.length; i += 1) values[i]! *= factor;
}

/** The input with some elements set to zero, in a buffer of its own; the input itself without dropout. */
function dropped(x: Float32Array, dropout: Dropout | undefined, pool: BufferPool): Float32Array {
  if (dropout === undefined || dropout.rate === 0) return x;
  const factors = keepFactors(x.length, dropout);
  const out = pool.allocate(x.length);
  for (let i = 0; i < x.length; i += 1) out[i] = x[i]! * factors[i]!;
  return out;
}

/** 0 for elements that are dropped, 1 / (1 - rate) for the others. */
function keepFactors(count: number, { rate, seed, stream, step }: Dropout): Float32Array {
  const words = counterWords(
    'philox4x32',
    {
      counter: [0n, 0n, BigInt(stream), BigInt(step)],
      key: [BigInt(seed) & 0xffff_ffffn, BigInt(seed) >> 32n],
    },
    count,
  );
  const limit = rate * 2 ** 32;
  const factor = Math.fround(1 / (1 - rate));
  const factors = new Float32Array(count);
  for (let i = 0; i < count; i += 1) factors[i] = words[i]! >= limit ? factor : 0;
  return factors;
}

function expectDropout(dropout: Dropout | undefined): void {
  if (dropout === undefined) return;
  const { rate, seed, stream, step } = dropout;
  const isWord = (value: number) => Number.isInteger(value) && value >= 0 && value < 2 ** 32;
  if (!(rate >= 0 && rate < 1) || !Number.isSafeInteger(seed) || seed < 0 || !isWord(stream) || !isWord(step)) {
    throw new ShapeError(
      `expected dropout with a rate in [0, 1), a seed in [0, 2^53), stream and step in [0, 2^32), received ${JSON.stringify(dropout)}`,
    );
  }
}

/** Gives a buffer that no tensor holds back to the pool. */
function recycle(values: Float32Array, pool: BufferPool): void {
  pool.hold(values);
  pool.release(values);
}
