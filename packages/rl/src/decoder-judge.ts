import { createHash } from 'node:crypto';
import type { Judge, JudgeItem } from '@parl-mt/pag';
import { type Decoder, scoreCompletions, type Tokenizer } from '@parl-mt/policy';
import { readVariable } from '@parl-mt/tfjs-backend';

/** A decoder as the judge of PAG's model-aware gate: log-probs of calls in packed batches. */
export class DecoderJudge implements Judge {
  readonly #decoder: Decoder;
  readonly #tokenizer: Tokenizer;
  readonly fingerprint: string;

  constructor(decoder: Decoder, tokenizer: Tokenizer) {
    this.#decoder = decoder;
    this.#tokenizer = tokenizer;
    const hash = createHash('sha256');
    for (const variable of decoder.weights.values()) hash.update(new Uint8Array(readVariable(variable).buffer));
    this.fingerprint = hash.digest('hex').slice(0, 16);
  }

  async scoreCalls(items: readonly JudgeItem[]): Promise<{ logprobs: Float64Array; lengths: Int32Array }> {
    const sequences = items.map(({ promptSegments, targetSegments }) => {
      const prompt = this.#tokenizer.encodeSegments(promptSegments);
      const target = this.#tokenizer.encodeSegments(targetSegments);
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
