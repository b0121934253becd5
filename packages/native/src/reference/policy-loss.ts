import type { KlEstimate } from '../kl-penalty.js';
import type { PolicyRowField } from '../policy-loss.js';
import type { PolicyLossOptions, PolicyObjective } from '../policy-objective.js';
import type { ReferenceRows } from './token-credit.js';

/** What `policyLoss` takes, in any arrays. */
export interface ReferencePolicyBatch {
  readonly rows: ReferenceRows;
  readonly logprobs: ArrayLike<number>;
  readonly oldLogprobs: ArrayLike<number>;
  readonly advantages: ArrayLike<number>;
  readonly rowWeights: ArrayLike<number>;
  readonly weights?: ArrayLike<number>;
  readonly referenceLogprobs?: ArrayLike<number>;
  readonly klWeights?: ArrayLike<number>;
}

export interface ReferencePolicyLoss {
  readonly loss: number;
  readonly gradient: Float64Array;
  /** One record a row, as `policyLoss` sums them. */
  readonly rows: readonly Readonly<Record<PolicyRowField, number>>[];
}

/** `policyLoss` in float64: the formulas one token at a time. */
export function policyLossReference(batch: ReferencePolicyBatch, options: PolicyLossOptions): ReferencePolicyLoss {
  const gradient = new Float64Array(batch.logprobs.length);
  const rows = Array.from({ length: batch.rows.offsets.length - 1 }, (_, row) => {
    const tokens: number[] = [];
    for (let t = batch.rows.offsets[row]!; t < batch.rows.offsets[row + 1]!; t++) {
      if (batch.rows.mask[t] !== 0) tokens.push(t);
    }
    return options.objective.kind === 'geometric_mean'
      ? geometricMeanRow(batch, tokens, row, options, options.objective, gradient)
      : tokenRow(batch, tokens, row, options, gradient);
  });
  return { loss: rows.reduce((sum, { loss }) => sum + loss, 0), gradient, rows };
}

/** The value of a KL estimate at d = logprob - referenceLogprob and its derivative by the log-prob. */
export function klReference(d: number, { estimator, gradient, exponentBound, valueBound }: KlEstimate) {
  const bound = exponentBound ?? Number.POSITIVE_INFINITY;
  const top = valueBound ?? Number.POSITIVE_INFINITY;
  const x = clamp(-d, -bound, bound);
  const curve = expMinusLine(x);
  const own = {
    k1: { value: d, slope: 1 },
    k2: { value: (d * d) / 2, slope: d },
    abs: { value: Math.abs(d), slope: Math.sign(d) },
    k3: { value: Math.min(curve, top), slope: Math.abs(d) < bound && curve < top ? -Math.expm1(x) : 0 },
  }[estimator];
  return gradient === 'k2' ? { value: own.value, slope: d } : own;
}

interface Term {
  readonly value: number;
  /** Derivative by the log of the ratio. */
  readonly byRatio: number;
  /** Derivative by the log-prob itself. */
  readonly byLogprob: number;
  readonly isClipped: boolean;
  readonly isDual: boolean;
  readonly bounds: readonly [number, number];
  readonly boundedRatio: number;
}

function term(
  objective: Exclude<PolicyObjective, { kind: 'geometric_mean' }>,
  ratio: number,
  a: number,
  logprob: number,
  logRatio: number,
): Term {
  const plain = {
    isClipped: false,
    isDual: false,
    bounds: [0, Number.POSITIVE_INFINITY],
    boundedRatio: ratio,
  } as const;
  switch (objective.kind) {
    case 'clip': {
      const [low, high] = [1 - objective.clipLow, 1 + objective.clipHigh];
      const cap = objective.ratioCap ?? Number.POSITIVE_INFINITY;
      const capped = Math.min(ratio, cap);
      const [free, clipped] = [-a * capped, -a * clamp(ratio, low, high)];
      const isClipped = clipped > free;
      const most = a < 0 && objective.dualClip !== undefined ? -a * objective.dualClip : Number.POSITIVE_INFINITY;
      const isDual = Math.max(free, clipped) > most;
      const passes = !isDual && (isClipped ? ratio > low && ratio < high : ratio < cap);
      return {
        ...plain,
        value: Math.min(most, Math.max(free, clipped)),
        byRatio: passes ? -a * ratio : 0,
        byLogprob: 0,
        isClipped,
        isDual,
        bounds: [low, high],
        boundedRatio: capped,
      };
    }
    case 'cispo': {
      const [low, high] = [objective.ratioLow ?? 0, objective.ratioHigh];
      const held = -a * clamp(ratio, low, high);
      const isClipped = ratio < low || ratio > high;
      return { ...plain, value: held * logprob, byRatio: 0, byLogprob: held, isClipped, bounds: [low, high] };
    }
    case 'sapo': {
      const tau = a > 0 ? (objective.tauPositive ?? 1) : (objective.tauNegative ?? 1.05);
      const e = Math.exp(Math.min(80, tau * (1 - ratio)));
      const gate = 1 / (1 + e);
      return { ...plain, value: (-a * gate * 4) / tau, byRatio: -4 * a * gate * e * gate * ratio, byLogprob: 0 };
    }
    case 'reinforce':
      return { ...plain, value: -a * logprob, byRatio: 0, byLogprob: -a };
    case 'quadratic': {
      const { beta } = objective;
      return {
        ...plain,
        value: (beta / 2) * logRatio ** 2 - a * logprob,
        byRatio: 0,
        byLogprob: beta * logRatio - a,
      };
    }
  }
}

