import type { TokenBaselineOptions } from '../token-baseline.js';
import type { ReferenceRows } from './token-credit.js';

/** `tokenBaselineAdvantages` in float64. */
export function tokenBaselineReference(
  {
    rewards,
    logprobs,
    squares,
    corrections,
  }: Readonly<Record<'rewards' | 'logprobs' | 'squares', ArrayLike<number>>> & {
    readonly corrections?: ArrayLike<number>;
  },
  { mask, offsets }: ReferenceRows,
  groupIds: ArrayLike<number>,
  { epsilon = 1e-8, singleton = 'zero', tail = 'zero' }: TokenBaselineOptions = {},
): { readonly advantages: Float64Array; readonly returns: Float64Array } {
  const advantages = new Float64Array(rewards.length);
  const returns = new Float64Array(rewards.length);
  const rows = Array.from({ length: offsets.length - 1 }, (_, row) => {
    const tokens: number[] = [];
    for (let t = offsets[row]!; t < offsets[row + 1]!; t++) if (mask[t] !== 0) tokens.push(t);
    let weight = 0;
    const weights = tokens.map((t) => {
      weight += (1 - 2 * Math.exp(logprobs[t]!) + squares[t]!) * (corrections?.[t] ?? 1) ** 2;
      return weight;
    });
    let rest = 0;
    for (const t of [...tokens].reverse()) {
      rest += rewards[t]!;
      returns[t] = rest;
    }
    return { group: groupIds[row]!, tokens, weights };
  });
  for (const { group, tokens } of rows) {
    const members = rows.filter((row) => row.group === group);
    for (const [i, t] of tokens.entries()) {
      const peers = members.filter((row) => i < row.tokens.length);
      const values = peers.map((row) => returns[row.tokens[i]!]!);
      const weights = peers.map((row) => row.weights[i]!);
      const baseline =
        values.reduce((sum, value, j) => sum + value * weights[j]!, 0) /
        (weights.reduce((sum, each) => sum + each, 0) + epsilon);
      const isKept = peers.length === 1 && (members.length === 1 ? singleton : tail) === 'return';
      const isFlat = values.every((value) => value === values[0]);
      advantages[t] = isKept ? returns[t]! : isFlat ? 0 : returns[t]! - baseline;
    }
  }
  return { advantages, returns };
}
