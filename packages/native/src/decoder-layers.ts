import { addon } from './addon.js';
import { callNative } from './call.js';
import { expectApart } from './expect-apart.js';
import { checkWeights, type NativeDecoderConfig, type NativeDecoderWeights, resolveConfig } from './native-decoder.js';

/** Sequences end to end, and the rows whose hidden states are wanted. N tokens in S segments, T targets. */
export interface TrainedTokens {
  /** [N], each in [0, vocabSize). */
  readonly tokens: Int32Array;
  /** [S + 1], ascending from 0 to N: segment s is tokens offsets[s] to offsets[s + 1] - 1. Segments may be empty. */
  readonly offsets: Int32Array;
  /** [S]: the segment that each one continues, an earlier one, or -1. Default: each is a sequence of its own. */
  readonly parents?: Int32Array | undefined;
  /** [T], each in [0, N), in any order; a row may come several times. */
  readonly targetRows: Int32Array;
}

/** Gradients in the structure of the weights: without lmHead and adapters. */
export type NativeDecoderGradients = NativeDecoderWeights;

/**
 * Whether a decoder stays in the processor's caches: at most 8 M weights. Then threads work apart, each on some sequences through all
 * layers; on a larger one they share each product.
 */
export function isSmallDecoder(config: NativeDecoderConfig): boolean {
  return addon['isSmallDecoder']!(resolveConfig(config)) as boolean;
}

/** Length of the array that {@link decoderLayersForward} leaves for {@link decoderLayersBackward}. */
export function keptActivations(
  config: NativeDecoderConfig,
  weights: NativeDecoderWeights,
  batch: TrainedTokens,
): number {
  return callNative('keptActivations', ...passOf(config, weights, batch)) as number;
}

/**
 * All layers of a decoder over packed sequences: embedding to final norm. The bits are those of the layers' operations one by one, whatever
 * else is in the batch and on any number of threads.
 *
 * @param weights - float32, without adapters; lmHead is not read.
 * @param kept - of length `keptActivations`, overwritten.
 * @param hidden - [T, D], overwritten: the final norm of the residual stream behind each target's row.
 * @throws {ShapeError} when a length does not fit, or an index is out of range.
 * @throws {NativeValueError} when an extent is out of range.
 */
export function decoderLayersForward(
  config: NativeDecoderConfig,
  weights: NativeDecoderWeights,
  batch: TrainedTokens,
  kept: Float32Array,
  hidden: Float32Array,
): void {
  expectApart('hidden', hidden, { kept });
  callNative('decoderLayersForward', ...passOf(config, weights, batch), kept, hidden);
}

/**
 * Gradient of {@link decoderLayersForward} by all weights of the layers, the final norm and the embedding as it is looked up. Each is one
 * chain of sums over ascending rows, whatever the number of threads.
 *
 * @param dHidden - [T, D].
 * @param kept - as the forward pass left it; used up.
 * @param gradients - overwritten; an array for every weight that there is.
 * @throws as the forward pass.
 */
export function decoderLayersBackward(
  config: NativeDecoderConfig,
  weights: NativeDecoderWeights,
  batch: TrainedTokens,
  dHidden: Float32Array,
  kept: Float32Array,
  gradients: NativeDecoderGradients,
): void {
  expectApart('kept', kept, { dHidden });
  callNative('decoderLayersBackward', ...passOf(config, weights, batch), dHidden, kept, gradients);
}

function passOf(
  config: NativeDecoderConfig,
  weights: NativeDecoderWeights,
  { tokens, offsets, parents, targetRows }: TrainedTokens,
): readonly unknown[] {
  const resolved = resolveConfig(config);
  checkWeights(resolved, weights);
  return [resolved, weights, tokens, offsets, parents, targetRows];
}
