import { processLogitsReference } from '@parl-mt/native';
import { UsageError } from '@parl-mt/schema';
import { matrixTensor, tf } from '@parl-mt/tfjs-backend';
import type { Decoder } from './decoder.js';
import type { GeneratedText, GenerationCapacity, GenerationOptions, GenerationRequest } from './generation.js';
import { packSequences } from './packing.js';
import { philox } from './philox.js';

interface Growing {
  readonly request: GenerationRequest;
  readonly tokens: number[];
  readonly logprobs: number[];
  readonly untruncatedLogprobs: number[];
  /** In the request's grammar. */
  place: number;
  stopText: string | undefined;
  stopReason: 'stop' | 'length' | undefined;
}

/** Generation in plain TF.js ops without a cache of keys and values. Draws as the sampler of the addon does. */
export async function generatePlainly(
  decoder: Decoder,
  requests: readonly GenerationRequest[],
  options: GenerationOptions,
  capacity: GenerationCapacity,
): Promise<GeneratedText[]> {
  for (const [i, { prompt, maxNewTokens, slot }] of requests.entries()) {
    const length = prompt.length + maxNewTokens;
    if (
      prompt.length === 0 ||
      maxNewTokens < 1 ||
      length > capacity.maxTokensPerSlot ||
      (slot ?? 0) >= capacity.maxSlots
    ) {
      throw new UsageError(
        `expected requests[${i}] to have a prompt and to fit ${capacity.maxSlots} slots of ` +
          `${capacity.maxTokensPerSlot} tokens, received slot ${slot}, ${prompt.length} + ${maxNewTokens} tokens`,
      );
    }
  }
  const all = requests.map((request): Growing => {
    return {
      request,
      tokens: [...request.prompt],
      logprobs: [],
      untruncatedLogprobs: [],
      place: request.grammar?.start ?? 0,
      stopReason: undefined,
      stopText: undefined,
    };
  });
  for (;;) {
    const active = all.filter(({ stopReason }) => stopReason === undefined);
    if (active.length === 0) break;
    options.signal?.throwIfAborted();
    const logits = lastLogits(decoder, active);
    const vocab = decoder.architecture.vocabSize;
    for (const [i, text] of active.entries()) grow(text, logits.subarray(i * vocab, (i + 1) * vocab), options);
    // Lets timers, signals and other work of the process have their turn between two tokens.
    await new Promise((resolve) => setImmediate(resolve));
  }
  return all.map(({ request, tokens, logprobs, untruncatedLogprobs, stopReason, stopText }) => ({
    tokens: Int32Array.from(tokens.slice(request.prompt.length)),
    logprobs: Float32Array.from(logprobs),
    ...(options.untruncatedLogprobs && { untruncatedLogprobs: Float32Array.from(untruncatedLogprobs) }),
    stopReason: stopReason!,
    ...(stopText !== undefined && { stopText }),
  }));
}

/** Logits after the last token of each text, [texts, vocab]. */
function lastLogits(decoder: Decoder, texts: readonly Growing[]): Float32Array {
  return tf.tidy(() => {
    const sequences = texts.map(({ tokens }) => ({ tokens, lossMask: new Uint8Array(tokens.length) }));
    const batch = packSequences(sequences, Number.MAX_SAFE_INTEGER)[0]!;
    const last = tf.tensor1d(
      batch.offsets.subarray(1).map((end) => end - 1),
      'int32',
    );
    const rows = tf.gather(decoder.forward(batch), last);
    return tf.matMul(rows, matrixTensor(decoder.head), false, true).dataSync() as Float32Array;
  });
}

