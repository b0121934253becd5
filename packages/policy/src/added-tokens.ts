/** A token that is found in text as a whole, before anything else happens to the text. */
export interface AddedToken {
  readonly id: number;
  readonly content: string;
  /** Whether `skipSpecialTokens` leaves it out when decoding. */
  readonly special: boolean;
  /** Found only where no letter, digit or underscore touches it. */
  readonly singleWord: boolean;
  /** Takes in the white space before it. */
  readonly lstrip: boolean;
  /** Takes in the white space behind it. */
  readonly rstrip: boolean;
  /** Looked for in normalised text. */
  readonly normalized: boolean;
}

/** Reads one of `added_tokens` in `tokenizer.json`, or of `added_tokens_decoder` in `tokenizer_config.json`. */
export function readAddedToken(json: unknown, id?: number): AddedToken | undefined {
  if (typeof json !== 'object' || json === null) return undefined;
  const fields = json as Readonly<Record<string, unknown>>;
  const { content } = fields;
  const number = id ?? fields['id'];
  if (typeof content !== 'string' || content === '' || typeof number !== 'number') return undefined;
  if (!Number.isInteger(number) || number < 0) return undefined;
  return {
    id: number,
    content,
    special: fields['special'] === true,
    singleWord: fields['single_word'] === true,
    lstrip: fields['lstrip'] === true,
    rstrip: fields['rstrip'] === true,
    normalized: fields['normalized'] === true,
  };
}

/** A stretch of text: an added token, or what lies between two. Offsets in UTF-16 units. */
export interface TextPart {
  readonly start: number;
  readonly end: number;
  readonly token: AddedToken | undefined;
}

/** Finds added tokens: the leftmost, and of those that begin there the longest. */
export class AddedTokenSplitter {
  readonly #pattern: RegExp | undefined;
  readonly #tokens: ReadonlyMap<string, AddedToken>;

  /** @param tokens - by the text to look for. */
  constructor(tokens: ReadonlyMap<string, AddedToken>) {
    this.#tokens = tokens;
    const longestFirst = [...tokens.keys()].sort((a, b) => b.length - a.length);
    const source = longestFirst.map((text) => text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&')).join('|');
    this.#pattern = longestFirst.length === 0 ? undefined : new RegExp(source, 'g');
  }

  split(text: string): TextPart[] {
    const parts: TextPart[] = [];
    let from = 0;
    if (this.#pattern !== undefined) {
      for (const match of text.matchAll(this.#pattern)) {
        const token = this.#tokens.get(match[0])!;
        let start = match.index;
        let end = start + match[0].length;
        if (start < from) continue;
        if (token.singleWord && (isWordAt(text, start, -1) || isWordAt(text, end, 1))) continue;
        if (token.lstrip) start = Math.max(from, text.slice(0, start).trimEnd().length);
        if (token.rstrip) end = text.length - text.slice(end).trimStart().length;
        if (start > from) parts.push({ start: from, end: start, token: undefined });
        parts.push({ start, end, token });
        from = end;
      }
    }
    if (from < text.length) parts.push({ start: from, end: text.length, token: undefined });
    return parts;
  }
}

function isWordAt(text: string, position: number, side: -1 | 1): boolean {
  const around = side < 0 ? text.slice(Math.max(0, position - 2), position) : text.slice(position, position + 2);
  return side < 0 ? /[\p{L}\p{N}_]$/u.test(around) : /^[\p{L}\p{N}_]/u.test(around);
}
