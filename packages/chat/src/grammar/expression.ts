/**
 * What a text may be, as an expression over its UTF-8 bytes. Special tokens of a tokenizer are letters of their own: no text spells
 * one, only `specialToken` does.
 */
export type Expression =
  | { readonly kind: 'bytes'; readonly first: number; readonly last: number }
  | { readonly kind: 'special'; readonly token: string }
  | { readonly kind: 'sequence'; readonly items: readonly Expression[] }
  | { readonly kind: 'choice'; readonly items: readonly Expression[] }
  /** At least `min` times, at most `max` times; without `max` any number. */
  | { readonly kind: 'repeat'; readonly item: Expression; readonly min: number; readonly max: number | undefined }
  | { readonly kind: 'rule'; readonly rule: Rule };

/** An expression with a name, which others (and itself, behind a byte) may call: compiled once. */
export interface Rule {
  readonly name: string;
  /** Asked for once, when the grammar is compiled. */
  readonly expression: () => Expression;
}

export const nothing: Expression = { kind: 'sequence', items: [] };

export function bytes(first: number, last = first): Expression {
  return { kind: 'bytes', first, last };
}

/** A text, spelled in ordinary tokens. */
export function literal(content: string): Expression {
  return { kind: 'sequence', items: [...new TextEncoder().encode(content)].map((byte) => bytes(byte)) };
}

/** One atomic token of the tokenizer. */
export function specialToken(token: string): Expression {
  return { kind: 'special', token };
}

export function sequence(...items: readonly Expression[]): Expression {
  return { kind: 'sequence', items };
}

/** @param items - at least one. */
export function choice(...items: readonly Expression[]): Expression {
  return items.length === 1 ? items[0]! : { kind: 'choice', items };
}

export function repeat(item: Expression, min: number, max?: number): Expression {
  return { kind: 'repeat', item, min, max };
}

export function optional(item: Expression): Expression {
  return repeat(item, 0, 1);
}

/** Items with something between each two. */
export function separated(item: Expression, separator: Expression, min: number, max?: number): Expression {
  if (max === 0) return nothing;
  const rest = repeat(sequence(separator, item), Math.max(0, min - 1), max === undefined ? undefined : max - 1);
  return min === 0 ? optional(sequence(item, rest)) : sequence(item, rest);
}

export function rule(name: string, expression: () => Expression): Expression {
  return { kind: 'rule', rule: { name, expression } };
}

const continuation = bytes(0x80, 0xbf);

/** Code points of two, three and four bytes that are characters: no surrogates, no longer spellings than needed. */
const twoBytes = sequence(bytes(0xc2, 0xdf), continuation);
const threeBytes = choice(
  sequence(bytes(0xe0), bytes(0xa0, 0xbf), continuation),
  sequence(bytes(0xe1, 0xec), continuation, continuation),
  sequence(bytes(0xed), bytes(0x80, 0x9f), continuation),
  sequence(bytes(0xee, 0xef), continuation, continuation),
);
const fourBytes = choice(
  sequence(bytes(0xf0), bytes(0x90, 0xbf), continuation, continuation),
  sequence(bytes(0xf1, 0xf3), continuation, continuation, continuation),
  sequence(bytes(0xf4), bytes(0x80, 0x8f), continuation, continuation),
);

/** Any character beyond ASCII, in UTF-8. */
export const beyondAscii: Expression = rule('beyond ASCII', () => choice(twoBytes, threeBytes, fourBytes));

/** ASCII characters of the ranges of `from`..`to`, without those of `except`. */
export function asciiExcept(except: string, from = 0x20, to = 0x7f): Expression {
  const left: Expression[] = [];
  let first = from;
  for (const code of [...except].map((character) => character.charCodeAt(0)).sort((a, b) => a - b)) {
    if (code < from || code > to) continue;
    if (code > first) left.push(bytes(first, code - 1));
    first = code + 1;
  }
  if (first <= to) left.push(bytes(first, to));
  return choice(...left);
}

/**
 * A text of at most `max` UTF-16 units that begins with a visible character. A character of four bytes counts two.
 */
export function boundedText(max: number): Expression {
  const visible = choice(bytes(0x21, 0x7e), sequence(bytes(0xc3, 0xdf), continuation));
  const small = choice(bytes(0x09, 0x0a), bytes(0x20, 0x7f), twoBytes, threeBytes);
  // From the end: what may follow when `left` units are left. Shared, so the automaton has a state for each count.
  const behind: Expression[] = [nothing];
  for (let left = 1; left < max; left++) {
    const afterSmall = behind[left - 1]!;
    const afterLarge = behind[left - 2];
    const next = choice(
      nothing,
      sequence(small, afterSmall),
      ...(afterLarge === undefined ? [] : [sequence(fourBytes, afterLarge)]),
    );
    behind.push(rule(`${left} characters`, () => next));
  }
  return sequence(visible, behind[max - 1]!);
}