/** Appends one token: the first whose cumulated probability exceeds the sequence's uniform number at this position. */
function grow(text: Growing, logits: Float32Array, options: GenerationOptions): void {
  const { temperature, stopTokens, rules } = options;
  const { request, tokens, logprobs } = text;
  const plain = distribution(logits, temperature);
  const isRuled = rules !== undefined || request.grammar !== undefined;
  const ruled = isRuled ? distribution(ruledLogits(text, keptToGrammar(text, logits, stopTokens), options), 0) : plain;
  if (ruled.scaled.every((score) => score === Number.NEGATIVE_INFINITY)) {
    throw new UsageError(
      `expected the grammar to leave a token that the rules leave too, at position ${tokens.length} there is none`,
    );
  }
  const token =
    temperature > 0
      ? draw(ruled.scaled, ruled.logSumExp, request.seed, tokens.length)
      : ruled.scaled.indexOf(ruled.scaled.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY));
  if (request.grammar !== undefined && !stopTokens.includes(token)) {
    text.place = request.grammar.advance(text.place, token) ?? text.place;
  }
  tokens.push(token);
  logprobs.push(ruled.scaled[token]! - ruled.logSumExp);
  text.untruncatedLogprobs.push(plain.scaled[token]! - plain.logSumExp);
  const newTokens = tokens.length - request.prompt.length;
  if (newTokens >= (rules?.minNewTokens ?? 0))
    text.stopText = findStopText(tokens.slice(request.prompt.length), options);
  if (stopTokens.includes(token) || text.stopText !== undefined) text.stopReason = 'stop';
  else if (newTokens === request.maxNewTokens) text.stopReason = 'length';
}

/** Logits over the temperature, and the logarithm of the sum of their exponentials. */
function distribution(logits: Float32Array, temperature: number): { scaled: Float64Array; logSumExp: number } {
  const scaled = Float64Array.from(logits, (logit) => (temperature > 0 ? logit / temperature : logit));
  const max = scaled.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  return { scaled, logSumExp: max + Math.log(scaled.reduce((sum, logit) => sum + Math.exp(logit - max), 0)) };
}

/** Logits with -Infinity for every token that the grammar leaves out; stop tokens stay where the text may end. */
function keptToGrammar({ request: { grammar }, place }: Growing, logits: Float32Array, stopTokens: readonly number[]) {
  if (grammar === undefined) return logits;
  const mask = grammar.mask(place);
  const mayEnd = grammar.mayEnd(place);
  return logits.map((logit, token) => {
    const isAllowed = stopTokens.includes(token) ? mayEnd : ((mask[token >> 5]! >>> (token & 31)) & 1) === 1;
    return isAllowed ? logit : Number.NEGATIVE_INFINITY;
  });
}

function ruledLogits({ request, tokens }: Growing, logits: Float32Array, options: GenerationOptions): Float32Array {
  return processLogitsReference({
    logits,
    tokens: Int32Array.from(tokens),
    promptLength: request.prompt.length,
    temperature: options.temperature,
    rules: { endTokens: options.stopTokens, ...options.rules },
  });
}

/** The stop text in what was said that begins first; of those that begin there the first of the list. */
function findStopText(
  tokens: readonly number[],
  { stopTexts = [], tokenTexts }: GenerationOptions,
): string | undefined {
  if (stopTexts.length === 0) return undefined;
  if (tokenTexts === undefined) throw new UsageError('expected tokenTexts beside stopTexts, received none');
  const { bytes, offsets } = tokenTexts;
  const said = Buffer.concat(tokens.map((token) => bytes.subarray(offsets[token], offsets[token + 1])));
  const found = stopTexts.map((text) => ({ text, at: said.indexOf(text, 0, 'utf8') })).filter(({ at }) => at >= 0);
  return found.sort((a, b) => a.at - b.at)[0]?.text;
}

function draw(scaled: Float64Array, lse: number, seed: number, position: number): number {
  const [high, low] = philox(seed, position, 0);
  const uniform = ((high >>> 5) * 2 ** 26 + (low >>> 6)) / 2 ** 53;
  let [sum, last] = [0, 0];
  for (let token = 0; token < scaled.length; token++) {
    const probability = Math.exp(scaled[token]! - lse);
    if (!(probability > 0)) continue;
    sum += probability;
    last = token;
    if (sum > uniform) return token;
  }
  return last;
}
