import type { ScoredTrajectory } from '@parl-mt/rl';
import { bootstrapMean, type Interval } from './bootstrap.js';

/** What one method did on a set of tasks. */
export interface MethodSummary {
  readonly name: string;
  /** Share of tasks that the checker accepts, with its 95% bootstrap interval over tasks. */
  readonly success: Interval;
  /** Share of turns passed before the first failure. */
  readonly turnsPassed: number;
  readonly callsPerTask: number;
  /** Share of executed calls that repeat an earlier one to no effect. */
  readonly redundancyRate: number;
  /** Prompt and completion tokens of all steps. */
  readonly tokensPerTask: number;
  /** Completion tokens alone. */
  readonly sampledTokensPerTask: number;
  /** Share of steps whose completion parsed. */
  readonly formatRate: number;
  /** Tokens seen in training to make this method's policy, warm-up and RL together. */
  readonly trainedTokens: number;
  /** Seconds of training and of this evaluation. */
  readonly seconds: number;
}

/**
 * Sums up a method.
 *
 * @param evaluated - one trajectory per task, scored.
 * @throws {RangeError} for no trajectories.
 */
export function summarizeMethod(
  name: string,
  evaluated: readonly ScoredTrajectory[],
  options: {
    readonly bootstrapSamples: number;
    readonly seed: number;
    readonly trainedTokens: number;
    readonly seconds: number;
  },
): MethodSummary {
  const trajectories = evaluated.map(({ trajectory }) => trajectory);
  const success = trajectories.map(({ valid }) => (valid === true ? 1 : 0));
  const steps = trajectories.flatMap((trajectory) => trajectory.steps);
  const calls = sum(trajectories.map(({ usage }) => usage.calls));
  const count = trajectories.length;
  return {
    name,
    success: bootstrapMean(success, options.bootstrapSamples, options.seed),
    turnsPassed: sum(trajectories.map(({ reward }) => reward?.success ?? 0)) / count,
    callsPerTask: calls / count,
    redundancyRate: calls === 0 ? 0 : sum(evaluated.map(({ repeatedCalls }) => repeatedCalls)) / calls,
    tokensPerTask: sum(trajectories.map(({ usage }) => usage.promptTokens + usage.completionTokens)) / count,
    sampledTokensPerTask: sum(trajectories.map(({ usage }) => usage.completionTokens)) / count,
    formatRate:
      steps.length === 0 ? 0 : steps.filter(({ formatError }) => formatError === undefined).length / steps.length,
    trainedTokens: options.trainedTokens,
    seconds: options.seconds,
  };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
