import { type PolicyLoss, type PolicyLossOptions, policyLoss, trustRegionWeights } from '@parl-mt/native';
import type { RlConfig } from '@parl-mt/schema';
import { tf } from '@parl-mt/tfjs-backend';
import { clippedLoss } from './clipped-loss.js';
import type { MicroBatchLoss, PredictedRows } from './weight-updater.js';

/** Options of `rl` that say what a token's loss is. */
export type TrainerLossConfig = Pick<RlConfig, 'loss' | 'kl' | 'entropyCoefficient' | 'clipLow' | 'clipHigh'>;

/**
 * The loss that a configuration asks for: sum over sampled tokens of weight (f(rho, A) + kl.coefficient kl - entropyCoefficient H),
 * as docs/losses.md defines it. A row, which `gspo` and `gmpo` have one ratio for, is one training sequence.
 *
 * The clipped loss alone runs as TF.js ops, everything else in one native pass.
 *
 * @param onBatch - receives loss and metrics of each micro-batch.
 */
export function trainerLoss(config: TrainerLossConfig, onBatch: (result: PolicyLoss) => void): MicroBatchLoss {
  const options = policyLossOptions(config);
  const { clipLow: low, clipHigh: high, entropyCoefficient } = config;
  const isPlain = isPlainClip(config);
  return (logprobs, rows, entropies) => {
    const result = nativeLoss(logprobs, rows, options, config);
    onBatch(result);
    const loss = isPlain ? clippedLoss({ logprobs, ...rows }, { low, high }) : lossOf(logprobs, result);
    if (entropyCoefficient === 0) return loss;
    return tf.sub(loss, tf.mul(tf.sum(tf.mul(entropies, rows.weights)), entropyCoefficient)).asScalar();
  };
}

/** Whether the options need every trajectory of an update: those without an advantage are trained on as well. */
export function trainsOnAll({ kl, entropyCoefficient }: Pick<TrainerLossConfig, 'kl' | 'entropyCoefficient'>): boolean {
  return kl.kind !== 'none' || entropyCoefficient > 0;
}

/** The configuration as the native loss takes it. */
export function policyLossOptions({ loss, kl, clipLow, clipHigh }: TrainerLossConfig): PolicyLossOptions {
  const penalty = kl.kind === 'none' ? {} : { kl: klTerm(kl) };
  switch (loss.kind) {
    case 'ppo': {
      const { dualClip, ratioCap } = loss;
      return {
        objective: {
          kind: 'clip',
          clipLow,
          clipHigh,
          ...(dualClip === undefined ? {} : { dualClip }),
          ...(ratioCap === undefined ? {} : { ratioCap }),
        },
        ...penalty,
      };
    }
    case 'gspo':
      return {
        objective: { kind: 'clip', clipLow, clipHigh },
        ratio: { level: 'sequence_mean', gradient: loss.gradient },
        ...penalty,
      };
    case 'cispo':
      return { objective: { kind: 'cispo', ratioLow: Math.max(0, 1 - clipLow), ratioHigh: 1 + clipHigh }, ...penalty };
    case 'gmpo':
      return { objective: { kind: 'geometric_mean', clipLow, clipHigh }, ...penalty };
    case 'sapo': {
      const { tauPositive, tauNegative } = loss;
      return { objective: { kind: 'sapo', tauPositive, tauNegative }, ...penalty };
    }
    case 'dppo':
    case 'reinforce':
      return { objective: { kind: 'reinforce' }, ...penalty };
  }
}

function klTerm({ coefficient, estimator, gradient }: Extract<RlConfig['kl'], { kind: 'penalty' }>) {
  return { coefficient, estimator, gradient };
}

function isPlainClip({ loss, kl }: TrainerLossConfig): boolean {
  return loss.kind === 'ppo' && loss.dualClip === undefined && loss.ratioCap === undefined && kl.kind === 'none';
}

function nativeLoss(
  predicted: tf.Tensor1D,
  rows: PredictedRows,
  options: PolicyLossOptions,
  { loss, clipLow: low, clipHigh: high }: TrainerLossConfig,
): PolicyLoss {
  const weights = rows.weights.dataSync();
  const { offsets } = rows;
  const tokens = { mask: new Uint8Array(predicted.size).fill(1), offsets };
  const logprobs = predicted.dataSync() as Float32Array;
  const oldLogprobs = rows.behaviorLogprobs.dataSync() as Float32Array;
  const advantages = rows.advantages.dataSync() as Float32Array;
  const held =
    loss.kind === 'dppo'
      ? { weights: trustRegionWeights(logprobs, oldLogprobs, advantages, tokens, { ...loss, low, high }) }
      : {};
  return policyLoss(
    {
      rows: tokens,
      logprobs,
      oldLogprobs,
      advantages,
      ...held,
      // Tokens of a row weigh alike: see WeightedSequence.
      rowWeights: Float64Array.from({ length: offsets.length - 1 }, (_, row) =>
        offsets[row] === offsets[row + 1] ? 0 : weights[offsets[row]!]!,
      ),
      ...(options.kl === undefined ? {} : { referenceLogprobs: rows.referenceLogprobs.dataSync() as Float32Array }),
    },
    options,
  );
}

/** A scalar with the value and the gradient that the native pass found. */
function lossOf(logprobs: tf.Tensor1D, { loss, gradient }: PolicyLoss): tf.Scalar {
  const op = tf.customGrad(() => ({
    value: tf.scalar(loss),
    gradFunc: (dy: tf.Tensor) => tf.mul(dy, tf.tensor1d(gradient)),
  }));
  return op(logprobs) as tf.Scalar;
}
