import { scoreTokens } from '@parl-mt/native';
import { isParlActive, tf } from '@parl-mt/tfjs-backend';
import type { Decoder } from './decoder.js';
import { nativeConfig, nativeWeights } from './native-decoder.js';
import { type PackedBatch, packSequences, type TrainingSequence } from './packing.js';

export interface BatchScores {
  /** [T], nats, in the order of `batch.targets`. */
  readonly logprobs: Float32Array;
  /** [T], nats; empty unless asked for. */
  readonly entropies: Float32Array;
}

/** Multiply-adds of a batch that is worth packing, by weights: some 0.2 s on two cores, in which nothing else runs. */
const BATCH_PRODUCTS = 2e10;

/**
 * What `decoder.logprobs` computes, bit for bit, without tensors and without a gradient. On `parl` the addon's forward pass: of a small
 * decoder each thread takes some sequences through all layers.
 *
 * @param options.temperature - divides the logits, 1e-6 to 1e6. Default 1. @param options.entropy - default false.
 */
export function scoreBatch(
  decoder: Decoder,
  batch: PackedBatch,
  { temperature = 1, entropy = false }: { readonly temperature?: number; readonly entropy?: boolean } = {},
): BatchScores {
  if (isParlActive()) {
    return scoreTokens(nativeConfig(decoder), nativeWeights(decoder), batch, { temperature, entropy });
  }
  return tf.tidy(() => {
    const { logprobs, entropies } = decoder.logprobs(batch, { temperature });
    return {
      logprobs: logprobs.dataSync() as Float32Array,
      entropies: entropy ? (entropies.dataSync() as Float32Array) : new Float32Array(0),
    };
  });
}

export interface ScoringOptions {
  /** Tokens of one forward pass; results do not depend on it. More where the decoder is small. Default 4096. */
  readonly batchTokens?: number;
  /** Divides the logits, 1e-6 to 1e6. Default 1. */
  readonly temperature?: number;
}

/**
 * Log-probs of the tokens in the loss masks.
 *
 * @returns one array per sequence, as long as its tokens, in nats; 0 where not in the mask.
 */
export function tokenLogprobs(
  decoder: Decoder,
  sequences: readonly TrainingSequence[],
  { batchTokens = 4096, temperature = 1 }: ScoringOptions = {},
): Float32Array[] {
  const all = sequences.map(({ tokens }) => new Float32Array(tokens.length));
  const together = Math.max(batchTokens, isParlActive() ? Math.floor(BATCH_PRODUCTS / decoder.parameterCount) : 0);
  for (const batch of packSequences(sequences, together, { sharePrefixes: true, untilLastTarget: true })) {
    if (batch.targets.length === 0) continue;
    const { logprobs } = scoreBatch(decoder, batch, { temperature });
    for (const [member, sequence] of batch.sequences.entries()) {
      for (let i = batch.targetOffsets[member]!; i < batch.targetOffsets[member + 1]!; i += 1) {
        // A target is the token after its row.
        all[sequence]![batch.positions[batch.targetRows[i]!]! + 1] = logprobs[i]!;
      }
    }
  }
  return all;
}

/**
 * Sum of the log-probabilities of each sequence's masked tokens: log p(completion | prompt) when the mask covers the
 * completion.
 *
 * @returns one number per sequence, in nats, at most 0; exactly 0 for a sequence without masked tokens.
 */
export function scoreCompletions(
  decoder: Decoder,
  sequences: readonly TrainingSequence[],
  options: ScoringOptions = {},
): Float64Array {
  return Float64Array.from(tokenLogprobs(decoder, sequences, options), (logprobs) =>
    logprobs.reduce((sum, logprob) => sum + logprob, 0),
  );
}
