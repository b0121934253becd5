import {
  type Decoder,
  type LoraAdapter,
  type ScoringOptions,
  type TrainingSequence,
  tokenLogprobs,
} from '@parl-mt/policy';

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

  /** As `tokenLogprobs`. */
  logprobs(sequences: readonly TrainingSequence[], options: ScoringOptions): Float32Array[] {
    if (this.#adapter === undefined) return tokenLogprobs(this.#decoder, sequences, options);
    const trained = this.#decoder.adapter;
    this.#decoder.attach(this.#adapter);
    try {
      return tokenLogprobs(this.#decoder, sequences, options);
    } finally {
      this.#decoder.attach(trained);
    }
  }

  [Symbol.dispose](): void {
    if (this.#adapter === undefined) this.#decoder.dispose();
    else this.#adapter.dispose();
  }
}
