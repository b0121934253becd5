/** Tokens that are atomic in the tokenizer and mark the parts of a conversation. Order is their order in the vocabulary. */
export const SPECIAL_TOKENS = [
  '<|pad|>',
  '<|system|>',
  '<|user|>',
  '<|assistant|>',
  '<|tool|>',
  '<|end|>',
  '<summary>',
  '</summary>',
  '<think>',
  '</think>',
  '<tool_call>',
  '</tool_call>',
] as const;
export type SpecialToken = (typeof SPECIAL_TOKENS)[number];

/**
 * A piece of a prompt or completion.
 *
 * `special` is one atomic token. `text` is encoded as ordinary text: a `<|end|>` inside it is eight characters and never
 * the token, so that no user message or tool result can forge a message boundary. `tokens` are ids kept as generated.
 * `trained`: the loss applies; absent means that it does not.
 */
export type Segment =
  | { readonly kind: 'special'; readonly token: SpecialToken; readonly trained?: boolean }
  | { readonly kind: 'text'; readonly text: string; readonly trained?: boolean }
  | { readonly kind: 'tokens'; readonly ids: readonly number[]; readonly trained?: boolean };

/** An untrained special token. */
export function special(token: SpecialToken): Segment {
  return { kind: 'special', token };
}

/** Untrained text. */
export function text(content: string): Segment {
  return { kind: 'text', text: content };
}

/** The same segments with the loss applied. */
export function trained(segments: readonly Segment[]): Segment[] {
  return segments.map((segment) => ({ ...segment, trained: true }));
}

const SPECIAL_PATTERN = new RegExp(
  `(${SPECIAL_TOKENS.map((token) => token.replace(/[|\\/]/g, (character) => `\\${character}`)).join('|')})`,
  'g',
);

/** Splits text in which special tokens are written literally. Only for text whose special tokens are to be trusted. */
export function splitSpecialTokens(literal: string): Segment[] {
  return literal
    .split(SPECIAL_PATTERN)
    .filter((piece) => piece !== '')
    .map((piece) => (isSpecialToken(piece) ? special(piece) : text(piece)));
}

/** The text of segments with special tokens written literally; token ids appear as `<12 ids>`. For people and logs. */
export function segmentsToText(segments: readonly Segment[]): string {
  return segments.map(segmentText).join('');
}

function segmentText(segment: Segment): string {
  switch (segment.kind) {
    case 'special':
      return segment.token;
    case 'text':
      return segment.text;
    case 'tokens':
      return `<${segment.ids.length} ids>`;
  }
}

function isSpecialToken(piece: string): piece is SpecialToken {
  return (SPECIAL_TOKENS as readonly string[]).includes(piece);
}
