import { passMetrics } from '@parl-mt/environments';
import type { TauBenchResult } from '@parl-mt/schema';
import { bootstrapMean, type Interval } from '../bootstrap.js';

/** The figures of a run. */
export interface TauBenchSummary {
  readonly tasks: number;
  readonly trials: number;
  readonly averageReward: number;
  /** 95% bootstrap interval of the average reward over tasks. */
  readonly interval: Interval;
  /** pass^k for k = 1 … trials, at index k - 1. */
  readonly passHatK: readonly number[];
  /** Episodes that ended in an exception of the policy's or the user's making. */
  readonly crashes: number;
  /** Episodes without a result of their own, since a model gave no answer; they count as reward 0. */
  readonly modelFailures: number;
  /** Episodes that the limit of steps ended. */
  readonly stepLimits: number;
  readonly agentCallsPerEpisode: number;
  /** In US dollars over all episodes; null where prices are not known. */
  readonly agentCostUsd: number | null;
  readonly userCostUsd: number | null;
}

/** @throws {RangeError} for no results. */
export function summarizeTauBench(
  results: readonly TauBenchResult[],
  bootstrapSamples: number,
  seed: number,
): TauBenchSummary {
  const rewards = results.map(({ task_id, trial, reward }) => ({ taskId: task_id, trial, reward }));
  const { averageReward, passHatK } = passMetrics(rewards);
  const byTask = new Map<number, number[]>();
  for (const { taskId, reward } of rewards) byTask.set(taskId, [...(byTask.get(taskId) ?? []), reward]);
  const taskMeans = Array.from(byTask.values(), mean);
  const count = (isCounted: (result: TauBenchResult) => boolean) => results.filter(isCounted).length;
  return {
    tasks: byTask.size,
    trials: passHatK.length,
    averageReward,
    interval: bootstrapMean(taskMeans, bootstrapSamples, seed),
    passHatK,
    crashes: count(({ info }) => info.error?.kind === 'crash'),
    modelFailures: count(({ info }) => info.error?.kind === 'model'),
    stepLimits: count(({ info, is_done }) => !is_done && info.error === undefined),
    agentCallsPerEpisode: mean(results.map(({ usage }) => usage.agent_calls)),
    agentCostUsd: sumKnown(results.map(({ usage }) => usage.agent_cost_usd)),
    userCostUsd: sumKnown(results.map(({ usage }) => usage.user_cost_usd)),
  };
}

/** The figures as text for people. */
export function formatTauBench(title: string, summary: TauBenchSummary): string {
  const percent = (share: number) => `${(100 * share).toFixed(1)}%`;
  const { interval, passHatK } = summary;
  const dollars = (cost: number | null) => (cost === null ? 'not known' : `$${cost.toFixed(4)}`);
  return [
    title,
    `  tasks            ${summary.tasks}, ${summary.trials} trial${summary.trials === 1 ? '' : 's'} each`,
    `  average reward   ${percent(summary.averageReward)} [${percent(interval.low)}, ${percent(interval.high)}]`,
    ...passHatK.map((value, index) => `  pass^${index + 1}           ${percent(value)}`),
    `  ended by         crash ${summary.crashes}, no answer of a model ${summary.modelFailures}, limit of steps ${summary.stepLimits}`,
    `  answers          ${summary.agentCallsPerEpisode.toFixed(1)} of the agent per episode`,
    `  cost             agent ${dollars(summary.agentCostUsd)}, user ${dollars(summary.userCostUsd)}`,
  ].join('\n');
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function sumKnown(costs: readonly (number | null)[]): number | null {
  return costs.reduce((sum, cost) => (sum === null || cost === null ? null : sum + cost), 0 as number | null);
}
