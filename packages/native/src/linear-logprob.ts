import { callNative } from './call.js';
import { expectApart } from './expect-apart.js';
import { expectRange } from './expect-range.js';
import type { Logprobs } from './logprob.js';
import type { WeightValues } from './weight-values.js';

export interface LinearLogprobOptions {
  /** Tokens. */
  readonly n: number;
  /** Hidden size. */
  readonly d: number;
  /** Vocabulary. */
  readonly v: number;
  /** Logits are divided by it, 1e-6 to 1e6. Default 1. */
  readonly temperature?: number;
}

/**
 * The language-model head fused with log-softmax and gather: log-probability and entropy straight from hidden states,
 * logits = hidden weight^T. Logits exist for a tile of rows at a time (about 8 MB), never as [n, v], but for those that
 * `keptLogits` has room for.
 *
 * Bits of a row equal those of `matmul` followed by `logprobForward`, and do not depend on other rows or threads.
 *
 * @param hidden - [n, d].
 * @param weight - [v, d].
 * @param targets - [n], in 0..v - 1.
 * @param options.entropy - false leaves the entropies out. Default true.
 * @param options.keptLogits - [v, d], where the gradient of the weight will be: what fits of the logits, those of about d rows and of 1,024
 *   at most, waits there for {@link linearLogprobBackward}, which need not compute them again. Absent: none are kept.
 * @throws {ShapeError} if a length does not fit or a target is out of range.
 * @throws {NativeValueError} for a temperature outside its range, or if keptLogits overlaps an input.
 */
export function linearLogprobForward(
  hidden: Float32Array,
  weight: WeightValues,
  targets: Int32Array,
  options: LinearLogprobOptions & { readonly entropy?: boolean; readonly keptLogits?: Float32Array },
): Logprobs {
  const { n, d, v, temperature = 1, entropy = true, keptLogits = null } = options;
  expectRange('temperature', temperature, 1e-6, 1e6);
  if (keptLogits !== null) expectApart('keptLogits', keptLogits, { hidden, weight });
  const logprobs = new Float32Array(targets.length);
  const entropies = new Float32Array(entropy ? targets.length : 0);
  const lse = new Float32Array(targets.length);
  const wanted = entropy ? entropies : null;
  callNative(
    'linearLogprobForward',
    ...[hidden, weight, targets, n, d, v, temperature, logprobs, wanted, lse, keptLogits],
  );
  return { logprobs, entropies, lse };
}

/**
 * Gradient of {@link linearLogprobForward}; logits are recomputed tile by tile.
 *
 * @param dLogprobs - [n].
 * @param dEntropies - [n], or null when the loss has no entropy term; then `entropies` is not read.
 * @param lse - [n], from the forward pass.
 * @param entropies - [n], from the forward pass.
 * @param dHidden - [n, d], overwritten; null: not wanted.
 * @param dWeight - [v, d], accumulated over ascending rows; null: not wanted (a frozen head).
 * @param options.isKept - dWeight is `keptLogits` of the forward pass with the same options, untouched since: it is overwritten, not
 *   accumulated. Default false.
 * @throws {ShapeError} if a length does not fit, a target is out of range, or isKept comes without dWeight.
 * @throws {NativeValueError} for a temperature outside its range, or if an output overlaps an input.
 */
export function linearLogprobBackward(
  dLogprobs: Float32Array,
  dEntropies: Float32Array | null,
  hidden: Float32Array,
  weight: WeightValues,
  targets: Int32Array,
  lse: Float32Array,
  entropies: Float32Array,
  dHidden: Float32Array | null,
  dWeight: Float32Array | null,
  options: LinearLogprobOptions & { readonly isKept?: boolean },
): void {
  const { n, d, v, temperature = 1, isKept = false } = options;
  expectRange('temperature', temperature, 1e-6, 1e6);
  if (dHidden !== null) expectApart('dHidden', dHidden, { hidden, weight });
  if (dWeight !== null) expectApart('dWeight', dWeight, { hidden, weight, ...(dHidden === null ? {} : { dHidden }) });
  callNative(
    'linearLogprobBackward',
    ...[dLogprobs, dEntropies, hidden, weight, targets, lse, entropies, n, d, v, temperature, dHidden, dWeight, isKept],
  );
}

/**
 * {@link linearLogprobForward} and {@link linearLogprobBackward} in one pass, for a gradient of the log-probs that is known before they
 * are, as a supervised loss has it: the bits of the two calls, with three products in place of four. The logits of a tile of rows (at most
 * 32 MB) are kept meanwhile; those of a vocabulary of more than 65,536 words are kept in dWeight, as far as they fit.
 *
 * @param dLogprobs - [n].
 * @param dHidden - [n, d], overwritten.
 * @param dWeight - [v, d], overwritten; null: not wanted.
 * @throws as the two.
 */
export function linearLogprobWithGradient(
  dLogprobs: Float32Array,
  hidden: Float32Array,
  weight: WeightValues,
  targets: Int32Array,
  dHidden: Float32Array,
  dWeight: Float32Array | null,
  options: LinearLogprobOptions,
): Logprobs {
  const { n, d, v, temperature = 1 } = options;
  expectRange('temperature', temperature, 1e-6, 1e6);
  expectApart('dHidden', dHidden, { hidden, weight });
  if (dWeight !== null) expectApart('dWeight', dWeight, { hidden, weight, dHidden });
  const [logprobs, entropies, lse] = [0, 1, 2].map(() => new Float32Array(targets.length)) as [
    Float32Array,
    Float32Array,
    Float32Array,
  ];
  callNative(
    'linearLogprobWithGradient',
    ...[dLogprobs, hidden, weight, targets, n, d, v, temperature, logprobs, entropies, lse, dHidden, dWeight],
  );
  return { logprobs, entropies, lse };
}
