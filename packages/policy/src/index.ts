/**
 * The policy: a decoder-only transformer on TF.js ops, its tokenizer, weights on disk, packed batches, generation.
 *
 * @example
 * import { Decoder, packSequences } from '@parl-mt/policy';
 * import { decoderConfigSchema } from '@parl-mt/schema';
 * import { selectBackend } from '@parl-mt/tfjs-backend';
 * await selectBackend('parl');
 * const decoder = Decoder.create(decoderConfigSchema.parse({ vocabSize: 300 }), 1);
 * const [batch] = packSequences([{ tokens: [5, 6, 7], lossMask: [0, 1, 1] }], 4096);
 * console.log(decoder.logprobs(batch!).logprobs.shape); // [ 2 ]
 */
export { type BpeTrainingOptions, PRE_TOKEN_PATTERN, type TokenizerJson, trainBpe } from './bpe-trainer.js';
export { fromHuggingFaceConfig, toHuggingFaceConfig } from './config-file.js';
export { Decoder, type PackedTokens } from './decoder.js';
export { initialWeights, weightShapes } from './decoder-weights.js';
export {
  createGenerator,
  type GeneratedText,
  type GenerationCapacity,
  type GenerationOptions,
  type GenerationRequest,
  type TextGenerator,
} from './generation.js';
export { type ScoreOptions, scoreCompletions } from './judge.js';
export { type PackedBatch, packSequences, type TrainingSequence } from './packing.js';
export { philox } from './philox.js';
export { parseSafetensors, readSafetensors, type StoredTensor, writeSafetensors } from './safetensors.js';
export { Tokenizer } from './tokenizer.js';
export { loadDecoder, loadOptimizer, saveDecoder, saveOptimizer } from './weights-io.js';
export { writeAtomically } from './write-atomically.js';
