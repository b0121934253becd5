/** Result of one trial of one task. */
export interface TrialReward {
  readonly taskId: number | string;
  /** Which of the repetitions. */
  readonly trial: number;
  readonly reward: number;
}

/** Rewards this close to 1 count as success. */
const TOLERANCE = 1e-6;

export interface PassMetrics {
  /** Mean reward over all results. */
  readonly averageReward: number;
  /**
   * pass^k for k = 1 … number of trials, at index k - 1: the chance that k trials of a task, drawn without replacement, all
   * succeed, averaged over tasks (tau-bench, arXiv:2406.12045). Not pass@k, which wants one success.
   */
  readonly passHatK: readonly number[];
}

/**
 * Mean over tasks of C(c, k) / C(n, k), with c the successes of a task and n the number of distinct trial numbers; a task
 * with fewer results still counts n trials, as in the reference.
 *
 * @throws {RangeError} for no results.
 */
export function passMetrics(results: readonly TrialReward[]): PassMetrics {
  if (results.length === 0) throw new RangeError('expected at least one result, received none');
  const successes = new Map<number | string, number>();
  for (const { taskId, reward } of results) {
    successes.set(taskId, (successes.get(taskId) ?? 0) + (Math.abs(reward - 1) <= TOLERANCE ? 1 : 0));
  }
  const trials = new Set(results.map(({ trial }) => trial)).size;
  const passHatK = Array.from({ length: trials }, (_, index) => {
    const k = index + 1;
    const shares = Array.from(successes.values(), (count) => choose(count, k) / choose(trials, k));
    return shares.reduce((total, share) => total + share, 0) / successes.size;
  });
  return {
    averageReward: results.reduce((total, { reward }) => total + reward, 0) / results.length,
    passHatK,
  };
}

/** Binomial coefficient; 0 for k > n. */
function choose(n: number, k: number): number {
  if (k > n) return 0;
  let value = 1;
  for (let step = 1; step <= k; step++) value = (value * (n - k + step)) / step;
  return Math.round(value);
}
