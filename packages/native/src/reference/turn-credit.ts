import type { EpisodeSteps, StepGroupOptions } from '../turn-credit.js';
import { groupAdvantagesReference } from './group-advantage.js';
import { broadcastToSampledReference, type ReferenceRows } from './token-credit.js';

/** `turnLevelAdvantages` (MT-GRPO), in float64. */
export function turnLevelAdvantagesReference(
  outcomeRewards: ArrayLike<number>,
  turnRewards: ArrayLike<number>,
  groupIds: ArrayLike<number>,
  boundary: ArrayLike<number>,
  rows: ReferenceRows,
  { weight = 1, epsilon = 1e-4 }: { readonly weight?: number; readonly epsilon?: number } = {},
): Float64Array {
  const options = { estimator: 'grpo', epsilon } as const;
  const outcome = broadcastToSampledReference(groupAdvantagesReference(outcomeRewards, groupIds, options), rows);
  const turn = broadcastToSampledReference(groupAdvantagesReference(turnRewards, groupIds, options), rows);
  for (let row = 0; row + 1 < rows.offsets.length; row++) {
    const [begin, end] = [rows.offsets[row]!, rows.offsets[row + 1]!];
    for (let t = begin; t < Math.min(end, begin + boundary[row]!); t++) outcome[t]! += weight * turn[t]!;
  }
  return outcome;
}

/** `stepGroupAdvantages` (GiGPO). */
export function stepGroupAdvantagesReference(
  episodeRewards: ArrayLike<number>,
  groupIds: ArrayLike<number>,
  { stepOffsets, stepRewards, anchors }: EpisodeSteps,
  { gamma = 0.95, weight = 1, scale = true, epsilon = 1e-6, average = 'trajectories' }: StepGroupOptions = {},
): Float64Array {
  const options = scale ? ({ estimator: 'grpo', epsilon } as const) : ({ estimator: 'dr_grpo' } as const);
  const trajectoryOf = Array.from(groupIds).flatMap((_, t) =>
    Array<number>(stepOffsets[t + 1]! - stepOffsets[t]!).fill(t),
  );
  const values = Float64Array.from(stepRewards, (_, s) => {
    let value = 0;
    for (let later = s; later < stepOffsets[trajectoryOf[s]! + 1]!; later++) {
      value += gamma ** (later - s) * stepRewards[later]!;
    }
    return value;
  });
  const names = trajectoryOf.map((t, s) => `${groupIds[t]} ${anchors[s]}`);
  const clusters = names.map((name) => names.indexOf(name));
  const step = groupAdvantagesReference(values, clusters, options);
  const perStep = (rewards: ArrayLike<number>): number[] => trajectoryOf.map((t) => rewards[t]!);
  const episode =
    average === 'steps'
      ? groupAdvantagesReference(perStep(episodeRewards), perStep(groupIds), options)
      : perStep(groupAdvantagesReference(episodeRewards, groupIds, options));
  return Float64Array.from(step, (advantage, s) => episode[s]! + weight * advantage);
}
