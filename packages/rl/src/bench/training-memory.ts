import type { DecoderConfig } from '@parl-mt/schema';

/** What one training step is made over. */
export interface TrainingStepShape {
  /** Tokens of the packed micro-batch. */
  readonly tokens: number;
  /** Tokens that are predicted. */
  readonly targets: number;
}

/** Bytes of a training step by what they are for; `peak` is what is held at once at its highest. */
export interface TrainingMemory {
  /** The weights themselves. */
  readonly weights: number;
  /** AdamW's two moments. */
  readonly moments: number;
  /** One gradient of every weight, three of the embedding. */
  readonly gradients: number;
  /** What the forward pass keeps for the backward pass. */
  readonly activations: number;
  /** What a layer's backward pass holds beside that. */
  readonly transient: number;
  /** All of it. */
  readonly peak: number;
}

const FLOAT = 4;

/**
 * Predicts the memory of a training step over one micro-batch, from the shapes alone: N tokens, T targets, L layers, widths D
 * (residual), K (keys and values) and F (feed-forward), H heads, V words, P weights. The head is tied to the embedding.
 *
 * Kept for the backward pass, by layer: q and k as rotated, v, and the mix of values (2 D + 2 K), log-sum-exp (H); the two sums of
 * the residual stream and their norms (4 D, with their scales 2); gate, up and their product (3 F). Past the last attention only the
 * T target rows are carried.
 *
 * The backward pass goes down the layers while weight gradients pile up. The embedding's comes from both of its ends and is added up:
 * three of it are there at once. At its widest a layer holds the gradients of gate, up and product (3 F) and, in attention, those of
 * the residual stream, the mix, q, k and v (3 D + 2 K). The arena keeps every size of buffer at its own peak, so what the T rows of the
 * last layer needed (3 F + 2 D) stays beside what N rows need.
 *
 * Not in it: the logits, which never exist as a whole (their tile is the head's scratch), packed panels of weights in scratch of
 * each thread, and what the arena rounds up (an eighth at most).
 */
export function predictTrainingMemory(
  { vocabSize, hiddenSize: d, numLayers, numHeads, numKvHeads, intermediateSize: f }: DecoderConfig,
  { tokens: n, targets: t }: TrainingStepShape,
): TrainingMemory {
  const k = (d / numHeads) * numKvHeads;
  const perLayer = 2 * d + 2 * d * d + 2 * k * d + (d + 2 * k) + 3 * d * f;
  const parameters = vocabSize * d + numLayers * perLayer + d;
  const attention = 2 * d + 2 * k + numHeads;
  const afterAttention = 4 * d + 2 + 3 * f;
  // The embedding, its norm, and in the last layer the target rows that are taken out of mix and residual.
  const activations =
    n * (2 * d + 1) + numLayers * n * attention + ((numLayers - 1) * n + t) * afterAttention + 2 * t * d;
  const transient = n * (3 * d + 2 * k) + t * (3 * f + 2 * d) + (numLayers > 1 ? n * 3 * f : 0);
  const bytes = {
    weights: parameters * FLOAT,
    moments: 2 * parameters * FLOAT,
    gradients: (parameters + 2 * vocabSize * d) * FLOAT,
    activations: activations * FLOAT,
    transient: transient * FLOAT,
  };
  return { ...bytes, peak: Object.values(bytes).reduce((sum, value) => sum + value, 0) };
}
