import type { SamplingRules } from '@parl-mt/native';
import type { ConversationCodec } from '@parl-mt/policy';

/** One completion to sample. */
export interface CompletionRequest {
  /** Cache slot of the episode: keys and values of its former prompt are reused as far as the tokens agree. */
  readonly slot: number;
  readonly prompt: Int32Array;
  readonly maxNewTokens: number;
  /** Integer in [0, 2^53): the sampling stream of this completion, independent of what else is in the batch. */
  readonly seed: number;
}

export interface Completion {
  /** Generated ids, the end token included when it was reached. */
  readonly tokens: Int32Array;
  /**
   * Natural log-prob of each token at the temperature, before any sampling rules: what training computes, so that the first
   * ratio is 1 whatever the rules leave out.
   */
  readonly logprobs: Float32Array;
  readonly stopReason: 'stop' | 'length';
}

/** What rollouts need of a policy. */
export interface RolloutModel {
  /** How it reads conversations and writes its steps. */
  readonly codec: ConversationCodec;
  /** Samples a batch, ending each completion at a stop token of the codec. Temperature 0 is greedy. */
  complete(
    requests: readonly CompletionRequest[],
    options: {
      readonly temperature: number;
      readonly rules?: SamplingRules | undefined;
      readonly signal?: AbortSignal | undefined;
    },
  ): Promise<readonly Completion[]>;
  /** Forgets cached keys and values; needed after the weights change. */
  reset(): void;
  /** Episodes that can be in flight at once. */
  readonly slots: number;
}
