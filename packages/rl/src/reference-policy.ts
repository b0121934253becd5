import { type Decoder, type LoraAdapter, packSequences, type TrainingSequence } from '@parl-mt/policy';
import { tf } from '@parl-mt/tfjs-backend';

/** The policy that training starts from, frozen: what a KL penalty is measured against. */
export class ReferencePolicy implements Disposable {
  readonly #decoder: Decoder;
  /** With an adapter the weights are shared: they stay as they are. */
  readonly #adapter: LoraAdapter | undefined;

  /** Copies what training changes, as it is now: the adapter where there is one, else the weights. */
  constructor(decoder: Decoder) {
    this.#adapter = decoder.adapter?.copy();
    this.#decoder = this.#adapter === undefined ? decoder.copy() : decoder;
  }

  /**
   * Log-probs of the tokens in the loss masks.
   *
   * @param options.batchTokens - most tokens of a micro-batch. @param options.temperature - divides the logits.
   * @returns one array per sequence, as long as its tokens; 0 where not in the mask.
   */
  logprobs(
    sequences: readonly TrainingSequence[],
    { batchTokens, temperature }: { readonly batchTokens: number; readonly temperature: number },
  ): Float32Array[] {
    if (this.#adapter === undefined) return this.#logprobs(sequences, { batchTokens, temperature });
    const trained = this.#decoder.adapter;
    this.#decoder.attach(this.#adapter);
    try {
      return this.#logprobs(sequences, { batchTokens, temperature });
    } finally {
      this.#decoder.attach(trained);
    }
  }

  #logprobs(
    sequences: readonly TrainingSequence[],
    { batchTokens, temperature }: { readonly batchTokens: number; readonly temperature: number },
  ): Float32Array[] {
    const all = sequences.map(({ tokens }) => new Float32Array(tokens.length));
    for (const batch of packSequences(sequences, batchTokens, { sharePrefixes: true, untilLastTarget: true })) {
      if (batch.targets.length === 0) continue;
      const { logprobs, entropies } = this.#decoder.logprobs(batch, { temperature });
      const values = logprobs.dataSync();
      for (const [member, sequence] of batch.sequences.entries()) {
        for (let i = batch.targetOffsets[member]!; i < batch.targetOffsets[member + 1]!; i += 1) {
          // A target is the token after its row.
          all[sequence]![batch.positions[batch.targetRows[i]!]! + 1] = values[i]!;
        }
      }
      tf.dispose([logprobs, entropies]);
    }
    return all;
  }

  [Symbol.dispose](): void {
    if (this.#adapter === undefined) this.#decoder.dispose();
    else this.#adapter.dispose();
  }
}
