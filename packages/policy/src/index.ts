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

export type { AddedToken } from './added-tokens.js';
export { architectureFromConfigJson, configJsonOf } from './architectures/config-json.js';
export {
  type DecoderArchitecture,
  type DecoderFamily,
  ownArchitecture,
  supportedFamilies,
} from './architectures/decoder-architecture.js';
export { architectureFromGguf } from './architectures/gguf-architecture.js';
export { type RopeScaling, type RopeSettings, ropeAngles } from './architectures/rope-scaling.js';
export { type BpeTrainingOptions, PRE_TOKEN_PATTERN, type TokenizerJson, trainBpe } from './bpe-trainer.js';
export { type EncodedChat, encodeChat, encodeSpan } from './chat-encoding.js';
export type { ConversationCodec, ReadCompletion } from './conversation/conversation-codec.js';
export { defaultInstructions, formatOfTemplate } from './conversation/instructions.js';
export { SegmentCodec } from './conversation/segment-codec.js';
export { TemplateCodec, type TemplateCodecOptions } from './conversation/template-codec.js';
export {
  Decoder,
  type DecoderPart,
  type DecoderWeight,
  type LossGradientOptions,
  type PackedTokens,
} from './decoder.js';
export { initialWeights, weightShapes } from './decoder-weights.js';
export {
  createGenerator,
  type GeneratedText,
  type GenerationCapacity,
  type GenerationOptions,
  type GenerationRequest,
  type TextGenerator,
} from './generation.js';
export { GrammarCompiler } from './grammar-compiler.js';
export { loadAdapter, loraConfigFromPeft, saveAdapter } from './lora/adapter-files.js';
export { adapterParameterCount, LoraAdapter, type LoraPair } from './lora/lora-adapter.js';
export { mergeAdapter } from './lora/merge-adapter.js';
export { type ExportOptions, expectNoModel, exportModel } from './model-files/export-model.js';
export { type GenerationDefaults, generationDefaults } from './model-files/generation-config.js';
export { GgufFile } from './model-files/gguf-file.js';
export {
  type GgufHeader,
  type GgufNumbers,
  type GgufTensor,
  type GgufValue,
  HeaderTruncated,
  parseGgufHeader,
} from './model-files/gguf-header.js';
export { readGgufTokenizer } from './model-files/gguf-tokenizer.js';
export { GgufWeights } from './model-files/gguf-weights.js';
export {
  type DownloadProgress,
  fetchHubModel,
  type HubModel,
  type HubOptions,
  type ResolvedModel,
  resolveModel,
} from './model-files/hub-model.js';
export {
  type LoadedModel,
  loadModel,
  type ModelFiles,
  readJsonFile,
  readModelFiles,
} from './model-files/load-model.js';
export type { WeightType } from './model-files/load-weights.js';
export { readModelTokenizer } from './model-files/model-tokenizer.js';
export { SafetensorsFile } from './model-files/safetensors-file.js';
export {
  parseSafetensorsHeader,
  type SafetensorsHeader,
  safetensorsHeaderBytes,
} from './model-files/safetensors-header.js';
export { openFolderWeights, parseShardIndex, ShardedSafetensors } from './model-files/sharded-safetensors.js';
export type { StoredTensorInfo, TensorSource } from './model-files/tensor-source.js';
export { type WrittenTokenizer, writeTokenizer } from './model-files/write-tokenizer.js';
export { isSmall } from './native-decoder.js';
export { type PackedBatch, packSequences, type TrainingSequence } from './packing.js';
export { philox } from './philox.js';
export { readSafetensors, type StoredTensor, writeSafetensors } from './safetensors.js';
export { type BatchScores, type ScoringOptions, scoreBatch, scoreCompletions, tokenLogprobs } from './scoring.js';
export type { TokenOffset } from './token-offsets.js';
export { type DecodeOptions, type TokenizedText, type TokenizeOptions, Tokenizer } from './tokenizer.js';
export { readTokenizerFolder, type TokenizerFolder } from './tokenizer-folder.js';
export { loadDecoder, loadOptimizer, saveDecoder, saveOptimizer } from './weights-io.js';
export { writeAtomically } from './write-atomically.js';
