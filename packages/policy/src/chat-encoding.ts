import type { RenderedChat } from '@parl-mt/chat';
import { UsageError } from '@parl-mt/schema';
import type { TokenOffset } from './token-offsets.js';
import type { Tokenizer } from './tokenizer.js';

/** A rendered chat as a model reads it. */
export interface EncodedChat {
  readonly tokens: Int32Array;
  /** 1 for the tokens that touch a generation span: what the model is to learn. */
  readonly lossMask: Uint8Array;
}

/**
 * Encodes a rendered chat: control tokens of the template become their ids, those from data ({@link RenderedChat.literalSpans})
 * are encoded as ordinary text. Special tokens that the tokenizer adds by itself are left out: the template writes them.
 *
 * @throws {UsageError} when the tokenizer makes a control token of ordinary text.
 */
export function encodeChat(tokenizer: Tokenizer, { text, generationSpans, literalSpans }: RenderedChat): EncodedChat {
  const ids: number[] = [];
  const offsets: TokenOffset[] = [];
  const add = (start: number, end: number, isLiteral: boolean): void => {
    if (start === end) return;
    const piece = text.slice(start, end);
    const tokenized = tokenizer.tokenize(piece, { isLiteral, isContinuation: start > 0 });
    const forged = isLiteral ? tokenizer.addedTokens.find(({ id }) => tokenized.ids.includes(id)) : undefined;
    if (forged !== undefined) {
      throw new UsageError(
        `expected ${JSON.stringify(piece)} as ordinary text, the tokenizer makes ${forged.content} of it`,
      );
    }
    for (const [i, id] of tokenized.ids.entries()) {
      ids.push(id);
      const [from, to] = tokenized.offsets[i]!;
      offsets.push([start + from, start + to]);
    }
  };
  let from = 0;
  for (const [start, end] of literalSpans) {
    add(from, start, false);
    add(start, end, true);
    from = end;
  }
  add(from, text.length, false);
  return { tokens: Int32Array.from(ids), lossMask: overlapMask(offsets, generationSpans) };
}

/** 1 for tokens that share a character with a span. Both are in order. */
function overlapMask(offsets: readonly TokenOffset[], spans: readonly TokenOffset[]): Uint8Array {
  const mask = new Uint8Array(offsets.length);
  let next = 0;
  for (const [i, [start, end]] of offsets.entries()) {
    while (next < spans.length && start >= spans[next]![1]) next += 1;
    const span = spans[next];
    if (span === undefined) break;
    if (end > span[0]) mask[i] = 1;
  }
  return mask;
}
