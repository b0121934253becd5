import { type AdvantageEstimator, broadcastToTokens, groupAdvantages } from '@parl-mt/native';
import { mix, uniform } from './inputs.js';
import type { Work } from './measure.js';

const TRAJECTORIES = 1024;
const PADDED_LENGTH = 1024;
const GROUP = 8;

/** Advantages of every token of 1024 trajectories of up to 1024 tokens, groups of 8. */
export function advantageWorks(): Work[] {
  return (['grpo', 'rloo'] as const).map((estimator) => ({
    name: `${estimator}/${TRAJECTORIES}x${PADDED_LENGTH}`,
    item: 'token',
    items: TRAJECTORIES * PADDED_LENGTH,
    bytes: 4 * TRAJECTORIES * PADDED_LENGTH * 3,
    flops: 0,
    note: 'packed: one reward a trajectory and its tokens in, advantages of real tokens out; no padding, no mask',
    prepare: () => prepare(estimator),
  }));
}

function prepare(estimator: AdvantageEstimator) {
  const rewards = Float64Array.from(uniform(TRAJECTORIES, 22));
  const groups = Int32Array.from(rewards, (_, i) => Math.floor(i / GROUP));
  const offsets = new Int32Array(TRAJECTORIES + 1);
  for (let i = 0; i < TRAJECTORIES; i += 1) offsets[i + 1] = offsets[i]! + (mix(i, 21) % (PADDED_LENGTH - 64)) + 64;
  let advantages = new Float32Array();
  return {
    run: () => {
      advantages = broadcastToTokens(groupAdvantages(rewards, groups, { estimator }), offsets) as typeof advantages;
    },
    check: () => advantages.reduce((sum, value) => sum + value, 0),
  };
}
