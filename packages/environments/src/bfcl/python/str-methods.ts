import { asIndex, takeBetween, takeNamed, takeNone, takeOne } from './builtin-arguments.js';
import type { Arguments } from './callable.js';
import { isDigits, joinTexts, linesWithEnds, PYTHON_SPACE, splitLines, zeroFill } from './text.js';
import {
  codePointLength,
  iterate,
  PyBytes,
  PyDict,
  PyTuple,
  PythonError,
  type PyValue,
  typeError,
  typeName,
} from './value.js';

/** Longest text that a method makes. */
const MAX_LENGTH = 500_000;

type StrMethod = (text: string, args: Arguments) => PyValue;

/** Methods of `str`; `format` and `format_map` are apart, since they reach into attributes. */
export const strMethods: ReadonlyMap<string, StrMethod> = new Map<string, StrMethod>([
  ['capitalize', plain('capitalize', (text) => capitalize(text))],
  ['casefold', plain('casefold', (text) => text.toLowerCase().replaceAll('ß', 'ss'))],
  ['center', aligned('center')],
  ['count', (text, args) => search('count', text, args, countOf)],
  ['encode', encode],
  ['endswith', (text, args) => hasAffix('endswith', text, args)],
  ['expandtabs', expandTabs],
  ['find', (text, args) => search('find', text, args, (part, wanted) => part.indexOf(wanted))],
  ['index', (text, args) => found(search('index', text, args, (part, wanted) => part.indexOf(wanted)))],
  ['isalnum', every('isalnum', /^[\p{L}\p{N}]+$/u)],
  ['isalpha', every('isalpha', /^\p{L}+$/u)],
  // biome-ignore lint/suspicious/noControlCharactersInRegex: ASCII is NUL to DEL
  ['isascii', every('isascii', /^[\0-\x7f]*$/)],
  ['isdecimal', every('isdecimal', /^\p{Nd}+$/u)],
  ['isdigit', plain('isdigit', (text) => isDigits(text))],
  ['isidentifier', every('isidentifier', /^[\p{L}\p{Nl}_][\p{L}\p{Nl}\p{Mn}\p{Mc}\p{Nd}\p{Pc}]*$/u)],
  ['islower', plain('islower', (text) => /\p{Lowercase}/u.test(text) && !/[\p{Uppercase}\p{Lt}]/u.test(text))],
  ['isnumeric', every('isnumeric', /^\p{N}+$/u)],
  ['isprintable', every('isprintable', /^(?:[^\p{C}\p{Zl}\p{Zp}\p{Zs}]| )*$/u)],
  ['isspace', every('isspace', new RegExp(`^[${PYTHON_SPACE}]+$`))],
  ['istitle', plain('istitle', (text) => /\p{Cased}/u.test(text) && titleCase(text) === text)],
  ['isupper', plain('isupper', (text) => /[\p{Uppercase}]/u.test(text) && !/[\p{Lowercase}\p{Lt}]/u.test(text))],
  ['join', (text, args) => bounded(joinTexts(text, joinable(takeOne('str.join', args))))],
  ['ljust', aligned('ljust')],
  ['lower', plain('lower', (text) => text.toLowerCase())],
  ['lstrip', stripper('lstrip', true, false)],
  ['partition', (text, args) => partition(text, takeOne('str.partition', args), false)],
  ['removeprefix', (text, args) => removeAffix('removeprefix', text, takeOne('str.removeprefix', args))],
  ['removesuffix', (text, args) => removeAffix('removesuffix', text, takeOne('str.removesuffix', args))],
  ['replace', replace],
  ['rfind', (text, args) => search('rfind', text, args, (part, wanted) => part.lastIndexOf(wanted))],
  ['rindex', (text, args) => found(search('rindex', text, args, (part, wanted) => part.lastIndexOf(wanted)))],
  ['rjust', aligned('rjust')],
  ['rpartition', (text, args) => partition(text, takeOne('str.rpartition', args), true)],
  ['rsplit', (text, args) => split('rsplit', text, args)],
  ['rstrip', stripper('rstrip', false, true)],
  ['split', (text, args) => split('split', text, args)],
  ['splitlines', splitLinesMethod],
  ['startswith', (text, args) => hasAffix('startswith', text, args)],
  ['strip', stripper('strip', true, true)],
  ['swapcase', plain('swapcase', (text) => swapCase(text))],
  ['title', plain('title', (text) => titleCase(text))],
  ['translate', (text, args) => translate(text, takeOne('str.translate', args))],
  ['upper', plain('upper', (text) => text.toUpperCase())],
  ['zfill', (text, args) => bounded(zeroFill(text, boundedWidth(takeOne('str.zfill', args))))],
]);

