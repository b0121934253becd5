import { addon } from './addon.js';
import { NativeValueError, ShapeError } from './errors.js';
import {
  checkWeights,
  type NativeDecoderConfig,
  type NativeDecoderWeights,
  type ResolvedConfig,
  resolveConfig,
} from './native-decoder.js';
import { checkRules, type PackedRules, packRules, type SamplingRules } from './sampling-rules.js';
import type { TokenGrammar } from './token-grammar.js';

/** Tokens in which the cache of keys and values is handed out. */
const CACHE_UNIT = 32;

export interface SamplerCapacity {
  /** Sequences that grow together, and whose keys and values are kept. At least 1. */
  readonly maxSlots: number;
  /** Tokens a slot holds: prompt plus new tokens. At least 2. */
  readonly maxTokensPerSlot: number;
  /**
   * Tokens that all slots hold together at most, each slot's rounded up to a multiple of 32: bounds the memory of keys and
   * values. Default: what they can hold, maxSlots * maxTokensPerSlot. At least 32.
   */
  readonly cacheTokens?: number | undefined;
}

export interface GenerateRequest {
  /**
   * In [0, maxSlots), at most once a call; in all requests of a call or in none. Without it a call may have any number of
   * requests: each gets a slot when one is free, that which holds the beginning of its prompt if there is one.
   */
  readonly slot?: number;
  /** At least one token, each in [0, vocabSize). */
  readonly prompt: Int32Array;
  /** At least 1. */
  readonly maxNewTokens: number;
  /** Integer in [0, 2^53): names the sequence's stream of random numbers. */
  readonly seed: number;
  /** Leaves only tokens that keep the text to it. Stop tokens come where it may end, and only there; at least one is needed. */
  readonly grammar?: TokenGrammar | undefined;
}

/** What the tokens of a vocabulary spell. */
export interface TokenTexts {
  /** The bytes of all tokens, one behind the other. */
  readonly bytes: Uint8Array;
  /** [V + 1], ascending from 0: where each token's bytes begin. */
  readonly offsets: Int32Array;
}

export interface GenerateOptions {
  /** >= 0. Zero takes the most likely token (the lowest of equals) and reports its log-probability at temperature 1. */
  readonly temperature: number;
  /** Tokens that end a sequence; each in [0, vocabSize). */
  readonly stopTokens: readonly number[];
  /** Change the distribution that tokens are drawn from; endTokens are the stop tokens unless given. Default: none. */
  readonly rules?: SamplingRules;
  /** Texts that end a sequence wherever they occur in what it says. Needs tokenTexts. */
  readonly stopTexts?: readonly string[];
  /** The bytes of every token, for stop texts. */
  readonly tokenTexts?: TokenTexts;
  /** Whether to report also the log-probabilities before the rules, at the same temperature. Default false. */
  readonly untruncatedLogprobs?: boolean;
  /** Threads of this call, 1 to 256. Default: those of the pool. The result does not depend on it. */
  readonly threads?: number;
  /** Stops the call between two tokens; the promise then rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

export interface GeneratedSequence {
  /** At most maxNewTokens, at least 1; a stop token is included. */
  readonly tokens: Int32Array;
  /** Parallel to tokens: natural log of the probability each was drawn with. */
  readonly logprobs: Float32Array;
  /** Parallel to tokens, where asked for: of the distribution before the rules, at the same temperature. */
  readonly untruncatedLogprobs?: Float32Array;
  readonly stopReason: 'stop' | 'length';
  /** The stop text that the last token completed. */
  readonly stopText?: string;
}

interface NativeSequence {
  readonly tokens: Int32Array;
  readonly logprobs: Float32Array;
  readonly untruncatedLogprobs?: Float32Array;
  readonly stopped: boolean;
  readonly stopText: number;
}

interface SamplerHandle {
  generate(
    slots: Int32Array,
    promptOffsets: Int32Array,
    prompts: Int32Array,
    maxNewTokens: Int32Array,
    seeds: Float64Array,
    stopTokens: Int32Array,
    temperature: number,
    threads: number,
    rules: PackedRules | undefined,
    stopTexts: { texts: readonly string[]; tokenBytes: Uint8Array; tokenOffsets: Int32Array } | undefined,
    untruncatedLogprobs: boolean,
    grammars: readonly (object | undefined)[] | undefined,
  ): Promise<readonly NativeSequence[] | null>;
  abort(): void;
  reset(): void;
  dispose(): void;
  slotTokens(slot: number): Int32Array;
  promptTokens(): ReturnType<Sampler['promptTokens']>;
}

