import { z } from 'zod';
import { environmentLimitsSchema } from './environment-config.js';
import { klConfigSchema, lossReductionConfigSchema, policyLossConfigSchema } from './policy-loss-config.js';

/** AdamW with decoupled weight decay (Loshchilov and Hutter 2019) and global-norm clipping. */
export const adamwConfigSchema = z.object({
  learningRate: z.number().positive().default(2e-3).describe('Peak learning rate.'),
  beta1: z.number().min(0).lt(1).default(0.9).describe('Decay of the first moment.'),
  beta2: z.number().min(0).lt(1).default(0.95).describe('Decay of the second moment.'),
  epsilon: z.number().positive().default(1e-8).describe('Added to the root of the second moment.'),
  weightDecay: z.number().min(0).default(0.01).describe('Decoupled decay of matrices; norms and biases are left out.'),
  maxGradNorm: z.number().positive().default(1).describe('Global gradient norm above which gradients are scaled down.'),
});
export type AdamwConfig = z.infer<typeof adamwConfigSchema>;

/** How an episode's past is shown to the policy (DESIGN section 4). */
export const contextModeSchema = z
  .enum(['awareness', 'awareness+turn', 'history', 'history+awareness'])
  .describe(
    'awareness: last awareness and what came since; awareness+turn: the awareness that the turn began with and the whole turn; history: everything, no awareness; history+awareness: both.',
  );
export type ContextMode = z.infer<typeof contextModeSchema>;

export const contextConfigSchema = z.object({
  mode: contextModeSchema.default('awareness'),
  maxContextTokens: z
    .number()
    .int()
    .min(32)
    .default(320)
    .describe(
      'Token budget of prompt plus completion, the same for every mode; the oldest messages are dropped first.',
    ),
  maxNewTokens: z.number().int().min(1).default(112).describe('Longest completion of one step.'),
});
export type ContextConfig = z.infer<typeof contextConfigSchema>;

/** Unreliable tools, in rollouts and in evaluation. */
export const faultRateSchema = z
  .number()
  .min(0)
  .lt(1)
  .default(0)
  .describe('Chance that a call fails in transit: it is not executed, and the policy reads that it may try again.');

const gradientCheckpointingSchema = z
  .boolean()
  .default(false)
  .describe(
    'Keep only what goes from layer to layer and compute layers anew in the backward pass: less memory, a third more work, the same bits (arXiv:1604.06174).',
  );

/** Supervised warm-up: cross-entropy on completion tokens, packed batches. */
export const sftConfigSchema = z.object({
  optimizer: adamwConfigSchema.prefault({}),
  context: contextConfigSchema.prefault({}),
  tokenBudget: z
    .number()
    .int()
    .min(1)
    .default(800_000)
    .describe('Tokens seen in training (prompt and completion), over all epochs.'),
  copyingTokenBudget: z
    .number()
    .int()
    .min(0)
    .default(0)
    .describe('Tokens of random runs and their copies that fresh weights are trained on first; 0 leaves it out.'),
  batchTokens: z.number().int().min(64).default(4096).describe('Tokens of one update, packed without padding.'),
  gradientCheckpointing: gradientCheckpointingSchema,
  warmupFraction: z
    .number()
    .min(0)
    .max(1)
    .default(0.05)
    .describe('Share of the token budget with a rising learning rate; then cosine decay.'),
  finalLearningRateFraction: z
    .number()
    .min(0)
    .max(1)
    .default(0.1)
    .describe('Learning rate at the end, as a share of the peak.'),
  seed: z.number().int().min(0).default(1).describe('Order of the records and initial weights.'),
  checkpointEvery: z.number().int().min(1).default(50).describe('Updates between checkpoints.'),
});
export type SftConfig = z.infer<typeof sftConfigSchema>;

/** Weights of the composite reward R = wF F + wC C + wS S - wP P (DESIGN section 4). */
export const rewardConfigSchema = z.object({
  format: z.number().min(0).default(0.1).describe('Weight of format F.'),
  correctness: z.number().min(0).default(0.3).describe('Weight of functional correctness C.'),
  success: z.number().min(0).default(0.6).describe('Weight of task success S.'),
  redundancy: z.number().min(0).default(0.1).describe('Weight of the redundancy penalty P, subtracted.'),
});
export type RewardConfig = z.infer<typeof rewardConfigSchema>;

