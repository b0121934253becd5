import {
  deriveSeed,
  type RolloutModel,
  runRollouts,
  type ScoredTrajectory,
  samplingRules,
  scoreTrajectories,
} from '@parl-mt/rl';
import { type EvaluationConfig, rewardConfigSchema, type Task, UsageError } from '@parl-mt/schema';
import { type MethodSummary, summarizeMethod } from './method-summary.js';

export interface EvaluationOptions {
  /** Name of the method in tables. */
  readonly name: string;
  /** Tokens seen in training the policy; 0 for an untrained one. */
  readonly trainedTokens?: number;
  /** Seconds spent on training the policy; the evaluation's own are added. */
  readonly trainingSeconds?: number;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((finished: number, total: number) => void) | undefined;
}

export interface Evaluation {
  readonly summary: MethodSummary;
  /** One per task, in the order of the tasks. */
  readonly scored: readonly ScoredTrajectory[];
}

/**
 * One episode per task, scored by the benchmark checker.
 *
 * @throws {UsageError} when there are no tasks.
 * @throws {CancelledError} when the signal is aborted.
 */
export async function evaluatePolicy(
  model: RolloutModel,
  tasks: readonly Task[],
  config: Omit<EvaluationConfig, 'benchmark' | 'categories' | 'tasks'>,
  options: EvaluationOptions,
): Promise<Evaluation> {
  if (tasks.length === 0) throw new UsageError('expected at least one task to evaluate on, received none');
  const startedAt = performance.now();
  const trajectories = await runRollouts(
    model,
    tasks.map((task, index) => ({ task, groupId: index, seed: deriveSeed(config.seed, index) })),
    {
      context: config.context,
      stepLimit: config.stepLimit,
      temperature: config.sampling.temperature,
      rules: samplingRules(config.sampling),
      faultRate: config.faultRate,
      limits: config.limits,
      signal: options.signal,
      onProgress: options.onProgress,
    },
  );
  const scored = scoreTrajectories(
    trajectories,
    new Map(tasks.map((task) => [task.id, task])),
    rewardConfigSchema.parse({}),
  );
  const seconds = (options.trainingSeconds ?? 0) + (performance.now() - startedAt) / 1000;
  return {
    scored,
    summary: summarizeMethod(options.name, scored, {
      bootstrapSamples: config.bootstrapSamples,
      seed: config.seed,
      trainedTokens: options.trainedTokens ?? 0,
      seconds,
    }),
  };
}
