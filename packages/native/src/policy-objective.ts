import { NativeValueError } from './errors.js';
import { type KlEstimate, klCode } from './kl-penalty.js';

/** The per-token objective f of a policy loss; A is the advantage, rho the ratio, all to be minimised. */
export type PolicyObjective =
  | ClipObjective
  | CispoObjective
  | SapoObjective
  | ReinforceObjective
  | QuadraticObjective
  | GeometricMeanObjective;

/** PPO: max(-A rho, -A clamp(rho, 1 - clipLow, 1 + clipHigh)). arXiv:1707.06347; separate bounds: DAPO, arXiv:2503.14476. */
export interface ClipObjective {
  readonly kind: 'clip';
  readonly clipLow: number;
  readonly clipHigh: number;
  /** Where A < 0 the loss is at most -A dualClip, > 1 (arXiv:1912.09729). Default: off. verl: 3. */
  readonly dualClip?: number;
  /** rho of the unclipped term is at most this, for either sign of A. Default: off. TRL calls it delta. */
  readonly ratioCap?: number;
}

/** CISPO: -A clamp(rho, ratioLow, ratioHigh) logprob with the ratio held constant. arXiv:2506.13585. */
export interface CispoObjective {
  readonly kind: 'cispo';
  /** The bound itself, not its distance from 1. Default 0: none. */
  readonly ratioLow?: number;
  readonly ratioHigh: number;
}

/** SAPO: -A (4 / tau) sigmoid(tau (rho - 1)). arXiv:2511.20347. */
export interface SapoObjective {
  readonly kind: 'sapo';
  /** tau where A > 0. Default 1. */
  readonly tauPositive?: number;
  /** tau elsewhere. Default 1.05. */
  readonly tauNegative?: number;
}

/** -A logprob, no ratio: REINFORCE; with token weights, any loss whose ratio is held constant. */
export interface ReinforceObjective {
  readonly kind: 'reinforce';
}

/** DRO: -(A logprob - beta/2 d^2), d the log-ratio. arXiv:2405.19107. */
export interface QuadraticObjective {
  readonly kind: 'quadratic';
  readonly beta: number;
}

/**
 * GMPO: -mean(A) e^(mean of the log-ratios, each clipped to [-clipLow, clipHigh] on the side that A's sign asks for), of each
 * row as a whole. Bounds of the log-ratio. With token weights w the row is multiplied by their geometric mean. arXiv:2507.20673.
 */
export interface GeometricMeanObjective {
  readonly kind: 'geometric_mean';
  readonly clipLow: number;
  readonly clipHigh: number;
}

/** What rho is. */
export interface PolicyRatio {
  /** A token's own ratio (default), e^(mean log-ratio of its row) as in GSPO, or the product over its row. */
  readonly level?: 'token' | 'sequence_mean' | 'sequence_sum';
  /**
   * With a sequence ratio alone. 'own_token' (default): straight through, the gradient of a token's term reaches its own
   * log-prob (GSPO-token). 'whole_row': it reaches every token of the row, as the formula says.
   */
  readonly gradient?: 'own_token' | 'whole_row';
  /** The log-ratio (of the token or of the row) is clamped to this range, outside of which it passes no gradient. */
  readonly minLogRatio?: number;
  readonly maxLogRatio?: number;
}

/** KL to a reference policy, added to each token's loss; importance and other token weights do not multiply it. */
export interface KlTerm extends KlEstimate {
  readonly coefficient: number;
  /** Multiply the estimate by rho, with its gradient (TRL's use_bias_correction_kl). Default false. */
  readonly timesRatio?: boolean;
}

export interface PolicyLossOptions {
  readonly objective: PolicyObjective;
  readonly ratio?: PolicyRatio;
  readonly kl?: KlTerm;
}

const objectiveCodes: Readonly<Record<PolicyObjective['kind'], number>> = {
  clip: 0,
  cispo: 1,
  sapo: 2,
  reinforce: 3,
  quadratic: 4,
  geometric_mean: 5,
};
const levelCodes = { token: 0, sequence_mean: 1, sequence_sum: 2 } as const;

/**
 * The options as the binding takes them.
 *
 * @throws {NativeValueError} for a value out of range, an unknown name, or an option that has no effect.
 */
