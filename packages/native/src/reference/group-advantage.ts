import type { GroupAdvantageOptions } from '../group-advantage.js';

/** `groupAdvantages` by its textbook formulas, without the scaling that guards tiny and huge rewards. */
export function groupAdvantagesReference(
  rewards: ArrayLike<number>,
  groupIds: ArrayLike<number>,
  { estimator, epsilon = 1e-6, deviation: kind, spread, singleton, missing }: GroupAdvantageOptions,
): Float64Array {
  const out = new Float64Array(rewards.length);
  const scored = [...out.keys()].filter((row) => missing !== 'leave_out' || !Number.isNaN(rewards[row]));
  const whole = scored.map((row) => rewards[row]!);
  for (const id of new Set(scored.map((row) => groupIds[row]!))) {
    const rows = scored.filter((row) => groupIds[row] === id);
    const values = rows.map((row) => rewards[row]!);
    const n = rows.length;
    if (n === 1 && singleton === 'reward') {
      const divisor = estimator !== 'grpo' ? 1 : spread === 'batch' ? deviation(whole, kind) + epsilon : 1 + epsilon;
      out[rows[0]!] = values[0]! / divisor;
    }
    if (values.every((value) => value === values[0])) continue;
    const centre = mean(values);
    for (const row of rows) {
      const above = rewards[row]! - centre;
      if (estimator === 'grpo') out[row] = above / (deviation(spread === 'batch' ? whole : values, kind) + epsilon);
      else if (estimator === 'rloo') out[row] = above * (n / (n - 1));
      else out[row] = above;
    }
  }
  return out;
}

/** `broadcastToTokens`, one token at a time. */
export function broadcastToTokensReference(values: Float64Array, offsets: Int32Array): Float32Array {
  return Float32Array.from([...values].flatMap((value, s) => Array<number>(offsets[s + 1]! - offsets[s]!).fill(value)));
}

/** `lengthBaselineAdvantages` (OPO). */
export function lengthBaselineReference(
  rewards: ArrayLike<number>,
  lengths: ArrayLike<number>,
  groupIds: ArrayLike<number>,
  { singleton }: { readonly singleton?: 'zero' | 'reward' } = {},
): Float64Array {
  const out = new Float64Array(rewards.length);
  for (const rows of groups(groupIds)) {
    const total = rows.reduce((sum, row) => sum + lengths[row]!, 0);
    const baseline =
      total === 0
        ? mean(rows.map((row) => rewards[row]!))
        : rows.reduce((sum, row) => sum + lengths[row]! * rewards[row]!, 0) / total;
    const equal = rows.every((row) => rewards[row] === rewards[rows[0]!]);
    for (const row of rows) out[row] = equal ? 0 : rewards[row]! - baseline;
    if (rows.length === 1 && singleton === 'reward') out[rows[0]!] = rewards[rows[0]!]!;
  }
  return out;
}

/** `bestOfGroupAdvantages` (pass@k training). */
export function bestOfGroupReference(
  rewards: ArrayLike<number>,
  groupIds: ArrayLike<number>,
  { scale = true, epsilon = 1e-6 }: { readonly scale?: boolean; readonly epsilon?: number } = {},
): Float64Array {
  const out = new Float64Array(rewards.length);
  for (const rows of groups(groupIds)) {
    const [best, second] = rows.toSorted((a, b) => rewards[b]! - rewards[a]!);
    if (second === undefined) continue;
    const lead = rewards[best!]! - rewards[second]!;
    if (lead > 0) out[best!] = lead / (scale ? deviation(rows.map((row) => rewards[row]!)) + epsilon : 1);
  }
  return out;
}

/** `partAdvantages`; parts [rows, kinds], NaN where missing. */
export function partAdvantagesReference(
  parts: ArrayLike<number>,
  groupIds: ArrayLike<number>,
  {
    weights,
    scale = true,
    epsilon = 1e-4,
    singleton,
  }: {
    readonly weights: ArrayLike<number>;
    readonly scale?: boolean;
    readonly epsilon?: number;
    readonly singleton?: 'zero' | 'reward';
  },
): Float64Array {
  const kinds = weights.length;
  const out = new Float64Array(groupIds.length);
  for (let kind = 0; kind < kinds; kind++) {
    const rewards = Float64Array.from(groupIds, (_, row) => parts[row * kinds + kind]!);
    const options = { missing: 'leave_out', ...(singleton === undefined ? {} : { singleton }) } as const;
    const advantages = groupAdvantagesReference(
      rewards,
      groupIds,
      scale ? { ...options, estimator: 'grpo', epsilon } : { ...options, estimator: 'dr_grpo' },
    );
    for (const [row, advantage] of advantages.entries()) out[row]! += weights[kind]! * advantage;
  }
  for (const row of out.keys()) {
    if (Array.from({ length: kinds }, (_, kind) => parts[row * kinds + kind]!).every(Number.isNaN))
      out[row] = Number.NaN;
  }
  return out;
}

/** `standardize`. */
export function standardizeReference(
  values: ArrayLike<number>,
  { epsilon = 1e-4 }: { readonly epsilon?: number } = {},
): Float64Array {
  const present = Array.from(values).filter((value) => !Number.isNaN(value));
  const flat = present.every((value) => value === present[0]);
  const [centre, divisor] = [mean(present), deviation(present) + epsilon];
  return Float64Array.from(values, (value) => (flat || Number.isNaN(value) ? 0 : (value - centre) / divisor));
}

/** Rows of each group. */
function groups(groupIds: ArrayLike<number>): number[][] {
  const rows = Array.from(groupIds, (_, row) => row);
  return [...new Set(Array.from(groupIds))].map((id) => rows.filter((row) => groupIds[row] === id));
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function deviation(values: readonly number[], kind: 'sample' | 'population' = 'sample'): number {
  const centre = mean(values);
  const squares = values.reduce((sum, value) => sum + (value - centre) ** 2, 0);
  return values.every((value) => value === values[0])
    ? 0
    : Math.sqrt(squares / (values.length - (kind === 'sample' ? 1 : 0)));
}
