import { aggregationWeights, policyLoss } from '@parl-mt/native';
import { lengthsBelow, paddedRows } from './advantage-works.js';
import { tensorArray, uniform } from './inputs.js';
import type { Prepared, Work } from './measure.js';

const EXTENTS = [
  [256, 1024],
  [1024, 1024],
] as const;

/** The clipped policy loss with dual clip over masked tokens, token mean: value, gradient and all metrics. */
export function policyLossWorks(): Work[] {
  return EXTENTS.map(([rows, width]) => ({
    name: `policy_loss_fwdbwd/${rows}x${width}`,
    item: 'token',
    items: rows * width,
    bytes: 4 * rows * width * 5,
    flops: 0,
    note: 'reads 3 arrays and the mask (of bytes), writes the gradient; with KL, clip fractions and ratios',
    prepare: () => prepare(rows, width),
  }));
}

function prepare(count: number, width: number): Prepared {
  const rows = paddedRows(lengthsBelow(width, count), width);
  const oldLogprobs = uniform(count * width, 41, (x) => x * -3);
  const logprobs = uniform(count * width, 42, (x) => Math.fround(x - 0.5));
  for (let i = 0; i < logprobs.length; i += 1) logprobs[i]! += oldLogprobs[i]!;
  const advantages = uniform(count * width, 43, (x) => x * 2 - 1);
  const gradient = tensorArray(logprobs.length);
  return {
    run: () => {
      const rowWeights = aggregationWeights(rows, { mode: 'token_mean' });
      policyLoss(
        { rows, logprobs, oldLogprobs, advantages, rowWeights },
        { objective: { kind: 'clip', clipLow: 0.2, clipHigh: 0.2, dualClip: 3 } },
        gradient,
      );
    },
    check: () => gradient.reduce((sum, value) => sum + value, 0),
  };
}
