import { type Segment, SPECIAL_TOKENS, type SpecialToken } from '@parl-mt/chat';
import { createGenerator, type Decoder, type TextGenerator, type Tokenizer } from '@parl-mt/policy';
import type { ContextConfig } from '@parl-mt/schema';
import type { Completion, CompletionRequest, RolloutModel } from './rollout-model.js';

/** Episodes in flight: enough to fill the kernels' tiles, few enough to keep keys and values in cache. */
const SLOTS = 64;

/** A decoder and its tokenizer as the policy of rollouts. Reads the decoder's weights in place. */
export class DecoderModel implements RolloutModel, Disposable {
  readonly slots = SLOTS;
  readonly #tokenizer: Tokenizer;
  readonly #generator: TextGenerator;
  readonly #endToken: number;
  readonly #specialTokens: ReadonlyMap<number, SpecialToken>;
  readonly #encoded = new WeakMap<readonly Segment[], readonly number[]>();

  constructor(decoder: Decoder, tokenizer: Tokenizer, { maxContextTokens }: Pick<ContextConfig, 'maxContextTokens'>) {
    this.#tokenizer = tokenizer;
    this.#specialTokens = new Map(SPECIAL_TOKENS.map((token) => [tokenizer.specialId(token), token]));
    this.#endToken = tokenizer.specialId('<|end|>');
    this.#generator = createGenerator(decoder, { maxSlots: SLOTS, maxTokensPerSlot: maxContextTokens });
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
    { temperature, rules, signal }: Parameters<RolloutModel['complete']>[1],
  ): Promise<readonly Completion[]> {
    if (requests.length === 0) return [];
    const texts = await this.#generator.generate(requests, {
      temperature,
      stopTokens: [this.#endToken],
      ...(rules === undefined ? {} : { rules, untruncatedLogprobs: true }),
      ...(signal === undefined ? {} : { signal }),
    });
    return texts.map(({ tokens, logprobs, untruncatedLogprobs, stopReason }) => {
      return { tokens, logprobs: untruncatedLogprobs ?? logprobs, stopReason };
    });
  }

  reset(): void {
    this.#generator.weightsChanged();
  }

  [Symbol.dispose](): void {
    this.#generator[Symbol.dispose]();
  }
}
