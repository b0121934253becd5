import {
  linearLogprobBackward,
  linearLogprobForward,
  linearLogprobWithGradient,
  NativeValueError,
  ShapeError,
} from '@parl-mt/native';
import { expectIndices, expectShape } from './expect-shape.js';
import { type FusedOp, type Operand, runFusedOp } from './fused-op.js';
import { HalfMatrix, type Matrix, matrixTensor, withStandIn } from './half-matrix.js';
import { isParlActive } from './parl-backend.js';
import { tf } from './tf.js';

export interface LinearLogprobOptions {
  /** Divides the logits; positive. Default 1. */
  readonly temperature?: number;
  /** The weight is a constant: no gradient is computed for it. Default false; a half matrix always is. */
  readonly isWeightFrozen?: boolean;
  /**
   * What the gradient of the log-probs will be, [n], where that is known before: a loss that weighs them by constants. Gradients are
   * then computed along with the log-probs, to the same bits, and logits once. Should another gradient come, all is as without. Default: not known.
   */
  readonly expectedGradient?: Float32Array | undefined;
}

export interface LinearLogprobResult {
  /** Natural log-probability of each target, [n], at most 0. */
  readonly logprobs: tf.Tensor1D;
  /** Entropy of each row's distribution, in nats, [n]. */
  readonly entropies: tf.Tensor1D;
}

/**
 * Log-probability of each target under softmax(hidden W^T / temperature), and that distribution's entropy. On backend
 * `parl` the [n, vocab] logits never exist as a whole.
 *
 * @param hidden - [n, d].
 * @param weight - [vocab, d].
 * @param targets - one per row, in [0, vocab).
 * @throws {ShapeError} when extents do not fit or a target is out of range.
 * @throws {NativeValueError} when the temperature is not positive.
 */
export function linearLogprob(
  hidden: tf.Tensor,
  weight: Matrix,
  targets: Int32Array,
  options: LinearLogprobOptions = {},
): LinearLogprobResult {
  const half = weight instanceof HalfMatrix ? weight : undefined;
  const { temperature = 1, expectedGradient } = options;
  const isWeightFrozen = half !== undefined || (options.isWeightFrozen ?? false);
  expectShape('hidden', hidden, [null, null]);
  expectShape('weight', weight, [null, hidden.shape[1]!]);
  expectIndices('targets', targets, hidden.shape[0]!, weight.shape[0]!);
  if (!(temperature > 0) || !Number.isFinite(temperature)) {
    throw new NativeValueError(`expected a positive temperature, received ${temperature}`);
  }
  if (!isParlActive()) return linearLogprobComposite(hidden, weight, targets, { temperature });
  if (expectedGradient !== undefined && expectedGradient.length !== targets.length) {
    throw new ShapeError(
      `expected an expectedGradient of length ${targets.length}, received ${expectedGradient.length}`,
    );
  }
  const isGradientWanted = tf.engine().state.gradientDepth > 0;
  const attributes: LinearLogprobAttributes = {
    targets,
    temperature,
    isWeightFrozen,
    isGradientWanted,
    expectedGradient,
    half,
  };
  const run = (input: tf.Tensor) => {
    const [logprobs, entropies] = runFusedOp(linearLogprobKernel.name, { hidden, weight: input }, attributes);
    return { logprobs: logprobs as tf.Tensor1D, entropies: entropies as tf.Tensor1D };
  };
  return weight instanceof HalfMatrix ? withStandIn(run) : run(weight);
}

interface LinearLogprobAttributes {
  readonly targets: Int32Array;
  readonly temperature: number;
  readonly isWeightFrozen: boolean;
  readonly isGradientWanted: boolean;
  readonly expectedGradient: Float32Array | undefined;
  /** In place of the weight. */
  readonly half: HalfMatrix | undefined;
  /** Left by the forward pass for the backward pass, where a gradient was expected. */
  computed?: { readonly dHidden: Float32Array; readonly dWeight: Float32Array | null } | undefined;
  /** Where a gradient is wanted but not known: memory of the weight's gradient, with logits of the forward pass. */
  keptLogits?: Float32Array | undefined;
}

