import { ConfigError, type DecoderConfig } from '@parl-mt/schema';
import type { RopeSettings } from './rope-scaling.js';

/** The model types that are read, run and written, by Hugging Face's names. */
export const supportedFamilies = {
  qwen2: { architecture: 'Qwen2ForCausalLM', models: 'Qwen2, Qwen2.5', hasAttentionBias: true, hasHeadNorm: false },
  qwen3: { architecture: 'Qwen3ForCausalLM', models: 'Qwen3', hasAttentionBias: false, hasHeadNorm: true },
  llama: {
    architecture: 'LlamaForCausalLM',
    models: 'Llama 2 and 3.x, SmolLM2',
    hasAttentionBias: false,
    hasHeadNorm: false,
  },
} as const;
export type DecoderFamily = keyof typeof supportedFamilies;

/** "qwen2 (Qwen2, Qwen2.5), ...", for messages. */
export function supportedFamilyNames(): string {
  return Object.entries(supportedFamilies)
    .map(([name, { models }]) => `${name} (${models})`)
    .join(', ');
}

/**
 * What a decoder is made of: pre-norm layers of grouped-query attention with rotary positions and SwiGLU, RMSNorm, a head that
 * may be the embedding.
 */
export interface DecoderArchitecture {
  readonly family: DecoderFamily;
  readonly vocabSize: number;
  /** Width D of the residual stream. */
  readonly hiddenSize: number;
  readonly numLayers: number;
  readonly numHeads: number;
  /** Divides numHeads. */
  readonly numKvHeads: number;
  /** Even; not always hiddenSize / numHeads. */
  readonly headDim: number;
  readonly intermediateSize: number;
  readonly rope: RopeSettings;
  readonly rmsNormEps: number;
  /** The head is the embedding: no weight of its own. */
  readonly isHeadTied: boolean;
  /** Context length that the checkpoint states; for information. */
  readonly maxPositions: number;
}

/** Context length written for decoders that are trained from scratch here; rotary positions have no end of their own. */
const OWN_MAX_POSITIONS = 32768;

/**
 * The architecture of a decoder trained from scratch: Qwen2 with a tied head.
 * @throws {ConfigError} when the extents do not divide.
 */
export function ownArchitecture(config: DecoderConfig): DecoderArchitecture {
  const { hiddenSize, numHeads, ropeTheta } = config;
  if (hiddenSize % numHeads !== 0) {
    throw new ConfigError(`expected hiddenSize / numHeads to be even and whole, received ${hiddenSize} / ${numHeads}`);
  }
  return checkedArchitecture({
    family: 'qwen2',
    vocabSize: config.vocabSize,
    hiddenSize,
    numLayers: config.numLayers,
    numHeads,
    numKvHeads: config.numKvHeads,
    headDim: hiddenSize / numHeads,
    intermediateSize: config.intermediateSize,
    rope: { theta: ropeTheta, scaling: { kind: 'default' } },
    rmsNormEps: config.rmsNormEps,
    isHeadTied: true,
    maxPositions: OWN_MAX_POSITIONS,
  });
}

/**
 * The same architecture.
 * @throws {ConfigError} when its extents do not fit each other.
 */
export function checkedArchitecture(
  architecture: DecoderArchitecture,
  where = 'the configuration',
): DecoderArchitecture {
  const { numHeads, numKvHeads, headDim } = architecture;
  if (headDim % 2 !== 0) {
    throw new ConfigError(
      `expected headDim (hiddenSize / numHeads, or head_dim) of ${where} to be even and whole, received ${headDim}`,
    );
  }
  if (numHeads % numKvHeads !== 0) {
    throw new ConfigError(`expected numKvHeads of ${where} to divide numHeads, received ${numKvHeads} and ${numHeads}`);
  }
  return architecture;
}