function plain(name: string, run: (text: string) => PyValue): StrMethod {
  return (text, args) => {
    takeNone(`str.${name}`, args);
    return run(text);
  };
}

function every(name: string, pattern: RegExp): StrMethod {
  return plain(name, (text) => pattern.test(text));
}

function bounded(text: string): string {
  if (text.length > MAX_LENGTH) throw new PythonError('MemoryError', '');
  return text;
}

function boundedWidth(value: PyValue): number {
  const width = asIndex(value);
  if (width > MAX_LENGTH) throw new PythonError('MemoryError', '');
  return width;
}

function joinable(value: PyValue): PyValue[] {
  try {
    return iterate(value);
  } catch {
    throw typeError('can only join an iterable');
  }
}

function capitalize(text: string): string {
  const first = Array.from(text)[0] ?? '';
  return titleLetter(first) + text.slice(first.length).toLowerCase();
}

/** Title case of one character: the digraphs have one of their own. */
function titleLetter(letter: string): string {
  const upper = letter.toUpperCase();
  return upper.length > letter.length ? upper[0] + upper.slice(1).toLowerCase() : upper;
}

function titleCase(text: string): string {
  let isAfterCased = false;
  let title = '';
  for (const letter of text) {
    title += isAfterCased ? letter.toLowerCase() : titleLetter(letter);
    isAfterCased = /\p{Cased}/u.test(letter);
  }
  return title;
}

function swapCase(text: string): string {
  let swapped = '';
  for (const letter of text) {
    swapped += /\p{Uppercase}/u.test(letter) ? letter.toLowerCase() : letter.toUpperCase();
  }
  return swapped;
}

function aligned(name: 'center' | 'ljust' | 'rjust'): StrMethod {
  return (text, args) => {
    const [width = 0n, fill = ' '] = takeBetween(`str.${name}`, 1, 2, args);
    const size = boundedWidth(width);
    if (typeof fill !== 'string') {
      throw typeError(`The fill character must be a unicode character, not ${typeName(fill)}`);
    }
    if (codePointLength(fill) !== 1) throw typeError('The fill character must be exactly one character long');
    const missing = Math.max(0, size - codePointLength(text));
    if (name === 'ljust') return text + fill.repeat(missing);
    if (name === 'rjust') return fill.repeat(missing) + text;
    // CPython puts the odd one to the left where the width is odd too.
    const left = Math.floor(missing / 2) + (missing & size & 1);
    return fill.repeat(left) + text + fill.repeat(missing - left);
  };
}

/** The part of the text that `start` and `end` leave, and where it begins; null where they leave nothing at all. */
function range(text: string, start: PyValue, end: PyValue): { characters: string[]; from: number; to: number } {
  const characters = Array.from(text);
  const bound = (value: PyValue, missing: number): number => {
    if (value === null) return missing;
    if (typeof value !== 'bigint' && typeof value !== 'boolean') {
      throw typeError('slice indices must be integers or None or have an __index__ method');
    }
    const index = asIndex(value);
    return index < 0 ? Math.max(0, index + characters.length) : index;
  };
  const from = bound(start, 0);
  return { characters, from, to: Math.min(bound(end, characters.length), characters.length) };
}

function atMostThree(name: string, { positional, keywords }: Arguments): readonly PyValue[] {
  if (keywords.length > 0) throw typeError(`str.${name}() takes no keyword arguments`);
  if (positional.length < 1) throw typeError(`${name}() takes at least 1 argument (0 given)`);
  if (positional.length > 3) throw typeError(`${name}() takes at most 3 arguments (${positional.length} given)`);
  return positional;
}

