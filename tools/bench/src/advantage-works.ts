import { type AdvantageEstimator, generalizedAdvantages, groupTokenAdvantages, type TokenRows } from '@parl-mt/native';
import { mix, tensorArray, uniform } from './inputs.js';
import type { Prepared, Work } from './measure.js';

const TRAJECTORIES = 1024;
const PADDED_LENGTH = 1024;
const GROUP = 8;

const GAE_ROWS = 256;
const GAE_LENGTH = 1024;
const GAMMA = 0.99;
const LAMBDA = 0.95;

/** Advantages of padded matrices of masked tokens, as the peers have them. */
export function advantageWorks(): Work[] {
  const groups = (['grpo', 'rloo'] as const).map((estimator) => ({
    name: `${estimator}/${TRAJECTORIES}x${PADDED_LENGTH}`,
    item: 'token',
    items: TRAJECTORIES * PADDED_LENGTH,
    bytes: 4 * TRAJECTORIES * PADDED_LENGTH * 3,
    flops: 0,
    note: 'reads token rewards and mask (of bytes), writes advantages',
    prepare: () => prepareGroups(estimator),
  }));
  return [
    ...groups,
    {
      name: `gae/${GAE_ROWS}x${GAE_LENGTH}`,
      item: 'token',
      items: GAE_ROWS * GAE_LENGTH,
      bytes: 4 * GAE_ROWS * GAE_LENGTH * 5,
      flops: 0,
      note: 'reads rewards, values, mask (of bytes); writes advantages (whitened) and returns',
      prepare: prepareGae,
    },
  ];
}

/** Rows of equal width, of which the first `lengths[row]` tokens are sampled. */
export function paddedRows(lengths: ArrayLike<number>, width: number): TokenRows {
  const mask = new Uint8Array(lengths.length * width);
  for (let row = 0; row < lengths.length; row += 1) mask.fill(1, row * width, row * width + lengths[row]!);
  return { mask, offsets: Int32Array.from({ length: lengths.length + 1 }, (_, row) => row * width) };
}

/** [rows] in [64, width). */
export function lengthsBelow(width: number, rows: number): Int32Array {
  return Int32Array.from({ length: rows }, (_, row) => (mix(row, 21) % (width - 64)) + 64);
}

function prepareGroups(estimator: AdvantageEstimator): Prepared {
  const lengths = lengthsBelow(PADDED_LENGTH, TRAJECTORIES);
  const rows = paddedRows(lengths, PADDED_LENGTH);
  const rewards = tensorArray(rows.mask.length);
  const final = uniform(TRAJECTORIES, 22);
  for (const [row, length] of lengths.entries()) rewards[row * PADDED_LENGTH + length - 1] = final[row]!;
  const groups = Int32Array.from(lengths, (_, row) => Math.floor(row / GROUP));
  const advantages = tensorArray(rewards.length);
  return {
    run: () => {
      groupTokenAdvantages(rewards, rows, groups, { estimator }, advantages);
    },
    check: () => advantages.reduce((sum, value) => sum + value, 0),
  };
}

/** Turns of sampled tokens and observations, then padding; the reward stands on the last sampled token. */
function prepareGae(): Prepared {
  const count = GAE_ROWS * GAE_LENGTH;
  const mask = new Uint8Array(count);
  const rewards = tensorArray(count);
  const final = uniform(GAE_ROWS, 33);
  for (let row = 0; row < GAE_ROWS; row += 1) {
    const length = (mix(row, 31) % (GAE_LENGTH / 2)) + GAE_LENGTH / 2;
    const period = (mix(row, 32) % 60) + 40;
    let last = 0;
    for (let t = 0; t < length; t += 1) {
      if (t % period >= Math.floor((period * 2) / 3)) continue;
      last = row * GAE_LENGTH + t;
      mask[last] = 1;
    }
    rewards[last] = final[row]!;
  }
  const values = uniform(count, 34, (x) => x - 0.5);
  const rows = { mask, offsets: Int32Array.from({ length: GAE_ROWS + 1 }, (_, row) => row * GAE_LENGTH) };
  const out = { advantages: tensorArray(count), returns: tensorArray(count) };
  return {
    run: () => {
      generalizedAdvantages(rewards, values, rows, { gamma: GAMMA, lambda: LAMBDA }, out);
    },
    check: () => out.advantages.reduce((largest, value) => Math.max(largest, value), Number.NEGATIVE_INFINITY),
  };
}
