import { sha256 } from './stage-cache.js';

/**
 * Chooses the tasks that are held out: a share of all tasks, by the hash of seed and task id, so that the choice does not
 * depend on the order of tasks. At least one where the share is above 0 and there are two tasks or more; never all.
 *
 * @param taskIds - distinct.
 * @param fraction - in [0, 0.5].
 */
export function validationTasks(taskIds: readonly string[], fraction: number, seed: number): ReadonlySet<string> {
  if (fraction === 0 || taskIds.length < 2) {
    return new Set();
  }
  const count = Math.min(taskIds.length - 1, Math.max(1, Math.round(fraction * taskIds.length)));
  const ranked = taskIds
    .map((id) => ({ id, rank: sha256(`${seed}:${id}`) }))
    .sort((a, b) => (a.rank < b.rank ? -1 : 1));
  return new Set(ranked.slice(0, count).map(({ id }) => id));
}