/**
 * Generates text with a decoder whose weights it reads in place, off the main thread.
 *
 * A slot keeps the keys and values of its tokens between calls: a prompt that begins with tokens that some slot, or some
 * other request of the call, has in common with it is computed only from there on. All sequences of a call grow together,
 * one token a step; finished ones leave. The log-probability of a token equals, bit for bit, what the training kernels
 * compute for the whole sequence, and a text depends on weights, prompt, seed and temperature only: not on neighbours,
 * slots, reuse or threads. Random numbers: Philox4x32-10, key = seed, counter = position of the token in its sequence.
 *
 * @example
 * using sampler = new Sampler(config, weights, { maxSlots: 64, maxTokensPerSlot: 256 });
 * const [text] = await sampler.generate([{ slot: 0, prompt, maxNewTokens: 32, seed: 7 }], { temperature: 1, stopTokens: [2] });
 * console.log(text.tokens, text.logprobs, text.stopReason);
 */
export class Sampler implements Disposable {
  /**
   * Bytes that a sampler of this capacity holds beside the weights: keys and values of cacheTokens tokens, and activations.
   * The system gives the former only as tokens are stored.
   */
  static memoryBytes(config: NativeDecoderConfig, capacity: SamplerCapacity): number {
    const resolved = resolveConfig(config);
    checkCapacity(capacity);
    return addon['samplerMemoryBytes']!(
      resolved,
      capacity.maxSlots,
      capacity.maxTokensPerSlot,
      capacity.cacheTokens ?? 0,
    ) as number;
  }

  readonly #config: ResolvedConfig;
  readonly #capacity: SamplerCapacity;
  readonly #handle: SamplerHandle;

