import type { JobContext, JobResult, RunConfigs, RunKind } from '@parl-mt/schema';
import type { RunPlan } from './jobs/plans.js';

/**
 * The work behind a command. It writes only into `context.outDir`, resolves when the run is complete, and on
 * `context.signal` saves and rejects with the signal's reason.
 */
export type Job<K extends RunKind> = (config: RunConfigs[K], context: JobContext) => Promise<JobResult>;

/** One loader per kind; a job's packages are imported when it runs, so `--help` loads none of them. */
export type JobLoaders = { readonly [K in RunKind]: () => Promise<Job<K>> };

export const jobLoaders: JobLoaders = {
  demo: async () => (await import('./jobs/demo.js')).runDemo,
  pag: async () => (await import('./jobs/pag.js')).runPag,
  sft: async () => (await import('./jobs/sft.js')).runSft,
  train: async () => (await import('./jobs/train.js')).runTrain,
  evaluate: async () => (await import('./jobs/evaluate.js')).runEvaluate,
};

/** Finds out what a run would do and hold. */
export type Planner<K extends RunKind> = (config: RunConfigs[K]) => Promise<RunPlan>;

/** The kinds that can be planned; loaded when they are. */
export type PlannerLoaders = { readonly [K in RunKind]?: () => Promise<Planner<K>> };

export const plannerLoaders: PlannerLoaders = {
  sft: async () => (await import('./jobs/plans.js')).planSft,
  train: async () => (await import('./jobs/plans.js')).planTrain,
  evaluate: async () => (await import('./jobs/plans.js')).planEvaluate,
};
