import { UsageError } from '@parl-mt/schema';
import { ConfigFields, shown } from './config-fields.js';
import {
  checkedArchitecture,
  type DecoderArchitecture,
  type DecoderFamily,
  supportedFamilies,
  supportedFamilyNames,
} from './decoder-architecture.js';
import { type RopeScaling, type RopeSettings, yarnAttentionFactor } from './rope-scaling.js';

/** Largest extents that are believed; the weights have to fit in any case. */
const MAX_VOCAB = 2 ** 24;
const MAX_WIDTH = 2 ** 20;
const MAX_LAYERS = 4096;
const MAX_POSITIONS = 2 ** 31;

/**
 * Reads a `config.json` as transformers 4 (`rope_theta`, `rope_scaling`, `torch_dtype`) or 5 (`rope_parameters`, `dtype`)
 * writes it.
 *
 * @param where - the file, for errors.
 * @throws {UsageError} for an architecture or an option that is not supported (naming what is), and for a missing or
 *   malformed field.
 */
export function architectureFromConfigJson(json: unknown, where: string): DecoderArchitecture {
  const fields = new ConfigFields(json, where);
  const family = familyOf(fields);
  refuseUnsupported(fields);
  const hiddenSize = fields.extent('hidden_size', MAX_WIDTH);
  const numHeads = fields.extent('num_attention_heads', MAX_WIDTH);
  const headDim = fields.has('head_dim') ? fields.extent('head_dim', MAX_WIDTH) : hiddenSize / numHeads;
  const maxPositions = fields.extent('max_position_embeddings', MAX_POSITIONS, 2048);
  return checkedArchitecture(
    {
      family,
      vocabSize: fields.extent('vocab_size', MAX_VOCAB),
      hiddenSize,
      numLayers: fields.extent('num_hidden_layers', MAX_LAYERS),
      numHeads,
      numKvHeads: fields.extent('num_key_value_heads', MAX_WIDTH, numHeads),
      headDim,
      intermediateSize: fields.extent('intermediate_size', MAX_WIDTH * 4),
      rope: ropeSettings(fields, maxPositions),
      rmsNormEps: fields.number('rms_norm_eps', 0, 1, 1e-6),
      isHeadTied: fields.flag('tie_word_embeddings', false),
      maxPositions,
    },
    where,
  );
}

function familyOf(fields: ConfigFields): DecoderFamily {
  const family = fields.raw('model_type');
  if (typeof family === 'string' && Object.hasOwn(supportedFamilies, family)) return family as DecoderFamily;
  const architectures = fields.raw('architectures');
  throw new UsageError(
    `expected model_type ${supportedFamilyNames()} at ${fields.where}, received ${shown(family)}` +
      `${architectures === undefined ? '' : ` (architectures ${shown(architectures)})`}`,
  );
}

/** Options of the supported families that change what is computed, and are not built. */
function refuseUnsupported(fields: ConfigFields): void {
  fields.only('hidden_act', ['silu'], 'SwiGLU is the only feed-forward here');
  fields.only('attention_bias', [false], 'biases of the attention output are not built');
  fields.only('mlp_bias', [false], 'biases of the feed-forward are not built');
  fields.only('partial_rotary_factor', [1], 'rotation of a part of each head is not built');
  if (fields.raw('use_sliding_window') === true) {
    throw new UsageError(
      `expected full attention in ${fields.where}, received use_sliding_window true ` +
        `(sliding_window ${shown(fields.raw('sliding_window'))}): sliding-window attention is not built`,
    );
  }
  const layerTypes = fields.raw('layer_types');
  const other = Array.isArray(layerTypes) ? layerTypes.find((type) => type !== 'full_attention') : undefined;
  if (other !== undefined) {
    throw new UsageError(
      `expected full attention in every layer of ${fields.where}, received layer_types with ${shown(other)}: ` +
        'sliding-window attention is not built',
    );
  }
  if (fields.has('quantization_config')) {
    throw new UsageError(
      `expected weights in float32, bfloat16 or float16 in ${fields.where}, received a quantization_config: ` +
        'use the original checkpoint, or a GGUF file',
    );
  }
}

/** `rope_parameters` (5), else `rope_theta` and `rope_scaling` (4). */
function ropeSettings(fields: ConfigFields, maxPositions: number): RopeSettings {
  const parameters = fields.object('rope_parameters');
  const scaling = fields.object('rope_scaling');
  // transformers 5 still reads the older fields where the newer one lacks them.
  const holder = parameters ?? scaling;
  const theta = parameters?.has('rope_theta')
    ? parameters.number('rope_theta', 1, 1e12)
    : fields.number('rope_theta', 1, 1e12, 10000);
  return { theta, scaling: holder === undefined ? { kind: 'default' } : ropeScaling(holder, maxPositions) };
}

