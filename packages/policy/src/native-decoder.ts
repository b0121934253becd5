import type { NativeDecoderAdapter, NativeDecoderConfig, NativeDecoderWeights } from '@parl-mt/native';
import { type LoraTarget, loraTargets } from '@parl-mt/schema';
import { HalfMatrix, variableBuffer } from '@parl-mt/tfjs-backend';
import { supportedFamilies } from './architectures/decoder-architecture.js';
import { ropeAngles } from './architectures/rope-scaling.js';
import type { Decoder } from './decoder.js';
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

/** The variables' own storage, of the decoder and of the adapter that is attached now, by the addon's names. */
export function nativeWeights(decoder: Decoder): NativeDecoderWeights {
  const { family, isHeadTied, numLayers } = decoder.architecture;
  const { hasAttentionBias, hasHeadNorm } = supportedFamilies[family];
  const matrix = (name: string) => {
    const weight = decoder.weights.get(name)!;
    return weight instanceof HalfMatrix ? weight.bits : variableBuffer(weight);
  };
  const vector = (name: string) => matrix(name) as Float32Array;
  return {
    embedding: matrix(EMBEDDING),
    finalNorm: vector(FINAL_NORM),
    ...(isHeadTied ? {} : { lmHead: matrix(HEAD) }),
    layers: Array.from({ length: numLayers }, (_, layer) => {
      const of = (name: LayerWeightName) => vector(layerWeight(layer, name));
      const projection = (name: LayerWeightName) => matrix(layerWeight(layer, name));
      return {
        inputNorm: of('input_layernorm.weight'),
        qProj: projection('self_attn.q_proj.weight'),
        kProj: projection('self_attn.k_proj.weight'),
        vProj: projection('self_attn.v_proj.weight'),
        ...(hasAttentionBias && {
          qBias: of('self_attn.q_proj.bias'),
          kBias: of('self_attn.k_proj.bias'),
          vBias: of('self_attn.v_proj.bias'),
        }),
        ...(hasHeadNorm && { qNorm: of('self_attn.q_norm.weight'), kNorm: of('self_attn.k_norm.weight') }),
        oProj: projection('self_attn.o_proj.weight'),
        postNorm: of('post_attention_layernorm.weight'),
        gateProj: projection('mlp.gate_proj.weight'),
        upProj: projection('mlp.up_proj.weight'),
        downProj: projection('mlp.down_proj.weight'),
        ...adapters(decoder, layer),
      };
    }),
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