/** `find` and its kin; `look` works on the part in UTF-16 units, the result counts code points of the whole. */
function search(name: string, text: string, args: Arguments, look: (part: string, wanted: string) => number): bigint {
  const [wanted = '', start = null, end = null] = atMostThree(name, args);
  const { characters, from, to } = range(text, start, end);
  if (typeof wanted !== 'string') throw typeError(`must be str, not ${typeName(wanted)}`);
  if (from > to) return name === 'count' ? 0n : -1n;
  const part = characters.slice(from, to).join('');
  const result = look(part, wanted);
  if (name === 'count' || result < 0) return BigInt(result);
  return BigInt(from + codePointLength(part.slice(0, result)));
}

function countOf(part: string, wanted: string): number {
  return wanted === '' ? codePointLength(part) + 1 : part.split(wanted).length - 1;
}

function found(index: bigint): bigint {
  if (index < 0n) throw new PythonError('ValueError', 'substring not found');
  return index;
}

function hasAffix(name: 'startswith' | 'endswith', text: string, args: Arguments): boolean {
  const [affix = '', start = null, end = null] = atMostThree(name, args);
  const { characters, from, to } = range(text, start, end);
  const part = characters.slice(from, to).join('');
  const has = (candidate: string) =>
    from <= to && (name === 'startswith' ? part.startsWith(candidate) : part.endsWith(candidate));
  if (typeof affix === 'string') return has(affix);
  if (!(affix instanceof PyTuple)) {
    throw typeError(`${name} first arg must be str or a tuple of str, not ${typeName(affix)}`);
  }
  return affix.items.some((item) => {
    if (typeof item === 'string') return has(item);
    throw typeError(`tuple for ${name} must only contain str, not ${typeName(item)}`);
  });
}

function removeAffix(name: 'removeprefix' | 'removesuffix', text: string, affix: PyValue): string {
  if (typeof affix !== 'string') throw typeError(`${name}() argument must be str, not ${typeName(affix)}`);
  if (affix === '') return text;
  if (name === 'removeprefix') return text.startsWith(affix) ? text.slice(affix.length) : text;
  return text.endsWith(affix) ? text.slice(0, -affix.length) : text;
}

function stripper(name: string, isLeft: boolean, isRight: boolean): StrMethod {
  const space = new RegExp(`[${PYTHON_SPACE}]`);
  return (text, args) => {
    const [characters = null] = takeBetween(`str.${name}`, 0, 1, args);
    if (characters !== null && typeof characters !== 'string') throw typeError(`${name} arg must be None or str`);
    const stripped = characters === null ? undefined : new Set(characters);
    const isStripped = (letter: string) => (stripped === undefined ? space.test(letter) : stripped.has(letter));
    const letters = Array.from(text);
    let start = 0;
    let end = letters.length;
    while (isLeft && start < end && isStripped(letters[start] as string)) start++;
    while (isRight && end > start && isStripped(letters[end - 1] as string)) end--;
    return letters.slice(start, end).join('');
  };
}

function partition(text: string, separator: PyValue, isLast: boolean): PyTuple {
  if (typeof separator !== 'string') throw typeError(`must be str, not ${typeName(separator)}`);
  if (separator === '') throw new PythonError('ValueError', 'empty separator');
  const index = isLast ? text.lastIndexOf(separator) : text.indexOf(separator);
  if (index < 0) return new PyTuple(isLast ? ['', '', text] : [text, '', '']);
  return new PyTuple([text.slice(0, index), separator, text.slice(index + separator.length)]);
}

function replace(text: string, args: Arguments): string {
  const [old = '', next = '', count = -1n] = takeBetween('str.replace', 2, 3, args);
  for (const [index, value] of [old, next].entries()) {
    if (typeof value !== 'string')
      throw typeError(`replace() argument ${index + 1} must be str, not ${typeName(value)}`);
  }
  const limit = asIndex(count);
  const pieces = pieceBetween(text, old as string, limit < 0 ? Number.POSITIVE_INFINITY : limit);
  const length = pieces.reduce((sum, piece) => sum + piece.length, 0) + (pieces.length - 1) * (next as string).length;
  if (length > MAX_LENGTH) throw new PythonError('MemoryError', '');
  return pieces.join(next as string);
}

