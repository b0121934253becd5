import { tf } from '@parl-mt/tfjs-backend';

/** Largest |log-ratio| taken as it is; beyond it the ratio is constant (verl's bound). */
const MAX_LOG_RATIO = 20;

export interface ClippedLossInput {
  /** Log-probs under the current weights, shape [tokens]; gradients flow through these alone. */
  readonly logprobs: tf.Tensor1D;
  /** Log-probs under the policy that sampled, shape [tokens]. */
  readonly behaviorLogprobs: tf.Tensor1D;
  /** Advantage of each token, shape [tokens]. */
  readonly advantages: tf.Tensor1D;
  /** Weight of each token in the sum, shape [tokens]: the whole reduction (token mean and the like) is folded in. */
  readonly weights: tf.Tensor1D;
}

/**
 * Clipped surrogate of PPO (Schulman et al., arXiv:1707.06347, equation 7) with separate bounds (DAPO, arXiv:2503.14476):
 * sum over tokens of w max(-A rho, -A clip(rho, 1 - low, 1 + high)), rho = exp(log pi - log pi_behavior).
 *
 * A sum of weighted tokens, so that micro-batches add up to exactly the gradient of one batch. Where both branches tie
 * (ratio on the bound) the unclipped one passes its gradient.
 *
 * @returns a scalar to minimise.
 */
export function clippedLoss(input: ClippedLossInput, clip: { readonly low: number; readonly high: number }): tf.Scalar {
  const logRatio = tf.clipByValue(tf.sub(input.logprobs, input.behaviorLogprobs), -MAX_LOG_RATIO, MAX_LOG_RATIO);
  const ratio = tf.exp(logRatio);
  const clipped = tf.clipByValue(ratio, 1 - clip.low, 1 + clip.high);
  const surrogate = tf.minimum(tf.mul(ratio, input.advantages), tf.mul(clipped, input.advantages));
  return tf.neg(tf.sum(tf.mul(surrogate, input.weights))).asScalar();
}
