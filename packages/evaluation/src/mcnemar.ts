import { incompleteBeta } from './incomplete-beta.js';

/**
 * Exact McNemar test: do two methods differ on the same tasks? Only tasks that one of them solved count; under the null hypothesis
 * each is as likely to be won by either.
 *
 * @param onlyFirst - tasks that only the first method solved. @param onlySecond - that only the second solved.
 * @returns the two-sided p value, 2 P(at most min of the two among their sum), at most 1.
 * @throws {RangeError} for a count that is not an integer >= 0.
 * @see McNemar 1947.
 */
export function mcnemarTest(onlyFirst: number, onlySecond: number): number {
  for (const count of [onlyFirst, onlySecond]) {
    if (!(Number.isSafeInteger(count) && count >= 0)) {
      throw new RangeError(`expected counts to be integers >= 0, received ${count}`);
    }
  }
  const fewer = Math.min(onlyFirst, onlySecond);
  const all = onlyFirst + onlySecond;
  if (2 * fewer >= all) return 1;
  // P(X <= k) of Binomial(n, 1/2) is I_{1/2}(n - k, k + 1).
  return Math.min(1, 2 * incompleteBeta(all - fewer, fewer + 1, 0.5));
}
