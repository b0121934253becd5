import { incompleteBeta } from './incomplete-beta.js';
import { normalQuantile } from './normal-quantile.js';

/** Limits of a confidence interval of a proportion, in 0..1. */
export interface ProportionInterval {
  readonly low: number;
  readonly high: number;
}

export interface ProportionOptions {
  /** Coverage, above 0 and below 1. Default 0.95. */
  readonly confidence?: number;
}

/**
 * Wilson's score interval of a success rate.
 *
 * @param successes - 0..trials. @param trials - >= 1.
 * @param options.isContinuous - Newcombe's continuity correction, which widens it. Default false.
 * @throws {RangeError} for counts or a confidence out of range.
 * @see Wilson 1927; Newcombe 1998, methods 3 and 4.
 */
export function wilsonInterval(
  successes: number,
  trials: number,
  { confidence = 0.95, isContinuous = false }: ProportionOptions & { readonly isContinuous?: boolean } = {},
): ProportionInterval {
  checkCounts(successes, trials, confidence);
  const z = normalQuantile(1 - (1 - confidence) / 2);
  const p = successes / trials;
  const q = 1 - p;
  const divisor = 2 * (trials + z * z);
  const centre = (2 * trials * p + z * z) / divisor;
  const reach = (towards: -1 | 1): number =>
    isContinuous
      ? (1 + z * Math.sqrt(z * z + towards * 2 - 1 / trials + 4 * p * (trials * q - towards))) / divisor
      : (z * Math.sqrt(4 * trials * p * q + z * z)) / divisor;
  return {
    low: successes === 0 ? 0 : centre - reach(-1),
    high: successes === trials ? 1 : centre + reach(1),
  };
}

/**
 * The exact interval of a success rate (Clopper and Pearson): the rates at which as many successes, or as few, have half of
 * 1 - confidence.
 *
 * @throws {RangeError} as {@link wilsonInterval}.
 */
export function exactInterval(
  successes: number,
  trials: number,
  { confidence = 0.95 }: ProportionOptions = {},
): ProportionInterval {
  checkCounts(successes, trials, confidence);
  const tail = (1 - confidence) / 2;
  const failures = trials - successes;
  return {
    low: successes === 0 ? 0 : root((p) => incompleteBeta(successes, failures + 1, p) - tail),
    high: failures === 0 ? 1 : root((p) => tail - 1 + incompleteBeta(successes + 1, failures, p)),
  };
}

/** Where a rising function of 0..1 crosses 0, by bisection. */
function root(rising: (x: number) => number): number {
  let [low, high] = [0, 1];
  for (let i = 0; i < 200 && high > low; i += 1) {
    const middle = (low + high) / 2;
    if (middle === low || middle === high) break;
    if (rising(middle) < 0) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

function checkCounts(successes: number, trials: number, confidence: number): void {
  if (!(Number.isSafeInteger(trials) && trials >= 1)) {
    throw new RangeError(`expected trials to be an integer >= 1, received ${trials}`);
  }
  if (!(Number.isSafeInteger(successes) && successes >= 0 && successes <= trials)) {
    throw new RangeError(`expected successes to be an integer in 0..${trials}, received ${successes}`);
  }
  if (!(confidence > 0 && confidence < 1)) {
    throw new RangeError(`expected confidence to be above 0 and below 1, received ${confidence}`);
  }
}