export const samplingConfigSchema = z.object({
  temperature: z.number().min(0).default(1).describe('Softmax temperature; 0 is greedy.'),
  topK: z.number().int().min(0).default(0).describe('Draws from the tokens at least as likely as the k-th; 0 is off.'),
  topP: z
    .number()
    .min(0)
    .max(1)
    .default(1)
    .describe('Draws from the likeliest tokens that reach this probability (Holtzman et al. 2020); 1 is off.'),
  minP: z
    .number()
    .min(0)
    .max(1)
    .default(0)
    .describe('Draws from tokens with at least this share of the largest probability; 0 is off.'),
  repetitionPenalty: z
    .number()
    .positive()
    .default(1)
    .describe(
      'Divides positive logits of tokens that occurred, multiplies negative ones (Keskar et al. 2019); 1 is off.',
    ),
  noRepeatNgramSize: z
    .number()
    .int()
    .min(0)
    .default(0)
    .describe('No sequence of this many tokens occurs twice in prompt and completion; 0 is off.'),
  minNewTokens: z.number().int().min(0).default(0).describe('No end of a completion before so many tokens.'),
});
export type SamplingConfig = z.infer<typeof samplingConfigSchema>;

/** Group-relative policy optimisation over awareness-guided rollouts. */
export const rlConfigSchema = z.object({
  optimizer: adamwConfigSchema.prefault({ learningRate: 1e-4, weightDecay: 0 }),
  context: contextConfigSchema.prefault({}),
  finalLearningRateFraction: z
    .number()
    .min(0)
    .max(1)
    .default(1)
    .describe('Learning rate at the end of the sampled-token budget, as a share of the first; it falls linearly.'),
  reward: rewardConfigSchema.prefault({}),
  // What a rule leaves out, the loss would not know of: ratios of training are of the whole distribution at this temperature.
  sampling: samplingConfigSchema.pick({ temperature: true }).prefault({}),
  limits: environmentLimitsSchema.prefault({}),
  advantage: z
    .enum(['grpo', 'dr_grpo', 'rloo', 'opo', 'reinforce_plus_plus', 'reinforce_plus_plus_baseline', 'remax'])
    .default('grpo')
    .describe('Advantage estimator (docs/estimators.md). remax adds a greedy rollout per group.'),
  credit: z
    .discriminatedUnion('kind', [
      z.strictObject({ kind: z.literal('trajectory').describe('Every token with the total reward.') }),
      z.strictObject({
        kind: z.literal('turn').describe('A turn with what it earned and what later turns did, discounted.'),
        discount: z.number().min(0).max(1).default(1).describe('Discount per turn; 0 looks at the turn alone.'),
      }),
      z.strictObject({
        kind: z.literal('mt_grpo').describe('MT-GRPO: as trajectory, and the first turn with its own reward as well.'),
        firstTurnWeight: z.number().positive().default(1).describe('Weight of the advantage of the first turn.'),
      }),
      z.strictObject({
        kind: z
          .literal('gigpo')
          .describe('GiGPO: as trajectory, and steps of a group that start in one state compared.'),
        stepWeight: z.number().positive().default(1).describe('Weight of the advantage of the step.'),
        stepDiscount: z.number().min(0).max(1).default(0.95).describe('Discount per step.'),
      }),
    ])
    .default({ kind: 'trajectory' })
    .describe('Which tokens are credited with a reward.'),
  groupSize: z.number().int().min(2).default(8).describe('Trajectories of one task.'),
  tasksPerUpdate: z.number().int().min(1).default(8).describe('Groups of one update.'),
  sampledTokenBudget: z
    .number()
    .int()
    .min(1)
    .default(300_000)
    .describe('Completion tokens sampled over the whole run.'),
  clipLow: z.number().min(0).default(0.2).describe('Lower bound of the ratio is 1 - clipLow (PPO, arXiv:1707.06347).'),
  clipHigh: z
    .number()
    .min(0)
    .default(0.28)
    .describe('Upper bound of the ratio is 1 + clipHigh (DAPO, arXiv:2503.14476).'),
  loss: policyLossConfigSchema,
  reduction: lossReductionConfigSchema,
  kl: klConfigSchema,
  entropyCoefficient: z.number().min(0).default(0).describe('Weight of the entropy of tokens, subtracted in the loss.'),
  epochs: z.number().int().min(1).default(1).describe('Passes over the rollouts of one update.'),
  minibatches: z.number().int().min(1).default(1).describe('Optimizer updates per pass over the rollouts.'),
  batchTokens: z
    .number()
    .int()
    .min(64)
    .default(4096)
    .describe('Tokens of one micro-batch; gradients are exact whatever it is.'),
  gradientCheckpointing: gradientCheckpointingSchema,
  stepLimit: z.number().int().min(1).default(20).describe('Steps per turn before the episode is ended.'),
  faultRate: faultRateSchema,
  monitorTasks: z
    .number()
    .int()
    .min(0)
    .default(0)
    .describe(
      'Tasks apart from those trained on whose reward is measured as training goes, always the same; 0 leaves it out.',
    ),
  monitorEvery: z.number().int().min(1).default(2).describe('Updates between measurements of the monitored tasks.'),
  seed: z.number().int().min(0).default(1).describe('Order of tasks and sampling streams.'),
  checkpointEvery: z.number().int().min(1).default(10).describe('Updates between checkpoints.'),
});
export type RlConfig = z.infer<typeof rlConfigSchema>;
