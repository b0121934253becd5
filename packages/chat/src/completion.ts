import { type Awareness, type ToolCall, UsageError } from '@parl-mt/schema';
import { parseCallText } from './python-call.js';
import { type Segment, type SpecialToken, special, splitSpecialTokens, text, trained } from './segment.js';

/** What a step says: calls, or a message that ends the turn. */
export interface CompletionParts {
  readonly awareness?: Awareness | undefined;
  readonly callTexts: readonly string[];
  readonly message?: string | undefined;
}

/**
 * Segments of a completion, all trained: `<summary>S</summary><think>P</think>`, then calls or message, then `<|end|>`.
 *
 * @throws {UsageError} unless there are calls or a message, and not both.
 */
export function renderCompletion(parts: CompletionParts): Segment[] {
  const { awareness, callTexts, message } = parts;
  if (callTexts.length > 0 === (message !== undefined)) {
    throw new UsageError(
      `expected either calls or a message, received ${callTexts.length} calls and ${message === undefined ? 'no' : 'a'} message`,
    );
  }
  return trained([
    ...(awareness === undefined ? [] : renderAwareness(awareness)),
    ...callTexts.flatMap((callText) => [special('<tool_call>'), text(callText), special('</tool_call>')]),
    ...(message === undefined ? [] : [text(message)]),
    special('<|end|>'),
  ]);
}

/** `<summary>S</summary><think>P</think>`, untrained. */
export function renderAwareness(awareness: Awareness): Segment[] {
  return [
    special('<summary>'),
    text(awareness.summary),
    special('</summary>'),
    special('<think>'),
    text(awareness.plan),
    special('</think>'),
  ];
}

/** Bounds of a well-formed completion. */
export interface CompletionLimits {
  /** Longest summary, in characters (UTF-16 units). Default 600. */
  readonly maxSummaryCharacters?: number | undefined;
  /** Longest plan, in characters (UTF-16 units). Default 400. */
  readonly maxPlanCharacters?: number | undefined;
  /** Most calls of one step. Default 16. */
  readonly maxCalls?: number | undefined;
}

export interface ParseOptions {
  /** Whether the completion must open with a summary and a think block; where false they must be absent. */
  readonly awareness: boolean;
  readonly limits?: CompletionLimits | undefined;
  /** Whether `<|end|>` must close the completion; where false it may be missing, as chat APIs strip it. Default true. */
  readonly endRequired?: boolean | undefined;
}

/** A completion as understood. With `formatError` there are no calls and no message, whatever could be read before it. */
export interface ParsedCompletion {
  readonly awareness?: Awareness;
  readonly calls: readonly ToolCall[];
  readonly callTexts: readonly string[];
  readonly message?: string;
  readonly formatError?: string;
}

/**
 * Reads a completion strictly: with awareness exactly one summary and one think block in this order, not blank and within
 * limits; then calls or a message, not both; then the end. White space between blocks is ignored.
 *
 * @param completion - decoded segments, in which only true special tokens are special; or text, in which special tokens
 *   are written literally. Untrusted: any content gives a result.
 * @throws {UsageError} only if a segment holds undecoded token ids.
 */
export function parseCompletion(completion: string | readonly Segment[], options: ParseOptions): ParsedCompletion {
  const reader = new CompletionReader(typeof completion === 'string' ? splitSpecialTokens(completion) : completion);
  let awareness: Awareness | undefined;
  try {
    if (options.awareness) {
      awareness = {
        summary: reader.readBlock('<summary>', '</summary>', options.limits?.maxSummaryCharacters ?? 600),
        plan: reader.readBlock('<think>', '</think>', options.limits?.maxPlanCharacters ?? 400),
      };
    }
    const action = readAction(reader, options.limits?.maxCalls ?? 16);
    reader.readEnd(options.endRequired ?? true);
    return { ...(awareness === undefined ? {} : { awareness }), ...action };
  } catch (error) {
    if (error instanceof FormatFailure) {
      return {
        ...(awareness === undefined ? {} : { awareness }),
        calls: [],
        callTexts: [],
        formatError: error.message,
      };
    }
    throw error;
  }
}

