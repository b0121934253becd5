import type { Alignment } from './text-alignment.js';
import { byteLevelBytes, fallbackByte } from './token-decoder.js';

/** How a tokenizer writes text in tokens. */
export type TokenSpelling = 'bytes' | 'metaspace' | 'characters';

/** [start, end) of a token in the original text, in UTF-16 units. */
export type TokenOffset = readonly [number, number];

/**
 * Offsets of tokens that spell a normalised text from its beginning.
 *
 * @param spelling - bytes: one character a byte (GPT-2's alphabet); metaspace: spaces written as `▁`, one of them possibly put in front.
 * @param missing - bytes that the vocabulary has no token for, which are dropped (SmolLM2 lacks some control characters).
 * @returns undefined where the tokens do not spell the text.
 */
export function alignTokens(
  tokens: readonly string[],
  { text, starts, ends }: Alignment,
  spelling: TokenSpelling,
  missing: ReadonlySet<number> = new Set(),
): TokenOffset[] | undefined {
  const units = unitStarts(text, spelling);
  const bytes = spelling === 'bytes' && missing.size > 0 ? new TextEncoder().encode(text) : undefined;
  const skipMissing = (): void => {
    while (bytes !== undefined && at < count && missing.has(bytes[at]!)) at += 1;
  };
  const count = units.length;
  const place = (from: number, to: number): TokenOffset => {
    // Nothing but the space that was put in front: it lies on the first character.
    if (to <= from) return from < count ? place(from, from + 1) : [0, 0];
    return [starts[units[from]!]!, ends[units[to - 1]!]!];
  };
  let at = 0;
  // A space that was put in front belongs to no character.
  let surplus =
    spelling === 'metaspace' && tokens[0]?.startsWith('▁') === true && text[0] !== ' ' && text[0] !== '▁' ? 1 : 0;
  const offsets: TokenOffset[] = [];
  let bytesLeft = 0;
  for (const token of tokens) {
    skipMissing();
    const byte = spelling === 'bytes' ? undefined : fallbackByte(token);
    if (byte !== undefined) {
      // One byte of a character: all of them have the character's range, and the last one moves on.
      if (bytesLeft === 0) bytesLeft = utf8Length(text.codePointAt(units[at] ?? text.length) ?? 0);
      if (at >= count) return undefined;
      offsets.push(place(at, at + 1));
      bytesLeft -= 1;
      if (bytesLeft === 0) at += 1;
      continue;
    }
    const length = (spelling === 'bytes' ? byteLevelBytes([token]).length : [...token].length) - surplus;
    surplus = 0;
    if (at + length > count) return undefined;
    offsets.push(place(at, at + length));
    at += length;
  }
  skipMissing();
  return at === count ? offsets : undefined;
}

/** For each unit of the spelling (byte or code point) the UTF-16 unit at which its character begins. */
function unitStarts(text: string, spelling: TokenSpelling): Int32Array {
  const units: number[] = [];
  let at = 0;
  for (const character of text) {
    const repeats = spelling === 'bytes' ? utf8Length(character.codePointAt(0)!) : 1;
    for (let i = 0; i < repeats; i++) units.push(at);
    at += character.length;
  }
  return Int32Array.from(units);
}

function utf8Length(codePoint: number): number {
  if (codePoint < 0x80) return 1;
  if (codePoint < 0x800) return 2;
  return codePoint < 0x10000 ? 3 : 4;
}

/** Leaves white space out at both ends of a range, as `trim_offsets` asks; a range of white space alone becomes empty. */
export function trimOffset(text: string, [start, end]: TokenOffset): TokenOffset {
  const part = text.slice(start, end);
  const head = part.length - part.trimStart().length;
  const tail = part.length - part.trimEnd().length;
  return head === part.length ? [end, end] : [start + head, end - tail];
}
