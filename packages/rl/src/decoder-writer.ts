import type { ParsedCompletion } from '@parl-mt/chat';
import type { CallWriter, WriteRequest } from '@parl-mt/pag';
import type { ConversationCodec, Decoder } from '@parl-mt/policy';
import { fingerprintOf } from './decoder-judge.js';
import { DecoderModel } from './decoder-model.js';

/** A decoder as the writer of PAG's sampling gate. A prompt that leaves no room for its sample is answered with a format error. */
export class DecoderWriter implements CallWriter, Disposable {
  readonly fingerprint: string;
  readonly #model: DecoderModel;
  readonly #maxContextTokens: number;

  /** @param options.maxContextTokens - prompt and sample together. Default 2048. */
  constructor(decoder: Decoder, codec: ConversationCodec, { maxContextTokens = 2048 } = {}) {
    this.fingerprint = fingerprintOf(decoder);
    this.#model = new DecoderModel(decoder, codec, { maxContextTokens });
    this.#maxContextTokens = maxContextTokens;
  }

  async writeCalls(
    requests: readonly WriteRequest[],
    { temperature, maxNewTokens }: { readonly temperature: number; readonly maxNewTokens: number },
  ): Promise<ParsedCompletion[]> {
    const completed = requests.map(() => noRoom);
    const prompts = requests.flatMap(({ messages, written, seed }, index) => {
      const prompt = Int32Array.from(this.#model.codec.encodePrompt(messages, written));
      return prompt.length + maxNewTokens <= this.#maxContextTokens ? [{ index, prompt, seed }] : [];
    });
    const { slots } = this.#model;
    for (let start = 0; start < prompts.length; start += slots) {
      const batch = prompts.slice(start, start + slots);
      const completions = await this.#model.complete(
        batch.map(({ prompt, seed }, slot) => ({ slot, prompt, maxNewTokens, seed })),
        { temperature },
      );
      for (const [place, { index }] of batch.entries()) {
        const { parsed } = this.#model.codec.readCompletion(completions[place]!.tokens, { awareness: false });
        completed[index] = parsed;
      }
    }
    return completed;
  }

  [Symbol.dispose](): void {
    this.#model[Symbol.dispose]();
  }
}

const noRoom: ParsedCompletion = {
  calls: [],
  callTexts: [],
  formatError: 'the prompt leaves no room for a completion',
};