function ropeScaling(fields: ConfigFields, maxPositions: number): RopeScaling {
  const kind = fields.raw('rope_type') ?? fields.raw('type') ?? 'default';
  const factor = (): number => fields.number('factor', 1e-3, 1e6);
  const originalMaxPositions = (fallback?: number): number =>
    fields.extent('original_max_position_embeddings', MAX_POSITIONS, fallback);
  fields.only('partial_rotary_factor', [1], 'rotation of a part of each head is not built');
  switch (kind) {
    case 'default':
      return { kind: 'default' };
    case 'linear':
      return { kind: 'linear', factor: factor() };
    case 'llama3':
      return {
        kind: 'llama3',
        factor: factor(),
        lowFrequencyFactor: fields.number('low_freq_factor', 0, 1e6),
        highFrequencyFactor: fields.number('high_freq_factor', 0, 1e6),
        originalMaxPositions: originalMaxPositions(),
      };
    case 'yarn': {
      const mscale = fields.has('mscale') ? fields.number('mscale', 0, 1e6) : 0;
      const mscaleAll = fields.has('mscale_all_dim') ? fields.number('mscale_all_dim', 0, 1e6) : 0;
      const computed =
        mscale > 0 && mscaleAll > 0
          ? yarnAttentionFactor(factor(), mscale) / yarnAttentionFactor(factor(), mscaleAll)
          : yarnAttentionFactor(factor());
      return {
        kind: 'yarn',
        factor: factor(),
        originalMaxPositions: originalMaxPositions(maxPositions),
        betaFast: fields.number('beta_fast', 1e-6, 1e6, 32),
        betaSlow: fields.number('beta_slow', 1e-6, 1e6, 1),
        attentionFactor: fields.number('attention_factor', 1e-3, 1e3, computed),
        truncate: fields.flag('truncate', true),
      };
    }
    default:
      throw new UsageError(
        `expected a rope_type of default, linear, llama3, yarn in ${fields.where}, received ${shown(kind)}`,
      );
  }
}

/** An architecture as `config.json`, in the form that transformers 4 and 5 both read. */
export function configJsonOf(architecture: DecoderArchitecture): Readonly<Record<string, unknown>> {
  const { family, headDim, rope } = architecture;
  return {
    architectures: [supportedFamilies[family].architecture],
    model_type: family,
    vocab_size: architecture.vocabSize,
    hidden_size: architecture.hiddenSize,
    num_hidden_layers: architecture.numLayers,
    num_attention_heads: architecture.numHeads,
    num_key_value_heads: architecture.numKvHeads,
    // Qwen2 has no such field: its heads divide the width.
    ...(family === 'qwen2' && headDim * architecture.numHeads === architecture.hiddenSize ? {} : { head_dim: headDim }),
    intermediate_size: architecture.intermediateSize,
    rope_theta: rope.theta,
    ...(rope.scaling.kind === 'default' ? {} : { rope_scaling: ropeScalingJson(rope.scaling) }),
    rms_norm_eps: architecture.rmsNormEps,
    hidden_act: 'silu',
    tie_word_embeddings: architecture.isHeadTied,
    ...(family === 'llama' ? { attention_bias: false, mlp_bias: false } : { use_sliding_window: false }),
    max_position_embeddings: architecture.maxPositions,
    torch_dtype: 'float32',
  };
}

function ropeScalingJson(scaling: Exclude<RopeScaling, { kind: 'default' }>): Readonly<Record<string, unknown>> {
  switch (scaling.kind) {
    case 'linear':
      return { rope_type: 'linear', factor: scaling.factor };
    case 'llama3':
      return {
        rope_type: 'llama3',
        factor: scaling.factor,
        low_freq_factor: scaling.lowFrequencyFactor,
        high_freq_factor: scaling.highFrequencyFactor,
        original_max_position_embeddings: scaling.originalMaxPositions,
      };
    case 'yarn':
      return {
        rope_type: 'yarn',
        factor: scaling.factor,
        original_max_position_embeddings: scaling.originalMaxPositions,
        beta_fast: scaling.betaFast,
        beta_slow: scaling.betaSlow,
        attention_factor: scaling.attentionFactor,
        truncate: scaling.truncate,
      };
    case 'divisors':
      throw new UsageError(
        'expected rotary scaling that config.json can hold, received the divisors of a GGUF file: ' +
          'no rope_type of transformers takes them; pass the rope_scaling of the original checkpoint',
      );
  }
}
