import {
  isSmallDecoder,
  type NativeDecoderAdapter,
  type NativeDecoderConfig,
  type NativeDecoderLayer,
  type NativeDecoderWeights,
} from '@parl-mt/native';
import { type LoraTarget, loraTargets } from '@parl-mt/schema';
import { type DecoderVariables, HalfMatrix, type LayerVariable, type tf, variableBuffer } from '@parl-mt/tfjs-backend';
import type { DecoderArchitecture } from './architectures/decoder-architecture.js';
import { ropeAngles } from './architectures/rope-scaling.js';
import type { Decoder, DecoderWeight } from './decoder.js';
import { EMBEDDING, FINAL_NORM, HEAD, type LayerWeightName, layerWeight } from './decoder-weights.js';

/** Extents by the addon's names. */
export function nativeConfig({ architecture, adapter }: Decoder): NativeDecoderConfig {
  const { theta, frequencies, scale } = ropeAngles(architecture.rope, architecture.headDim);
  const ranks = [...(adapter?.pairs.values() ?? [])].map(({ a }) => a.shape[0]!);
  return {
    ...architecture,
    ropeTheta: theta,
    ropeFrequencies: frequencies,
    ropeScale: scale,
    adapterRank: Math.max(0, ...ranks),
  };
}

/**
 * Whether the addon's threads work apart on a decoder of these extents, each on some sequences through all layers: it stays in the caches. Training
 * of all its weights is one op then.
 */
export function isSmall(architecture: DecoderArchitecture): boolean {
  return isSmallDecoder({ ...architecture, ropeTheta: 1 });
}

/** The decoder's names of the weights of a layer, by the addon's. */
const layerWeights = {
  inputNorm: 'input_layernorm.weight',
  qProj: 'self_attn.q_proj.weight',
  kProj: 'self_attn.k_proj.weight',
  vProj: 'self_attn.v_proj.weight',
  qBias: 'self_attn.q_proj.bias',
  kBias: 'self_attn.k_proj.bias',
  vBias: 'self_attn.v_proj.bias',
  qNorm: 'self_attn.q_norm.weight',
  kNorm: 'self_attn.k_norm.weight',
  oProj: 'self_attn.o_proj.weight',
  postNorm: 'post_attention_layernorm.weight',
  gateProj: 'mlp.gate_proj.weight',
  upProj: 'mlp.up_proj.weight',
  downProj: 'mlp.down_proj.weight',
} as const satisfies Record<LayerVariable, LayerWeightName>;

/** What `read` makes of each weight of the layers that there is, by the addon's names. */
function everyLayer<T>({ architecture, weights }: Decoder, read: (weight: DecoderWeight) => T) {
  return Array.from({ length: architecture.numLayers }, (_, layer) => {
    const found: Partial<Record<LayerVariable, T>> = {};
    for (const name of Object.keys(layerWeights) as LayerVariable[]) {
      const weight = weights.get(layerWeight(layer, layerWeights[name]));
      if (weight !== undefined) found[name] = read(weight);
    }
    return found;
  });
}

/** The variables' own storage, of the decoder and of the adapter that is attached now, by the addon's names. */
export function nativeWeights(decoder: Decoder): NativeDecoderWeights {
  const values = (weight: DecoderWeight) => (weight instanceof HalfMatrix ? weight.bits : variableBuffer(weight));
  return {
    embedding: values(decoder.weights.get(EMBEDDING)!),
    finalNorm: values(decoder.weights.get(FINAL_NORM)!) as Float32Array,
    ...(decoder.architecture.isHeadTied ? {} : { lmHead: values(decoder.weights.get(HEAD)!) }),
    layers: everyLayer(decoder, values).map(
      (layer, i) => ({ ...layer, ...adapters(decoder, i) }) as NativeDecoderLayer,
    ),
  };
}

/** The weights of the layers, all of which are variables. */
export function decoderVariables(decoder: Decoder): DecoderVariables {
  const variable = (weight: DecoderWeight) => weight as tf.Variable;
  return {
    embedding: variable(decoder.weights.get(EMBEDDING)!),
    finalNorm: variable(decoder.weights.get(FINAL_NORM)!),
    layers: everyLayer(decoder, variable),
  };
}

/** The addon's names of the adapters of a layer. */
const adapterNames = {
  q_proj: 'qAdapter',
  k_proj: 'kAdapter',
  v_proj: 'vAdapter',
  o_proj: 'oAdapter',
  gate_proj: 'gateAdapter',
  up_proj: 'upAdapter',
  down_proj: 'downAdapter',
} as const satisfies Record<LoraTarget, string>;

type AdapterName = (typeof adapterNames)[LoraTarget];

function adapters({ adapter }: Decoder, layer: number): Partial<Record<AdapterName, NativeDecoderAdapter>> {
  const found: Partial<Record<AdapterName, NativeDecoderAdapter>> = {};
  for (const target of loraTargets) {
    const pair = adapter?.pair(layer, target);
    if (pair) found[adapterNames[target]] = { a: variableBuffer(pair.a), b: variableBuffer(pair.b), scale: pair.scale };
  }
  return found;
}
