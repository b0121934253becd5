import { setImmediate } from 'node:timers/promises';
import type { Decoder } from '@parl-mt/policy';
import { CancelledError, type SftConfig, UsageError } from '@parl-mt/schema';
import { tf } from '@parl-mt/tfjs-backend';
import { TrainerCheckpoints } from './checkpoint.js';
import { permutation } from './derive-seed.js';
import { learningRateAt } from './learning-rate.js';
import { type WeightedSequence, WeightUpdater } from './weight-updater.js';

/** One sequence to imitate. */
export interface SftExample {
  readonly tokens: Int32Array;
  /** 1 where the token is part of a completion, and so predicted; 0 where it is given. Same length as tokens. */
  readonly lossMask: Uint8Array;
}

export interface SftUpdateMetrics {
  readonly update: number;
  /** Mean cross-entropy in nats per predicted token. */
  readonly loss: number;
  readonly learningRate: number;
  readonly gradNorm: number;
  /** Tokens seen so far, prompts included. */
  readonly tokensSeen: number;
  readonly tokensPerSecond: number;
}

export interface SftOptions {
  /** Folder of the checkpoints; the newest one in it is resumed. Absent: none are written. */
  readonly checkpointFolder?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onUpdate?: ((metrics: SftUpdateMetrics) => void) | undefined;
}

/**
 * Supervised warm-up: cross-entropy on completion tokens over packed batches, AdamW, linear rise and cosine decay of the
 * learning rate over the token budget. Examples are shuffled anew in each epoch.
 *
 * A run that is cancelled saves a checkpoint; with the same folder it goes on from there and ends in the same weights.
 *
 * @returns tokens seen, prompts included.
 * @throws {UsageError} when no example has a token to predict.
 * @throws {CancelledError} when the signal is aborted.
 */
export async function trainSft(
  decoder: Decoder,
  examples: readonly SftExample[],
  config: SftConfig,
  options: SftOptions = {},
): Promise<number> {
  if (!examples.some(({ lossMask }) => lossMask.includes(1))) {
    throw new UsageError(`expected examples with tokens to predict, received ${examples.length} examples without any`);
  }
  using updater = new WeightUpdater(decoder, config.optimizer, config);
  const checkpoints = new TrainerCheckpoints(options.checkpointFolder, decoder, updater);
  const state = await checkpoints.resume({ kind: 'sft', updates: 0, tokensSeen: 0, epoch: 0, cursor: 0 });
  let order = permutation(examples.length, config.seed + state.epoch);
  while (state.tokensSeen < config.tokenBudget) {
    if (options.signal?.aborted) {
      await checkpoints.save(state);
      throw new CancelledError(`SFT was cancelled after ${state.updates} updates`);
    }
    const startedAt = performance.now();
    const batch: SftExample[] = [];
    let tokens = 0;
    while (tokens < config.batchTokens) {
      if (state.cursor === order.length) {
        state.epoch += 1;
        state.cursor = 0;
        order = permutation(examples.length, config.seed + state.epoch);
      }
      const example = examples[order[state.cursor]!]!;
      batch.push(example);
      tokens += example.tokens.length;
      state.cursor += 1;
    }
    const learningRate = learningRateAt(state.tokensSeen / config.tokenBudget, {
      peak: config.optimizer.learningRate,
      warmup: config.warmupFraction,
      final: config.finalLearningRateFraction,
    });
    const sequences = weigh(batch);
    const loss = updater.accumulate(
      sequences,
      config.batchTokens,
      (logprobs, rows) => tf.neg(tf.sum(tf.mul(logprobs, rows.weights))).asScalar(),
      { isWeightedLikelihood: true },
    );
    const gradNorm = updater.apply(learningRate);
    state.updates += 1;
    state.tokensSeen += tokens;
    const seconds = (performance.now() - startedAt) / 1000;
    options.onUpdate?.({
      update: state.updates,
      loss,
      learningRate,
      gradNorm,
      tokensSeen: state.tokensSeen,
      tokensPerSecond: tokens / seconds,
    });
    if (state.updates % config.checkpointEvery === 0) await checkpoints.save(state);
    await setImmediate();
  }
  await checkpoints.save(state);
  return state.tokensSeen;
}

/** Gives every predicted token of the batch the same weight: one over their number. */
function weigh(batch: readonly SftExample[]): WeightedSequence[] {
  const predicted = batch.reduce((sum, { lossMask }) => sum + lossMask.reduce((count, flag) => count + flag, 0), 0);
  const weight = predicted === 0 ? 0 : 1 / predicted;
  return batch.map(({ tokens, lossMask }) => ({
    tokens,
    lossMask,
    weights: Float32Array.from(lossMask, (flag) => flag * weight),
  }));
}
