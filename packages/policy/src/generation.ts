import {
  Sampler,
  type SamplerAdapter,
  type SamplerConfig,
  type SamplerWeights,
  type SamplingRules,
  type TokenGrammar,
  type TokenTexts,
} from '@parl-mt/native';
import { type LoraTarget, loraTargets } from '@parl-mt/schema';
import { HalfMatrix, isParlActive, variableBuffer } from '@parl-mt/tfjs-backend';
import { supportedFamilies } from './architectures/decoder-architecture.js';
import { ropeAngles } from './architectures/rope-scaling.js';
import type { Decoder } from './decoder.js';
import { EMBEDDING, FINAL_NORM, HEAD, type LayerWeightName, layerWeight } from './decoder-weights.js';
import { generatePlainly } from './plain-generation.js';

export interface GenerationCapacity {
  /** Sequences that grow together; what a slot holds is remembered between calls. */
  readonly maxSlots: number;
  /** Prompt and completion of one slot together. */
  readonly maxTokensPerSlot: number;
  /** Tokens of all slots together whose keys and values are kept at a time. Default: as many as the slots can hold. */
  readonly cacheTokens?: number | undefined;
}

export interface GenerationRequest {
  /** In [0, maxSlots), at most once a call; in all requests or in none. Without slots a call may have any number of requests. */
  readonly slot?: number;
  /** At least one token. */
  readonly prompt: Int32Array | readonly number[];
  /** At least 1. */
  readonly maxNewTokens: number;
  /** In [0, 2^53): the same seed and prompt give the same text, whatever else is in the call. */
  readonly seed: number;
  /** Leaves only tokens that keep the text to it; see `GrammarCompiler`. Stop tokens come where it may end, and only there. */
  readonly grammar?: TokenGrammar | undefined;
}

export interface GenerationOptions {
  /** 0 is greedy; the log-probs are then those of temperature 1. */
  readonly temperature: number;
  /** Each ends a sequence and is part of it. */
  readonly stopTokens: readonly number[];
  /** Change the distribution that tokens are drawn from; end tokens are the stop tokens unless given. Default: none. */
  readonly rules?: SamplingRules;
  /** Texts that end a sequence wherever they occur in what it says, across tokens. Needs tokenTexts. */
  readonly stopTexts?: readonly string[];
  /** `tokenTexts` of the tokenizer. */
  readonly tokenTexts?: TokenTexts;
  /** Whether to report also the log-probs before the rules. Default false. */
  readonly untruncatedLogprobs?: boolean;
  readonly signal?: AbortSignal;
}

export interface GeneratedText {
  readonly tokens: Int32Array;
  /** Natural log-probability of each token under the distribution it was drawn from: temperature and rules applied. */
  readonly logprobs: Float32Array;
  /** Where asked for: at the temperature alone, which is what training computes. */
  readonly untruncatedLogprobs?: Float32Array;
  readonly stopReason: 'stop' | 'length';
  /** The stop text that the last token completed. */
  readonly stopText?: string;
}

/** Draws completions from a decoder. One call at a time. */
export interface TextGenerator extends Disposable {
  /** One text per request, in order. */
  generate(requests: readonly GenerationRequest[], options: GenerationOptions): Promise<GeneratedText[]>;
  /** To be called after the weights changed: forgets what was computed with the old ones. */
  weightsChanged(): void;
}

/**
 * A generator for a decoder of the active backend. On `parl` the addon's sampler reads the decoder's weights in place, off
 * the main thread, and its log-probs are those of `decoder.logprobs` bit for bit; it has the adapter that is attached now. Elsewhere plain TF.js ops recompute the
 * whole sequence for each token: slow, the same interface and the same rule for drawing.
 */
export function createGenerator(decoder: Decoder, capacity: GenerationCapacity): TextGenerator {
  if (!isParlActive()) {
    return {
      generate: (requests, options) => generatePlainly(decoder, requests, options, capacity),
      weightsChanged: () => undefined,
      [Symbol.dispose]: () => undefined,
    };
  }
  const sampler = new Sampler(samplerConfig(decoder), samplerWeights(decoder), capacity);
  return {
    generate: (requests, options) =>
      sampler.generate(
        requests.map((request) => ({ ...request, prompt: Int32Array.from(request.prompt) })),
        options,
      ),
    weightsChanged: () => sampler.reset(),
    [Symbol.dispose]: () => sampler.dispose(),
  };
}

function samplerConfig({ architecture, adapter }: Decoder): SamplerConfig {
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

/** The variables' own storage, by the sampler's names. */
function samplerWeights(decoder: Decoder): SamplerWeights {
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

/** The sampler's names of the adapters of a layer. */
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

function adapters({ adapter }: Decoder, layer: number): Partial<Record<AdapterName, SamplerAdapter>> {
  const found: Partial<Record<AdapterName, SamplerAdapter>> = {};
  for (const target of loraTargets) {
    const pair = adapter?.pair(layer, target);
    if (pair) found[adapterNames[target]] = { a: variableBuffer(pair.a), b: variableBuffer(pair.b), scale: pair.scale };
  }
  return found;
}
