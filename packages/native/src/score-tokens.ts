import { callNative } from './call.js';
import { expectRange } from './expect-range.js';
import { checkWeights, type NativeDecoderConfig, type NativeDecoderWeights, resolveConfig } from './native-decoder.js';

/** Sequences end to end, and which of their tokens to score. N tokens in S segments, T targets. */
export interface ScoredTokens {
  /** [N], each in [0, vocabSize). */
  readonly tokens: Int32Array;
  /** [S + 1], ascending from 0 to N: segment s is tokens offsets[s] to offsets[s + 1] - 1. Segments may be empty. */
  readonly offsets: Int32Array;
  /** [S]: the segment that each one continues, an earlier one, or -1. Default: each is a sequence of its own. */
  readonly parents?: Int32Array | undefined;
  /** [T], each in [0, N), in any order: the token after which each target comes. */
  readonly targetRows: Int32Array;
  /** [T], each in [0, vocabSize). */
  readonly targets: Int32Array;
}

export interface ScoreOptions {
  /** Divides the logits, 1e-6 to 1e6. Default 1. */
  readonly temperature?: number;
  /** Whether to compute the entropies. Default false. */
  readonly entropy?: boolean;
}

export interface Scores {
  /** [T], nats. */
  readonly logprobs: Float32Array;
  /** [T], nats; empty unless asked for. */
  readonly entropies: Float32Array;
}

/**
 * Log-probabilities of given tokens by a forward pass that keeps nothing for a gradient; bit for bit those of the training kernels and
 * of {@link Sampler}, whatever else is scored with them and on any number of threads.
 *
 * A decoder of at most 8 M weights stays in the caches: each thread takes some sequences, those that share a beginning together, through
 * all layers. Of a larger one the threads share each product, 2,048 tokens at a time. Memory beside the results: the activations of one
 * layer, for what a thread takes at a time, and in the former case the weights once more.
 *
 * @throws {ShapeError} when a weight's length does not fit the config, or the batch's arrays do not fit each other.
 * @throws {NativeValueError} when an extent or the temperature is out of range.
 */
export function scoreTokens(
  config: NativeDecoderConfig,
  weights: NativeDecoderWeights,
  { tokens, offsets, parents, targetRows, targets }: ScoredTokens,
  { temperature = 1, entropy = false }: ScoreOptions = {},
): Scores {
  const resolved = resolveConfig(config);
  checkWeights(resolved, weights);
  expectRange('temperature', temperature, 1e-6, 1e6);
  const logprobs = new Float32Array(targets.length);
  const entropies = new Float32Array(entropy ? targets.length : 0);
  callNative(
    'scoreTokens',
    ...[resolved, weights, tokens, offsets, parents, targetRows, targets],
    ...[temperature, logprobs, entropy ? entropies : null],
  );
  return { logprobs, entropies };
}
