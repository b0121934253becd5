import { createHash } from 'node:crypto';
import type { Judge, JudgeItem } from '@parl-mt/pag';
import { type ConversationCodec, type Decoder, scoreCompletions } from '@parl-mt/policy';
import { readWeight } from '@parl-mt/tfjs-backend';

/** A decoder as the judge of PAG's model-aware gate: log-probs of calls in packed batches. */
export class DecoderJudge implements Judge {
  readonly #decoder: Decoder;
  readonly #codec: ConversationCodec;
  readonly fingerprint: string;

  /** @param codec - the policy's, with awareness. */
  constructor(decoder: Decoder, codec: ConversationCodec) {
    this.#decoder = decoder;
    this.#codec = codec;
    this.fingerprint = fingerprintOf(decoder);
  }

  async scoreCalls(items: readonly JudgeItem[]): Promise<{ logprobs: Float64Array; lengths: Int32Array }> {
    const sequences = items.map(({ messages, written, target: targetSegments }) => {
      const prompt = this.#codec.encodePrompt(messages, written);
      const target = this.#codec.encodeCompletion(targetSegments);
      return {
        tokens: Int32Array.from([...prompt, ...target]),
        lossMask: Uint8Array.from({ length: prompt.length + target.length }, (_, i) => (i < prompt.length ? 0 : 1)),
      };
    });
    return {
      logprobs: scoreCompletions(this.#decoder, sequences),
      lengths: Int32Array.from(sequences, ({ lossMask }) => lossMask.reduce((sum, flag) => sum + flag, 0)),
    };
  }
}

/** Identifies the weights of a decoder and of its adapter. */
export function fingerprintOf(decoder: Decoder): string {
  const hash = createHash('sha256');
  for (const variables of [decoder.weights, decoder.adapter?.variables ?? new Map<string, never>()]) {
    for (const variable of variables.values()) hash.update(new Uint8Array(readWeight(variable).buffer));
  }
  return hash.digest('hex').slice(0, 16);
}