function tokenRow(
  { logprobs, oldLogprobs, advantages, rowWeights, weights, referenceLogprobs, klWeights }: ReferencePolicyBatch,
  tokens: readonly number[],
  row: number,
  {
    objective,
    ratio: { level = 'token', gradient: through, minLogRatio = -20, maxLogRatio = 20 } = {},
    kl,
  }: PolicyLossOptions,
  gradient: Float64Array,
): Record<PolicyRowField, number> {
  const raw = tokens.map((t) => logprobs[t]! - oldLogprobs[t]!);
  const whole =
    raw.reduce((sum, d) => sum + d, 0) / (level === 'sequence_mean' && tokens.length > 0 ? tokens.length : 1);
  const sums = emptySums();
  const rowWeight = rowWeights[row]!;
  let throughRatio = 0;
  for (const [i, t] of tokens.entries()) {
    const used = level === 'token' ? raw[i]! : whole;
    const ratio = Math.exp(clamp(used, minLogRatio, maxLogRatio));
    const isInside = used > minLogRatio && used < maxLogRatio;
    const f = term(
      objective as Exclude<PolicyObjective, { kind: 'geometric_mean' }>,
      ratio,
      advantages[t]!,
      logprobs[t]!,
      raw[i]!,
    );
    const weight = weights?.[t] ?? 1;
    let byRatio = isInside ? weight * f.byRatio : 0;
    let byLogprob = weight * f.byLogprob;
    let value = weight * f.value;
    if (kl !== undefined) {
      const estimate = klReference(logprobs[t]! - referenceLogprobs![t]!, kl);
      const factor = kl.timesRatio === true ? ratio : 1;
      const scale = kl.coefficient * (klWeights?.[t] ?? 1);
      value += scale * estimate.value * factor;
      byLogprob += scale * estimate.slope * factor;
      if (kl.timesRatio === true && isInside) byRatio += scale * estimate.value * ratio;
      sums.kl += estimate.value * factor;
    }
    throughRatio += byRatio;
    gradient[t] = rowWeight * (byLogprob + (through === 'whole_row' ? 0 : byRatio));
    sums.loss += rowWeight * value;
    addRatio(sums, level === 'token' ? clamp(raw[i]!, minLogRatio, maxLogRatio) : raw[i]!, ratio);
    sums.clipped += f.isClipped ? 1 : 0;
    sums.dual += f.isDual ? 1 : 0;
    sums.low += f.boundedRatio < f.bounds[0] && advantages[t]! < 0 ? 1 : 0;
    sums.high += f.boundedRatio > f.bounds[1] && advantages[t]! > 0 ? 1 : 0;
  }
  if (through === 'whole_row') {
    const share = level === 'sequence_mean' ? 1 / tokens.length : 1;
    for (const t of tokens) gradient[t]! += rowWeight * throughRatio * share;
  }
  return sums;
}

