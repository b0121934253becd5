/**
 * Evaluation: one episode per task, the benchmark's checker, means with 95% intervals, methods side by side.
 *
 * @example
 * import { bootstrapMean } from '@parl-mt/evaluation';
 * console.log(bootstrapMean([1, 1, 0, 1], 1000, 1).mean); // 0.75
 */
export { bootstrapMean, type Interval } from './bootstrap.js';
export { comparisonTable } from './comparison-table.js';
export { type Evaluation, type EvaluationOptions, evaluatePolicy } from './evaluate.js';
export {
  evaluateRecords,
  type RecordCompletion,
  type RecordEvaluation,
  type RecordEvaluationOptions,
  type RecordShare,
} from './evaluate-records.js';
export { exactBootstrapQuantiles } from './exact-bootstrap.js';
export { evaluateGroundTruth } from './ground-truth-replay.js';
export { mcnemarTest } from './mcnemar.js';
export { type MethodSummary, summarizeMethod } from './method-summary.js';
export { type PermutationOptions, type PermutationTest, pairedPermutationTest } from './paired-permutation.js';
export { passAtK, passHatK } from './pass-at-k.js';
export {
  exactInterval,
  type ProportionInterval,
  type ProportionOptions,
  wilsonInterval,
} from './proportion-interval.js';
export { formatCurve, partMeans } from './reward-curve.js';
export { playTauBench, type TauBenchRollouts } from './tau-bench/play-tau-bench.js';
export { readResults } from './tau-bench/read-results.js';
export { runTauBench, type TauBenchPolicy, type TauBenchRun } from './tau-bench/run-tau-bench.js';
export { formatTauBench, summarizeTauBench, type TauBenchSummary } from './tau-bench/summarize-tau-bench.js';