  /**
   * @param weights - referenced, not copied: what training writes into the arrays is what the next call reads. Call
   *   reset() after it did. The arrays must not change, nor be transferred to a worker, while generate() runs.
   * @throws {ShapeError} when a weight's length does not fit the config.
   * @throws {NativeValueError} when an extent is out of range, or memoryBytes cannot be had.
   */
  constructor(config: NativeDecoderConfig, weights: NativeDecoderWeights, capacity: SamplerCapacity) {
    this.#config = resolveConfig(config);
    checkCapacity(capacity);
    const { maxSlots, maxTokensPerSlot, cacheTokens } = capacity;
    this.#capacity = { maxSlots, maxTokensPerSlot, cacheTokens };
    checkWeights(this.#config, weights);
    const own = { ...weights, layers: weights.layers.map((layer) => ({ ...layer })) };
    const Handle = addon['Sampler'] as unknown as new (...args: readonly unknown[]) => SamplerHandle;
    this.#handle = translated(() => new Handle(this.#config, own, maxSlots, maxTokensPerSlot, cacheTokens ?? 0));
  }

  /** As Sampler.memoryBytes() predicts for this config and capacity. */
  get memoryBytes(): number {
    return Sampler.memoryBytes(this.#config, this.#capacity);
  }

  /**
   * One sequence a request, in their order.
   *
   * @throws {NativeValueError} (as a rejection, before anything runs) when a request does not fit, another call runs, or
   *   the sampler is disposed; and when the logits are not finite.
   */
  async generate(requests: readonly GenerateRequest[], options: GenerateOptions): Promise<GeneratedSequence[]> {
    options.signal?.throwIfAborted();
    this.#checkRequests(requests);
    this.#checkOptions(options);
    checkGrammars(requests, options, this.#config.vocabSize);
    const offsets = new Int32Array(requests.length + 1);
    for (const [i, request] of requests.entries()) offsets[i + 1] = offsets[i]! + request.prompt.length;
    const prompts = new Int32Array(offsets[requests.length]!);
    for (const [i, request] of requests.entries()) prompts.set(request.prompt, offsets[i]!);

    const abort = (): void => this.#handle.abort();
    try {
      const running = this.#handle.generate(
        Int32Array.from(requests, ({ slot = -1 }) => slot),
        offsets,
        prompts,
        Int32Array.from(requests, ({ maxNewTokens }) => maxNewTokens),
        Float64Array.from(requests, ({ seed }) => seed),
        Int32Array.from(options.stopTokens),
        options.temperature,
        options.threads ?? 0,
        options.rules && packRules({ endTokens: options.stopTokens, ...options.rules }),
        stopTextsOf(options),
        options.untruncatedLogprobs ?? false,
        requests.some(({ grammar }) => grammar) ? requests.map(({ grammar }) => grammar?.handle) : undefined,
      );
      options.signal?.addEventListener('abort', abort, { once: true });
      const sequences = await running;
      if (sequences === null) {
        options.signal?.throwIfAborted();
        throw new NativeValueError('expected a sampler in use until generate() has settled, received dispose()');
      }
      return sequences.map(({ tokens, logprobs, untruncatedLogprobs, stopped, stopText }) => ({
        tokens,
        logprobs,
        ...(untruncatedLogprobs && { untruncatedLogprobs }),
        stopReason: stopped ? 'stop' : 'length',
        ...(stopText >= 0 && { stopText: options.stopTexts![stopText]! }),
      }));
    } catch (error) {
      throw translate(error);
    } finally {
      options.signal?.removeEventListener('abort', abort);
    }
  }

  /** Forgets the contents of all slots. Needed after the weights changed: kept keys and values are those of the old ones. */
  reset(): void {
    translated(() => this.#handle.reset());
  }

  /** The tokens whose keys and values a slot holds. */
  slotTokens(slot: number): Int32Array {
    this.#checkSlot(slot, 'slot');
    return translated(() => this.#handle.slotTokens(slot));
  }

  /**
   * Prompt tokens that went through the decoder since construction, and those that were spared by reuse; how often a sequence
   * had to stop because the cache was full, and the tokens that were computed again when it went on.
   */
  promptTokens(): {
    readonly computed: number;
    readonly reused: number;
    readonly preemptions: number;
    readonly recomputed: number;
  } {
    return translated(() => this.#handle.promptTokens());
  }

  /** Frees the memory; a running generate() rejects. A second call does nothing. */
  dispose(): void {
    this.#handle.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  #checkSlot(slot: number, name: string): void {
    if (!Number.isInteger(slot) || slot < 0 || slot >= this.#capacity.maxSlots) {
      throw new NativeValueError(
        `expected ${name} to be an integer in [0, ${this.#capacity.maxSlots}), received ${slot}`,
      );
    }
  }

  #checkRequests(requests: readonly GenerateRequest[]): void {
    const { maxTokensPerSlot, cacheTokens = Number.POSITIVE_INFINITY } = this.#capacity;
    const slots = new Map<number, number>();
    for (const [i, { slot, prompt, maxNewTokens, seed }] of requests.entries()) {
      if ((slot === undefined) !== (requests[0]!.slot === undefined)) {
        throw new NativeValueError(`expected a slot in all requests or in none, received ${slot} in requests[${i}]`);
      }
      if (slot !== undefined) {
        this.#checkSlot(slot, `requests[${i}].slot`);
        const other = slots.get(slot);
        if (other !== undefined) {
          throw new NativeValueError(
            `expected each slot once a call, received slot ${slot} in requests ${other} and ${i}`,
          );
        }
        slots.set(slot, i);
      }
      if (!(prompt instanceof Int32Array)) throw new ShapeError(`expected requests[${i}].prompt to be an Int32Array`);
      if (prompt.length === 0)
        throw new NativeValueError(`expected requests[${i}].prompt to hold at least one token, received none`);
      this.#checkTokens(prompt, `requests[${i}].prompt`);
      if (!Number.isInteger(maxNewTokens) || maxNewTokens < 1) {
        throw new NativeValueError(
          `expected requests[${i}].maxNewTokens to be an integer >= 1, received ${maxNewTokens}`,
        );
      }
      if (prompt.length + maxNewTokens > maxTokensPerSlot) {
        throw new NativeValueError(
          `expected requests[${i}] to fit maxTokensPerSlot ${maxTokensPerSlot}, received a prompt of ${prompt.length} tokens and maxNewTokens ${maxNewTokens}`,
        );
      }
      if (Math.ceil((prompt.length + maxNewTokens) / CACHE_UNIT) > Math.floor(cacheTokens / CACHE_UNIT)) {
        throw new NativeValueError(
          `expected requests[${i}] to fit cacheTokens ${cacheTokens} when it runs alone, received a prompt of ${prompt.length} tokens and ` +
            `maxNewTokens ${maxNewTokens}, rounded up to a multiple of ${CACHE_UNIT}`,
        );
      }
      if (!Number.isSafeInteger(seed) || seed < 0) {
        throw new NativeValueError(`expected requests[${i}].seed to be an integer in [0, 2^53), received ${seed}`);
      }
    }
  }

  #checkOptions({ temperature, stopTokens, threads, rules, stopTexts = [], tokenTexts }: GenerateOptions): void {
    if (rules) checkRules(rules, this.#config.vocabSize);
    if (stopTexts.length > 0) checkStopTexts(stopTexts, tokenTexts, this.#config.vocabSize);
    if (!(temperature >= 0 && temperature <= 1e6) || (temperature > 0 && temperature < 1e-6)) {
      throw new NativeValueError(`expected temperature to be 0 or in [1e-6, 1e6], received ${temperature}`);
    }
    this.#checkTokens(stopTokens, 'stopTokens');
    if (threads !== undefined && (!Number.isInteger(threads) || threads < 1 || threads > 256)) {
      throw new NativeValueError(`expected threads to be an integer in 1..256, received ${threads}`);
    }
  }

  #checkTokens(tokens: ArrayLike<number>, name: string): void {
    for (let i = 0; i < tokens.length; i += 1) {
      const token = tokens[i]!;
      if (!Number.isInteger(token) || token < 0 || token >= this.#config.vocabSize) {
        throw new NativeValueError(
          `expected ${name}[${i}] to be a token in [0, ${this.#config.vocabSize}), received ${token}`,
        );
      }
    }
  }
}

function checkGrammars(requests: readonly GenerateRequest[], { stopTokens }: GenerateOptions, vocabSize: number): void {
  for (const [i, { grammar }] of requests.entries()) {
    if (grammar === undefined) continue;
    if (grammar.vocabSize !== vocabSize) {
      throw new ShapeError(`expected requests[${i}].grammar over ${vocabSize} tokens, received ${grammar.vocabSize}`);
    }
    if (stopTokens.length === 0) {
      throw new NativeValueError(`expected stopTokens beside requests[${i}].grammar: they end its text, received none`);
    }
  }
}

function stopTextsOf({ stopTexts = [], tokenTexts }: GenerateOptions) {
  if (stopTexts.length === 0 || tokenTexts === undefined) return undefined;
  return { texts: stopTexts, tokenBytes: tokenTexts.bytes, tokenOffsets: tokenTexts.offsets };
}

function checkStopTexts(stopTexts: readonly string[], tokenTexts: TokenTexts | undefined, vocabSize: number): void {
  const empty = stopTexts.indexOf('');
  if (empty >= 0)
    throw new NativeValueError(`expected stopTexts[${empty}] to hold at least one character, received none`);
  if (tokenTexts === undefined) throw new NativeValueError('expected tokenTexts beside stopTexts, received none');
  if (tokenTexts.offsets.length !== vocabSize + 1) {
    throw new ShapeError(
      `expected tokenTexts.offsets.length to be ${vocabSize + 1}, received ${tokenTexts.offsets.length}`,
    );
  }
}

function checkCapacity({ maxSlots, maxTokensPerSlot, cacheTokens }: SamplerCapacity): void {
  if (cacheTokens !== undefined && (!Number.isSafeInteger(cacheTokens) || cacheTokens < CACHE_UNIT)) {
    throw new NativeValueError(`expected cacheTokens to be an integer >= ${CACHE_UNIT}, received ${cacheTokens}`);
  }
  if (!Number.isInteger(maxSlots) || maxSlots < 1 || maxSlots > 65536) {
    throw new NativeValueError(`expected maxSlots to be an integer in 1..65536, received ${maxSlots}`);
  }
  if (!Number.isInteger(maxTokensPerSlot) || maxTokensPerSlot < 2 || maxTokensPerSlot > 2 ** 24) {
    throw new NativeValueError(
      `expected maxTokensPerSlot to be an integer in 2..16777216, received ${maxTokensPerSlot}`,
    );
  }
}

/** Errors of the addon, which carry a code, as the classes of this package. */
function translate(error: unknown): unknown {
  if (error instanceof ShapeError || error instanceof NativeValueError || !(error instanceof Error)) return error;
  const code = (error as Error & { readonly code?: unknown }).code;
  if (code === 'SHAPE') return new ShapeError(error.message, { cause: error });
  if (code === 'NATIVE_VALUE') return new NativeValueError(error.message, { cause: error });
  return error;
}

function translated<T>(call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw translate(error);
  }
}
