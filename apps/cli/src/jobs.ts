import type { JobContext, JobResult, RunConfigs, RunKind } from '@parl-mt/schema';

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
