import {
  type ConversationCodec,
  createGenerator,
  type Decoder,
  type DecoderArchitecture,
  type TextGenerator,
} from '@parl-mt/policy';
import type { ContextConfig } from '@parl-mt/schema';
import type { Completion, CompletionRequest, RolloutModel } from './rollout-model.js';
import { cacheBytesPerToken } from './training-memory.js';

/** Episodes in flight: enough to fill the kernels' tiles, few enough to keep keys and values in cache. */
const SLOTS = 64;
/** Most bytes of keys and values that are kept at a time; beyond it, sequences wait or are computed again. */
const CACHE_BYTES = 2e9;

/** A decoder as the policy of rollouts. Reads the decoder's weights, and its adapter's, in place. */
export class DecoderModel implements RolloutModel, Disposable {
  readonly slots = SLOTS;
  readonly codec: ConversationCodec;
  readonly #generator: TextGenerator;

  /** @param codec - the policy's; see `Policy.codec`. */
  constructor(
    decoder: Decoder,
    codec: ConversationCodec,
    { maxContextTokens }: Pick<ContextConfig, 'maxContextTokens'>,
  ) {
    this.codec = codec;
    this.#generator = createGenerator(decoder, {
      maxSlots: SLOTS,
      maxTokensPerSlot: maxContextTokens,
      cacheTokens: cacheTokens(decoder.architecture, maxContextTokens),
    });
  }

  async complete(
    requests: readonly CompletionRequest[],
    { temperature, rules, signal }: Parameters<RolloutModel['complete']>[1],
  ): Promise<readonly Completion[]> {
    if (requests.length === 0) return [];
    const texts = await this.#generator.generate(requests, {
      temperature,
      stopTokens: this.codec.stopTokens,
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

/** As many tokens as the slots can hold, within the bound on memory; always one whole context. */
export function cacheTokens(architecture: DecoderArchitecture, maxContextTokens: number): number {
  const bound = Math.max(maxContextTokens, Math.floor(CACHE_BYTES / cacheBytesPerToken(architecture)));
  return Math.min(SLOTS * maxContextTokens, bound);
}
