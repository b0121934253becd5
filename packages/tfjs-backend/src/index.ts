/**
 * TF.js with a backend of our own: `parl` runs on the addon, and adds fused ops with gradients.
 *
 * @example
 * import { linear, selectBackend, tf } from '@parl-mt/tfjs-backend';
 * await selectBackend('parl');
 * const weight = tf.variable(tf.tensor2d([[1, 2], [3, 4]])); // [out, in]
 * const { grads } = tf.variableGrads(() => linear(tf.tensor2d([[1, 1]]), weight).sum().asScalar());
 * console.log(grads[weight.name]?.arraySync()); // [[1, 1], [1, 1]]
 */
export { AdamW, type AdamWOptions, type AdamWState, type AdamWUpdate } from './adamw.js';
export {
  type AdaptedMap,
  adaptedLinearComposite,
  adaptedLinears,
  type Dropout,
  type LowRankMap,
} from './adapted-linear.js';
export { BufferPool } from './buffer-pool.js';
export { type CausalAttentionOptions, causalAttention, causalAttentionComposite } from './causal-attention.js';
export { type DecoderVariables, decoderLayers, type LayerVariable } from './decoder-layers.js';
export { embedding, embeddingComposite } from './embedding.js';
export { GradientSums } from './gradient-sums.js';
export { HalfMatrix, type Matrix, matrixTensor, readWeight } from './half-matrix.js';
export { type LinearMap, linear, linearComposite, linears } from './linear.js';
export {
  type LinearLogprobOptions,
  type LinearLogprobResult,
  linearLogprob,
  linearLogprobComposite,
} from './linear-logprob.js';
export { isParlActive, ParlBackend, parlBackend } from './parl-backend.js';
export { addRmsNorm, addRmsNormComposite, rmsNorm, rmsNormComposite } from './rms-norm.js';
export { type RopeOptions, rope, ropeComposite } from './rope.js';
export { type BackendName, BackendUnavailableError, registerParlBackend, selectBackend } from './select-backend.js';
export { swiglu, swigluComposite } from './swiglu.js';
export { tf } from './tf.js';
export { readVariable, variableBuffer, writeVariable } from './variable-storage.js';
