import { renderCallText } from '@parl-mt/chat';
import type { Message } from '@parl-mt/schema';

/**
 * Pieces of an awareness text that claim a fact: quoted strings, numbers, paths and file names, tags, ids, names with a
 * capital letter inside a sentence; and, in items, every word after the first. An item stands between `;` or line ends and
 * starts with a function, with `in`, or with a word that `:` or `=` joins to a value: `in:docs`, `wc:plan.txt:l=3`,
 * `next wc plan.txt`.
 *
 * @param text - summary or plan.
 * @param toolNames - functions on offer; they are words of the format, not literals.
 * @returns distinct literals in order of appearance.
 */
export function extractLiterals(text: string, toolNames: ReadonlySet<string>): string[] {
  const literals = new Set<string>();
  for (const part of text.split(/[;\n]/)) {
    const unquoted = part.replace(QUOTED, (_, __, inner: string) => {
      literals.add(inner);
      return ' ';
    });
    const [opening = '', head = '', joint] = unquoted.match(ITEM_OPENING) ?? [];
    const isItem = joint !== undefined || head === 'in' || toolNames.has(trimPunctuation(head));
    const facts = isItem
      ? [
          ...words([head]).filter((word) => isFactual(word, 0)),
          ...words(unquoted.slice(opening.length).split(/[\s:=]+/)),
        ]
      : words(unquoted.split(/\s+/).flatMap(splitJoined)).filter(isFactual);
    for (const fact of facts) {
      if (!toolNames.has(fact)) {
        literals.add(fact);
      }
    }
  }
  return [...literals];
}

/** First word of an item, after words that may stand before it; then the sign that joins it to a value, if one does. */
const ITEM_OPENING = /^\s*(?:(?:next|then|done)\s+)*([^\s:=]+)([:=](?=\S))?/;
const QUOTED = /(['"`])((?:(?!\1).)+)\1(?!\w)/g;

/** `id:731` claims 731; a time such as `12:30` is a claim of its own, beyond its two numbers. */
function splitJoined(word: string): string[] {
  return [...word.split(/[:=](?=\S)/), ...(word.match(/\d+(?::\d+)+/g) ?? [])];
}

function words(pieces: readonly string[]): string[] {
  return pieces.map(trimPunctuation).filter((word) => word !== '');
}

function trimPunctuation(word: string): string {
  return word.replace(/^[([{,:]+/, '').replace(/[)\]},.:!?]+$/, '');
}

function isFactual(word: string, index: number): boolean {
  return (
    /\d/.test(word) || // numbers and ids
    /^[#@]\w/.test(word) ||
    /\w[./_]\w|^\/|\/$/.test(word) || // paths, file names, snake_case ids
    (index > 0 && /^\p{Lu}\p{L}+$/u.test(word)) // names; the first word of a sentence is capitalised anyway
  );
}

/** All text of a conversation in which literals may occur, JSON strings also unescaped. */
export function searchableText(messages: readonly Message[]): string {
  return messages.flatMap(messageTexts).join('\n');
}

/** User messages, calls, results and final messages; awareness is no evidence, for it may be wrong. */
function messageTexts(message: Message): string[] {
  const calls = (message.toolCalls ?? []).flatMap((call) => [renderCallText(call), ...jsonStrings(call.arguments)]);
  return [message.content, ...(message.role === 'tool' ? jsonStrings(message.content) : []), ...calls];
}

/** Strings inside JSON text, keys included; none if it is not JSON. */
export function jsonStrings(text: string): string[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return [];
  }
  const strings: string[] = [];
  const pending = [value];
  while (pending.length > 0) {
    const next = pending.pop();
    if (typeof next === 'string') {
      strings.push(next);
    } else if (Array.isArray(next)) {
      pending.push(...(next as unknown[]));
    } else if (typeof next === 'object' && next !== null) {
      pending.push(...Object.keys(next), ...Object.values(next));
    }
  }
  return strings;
}

/**
 * Whether the literal stands in the text as a whole: `4.5` is not found in `14.52`, nor `3` in `3.5`.
 * A path is also found when each of its names is: after `cd docs` and `cd old` one is in `docs/old`.
 */
export function occursIn(literal: string, text: string): boolean {
  if (occursWhole(literal, text)) {
    return true;
  }
  const names = literal.split('/').filter((name) => name !== '');
  return literal.includes('/') && names.every((name) => occursWhole(name, text));
}

function occursWhole(literal: string, text: string): boolean {
  for (let at = text.indexOf(literal); at !== -1; at = text.indexOf(literal, at + 1)) {
    const before = text.slice(Math.max(0, at - 2), at);
    const after = text.slice(at + literal.length, at + literal.length + 2);
    if (!joinsBefore(before, literal) && !joinsAfter(after, literal)) {
      return true;
    }
  }
  return literal === '';
}

function joinsBefore(before: string, literal: string): boolean {
  const isWord = /^[\p{L}\p{N}_]/u.test(literal);
  return (
    isWord &&
    (/[\p{L}\p{N}_]$/u.test(before) || (/^\d/.test(literal) && /\d\.$|-$/.test(before) && !/\s-$/.test(before)))
  );
}

function joinsAfter(after: string, literal: string): boolean {
  const isWord = /[\p{L}\p{N}_]$/u.test(literal);
  return isWord && (/^[\p{L}\p{N}_]/u.test(after) || (/\d$/.test(literal) && /^\.\d/.test(after)));
}
