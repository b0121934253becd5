import type { GroupAdvantageOptions } from '../group-advantage.js';

/** `groupAdvantages` by its textbook formulas, without the scaling that guards tiny and huge rewards. */
export function groupAdvantagesReference(
  rewards: ArrayLike<number>,
  groupIds: Int32Array,
  { estimator, epsilon = 1e-6 }: GroupAdvantageOptions,
): Float64Array {
  const out = new Float64Array(rewards.length);
  for (const id of new Set(groupIds)) {
    const rows = [...groupIds.keys()].filter((row) => groupIds[row] === id);
    const n = rows.length;
    if (rows.every((row) => rewards[row] === rewards[rows[0]!])) continue;
    const mean = rows.reduce((sum, row) => sum + rewards[row]!, 0) / n;
    const variance = rows.reduce((sum, row) => sum + (rewards[row]! - mean) ** 2, 0) / (n - 1);
    for (const row of rows) {
      const deviation = rewards[row]! - mean;
      if (estimator === 'grpo') out[row] = deviation / (Math.sqrt(variance) + epsilon);
      else if (estimator === 'rloo') out[row] = deviation * (n / (n - 1));
      else out[row] = deviation;
    }
  }
  return out;
}

/** `broadcastToTokens`, one token at a time. */
export function broadcastToTokensReference(values: Float64Array, offsets: Int32Array): Float32Array {
  return Float32Array.from([...values].flatMap((value, s) => Array<number>(offsets[s + 1]! - offsets[s]!).fill(value)));
}
