import { UsageError } from '@parl-mt/schema';
import type { GgufFile } from '../model-files/gguf-file.js';
import { ConfigFields } from './config-fields.js';
import {
  checkedArchitecture,
  type DecoderArchitecture,
  type DecoderFamily,
  supportedFamilies,
  supportedFamilyNames,
} from './decoder-architecture.js';
import { type RopeScaling, yarnAttentionFactor } from './rope-scaling.js';

/** Divisors of the rotary frequencies, a tensor of Llama 3.1 files. */
export const ROPE_FREQUENCIES = 'rope_freqs.weight';

/**
 * The architecture that the metadata of a GGUF file describes.
 *
 * @throws {UsageError} for an architecture or an option that is not supported, and for a missing or malformed key.
 * @see https://github.com/ggml-org/ggml/blob/master/docs/gguf.md, "Standardized key-value pairs"
 */
export async function architectureFromGguf(file: GgufFile): Promise<DecoderArchitecture> {
  const family = familyOf(file);
  const key = (name: string): string => `${family}.${name}`;
  const fields = new ConfigFields(Object.fromEntries(file.metadata), file.where);
  for (const name of ['attention.sliding_window', 'expert_count']) {
    if ((file.number(key(name)) ?? 0) !== 0) {
      throw new UsageError(
        `expected a dense decoder with full attention in ${file.where}, received ${key(name)} ${file.number(key(name))}: ` +
          'sliding windows and experts are not built',
      );
    }
  }
  const hiddenSize = fields.extent(key('embedding_length'), 2 ** 20);
  const numHeads = fields.extent(key('attention.head_count'), 2 ** 20);
  const headDim = fields.has(key('attention.key_length'))
    ? fields.extent(key('attention.key_length'), 2 ** 20)
    : hiddenSize / numHeads;
  for (const name of ['attention.value_length', 'rope.dimension_count']) {
    fields.only(key(name), [headDim], 'heads of one size, rotated as a whole, are what is built');
  }
  const embedding = file.tensors.get('token_embd.weight');
  if (embedding === undefined) throw new UsageError(`expected a tensor token_embd.weight in ${file.where}, found none`);
  const maxPositions = fields.extent(key('context_length'), 2 ** 31, 2048);
  return checkedArchitecture(
    {
      family,
      vocabSize: embedding.shape[0]!,
      hiddenSize,
      numLayers: fields.extent(key('block_count'), 4096),
      numHeads,
      numKvHeads: fields.extent(key('attention.head_count_kv'), 2 ** 20, numHeads),
      headDim,
      intermediateSize: fields.extent(key('feed_forward_length'), 2 ** 22),
      rope: {
        theta: fields.number(key('rope.freq_base'), 1, 1e12, 10000),
        scaling: await ropeScalingOf(file, fields, key('rope.scaling.'), headDim, maxPositions),
      },
      rmsNormEps: fields.number(key('attention.layer_norm_rms_epsilon'), 0, 1),
      isHeadTied: !file.tensors.has('output.weight'),
      maxPositions,
    },
    file.where,
  );
}

function familyOf(file: GgufFile): DecoderFamily {
  const family = file.text('general.architecture');
  if (family !== undefined && Object.hasOwn(supportedFamilies, family)) return family as DecoderFamily;
  throw new UsageError(
    `expected general.architecture ${supportedFamilyNames()} in ${file.where}, received ${family ?? 'none'}`,
  );
}

async function ropeScalingOf(
  file: GgufFile,
  fields: ConfigFields,
  prefix: string,
  headDim: number,
  maxPositions: number,
): Promise<RopeScaling> {
  const divisors = file.tensors.get(ROPE_FREQUENCIES);
  if (divisors !== undefined) {
    const values = new Float32Array(headDim / 2);
    await file.read(ROPE_FREQUENCIES, values);
    const bad = values.find((value) => !(value >= 1e-6 && value <= 1e6));
    if (bad !== undefined) {
      throw new UsageError(`expected divisors in 1e-6..1e6 in ${ROPE_FREQUENCIES} of ${file.where}, received ${bad}`);
    }
    return { kind: 'divisors', divisors: [...values] };
  }
  const kind = file.text(`${prefix}type`) ?? 'none';
  switch (kind) {
    case 'none':
      return { kind: 'default' };
    case 'linear':
      return { kind, factor: fields.number(`${prefix}factor`, 1e-3, 1e6) };
    case 'yarn': {
      const factor = fields.number(`${prefix}factor`, 1e-3, 1e6);
      return {
        kind,
        factor,
        originalMaxPositions: fields.extent(`${prefix}original_context_length`, 2 ** 31, maxPositions),
        betaFast: fields.number(`${prefix}yarn_beta_fast`, 1e-6, 1e6, 32),
        betaSlow: fields.number(`${prefix}yarn_beta_slow`, 1e-6, 1e6, 1),
        attentionFactor: fields.number(`${prefix}attn_factor`, 1e-3, 1e3, 1) * yarnAttentionFactor(factor),
        truncate: true,
      };
    }
    default:
      throw new UsageError(`expected ${prefix}type none, linear, yarn in ${file.where}, received ${kind}`);
  }
}
