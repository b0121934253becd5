import { Dict, Tuple, type Value } from './jinja/value.js';

export interface MarkedTexts {
  readonly variables: Map<string, Value>;
  /** The text as it reads, of the same length. */
  readonly plain: (text: string) => string;
  /** Where marked characters stand: [start, end) in UTF-16 units. */
  readonly spansOf: (text: string) => [number, number][];
}

const PRIVATE_USE_START = 0xe000;
const PRIVATE_USE_END = 0xf900;

/**
 * Tells control tokens inside data apart from those that a template writes: each of their characters is replaced by a
 * character of its own from the private-use area, one UTF-16 unit for one, so that no length changes. Keys stay as they are.
 */
export function markControlTexts(variables: ReadonlyMap<string, Value>, controlTokens: readonly string[]): MarkedTexts {
  const tokens = controlTokens.filter((token) => token !== '').sort((a, b) => b.length - a.length);
  const pattern = new RegExp(tokens.map(escapePattern).join('|') || '(?!)', 'g');
  const isTouched =
    tokens.length > 0 && [...variables.values()].some((value) => someText(value, (text) => has(pattern, text)));
  if (!isTouched) {
    return { variables: new Map(variables), plain: (text) => text, spansOf: () => [] };
  }
  const taken = new Set<string>();
  for (const value of variables.values()) {
    someText(value, (text) => {
      for (const [unit] of text.matchAll(/[\ue000-\uf8ff]/g)) taken.add(unit);
      return false;
    });
  }
  const toMarked = new Map<string, string>();
  const toPlain = new Map<string, string>();
  let next = PRIVATE_USE_START;
  for (const unit of tokens.join('')) {
    for (const half of unit.split('')) {
      if (toMarked.has(half)) continue;
      while (taken.has(String.fromCharCode(next))) next += 1;
      if (next >= PRIVATE_USE_END) throw new RangeError('expected a private-use character that the data does not use');
      const marked = String.fromCharCode(next++);
      toMarked.set(half, marked);
      toPlain.set(marked, half);
    }
  }
  const marked = new RegExp(`[${[...toPlain.keys()].join('')}]+`, 'g');
  const swap = (text: string, table: ReadonlyMap<string, string>): string =>
    text
      .split('')
      .map((unit) => table.get(unit) ?? unit)
      .join('');
  const mark = (text: string): string => text.replace(pattern, (token) => swap(token, toMarked));
  const plain = (text: string): string => text.replace(marked, (part) => swap(part, toPlain));
  return {
    variables: new Map([...variables].map(([name, value]) => [name, mapTexts(value, mark)])),
    plain,
    spansOf: (text) =>
      Array.from(text.matchAll(marked)).flatMap(({ 0: run, index }) => splitRun(plain(run), pattern, index)),
  };
}

/** One span a token, and one for each rest of a token that a template cut. */
function splitRun(run: string, pattern: RegExp, at: number): [number, number][] {
  const spans: [number, number][] = [];
  let from = 0;
  for (const match of run.matchAll(pattern)) {
    if (match.index > from) spans.push([at + from, at + match.index]);
    from = match.index + match[0].length;
    spans.push([at + match.index, at + from]);
  }
  if (from < run.length) spans.push([at + from, at + run.length]);
  return spans;
}

function has(pattern: RegExp, text: string): boolean {
  pattern.lastIndex = 0;
  return pattern.test(text);
}

function escapePattern(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');
}

function someText(value: Value, holds: (text: string) => boolean): boolean {
  if (typeof value === 'string') return holds(value);
  if (Array.isArray(value)) return value.some((item) => someText(item, holds));
  if (value instanceof Tuple) return value.items.some((item) => someText(item, holds));
  return value instanceof Dict && value.values().some((item) => someText(item, holds));
}

function mapTexts(value: Value, map: (text: string) => string): Value {
  if (typeof value === 'string') return map(value);
  if (Array.isArray(value)) return value.map((item: Value) => mapTexts(item, map));
  if (value instanceof Tuple) return new Tuple(value.items.map((item) => mapTexts(item, map)));
  if (!(value instanceof Dict)) return value;
  return new Dict(Array.from(value.entries(), ([key, entry]) => [key, mapTexts(entry, map)] as const));
}