/** The text cut at the first `limit` places where `separator` stands; an empty one stands around every character. */
function pieceBetween(text: string, separator: string, limit: number): string[] {
  const all = separator === '' ? ['', ...Array.from(text), ''] : text.split(separator);
  if (all.length - 1 <= limit) return all;
  return [...all.slice(0, limit), all.slice(limit).join(separator)];
}

function split(name: 'split' | 'rsplit', text: string, args: Arguments): string[] {
  const [separator = null, limitValue = -1n] = takeNamed(name, ['sep', 'maxsplit'], 2, args);
  const limit = asIndex(limitValue);
  if (separator !== null && typeof separator !== 'string') {
    throw typeError(`must be str or None, not ${typeName(separator)}`);
  }
  if (separator === '') throw new PythonError('ValueError', 'empty separator');
  const most = limit < 0 ? Number.POSITIVE_INFINITY : limit;
  if (separator === null) return splitAtSpaces(text, most, name === 'rsplit');
  const pieces = text.split(separator);
  if (pieces.length - 1 <= most) return pieces;
  if (name === 'split') return [...pieces.slice(0, most), pieces.slice(most).join(separator)];
  const head = pieces.length - most;
  return [pieces.slice(0, head).join(separator), ...pieces.slice(head)];
}

function splitAtSpaces(text: string, most: number, isFromRight: boolean): string[] {
  const words = Array.from(text.matchAll(new RegExp(`[^${PYTHON_SPACE}]+`, 'g')));
  const texts = words.map((word) => word[0]);
  if (texts.length <= most) return texts;
  if (!isFromRight) {
    const rest = text.slice(words[most]?.index ?? 0);
    return [...texts.slice(0, most), rest.replace(new RegExp(`[${PYTHON_SPACE}]+$`), '')];
  }
  const last = words[words.length - most - 1] as RegExpExecArray;
  const head = text.slice(0, last.index + last[0].length).replace(new RegExp(`^[${PYTHON_SPACE}]+`), '');
  return [head, ...(most === 0 ? [] : texts.slice(-most))];
}

function splitLinesMethod(text: string, args: Arguments): string[] {
  const [keepEnds = false] = takeNamed('splitlines', ['keepends'], 1, args);
  return asIndex(keepEnds) === 0 ? splitLines(text) : linesWithEnds(text);
}

function expandTabs(text: string, args: Arguments): string {
  const [size = 8n] = takeNamed('expandtabs', ['tabsize'], 1, args);
  const stop = asIndex(size);
  let column = 0;
  let expanded = '';
  for (const letter of text) {
    if (letter === '\t') {
      const gap = stop > 0 ? stop - (column % stop) : 0;
      column += gap;
      if (expanded.length + gap > MAX_LENGTH) throw new PythonError('MemoryError', '');
      expanded += ' '.repeat(gap);
      continue;
    }
    column = letter === '\n' || letter === '\r' ? 0 : column + 1;
    expanded += letter;
  }
  return expanded;
}

function translate(text: string, table: PyValue): string {
  if (!(table instanceof PyDict)) throw typeError(`'${typeName(table)}' object is not subscriptable`);
  let translated = '';
  for (const letter of text) {
    const value = table.get(BigInt(letter.codePointAt(0) as number));
    if (value === undefined) translated += letter;
    else if (typeof value === 'string') translated += value;
    else if (typeof value === 'bigint') translated += String.fromCodePoint(Number(value));
    else if (value !== null) throw typeError('character mapping must return integer, None or str');
  }
  return bounded(translated);
}

function encode(text: string, args: Arguments): PyBytes {
  const [encoding = 'utf-8'] = takeNamed('encode', ['encoding', 'errors'], 2, args);
  const name = typeof encoding === 'string' ? encoding.toLowerCase().replaceAll('_', '-') : '';
  if (name === 'utf-8' || name === 'utf8') return new PyBytes(Buffer.from(text, 'utf8').toString('latin1'));
  // biome-ignore lint/suspicious/noControlCharactersInRegex: ASCII is NUL to DEL
  if (name === 'ascii' && /^[\0-\x7f]*$/.test(text)) return new PyBytes(text);
  throw new PythonError(
    'LookupError',
    `unknown encoding: ${typeof encoding === 'string' ? encoding : typeName(encoding)}`,
  );
}
