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
export function encodeChat(tokenizer: Tokenizer, chat: RenderedChat): EncodedChat {
  const ids: number[] = [];
  const offsets: TokenOffset[] = [];
  for (const { start, end, isLiteral } of pieces(chat.literalSpans, 0, chat.text.length)) {
    const tokenized = tokenizer.tokenize(chat.text.slice(start, end), { isLiteral, isContinuation: start > 0 });
    if (isLiteral) refuseForged(tokenizer, chat.text.slice(start, end), tokenized.ids);
    for (const [i, id] of tokenized.ids.entries()) {
      ids.push(id);
      const [from, to] = tokenized.offsets[i]!;
      offsets.push([start + from, start + to]);
    }
  }
  return { tokens: Int32Array.from(ids), lossMask: overlapMask(offsets, chat.generationSpans) };
}

/**
 * The ids of a part of a rendered chat, as {@link encodeChat} has them of the whole, without their places in the text: faster, and for
 * any tokenizer.
 *
 * @param start - in UTF-16 units; from 1 on the part goes on from what is before it. @param end - default: the end.
 * @throws {UsageError} when the tokenizer makes a control token of ordinary text.
 */
export function encodeSpan(
  tokenizer: Tokenizer,
  { text, literalSpans }: Pick<RenderedChat, 'text' | 'literalSpans'>,
  start: number,
  end = text.length,
): number[] {
  const ids: number[] = [];
  for (const piece of pieces(literalSpans, start, end)) {
    const content = text.slice(piece.start, piece.end);
    const encoded = tokenizer.encodeMarked(content, { isLiteral: piece.isLiteral, isContinuation: piece.start > 0 });
    if (piece.isLiteral) refuseForged(tokenizer, content, encoded);
    for (const id of encoded) ids.push(id);
  }
  return ids;
}

interface Piece {
  readonly start: number;
  readonly end: number;
  readonly isLiteral: boolean;
}

/** Cuts [start, end) at literal spans, which are in order. */
function pieces(literalSpans: RenderedChat['literalSpans'], start: number, end: number): Piece[] {
  const cut: Piece[] = [];
  let from = start;
  for (const [first, last] of literalSpans) {
    if (last <= start || first >= end) continue;
    const literal = { start: Math.max(first, start), end: Math.min(last, end), isLiteral: true };
    if (literal.start > from) cut.push({ start: from, end: literal.start, isLiteral: false });
    cut.push(literal);
    from = literal.end;
  }
  if (from < end) cut.push({ start: from, end, isLiteral: false });
  return cut;
}

function refuseForged(tokenizer: Tokenizer, piece: string, ids: readonly number[]): void {
  const forged = tokenizer.addedTokens.find(({ id }) => ids.includes(id));
  if (forged === undefined) return;
  throw new UsageError(
    `expected ${JSON.stringify(piece)} as ordinary text, the tokenizer makes ${forged.content} of it`,
  );
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
