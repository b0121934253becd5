import {
  type ContextMessage,
  GENERATION_PROMPT,
  parseCompletion,
  type Segment,
  SPECIAL_TOKENS,
  type SpecialToken,
  segmentsToText,
} from '@parl-mt/chat';
import type { Tokenizer } from '../tokenizer.js';
import type { ConversationCodec, ReadCompletion } from './conversation-codec.js';

/** Conversations of policies whose tokenizer has our own special tokens: every segment is encoded by itself. */
export class SegmentCodec implements ConversationCodec {
  readonly stopTokens: readonly number[];
  readonly #tokenizer: Tokenizer;
  readonly #specialTokens: ReadonlyMap<number, SpecialToken>;
  /** Messages are created once and shared by prompts. */
  readonly #encoded = new WeakMap<readonly Segment[], readonly number[]>();

  /** @throws {UsageError} when the tokenizer lacks one of the special tokens. */
  constructor(tokenizer: Tokenizer) {
    this.#tokenizer = tokenizer;
    this.#specialTokens = new Map(SPECIAL_TOKENS.map((token) => [tokenizer.specialId(token), token]));
    this.stopTokens = [tokenizer.specialId('<|end|>')];
  }

  /** Whether a tokenizer has what this codec needs. */
  static fits(tokenizer: Tokenizer): boolean {
    const added = new Set(tokenizer.addedTokens.map(({ content }) => content));
    return SPECIAL_TOKENS.every((token) => added.has(token));
  }

  countPromptTokens(messages: readonly ContextMessage[]): number {
    return messages.reduce(
      (sum, { segments }) => sum + this.#encode(segments).length,
      this.#encode(GENERATION_PROMPT).length,
    );
  }

  encodePrompt(messages: readonly ContextMessage[], written: readonly Segment[] = []): number[] {
    const tokens: number[] = [];
    for (const { segments } of messages) for (const token of this.#encode(segments)) tokens.push(token);
    for (const token of this.#encode(GENERATION_PROMPT)) tokens.push(token);
    for (const token of this.#tokenizer.encodeSegments(written)) tokens.push(token);
    return tokens;
  }

  encodeCompletion(completion: readonly Segment[]): number[] {
    return this.#tokenizer.encodeSegments(completion);
  }

  readCompletion(tokens: ArrayLike<number>, options: { readonly awareness: boolean }): ReadCompletion {
    const segments = this.#decode(Array.from(tokens));
    return { text: segmentsToText(segments), parsed: parseCompletion(segments, options) };
  }

  #encode(segments: readonly Segment[]): readonly number[] {
    let tokens = this.#encoded.get(segments);
    if (tokens === undefined) {
      tokens = this.#tokenizer.encodeSegments(segments);
      this.#encoded.set(segments, tokens);
    }
    return tokens;
  }

  /** Generated ids as segments: true special tokens are special, all else is text. */
  #decode(tokens: readonly number[]): Segment[] {
    const segments: Segment[] = [];
    let start = 0;
    for (let at = 0; at <= tokens.length; at += 1) {
      const token = at < tokens.length ? this.#specialTokens.get(tokens[at]!) : undefined;
      if (at < tokens.length && token === undefined) continue;
      if (at > start) segments.push({ kind: 'text', text: this.#tokenizer.decode(tokens.slice(start, at)) });
      if (token !== undefined) segments.push({ kind: 'special', token });
      start = at + 1;
    }
    return segments;
  }
}
