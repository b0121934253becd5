/**
 * The C++/CUDA addon, typed. The only package that loads the binary.
 *
 * @example
 * import { nativeInfo } from '@parl-mt/native';
 * console.log(nativeInfo());
 * // { isa: 'avx2', isas: ['portable', 'avx2'], threads: 2, devices: [{ kind: 'cpu', name: '...' }],
 * //   cuda: { built: false, available: false, reason: '...' } }
 */
export { type AdamwOptions, adamwUpdate, addGradients, globalNorm } from './adamw.js';
export { groupAdvantagePresets } from './advantage-presets.js';
export { type AggregationMode, type AggregationOptions, aggregationWeights, sampledCounts } from './aggregation.js';
export { type AttentionOptions, attentionBackward, attentionForward } from './attention.js';
export { addBias, columnSum } from './bias.js';
export { canonicalCallText, type JsonValue } from './canonical-call.js';
export {
  type CounterGenerator,
  type CounterPosition,
  counterBlock,
  counterShapes,
  counterWords,
  normalPair,
  openUnitFloat,
  signedUnitFloat,
  unitDouble,
  unitFloat,
} from './counter-rng.js';
export { type CovarianceBandOptions, covarianceBandMask, highCovarianceMask } from './covariance-selection.js';
export { type CudaLogprobOptions, type CudaLogprobs, cudaLogprobForward } from './cuda-logprob.js';
export {
  decoderLayersBackward,
  decoderLayersForward,
  isSmallDecoder,
  keptActivations,
  type NativeDecoderGradients,
  type TrainedTokens,
} from './decoder-layers.js';
export { type BlockFormat, type BlockTypeName, blockFormats, dequantize } from './dequantize.js';
export { type Arithmetic, arithmetic } from './elementwise.js';
export { embeddingBackward, embeddingForward } from './embedding.js';
export { type EntropyBonus, entropyBonus } from './entropy-bonus.js';
export { NativeValueError, ShapeError } from './errors.js';
export { type GammaOptions, gammaWeights } from './gamma-weights.js';
export {
  type AdvantageEstimator,
  broadcastToTokens,
  cudaGroupAdvantages,
  type GroupAdvantageOptions,
  groupAdvantages,
  groupTokenAdvantages,
} from './group-advantage.js';
export {
  type BestOfGroupOptions,
  bestOfGroupAdvantages,
  type LengthBaselineOptions,
  lengthBaselineAdvantages,
} from './group-baseline.js';
export {
  type ImportanceOptions,
  type ImportanceWeights,
  importancePresets,
  importanceWeights,
  type Rejection,
  type RejectionOptions,
  rejectMismatched,
} from './importance.js';
export { type KlEstimate, type KlEstimatorName, klPenalty, klPresets } from './kl-penalty.js';
export {
  type LinearLogprobOptions,
  linearLogprobBackward,
  linearLogprobForward,
  linearLogprobWithGradient,
} from './linear-logprob.js';
export { type LogprobOptions, type Logprobs, logprobBackward, logprobForward } from './logprob.js';
export {
  type MaskedStatistics,
  maskedStatistics,
  type WhitenOptions,
  whiten,
} from './masked-statistics.js';
export { type MatmulGradientsOptions, type MatmulOptions, matmul, matmulGradients } from './matmul.js';
export {
  estimatedJaccard,
  gramKeys,
  type HashPermutations,
  hashPermutations,
  type KeySets,
  type MinHashSignatures,
  minHash,
  minHashTexts,
} from './min-hash.js';
export type {
  NativeDecoderAdapter,
  NativeDecoderConfig,
  NativeDecoderLayer,
  NativeDecoderWeights,
} from './native-decoder.js';
export {
  type IsaName,
  type NativeDevice,
  type NativeInfo,
  nativeInfo,
  setIsa,
  setThreads,
} from './native-info.js';
export {
  type PolicyBatch,
  type PolicyLoss,
  type PolicyMetrics,
  type PolicyRowField,
  policyLoss,
} from './policy-loss.js';
export { type PolicyLossPreset, policyLossPresets } from './policy-loss-presets.js';
export type {
  CispoObjective,
  ClipObjective,
  GeometricMeanObjective,
  KlTerm,
  PolicyLossOptions,
  PolicyObjective,
  PolicyRatio,
  QuadraticObjective,
  ReinforceObjective,
  SapoObjective,
} from './policy-objective.js';
export { type ProbabilitySquaresOptions, probabilitySquares } from './probability-squares.js';
export {
  type GramCounting,
  lcsLengths,
  type NgramContainmentOptions,
  ngramContainment,
  ngramJaccard,
  ngramRepetition,
  type RougeScores,
  rougeL,
  rougeN,
  type TokenBatch,
  tokenBatch,
} from './redundancy.js';
export { type ReinforceBaselineOptions, reinforceBaselineAdvantages, remaxAdvantages } from './reinforce-baselines.js';
export { type CallLog, hashTexts, repeatedCalls } from './repeated-calls.js';
export { type PartAdvantageOptions, partAdvantages, standardize } from './reward-parts.js';
export { addRmsNormBackward, addRmsNormForward, rmsNormBackward, rmsNormForward } from './rms-norm.js';
export { type RopeAngles, type RopeOptions, ropeApply } from './rope.js';
export {
  type GeneratedSequence,
  type GenerateOptions,
  type GenerateRequest,
  Sampler,
  type SamplerCapacity,
  type TokenTexts,
} from './sampler.js';
export {
  type ProcessLogitsInput,
  processLogits,
  processLogitsReference,
  type SamplingRules,
} from './sampling-rules.js';
export { type ScoredTokens, type ScoreOptions, type Scores, scoreTokens } from './score-tokens.js';
export { swigluBackward, swigluForward } from './swiglu.js';
export { newTensorBuffer } from './tensor-memory.js';
export {
  type TokenBaselineInputs,
  type TokenBaselineOptions,
  tokenBaselineAdvantages,
} from './token-baseline.js';
export {
  discountedReturns,
  type GaeOptions,
  generalizedAdvantages,
  type ReinforcePlusPlusOptions,
  reinforcePlusPlus,
  type TokenCredit,
} from './token-credit.js';
export { type GrammarEdge, TokenGrammar, TokenTree } from './token-grammar.js';
export { broadcastToSampled, tokenRewardSums } from './token-rewards.js';
export { paddedTokenRows, type TokenRows } from './token-rows.js';
export { highEntropyMask, offPolicyMask } from './token-selection.js';
export { type TrustRegionOptions, trustRegionWeights } from './trust-region.js';
export {
  type EpisodeSteps,
  type StepGroupOptions,
  stepGroupAdvantages,
  type TurnCreditOptions,
  turnLevelAdvantages,
} from './turn-credit.js';
export { type ValueBatch, type ValueLoss, valueLoss } from './value-loss.js';
export { fromBfloat16, toBfloat16, type WeightValues } from './weight-values.js';
