import type { Segment } from '@parl-mt/chat';
import type { CallWriter, WriteRequest } from '@parl-mt/pag';
import type { Decoder, Tokenizer } from '@parl-mt/policy';
import { DecoderJudge } from './decoder-judge.js';
import { DecoderModel } from './decoder-model.js';

/** A decoder as the writer of PAG's sampling gate. A prompt that leaves no room for its sample is answered with nothing. */
export class DecoderWriter implements CallWriter, Disposable {
  readonly fingerprint: string;
  readonly #model: DecoderModel;
  readonly #maxContextTokens: number;

  /** @param options.maxContextTokens - prompt and sample together. Default 2048. */
  constructor(decoder: Decoder, tokenizer: Tokenizer, { maxContextTokens = 2048 } = {}) {
    this.fingerprint = new DecoderJudge(decoder, tokenizer).fingerprint;
    this.#model = new DecoderModel(decoder, tokenizer, { maxContextTokens });
    this.#maxContextTokens = maxContextTokens;
  }

  async writeCalls(
    requests: readonly WriteRequest[],
    { temperature, maxNewTokens }: { readonly temperature: number; readonly maxNewTokens: number },
  ): Promise<Segment[][]> {
    const written: Segment[][] = requests.map(() => []);
    const prompts = requests.flatMap(({ promptSegments, seed }, index) => {
      const prompt = Int32Array.from(this.#model.encode(promptSegments));
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
        written[index] = this.#model.decode([...completions[place]!.tokens]);
      }
    }
    return written;
  }

  [Symbol.dispose](): void {
    this.#model[Symbol.dispose]();
  }
}
