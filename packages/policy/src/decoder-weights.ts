import type { DecoderConfig } from '@parl-mt/schema';
import { type DecoderArchitecture, ownArchitecture, supportedFamilies } from './architectures/decoder-architecture.js';
import { applyMimeticInit } from './mimetic-init.js';
import { fillNormal } from './philox.js';

/** Names of the weights outside the layers, as Hugging Face writes them. A tied head is the embedding. */
export const EMBEDDING = 'model.embed_tokens.weight';
export const FINAL_NORM = 'model.norm.weight';
export const HEAD = 'lm_head.weight';

/** Full name of a weight of a layer, e.g. `layerWeight(0, 'self_attn.q_proj.weight')`. */
export function layerWeight(layer: number, name: LayerWeightName): string {
  return `model.layers.${layer}.${name}`;
}

export type LayerWeightName =
  | 'input_layernorm.weight'
  | `self_attn.${'q' | 'k' | 'v'}_proj.${'weight' | 'bias'}`
  | `self_attn.${'q' | 'k'}_norm.weight`
  | 'self_attn.o_proj.weight'
  | 'post_attention_layernorm.weight'
  | `mlp.${'gate' | 'up' | 'down'}_proj.weight`;

/** Name and shape of every weight, in the order of the network. Matrices are [out, in]. */
export function weightShapes(architecture: DecoderArchitecture): Map<string, number[]> {
  const { family, vocabSize, hiddenSize: d, numLayers, headDim, intermediateSize: f, isHeadTied } = architecture;
  const { hasAttentionBias, hasHeadNorm } = supportedFamilies[family];
  const q = headDim * architecture.numHeads;
  const kv = headDim * architecture.numKvHeads;
  const shapes = new Map<string, number[]>([[EMBEDDING, [vocabSize, d]]]);
  for (let layer = 0; layer < numLayers; layer++) {
    const add = (name: LayerWeightName, shape: number[]) => shapes.set(layerWeight(layer, name), shape);
    add('input_layernorm.weight', [d]);
    for (const [part, width] of [['q', q] as const, ['k', kv] as const, ['v', kv] as const]) {
      add(`self_attn.${part}_proj.weight`, [width, d]);
      if (hasAttentionBias) add(`self_attn.${part}_proj.bias`, [width]);
    }
    if (hasHeadNorm) {
      add('self_attn.q_norm.weight', [headDim]);
      add('self_attn.k_norm.weight', [headDim]);
    }
    add('self_attn.o_proj.weight', [d, q]);
    add('post_attention_layernorm.weight', [d]);
    add('mlp.gate_proj.weight', [f, d]);
    add('mlp.up_proj.weight', [f, d]);
    add('mlp.down_proj.weight', [d, f]);
  }
  shapes.set(FINAL_NORM, [d]);
  if (!isHeadTied) shapes.set(HEAD, [vocabSize, d]);
  return shapes;
}

/**
 * Fresh weights. Norms are 1, biases 0, matrices normal: standard deviation 0.02 at an input width of 1024 (GPT-2's and
 * Qwen2's value near that width), scaled by 1 / sqrt(width), so that a narrow decoder's activations have the same size;
 * projections into the residual stream are divided by sqrt(2 * numLayers) (GPT-2). Weight number i draws from Philox
 * stream i of the seed. With `initialization: 'mimetic'`, attention then starts near copying: see `applyMimeticInit`.
 */
export function initialWeights(config: DecoderConfig, seed: number): Map<string, Float32Array> {
  const weights = new Map<string, Float32Array>();
  let stream = 0;
  for (const [name, shape] of weightShapes(ownArchitecture(config))) {
    const values = new Float32Array(shape.reduce((a, b) => a * b, 1));
    if (shape.length === 2) {
      const isResidual = name.endsWith('o_proj.weight') || name.endsWith('down_proj.weight');
      const standardDeviation =
        0.02 * Math.sqrt(1024 / shape[1]!) * (isResidual ? 1 / Math.sqrt(2 * config.numLayers) : 1);
      fillNormal(values, standardDeviation, seed, stream);
    } else if (name.endsWith('norm.weight')) {
      values.fill(1);
    }
    weights.set(name, values);
    stream += 1;
  }
  if (config.initialization === 'mimetic') {
    for (let layer = 0; layer < config.numLayers; layer += 1) {
      applyMimeticInit(config, layer, (part) => weights.get(layerWeight(layer, part as LayerWeightName))!);
    }
  }
  return weights;
}
