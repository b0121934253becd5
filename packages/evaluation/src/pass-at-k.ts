/**
 * pass@k: the chance that at least one of k trials drawn without replacement succeeds, 1 - C(n - c, k) / C(n, k).
 *
 * @param trials - n, >= 1. @param successes - c, 0..n. @param k - 1..n.
 * @throws {RangeError} outside of these.
 * @see Chen et al., arXiv:2107.03374.
 */
export function passAtK(trials: number, successes: number, k: number): number {
  return 1 - drawnShare(trials, trials - checked(trials, successes, k), k);
}

/**
 * pass^k: the chance that all of k trials drawn without replacement succeed, C(c, k) / C(n, k).
 *
 * @throws {RangeError} as {@link passAtK}.
 * @see tau-bench, arXiv:2406.12045.
 */
export function passHatK(trials: number, successes: number, k: number): number {
  return drawnShare(trials, checked(trials, successes, k), k);
}

/** C(marked, k) / C(all, k) as a product, which neither overflows nor cancels. */
function drawnShare(all: number, marked: number, k: number): number {
  let share = 1;
  for (let i = 0; i < k; i += 1) share *= Math.max(0, marked - i) / (all - i);
  return share;
}

function checked(trials: number, successes: number, k: number): number {
  const isCount = (value: number, low: number, high: number): boolean =>
    Number.isSafeInteger(value) && value >= low && value <= high;
  if (!isCount(trials, 1, Number.MAX_SAFE_INTEGER)) {
    throw new RangeError(`expected trials to be an integer >= 1, received ${trials}`);
  }
  if (!isCount(successes, 0, trials)) {
    throw new RangeError(`expected successes to be an integer in 0..${trials}, received ${successes}`);
  }
  if (!isCount(k, 1, trials)) throw new RangeError(`expected k to be an integer in 1..${trials}, received ${k}`);
  return successes;
}
