import { Sampler, type SamplingRules, type TokenGrammar, type TokenTexts } from '@parl-mt/native';
import { isParlActive } from '@parl-mt/tfjs-backend';
import type { Decoder } from './decoder.js';
import { nativeConfig, nativeWeights } from './native-decoder.js';
import { generatePlainly } from './plain-generation.js';

export interface GenerationCapacity {
  /** Sequences that grow together; what a slot holds is remembered between calls. */
  readonly maxSlots: number;
  /** Prompt and completion of one slot together. */
  readonly maxTokensPerSlot: number;
  /** Tokens of all slots together whose keys and values are kept at a time. Default: as many as the slots can hold. */
  readonly cacheTokens?: number | undefined;
}

export interface GenerationRequest {
  /** In [0, maxSlots), at most once a call; in all requests or in none. Without slots a call may have any number of requests. */
  readonly slot?: number;
  /** At least one token. */
  readonly prompt: Int32Array | readonly number[];
  /** At least 1. */
  readonly maxNewTokens: number;
  /** In [0, 2^53): the same seed and prompt give the same text, whatever else is in the call. */
  readonly seed: number;
  /** Leaves only tokens that keep the text to it; see `GrammarCompiler`. Stop tokens come where it may end, and only there. */
  readonly grammar?: TokenGrammar | undefined;
}

export interface GenerationOptions {
  /** 0 is greedy; the log-probs are then those of temperature 1. */
  readonly temperature: number;
  /** Each ends a sequence and is part of it. */
  readonly stopTokens: readonly number[];
  /** Change the distribution that tokens are drawn from; end tokens are the stop tokens unless given. Default: none. */
  readonly rules?: SamplingRules;
  /** Texts that end a sequence wherever they occur in what it says, across tokens. Needs tokenTexts. */
  readonly stopTexts?: readonly string[];
  /** `tokenTexts` of the tokenizer. */
  readonly tokenTexts?: TokenTexts;
  /** Whether to report also the log-probs before the rules. Default false. */
  readonly untruncatedLogprobs?: boolean;
  readonly signal?: AbortSignal;
}

export interface GeneratedText {
  readonly tokens: Int32Array;
  /** Natural log-probability of each token under the distribution it was drawn from: temperature and rules applied. */
  readonly logprobs: Float32Array;
  /** Where asked for: at the temperature alone, which is what training computes. */
  readonly untruncatedLogprobs?: Float32Array;
  readonly stopReason: 'stop' | 'length';
  /** The stop text that the last token completed. */
  readonly stopText?: string;
}

/** Draws completions from a decoder. One call at a time. */
export interface TextGenerator extends Disposable {
  /** One text per request, in order. */
  generate(requests: readonly GenerationRequest[], options: GenerationOptions): Promise<GeneratedText[]>;
  /** To be called after the weights changed: forgets what was computed with the old ones. */
  weightsChanged(): void;
}

/**
 * A generator for a decoder of the active backend. On `parl` the addon's sampler reads the decoder's weights in place, off
 * the main thread, and its log-probs are those of `decoder.logprobs` bit for bit; it has the adapter that is attached now. Elsewhere plain TF.js ops recompute the
 * whole sequence for each token: slow, the same interface and the same rule for drawing.
 */
export function createGenerator(decoder: Decoder, capacity: GenerationCapacity): TextGenerator {
  if (!isParlActive()) {
    return {
      generate: (requests, options) => generatePlainly(decoder, requests, options, capacity),
      weightsChanged: () => undefined,
      [Symbol.dispose]: () => undefined,
    };
  }
  const sampler = new Sampler(nativeConfig(decoder), nativeWeights(decoder), capacity);
  return {
    generate: (requests, options) =>
      sampler.generate(
        requests.map((request) => ({ ...request, prompt: Int32Array.from(request.prompt) })),
        options,
      ),
    weightsChanged: () => sampler.reset(),
    [Symbol.dispose]: () => sampler.dispose(),
  };
}
