import { callNative } from './call.js';
import { NativeValueError, ShapeError } from './errors.js';
import { expectOneOf } from './expect-one-of.js';

/** With d = logprob - referenceLogprob: k1 = d, k2 = d^2 / 2, k3 = e^-d + d - 1, abs = |d|. */
export type KlEstimatorName = 'k1' | 'k2' | 'k3' | 'abs';

export interface KlEstimate {
  readonly estimator: KlEstimatorName;
  /**
   * 'own' (default): of the estimator as written. 'k2': the value of the estimator with the gradient of k2, d: the one of the
   * four whose expectation is the gradient of the KL divergence (verl's "+" forms).
   */
  readonly gradient?: 'own' | 'k2';
  /** k3 only: -d is clamped to plus-minus this before the exponential, > 0. Default: none. verl: 20. */
  readonly exponentBound?: number;
  /** k3 only: the value is clamped to at most this, > 0; the gradient is 0 there. Default: none. verl: 10. */
  readonly valueBound?: number;
}

export const klEstimatorCodes: Readonly<Record<KlEstimatorName, number>> = { k1: 1, k2: 2, k3: 3, abs: 4 };

/** Bounds of k3 in verl 0.9.1; TRL has none. */
export const klPresets = {
  verl: { estimator: 'k3', exponentBound: 20, valueBound: 10 },
  trl: { estimator: 'k3' },
} as const satisfies Readonly<Record<string, KlEstimate>>;

/**
 * KL divergence from a reference policy, estimated token by token, and its derivative by the log-prob.
 *
 * k3 is computed without cancellation near d = 0, so tiny divergences keep their digits.
 *
 * @param logprobs - [tokens]. @param referenceLogprobs - [tokens].
 * @returns both [tokens].
 * @throws {ShapeError} if the lengths differ. @throws {NativeValueError} for an option that the estimator has no use for.
 * @see Schulman 2020, "Approximating KL divergence".
 */
export function klPenalty(
  logprobs: Float32Array,
  referenceLogprobs: Float32Array,
  estimate: KlEstimate,
): { readonly values: Float32Array; readonly gradients: Float32Array } {
  if (!(logprobs instanceof Float32Array) || !(referenceLogprobs instanceof Float32Array)) {
    throw new ShapeError('expected logprobs and referenceLogprobs to be Float32Arrays');
  }
  if (referenceLogprobs.length !== logprobs.length) {
    throw new ShapeError(
      `expected referenceLogprobs.length to be logprobs.length ${logprobs.length}, received ${referenceLogprobs.length}`,
    );
  }
  const values = new Float32Array(logprobs.length);
  const gradients = new Float32Array(logprobs.length);
  callNative(
    'klPenalty',
    logprobs,
    referenceLogprobs,
    Float64Array.from(klCode(estimate, 1, false)),
    values,
    gradients,
  );
  return { values, gradients };
}

/** The options as the binding takes them. */
export function klCode(estimate: KlEstimate, coefficient: number, timesRatio: boolean): readonly number[] {
  const { estimator, gradient, exponentBound, valueBound } = estimate;
  if (!Object.hasOwn(klEstimatorCodes, estimator)) {
    throw new NativeValueError(`expected estimator to be one of k1, k2, k3, abs, received ${estimator}`);
  }
  expectOneOf('gradient', gradient, ['own', 'k2']);
  for (const [name, bound] of Object.entries({ exponentBound, valueBound })) {
    if (bound === undefined) continue;
    if (estimator !== 'k3')
      throw new NativeValueError(`expected no ${name} with estimator ${estimator}, received ${bound}`);
    if (!(bound > 0)) throw new NativeValueError(`expected ${name} to be > 0, received ${bound}`);
  }
  return [
    klEstimatorCodes[estimator],
    coefficient,
    exponentBound ?? Number.POSITIVE_INFINITY,
    valueBound ?? Number.POSITIVE_INFINITY,
    gradient === 'k2' ? 1 : 0,
    timesRatio ? 1 : 0,
  ];
}