/** Outputs: log-probabilities, entropies, and log-sum-exp of each row for the backward pass. */
export const linearLogprobKernel: FusedOp<LinearLogprobAttributes, 'hidden' | 'weight'> = {
  name: 'ParlLinearLogprob',
  saveInputs: ['hidden', 'weight'],
  saveOutputs: [false, true, true],
  forward({ hidden, weight }, attributes, pool) {
    const { targets, temperature, isWeightFrozen, isGradientWanted, expectedGradient, half } = attributes;
    const [n, d] = hidden.shape as [number, number];
    const values = half?.bits ?? weight.values;
    const shape = { n, d, v: (half ?? weight).shape[0]!, temperature };
    let result: ReturnType<typeof linearLogprobForward>;
    if (expectedGradient !== undefined) {
      const dHidden = pool.allocate(n * d);
      const dWeight = isWeightFrozen ? null : pool.allocate(values.length);
      result = linearLogprobWithGradient(expectedGradient, hidden.values, values, targets, dHidden, dWeight, shape);
      attributes.computed = { dHidden, dWeight };
    } else if (isGradientWanted && !isWeightFrozen) {
      const keptLogits = pool.allocate(values.length);
      result = linearLogprobForward(hidden.values, values, targets, { ...shape, keptLogits });
      attributes.keptLogits = keptLogits;
    } else result = linearLogprobForward(hidden.values, values, targets, shape);
    const { logprobs, entropies, lse } = result;
    return [logprobs, entropies, lse].map((row) => ({ values: row, shape: [n] }));
  },
  backward([dLogprobs, dEntropies], saved, attributes, pool) {
    const { targets, temperature, isWeightFrozen, expectedGradient, computed, keptLogits, half } = attributes;
    const [hidden, weight, entropies, lse] = saved as [Operand, Operand, Operand, Operand];
    const [n, d] = hidden.shape as [number, number];
    // The tape gives zeros for an output that nothing used: then the kernel can skip the entropy's terms.
    const isEntropyUsed = dEntropies!.values.some((value) => value !== 0);
    // Once: the arrays go to the tape with the gradients.
    attributes.computed = undefined;
    attributes.keptLogits = undefined;
    if (computed !== undefined && !isEntropyUsed && isEqual(dLogprobs!.values, expectedGradient!)) {
      return gradientsOf(computed, hidden, weight);
    }
    const dHidden = computed?.dHidden ?? pool.allocate(n * d);
    const dWeight = isWeightFrozen
      ? null
      : (keptLogits ?? computed?.dWeight?.fill(0) ?? pool.allocateZeros(weight.values.length));
    linearLogprobBackward(
      dLogprobs!.values,
      isEntropyUsed ? dEntropies!.values : null,
      hidden.values,
      half?.bits ?? weight.values,
      targets,
      lse.values,
      entropies.values,
      dHidden,
      dWeight,
      { n, d, v: (half ?? weight).shape[0]!, temperature, isKept: keptLogits !== undefined },
    );
    return gradientsOf({ dHidden, dWeight }, hidden, weight);
  },
};

function gradientsOf(
  { dHidden, dWeight }: { readonly dHidden: Float32Array; readonly dWeight: Float32Array | null },
  hidden: Operand,
  weight: Operand,
): { hidden: Operand; weight?: Operand } {
  return {
    hidden: { values: dHidden, shape: hidden.shape },
    ...(dWeight === null ? {} : { weight: { values: dWeight, shape: weight.shape } }),
  };
}

function isEqual(a: Float32Array, b: Float32Array): boolean {
  for (let i = 0; i < a.length; i += 1) if (a[i] !== b[i]) return false;
  return true;
}

/** `linearLogprob` in plain TF.js ops: materialises logits. */
export function linearLogprobComposite(
  hidden: tf.Tensor,
  weight: Matrix,
  targets: Int32Array,
  { temperature = 1 }: LinearLogprobOptions = {},
): LinearLogprobResult {
  return tf.tidy(() => {
    const [n, vocab] = [hidden.shape[0]!, weight.shape[0]!];
    if (n === 0) {
      const none = tf.sum(hidden, 1) as tf.Tensor1D;
      return { logprobs: none, entropies: tf.clone(none) };
    }
    const logits = tf.mul(tf.matMul(hidden as tf.Tensor2D, matrixTensor(weight), false, true), 1 / temperature);
    const all = tf.logSoftmax(logits, 1);
    const chosen = oneHot(targets, vocab);
    return {
      logprobs: tf.sum(tf.mul(all, chosen), 1) as tf.Tensor1D,
      entropies: tf.neg(tf.sum(tf.mul(tf.exp(all), all), 1)) as tf.Tensor1D,
    };
  });
}

/** tf.oneHot refuses a depth of 1. */
function oneHot(targets: Int32Array, vocab: number): tf.Tensor2D {
  const rows = new Float32Array(targets.length * vocab);
  targets.forEach((target, row) => {
    rows[row * vocab + target] = 1;
  });
  return tf.tensor2d(rows, [targets.length, vocab]);
}