function geometricMeanRow(
  { logprobs, oldLogprobs, advantages, rowWeights, weights, referenceLogprobs, klWeights }: ReferencePolicyBatch,
  tokens: readonly number[],
  row: number,
  { kl }: PolicyLossOptions,
  { clipLow, clipHigh }: { readonly clipLow: number; readonly clipHigh: number },
  gradient: Float64Array,
): Record<PolicyRowField, number> {
  const sums = emptySums();
  const n = tokens.length;
  const rowWeight = rowWeights[row]!;
  let [clipped, advantage, logWeights] = [0, 0, 0];
  const moves: boolean[] = [];
  for (const t of tokens) {
    const d = logprobs[t]! - oldLogprobs[t]!;
    const sign = Math.sign(advantages[t]!);
    const used = sign * Math.min(sign * d, sign * clamp(d, -clipLow, clipHigh));
    moves.push(sign !== 0 && used === d);
    clipped += used;
    advantage += advantages[t]!;
    logWeights += weights === undefined ? 0 : Math.log(weights[t]! + 1e-10);
    addRatio(sums, d, Math.exp(d));
    const isOutside = d < -clipLow || d > clipHigh;
    sums.clipped += isOutside && sign > 0 ? 1 : 0;
    sums.dual += isOutside && sign < 0 ? 1 : 0;
    sums.low += d < -clipLow && sign < 0 ? 1 : 0;
    sums.high += d > clipHigh && sign > 0 ? 1 : 0;
  }
  const value = n === 0 ? 0 : -(advantage / n) * Math.exp((clipped + logWeights) / n);
  sums.loss += rowWeight * n * value;
  for (const [i, t] of tokens.entries()) {
    gradient[t] = moves[i] ? rowWeight * value : 0;
    if (kl === undefined) continue;
    const estimate = klReference(logprobs[t]! - referenceLogprobs![t]!, kl);
    const scale = kl.coefficient * (klWeights?.[t] ?? 1);
    gradient[t]! += rowWeight * scale * estimate.slope;
    sums.loss += rowWeight * scale * estimate.value;
    sums.kl += estimate.value;
  }
  return sums;
}

function emptySums(): Record<PolicyRowField, number> {
  const zeros = { loss: 0, tokens: 0, logRatio: 0, k3: 0, ratio: 0, clipped: 0, dual: 0, low: 0, high: 0, kl: 0 };
  return { ...zeros, smallestRatio: 1, largestRatio: 1 };
}

function addRatio(sums: Record<PolicyRowField, number>, logRatio: number, ratio: number): void {
  sums.smallestRatio = sums.tokens === 0 ? ratio : Math.min(sums.smallestRatio, ratio);
  sums.largestRatio = sums.tokens === 0 ? ratio : Math.max(sums.largestRatio, ratio);
  sums.tokens += 1;
  sums.logRatio += logRatio;
  sums.k3 += expMinusLine(logRatio);
  sums.ratio += ratio;
}

/** e^x - 1 - x, by its series near 0. */
function expMinusLine(x: number): number {
  if (Math.abs(x) > 0.1) return Math.expm1(x) - x;
  let [power, sum] = [x, 0];
  for (let n = 2; n < 14; n++) {
    power *= x / n;
    sum += power;
  }
  return sum;
}

function clamp(x: number, low: number, high: number): number {
  return Math.min(Math.max(x, low), high);
}

/** `valueLoss` in float64. */
export function valueLossReference(
  {
    rows: { mask, offsets },
    values,
    oldValues,
    returns,
    rowWeights,
  }: {
    readonly rows: ReferenceRows;
    readonly values: ArrayLike<number>;
    readonly oldValues: ArrayLike<number>;
    readonly returns: ArrayLike<number>;
    readonly rowWeights: ArrayLike<number>;
  },
  { clip }: { readonly clip: number },
): { readonly loss: number; readonly gradient: Float64Array; readonly clipFraction: number } {
  const gradient = new Float64Array(values.length);
  let [loss, tokens, clipped] = [0, 0, 0];
  for (let row = 0; row + 1 < offsets.length; row++) {
    for (let t = offsets[row]!; t < offsets[row + 1]!; t++) {
      if (mask[t] === 0) continue;
      const near = clamp(values[t]!, oldValues[t]! - clip, oldValues[t]! + clip);
      const [plain, held] = [(values[t]! - returns[t]!) ** 2, (near - returns[t]!) ** 2];
      loss += (rowWeights[row]! / 2) * Math.max(plain, held);
      gradient[t] = held > plain ? 0 : rowWeights[row]! * (values[t]! - returns[t]!);
      tokens += 1;
      clipped += held > plain ? 1 : 0;
    }
  }
  return { loss, gradient, clipFraction: tokens === 0 ? 0 : clipped / tokens };
}