export function policyLossCode({ objective, ratio = {}, kl }: PolicyLossOptions): Float64Array {
  if (!Object.hasOwn(objectiveCodes, objective.kind)) {
    throw new NativeValueError(
      `expected objective.kind to be one of ${Object.keys(objectiveCodes).join(', ')}, received ${objective.kind}`,
    );
  }
  const { level = 'token', gradient, minLogRatio = -20, maxLogRatio = 20 } = ratio;
  if (!Object.hasOwn(levelCodes, level)) {
    throw new NativeValueError(
      `expected ratio.level to be one of ${Object.keys(levelCodes).join(', ')}, received ${level}`,
    );
  }
  if (gradient !== undefined && level === 'token') {
    throw new NativeValueError(`expected no ratio.gradient with level token, received ${gradient}`);
  }
  if (objective.kind === 'geometric_mean' && Object.keys(ratio).length > 0) {
    throw new NativeValueError('expected no ratio options with objective geometric_mean, whose ratio is its own');
  }
  if (!(minLogRatio < 0 && maxLogRatio > 0)) {
    throw new NativeValueError(`expected minLogRatio < 0 < maxLogRatio, received ${minLogRatio} and ${maxLogRatio}`);
  }
  const numbers = objectiveNumbers(objective);
  return Float64Array.of(
    objectiveCodes[objective.kind],
    levelCodes[level],
    gradient === 'whole_row' ? 1 : 0,
    numbers.low ?? 0,
    numbers.high ?? Number.POSITIVE_INFINITY,
    numbers.dualClip ?? 0,
    numbers.ratioCap ?? 0,
    minLogRatio,
    maxLogRatio,
    numbers.tauPositive ?? 1,
    numbers.tauNegative ?? 1,
    numbers.beta ?? 0,
    ...(kl === undefined
      ? [0, 0, 1, 1, 0, 0]
      : klCode(kl, finite('kl.coefficient', kl.coefficient), kl.timesRatio === true)),
  );
}

interface ObjectiveNumbers {
  readonly low?: number;
  readonly high?: number;
  readonly dualClip?: number | undefined;
  readonly ratioCap?: number | undefined;
  readonly tauPositive?: number;
  readonly tauNegative?: number;
  readonly beta?: number;
}

function objectiveNumbers(objective: PolicyObjective): ObjectiveNumbers {
  switch (objective.kind) {
    case 'clip': {
      const { clipLow, clipHigh, dualClip, ratioCap } = objective;
      if (dualClip !== undefined && !(dualClip > 1)) {
        throw new NativeValueError(`expected dualClip to be > 1, received ${dualClip}`);
      }
      if (ratioCap !== undefined) positive('ratioCap', ratioCap);
      return { low: 1 - atLeast0('clipLow', clipLow), high: 1 + atLeast0('clipHigh', clipHigh), dualClip, ratioCap };
    }
    case 'cispo': {
      const { ratioLow = 0, ratioHigh } = objective;
      if (!(atLeast0('ratioLow', ratioLow) <= ratioHigh)) {
        throw new NativeValueError(`expected ratioLow <= ratioHigh, received ${ratioLow} and ${ratioHigh}`);
      }
      return { low: ratioLow, high: ratioHigh };
    }
    case 'sapo': {
      const { tauPositive = 1, tauNegative = 1.05 } = objective;
      return { tauPositive: positive('tauPositive', tauPositive), tauNegative: positive('tauNegative', tauNegative) };
    }
    case 'reinforce':
      return {};
    case 'quadratic':
      return { beta: positive('beta', objective.beta) };
    case 'geometric_mean':
      return { low: -atLeast0('clipLow', objective.clipLow), high: atLeast0('clipHigh', objective.clipHigh) };
  }
}

function atLeast0(name: string, value: number): number {
  if (!(value >= 0)) throw new NativeValueError(`expected ${name} to be >= 0, received ${value}`);
  return value;
}

function positive(name: string, value: number): number {
  if (!(value > 0)) throw new NativeValueError(`expected ${name} to be > 0, received ${value}`);
  return value;
}

function finite(name: string, value: number): number {
  if (!Number.isFinite(value)) throw new NativeValueError(`expected ${name} to be finite, received ${value}`);
  return value;
}
