import { type Segment, SPECIAL_TOKENS, type SpecialToken } from '@parl-mt/chat';
import { Sampler } from '@parl-mt/native';
import type { Decoder, Tokenizer } from '@parl-mt/policy';
import type { ContextConfig } from '@parl-mt/schema';
import { variableBuffer } from '@parl-mt/tfjs-backend';
import type { Completion, CompletionRequest, RolloutModel } from './rollout-model.js';

/** Episodes in flight: enough to fill the kernels' tiles, few enough to keep keys and values in cache. */
const SLOTS = 64;

/** A decoder and its tokenizer as the policy of rollouts. Reads the decoder's weights in place. */
export class DecoderModel implements RolloutModel, Disposable {
  readonly slots = SLOTS;
  readonly #tokenizer: Tokenizer;
  readonly #sampler: Sampler;
  readonly #endToken: number;
  readonly #specialTokens: ReadonlyMap<number, SpecialToken>;
  readonly #encoded = new WeakMap<readonly Segment[], readonly number[]>();

  constructor(decoder: Decoder, tokenizer: Tokenizer, { maxContextTokens }: Pick<ContextConfig, 'maxContextTokens'>) {
    this.#tokenizer = tokenizer;
    this.#specialTokens = new Map(SPECIAL_TOKENS.map((token) => [tokenizer.specialId(token), token]));
    this.#endToken = tokenizer.specialId('<|end|>');
    const buffer = (name: string): Float32Array => variableBuffer(decoder.weights.get(name)!);
    this.#sampler = new Sampler(
      decoder.config,
      {
        embedding: buffer('model.embed_tokens.weight'),
        finalNorm: buffer('model.norm.weight'),
        layers: Array.from({ length: decoder.config.numLayers }, (_, layer) => {
          const weight = (name: string): Float32Array => buffer(`model.layers.${layer}.${name}`);
          return {
            inputNorm: weight('input_layernorm.weight'),
            qProj: weight('self_attn.q_proj.weight'),
            qBias: weight('self_attn.q_proj.bias'),
            kProj: weight('self_attn.k_proj.weight'),
            kBias: weight('self_attn.k_proj.bias'),
            vProj: weight('self_attn.v_proj.weight'),
            vBias: weight('self_attn.v_proj.bias'),
            oProj: weight('self_attn.o_proj.weight'),
            postNorm: weight('post_attention_layernorm.weight'),
            gateProj: weight('mlp.gate_proj.weight'),
            upProj: weight('mlp.up_proj.weight'),
            downProj: weight('mlp.down_proj.weight'),
          };
        }),
      },
      { maxSlots: SLOTS, maxTokensPerSlot: maxContextTokens },
    );
  }

  encode(segments: readonly Segment[]): readonly number[] {
    let tokens = this.#encoded.get(segments);
    if (tokens === undefined) {
      tokens = this.#tokenizer.encodeSegments(segments);
      this.#encoded.set(segments, tokens);
    }
    return tokens;
  }

  decode(tokens: readonly number[]): Segment[] {
    const segments: Segment[] = [];
    let start = 0;
    for (let at = 0; at <= tokens.length; at += 1) {
      const token = at < tokens.length ? this.#specialTokens.get(tokens[at]!) : undefined;
      if (at < tokens.length && token === undefined) continue;
      if (at > start) segments.push({ kind: 'text', text: this.#tokenizer.decode(tokens.slice(start, at)) });
      if (token !== undefined) segments.push({ kind: 'special', token });
      start = at + 1;
    }
    return segments;
  }

  async complete(
    requests: readonly CompletionRequest[],
    { temperature, signal }: { readonly temperature: number; readonly signal?: AbortSignal | undefined },
  ): Promise<readonly Completion[]> {
    if (requests.length === 0) return [];
    return await this.#sampler.generate(requests, {
      temperature,
      stopTokens: [this.#endToken],
      ...(signal === undefined ? {} : { signal }),
    });
  }

  reset(): void {
    this.#sampler.reset();
  }

  [Symbol.dispose](): void {
    this.#sampler.dispose();
  }
}