function readAction(reader: CompletionReader, maxCalls: number): Omit<ParsedCompletion, 'awareness' | 'formatError'> {
  const calls: ToolCall[] = [];
  const callTexts: string[] = [];
  while (reader.sees('<tool_call>')) {
    if (calls.length === maxCalls) {
      throw reader.failure(`expected at most ${maxCalls} calls`);
    }
    const offset = reader.offset;
    const callText = reader.readBlock('<tool_call>', '</tool_call>', Number.POSITIVE_INFINITY);
    const parsed = parseCallText(callText);
    if (!parsed.ok) {
      throw new FormatFailure(
        `call ${calls.length + 1} at offset ${offset}: ${parsed.error.message} (offset ${parsed.error.position} of the call)`,
      );
    }
    calls.push(parsed.call);
    callTexts.push(callText);
  }
  if (calls.length > 0) {
    return { calls, callTexts };
  }
  return { calls, callTexts, message: reader.readMessage() };
}

class FormatFailure extends Error {}

/** Walks over segments; `offset` counts the characters of the literal text passed so far. */
class CompletionReader {
  offset = 0;
  private index = 0;
  private readonly segments: readonly Segment[];

  constructor(segments: readonly Segment[]) {
    this.segments = mergeText(segments);
  }

  sees(token: SpecialToken): boolean {
    this.skipBlank();
    const segment = this.segments[this.index];
    return segment?.kind === 'special' && segment.token === token;
  }

  readBlock(opening: SpecialToken, closing: SpecialToken, maxCharacters: number): string {
    this.readToken(opening);
    const content = this.takeText();
    if (content.trim() === '') {
      throw this.failure(`expected text inside ${opening}`);
    }
    if (content.length > maxCharacters) {
      throw this.failure(`expected at most ${maxCharacters} characters in ${opening}, received ${content.length}`);
    }
    this.readToken(closing);
    return content;
  }

  readMessage(): string {
    const message = this.takeText().trim();
    if (message === '') {
      throw this.failure('expected a <tool_call> or a message');
    }
    return message;
  }

  readEnd(isRequired: boolean): void {
    this.skipBlank();
    if (isRequired || this.index < this.segments.length) {
      this.readToken('<|end|>');
    }
    if (this.index < this.segments.length) {
      throw this.failure('expected nothing after <|end|>');
    }
  }

  failure(expectation: string): FormatFailure {
    const segment = this.segments[this.index];
    const found =
      segment === undefined
        ? 'the end of the completion'
        : segment.kind === 'special'
          ? segment.token
          : JSON.stringify(segment.kind === 'text' ? segment.text.slice(0, 24) : '');
    return new FormatFailure(`${expectation} at offset ${this.offset}, received ${found}`);
  }

  private readToken(token: SpecialToken): void {
    if (!this.sees(token)) {
      throw this.failure(`expected ${token}`);
    }
    this.advance();
  }

  private takeText(): string {
    const segment = this.segments[this.index];
    if (segment?.kind !== 'text') {
      return '';
    }
    this.advance();
    return segment.text;
  }

  private skipBlank(): void {
    const segment = this.segments[this.index];
    if (segment?.kind === 'text' && segment.text.trim() === '') {
      this.advance();
    }
  }

  private advance(): void {
    const segment = this.segments[this.index];
    this.offset +=
      segment?.kind === 'special' ? segment.token.length : segment?.kind === 'text' ? segment.text.length : 0;
    this.index += 1;
  }
}

/** Joins neighbouring text segments, so that one text lies between two special tokens. */
function mergeText(segments: readonly Segment[]): Segment[] {
  const merged: Segment[] = [];
  for (const segment of segments) {
    if (segment.kind === 'tokens') {
      throw new UsageError('expected decoded segments (special or text) in parseCompletion, received token ids');
    }
    const last = merged.at(-1);
    if (segment.kind === 'text' && last?.kind === 'text') {
      merged[merged.length - 1] = text(last.text + segment.text);
    } else {
      merged.push(segment);
    }
  }
  return merged;
}
