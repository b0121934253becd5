import { type Decoder, type PackedBatch, packSequences } from '@parl-mt/policy';
import type { AdamwConfig } from '@parl-mt/schema';
import { AdamW, GradientSums, tf } from '@parl-mt/tfjs-backend';

/** A sequence with what the loss needs of each token. All arrays are as long as `tokens`. */
export interface WeightedSequence {
  readonly tokens: Int32Array;
  /** 1 where the token is predicted. */
  readonly lossMask: Uint8Array;
  /** Weight of the token in the loss; the reduction is folded in. Equal for all predicted tokens of a sequence in a policy loss. */
  readonly weights: Float32Array;
  /** Log-probs under the sampling policy; zeros when absent. */
  readonly behaviorLogprobs?: Float32Array;
  /** Advantage of each token; zeros when absent. */
  readonly advantages?: Float32Array;
  /** Log-probs under the reference policy; zeros when absent. */
  readonly referenceLogprobs?: Float32Array;
}

export interface AccumulateOptions {
  readonly temperature?: number;
  readonly isWeightedLikelihood?: boolean;
}

/** More than an update has; what is beyond would share random numbers with the next update. */
const MICRO_BATCHES = 4096;

/** The predicted tokens of a micro-batch, one entry each. */
export interface PredictedRows {
  /** First predicted token of each sequence, then their number. */
  readonly offsets: Int32Array;
  readonly weights: tf.Tensor1D;
  readonly behaviorLogprobs: tf.Tensor1D;
  readonly advantages: tf.Tensor1D;
  readonly referenceLogprobs: tf.Tensor1D;
}

/** A scalar from the log-probs of the predicted tokens, their data, and the entropies they were predicted with; all [rows]. */
export type MicroBatchLoss = (logprobs: tf.Tensor1D, rows: PredictedRows, entropies: tf.Tensor1D) => tf.Scalar;

/**
 * Gradients over micro-batches, then one AdamW update. Losses are weighted sums over tokens, so that the gradient does not
 * depend on how a batch is cut.
 */
export class WeightUpdater implements Disposable {
  readonly #decoder: Decoder;
  readonly optimizer: AdamW;
  readonly #maxGradNorm: number;
  readonly #gradientCheckpointing: boolean;
  readonly #gradients = new GradientSums();
  /** Micro-batches since the last update. */
  #microBatches = 0;

  /** @param options.gradientCheckpointing - see `Decoder.lossGradients`. */
  constructor(decoder: Decoder, config: AdamwConfig, { gradientCheckpointing = false } = {}) {
    this.#decoder = decoder;
    this.#gradientCheckpointing = gradientCheckpointing;
    this.#maxGradNorm = config.maxGradNorm;
    this.optimizer = new AdamW(decoder.trainable, {
      beta1: config.beta1,
      beta2: config.beta2,
      epsilon: config.epsilon,
      weightDecay: config.weightDecay,
    });
  }

  /**
   * Adds the gradient of `loss` over the sequences to what the next update applies.
   *
   * @param batchTokens - most tokens of a micro-batch; those that neighbours have in common at their beginnings count, and are computed, once.
   * @param options.temperature - divides the logits: that of the sampling policy. Default 1.
   * @param options.isWeightedLikelihood - the loss is minus the sum of log-probs times weights: its gradient is known before, which saves
   *   the head a product. Default false.
   * @returns sum of the losses.
   */
  accumulate(
    sequences: readonly WeightedSequence[],
    batchTokens: number,
    loss: MicroBatchLoss,
    options: AccumulateOptions = {},
  ): number {
    let total = 0;
    // Dropout draws for each token of each sequence by itself.
    const sharePrefixes = (this.#decoder.adapter?.config.dropout ?? 0) === 0;
    for (const batch of packSequences(sequences, batchTokens, { sharePrefixes, untilLastTarget: true })) {
      if (batch.targets.length === 0) continue;
      const members = Array.from(batch.sequences, (index) => sequences[index]!);
      total += this.#accumulateBatch(batch, members, loss, options);
    }
    return total;
  }

  /** One optimizer update with the accumulated gradients; returns their norm before clipping. */
  apply(learningRate: number): number {
    const { values } = this.#gradients;
    if (values.size === 0) return 0;
    const { gradNorm } = this.optimizer.update(values, { learningRate, maxGradNorm: this.#maxGradNorm });
    this.#gradients.clear();
    this.#microBatches = 0;
    return gradNorm;
  }

  [Symbol.dispose](): void {
    this.#gradients.clear();
  }

  #accumulateBatch(
    batch: PackedBatch,
    sequences: readonly WeightedSequence[],
    loss: MicroBatchLoss,
    { temperature = 1, isWeightedLikelihood = false }: AccumulateOptions,
  ): number {
    const ofRows = (values: (sequence: WeightedSequence) => Float32Array | undefined): tf.Tensor1D =>
      tf.tensor1d(predictedRows(sequences, batch.targets.length, values));
    const rows: PredictedRows = {
      offsets: batch.targetOffsets,
      weights: ofRows(({ weights }) => weights),
      behaviorLogprobs: ofRows(({ behaviorLogprobs }) => behaviorLogprobs),
      advantages: ofRows(({ advantages }) => advantages),
      referenceLogprobs: ofRows(({ referenceLogprobs }) => referenceLogprobs),
    };
    const result = this.#decoder.lossGradients(batch, ({ logprobs, entropies }) => loss(logprobs, rows, entropies), {
      temperature,
      dropoutStep: this.#dropoutStep(),
      gradientCheckpointing: this.#gradientCheckpointing,
      expectedGradient: isWeightedLikelihood
        ? (rows.weights.dataSync() as Float32Array).map((weight) => -weight)
        : undefined,
    });
    this.#gradients.add(result.gradients);
    tf.dispose([rows.weights, rows.behaviorLogprobs, rows.advantages, rows.referenceLogprobs]);
    return result.loss;
  }

  /** Names the random numbers of the adapter's dropout by position alone, so that a resumed run draws the same. */
  #dropoutStep(): number {
    const step = (this.optimizer.updates * MICRO_BATCHES + this.#microBatches) % 2 ** 32;
    this.#microBatches += 1;
    return step;
  }
}

/** The values of the `count` predicted tokens, in the order of the sequences and of their tokens; zeros where absent. */
function predictedRows(
  sequences: readonly WeightedSequence[],
  count: number,
  pick: (sequence: WeightedSequence) => Float32Array | undefined,
): Float32Array {
  const rows = new Float32Array(count);
  let row = 0;
  for (const sequence of sequences) {
    const values = pick(sequence);
    // The first token has nothing before it: packing never makes it a target.
    for (let token = 1; token < sequence.tokens.length; token += 1) {
      if (sequence.lossMask[token] === 0) continue; // as packing does
      if (values !== undefined) rows[row] = values[token]!;
      row += 1;
    }
  }
  return rows;
}
