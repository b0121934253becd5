import { callNative } from './call.js';
import { expectRange } from './expect-range.js';

export interface LogprobOptions {
  /** Rows. */
  readonly n: number;
  /** Vocabulary. */
  readonly v: number;
  /** Logits are divided by it, 1e-6 to 1e6. Default 1. */
  readonly temperature?: number;
}

export interface Logprobs {
  /** [n], natural log of the target's probability, <= 0. */
  readonly logprobs: Float32Array;
  /** [n], nats; empty when not asked for. */
  readonly entropies: Float32Array;
  /** [n], log of the sum of e^(logit / temperature): what the backward pass needs. */
  readonly lse: Float32Array;
}

/**
 * Log-probability of each target token and entropy of its distribution, from logits.
 *
 * A logit of -Infinity is a token of probability 0; a NaN or +Infinity logit makes the row NaN.
 *
 * @param logits - [n, v].
 * @param targets - [n], in 0..v - 1.
 * @param options.entropy - false leaves the entropies out (about a quarter of the time). Default true.
 * @throws {ShapeError} if a length does not fit or a target is out of range.
 * @throws {NativeValueError} for a temperature outside its range.
 */
export function logprobForward(
  logits: Float32Array,
  targets: Int32Array,
  options: LogprobOptions & { readonly entropy?: boolean },
): Logprobs {
  const { n, v, temperature = 1, entropy = true } = options;
  expectRange('temperature', temperature, 1e-6, 1e6);
  const logprobs = new Float32Array(targets.length);
  const entropies = new Float32Array(entropy ? targets.length : 0);
  const lse = new Float32Array(targets.length);
  callNative('logprobForward', logits, targets, n, v, temperature, logprobs, entropy ? entropies : null, lse);
  return { logprobs, entropies, lse };
}

/**
 * Gradient of {@link logprobForward}: with p the probabilities of a row, entropy H and target t,
 * dLogits = (dLogprob (1[t] - p) - dEntropy p (log p + H)) / temperature.
 *
 * @param dLogprobs - [n].
 * @param dEntropies - [n], or null when the loss has no entropy term; then `entropies` is not read.
 * @param lse - [n], from the forward pass.
 * @param dLogits - [n, v], overwritten; may be logits.
 * @throws {ShapeError} if a length does not fit or a target is out of range.
 * @throws {NativeValueError} for a temperature outside its range.
 */
export function logprobBackward(
  dLogprobs: Float32Array,
  dEntropies: Float32Array | null,
  logits: Float32Array,
  targets: Int32Array,
  lse: Float32Array,
  entropies: Float32Array,
  dLogits: Float32Array,
  options: LogprobOptions,
): void {
  const { n, v, temperature = 1 } = options;
  expectRange('temperature', temperature, 1e-6, 1e6);
  callNative('logprobBackward', dLogprobs, dEntropies, logits, targets, lse, entropies, n, v, temperature, dLogits);
}
