import { z } from 'zod';

/** What a token's loss is made of; docs/losses.md has the formulas. Bounds are `clipLow` and `clipHigh` of the section. */
export const policyLossConfigSchema = z
  .discriminatedUnion('kind', [
    z.strictObject({
      kind: z.literal('ppo').describe('Clipped ratio of each token.'),
      dualClip: z
        .number()
        .gt(1)
        .optional()
        .describe('Where the advantage is negative the loss is at most this times it (arXiv:1912.09729; verl: 3).'),
      ratioCap: z
        .number()
        .positive()
        .optional()
        .describe('The ratio of the unclipped term is at most this, for either sign of the advantage (TRL: delta).'),
    }),
    z.strictObject({
      kind: z.literal('gspo').describe('Clipped geometric mean of the ratios of a sequence; its bounds are near 3e-4.'),
      gradient: z
        .enum(['own_token', 'whole_row'])
        .default('own_token')
        .describe("A token's term reaches its own log-prob (straight through), or all of its sequence."),
    }),
    z.strictObject({
      kind: z.literal('cispo').describe('Clamped ratio, held constant, times the log-prob.'),
    }),
    z.strictObject({
      kind: z.literal('gmpo').describe('Geometric mean of clipped ratios of a sequence; bounds of the log-ratio.'),
    }),
    z.strictObject({
      kind: z.literal('sapo').describe('Sigmoid gate of the ratio instead of clipping.'),
      tauPositive: z
        .number()
        .positive()
        .default(1)
        .describe('Temperature of the gate where the advantage is positive.'),
      tauNegative: z.number().positive().default(1.05).describe('Temperature of the gate elsewhere.'),
    }),
    z.strictObject({
      kind: z
        .literal('dppo')
        .describe('Ratio, held constant, unless a probability moved past the bounds (arXiv:2602.04879).'),
      divergence: z
        .enum(['total_variation', 'kl'])
        .default('total_variation')
        .describe('What clipLow and clipHigh bound: the step of a probability, or the two-way KL divergence.'),
      ratioCap: z.number().positive().default(20).describe('The ratio is at most this (verl: 3).'),
    }),
    z.strictObject({ kind: z.literal('reinforce').describe('Advantage times log-prob, no ratio.') }),
  ])
  .default({ kind: 'ppo' })
  .describe('Policy loss of a token.');
export type PolicyLossConfig = z.infer<typeof policyLossConfigSchema>;

/** How token losses become one number. */
export const lossReductionConfigSchema = z
  .discriminatedUnion('mode', [
    z.strictObject({ mode: z.literal('token_mean').describe('Mean over sampled tokens (DAPO).') }),
    z.strictObject({ mode: z.literal('token_sum').describe('Sum over sampled tokens.') }),
    z.strictObject({
      mode: z.literal('sequence_mean_token_sum').describe('Mean over trajectories of sums over tokens.'),
    }),
    z.strictObject({
      mode: z.literal('sequence_mean_token_mean').describe('Mean over trajectories of means over tokens (GRPO).'),
    }),
    z.strictObject({
      mode: z.literal('constant').describe('Sum over tokens, over trajectories times a length (Dr.GRPO).'),
      length: z.number().int().min(1).describe('The length: the most tokens that a trajectory may sample.'),
    }),
  ])
  .default({ mode: 'token_mean' })
  .describe('Reduction of token losses over a minibatch.');
export type LossReductionConfig = z.infer<typeof lossReductionConfigSchema>;

/** KL to the policy that training starts from, in the loss. */
export const klConfigSchema = z
  .discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('none').describe('No reference policy is kept.') }),
    z.strictObject({
      kind: z.literal('penalty').describe('Added to the loss of each token.'),
      coefficient: z.number().positive().describe('Weight of the divergence.'),
      estimator: z
        .enum(['k1', 'k2', 'k3', 'abs'])
        .default('k3')
        .describe('With d = log pi - log pi_ref: d, d^2/2, e^-d + d - 1, |d|.'),
      gradient: z
        .enum(['own', 'k2'])
        .default('own')
        .describe('Gradient of the estimator itself, or of k2, whose expectation is the gradient of the divergence.'),
    }),
  ])
  .default({ kind: 'none' })
  .describe('KL divergence from the policy that training starts from.');
export type KlConfig = z.infer<typeof klConfigSchema>;

/** The options of `rl` that constrain each other. */
export interface RlLossOptions {
  readonly loss: PolicyLossConfig;
  readonly kl: KlConfig;
  readonly clipLow: number;
  readonly clipHigh: number;
  readonly advantage: string;
  readonly credit: { readonly kind: string };
  readonly sampling: { readonly temperature: number };
}

/** Bounds of the ratio where a configuration does not name them. */
export const DEFAULT_CLIP = { clipLow: 0.2, clipHigh: 0.28 } as const;

/** One thing wrong with a combination of options. */
export interface OptionProblem {
  /** Keys from `rl` to the offending one. */
  readonly path: readonly string[];
  readonly message: string;
}

/** Estimators that a credit other than trajectory or turn is defined for. */
const ESTIMATORS_OF_CREDIT: Readonly<Record<string, readonly string[]>> = {
  mt_grpo: ['grpo'],
  gigpo: ['grpo', 'dr_grpo'],
};

/**
 * What is wrong with a combination of options of `rl`, none where they fit each other. An option that has no effect is refused:
 * whoever sets it expects one.
 */
export function rlLossProblems(config: RlLossOptions): OptionProblem[] {
  const { loss, kl, advantage, credit, sampling } = config;
  const problems: OptionProblem[] = [];
  if (loss.kind === 'sapo' || loss.kind === 'reinforce') {
    for (const key of ['clipLow', 'clipHigh'] as const) {
      if (config[key] === DEFAULT_CLIP[key]) continue;
      const message = `expected no ${key} with loss.kind ${loss.kind}, which does not clip, received ${config[key]}`;
      problems.push({ path: [key], message });
    }
  }
  if (
    loss.kind === 'ppo' &&
    loss.dualClip !== undefined &&
    loss.ratioCap !== undefined &&
    loss.ratioCap <= loss.dualClip
  ) {
    const message = `expected dualClip below ratioCap ${loss.ratioCap}, which caps the ratio first, received ${loss.dualClip}`;
    problems.push({ path: ['loss', 'dualClip'], message });
  }
  if (kl.kind === 'penalty' && kl.gradient === 'k2' && kl.estimator === 'k2') {
    const message = 'expected gradient own with estimator k2, whose own gradient is that of k2, received k2';
    problems.push({ path: ['kl', 'gradient'], message });
  }
  const estimators = ESTIMATORS_OF_CREDIT[credit.kind];
  if (estimators !== undefined && !estimators.includes(advantage)) {
    const message = `expected advantage ${estimators.join(' or ')} with credit.kind ${credit.kind}, received ${advantage}`;
    problems.push({ path: ['advantage'], message });
  }
  if (sampling.temperature === 0) {
    const message =
      'expected a temperature > 0: greedy trajectories of a group are all equal, and nothing is learned from them';
    problems.push({ path: ['sampling', 'temperature'], message });
  }
  return problems;
}
