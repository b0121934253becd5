import { tf } from '@parl-mt/tfjs-backend';
import type { Decoder } from './decoder.js';
import { packSequences, type TrainingSequence } from './packing.js';

export interface ScoreOptions {
  /** Tokens of one forward pass; results do not depend on it. Default 4096. */
  readonly batchTokens?: number;
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
  { batchTokens = 4096 }: ScoreOptions = {},
): Float64Array {
  const scores = new Float64Array(sequences.length);
  for (const batch of packSequences(sequences, batchTokens, { sharePrefixes: true, untilLastTarget: true })) {
    if (batch.targets.length === 0) continue;
    const logprobs = tf.tidy(() => decoder.logprobs(batch).logprobs.dataSync());
    for (const [s, index] of batch.sequences.entries()) {
      let sum = 0;
      for (let i = batch.targetOffsets[s]!; i < batch.targetOffsets[s + 1]!; i++) sum += logprobs[i]!;
      scores[index] = sum;
    }
  }
  return scores;
}
