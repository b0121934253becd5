/**
 * What each native function computes, in plain TypeScript: the oracle of the property tests, and readable formulas.
 *
 * @example
 * import { groupAdvantagesReference } from '@parl-mt/native/reference';
 * groupAdvantagesReference([1, 2, 3], Int32Array.of(0, 0, 0), { estimator: 'dr_grpo' }); // Float64Array [-1, 0, 1]
 */
export { adamwReference } from './adamw.js';
export { attentionReference } from './attention.js';
export { counterBlockReference } from './counter-rng.js';
export {
  covarianceBandMaskReference,
  highCovarianceMaskReference,
  type ReferenceCovariances,
  tokenCovariancesReference,
} from './covariance-selection.js';
export { decoderLogitsReference, logSoftmaxReference } from './decoder.js';
export { dequantizeReference, halfReference } from './dequantize.js';
export {
  bestOfGroupReference,
  broadcastToTokensReference,
  groupAdvantagesReference,
  lengthBaselineReference,
  partAdvantagesReference,
  standardizeReference,
} from './group-advantage.js';
export {
  gammaWeightsReference,
  highEntropyMaskReference,
  importanceWeightsReference,
  offPolicyMaskReference,
  rejectMismatchedReference,
} from './importance.js';
export { logitsRowReference } from './logits.js';
export { matmulReference } from './matmul.js';
export { gramKeysReference, minHashReference } from './min-hash.js';
export { philoxReference, uniformAtReference } from './philox.js';
export {
  klReference,
  policyLossReference,
  type ReferencePolicyBatch,
  type ReferencePolicyLoss,
  valueLossReference,
} from './policy-loss.js';
export { probabilitySquaresReference } from './probability-squares.js';
export {
  lcsLengthReference,
  ngramContainmentReference,
  ngramJaccardReference,
  ngramRepetitionReference,
} from './redundancy.js';
export { hashTextReference, repeatedCallsReference } from './repeated-calls.js';
export { rmsNormReference } from './rms-norm.js';
export { ropeReference } from './rope.js';
export { swigluReference } from './swiglu.js';
export { tokenBaselineReference } from './token-baseline.js';
export {
  broadcastToSampledReference,
  discountedReturnsReference,
  generalizedAdvantagesReference,
  type ReferenceRows,
  whitenReference,
} from './token-credit.js';
export { trustRegionWeightsReference } from './trust-region.js';
export { stepGroupAdvantagesReference, turnLevelAdvantagesReference } from './turn-credit.js';
