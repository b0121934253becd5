/**
 * Rollouts, rewards, and the SFT and PAG-RL trainers.
 *
 * @example
 * import { turnCorrectness } from '@parl-mt/rl';
 * const call = { name: 'cd', arguments: '{"folder":"docs"}' };
 * console.log(turnCorrectness([call], [call])); // 1
 */
export { bestAssignment } from './assignment.js';
export { callSimilarity, turnCorrectness } from './call-correctness.js';
export { latestCheckpoint, TrainerCheckpoints, type TrainerState } from './checkpoint.js';
export { type ClippedLossInput, clippedLoss } from './clipped-loss.js';
export { copyingExamples } from './copying.js';
export { DecoderJudge, fingerprintOf } from './decoder-judge.js';
export { DecoderModel } from './decoder-model.js';
export { DecoderWriter } from './decoder-writer.js';
export { deriveSeed, permutation } from './derive-seed.js';
export type { EpisodeLimits, EpisodeRequest } from './episode.js';
export { type KlControl, klShapedRewards, nextKlCoefficient } from './kl-control.js';
export { learningRateAt } from './learning-rate.js';
export { type MemoryPart, type MemoryPlan, planEvaluationMemory, planRlMemory, planSftMemory } from './memory-plan.js';
export { MetricsFile } from './metrics-file.js';
export { lossMaskOf, type OverlongLimits, overlongPenalty } from './overlong.js';
export { describePolicy, type LoadPolicyOptions, loadPolicy, Policy, PolicyDescription } from './policy.js';
export { callRedundancy, contextRedundancy } from './redundancy.js';
export { type RlMonitorMetrics, type RlOptions, type RlResult, type RlUpdateMetrics, trainRl } from './rl-trainer.js';
export { type RolloutOptions, runRollouts } from './rollout.js';
export {
  type ImportanceMetrics,
  importanceMetrics,
  type MismatchOptions,
  type PolicyMismatch,
  policyMismatch,
  type RejectionMetrics,
  rejectionMetrics,
} from './rollout-mismatch.js';
export type { Completion, CompletionRequest, RolloutModel } from './rollout-model.js';
export { joinSteps, type SampledSequence, type SampledStep } from './sampled-sequence.js';
export { samplingRules } from './sampling-rules.js';
export { sftExamples } from './sft-examples.js';
export { type SftExample, type SftOptions, type SftUpdateMetrics, trainSft } from './sft-trainer.js';
export { parameterCount, predictTrainingMemory, type TrainingMemory } from './training-memory.js';
export { type ScoredTrajectory, scoreTrajectories, totalReward } from './trajectory-reward.js';
export { type MicroBatchLoss, type WeightedSequence, WeightUpdater } from './weight-updater.js';
